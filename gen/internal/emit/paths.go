package emit

import (
	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// place gives a path as the runtime knows it: (*destam.Place)(w)
func place() *jen.Statement {
	return jen.Parens(jen.Op("*").Add(runtime("Place"))).Parens(jen.Id("w"))
}

// rootPaths emits the places of a document's query section. The type has no
// parameter, which compiles faster, since it belongs to one document.
//
//	// NotePaths are the places of the query section of a [Note].
//	type NotePaths destam.Place
func (e *emitter) rootPaths(s *schema.Struct) {
	e.comment(s.Paths() + " are the places of the query section of " + a(s) + ".")
	e.Type().Id(s.Paths()).Add(runtime("Place"))
	e.Line()
	for _, f := range s.Section.Type.Struct.Tagged() {
		e.path(jen.Id(s.Paths()), f, pointer(s.Handle()))
	}
	e.Line()
}

// nestedPaths emits the places of a struct inside query sections, of whatever
// document D.
//
//	// ProfilePaths are the places of a [Profile] in a query section.
//	type ProfilePaths[D any] destam.Place
func (e *emitter) nestedPaths(s *schema.Struct) {
	d := e.p.Parameter
	self := jen.Id(s.Paths()).Types(jen.Id(d))
	e.comment(s.Paths() + " are the places of " + a(s) + " in a query section.")
	e.Type().Id(s.Paths()).Types(jen.Id(d).Any()).Add(runtime("Place"))
	e.Line()
	for _, f := range s.Tagged() {
		e.path(self, f, jen.Id(d))
	}
	e.Line()
	if s.WithIs {
		e.is(s, self, jen.Id(d))
	}
	if s.WithAbsent {
		e.absent(s, self, jen.Id(d))
	}
}

// path emits what leads to one field, by the name that it is stored under:
//
//	func (w *NotePaths) Owner() *destam.Where[*ONote, string] {
//		return (*destam.Where[*ONote, string])(destam.At((*destam.Place)(w), "owner"))
//	}
func (e *emitter) path(self *jen.Statement, f *schema.Field, d *jen.Statement) {
	to := where(f.Type, d)
	e.Func().Params(jen.Id("w").Op("*").Add(self.Clone())).Id(f.Method()).Params().Op("*").Add(to.Clone()).
		Custom(oneLine, jen.Return(jen.Parens(jen.Op("*").Add(to)).Parens(
			runtime("At").Call(place(), jen.Lit(f.StoredName())),
		)))
}

// where gives the type that has the predicates of a value of type t:
//
//	destam.Where[*ONote, string]            ProfilePaths[*ONote]
//	destam.WhereOptional[*ONote, int]       destam.WhereArray[*ONote, string]
//	destam.WhereObjects[*ONote, Item, ItemPaths[*ONote]]
//	destam.WhereObjects[*ONote, []int, destam.WhereArray[*ONote, int]]
func where(t *schema.Type, d *jen.Statement) *jen.Statement {
	switch {
	case t.Kind == schema.Object:
		return jen.Id(t.Struct.Paths()).Types(d.Clone())
	case t.Kind == schema.Optional && t.Elem.Kind == schema.Object:
		return where(t.Elem, d)
	case t.Kind == schema.Optional:
		return runtime("WhereOptional", d.Clone(), typ(t.Elem))
	case t.Kind == schema.List && t.Elem.Leaf() && t.Elem.Kind != schema.Array, t.Kind == schema.Array && t.Elem.Kind == schema.Scalar:
		return runtime("WhereArray", d.Clone(), typ(t.Elem))
	case t.Kind == schema.List, t.Kind == schema.Array:
		return runtime("WhereObjects", d.Clone(), typ(t.Elem), where(t.Elem, d))
	}
	return runtime("Where", d.Clone(), typ(t))
}

// is emits the predicate on a whole struct.
//
//	// Is holds where the whole Profile equals v.
//	func (w *ProfilePaths[D]) Is(v Profile) destam.Predicate[D] {
//		return destam.Is[D]((*destam.Place)(w), &v)
//	}
func (e *emitter) is(s *schema.Struct, self, d *jen.Statement) {
	e.comment("Is holds where the whole " + s.Name + " equals v.")
	e.Func().Params(jen.Id("w").Op("*").Add(self.Clone())).Id("Is").Params(jen.Id("v").Id(s.Name)).Add(runtime("Predicate", d.Clone())).
		Custom(oneLine, jen.Return(runtime("Is", d.Clone()).Call(place(), jen.Op("&").Id("v"))))
	e.Line()
}

// absent emits the predicate on a struct that is not there.
//
//	// Absent holds where there is no Profile.
//	func (w *ProfilePaths[D]) Absent() destam.Predicate[D] { return destam.Absent[D]((*destam.Place)(w)) }
func (e *emitter) absent(s *schema.Struct, self, d *jen.Statement) {
	e.comment("Absent holds where there is no " + s.Name + ".")
	e.Func().Params(jen.Id("w").Op("*").Add(self.Clone())).Id("Absent").Params().Add(runtime("Predicate", d.Clone())).
		Custom(oneLine, jen.Return(runtime("Absent", d.Clone()).Call(place())))
	e.Line()
}
