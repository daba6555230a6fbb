package load

import (
	"go/ast"
	"slices"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// strays reports the structs of a file that have destam tags where nothing is
// generated for them: inside of functions, behind an alias, and without a name.
// Nobody would read these tags, and what they are to keep would be lost.
func (r *reader) strays(f source, taken map[*ast.StructType]bool) {
	declared := typeSpecs(f.syntax)
	named := map[*ast.StructType]*ast.TypeSpec{}
	var visit func(ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			if t, ok := ast.Unparen(n.Type).(*ast.StructType); ok {
				named[t] = n
			}
		case *ast.StructType:
			if !taken[n] {
				if tagged(n) {
					r.stray(n, named[n], declared)
				}
				return true
			}
			for _, field := range n.Fields.List {
				if !judged(field) {
					ast.Inspect(field.Type, visit)
				}
			}
			return false
		}
		return true
	}
	ast.Inspect(f.syntax, visit)
}

// stray reports one of them, which has the name that spec gives it, if any.
func (r *reader) stray(t *ast.StructType, spec *ast.TypeSpec, declared []*ast.TypeSpec) {
	switch {
	case spec == nil:
		r.report(t.Pos(), "declare it with a name at package level", "a struct without a name has destam tags, and nothing is generated for it")
	case spec.Name.Name == "_":
		r.report(spec.Name.Pos(), "a name", "a struct that is called _ has destam tags, and nothing is generated for it")
	case !slices.Contains(declared, spec):
		r.report(spec.Name.Pos(), "declare it at package level", "struct %s is declared inside of a function, and nothing is generated for it there", spec.Name.Name)
	default:
		r.report(spec.Assign, "leave the = out", "%s is an alias of a struct without a name, and nothing is generated for it", spec.Name.Name)
	}
}

// judged says whether the type of a field of a tagged struct is judged with the
// field, or left out with it.
func judged(field *ast.Field) bool {
	if field.Tag == nil {
		return false
	}
	tag, _ := schema.ParseTag(field.Tag.Value, "")
	return tag.Form == schema.NameTag || tag.Form == schema.LeaveOut
}
