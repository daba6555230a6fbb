package load

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// resolve type-checks the package as far as that goes, and looks for the types
// that it registers.
func (c *converter) resolve() {
	c.types = c.library.check(c.p.Name, c.fset, append(slices.Clone(c.files), c.handles()))
	c.registered = map[typeName]string{}
	for _, f := range c.files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if index, ok := call.Fun.(*ast.IndexExpr); ok && c.isRuntime(f, index.X, "RegisterLeaf") {
				c.register(f, index.Index)
			} else if c.isRuntime(f, call.Fun, "RegisterLeaf") {
				c.report(call.Pos(), "destam.RegisterLeaf[T]", "which type is registered is to be written out")
			}
			return true
		})
	}
}

// upcasters finds the functions that may read what fields were stored as.
func (c *converter) upcasters() {
	for _, f := range c.files {
		for _, d := range f.syntax.Decls {
			d, ok := d.(*ast.FuncDecl)
			if !ok || d.Recv != nil || !schema.IsUpcaster(d.Name.Name) {
				continue
			}
			object, ok := c.types.Scope().Lookup(d.Name.Name).(*types.Func)
			if !ok {
				continue
			}
			u := schema.Upcaster{Name: d.Name.Name, Pos: c.position(d.Name.Pos())}
			if sig := object.Signature(); upcasts(sig) {
				c.written = d.Name.Name
				u.From, u.To = c.convert(sig.Params().At(0).Type()), c.convert(sig.Results().At(0).Type())
			}
			c.p.Upcasters = append(c.p.Upcasters, u)
		}
	}
}

// upcasts says whether a function takes one value and gives one and an error.
func upcasts(sig *types.Signature) bool {
	return sig.TypeParams().Len() == 0 && !sig.Variadic() && sig.Params().Len() == 1 && sig.Results().Len() == 2 &&
		types.Identical(sig.Results().At(1).Type(), types.Universe.Lookup("error").Type())
}

// handles gives a file that declares what will be generated, as far as fields
// refer to it: destam.Ref[OPerson].
func (c *converter) handles() source {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n", c.p.Name)
	for _, s := range c.p.Structs() {
		if _, own := c.p.Names[s.Handle()]; !own {
			fmt.Fprintf(&b, "type %s struct{}\n", s.Handle())
		}
	}
	text := []byte(b.String())
	// The package's own name is that of a file that was parsed: this is Go.
	syntax, _ := parser.ParseFile(c.fset, "", text, parser.SkipObjectResolution)
	return source{bytes: text, syntax: syntax}
}

// isRuntime says whether an expression is a name of the runtime.
func (c *converter) isRuntime(f source, e ast.Expr, name string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != name {
		return false
	}
	base, ok := sel.X.(*ast.Ident)
	return ok && c.names.paths[f.syntax][base.Name] == schema.Runtime
}

// register notes a type as a registered leaf.
func (c *converter) register(f source, e ast.Expr) {
	switch e := e.(type) {
	case *ast.Ident:
		name := typeName{"", e.Name}
		if object := c.types.Scope().Lookup(e.Name); object != nil { // an alias registers what it stands for
			if to, ok := types.Unalias(object.Type()).(*types.Named); ok && to.Obj().Pkg() != nil && to.Obj().Pkg() != c.types {
				name = typeName{to.Obj().Pkg().Path(), to.Obj().Name()}
			} else if ok {
				name.name = to.Obj().Name()
			}
		}
		c.registered[name] = name.name
	case *ast.SelectorExpr:
		if base, ok := e.X.(*ast.Ident); ok {
			c.registered[typeName{c.names.paths[f.syntax][base.Name], e.Sel.Name}] = e.Sel.Name
		}
	default:
		c.report(e.Pos(), "a type with a name of its own", "only a type with a name can be registered")
	}
}

