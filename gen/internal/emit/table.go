package emit

import (
	"strconv"

	"github.com/dave/jennifer/jen"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// table emits how the documents of a struct are reached.
//
//	// ONoteTable is the type of the table "notes".
//	type ONoteTable = destam.Table[*ONote, Note, NoteQuery]
//
//	// NoteTable gives the table "notes" of a database.
//	func NoteTable(db *destam.DB) *ONoteTable {
//		return (*ONoteTable)(destam.TableOf(db, (*ONoteTable)(nil)))
//	}
//
//	// NoteWhere is where predicates on the query section of a [Note] begin.
//	var NoteWhere *NotePaths
//
// The query section of a document without one is struct{}, and there is nothing
// to ask.
func (e *emitter) table(s *schema.Struct) {
	args := []jen.Code{pointer(s.Handle()), jen.Id(s.Name), jen.Struct()}
	if s.Section != nil {
		args[2] = jen.Id(s.Section.Type.Struct.Name)
	}
	quoted := strconv.Quote(s.Table)
	e.comment(s.TableType() + " is the type of the table " + quoted + ".")
	e.Type().Id(s.TableType()).Op("=").Add(runtime("Table", args...))
	e.Line()
	e.comment(s.TableFunc() + " gives the table " + quoted + " of a database.")
	e.Func().Id(s.TableFunc()).Params(jen.Id("db").Op("*").Add(runtime("DB"))).Add(pointer(s.TableType())).
		Custom(oneLine, jen.Return(converted(s.TableType(), "TableOf", jen.Id("db"), jen.Parens(pointer(s.TableType())).Parens(jen.Nil()))))
	e.Line()
	if s.Section != nil {
		e.comment(s.Where() + " is where predicates on the query section of " + a(s) + " begin.")
		e.Var().Id(s.Where()).Add(pointer(s.Paths()))
		e.Line()
	}
}
