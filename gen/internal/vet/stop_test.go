package vet

import (
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

// TestSubscriptions holds that the pass knows everything that subscribes, by
// name: whatever gives out a function without arguments is stopped by it. An API
// that comes later fails here until it is written down, and its result is called
// stop.
func TestSubscriptions(t *testing.T) {
	found := map[string]bool{}
	look := &analysis.Analyzer{Name: "look", Doc: "look at the imports", Run: func(pass *analysis.Pass) (any, error) {
		for _, p := range pass.Pkg.Imports() {
			for fn := range exported(p) {
				name := p.Name() + "." + fn.Name()
				if on := fn.Signature().Recv(); on != nil {
					name = p.Name() + "." + receiverName(on.Type()) + "." + fn.Name()
				}
				if subscribes(fn) {
					found[name] = true
				} else if gives(fn.Signature().Results()) {
					t.Errorf("%s gives a function that is not called stop", name)
				}
			}
		}
		return nil, nil
	}}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	analysistest.Run(t, root, look, "./gen/internal/vet/testdata/runtime")
	want := []string{
		"destam.Array.Watch", "destam.Lens.Effect", "destam.Lens.Follow", "destam.Lens.Watch", "destam.Lens.WatchCommit",
		"destam.Live.Watch", "destam.Map.Watch", "destam.OObject.Watch", "destam.ObjectArray.Watch", "destam.ObjectMap.Watch",
		"destam.OnCommit", "destam.lens.Watch", // of all lenses that lead to objects
		"observe.Cell.Follow", "observe.Cell.Watch", "observe.Effect", "observe.Lens.Follow", "observe.Lens.Watch", "observe.Source.Follow",
	}
	if d := cmp.Diff(want, slices.Sorted(maps.Keys(found))); d != "" {
		t.Errorf("what subscribes, want and got: %s", d)
	}
}

// exported gives the exported functions of a package, and the methods of its
// exported types, promoted ones where they are declared.
func exported(p *types.Package) func(func(*types.Func) bool) {
	return func(yield func(*types.Func) bool) {
		for _, name := range p.Scope().Names() {
			switch object := p.Scope().Lookup(name).(type) {
			case *types.Func:
				if object.Exported() && !yield(object) {
					return
				}
			case *types.TypeName:
				named, ok := types.Unalias(object.Type()).(*types.Named)
				if !ok {
					continue
				}
				for m := range named.Methods() {
					if m.Exported() && !yield(m) {
						return
					}
				}
				if i, ok := named.Underlying().(*types.Interface); ok {
					for m := range i.Methods() {
						if m.Exported() && !yield(m) {
							return
						}
					}
				}
			}
		}
	}
}

func receiverName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.Unalias(t).(*types.Named).Obj().Name()
}

// gives says whether there is a function without arguments among results.
func gives(results *types.Tuple) bool {
	for v := range results.Variables() {
		sig, ok := v.Type().Underlying().(*types.Signature)
		if ok && sig.Params().Len() == 0 && sig.Results().Len() == 0 {
			return true
		}
	}
	return false
}
