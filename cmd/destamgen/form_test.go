package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestForm holds of all output that is committed here that each body is one
// statement, which calls package functions of the runtime only, and that a field
// has at most ten lines, methods, guard and state together.
func TestForm(t *testing.T) {
	outputs := map[string][]byte{}
	scripts, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, "_destam.go.golden") {
				outputs[filepath.Base(script)+"/"+f.Name] = f.Data
			}
		}
	}
	for _, pattern := range []string{"../../examples/*/*_destam.go", "../../examples/*/*/*_destam.go", "../../internal/acceptance/*_destam.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if outputs[name], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(outputs) < 15 {
		t.Fatalf("only %d outputs were found", len(outputs))
	}
	for name, text := range outputs {
		t.Run(name, func(t *testing.T) { holdForm(t, text) })
	}
}

func holdForm(t *testing.T, text []byte) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "output.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	lines := func(n ast.Node) int { return fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1 }
	ofFields, fields := 0, 0
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "_" { // a guard
				for _, s := range d.Body.List {
					spec, ok := s.(*ast.DeclStmt).Decl.(*ast.GenDecl).Specs[0].(*ast.TypeSpec)
					for i := 0; ok && i < len(spec.Type.(*ast.StructType).Fields.List); i++ {
						ofFields++
					}
				}
				continue
			}
			holdBody(t, d)
			if d.Recv != nil && !fixed[d.Name.Name] {
				ofFields += lines(d)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				s, ok := spec.(*ast.TypeSpec)
				if !ok || !strings.HasPrefix(s.Name.Name, "o") {
					continue
				}
				n := len(s.Type.(*ast.StructType).Fields.List) - 2 // node and handle
				fields += n
				ofFields += n
			}
		}
	}
	if fields > 0 && ofFields > 10*fields {
		t.Errorf("%d lines for %d fields, want at most ten each", ofFields, fields)
	}
}

// fixed are methods that each struct has once.
var fixed = map[string]bool{"Update": true, "View": true, "Observe": true, "Snapshot": true, "Assign": true}

// holdBody checks that a body is one statement without branches, and what it
// calls.
func holdBody(t *testing.T, d *ast.FuncDecl) {
	if len(d.Body.List) != 1 {
		t.Errorf("%s has %d statements, want one", d.Name.Name, len(d.Body.List))
	}
	ast.Inspect(d.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.CompositeLit:
			t.Errorf("%s holds more than a call: %T", d.Name.Name, n)
		case *ast.CallExpr:
			fun := n.Fun
			for {
				if index, ok := fun.(*ast.IndexExpr); ok {
					fun = index.X
				} else if index, ok := fun.(*ast.IndexListExpr); ok {
					fun = index.X
				} else {
					break
				}
			}
			if sel, ok := fun.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "destam" {
					t.Errorf("%s calls a method, %s: a user's field may hide it", d.Name.Name, sel.Sel.Name)
				}
			}
		}
		return true
	})
}
