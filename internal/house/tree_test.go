package house

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the top of the work tree: tests run in their package's folder.
const root = "../.."

// module is what go.mod calls the work tree.
const module = "github.com/destam-go/destamgen"

// pack is one package of the module, test files included.
type pack struct {
	path  string // from the top of the module, with slashes
	name  string
	files []*source
}

// source is one Go file.
type source struct {
	path      string // from the top of the module, with slashes
	test      bool
	generated bool
	linux     bool // part of the package on linux/amd64
	syntax    *ast.File
}

// fset holds the positions of every file of the tree.
var fset = token.NewFileSet()

// tree reads every Go file of the module once, whatever its build constraints
// say. It parses instead of asking the go command: a file for another system
// has imports too, and the test cache sees which files were read.
var tree = sync.OnceValues(func() ([]*pack, error) {
	var packs []*pack
	err := walk(func(name string, entry fs.DirEntry) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := parse(name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if len(packs) == 0 || packs[len(packs)-1].path != dir {
			packs = append(packs, &pack{path: dir})
		}
		p := packs[len(packs)-1]
		p.files = append(p.files, src)
		if n := src.syntax.Name.Name; p.name == "" || !src.test {
			p.name = strings.TrimSuffix(n, "_test")
		}
		return nil
	})
	// A folder's files and its subfolders are visited in one order of names,
	// so one package can come in several pieces.
	return join(packs), err
})

// walk calls visit for the files of the module, Go's rules applied: no
// testdata, no hidden folders, no nested modules.
func walk(visit func(name string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if !entry.IsDir() {
			return visit(name, entry)
		}
		base := entry.Name()
		if name == "." {
			return nil
		}
		if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || nested(file) {
			return fs.SkipDir
		}
		return nil
	})
}

// nested reports whether a folder is a module of its own.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func parse(name string) (*source, error) {
	file := filepath.Join(root, name)
	syntax, err := parser.ParseFile(fset, file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	linux := build.Default
	linux.GOOS, linux.GOARCH = "linux", "amd64"
	match, err := linux.MatchFile(filepath.Dir(file), filepath.Base(file))
	if err != nil {
		return nil, err
	}
	return &source{
		path:      name,
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(syntax),
		linux:     match,
		syntax:    syntax,
	}, nil
}

func join(pieces []*pack) []*pack {
	slices.SortStableFunc(pieces, func(a, b *pack) int { return strings.Compare(a.path, b.path) })
	var packs []*pack
	for _, p := range pieces {
		if last := len(packs) - 1; last >= 0 && packs[last].path == p.path {
			packs[last].files = append(packs[last].files, p.files...)
			continue
		}
		packs = append(packs, p)
	}
	return packs
}

// packages gives the packages of the module or ends the test.
func packages(t *testing.T) []*pack {
	t.Helper()
	packs, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	if len(packs) < 2 {
		t.Fatalf("%d packages in %s: this test looks in the wrong place", len(packs), root)
	}
	return packs
}

// public reports whether users import the package.
func (p *pack) public() bool {
	return p.name != "main" && !within(p.path, "examples/...") && !slices.Contains(strings.Split(p.path, "/"), "internal")
}

// within reports whether a slash-separated path matches a pattern: the path
// itself or, when the pattern ends in "/...", that and everything below.
func within(name, pattern string) bool {
	top, below := strings.CutSuffix(pattern, "/...")
	return name == top || below && strings.HasPrefix(name, top+"/")
}

func anyWithin(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return within(name, pattern) })
}
