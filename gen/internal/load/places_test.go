package load

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// write makes files, given by name and text in turn, in a folder.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPlaces holds that types of other packages are found in every layout that
// modules have, without the go command: there is none in this test.
func TestPlaces(t *testing.T) {
	const (
		user = "package user\n\nimport \"example.com/dep/kinds\"\n\ntype Note struct {\n\tKind kinds.Kind `destam:\"kind\"`\n}\n"
		good = "package kinds\n\ntype Kind string\n"
		bad  = "package kinds\n\ntype Kind chan int\n"
		mod  = "module example.com/user\n\ngo 1.26\n\n"
	)
	for name, files := range map[string][]string{
		"the module cache": {
			"user/go.mod", mod + "require example.com/dep v1.2.3\n",
			"cache/example.com/dep@v1.2.3/kinds/k.go", good, "cache/example.com/dep@v1.2.2/kinds/k.go", bad,
		},
		"a nested module": {
			"user/go.mod", mod + "require (\n\texample.com/dep v1.2.3\n\texample.com/dep/kinds v0.1.0\n)\n",
			"cache/example.com/dep/kinds@v0.1.0/k.go", good, "cache/example.com/dep@v1.2.3/other/o.go", "package other\n",
		},
		"a path with capitals": {
			"user/go.mod", mod + "require example.com/dep v1.0.0\n\nreplace example.com/dep => example.com/Fork v1.1.0\n",
			"cache/example.com/!fork@v1.1.0/kinds/k.go", good,
		},
		"replaced by a folder": {
			"user/go.mod", mod + "require example.com/dep v1.2.3\n\nreplace example.com/dep => ../fork\n",
			"fork/kinds/k.go", good, "cache/example.com/dep@v1.2.3/kinds/k.go", bad,
		},
		"replaced at another version": {
			"user/go.mod", mod + "require example.com/dep v1.2.3\n\nreplace example.com/dep v1.0.0 => ../fork\n",
			"fork/kinds/k.go", bad, "cache/example.com/dep@v1.2.3/kinds/k.go", good,
		},
		"vendor": {
			"user/go.mod", mod + "require example.com/dep v1.2.3\n",
			"user/vendor/modules.txt", "", "user/vendor/example.com/dep/kinds/k.go", good, "cache/example.com/dep@v1.2.3/kinds/k.go", bad,
		},
		"a workspace": {
			"go.work", "go 1.26\n\nuse (\n\t./user\n\t./dep\n)\n", "user/go.mod", mod,
			"dep/go.mod", "module example.com/dep\n", "dep/kinds/k.go", good,
		},
		"a workspace that replaces": {
			"go.work", "go 1.26\n\nuse ./user\n\nreplace example.com/dep => ./fork\n", "user/go.mod", mod + "require example.com/dep v1.2.3\n",
			"fork/kinds/k.go", good, "cache/example.com/dep@v1.2.3/kinds/k.go", bad,
		},
		"files of other builds": {
			"user/go.mod", mod + "require example.com/dep v1.0.0\n", "cache/example.com/dep@v1.0.0/kinds/a.go", "//go:build neverever\n\n" + bad,
			"cache/example.com/dep@v1.0.0/kinds/k.go", good, "cache/example.com/dep@v1.0.0/kinds/k_test.go", bad,
		},
		"code that does not compile": {
			"user/go.mod", mod + "require example.com/dep v1.0.0\n",
			"cache/example.com/dep@v1.0.0/kinds/k.go", good + "\nfunc broken() { return 1 + nowhere }\n\ntype Other Nowhere\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("GOMODCACHE", filepath.Join(dir, "cache"))
			t.Setenv("GOFLAGS", "")
			t.Setenv("GOWORK", "")
			t.Setenv("PATH", "")
			write(t, dir, append(files, "user/note.go", user)...)
			folder, err := Read(filepath.Join(dir, "user"), "", FromSource)
			if err != nil {
				t.Fatal(err)
			}
			kind := folder.Package.Files[0].Structs[0].Fields[0].Type
			if kind.Kind != schema.Scalar || kind.Basic != "string" {
				t.Errorf("the type is %d %s: %s", kind.Kind, kind.Basic, kind.Problem)
			}
		})
	}
}

// TestNowhere holds what is said of a package that is not there.
func TestNowhere(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/user\n", "a.go",
		"package a\n\nimport \"example.com/dep\"\n\ntype A struct {\n\tX dep.X `destam:\"x\"`\n\tY dep.Y\n}\n")
	folder, err := Read(dir, "", FromSource)
	if err != nil {
		t.Fatal(err)
	}
	x := folder.Package.Files[0].Structs[0].Fields[0].Type
	if x.Kind != schema.Bad || !strings.Contains(x.Problem, "example.com/dep") || x.Fix != "go get example.com/dep" {
		t.Errorf("X is %+v", x)
	}
}

// TestKnown holds that what is known of types by name is what their source says.
func TestKnown(t *testing.T) {
	var fields, imports strings.Builder
	names := map[string]typeName{}
	seen := map[string]bool{}
	for name := range known {
		if strings.Contains(name.path, ".") || name.path == "time" && name.name == "Time" {
			continue // not in the standard library, or known to the language of documents
		}
		base := name.path[strings.LastIndex(name.path, "/")+1:]
		field := strings.ToUpper(base[:1]) + base[1:] + name.name
		names[field] = name
		fields.WriteString("\t" + field + " " + base + "." + name.name + " `destam:\"" + field + "\"`\n")
		if !seen[name.path] {
			seen[name.path] = true
			imports.WriteString("import \"" + name.path + "\"\n")
		}
	}
	dir := t.TempDir()
	write(t, dir, "a.go", "package a\n\n"+imports.String()+"\ntype A struct {\n"+fields.String()+"}\n")
	types := func() map[string]*schema.Type {
		folder, err := Read(dir, "", FromSource)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]*schema.Type{}
		for _, f := range folder.Package.Files[0].Structs[0].Fields {
			out[f.Name] = f.Type
		}
		return out
	}
	said := types()
	defer func(all map[typeName]func() *schema.Type) { known = all }(maps.Clone(known))
	known = nil
	if d := cmp.Diff(types(), said, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the source, and what is known: %s", d)
	}
	if len(names) < 10 {
		t.Errorf("only %d types were compared", len(names))
	}
}
