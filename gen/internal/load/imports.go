package load

import (
	"go/ast"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// importNames is what the files of a package call their imports. Without reading
// the imported packages their own names can only be guessed from their paths, so
// what a file uses as a package decides where the guess fails.
type importNames struct {
	paths map[*ast.File]map[string]string // the path of each import by its name in that file
	own   map[string]string               // what the package at a path is called where no name is given
}

func newImportNames(files []source) importNames {
	names := importNames{paths: map[*ast.File]map[string]string{}, own: map[string]string{}}
	for _, f := range files {
		table := map[string]string{}
		var unnamed []string
		for _, spec := range f.syntax.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			if spec.Name == nil {
				unnamed = append(unnamed, p)
			} else if spec.Name.Name != "_" && spec.Name.Name != "." {
				table[spec.Name.Name] = p
			}
		}
		for _, p := range unnamed {
			if name := packageName(p); table[name] == "" {
				table[name] = p
			}
		}
		for _, base := range qualifiers(f.syntax) {
			if p := holding(unnamed, base); table[base] == "" && p != "" {
				table[base], names.own[p] = p, base
			}
		}
		names.paths[f.syntax] = table
	}
	return names
}

// of gives what the package at a path calls itself, as far as that is known.
func (n importNames) of(p string) string {
	if name := n.own[p]; name != "" {
		return name
	}
	return packageName(p)
}

var (
	majorElement = regexp.MustCompile(`^v[0-9]+$`)
	majorSuffix  = regexp.MustCompile(`\.v[0-9]+$`)
)

// packageName guesses the name of the package at a path.
func packageName(p string) string {
	base := path.Base(p)
	if dir := path.Dir(p); majorElement.MatchString(base) && dir != "." {
		base = path.Base(dir)
	}
	base = majorSuffix.ReplaceAllString(base, "")
	base = strings.TrimSuffix(strings.TrimPrefix(base, "go-"), "-go")
	return strings.ReplaceAll(base, "-", "")
}

// qualifiers gives the identifiers that declarations of types use as packages.
func qualifiers(f *ast.File) []string {
	var bases []string
	eachSelector(f, func(s *ast.SelectorExpr, base *ast.Ident) {
		bases = append(bases, base.Name)
	})
	return bases
}

// holding gives the one path that contains the name, or "".
func holding(paths []string, name string) string {
	found := ""
	for _, p := range paths {
		if !strings.Contains(p, name) {
			continue
		}
		if found != "" {
			return ""
		}
		found = p
	}
	return found
}

// eachSelector visits what looks like a name of another package in the
// declarations of a file, but for bodies and values.
func eachSelector(f *ast.File, visit func(*ast.SelectorExpr, *ast.Ident)) {
	for _, spec := range typeSpecs(f) {
		selectors(spec, visit)
	}
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok {
			if d.Recv != nil || schema.IsUpcaster(d.Name.Name) { // methods make codecs
				selectors(d.Type, visit)
			}
		}
	}
}

func selectors(n ast.Node, visit func(*ast.SelectorExpr, *ast.Ident)) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if base, ok := s.X.(*ast.Ident); ok {
				visit(s, base)
			}
		}
		return true
	})
}
