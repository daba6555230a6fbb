package house

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the public packages export to testdata/surface")

// surfaces is where the exported names are written down, one file a package.
const surfaces = "testdata/surface"

// TestSurface holds what the public packages export: whoever adds, changes or
// takes away a name shows it in the diff.
func TestSurface(t *testing.T) {
	want := make(map[string]bool)
	for _, p := range packages(t) {
		if !p.public() {
			continue
		}
		file := strings.ReplaceAll(p.path, "/", "-") + ".txt"
		want[file] = true
		t.Run(p.path, func(t *testing.T) { checkSurface(t, p, filepath.Join(surfaces, file)) })
	}
	entries, err := os.ReadDir(surfaces)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !want[entry.Name()] {
			t.Errorf("%s is of no package: remove it", filepath.Join(surfaces, entry.Name()))
		}
	}
}

func checkSurface(t *testing.T, p *pack, golden string) {
	lines, names := surface(p)
	t.Logf("%s exports %d names", p.path, names)
	got := fmt.Sprintf("# package %s: %d exported names\n%s\n", p.path, names, strings.Join(lines, "\n"))
	if *update {
		if err := os.MkdirAll(surfaces, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (- written down, + exported); go test ./internal/house -run Surface -update writes it down\n%s",
			golden, difference(strings.Split(string(want), "\n"), strings.Split(got, "\n")))
	}
}

// difference gives the lines that only one of two sets has.
func difference(want, got []string) string {
	var diff strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&diff, "- %s\n", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&diff, "+ %s\n", line)
		}
	}
	return diff.String()
}

// surface gives one line for each exported name of a package on linux/amd64,
// sorted, and how many there are, fields of structs not counted.
func surface(p *pack) (lines []string, names int) {
	for _, file := range p.files {
		if file.test || !file.linux {
			continue
		}
		for _, decl := range file.syntax.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if exportedFunc(decl) {
					lines = append(lines, funcLine(decl))
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					lines = append(lines, specLines(decl.Tok, spec)...)
				}
			}
		}
	}
	slices.Sort(lines)
	for _, line := range lines {
		if !strings.HasPrefix(line, "field ") {
			names++
		}
	}
	return lines, names
}

func funcLine(decl *ast.FuncDecl) string {
	if decl.Recv == nil {
		return "func " + decl.Name.Name + typeParams(decl.Type.TypeParams) + signature(decl.Type)
	}
	return fmt.Sprintf("method (%s) %s%s", text(decl.Recv.List[0].Type), decl.Name.Name, signature(decl.Type))
}

func specLines(tok token.Token, spec ast.Spec) []string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() {
			return typeLines(spec)
		}
	case *ast.ValueSpec:
		var lines []string
		for i, name := range spec.Names {
			if !name.IsExported() {
				continue
			}
			line := tok.String() + " " + name.Name
			if spec.Type != nil {
				line += " " + text(spec.Type)
			}
			if tok == token.CONST && i < len(spec.Values) {
				line += " = " + text(spec.Values[i])
			}
			lines = append(lines, line)
		}
		return lines
	}
	return nil
}

func typeLines(spec *ast.TypeSpec) []string {
	name := spec.Name.Name
	head := "type " + name + typeParams(spec.TypeParams)
	if spec.Assign.IsValid() {
		return []string{head + " = " + text(spec.Type)}
	}
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		lines := []string{head + " struct"}
		for _, f := range typ.Fields.List {
			for _, n := range f.Names {
				if n.IsExported() {
					lines = append(lines, "field "+name+"."+n.Name+" "+text(f.Type))
				}
			}
			if len(f.Names) == 0 {
				lines = append(lines, "field "+name+" embeds "+text(f.Type))
			}
		}
		return lines
	case *ast.InterfaceType:
		lines := []string{head + " interface"}
		for _, m := range typ.Methods.List {
			fn, ok := m.Type.(*ast.FuncType)
			switch {
			case !ok:
				lines = append(lines, "field "+name+" embeds "+text(m.Type))
			case m.Names[0].IsExported():
				lines = append(lines, "method ("+name+") "+m.Names[0].Name+signature(fn))
			}
		}
		return lines
	}
	return []string{head + " " + text(spec.Type)}
}

// signature is a function's type without the word func.
func signature(fn *ast.FuncType) string {
	return strings.TrimPrefix(text(&ast.FuncType{Params: fn.Params, Results: fn.Results}), "func")
}

func typeParams(list *ast.FieldList) string {
	if list == nil {
		return ""
	}
	var params []string
	for _, f := range list.List {
		for _, n := range f.Names {
			params = append(params, n.Name+" "+text(f.Type))
		}
	}
	return "[" + strings.Join(params, ", ") + "]"
}

// text is a node as Go source on one line.
func text(node ast.Node) string {
	var buf bytes.Buffer
	if err := printer.Fprint(&buf, token.NewFileSet(), node); err != nil {
		panic(err) // the node was parsed from Go source
	}
	return strings.Join(strings.Fields(buf.String()), " ")
}
