package memory

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// index finds documents by terms. Of a term that one document has, as most terms
// that tell documents apart, it knows a hash and the document, whose section says
// whether it is that term. A term of several has a number, and one list has all
// pairs of a number and a document, ordered by number and id: a pair costs little,
// and a term of a million documents is no slower to change. It is guarded by the
// store's lock.
type index struct {
	id    func(doc uint32) driver.ID // of a document, which never changes
	has   func(doc uint32, term driver.Term) bool
	hash  func(driver.Term) uint32
	alone map[uint32]uint32 // the document, by the hash of a term that is not in lists
	lists map[driver.Term]list
	next  uint32   // the number of the next term that needs one
	free  []uint32 // numbers below that are not in use
	pairs ordered[pair]
}

// list is the documents of a term.
type list struct {
	count uint32
	at    uint32 // the document when there is one, otherwise the number in pairs
}

type pair struct{ number, doc uint32 }

// newIndex makes an index of documents with these ids and terms.
func newIndex(id func(uint32) driver.ID, has func(uint32, driver.Term) bool) *index {
	seed := maphash.MakeSeed() // terms come from users
	return &index{
		id: id, has: has, hash: func(t driver.Term) uint32 { return uint32(maphash.String(seed, string(t))) },
		alone: make(map[uint32]uint32), lists: make(map[driver.Term]list),
	}
}

// replace changes the terms of a document to those that it has now; both lists
// ascend.
func (x *index) replace(doc uint32, before, after []driver.Term) {
	added, removed := driver.Taken(before, after)
	for _, term := range removed {
		x.remove(term, doc)
	}
	for _, term := range added {
		x.add(term, doc)
	}
}

// list returns the documents of a term.
func (x *index) list(term driver.Term) list {
	if l, ok := x.lists[term]; ok {
		return l
	}
	if doc, ok := x.alone[x.hash(term)]; ok && x.has(doc, term) {
		return list{1, doc}
	}
	return list{}
}

func (x *index) add(term driver.Term, doc uint32) {
	l, listed := x.lists[term]
	if !listed {
		hash := x.hash(term)
		other, taken := x.alone[hash]
		if !taken {
			x.alone[hash] = doc
			return
		}
		// What doc has of this hash is another term: it did not have this one.
		if other != doc && x.has(other, term) {
			delete(x.alone, hash)
			l = list{1, other}
		}
	}
	switch l.count {
	case 0:
		l.at = doc
	case 1:
		only := l.at
		l.at = x.number()
		x.insert(pair{l.at, only})
		x.insert(pair{l.at, doc})
	default:
		x.insert(pair{l.at, doc})
	}
	l.count++
	x.lists[term] = l
}

func (x *index) remove(term driver.Term, doc uint32) {
	l, listed := x.lists[term]
	if !listed {
		delete(x.alone, x.hash(term))
		return
	}
	if l.count--; l.count == 0 {
		delete(x.lists, term)
		return
	}
	x.pairs.remove(x.seek(l.at, x.id(doc)))
	if l.count == 1 {
		at := x.seek(l.at, driver.ID{})
		last, _ := x.pairs.get(at)
		x.pairs.remove(at)
		x.free = append(x.free, l.at)
		l.at = last.doc
	}
	x.lists[term] = l
}

// number returns a number that is not in use.
func (x *index) number() uint32 {
	if n := len(x.free); n > 0 {
		number := x.free[n-1]
		x.free = x.free[:n-1]
		return number
	}
	x.next++
	return x.next - 1
}

func (x *index) insert(p pair) { x.pairs.insert(x.seek(p.number, x.id(p.doc)), p) }

// seek returns the place of the first pair of a number whose id is not less.
func (x *index) seek(number uint32, id driver.ID) place {
	return x.pairs.seek(func(p pair) bool {
		return p.number < number || p.number == number && x.id(p.doc).Compare(id) < 0
	})
}

// count returns how many documents have a term.
func (x *index) count(term driver.Term) int { return int(x.list(term).count) }

// search calls visit with the documents that have all the terms, ascending by
// id, after an id, until it returns false. A document that is only likely to
// have them is not sure.
func (x *index) search(terms []driver.Term, after driver.ID, visit func(doc uint32, sure bool) bool) {
	if len(terms) == 1 {
		x.ascend(terms[0], after, visit)
		return
	}
	lists := make([]list, 0, len(terms))
	for _, term := range terms {
		l := x.list(term)
		if l.count == 0 {
			return
		}
		lists = append(lists, l)
	}
	slices.SortFunc(lists, func(a, b list) int { return cmp.Compare(a.count, b.count) })
	// Each list is asked for the first document from where the others have come
	// to, so the search leaps over whatever one of them does not have.
	doc, ok := x.from(lists[0], after)
	for ok {
		at := doc
		for _, l := range lists {
			if doc, ok = x.from(l, x.id(doc)); !ok {
				return
			}
		}
		if doc != at {
			continue
		}
		id := x.id(doc)
		if id != after && !visit(doc, true) {
			return
		}
		if id, ok = successor(id); ok {
			doc, ok = x.from(lists[0], id)
		}
	}
}

// ascend is search of one term. Of a term that may be alone visit has to read
// the section anyway, so it is not read here.
func (x *index) ascend(term driver.Term, after driver.ID, visit func(doc uint32, sure bool) bool) {
	l, sure := x.lists[term]
	if !sure {
		if doc, ok := x.alone[x.hash(term)]; ok {
			l = list{1, doc}
		}
	}
	switch l.count {
	case 0:
	case 1:
		if x.id(l.at).Compare(after) > 0 {
			visit(l.at, sure)
		}
	default:
		x.pairs.ascend(x.seek(l.at, after), func(p pair) bool {
			return p.number == l.at && (x.id(p.doc) == after || visit(p.doc, true))
		})
	}
}

// from returns the first document of a list whose id is not less than id.
func (x *index) from(l list, id driver.ID) (doc uint32, ok bool) {
	if l.count == 1 {
		return l.at, x.id(l.at).Compare(id) >= 0
	}
	p, ok := x.pairs.get(x.seek(l.at, id))
	return p.doc, ok && p.number == l.at
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
