package emit

import (
	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// handle emits the live struct with its methods.
//
//	// ONote is a live [Note].
//	type ONote struct {
//		destam.ODocument
//		v *oNote
//	}
func (e *emitter) handle(s *schema.Struct) {
	embedded := "OObject"
	if s.Document() {
		embedded = "ODocument"
	}
	e.comment(s.Handle() + " is a live [" + s.Name + "].")
	e.Type().Id(s.Handle()).Struct(runtime(embedded), jen.Id("v").Add(pointer(s.State())))
	e.Line()
	if s.Document() {
		e.transactions(s)
	}
	e.whole(s)
	slots := s.Slots()
	for i, f := range s.Tagged() {
		e.field(fieldCode{f, i, slots[i], s.Handle()})
	}
}

// transactions emits how several changes of a document become one.
//
//	// Update runs fn as one commit: all or nothing.
//	func (o *ONote) Update(fn func(*ONote) error, opts ...destam.CommitOption) error {
//		return destam.Update(&o.OObject, fn, opts)
//	}
//
//	// View runs fn while nobody changes the document.
//	func (o *ONote) View(fn func(*ONote) error) error { return destam.View(&o.OObject, fn) }
func (e *emitter) transactions(s *schema.Struct) {
	fn := jen.Id("fn").Func().Params(pointer(s.Handle())).Error()
	e.comment("Update runs fn as one commit: all or nothing.")
	e.Add(method("o", s.Handle(), "Update")).
		Params(fn.Clone(), jen.Id("opts").Op("...").Add(runtime("CommitOption"))).Error().
		Custom(oneLine, jen.Return(runtime("Update").Call(object(), jen.Id("fn"), jen.Id("opts"))))
	e.Line()
	e.comment("View runs fn while nobody changes the document.")
	e.Add(method("o", s.Handle(), "View")).Params(fn.Clone()).Error().
		Custom(oneLine, jen.Return(runtime("View").Call(object(), jen.Id("fn"))))
	e.Line()
}

// whole emits what a live struct does as a whole.
//
//	// Observe begins a lens.
//	func (o *ONote) Observe() *NoteLens { return (*NoteLens)(destam.Observe(&o.OObject)) }
//
//	// Snapshot gives a deep copy.
//	func (o *ONote) Snapshot() Note { return *(*Note)(destam.Snapshot(&o.OObject)) }
//
//	// Assign makes it equal to v by the smallest deltas.
//	func (o *ONote) Assign(v Note) { destam.Assign(&o.OObject, &v) }
//
// The comments are for documents; a package has many nested objects, and these
// three do the same everywhere.
func (e *emitter) whole(s *schema.Struct) {
	say := func(text string) {
		if s.Document() {
			e.comment(text)
		}
	}
	part := func() {
		if s.Document() {
			e.Line()
		}
	}
	say("Observe begins a lens.")
	e.Add(method("o", s.Handle(), "Observe")).Params().Add(pointer(s.Lens())).
		Custom(oneLine, jen.Return(converted(s.Lens(), "Observe", object())))
	part()
	say("Snapshot gives a deep copy.")
	e.Add(method("o", s.Handle(), "Snapshot")).Params().Id(s.Name).
		Custom(oneLine, jen.Return(jen.Op("*").Add(converted(s.Name, "Snapshot", object()))))
	part()
	say("Assign makes it equal to v by the smallest deltas.")
	e.Add(method("o", s.Handle(), "Assign")).Params(jen.Id("v").Id(s.Name)).
		Custom(oneLine, runtime("Assign").Call(object(), jen.Op("&").Id("v")))
	e.Line()
}

// upcasts emits what reads fields that were of other types once.
//
//	// What was stored before types changed is read by these.
//	var _ = destam.Upcast[*Note]("priority", upcastNotePriority)
func (e *emitter) upcasts() {
	said := false
	for _, s := range e.f.Structs {
		for _, f := range s.Fields {
			for _, w := range f.Former {
				if w.Upcast == "" {
					continue
				}
				if !said {
					e.comment("What was stored before types changed is read by these.")
					said = true
				}
				e.Var().Id("_").Op("=").Add(runtime("Upcast", pointer(s.Name))).Call(jen.Lit(w.Name), jen.Id(w.Upcast))
			}
		}
	}
	if said {
		e.Line()
	}
}

// states emits the machinery at the end of the file.
func (e *emitter) states() {
	e.comment("What the handles of one object share, in the order of its fields.")
	for _, s := range e.f.Structs {
		e.state(s)
	}
}

// state emits what the handles of one object share.
//
//	type oNote struct {
//		node   destam.Node
//		handle ONote
//		title  string
//	}
func (e *emitter) state(s *schema.Struct) {
	slots := s.Slots()
	e.Type().Id(s.State()).StructFunc(func(g *jen.Group) {
		g.Id("node").Add(runtime("Node"))
		g.Id("handle").Id(s.Handle())
		for i, f := range s.Tagged() {
			g.Id(slots[i]).Add(stored(f.Type))
		}
	})
	e.Line()
}

// stored gives the type of a field's state.
func stored(t *schema.Type) *jen.Statement {
	object := t.Object()
	switch {
	case t.Kind == schema.Object:
		return jen.Id(object.State())
	case t.Kind == schema.Optional && object != nil:
		return runtime("Child", pointer(object.State()))
	case t.Kind == schema.Optional && t.Elem.Encoded():
		return runtime("Optional", runtime("Coded"))
	case t.Kind == schema.Optional:
		return runtime("Optional", typ(t.Elem))
	case t.Encoded():
		return runtime("Coded")
	case t.Leaf():
		return typ(t)
	case object != nil:
		return runtime("Objects", pointer(object.State()))
	}
	return runtime("Leaves")
}
