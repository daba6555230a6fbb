package memory

import (
	"bytes"
	"crypto/rand"
	"time"

	"github.com/tidwall/btree"

	"github.com/destam-go/destamgen/runtime/driver"
)

// table is guarded by its store's lock.
type table struct {
	schema  driver.Schema
	docs    *btree.BTreeG[slot]
	index   *index                    // of the newest sections of documents that are not deleted
	holders map[driver.Term]driver.ID // of unique values
	erased  map[driver.ID][][16]byte  // attempts of the commits before a purge, by sequence

	existing int    // documents that were created and not purged
	alive    int    // of these, the ones that are not deleted
	commits  uint64 // that are kept
	bytes    uint64 // of commits and checkpoints
}

// slot is a document in the order of ids.
type slot struct {
	id  driver.ID
	doc *document
}

func newTable(schema driver.Schema) *table {
	return &table{
		schema: schema,
		docs: btree.NewBTreeGOptions(func(a, b slot) bool {
			return bytes.Compare(a.id[:], b.id[:]) < 0
		}, btree.Options{NoLocks: true}),
		index:   newIndex(),
		holders: make(map[driver.Term]driver.ID),
		erased:  make(map[driver.ID][][16]byte),
	}
}

// document returns what is stored under an id, nil for nothing.
func (t *table) document(id driver.ID) *document {
	s, _ := t.docs.Get(slot{id: id})
	return s.doc
}

// append judges a commit that was checked, and adds it. A retry of one that was
// accepted before is not fresh.
func (t *table) append(c *driver.Commit, e entry) (fresh bool, err error) {
	d := t.document(c.ID)
	first := d == nil
	if first {
		d = &document{first: 1}
	}
	if t.tried(c.ID, d, c.Seq) == c.Try {
		return false, nil
	}
	err = d.standing.Judge(c, func(term driver.Term) (driver.ID, bool) {
		id, ok := t.holders[term]
		return id, ok
	})
	if late, ok := err.(*driver.SeqError); ok {
		late.Row = d.commit(c.Seq)
	}
	if err != nil {
		return false, err
	}
	if first {
		t.docs.Set(slot{c.ID, d})
	}
	t.add(c.ID, d, c, e)
	return true, nil
}

// tried returns the attempt that has a sequence, zero if none has or it is
// forgotten.
func (t *table) tried(id driver.ID, d *document, seq uint64) (try [16]byte) {
	if erased := t.erased[id]; seq >= 1 && seq <= uint64(len(erased)) {
		return erased[seq-1]
	}
	if c := d.commit(seq); c != nil {
		return c.Try
	}
	return try
}

// add makes a commit the newest one of a document.
func (t *table) add(id driver.ID, d *document, c *driver.Commit, e entry) {
	taken, freed := driver.Taken(d.standing.Held, e.held)
	for _, term := range freed {
		delete(t.holders, term)
	}
	for _, term := range taken {
		t.holders[term] = id
	}
	existed, lived := d.exists(), d.standing.Life == driver.Alive
	var before []driver.Term
	if e.section != nil || c.Kind == driver.KindDelete || c.Kind == driver.KindPurge {
		before = d.terms()
	}
	d.add(c, e)
	if e.section != nil || before != nil {
		t.index.replace(id, before, d.terms())
	}
	t.existing += count(d.exists()) - count(existed)
	t.alive += count(d.standing.Life == driver.Alive) - count(lived)
	t.resize(1, len(e.row))
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// resize adds to what the table takes; less is negative.
func (t *table) resize(commits, bytes int) {
	t.commits += uint64(commits)
	t.bytes += uint64(bytes)
}

// purge leaves of a document no more than a last commit, and who tried what.
func (t *table) purge(id driver.ID, d *document) {
	tries := make([][16]byte, d.standing.Seq)
	for i := range tries {
		tries[i] = t.tried(id, d, uint64(i)+1)
	}
	tomb := driver.Commit{
		Table: t.schema.Table, ID: id, Seq: d.standing.Seq + 1, Kind: driver.KindPurge, Time: time.Now().Round(0).UTC(),
	}
	rand.Read(tomb.Try[:])
	t.add(id, d, &tomb, newEntry(&tomb))
	t.resize(d.erase())
	t.erased[id] = tries
}

// search calls visit with the ids of the documents that have all the terms and
// are not deleted, ascending, after an id, until it returns false.
func (t *table) search(terms []driver.Term, after driver.ID, visit func(driver.ID) bool) {
	if len(terms) > 0 {
		t.index.search(terms, after, visit)
		return
	}
	t.docs.Ascend(slot{id: after}, func(s slot) bool {
		return s.id == after || s.doc.standing.Life != driver.Alive || visit(s.id)
	})
}

// count counts what search finds.
func (t *table) count(terms []driver.Term) int {
	switch len(terms) {
	case 0:
		return t.alive
	case 1:
		return t.index.count(terms[0])
	}
	n := 0
	t.search(terms, driver.ID{}, func(driver.ID) bool {
		n++
		return true
	})
	return n
}
