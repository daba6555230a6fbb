package house

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// explained are methods that need no comment: the standard library says what
// they do.
var explained = []string{
	"Error", "Unwrap", "String", "GoString",
	"MarshalText", "UnmarshalText", "MarshalJSON", "UnmarshalJSON", "MarshalBinary", "UnmarshalBinary",
}

// TestPackageComments holds that go doc finds a package comment, exactly one,
// in doc.go; commands, examples and tests may keep it where they like.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		var where []string
		for _, file := range p.files {
			if file.syntax.Doc == nil || file.test {
				continue
			}
			where = append(where, file.path)
			first := file.syntax.Doc.Text()
			if p.name != "main" && !strings.HasPrefix(first, "Package "+p.name+" ") {
				t.Errorf("%s: the comment must begin with %q", file.path, "Package "+p.name+" ")
			}
			if p.name == "main" && strings.HasPrefix(first, "Package ") {
				t.Errorf("%s: the comment must begin with the command's name", file.path)
			}
		}
		switch {
		case len(where) != 1:
			t.Errorf("package %s has %d package comments %v, want one", p.path, len(where), where)
		case p.name != "main" && !within(p.path, "examples/...") && path.Base(where[0]) != "doc.go":
			t.Errorf("package %s has its comment in %s, want doc.go", p.path, where[0])
		}
	}
}

// TestExportedComments holds that every exported name of a public package has
// a comment that begins with the name.
func TestExportedComments(t *testing.T) {
	for _, p := range packages(t) {
		if !p.public() {
			continue
		}
		for _, file := range p.files {
			if !file.test && !file.generated {
				checkComments(t, file.syntax)
			}
		}
	}
}

func checkComments(t *testing.T, file *ast.File) {
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := decl.Name.Name
			if !exportedFunc(decl) || decl.Recv != nil && slices.Contains(explained, name) {
				continue
			}
			checkComment(t, decl.Pos(), name, decl.Doc)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				checkSpec(t, decl, spec)
			}
		}
	}
}

func checkSpec(t *testing.T, decl *ast.GenDecl, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		checkComment(t, spec.Pos(), spec.Name.Name, first(spec.Doc, decl.Doc))
		if it, ok := spec.Type.(*ast.InterfaceType); ok {
			for _, m := range it.Methods.List {
				if len(m.Names) == 1 && m.Names[0].IsExported() {
					checkComment(t, m.Pos(), m.Names[0].Name, m.Doc)
				}
			}
		}
	case *ast.ValueSpec:
		exported := slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported)
		if !exported {
			return
		}
		if spec.Doc != nil || !decl.Lparen.IsValid() {
			checkComment(t, spec.Pos(), spec.Names[0].Name, first(spec.Doc, decl.Doc))
		} else if spec.Comment == nil && decl.Doc == nil {
			t.Errorf("%s: %s has no comment, nor has its group", fset.Position(spec.Pos()), spec.Names[0].Name)
		}
	}
}

func checkComment(t *testing.T, at token.Pos, name string, doc *ast.CommentGroup) {
	switch {
	case doc == nil:
		t.Errorf("%s: %s has no comment", fset.Position(at), name)
	case !regexp.MustCompile(`^((A|An|The) )?` + name + `\b`).MatchString(doc.Text()):
		t.Errorf("%s: the comment of %s must begin with its name", fset.Position(at), name)
	}
}

func first(groups ...*ast.CommentGroup) *ast.CommentGroup {
	for _, g := range groups {
		if g != nil {
			return g
		}
	}
	return nil
}

// exportedFunc reports whether a function, or a method of an exported type,
// is exported.
func exportedFunc(decl *ast.FuncDecl) bool {
	if !decl.Name.IsExported() {
		return false
	}
	return decl.Recv == nil || ast.IsExported(receiver(decl))
}

// receiver is the name of the type that a method belongs to.
func receiver(decl *ast.FuncDecl) string {
	expr := decl.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
