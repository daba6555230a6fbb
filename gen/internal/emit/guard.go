package emit

import (
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// guards emits what stops compiling when a type has changed, with one comment
// above all of it.
func (e *emitter) guards() {
	e.comment("An error here means that a type has changed since this file was written: run go generate.")
	e.Func().Id("_").Params().BlockFunc(func(g *jen.Group) {
		for i, s := range e.f.Structs {
			if i > 0 {
				g.Line()
			}
			guard(g, s)
		}
	})
	e.Line()
	e.namedGuards()
}

// guard emits what stops compiling when the struct changes. Assigning compares
// field names, types and tags; converting would ignore the tags. The alias is
// what the compiler's message shows.
//
//	type Note_changed_run_go_generate = struct {
//		Title string `destam:"title"`
//	}
//	var _ Note = Note_changed_run_go_generate{}
func guard(g *jen.Group, s *schema.Struct) {
	alias := s.Name + "_changed_run_go_generate"
	g.Type().Id(alias).Op("=").StructFunc(func(g *jen.Group) {
		for _, f := range s.Fields {
			g.Add(guarded(f))
		}
	})
	g.Var().Id("_").Id(s.Name).Op("=").Id(alias).Values()
}

// guarded gives a field as the user wrote it, but for arrays, whose lengths may be
// constants with another value by then.
func guarded(f *schema.Field) *jen.Statement {
	field := jen.Null()
	if !f.Embedded {
		field.Id(f.Name)
	}
	if f.Type.Sized() {
		field.Add(typ(f.Type))
	} else {
		field.Add(pieces(f.Source))
	}
	if f.Literal != "" {
		field.Op(literal(f.Literal))
	}
	return field
}

// literal gives a struct tag in the form that people write.
func literal(written string) string {
	value, err := strconv.Unquote(written)
	if err != nil || !strconv.CanBackquote(value) {
		return written
	}
	return "`" + value + "`"
}

// namedGuards emits one line for each declared type that the structs use, but
// for those that never change. It stops compiling when
// the type becomes another; converting a pointer, unlike a value, needs the very
// same underlying type.
//
//	var _ = (*string)((*Status)(nil))
func (e *emitter) namedGuards() {
	done := map[schema.Name]bool{}
	for _, s := range e.f.Structs {
		for _, f := range s.Tagged() {
			for _, t := range f.Type.Named() {
				if done[t.Name] || t.Name.Settled() {
					continue
				}
				done[t.Name] = true
				e.Var().Id("_").Op("=").Parens(jen.Op("*").Add(underlying(t))).
					Parens(jen.Parens(jen.Op("*").Add(typ(t))).Parens(jen.Nil()))
			}
		}
	}
	if len(done) > 0 {
		e.Line()
	}
}
