package doc

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// fitting checks that the changes of a body fit what is there and each other,
// before any of them is made: a body that does not fit was not made by this
// package, or not for this document.
type fitting struct {
	xs       []change
	run      run                    // of the change before
	key      pos.Key                // of that
	runs     map[run]pos.Key        // how far the runs before it went
	seen     *slots                 // that changes are of; nil while they ascend
	renumber map[*List]*renumbering // of lists that are renumbered
	gone     map[slot]bool          // slots whose object goes
	left     map[ownership]int      // the same of unknown places, which have no names
	come     map[*Node][]*Node      // who will hold an object beside those who do
}

// run is changes of one field, or of the elements of one list: as they are
// written, the keys mostly ascend.
type run struct {
	n *Node
	f int
}

// renumbering is one of a list, with the keys of the elements that the body
// takes out of it, ascending.
type renumbering struct {
	*Renamed
	gone []pos.Key
}

type ownership struct{ owner, n *Node }

func (d *Document) fits(xs []change, c *decoder) error {
	f := fitting{xs: xs}
	for i := range xs {
		if x := &xs[i]; x.op == opRenumber && x.path == "" {
			if err := f.list(x); err != nil {
				return err
			}
		}
	}
	moves := len(c.links) > 0
	for i := range xs {
		x := &xs[i]
		if err := f.one(i); err != nil {
			return err
		}
		moves = moves || x.node != nil && x.node.known
	}
	if !moves {
		return nil // what is new hangs together without a cycle: see decoder
	}
	return f.cycles()
}

// slot gives the slot of a change.
func (x *change) slot() slot {
	s := slot{n: x.n, f: int32(x.f), key: x.key}
	if x.path != "" {
		s.f, s.key = unknownPlace, pos.Key(x.path)+"\x00"+x.key
	} else if x.element() || x.op == opRenumber {
		s.l = x.n.EnsureList(x.f)
	}
	return s
}

// one checks the i-th change.
func (f *fitting) one(i int) error {
	x := &f.xs[i]
	if x.op == opContent {
		if len(f.xs) > 1 {
			return errTwice
		}
		return nil
	}
	if !f.once(i) {
		return errTwice
	}
	there, err := f.there(x)
	switch {
	case err != nil || x.path != "" || x.op == opRenumber || x.former || x.loose && x.n.typ.Fields[x.f].valued():
		return err
	case there && (x.op == opInsert || x.op == opInsert+opElement):
		return fmt.Errorf("field %s: what is there already was inserted", x.n.typ.Fields[x.f].Name)
	case !there && x.op != opInsert && x.op != opInsert+opElement:
		return fmt.Errorf("field %s: %w", x.n.typ.Fields[x.f].Name, errNotThere)
	}
	return nil
}

// once tells whether the i-th change is of another slot than those before it.
func (f *fitting) once(i int) bool {
	x := &f.xs[i]
	if f.seen == nil {
		if len(f.xs) == 1 || f.ascends(x) {
			return true
		}
		f.seen = newSlots(len(f.xs))
		for j := range i {
			f.seen.add(f, j)
		}
	}
	return f.seen.add(f, i)
}

// slots is the set of the slots of changes. It keeps their numbers only: a body
// of few bytes a change must not take many.
type slots struct {
	seed  maphash.Seed
	table []int32 // one more than the number of a change, by hash; the length is a power of two
}

func newSlots(n int) *slots {
	size := 4
	for size < 2*n {
		size *= 2
	}
	return &slots{maphash.MakeSeed(), make([]int32, size)}
}

// add adds the slot of the i-th change; false means that it is there already.
func (s *slots) add(f *fitting, i int) bool {
	x := f.slot(&f.xs[i])
	mask := uint64(len(s.table) - 1)
	for h := maphash.Comparable(s.seed, x); ; h++ {
		at := s.table[h&mask]
		if at == 0 {
			s.table[h&mask] = int32(i + 1)
			return true
		}
		if f.slot(&f.xs[at-1]) == x {
			return false
		}
	}
}

// ascends tells whether a change goes on where the others of its field, or
// list, have ended: then its slot is none of theirs. That needs no entry for
// each slot.
func (f *fitting) ascends(x *change) bool {
	if x.path != "" || f.renumber != nil {
		return false
	}
	r := run{x.n, x.f}
	last, begun := f.key, r == f.run
	if !begun {
		if last, begun = f.runs[r]; f.run.n != nil {
			if f.runs == nil {
				f.runs = map[run]pos.Key{}
			}
			f.runs[f.run] = f.key
		}
	}
	f.run, f.key = r, x.key
	return !begun || x.element() && x.key > last
}

// slot is the slot of a change. A renumbered array may have a delta for the
// key that something had and one for the key that another gets.
func (f *fitting) slot(x *change) slot {
	s := x.slot()
	if x.op == opRenumber || s.l != nil && !x.has() && f.renumber[s.l] != nil {
		s.f = ^s.f
	}
	return s
}

