package load

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// Source says how types of other packages are found out.
type Source string

// The ways to find out about types of other packages.
const (
	// FromSource reads the source of the packages that matter, and only of
	// those: nothing is compiled, and no go command is run where go.mod says
	// enough.
	FromSource Source = "source"

	// FromPackages has golang.org/x/tools/go/packages load them, which means
	// the go command and its build cache.
	FromPackages Source = "packages"
)

// library knows types of other packages. It reads a package when a field has
// one of its types and nothing else is known about that.
type library struct {
	source   Source
	from     string
	places   *places // nil until it is needed
	packages map[string]*shelf
	stubbed  map[*types.Package]bool // what stands in for packages, in all that was read
	foreign  map[types.Type]typeName // what stands in for the underlying type of a foreign one
	facts    *facts
	looked   map[string]bool // packages that were looked at since looking began; nil if nobody asks
}

// shelf is one package of a library.
type shelf struct {
	types *types.Package
	err   error
	needs map[string]bool // packages that reading it needed
}

// typeName is the name of a type in another package.
type typeName struct{ path, name string }

func newLibrary(source Source, from string, facts *facts) *library {
	return &library{
		facts:  facts,
		source: source, from: from, packages: map[string]*shelf{},
		stubbed: map[*types.Package]bool{}, foreign: map[types.Type]typeName{},
	}
}

// lookup gives what a package declares under a name.
func (l *library) lookup(name typeName) (types.Object, error) {
	s := l.packages[name.path]
	if s == nil {
		s = &shelf{}
		l.packages[name.path] = s
		s.needs = l.looking(func() {
			if l.source == FromPackages {
				s.types, s.err = load(l.from, name.path)
			} else {
				s.types, s.err = l.read(name.path)
			}
		})
	}
	l.look(name.path, s.needs)
	if s.err != nil {
		return nil, s.err
	}
	if object := s.types.Scope().Lookup(name.name); object != nil {
		return object, nil
	}
	return nil, fmt.Errorf("package %s has no %s", name.path, name.name)
}

// looking gives the packages that are looked at while do runs.
func (l *library) looking(do func()) map[string]bool {
	outer := l.looked
	l.looked = map[string]bool{}
	do()
	inner := l.looked
	if l.looked = outer; outer != nil {
		maps.Copy(outer, inner)
	}
	return inner
}

// look notes that a package, and what that needs, is looked at.
func (l *library) look(path string, needs map[string]bool) {
	if l.looked != nil {
		l.looked[path] = true
		maps.Copy(l.looked, needs)
	}
}

// read reads the declarations of a package from its source. Its own imports are
// stubs, as those of the user's package are.
func (l *library) read(importPath string) (*types.Package, error) {
	if l.places == nil {
		l.places = newPlaces(l.from)
	}
	dir, err := l.places.of(importPath)
	if err != nil {
		return nil, err
	}
	files, fset, err := parseFolder(dir)
	if err != nil {
		return nil, err
	}
	return l.check(importPath, fset, files), nil
}

// parseFolder parses the files of a package that this build takes.
func parseFolder(dir string) ([]source, *token.FileSet, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	ctx, fset := buildContext(), token.NewFileSet()
	var files []source
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		if built, err := matches(ctx, name, text); err != nil || !built {
			continue
		}
		syntax, _ := parser.ParseFile(fset, filepath.Join(dir, name), text, parser.SkipObjectResolution)
		if syntax == nil || len(files) > 0 && files[0].syntax.Name.Name != syntax.Name.Name {
			continue // broken, or of another package: what is declared elsewhere may be enough
		}
		files = append(files, source{name: name, bytes: text, syntax: syntax})
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("no Go files in %s", dir)
	}
	return files, fset, nil
}

// check type-checks declarations as far as that goes: errors are ignored, and
// what they concern has an invalid type.
func (l *library) check(importPath string, fset *token.FileSet, files []source) *types.Package {
	syntax := make([]*ast.File, len(files))
	for i, f := range files {
		syntax[i] = f.syntax
	}
	conf := types.Config{
		Importer:                 l.stubs(syntax, newImportNames(files)),
		Error:                    func(error) {},
		IgnoreFuncBodies:         true,
		FakeImportC:              true,
		DisableUnusedImportCheck: true,
		Sizes:                    types.SizesFor("gc", build.Default.GOARCH),
	}
	checked, _ := conf.Check(importPath, fset, syntax, nil)
	return checked
}
