package load

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// build makes the model of what was parsed.
func (r *reader) build() *schema.Package {
	p := &schema.Package{
		Names:     map[string]token.Position{},
		Methods:   map[string]map[string]token.Position{},
		Elsewhere: map[string]bool{},
	}
	for _, f := range r.files {
		if name := f.syntax.Name.Name; p.Name == "" {
			p.Name = name
		} else if name != p.Name {
			r.report(f.syntax.Name.Pos(), "one package a folder", "package %s beside package %s", name, p.Name)
		}
		r.declared(p, f.syntax)
	}
	for _, f := range r.others {
		if f.syntax.Name.Name != p.Name {
			continue
		}
		r.declared(p, f.syntax)
		if r.folder.LeftOut[f.name] {
			for _, spec := range typeSpecs(f.syntax) {
				p.Elsewhere[spec.Name.Name] = true
			}
		}
	}
	r.structs(p)
	return p
}

// declared takes in the package-level names and the methods of a file.
func (r *reader) declared(p *schema.Package, f *ast.File) {
	name := func(id *ast.Ident) {
		if id.Name != "_" && id.Name != "init" {
			p.Names[id.Name] = r.position(id.Pos())
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				name(d.Name)
			} else if on := receiver(d); on != "" {
				if p.Methods[on] == nil {
					p.Methods[on] = map[string]token.Position{}
				}
				p.Methods[on][d.Name.Name] = r.position(d.Name.Pos())
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					name(spec.Name)
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						name(id)
					}
				}
			}
		}
	}
}

// receiver gives the name of the type that a method is declared on.
func receiver(d *ast.FuncDecl) string {
	if len(d.Recv.List) != 1 {
		return ""
	}
	for t := d.Recv.List[0].Type; ; {
		switch on := t.(type) {
		case *ast.StarExpr:
			t = on.X
		case *ast.ParenExpr:
			t = on.X
		case *ast.IndexExpr:
			t = on.X
		case *ast.IndexListExpr:
			t = on.X
		case *ast.Ident:
			return on.Name
		default:
			return ""
		}
	}
}

// typeSpecs gives the type declarations of a file at package level.
func typeSpecs(f *ast.File) []*ast.TypeSpec {
	var specs []*ast.TypeSpec
	for _, d := range f.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.TYPE {
			for _, spec := range d.Specs {
				specs = append(specs, spec.(*ast.TypeSpec))
			}
		}
	}
	return specs
}

// structs finds the tagged structs and resolves the types of their fields. All
// structs are known before the first field is looked at, since fields refer to
// them.
func (r *reader) structs(p *schema.Package) {
	found := map[string]*schema.Struct{}
	syntax := map[*schema.Struct]*ast.StructType{}
	taken := map[*ast.StructType]bool{}
	for _, f := range r.files {
		file := &schema.File{Name: f.name}
		for _, spec := range typeSpecs(f.syntax) {
			t, ok := ast.Unparen(spec.Type).(*ast.StructType)
			if !ok || spec.Assign.IsValid() || spec.Name.Name == "_" || !tagged(t) {
				continue
			}
			taken[t] = true
			s := &schema.Struct{Name: spec.Name.Name, Pos: r.position(spec.Name.Pos()), Generic: spec.TypeParams != nil}
			if other := found[s.Name]; other != nil {
				r.report(spec.Name.Pos(), "one of the two", "%s is declared in %s already", s.Name, other.Pos)
				continue
			}
			found[s.Name], syntax[s] = s, t
			file.Structs = append(file.Structs, s)
		}
		r.strays(f, taken)
		if len(file.Structs) == 0 {
			continue
		}
		p.Files = append(p.Files, file)
		r.constrain(f, file)
	}
	if len(p.Files) == 0 {
		return
	}
	c := converter{
		reader: r, library: r.session.library(r.dir), p: p, structs: found,
		names: newImportNames(r.files), open: map[*types.Named]bool{}, documents: map[string]bool{},
	}
	for s, t := range syntax {
		c.documents[s.Name] = hasTable(t)
	}
	c.resolve()
	c.upcasters()
	for _, f := range r.files {
		for _, file := range p.Files {
			if file.Name == f.name {
				c.file(f, file, syntax)
			}
		}
	}
}

// hasTable says whether a struct is a document.
func hasTable(t *ast.StructType) bool {
	for _, f := range t.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 || f.Names[0].Name != "_" {
			continue
		}
		if tag, _ := schema.ParseTag(f.Tag.Value, "_"); tag.Form == schema.TableTag {
			return true
		}
	}
	return false
}

// tagged says whether a struct has a destam tag, also one that is wrong.
func tagged(t *ast.StructType) bool {
	return slices.ContainsFunc(t.Fields.List, func(f *ast.Field) bool {
		return f.Tag != nil && schema.HasTag(f.Tag.Value)
	})
}
