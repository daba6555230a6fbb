package destam

import "github.com/destam-go/destamgen/runtime/internal/doc"

// Position is the place of an element in its array among the others, whatever
// comes and goes before it: what an index is not. The zero Position is of no
// element. Positions are of one array and one process, and are compared with ==.
type Position struct {
	key doc.Key
	of  uint32 // the numbering of the array
}

// arrays are [Array] and [ObjectArray].
type arrays interface{ ~struct{ v list } }

// PositionOf gives the position of the i-th element of an array. It panics when
// there is none, as slices do.
//
//go:noinline
func PositionOf[A arrays](a A, i int) Position { return (struct{ v list }(a)).v.position(i) }

// IndexOf gives the index of the element at a position now, or, with ok false,
// where it would be: it was taken out. So it is for a position from before its
// neighbourhood was numbered anew, as happens once in very many inserts at one
// place: then the index is -1.
//
//go:noinline
func IndexOf[A arrays](a A, p Position) (i int, ok bool) { return (struct{ v list }(a)).v.index(p) }

func (v list) position(i int) Position {
	l := v.readAt(i)
	p := Position{l.KeyOf(i), l.Renumbered()}
	v.done()
	return p
}

func (v list) index(p Position) (i int, ok bool) {
	l := v.read()
	defer v.done()
	if p.key == "" || p.of != l.Renumbered() {
		return -1, false
	}
	return l.Find(p.key)
}
