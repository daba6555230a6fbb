package emit

import (
	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// lens emits the type that observes a struct.
//
//	// NoteLens observes a [Note].
//	type NoteLens struct{ destam.ObjectLens }
func (e *emitter) lens(s *schema.Struct) {
	e.comment(s.Lens() + " observes " + a(s) + ".")
	e.Type().Id(s.Lens()).Add(jen.Id("struct").Custom(oneLine, runtime("ObjectLens")))
	e.Line()
	for i, f := range s.Tagged() {
		e.lensMethod(s, f, i)
	}
	e.Line()
}

// lensMethod emits one of these, by the kind of the field:
//
//	func (l *NoteLens) Title() *destam.Lens[string] { return destam.LensAt[string](l, 1) }
//	func (l *NoteLens) Query() *NoteQueryLens { return (*NoteQueryLens)(destam.InnerLens(l, 0)) }
//	func (l *NoteLens) Tags() *destam.LeafArrayLens[string] { return destam.LeavesAt[string](l, 3) }
//	func (l *NoteLens) Rooms() *destam.MapLens[int, *RoomLens] { return destam.MapAt[int, *RoomLens](l, 6) }
func (e *emitter) lensMethod(s *schema.Struct, f *schema.Field, index int) {
	place := []jen.Code{jen.Id("l"), jen.Lit(index)}
	begin := e.Add(method("l", s.Lens(), f.Method())).Params().Op("*")
	if o := f.Type.Object(); o != nil && f.Type.Kind != schema.List && f.Type.Kind != schema.Map {
		begin.Id(o.Lens()).Custom(oneLine, jen.Return(converted(o.Lens(), "InnerLens", place...)))
		return
	}
	name, args := lensType(f.Type)
	begin.Add(runtime(name, args...)).Custom(oneLine, jen.Return(runtime(leads[name], args...).Call(place...)))
}

// leads are the functions that give a lens, by its type. Their names are short
// so that most of these methods take one line.
var leads = map[string]string{
	"Lens": "LensAt", "ArrayLens": "ArrayAt", "LeafArrayLens": "LeavesAt", "MapLens": "MapAt", "LeafMapLens": "LeafMapAt",
}

// lensType gives the lens of a leaf, a list or a map.
func lensType(t *schema.Type) (name string, args []jen.Code) {
	if t.Kind == schema.Optional {
		t = t.Elem
	}
	if t.Leaf() {
		return "Lens", []jen.Code{typ(t)}
	}
	name = "ArrayLens"
	if t.Kind == schema.Map {
		name, args = "MapLens", []jen.Code{typ(t.Key)}
	}
	if o := t.Object(); o != nil {
		return name, append(args, pointer(o.Lens()))
	}
	return "Leaf" + name, append(args, typ(t.Elem))
}
