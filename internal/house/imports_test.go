package house

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layer says what a set of packages may import besides the standard library.
// Patterns are paths from the top of the module (own, blank) or module paths
// (foreign); "/..." at the end takes everything below in.
type layer struct {
	packages string
	own      []string // packages of this module
	blank    []string // packages of this module that may be imported as _ and must be
	foreign  []string // other people's modules
	tests    []string // packages of this module that only the tests may import
}

// Names of the modules that layers may use.
const (
	jennifer  = "github.com/dave/jennifer/..."
	xtools    = "golang.org/x/tools/..."
	analyzers = "golang.org/x/tools/go/analysis/..."
	typeutil  = "golang.org/x/tools/go/types/typeutil"
	xmod      = "golang.org/x/mod/..."
	xsys      = "golang.org/x/sys/..."
	msgpack   = "github.com/vmihailenco/msgpack/v5/..."
	mongo     = "go.mongodb.org/mongo-driver/v2/..."
	btree     = "github.com/tidwall/btree/..."
	gocmp     = "github.com/google/go-cmp/..."
	scripts   = "github.com/rogpeppe/go-internal/..."
)

// layers is the architecture. The first layer that a package belongs to
// counts; a package without one fails the test.
var layers = []layer{
	// The blank import makes a user's go mod tidy record what generated code
	// needs before there is any.
	{packages: "cmd/destamgen", own: []string{"gen"}, blank: []string{"runtime/destam"}, foreign: []string{analyzers}},
	{packages: "cmd/destam", own: []string{"runtime/destam", "runtime/driver", "drivers/..."}},

	{packages: "gen", own: []string{"gen/internal/..."}, foreign: []string{analyzers}},
	{packages: "gen/internal/load", own: []string{"gen/internal/..."}, foreign: []string{xtools, xmod}},
	{packages: "gen/internal/emit", own: []string{"gen/internal/..."}, foreign: []string{jennifer}},
	{packages: "gen/internal/vet", own: []string{"gen/internal/schema"}, foreign: []string{analyzers, typeutil}, tests: []string{"gen"}},
	{packages: "gen/internal/...", own: []string{"gen/internal/..."}},

	{packages: "runtime/destam", own: []string{"runtime/driver", "runtime/internal/..."}, foreign: []string{msgpack},
		tests: []string{"runtime/...", "drivers/...", "examples/orders", "examples/quickstart/notes"}},
	// Neither of runtime/observe and runtime/destam imports the other: lenses of
	// documents are sources by their methods alone.
	{packages: "runtime/observe", own: []string{"runtime/internal/lock"}, tests: []string{"runtime/destam", "examples/quickstart/notes"}},
	{packages: "runtime/driver", own: []string{"runtime/internal/wire"}, foreign: []string{msgpack}},
	{packages: "runtime/driver/drivertest", own: []string{"runtime/driver"}, foreign: []string{gocmp}},
	{packages: "runtime/internal/wire", foreign: []string{msgpack}},
	{packages: "runtime/internal/...", own: []string{"runtime/driver", "runtime/internal/..."}, foreign: []string{msgpack}},

	// The crash tests of typed documents need the disk in memory.
	{packages: "drivers/fs", own: []string{"runtime/driver", "drivers/fs/internal/..."}, foreign: []string{xsys, btree},
		tests: []string{"runtime/destam", "internal/acceptance"}},
	{packages: "drivers/fs/...", own: []string{"runtime/driver", "drivers/fs/internal/..."}, foreign: []string{xsys, btree}},
	{packages: "drivers/mongodb/...", own: []string{"runtime/driver", "drivers/mongodb/internal/..."}, foreign: []string{mongo},
		tests: []string{"runtime/destam", "internal/acceptance", "drivers/fs"}},
	{packages: "drivers/memory", own: []string{"runtime/driver"}, foreign: []string{btree}},
	{packages: "drivers/dummy", own: []string{"runtime/driver"}, foreign: []string{btree}},

	{packages: "examples/...", own: []string{"examples/...", "runtime/destam", "runtime/observe", "drivers/..."}},
	{packages: "internal/acceptance/versions/...", own: []string{"runtime/destam", "internal/acceptance/versions/..."},
		tests: []string{"gen", "runtime/...", "drivers/..."}},
	{packages: "internal/acceptance", own: []string{"runtime/destam"}, tests: []string{"runtime/...", "drivers/..."}},
	{packages: "internal/house"},
	{packages: "internal/leak"},
	{packages: "internal/elsewhere"},
	{packages: "internal/editing"},
}

// inTests is what the tests of every package may import: the suite of the
// drivers, memory, the driver that others are compared with, the look at what
// goroutines are left, a test's half in another process, and a recording of
// somebody who writes.
var inTests = layer{
	own:     []string{"runtime/driver", "runtime/driver/drivertest", "drivers/memory", "internal/leak", "internal/elsewhere", "internal/editing"},
	foreign: []string{gocmp, scripts, xmod},
}

// use is one import.
type use struct {
	from  string // importing package, from the top of the module
	path  string // as it is written
	test  bool
	blank bool
}

// layerOf finds the layer of a package.
func layerOf(pack string) (layer, bool) {
	i := slices.IndexFunc(layers, func(l layer) bool { return within(pack, l.packages) })
	if i < 0 {
		return layer{}, false
	}
	return layers[i], true
}