// there tells whether the slot of a change holds something.
func (f *fitting) there(x *change) (bool, error) {
	if x.path != "" {
		return false, x.fitsUnknown()
	}
	if x.op == opRenumber {
		return true, nil
	}
	if x.element() {
		l := x.n.List(x.f)
		if r := f.renumber[l]; r != nil && x.has() {
			_, ok := f.after(l, r, x.key)
			return ok, nil
		}
		_, ok := l.Find(x.key)
		return ok, nil
	}
	return x.n.has(x.f), nil
}

// list checks that a renumbering is of elements that are there, and leaves
// their order as it is. It looks at these and their neighbours only.
func (f *fitting) list(x *change) error {
	l, r := x.n.EnsureList(x.f), x.rare.renamed
	if f.renumber[l] != nil {
		return errTwice
	}
	if f.renumber == nil {
		f.renumber = map[*List]*renumbering{}
	}
	gone := f.deleted(x)
	f.renumber[l] = &renumbering{r, gone}
	order := func() error {
		return fmt.Errorf("a renumbering of field %s changes the order", x.n.typ.Fields[x.f].Name)
	}
	next := 0 // of gone
	for j, old := range r.Old {
		at, ok := l.Find(old)
		if !ok {
			return errNotThere
		}
		for next < len(gone) && gone[next] < old {
			next++
		}
		if next < len(gone) && gone[next] == old {
			return errTwice
		}
		// The neighbours that stay: those that get other keys have them in
		// their order among themselves.
		before, after := at-1, at+1
		for g := next - 1; before >= 0 && g >= 0 && gone[g] == l.cells.Key(before); g-- {
			before--
		}
		for g := next; after < l.Len() && g < len(gone) && gone[g] == l.cells.Key(after); g++ {
			after++
		}
		if before >= 0 {
			if k := l.cells.Key(before); (j == 0 || r.Old[j-1] != k) && k >= r.New[j] {
				return order()
			}
		}
		if after < l.Len() {
			if k := l.cells.Key(after); (j+1 == len(r.Old) || r.Old[j+1] != k) && k <= r.New[j] {
				return order()
			}
		}
	}
	return nil
}

// deleted gives the keys of the elements that the body takes out of the list
// that x renumbers, as far as they are there, ascending.
func (f *fitting) deleted(x *change) (keys []pos.Key) {
	for i := range f.xs {
		if y := &f.xs[i]; y.op == opDelete+opElement && y.n == x.n && y.f == x.f && y.path == "" {
			if _, ok := x.n.List(x.f).Find(y.key); ok {
				keys = append(keys, y.key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// after finds the element of a list that will have a key when it is renumbered,
// by its index now.
func (f *fitting) after(l *List, r *renumbering, k pos.Key) (i int, ok bool) {
	if j, ok := slices.BinarySearch(r.New, k); ok {
		return l.Find(r.Old[j])
	}
	if _, ok := slices.BinarySearch(r.Old, k); ok {
		return 0, false
	}
	if _, ok := slices.BinarySearch(r.gone, k); ok {
		return 0, false
	}
	return l.Find(k)
}

// cycles checks that no object will contain itself.
func (f *fitting) cycles() error {
	f.gone, f.left, f.come = map[slot]bool{}, map[ownership]int{}, map[*Node][]*Node{}
	for i := range f.xs {
		f.moves(&f.xs[i])
	}
	for n, owners := range f.come {
		for _, o := range owners {
			seen := map[*Node]bool{}
			if o == n || f.below(o, n, seen) {
				return ErrCycle
			}
		}
	}
	return nil
}

// moves notes which objects a change takes from their slots and puts there.
func (f *fitting) moves(x *change) {
	come := func(n *Node) { f.come[n] = append(f.come[n], x.n) }
	if x.path != "" {
		if v := x.value(); v != nil {
			v.objects(come)
		}
		if was := x.present(); was != nil {
			was.objects(func(n *Node) { f.left[ownership{x.n, n}]++ })
		}
		return
	}
	if x.node != nil {
		come(x.node)
	}
	if x.op == opRenumber || x.op == opContent || x.n.typ.Fields[x.f].typ == nil {
		return
	}
	s := x.slot()
	if r := f.renumber[s.l]; s.l != nil && r != nil && x.has() {
		i, ok := f.after(s.l, r, x.key)
		if !ok {
			return
		}
		s.key = s.l.cells.Key(i)
	}
	f.gone[s] = true
}

// below tells whether n will be below a.
func (f *fitting) below(n, a *Node, seen map[*Node]bool) bool {
	if seen[n] {
		return false
	}
	seen[n] = true
	up := func(m *Node) bool { return m == a || f.below(m, a, seen) }
	left := 0
	for h := range n.holders {
		if h.f == unknownPlace && left < f.left[ownership{h.n, n}] {
			left++
			continue
		}
		if !f.gone[slot{h.n, h.l, h.f, h.key}] && up(h.n) {
			return true
		}
	}
	for _, m := range f.come[n] {
		if up(m) {
			return true
		}
	}
	return false
}