// file gives the structs of one file their fields.
func (c *converter) file(f source, file *schema.File, syntax map[*schema.Struct]*ast.StructType) {
	imports := map[string]schema.Import{}
	for _, s := range file.Structs {
		if other := c.otherwise(s); other.IsValid() {
			c.folder.Wrong = append(c.folder.Wrong, schema.Diagnostic{
				Pos: s.Pos, Message: fmt.Sprintf("%s is declared in %s already", s.Name, other), Fix: "one of the two",
			})
			continue
		}
		for _, field := range syntax[s].Fields.List {
			pieces := c.cut(f, field.Type, imports)
			for _, name := range fieldNames(field) {
				s.Fields = append(s.Fields, c.field(f, s, field, name, pieces))
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(imports)) {
		file.Imports = append(file.Imports, imports[p])
	}
}

// otherwise gives where the name of a struct is declared as something else.
func (c *converter) otherwise(s *schema.Struct) token.Position {
	if object := c.types.Scope().Lookup(s.Name); object != nil {
		if at := c.position(object.Pos()); at != s.Pos {
			return at
		}
	}
	return token.Position{}
}

// fieldNames gives the names that one line of a struct declares. An embedded
// field is called after its type.
func fieldNames(f *ast.Field) []*ast.Ident {
	if len(f.Names) > 0 {
		return f.Names
	}
	for t := f.Type; ; {
		switch of := t.(type) {
		case *ast.StarExpr:
			t = of.X
		case *ast.ParenExpr:
			t = of.X
		case *ast.IndexExpr:
			t = of.X
		case *ast.IndexListExpr:
			t = of.X
		case *ast.SelectorExpr:
			return []*ast.Ident{of.Sel}
		case *ast.Ident:
			return []*ast.Ident{of}
		default:
			return nil
		}
	}
}

func (c *converter) field(f source, s *schema.Struct, field *ast.Field, name *ast.Ident, pieces []schema.Piece) *schema.Field {
	out := &schema.Field{
		Name:     name.Name,
		Embedded: len(field.Names) == 0,
		Pos:      c.position(name.Pos()),
		Doc:      strings.TrimSpace(field.Doc.Text()),
		TypeAt:   c.position(field.Type.Pos()),
		Source:   pieces,
		Type:     &schema.Type{Problem: "its type cannot be found"},
	}
	if out.Doc == "" {
		out.Doc = strings.TrimSpace(field.Comment.Text())
	}
	if field.Tag != nil {
		out.Literal, out.LiteralAt = field.Tag.Value, c.position(field.Tag.Pos())
	}
	if t := c.lookup(s.Name, name.Name); t != nil {
		c.written = text(f, field.Type)
		tag, _ := schema.ParseTag(out.Literal, out.Name)
		if out.Type = (&schema.Type{}); tag.Form == schema.NameTag || tag.Form == schema.BadTag || out.Embedded {
			out.Type = c.convert(t)
		}
		out.Locks = c.locks(t, tag.Form == schema.NameTag, map[types.Type]bool{})
	}
	return out
}

// lookup gives the type of a field, or nil.
func (c *converter) lookup(structName, field string) types.Type {
	object := c.types.Scope().Lookup(structName)
	if object == nil {
		return nil
	}
	t, ok := object.Type().Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	for f := range t.Fields() {
		if f.Name() == field {
			return f.Type()
		}
	}
	return nil
}

// text gives an expression as it is written.
func text(f source, e ast.Expr) string {
	start := f.syntax.FileStart
	return string(f.bytes[e.Pos()-start : e.End()-start])
}

// cut parts a type as it is written into text and names of other packages,
// and notes the imports that these need.
func (c *converter) cut(f source, e ast.Expr, imports map[string]schema.Import) []schema.Piece {
	var pieces []schema.Piece
	written, at := text(f, e), 0
	foreign := func(n ast.Node, i schema.Import, name string) {
		imports[i.Path] = i
		start, end := int(n.Pos()-e.Pos()), int(n.End()-e.Pos())
		if before := written[at:start]; before != "" {
			pieces = append(pieces, schema.Piece{Text: before})
		}
		pieces = append(pieces, schema.Piece{Text: name, Path: i.Path})
		at = end
	}
	var labels map[ast.Node]bool // names of fields and parameters
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				if labels == nil {
					labels = map[ast.Node]bool{}
				}
				labels[name] = true
			}
		case *ast.SelectorExpr:
			if i, ok := c.imported(f, n); ok {
				foreign(n, i, n.Sel.Name)
			}
			return false
		case *ast.Ident:
			if i, ok := c.undotted(f, n.Name); ok && !labels[n] {
				foreign(n, i, n.Name)
			}
		}
		return true
	})
	if rest := written[at:]; rest != "" {
		pieces = append(pieces, schema.Piece{Text: rest})
	}
	return pieces
}

// imported gives the import that a qualified name is of.
func (c *converter) imported(f source, s *ast.SelectorExpr) (schema.Import, bool) {
	base, ok := s.X.(*ast.Ident)
	if !ok {
		return schema.Import{}, false
	}
	p := c.names.paths[f.syntax][base.Name]
	if p == "" {
		if _, own := c.p.Names[base.Name]; !own {
			c.report(base.Pos(), "an import that is named "+base.Name, "it is not clear which package %s is", base.Name)
		}
		return schema.Import{}, false
	}
	i := schema.Import{Path: p, Name: base.Name}
	if path.Base(p) != base.Name || named(f.syntax, p) {
		i.Alias = base.Name
	}
	return i, true
}

// undotted gives the import that a name is of which a dot import lends: output
// qualifies it.
func (c *converter) undotted(f source, name string) (schema.Import, bool) {
	if _, own := c.p.Names[name]; own {
		return schema.Import{}, false
	}
	for p, names := range c.dotted(f.syntax) {
		if !slices.ContainsFunc(names, func(t *types.TypeName) bool { return t.Name() == name }) {
			continue
		}
		i := schema.Import{Path: p, Name: c.packages[p].types.Name()}
		if path.Base(p) != i.Name {
			i.Alias = i.Name
		}
		return i, true
	}
	return schema.Import{}, false
}

// named says whether a file gives an import a name that differs from the last
// element of its path.
func named(f *ast.File, p string) bool {
	for _, spec := range f.Imports {
		if spec.Path.Value == `"`+p+`"` && spec.Name != nil {
			return spec.Name.Name != path.Base(p)
		}
	}
	return false
}