// forbidden says why an import is not allowed, or nothing.
func forbidden(u use) string {
	l, ok := layerOf(u.from)
	if !ok {
		return fmt.Sprintf("package %s belongs to no layer", u.from)
	}
	own, foreign := l.own, l.foreign
	if u.test {
		own = slices.Concat(own, inTests.own, l.tests)
		foreign = slices.Concat(foreign, inTests.foreign)
	}
	first, _, _ := strings.Cut(u.path, "/")
	target, ours := strings.CutPrefix(u.path, module+"/")
	switch {
	case !strings.Contains(first, "."):
		return ""
	case u.path == "C" || u.path == "unsafe":
		return ""
	case !ours:
		if anyWithin(u.path, foreign) {
			return ""
		}
		return fmt.Sprintf("%s may not import %s", u.from, u.path)
	case target == u.from, anyWithin(target, own), u.blank && anyWithin(target, l.blank):
		return ""
	}
	return fmt.Sprintf("%s may not import %s", u.from, target)
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		l, ok := layerOf(p.path)
		if !ok {
			t.Errorf("package %s belongs to no layer: add it to layers in this test", p.path)
			continue
		}
		blank := make(map[string]bool)
		for _, file := range p.files {
			for _, spec := range file.syntax.Imports {
				u := use{from: p.path, path: importPath(spec), test: file.test, blank: spec.Name != nil && spec.Name.Name == "_"}
				if u.blank && !u.test {
					blank[u.path] = true
				}
				if why := forbidden(u); why != "" {
					t.Errorf("%s: %s", fset.Position(spec.Pos()), why)
				}
			}
		}
		for _, target := range l.blank {
			if !blank[module+"/"+target] {
				t.Errorf("%s must import %s as _, or users' go.mod lacks what generated code needs", p.path, target)
			}
		}
	}
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic(err) // the parser has accepted the literal
	}
	return p
}

// TestForbidden holds the rules of docs/DESIGN.md against the table above: a
// row that allows too much fails here.
func TestForbidden(t *testing.T) {
	tests := []struct {
		from, path  string
		test, blank bool
		want        bool
	}{
		{from: "gen", path: "go/ast"},
		{from: "gen", path: "gen/internal/load"},
		{from: "cmd/destamgen", path: "gen"},
		{from: "cmd/destamgen", path: "runtime/destam", blank: true},
		{from: "cmd/destamgen", path: "runtime/destam", want: true},
		{from: "cmd/destamgen", path: "gen/internal/load", want: true},
		{from: "gen", path: "runtime/destam", want: true},
		{from: "gen", path: "runtime/destam", test: true, want: true},
		{from: "gen/internal/emit", path: "gen", want: true},
		{from: "gen/internal/emit", path: "runtime/driver", want: true},
		{from: "runtime/destam", path: "gen", want: true},
		{from: "runtime/destam", path: "drivers/memory", want: true},
		{from: "runtime/destam", path: "drivers/fs", test: true},
		{from: "runtime/destam", path: "runtime/observe", want: true},
		{from: "runtime/observe", path: "runtime/destam", want: true},
		{from: "runtime/observe", path: "runtime/destam", test: true},
		{from: "runtime/driver", path: "runtime/destam", want: true},
		{from: "runtime/driver", path: "runtime/internal/wire"},
		{from: "runtime/driver", path: "runtime/internal/pos", want: true},
		{from: "runtime/internal/pos", path: "runtime/destam", want: true},
		{from: "runtime/internal/wire", path: "runtime/driver", want: true},
		{from: "drivers/fs", path: "drivers/memory", want: true},
		{from: "drivers/fs", path: "drivers/memory", test: true},
		{from: "drivers/fs", path: "runtime/destam", want: true},
		{from: "drivers/fs", path: "runtime/destam", test: true},
		{from: "drivers/memory", path: "runtime/destam", test: true, want: true},
		{from: "drivers/memory", path: "drivers/fs/internal/vfs", want: true},
		{from: "somewhere/new", path: "fmt", want: true},

		{from: "gen/internal/load", path: "golang.org/x/tools/go/packages"},
		{from: "gen/internal/emit", path: "golang.org/x/tools/imports", want: true},
		{from: "cmd/destamgen", path: "golang.org/x/tools/go/analysis/multichecker"},
		{from: "cmd/destamgen", path: "golang.org/x/tools/go/packages", want: true},
		{from: "gen", path: "golang.org/x/tools/go/packages", want: true},
		{from: "gen/internal/vet", path: "golang.org/x/tools/go/analysis"},
		{from: "gen/internal/vet", path: "gen/internal/load", want: true},
		{from: "gen/internal/vet", path: "gen", want: true},
		{from: "gen/internal/emit", path: "github.com/dave/jennifer/jen"},
		{from: "gen/internal/schema", path: "github.com/dave/jennifer/jen", want: true},
		{from: "runtime/destam", path: "github.com/vmihailenco/msgpack/v5"},
		{from: "runtime/destam", path: "github.com/tidwall/btree", want: true},
		{from: "drivers/mongodb", path: "go.mongodb.org/mongo-driver/v2/mongo"},
		{from: "drivers/fs", path: "go.mongodb.org/mongo-driver/v2/mongo", want: true},
		{from: "examples/quickstart", path: "go.mongodb.org/mongo-driver/v2/mongo", want: true},
		{from: "drivers/fs", path: "github.com/google/go-cmp/cmp", test: true},
		{from: "drivers/fs", path: "github.com/google/go-cmp/cmp", want: true},
	}
	for _, tt := range tests {
		u := use{from: tt.from, path: tt.path, test: tt.test, blank: tt.blank}
		if first, _, _ := strings.Cut(tt.path, "/"); slices.Contains([]string{"gen", "runtime", "drivers"}, first) {
			u.path = module + "/" + tt.path
		}
		if why := forbidden(u); (why != "") != tt.want {
			t.Errorf("%s imports %s (test %v, blank %v): got %q, want forbidden %v", tt.from, tt.path, tt.test, tt.blank, why, tt.want)
		}
	}
}
