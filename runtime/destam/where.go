package destam

import (
	"errors"
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Place is a place in a query section. Generated types are defined as it, so
// that a path costs pointers and no code; a nil Place is the section itself.
type Place struct {
	_    [0]func() // nobody compares places: nothing to compile for that
	up   *Place
	name string
}

// At gives the place of a field. It is for generated code.
//
//go:noinline
func At(p *Place, name string) *Place { return &Place{up: p, name: name} }

// path gives the names that lead to p.
func (p *Place) path() []string {
	n := 0
	for q := p; q != nil; q = q.up {
		n++
	}
	names := make([]string, n)
	for q := p; q != nil; q = q.up {
		n--
		names[n] = q.name
	}
	return names
}

// Predicate asks something about the query sections of one table; D is the
// handle of its documents, so that predicates of two tables do not mix. The
// values of [Where] and its like make it, and [Table.After] and [Table.Limit].
type Predicate[D any] struct{ p *predicate }

// predicate is a Predicate of any table.
type predicate struct {
	asks  driver.Predicate
	page  bool // it is After or Limit instead
	after ID
	limit int   // 0 for none
	none  error // why nothing meets it, if that is known; see Dynamic
	err   error
}

// asks makes the predicate that v is what is asked for at p.
func asks(p *Place, op driver.Op, v any) *predicate {
	q := &predicate{asks: driver.Predicate{Path: p.path(), Op: op}}
	if op != driver.OpAbsent {
		q.asks.Value, q.err = operand(v)
	}
	return q
}

// Is asks that the object at p equals the plain struct that v points to, in
// the fields that the struct has. It is for generated code.
//
//go:noinline
func Is[D any](p *Place, v any) Predicate[D] { return Predicate[D]{asks(p, driver.OpIs, v)} }

// Absent asks that there is nothing at p. It is for generated code.
//
//go:noinline
func Absent[D any](p *Place) Predicate[D] { return Predicate[D]{asks(p, driver.OpAbsent, nil)} }

// Where is a field that holds a string, a bool or an integer.
type Where[D, T any] Place

// Is asks that the field has this value.
//
//go:noinline
func (w *Where[D, T]) Is(v T) Predicate[D] { return Predicate[D]{asks((*Place)(w), driver.OpIs, v)} }

// WhereOptional is a field that holds a string, a bool or an integer, or
// nothing.
type WhereOptional[D, T any] Place

// Is asks that the field is there and has this value.
//
//go:noinline
func (w *WhereOptional[D, T]) Is(v T) Predicate[D] {
	return Predicate[D]{asks((*Place)(w), driver.OpIs, v)}
}

// Absent asks that the field is not there.
//
//go:noinline
func (w *WhereOptional[D, T]) Absent() Predicate[D] { return Absent[D]((*Place)(w)) }

// WhereArray is an array of strings, bools or integers.
type WhereArray[D, E any] Place

// Has asks that some element has this value.
//
//go:noinline
func (w *WhereArray[D, E]) Has(v E) Predicate[D] {
	return Predicate[D]{asks((*Place)(w), driver.OpHas, v)}
}

// Is asks that the elements are these, in this order; Is() asks for the empty
// array.
//
//go:noinline
func (w *WhereArray[D, E]) Is(vs ...E) Predicate[D] {
	return Predicate[D]{asks((*Place)(w), driver.OpIs, vs)}
}

// WhereObjects is an array of objects or of arrays; W is what can be asked of
// one element.
type WhereObjects[D, E any, W place] Place

// place is every type that is defined as Place.
type place interface {
	~struct {
		_    [0]func()
		up   *Place
		name string
	}
}

// Any leads to the elements: a predicate on it asks that it holds for some
// element. Two predicates may be met by two elements; see Match.
//
//go:noinline
func (w *WhereObjects[D, E, W]) Any() *W {
	each := W(*At((*Place)(w), driver.Each))
	return &each
}

// Has asks that some element equals v, in the fields that v has.
//
//go:noinline
func (w *WhereObjects[D, E, W]) Has(v E) Predicate[D] {
	return Predicate[D]{asks((*Place)(w), driver.OpHas, v)}
}

// Is asks that the elements are these, in this order; Is() asks for the empty
// array.
//
//go:noinline
func (w *WhereObjects[D, E, W]) Is(vs ...E) Predicate[D] {
	return Predicate[D]{asks((*Place)(w), driver.OpIs, vs)}
}

// Match asks that one element meets all of these; they begin at Any.
//
//go:noinline
func (w *WhereObjects[D, E, W]) Match(where ...Predicate[D]) Predicate[D] {
	return Predicate[D]{match((*Place)(w), plainPredicates(where))}
}

// plainPredicates takes the table's type from predicates.
func plainPredicates[D any](where []Predicate[D]) []*predicate {
	ps := make([]*predicate, len(where))
	for i := range where {
		ps[i] = where[i].p
	}
	return ps
}

// match makes the predicate that one element of the array at p meets all.
func match(p *Place, where []*predicate) *predicate {
	q := &predicate{asks: driver.Predicate{Path: p.path(), Op: driver.OpMatch}}
	begin := append(p.path(), driver.Each)
	for _, w := range where {
		switch {
		case w == nil:
			q.err = errZero
		case w.err != nil:
			q.err = w.err
		case w.page:
			q.err = errors.New("After and Limit are of a whole query, not of Match")
		case len(w.asks.Path) < len(begin) || !slices.Equal(w.asks.Path[:len(begin)], begin):
			q.err = fmt.Errorf("Match on %s was given a predicate on %s, which does not begin at its Any",
				driver.JoinPath(p.path()), driver.JoinPath(w.asks.Path))
		default:
			element := w.asks
			element.Path = element.Path[len(begin):]
			q.asks.All = append(q.asks.All, element)
		}
	}
	return q
}

var errZero = errors.New("a zero Predicate asks nothing")

// criteria are the predicates of one query.
type criteria struct {
	preds []driver.Predicate
	after ID
	limit int  // 0 for none
	first bool // one hit will mostly do
}

// compile puts predicates together.
func compile(where []*predicate) (c criteria, err error) {
	err = c.add(where)
	return c, err
}

// add puts predicates to the others.
func (c *criteria) add(where []*predicate) error {
	for _, w := range where {
		switch {
		case w == nil:
			return errZero
		case w.err != nil:
			return w.err
		case !w.page:
			c.preds = append(c.preds, w.asks)
		case w.limit > 0 && (c.limit == 0 || w.limit < c.limit):
			c.limit = w.limit
		case w.after.Compare(c.after) > 0:
			c.after = w.after
		}
	}
	return nil
}
