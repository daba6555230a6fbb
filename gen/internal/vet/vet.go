package vet

import (
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Analyzers gives all passes. judge is the generator, which this package cannot
// import.
func Analyzers(judge Judge) []*analysis.Analyzer {
	judged := judgedBy(judge)
	return []*analysis.Analyzer{tags(judged), stale(judged), stops, outer, queries}
}

// fromRuntime says whether an object is declared in the runtime that generated
// code calls, or in the package for lenses without documents beside it.
func fromRuntime(object types.Object) bool {
	return object != nil && object.Pkg() != nil && isRuntime(object.Pkg().Path())
}

func isRuntime(path string) bool {
	return path == schema.Runtime || path == strings.TrimSuffix(schema.Runtime, "destam")+"observe"
}

// written gives the files of a package that people write and that may have to do
// with documents: none if the package does not import the runtime, by itself or
// by way of the packages that have the documents.
func written(pass *analysis.Pass) []*ast.File {
	if !reachesRuntime(pass.Pkg) {
		return nil
	}
	var files []*ast.File
	for _, f := range pass.Files {
		if !ast.IsGenerated(f) {
			files = append(files, f)
		}
	}
	return files
}

// reachesRuntime looks at what a package imports and what these import: whoever
// names a handle imports the package that it is generated in, which imports the
// runtime. (A handle that comes out of a call of a third package need not be
// named; so three steps.)
func reachesRuntime(p *types.Package) bool {
	seen := map[*types.Package]bool{}
	var reaches func(p *types.Package, steps int) bool
	reaches = func(p *types.Package, steps int) bool {
		if isRuntime(p.Path()) {
			return true
		}
		if steps == 0 || seen[p] {
			return false
		}
		seen[p] = true
		for _, i := range p.Imports() {
			if reaches(i, steps-1) {
				return true
			}
		}
		return false
	}
	return reaches(p, 3)
}

// callee gives the function or method that a call calls, nil if that is not
// known.
func callee(pass *analysis.Pass, call *ast.CallExpr) *types.Func {
	return typeutil.StaticCallee(pass.TypesInfo, call)
}

// isLive says whether values of the type are parts of live documents: handles,
// views of arrays and maps, lenses.
func isLive(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	if object := named.Obj(); object.Pkg() != nil && object.Pkg().Path() == schema.Runtime {
		switch name := object.Name(); name {
		case "OObject", "ODocument", "Array", "ObjectArray", "Map", "ObjectMap":
			return true
		default:
			return strings.HasSuffix(name, "Lens")
		}
	}
	return embeds(named, "OObject") || embeds(named, "ODocument") || embeds(named, "ObjectLens")
}

// embeds says whether a struct embeds a type of the runtime.
func embeds(t *types.Named, name string) bool {
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for f := range s.Fields() {
		of, ok := types.Unalias(f.Type()).(*types.Named)
		if ok && f.Embedded() && of.Obj().Name() == name && fromRuntime(of.Obj()) {
			return true
		}
	}
	return false
}
