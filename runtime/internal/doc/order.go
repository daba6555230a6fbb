package doc

import (
	"maps"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// orders say, for each array that a commit renumbered which is being undone
// or done again, what the keys in the commits mean now: a commit that is done
// again after another was taken back names elements by keys that they would
// have had. Arrays that nobody renumbered need no such help.
type orders map[*List]order

// order has an entry for each element of the array, in its order, and for
// elements that commits speak of and that are not there.
type order []orderEntry

type orderEntry struct {
	key   pos.Key // in terms of the commits; empty for what they removed
	there bool    // it is an element of the array now
}

// ordersOf begins with the arrays as they are before the commits: those that
// one of them renumbers, and those where one has put an element under the key
// that another has taken away.
func ordersOf(commits []*Pending) (o orders) {
	free := map[slot]bool{}
	for _, p := range commits {
		p.each(func(x *Delta) {
			switch {
			case x.L == nil || x.L.isMap():
			case x.Renamed() != nil:
				o.add(x.L)
			case !x.Has:
				free[slot{x.N, x.L, x.F, x.start()}] = true
			case !x.Had && free[slot{x.N, x.L, x.F, x.Key}]:
				o.add(x.L)
			}
		})
	}
	return o
}

// add begins with an array as it is.
func (o *orders) add(l *List) {
	if (*o)[l] != nil {
		return
	}
	if *o == nil {
		*o = orders{}
	}
	entries := order{}
	for j := range l.Len() {
		entries = append(entries, orderEntry{l.cells.Key(j), true})
	}
	(*o)[l] = entries
}

func (o orders) clone() orders {
	c := maps.Clone(o)
	for l := range c {
		c[l] = slices.Clone(c[l])
	}
	return c
}

// pass follows deltas of one commit that are not done again.
func (o orders) pass(lost []Delta) {
	if len(o) > 0 {
		o.redo(lost, func(int) bool { return false })
	}
}

// redo follows those of the deltas, which happened together, that are on
// renumbered arrays, and does again those that it is told to. It gives the
// other deltas.
func (o orders) redo(deltas []Delta, again func(i int) bool) (others []int) {
	var mine []int
	for i := range deltas {
		if _, ok := o[deltas[i].L]; ok && deltas[i].L != nil {
			mine = append(mine, i)
		} else {
			others = append(others, i)
		}
	}
	for _, i := range mine {
		if x := &deltas[i]; x.Renamed() == nil && !x.Has {
			o.delete(x, again(i))
		}
	}
	for _, i := range mine {
		if x := &deltas[i]; x.Renamed() != nil {
			o.rename(x)
		}
	}
	for _, i := range mine {
		if x := &deltas[i]; x.Renamed() == nil && x.Has {
			if x.Had {
				o.modify(x, again(i))
			} else {
				o.insert(x, again(i))
			}
		}
	}
	return others
}

// find gives the entry of a key and the index of its element.
func (e order) find(k pos.Key) (at, index int, ok bool) {
	for at = range e {
		if e[at].key == k {
			return at, index, true
		}
		if e[at].there {
			index++
		}
	}
	return 0, 0, false
}

func (o orders) delete(x *Delta, again bool) {
	e := o[x.L]
	at, index, ok := e.find(x.start())
	switch {
	case !ok:
	case !e[at].there:
		o[x.L] = slices.Delete(e, at, at+1)
	case again:
		x.L.Remove(index, 1)
		o[x.L] = slices.Delete(e, at, at+1)
	default:
		e[at].key = ""
	}
}

// rename follows a renumbering. It is not done again: the array numbers its
// elements as it needs.
func (o orders) rename(x *Delta) {
	e := o[x.L]
	places := make([]int, len(x.Renamed().Old))
	for i, old := range x.Renamed().Old {
		places[i] = -1
		if at, _, ok := e.find(old); ok {
			places[i] = at
		}
	}
	for i, at := range places {
		if at >= 0 {
			e[at].key = x.Renamed().New[i]
		}
	}
}

func (o orders) modify(x *Delta, again bool) {
	at, index, ok := o[x.L].find(x.Key)
	if !ok || !again {
		return
	}
	if o[x.L][at].there {
		x.L.set(x.L.cells.Key(index), true, x.Val)
		return
	}
	// What it changed went with the commit that was taken back: the later
	// one wins, and brings it back.
	x.L.openFor(index, x)
	o[x.L][at].there = true
}

func (o orders) insert(x *Delta, again bool) {
	e := o[x.L]
	at, index := len(e), x.L.Len()
	for i, n := 0, 0; i < len(e); i++ {
		if e[i].key != "" && e[i].key > x.Key {
			at, index = i, n
			break
		}
		if e[i].there {
			n++
		}
	}
	if again {
		x.L.openFor(index, x)
	}
	o[x.L] = slices.Insert(e, at, orderEntry{x.Key, again})
}

// openFor inserts the value of a delta at index i.
func (l *List) openFor(i int, x *Delta) {
	l.Open(i, 1)
	if c, ok := x.Val.(*Node); ok {
		l.Put(i, c)
	} else {
		l.field().leaf.unbox(l.cells.at(i), x.Val)
	}
	l.Close(i, 1)
}
