package emit

import (
	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// oneLine is a body that gofmt keeps on the line of its function while that is
// short.
var oneLine = jen.Options{Open: "{ ", Close: " }", Separator: "; "}

// runtime gives a name of the runtime package, with type arguments if there are
// any: destam.Name[A, B]
func runtime(name string, args ...jen.Code) *jen.Statement {
	s := jen.Qual(schema.Runtime, name)
	if len(args) > 0 {
		s.Types(args...)
	}
	return s
}

// pointer gives *T for a type of this package.
func pointer(typ string) *jen.Statement { return jen.Op("*").Id(typ) }

// object gives what the runtime knows a handle by: &o.OObject
func object() *jen.Statement { return jen.Op("&").Id("o").Dot("OObject") }

// slot gives the place of a field's state: &o.v.title
func slot(name string) *jen.Statement { return jen.Op("&").Id("o").Dot("v").Dot(name) }

// converted gives what a function of the runtime gives as a pointer to a type
// of this package: (*ONoteQuery)(destam.Inner(&o.OObject, 0))
func converted(typ, function string, args ...jen.Code) *jen.Statement {
	return jen.Parens(pointer(typ)).Parens(runtime(function).Call(args...))
}

// method begins a method: func (o *ONote) Title
func method(receiver, typ, name string) *jen.Statement {
	return jen.Func().Params(jen.Id(receiver).Add(pointer(typ))).Id(name)
}

// typ gives a type of the model as Go: its name if it has one.
func typ(t *schema.Type) *jen.Statement {
	switch {
	case len(t.Written) > 0:
		return pieces(t.Written)
	case t.Name.Path != "":
		return jen.Qual(t.Name.Path, t.Name.Name)
	case t.Name.Name != "":
		return jen.Id(t.Name.Name)
	}
	return underlying(t)
}

// underlying gives a type of the model as Go, without its own name.
func underlying(t *schema.Type) *jen.Statement {
	switch t.Kind {
	case schema.Bytes:
		return jen.Index().Byte()
	case schema.List:
		return jen.Index().Add(typ(t.Elem))
	case schema.Optional:
		return jen.Op("*").Add(typ(t.Elem))
	case schema.Array:
		return jen.Index(jen.Lit(int(t.Len))).Add(typ(t.Elem))
	case schema.Map:
		return jen.Map(typ(t.Key)).Add(typ(t.Elem))
	default:
		return jen.Id(t.Basic)
	}
}

// pieces gives a type as it was written.
func pieces(written []schema.Piece) *jen.Statement {
	s := jen.Null()
	for _, piece := range written {
		if piece.Path != "" {
			s.Qual(piece.Path, piece.Text)
		} else {
			s.Op(piece.Text)
		}
	}
	return s
}
