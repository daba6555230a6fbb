package main

import (
	"cmp"
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
// statement, which calls package functions of the runtime only, and that each
// field has at most ten lines, methods, guard and state together.
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
	for _, d := range file.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name != "_" { // a guard
			holdBody(t, d)
		}
	}
	for field, n := range linesOfFields(fset, file) {
		if n > 10 {
			t.Errorf("%d lines for the field %s, want at most ten", n, field)
		}
	}
}

// linesOfFields counts the lines of each field, named after its struct: its
// methods on the handle, the lens and the paths, and one each in the guard and
// in the state.
func linesOfFields(fset *token.FileSet, file *ast.File) map[string]int {
	sections := map[string]string{} // of documents, by name
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Assign.IsValid() {
			if table, ok := spec.Type.(*ast.IndexListExpr); ok {
				if section, ok := table.Indices[2].(*ast.Ident); ok {
					sections[table.Indices[1].(*ast.Ident).Name] = section.Name
				}
			}
		}
		return true
	})
	lines := map[string]int{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil {
			continue
		}
		on, name := receiver(f), f.Name.Name
		switch f.Recv.List[0].Names[0].Name {
		case "o":
			on = strings.TrimPrefix(on, "O")
			for _, setter := range []string{"Set", "Clear"} {
				if field, ok := strings.CutPrefix(name, setter); ok && lines[on+"."+field] > 0 {
					name = field
				}
			}
		case "l":
			on = strings.TrimSuffix(on, "Lens")
		case "w":
			on = strings.TrimSuffix(on, "Paths")
			on = cmp.Or(sections[on], on)
		}
		if !fixed[name] {
			lines[on+"."+name] += fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1
		}
	}
	for field := range lines {
		lines[field] += 2
	}
	return lines
}

// receiver gives the name of the type that a method is on.
func receiver(f *ast.FuncDecl) string {
	on := f.Recv.List[0].Type.(*ast.StarExpr).X
	if index, ok := on.(*ast.IndexExpr); ok {
		on = index.X
	}
	return on.(*ast.Ident).Name
}

// fixed are methods that each struct has once.
var fixed = map[string]bool{
	"Update": true, "View": true, "Observe": true, "Snapshot": true, "Assign": true, "Is": true, "Absent": true,
}

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
