package load

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Types that the model cannot hold, and what to do instead.

func bad(fix, format string, args ...any) *schema.Type {
	return &schema.Type{Problem: fmt.Sprintf(format, args...), Fix: fix}
}

// missing says that a type is not known: which one, where a field's type is made
// of several, and what it may have been meant to be.
func (c *converter) missing() *schema.Type {
	missing := c.written
	if expr, err := parser.ParseExpr(c.written); err == nil {
		missing = cmp.Or(c.lacking(expr, map[*ast.TypeSpec]bool{}), missing)
	}
	if strings.HasPrefix(missing, "C.") {
		return bad("a type of Go, converted where C is called", "%s is of C: only cgo knows what it is, and that may differ from system to system", missing)
	}
	fix := "declare it, or import its package"
	names := append(typeNames(c.types.Scope()), typeNames(types.Universe)...)
	if near := schema.Nearest(missing, names); near != "" {
		fix = near
	}
	return bad(fix, "the type %s cannot be found", missing)
}

// lacking gives the first name in a type that nothing is known of, or "". What
// the package declares is looked into, but for what has names of its own inside.
func (c *converter) lacking(e ast.Expr, seen map[*ast.TypeSpec]bool) string {
	found := ""
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if base, ok := n.X.(*ast.Ident); ok && base.Name == "C" {
				found = cmp.Or(found, "C."+n.Sel.Name)
			}
			return false
		case *ast.StructType, *ast.InterfaceType, *ast.FuncType:
			return false
		case *ast.Ident:
			if spec := c.declaration(n.Name); spec != nil {
				if spec.TypeParams == nil && !seen[spec] {
					seen[spec] = true
					found = cmp.Or(found, c.lacking(spec.Type, seen))
				}
			} else if c.types.Scope().Lookup(n.Name) == nil && types.Universe.Lookup(n.Name) == nil {
				found = cmp.Or(found, n.Name)
			}
		}
		return true
	})
	return found
}

// declaration gives the package-level declaration of a type, or nil.
func (c *converter) declaration(name string) *ast.TypeSpec {
	for _, f := range c.files {
		for _, spec := range typeSpecs(f.syntax) {
			if spec.Name.Name == name {
				return spec
			}
		}
	}
	return nil
}

// typeNames gives the names of a scope that are types.
func typeNames(scope *types.Scope) []string {
	return slices.DeleteFunc(scope.Names(), func(name string) bool {
		_, is := scope.Lookup(name).(*types.TypeName)
		return !is
	})
}

// unknown says why nothing is known of a type of another package.
func (c *converter) unknown(name typeName, err error) *schema.Type {
	if name.path == "" {
		path := name.name
		if object := c.types.Scope().Lookup(name.name); object != nil {
			path = c.foreign[object.Type().Underlying()].path
		}
		return bad(obtain(path), "what the type %s is declared as cannot be found: %v", name.name, err)
	}
	if p := c.library.packages[name.path]; p != nil && p.err == nil {
		fix := "a type that the package declares"
		if near := schema.Nearest(name.name, typeNames(p.types.Scope())); token.IsExported(near) {
			fix = path.Base(name.path) + "." + near
		}
		return bad(fix, "%v", err)
	}
	return bad(obtain(name.path), "type %s of package %s cannot be found: %v", name.name, name.path, err)
}

// obtain says how to come by a package that is nowhere.
func obtain(importPath string) string {
	if first, _, _ := strings.Cut(importPath, "/"); !strings.Contains(first, ".") {
		return "another import path"
	}
	return "go get " + importPath
}

// noCodec says why a struct that has no tags and no codec cannot be a field's
// type.
func (c *converter) noCodec(t *types.Named, name typeName, under *types.Struct) *schema.Type {
	tagged := false
	for i := range under.NumFields() {
		tagged = tagged || schema.HasTag("`"+under.Tag(i)+"`")
	}
	const leaveOut = `destam:"-"`
	switch {
	case name.path != "" && tagged:
		short := path.Base(name.path) + "." + name.name
		return bad("a struct with these fields in this package, destam.RegisterLeaf["+short+"] to keep it as one value, or "+leaveOut,
			"the struct %s is of package %s, and the live object for it would be too: a document is made of structs of one package", name.name, name.path)
	case name.path == "database/sql" && strings.HasPrefix(name.name, "Null"):
		return bad("a pointer, which can be absent", "%s means null, and there is none: a value is there or absent", "sql."+name.name)
	case name.path != "":
		register := "destam.RegisterLeaf[" + path.Base(name.path) + "." + name.name + "], "
		if t.TypeArgs().Len() > 0 {
			register = ""
		}
		return bad(register+"a struct of this package, or "+leaveOut,
			"the struct %s of package %s has no codec: no methods for binary, text or msgpack", name.name, name.path)
	case tagged:
		if _, ok := c.foreign[t.Underlying()]; ok {
			return bad("write its fields out", "%s takes its fields from a struct of another package", name.name)
		}
		return bad("write its fields out, or use the other struct", "%s takes its fields from another struct", name.name)
	}
	if other, ok := c.foreign[t.Underlying()]; ok {
		short := path.Base(other.path) + "." + other.name
		return bad(short+" itself", "%s hides the methods of %s, so it has no codec", name.name, short)
	}
	return bad(`tags in `+name.name+`, methods for binary or text, or `+leaveOut, "the struct %s has no destam tags", name.name)
}

// reference says why a destam.Ref is wrong: it leads to a document, which its
// handle stands for. Those of other packages are left to the compiler.
func (c *converter) reference(t *types.Named) *schema.Type {
	if t.TypeArgs().Len() != 1 {
		return nil
	}
	to := types.Unalias(t.TypeArgs().At(0))
	pointer, isPointer := to.(*types.Pointer)
	if isPointer {
		to = types.Unalias(pointer.Elem())
	}
	named, ok := to.(*types.Named)
	if ok && named.Obj().Pkg() != c.types && !isPointer {
		return nil
	}
	if ok {
		for _, s := range c.structs {
			switch name := named.Obj().Name(); {
			case name != s.Name && name != s.Handle():
			case !c.documents[s.Name]:
				return bad("a struct with table=, or the struct itself", "destam.Ref leads to a document, and %s is none: it has no table", s.Name)
			case name == s.Name || isPointer:
				return bad("destam.Ref["+s.Handle()+"]", "destam.Ref names the handle of the document that it leads to")
			default:
				return nil
			}
		}
	}
	return bad("destam.Ref[ONote] for documents Note", "destam.Ref leads to a document, and %s is no handle of one", types.TypeString(to, types.RelativeTo(c.types)))
}
