package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/destam-go/destamgen/gen"
)

// TestGoldens vets every expected output of the scripts together with the input
// that it belongs to, and takes documents of all of them through storing,
// loading, assigning, being applied to copies and asking. All are packages of
// one module, so that the go command is started twice.
func TestGoldens(t *testing.T) {
	dir := userModule(t)
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	var tables []tableOf
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(script), ".txtar")
		goldens := extractGoldens(t, filepath.Join(dir, name), archive)
		count += len(goldens)
		folders := map[string]bool{}
		for _, golden := range goldens {
			folders[filepath.Dir(golden)] = true
		}
		for _, folder := range slices.Sorted(maps.Keys(folders)) {
			below, err := filepath.Rel(dir, folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, table := range golden(t, folder) {
				tables = append(tables, tableOf{"example.com/user/" + filepath.ToSlash(below), table})
			}
		}
	}
	if count < 5 || len(tables) < 5 {
		t.Fatalf("only %d goldens with %d tables were found", count, len(tables))
	}
	exerciser(t, dir, tables)
	goCommand(t, dir, "vet", "./...")
	goCommand(t, dir, "run", "./run")
	t.Logf("%d files of generated code vetted, %d tables exercised", count, len(tables))
}

// golden gives the functions that give the tables of a package. One without
// documents gets one that holds all of its structs.
func golden(t *testing.T, folder string) []string {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	holder := ""
	for _, path := range sources {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name == "main" {
			return nil // cannot be imported; what it has is in other packages too
		}
		if holder == "" {
			holder = "package " + f.Name.Name + "\n\ntype Holder struct {\n\t_ struct{} `destam:\"table=holders\"`\n"
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && strings.HasSuffix(d.Name.Name, "Table") {
					tables = append(tables, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if handle, ok := spec.(*ast.TypeSpec); ok && strings.HasPrefix(handle.Name.Name, "O") {
						plain := handle.Name.Name[1:]
						holder += fmt.Sprintf("\t%s *%s `destam:%q`\n", plain, plain, plain)
					}
				}
			}
		}
	}
	if len(tables) > 0 {
		return tables
	}
	before, err := filepath.Glob(filepath.Join(folder, "*_destam.go"))
	if err != nil {
		t.Fatal(err)
	}
	was := map[string][]byte{}
	for _, path := range before {
		if was[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"holder.go": holder + "}\n", "destam.lock": "destam.lock 1\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := gen.Run(gen.Config{Dir: folder}); err != nil {
		t.Fatal(err)
	}
	for path, text := range was {
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
			t.Errorf("%s changes with another file of its package: %v", path, err)
		}
	}
	return []string{"HolderTable"}
}

// extractGoldens writes the Go files of a script with generated code to dir and
// gives the paths of that. A golden takes the name of the file that it is expected
// of; a script without one says nothing that can be compiled.
func extractGoldens(t *testing.T, dir string, archive *txtar.Archive) []string {
	t.Helper()
	goldens := map[string]bool{}
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, ".go.golden"); ok {
			goldens[name+".go"] = true
		}
	}
	var paths []string
	for _, f := range archive.Files {
		name := strings.TrimSuffix(f.Name, ".golden")
		if len(goldens) == 0 || !strings.HasSuffix(name, ".go") || goldens[name] && name == f.Name {
			continue
		}
		path := filepath.Join(dir, name)
		if goldens[name] {
			paths = append(paths, path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}
