package memory

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tidwall/btree"

	"github.com/destam-go/destamgen/runtime/driver"
)

// index finds ids by terms. A term that some document has is known by a number,
// and one tree holds all pairs of a term's number and an id, in order: a term of
// one document costs as little as can be, and one of a million is no slower to
// change. It is guarded by the store's lock.
type index struct {
	lists map[driver.Term]list
	free  []uint32 // numbers that no term has
	pairs *btree.BTreeG[pair]
}

// list is the part of the tree that belongs to a term.
type list struct {
	number uint32
	count  int32
}

type pair struct {
	number uint32
	id     driver.ID
}

func newIndex() *index {
	return &index{
		lists: make(map[driver.Term]list),
		pairs: btree.NewBTreeGOptions(func(a, b pair) bool {
			if a.number != b.number {
				return a.number < b.number
			}
			return bytes.Compare(a.id[:], b.id[:]) < 0
		}, btree.Options{NoLocks: true}),
	}
}

// replace changes the terms of an id; both lists ascend.
func (x *index) replace(id driver.ID, before, after []driver.Term) {
	added, removed := driver.Taken(before, after)
	for _, term := range removed {
		l := x.lists[term]
		x.pairs.Delete(pair{l.number, id})
		if l.count--; l.count > 0 {
			x.lists[term] = l
		} else {
			delete(x.lists, term)
			x.free = append(x.free, l.number)
		}
	}
	for _, term := range added {
		l, ok := x.lists[term]
		if !ok {
			l.number = x.number()
		}
		l.count++
		x.lists[term] = l
		x.pairs.Set(pair{l.number, id})
	}
}

// number returns a number that no term has.
func (x *index) number() uint32 {
	if n := len(x.free); n > 0 {
		number := x.free[n-1]
		x.free = x.free[:n-1]
		return number
	}
	return uint32(len(x.lists))
}

// count returns how many ids have a term.
func (x *index) count(term driver.Term) int { return int(x.lists[term].count) }

// search calls visit with the ids that have all the terms, ascending, after an
// id, until it returns false.
func (x *index) search(terms []driver.Term, after driver.ID, visit func(driver.ID) bool) {
	lists := make([]list, 0, len(terms))
	for _, term := range terms {
		l, ok := x.lists[term]
		if !ok {
			return
		}
		lists = append(lists, l)
	}
	slices.SortFunc(lists, func(a, b list) int {
		return cmp.Or(cmp.Compare(a.count, b.count), cmp.Compare(a.number, b.number))
	})
	lists = slices.Compact(lists)
	shortest := lists[0].number
	if len(lists) == 1 {
		x.pairs.Ascend(pair{shortest, after}, func(p pair) bool {
			return p.number == shortest && (p.id == after || visit(p.id))
		})
		return
	}
	// Each list is asked for the first id from where the others have come to,
	// so the search leaps over whatever one of them does not have.
	id, ok := x.from(shortest, after)
	for ok {
		at := id
		for _, l := range lists {
			if id, ok = x.from(l.number, id); !ok {
				return
			}
		}
		if id != at {
			continue
		}
		if id != after && !visit(id) {
			return
		}
		if id, ok = successor(id); !ok {
			return
		}
		id, ok = x.from(shortest, id)
	}
}

// from returns the first id of a list that is not less than id.
func (x *index) from(number uint32, id driver.ID) (found driver.ID, ok bool) {
	x.pairs.Ascend(pair{number, id}, func(p pair) bool {
		found, ok = p.id, p.number == number
		return false
	})
	return found, ok
}

// successor returns the next id, if there is one.
func successor(id driver.ID) (driver.ID, bool) {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			return id, true
		}
	}
	return id, false
}
