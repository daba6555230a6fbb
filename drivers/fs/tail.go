package fs

import (
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// tail is what memory has of a table: an index of those documents of which the
// journal has records that are not sealed. It is guarded by the store's lock,
// and changed by one who holds the store's order too. Of a document that has
// older commits in runs it has the whole head, so whoever finds a document here
// need not look there for more than history.
type tail struct {
	docs    map[driver.ID]*document
	alive   idSet                     // ids that are found
	found   map[driver.Term]hits      // the same by their terms
	outside map[driver.Term]driver.ID // who holds a unique value by which it is not found

	// Documents come and go with their tail, so they are made by the dozen, and
	// the room for the first commit of each.
	room   []document
	places []journal.Place
}

// together is how many documents are made at once.
const together = 32

// hits is the documents that have a term: one, mostly, as terms that tell
// documents apart are many and others few.
type hits struct {
	one driver.ID
	set *idSet // nil for one; not empty
}

func newTail() *tail {
	return &tail{
		docs:    make(map[driver.ID]*document),
		found:   make(map[driver.Term]hits),
		outside: make(map[driver.Term]driver.ID),
	}
}

// enter makes a document one of the tail, with the head that it has so far.
func (t *tail) enter(id driver.ID, k known) *document {
	if len(t.room) == 0 {
		t.room = make([]document, together)
	}
	d := &t.room[0]
	t.room = t.room[1:]
	*d = document{standing: k.standing, section: k.section, base: k.standing.Seq}
	t.docs[id] = d
	terms := d.terms()
	if d.standing.Life == driver.Alive {
		t.index(id, nil, terms)
	}
	t.hold(id, nil, d.standing.Held, terms)
	return d
}

// add makes a commit the newest one of its document, which is one of the tail. It
// keeps what c has.
func (t *tail) add(d *document, c *driver.Commit, p journal.Place, batch uint64) {
	held := d.standing.Held
	next := d.standing.After(c)
	if c.Section != nil || next.Life != d.standing.Life || !slices.Equal(held, next.Held) {
		before := d.terms()
		d.standing = next
		if c.Section != nil {
			d.section = c.Section
		}
		terms := d.terms()
		t.index(c.ID, before, terms)
		t.hold(c.ID, held, next.Held, terms)
	}
	d.standing = next
	t.place(d, p)
	d.batch = batch
	if next.Life == driver.Purged {
		d.checkpoints, d.section = nil, nil
	}
}

// place notes where the newest commit of a document is.
func (t *tail) place(d *document, p journal.Place) {
	if d.commits == nil {
		if len(t.places) == 0 {
			t.places = make([]journal.Place, together)
		}
		d.commits, t.places = t.places[:0:1], t.places[1:]
	}
	d.commits = append(d.commits, p)
}

// hold makes a document the holder of other unique values. By most of them it is
// found, as they are in its section: of these the index tells who holds them.
func (t *tail) hold(id driver.ID, before, after, terms []driver.Term) {
	for _, term := range before {
		if t.outside[term] == id {
			delete(t.outside, term)
		}
	}
	for _, term := range after {
		if _, found := slices.BinarySearch(terms, term); !found {
			t.outside[term] = id
		}
	}
}

// holder tells which document of the tail holds a unique value.
func (t *tail) holder(term driver.Term) (holder driver.ID, ok bool) {
	if holder, ok = t.outside[term]; ok {
		return holder, true
	}
	// What was stored before a field became unique may have a value and not hold
	// it.
	t.search([]driver.Term{term}, driver.ID{}, func(id driver.ID) bool {
		holder, ok = id, slices.Contains(t.docs[id].standing.Held, term)
		return !ok
	})
	return holder, ok
}

// index makes a document be found by other terms; both lists ascend. One that
// is not alive is not found at all.
func (t *tail) index(id driver.ID, before, after []driver.Term) {
	if t.docs[id].standing.Life == driver.Alive {
		t.alive.add(id)
	} else {
		t.alive.remove(id)
	}
	added, removed := driver.Taken(before, after)
	for _, term := range removed {
		h := t.found[term]
		if h.set != nil {
			h.set.remove(id)
		}
		if h.set == nil || h.set.len() == 0 {
			delete(t.found, term)
		}
	}
	for _, term := range added {
		h, ok := t.found[term]
		switch {
		case !ok:
			t.found[term] = hits{one: id}
		case h.set == nil:
			set := &idSet{}
			set.add(h.one)
			set.add(id)
			t.found[term] = hits{set: set}
		default:
			h.set.add(id)
		}
	}
}

// count gives how many documents have a term.
func (t *tail) count(term driver.Term) int {
	h, ok := t.found[term]
	if ok && h.set != nil {
		return h.set.len()
	}
	return int(one(ok))
}

// search yields the ids from an id on that have all the terms and are found.
func (t *tail) search(terms []driver.Term, from driver.ID, yield func(driver.ID) bool) {
	if len(terms) == 0 {
		t.alive.ascend(from, yield)
		return
	}
	sets := make([]*idSet, 0, len(terms))
	for _, term := range terms {
		h, ok := t.found[term]
		switch {
		case !ok:
			return
		case h.set != nil:
			sets = append(sets, h.set)
		case len(terms) > 1:
			sets = append(sets, &idSet{few: []driver.ID{h.one}})
		case h.one.Compare(from) >= 0:
			yield(h.one)
		}
	}
	if len(sets) > 0 {
		intersect(sets, from, yield)
	}
}
