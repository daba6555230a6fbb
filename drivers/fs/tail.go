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
	found   map[driver.Term]*idSet    // the same by their terms; no set is empty
	holders map[driver.Term]driver.ID // of unique values
}

func newTail() *tail {
	return &tail{
		docs:    make(map[driver.ID]*document),
		found:   make(map[driver.Term]*idSet),
		holders: make(map[driver.Term]driver.ID),
	}
}

// enter makes a document one of the tail, with the head that it has so far.
func (t *tail) enter(id driver.ID, k known) *document {
	d := &document{standing: k.standing, section: k.section, base: k.standing.Seq}
	t.docs[id] = d
	t.hold(id, nil, d.standing.Held)
	if d.standing.Life == driver.Alive {
		t.index(id, nil, d.terms())
	}
	return d
}

// add makes a commit the newest one of its document, which is one of the tail.
// It keeps nothing of c but its texts, which nobody can change.
func (t *tail) add(d *document, c *driver.Commit, p journal.Place, batch uint64) {
	next := d.standing.After(c)
	next.Held = slices.Clone(c.Held)
	t.hold(c.ID, d.standing.Held, next.Held)
	if c.Section != nil || next.Life != d.standing.Life {
		before := d.terms()
		d.standing = next
		if c.Section != nil {
			d.section = slices.Clone(c.Section)
		}
		t.index(c.ID, before, d.terms())
	}
	d.standing = next
	d.commits = append(d.commits, p)
	d.batch = batch
	if next.Life == driver.Purged {
		d.checkpoints, d.section = nil, nil
	}
}

// hold makes a document the holder of other unique values; both lists ascend.
func (t *tail) hold(id driver.ID, before, after []driver.Term) {
	taken, freed := driver.Taken(before, after)
	for _, term := range freed {
		delete(t.holders, term)
	}
	for _, term := range taken {
		t.holders[term] = id
	}
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
		set := t.found[term]
		if set.remove(id); set.len() == 0 {
			delete(t.found, term)
		}
	}
	for _, term := range added {
		set := t.found[term]
		if set == nil {
			set = &idSet{}
			t.found[term] = set
		}
		set.add(id)
	}
}

// search yields the ids from an id on that have all the terms and are found.
func (t *tail) search(terms []driver.Term, from driver.ID, yield func(driver.ID) bool) {
	sets := []*idSet{&t.alive}
	if len(terms) > 0 {
		sets = sets[:0]
	}
	for _, term := range terms {
		set := t.found[term]
		if set == nil {
			return
		}
		sets = append(sets, set)
	}
	intersect(sets, from, yield)
}
