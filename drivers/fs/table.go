package fs

import (
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// table is what memory has of a table: an index of the journal. It is guarded
// by the store's lock, and changed by one who holds the store's order too.
type table struct {
	schema  driver.Schema // its slice is replaced, never changed
	docs    map[driver.ID]*document
	alive   idSet                     // ids that are found
	found   map[driver.Term]*idSet    // the same by their terms; no set is empty
	holders map[driver.Term]driver.ID // of unique values

	existing int    // documents that were created and not purged
	commits  uint64 // that are not purged
}

func newTable(schema driver.Schema) *table {
	return &table{
		schema:  schema,
		docs:    make(map[driver.ID]*document),
		found:   make(map[driver.Term]*idSet),
		holders: make(map[driver.Term]driver.ID),
	}
}

// standing gives the standing of a document, which need not be there.
func (t *table) standing(id driver.ID) driver.Standing {
	if d := t.docs[id]; d != nil {
		return d.standing
	}
	return driver.Standing{}
}

func (t *table) holder(term driver.Term) (driver.ID, bool) {
	id, ok := t.holders[term]
	return id, ok
}

// add makes a commit the newest one of its document. It keeps nothing of c but
// its texts, which nobody can change.
func (t *table) add(c *driver.Commit, p journal.Place, batch uint64) {
	d := t.docs[c.ID]
	if d == nil {
		d = &document{}
		t.docs[c.ID] = d
	}
	taken, freed := driver.Taken(d.standing.Held, c.Held)
	for _, term := range freed {
		delete(t.holders, term)
	}
	for _, term := range taken {
		t.holders[term] = c.ID
	}
	existed := d.exists()
	next := d.standing.After(c)
	next.Held = slices.Clone(c.Held)
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
	t.commits++
	if d.exists() && !existed {
		t.existing++
	}
	if next.Life == driver.Purged {
		t.existing--
		t.commits -= uint64(len(d.commits) - 1)
		d.checkpoints, d.section = nil, nil
	}
}

// index makes a document be found by other terms; both lists ascend. One that
// is not alive is not found at all.
func (t *table) index(id driver.ID, before, after []driver.Term) {
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

// wants tells whether a checkpoint of a sequence would be one more.
func (t *table) wants(id driver.ID, seq uint64) bool {
	d := t.docs[id]
	if d == nil || !d.exists() || seq == 0 || seq > d.standing.Seq {
		return false
	}
	_, found := d.checkpointAt(seq)
	return !found
}

// addCheckpoint notes where a checkpoint is. It tells whether the document has
// the sequence, or had it.
func (t *table) addCheckpoint(id driver.ID, seq uint64, p journal.Place, batch uint64) bool {
	if !t.wants(id, seq) {
		return false
	}
	d := t.docs[id]
	i, _ := d.checkpointAt(seq)
	// A copy: a reader may have the slice.
	d.checkpoints = slices.Insert(slices.Clip(slices.Clone(d.checkpoints)), i, checkpoint{seq, p})
	d.batch = batch
	return true
}

// search yields the ids after an id that have all the terms and are found.
func (t *table) search(terms []driver.Term, past driver.ID, yield func(driver.ID) bool) {
	from, ok := after(past)
	if !ok {
		return
	}
	if past.IsZero() {
		from = past
	}
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

// count counts what search finds.
func (t *table) count(terms []driver.Term) int {
	switch len(terms) {
	case 0:
		return t.alive.len()
	case 1:
		if set := t.found[terms[0]]; set != nil {
			return set.len()
		}
		return 0
	}
	n := 0
	t.search(terms, driver.ID{}, func(driver.ID) bool {
		n++
		return true
	})
	return n
}
