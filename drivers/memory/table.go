package memory

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// table is guarded by its store's lock.
type table struct {
	schema  driver.Schema
	pages   [][]document             // all documents, by number; they never move
	order   ordered[uint32]          // their numbers, by id
	index   *index                   // of the newest sections of documents that are not deleted
	outside map[driver.Term]uint32   // who holds a unique value that is not in its section
	erased  map[driver.ID][][16]byte // attempts of the commits before a purge, by sequence

	existing int    // documents that were created and not purged
	alive    int    // of these, the ones that are not deleted
	commits  uint64 // that are kept
	bytes    uint64 // of commits and checkpoints
}

// paged is how many documents stand together.
const paged = 128

func newTable(schema driver.Schema) *table {
	t := &table{
		schema:  schema,
		outside: make(map[driver.Term]uint32),
		erased:  make(map[driver.ID][][16]byte),
	}
	t.index = newIndex(
		func(doc uint32) driver.ID { return t.at(doc).id },
		func(doc uint32, term driver.Term) bool { return t.at(doc).has(term) })
	return t
}

// at returns a document by its number.
func (t *table) at(doc uint32) *document { return &t.pages[doc/paged][doc%paged] }

// find returns the number of a document, or where it would stand in the order.
func (t *table) find(id driver.ID) (doc uint32, there bool, at place) {
	at = t.order.seek(func(doc uint32) bool { return t.at(doc).id.Compare(id) < 0 })
	doc, ok := t.order.get(at)
	return doc, ok && t.at(doc).id == id, at
}

// document returns what is stored under an id, nil for nothing.
func (t *table) document(id driver.ID) *document {
	if doc, ok, _ := t.find(id); ok {
		return t.at(doc)
	}
	return nil
}

// insert makes a document, at its place in the order.
func (t *table) insert(id driver.ID, at place) (doc uint32) {
	last := len(t.pages) - 1
	if last < 0 || len(t.pages[last]) == paged {
		t.pages = append(t.pages, make([]document, 0, paged))
		last++
	}
	doc = uint32(last*paged + len(t.pages[last]))
	t.pages[last] = append(t.pages[last], document{id: id})
	t.order.insert(at, doc)
	return doc
}

// append judges a commit that was checked, and adds it. A retry of one that was
// accepted before is not fresh.
func (t *table) append(c *driver.Commit, r row) (fresh bool, err error) {
	doc, there, at := t.find(c.ID)
	d := &document{id: c.ID}
	if there {
		d = t.at(doc)
	}
	if t.tried(d, c.Seq) == c.Try {
		return false, nil
	}
	err = d.now().Judge(c, t.holder)
	if late, ok := err.(*driver.SeqError); ok {
		late.Row = d.commit(c.Seq)
	}
	if err != nil {
		return false, err
	}
	if !there {
		doc = t.insert(c.ID, at)
	}
	t.add(doc, c, r)
	return true, nil
}

// holder tells which document holds a unique value. Mostly it is the one whose
// section has it; what was stored before a field became unique may have a value
// without holding it.
func (t *table) holder(term driver.Term) (id driver.ID, ok bool) {
	if doc, outside := t.outside[term]; outside {
		return t.at(doc).id, true
	}
	t.index.search([]driver.Term{term}, driver.ID{}, func(doc uint32, _ bool) bool {
		d := t.at(doc)
		id, ok = d.id, slices.Contains(d.view().Held, term)
		return !ok
	})
	return id, ok
}

// tried returns the attempt that has a sequence, zero if none has or it is
// forgotten.
func (t *table) tried(d *document, seq uint64) (try [16]byte) {
	if seq > d.newest() {
		return try
	}
	if erased := t.erased[d.id]; seq >= 1 && seq <= uint64(len(erased)) {
		return erased[seq-1]
	}
	if c := d.commit(seq); c != nil {
		return c.Try
	}
	return try
}

// add makes a commit the newest one of a document.
func (t *table) add(doc uint32, c *driver.Commit, r row) {
	d := t.at(doc)
	existed, lived, held := d.exists(), d.life() == driver.Alive, d.now().Held
	var before []driver.Term
	changes := c.Section != nil || c.Kind == driver.KindDelete || c.Kind == driver.KindPurge
	if changes {
		before = d.terms()
	}
	d.add(c, r)
	if changes {
		t.index.replace(doc, before, d.terms())
	}
	if changes || !slices.Equal(held, c.Held) {
		t.hold(doc, held)
	}
	t.existing += count(d.exists()) - count(existed)
	t.alive += count(d.life() == driver.Alive) - count(lived)
	t.resize(1, len(r))
}

// hold notes what a document holds that its section does not show; before are
// the values that it held before.
func (t *table) hold(doc uint32, before []driver.Term) {
	for _, term := range before {
		if t.outside[term] == doc {
			delete(t.outside, term)
		}
	}
	d := t.at(doc)
	for _, term := range d.now().Held {
		if !d.has(term) {
			t.outside[term] = doc
		}
	}
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
func (t *table) purge(id driver.ID) {
	doc, _, _ := t.find(id)
	d := t.at(doc)
	tries := make([][16]byte, d.newest())
	for i := range tries {
		tries[i] = t.tried(d, uint64(i)+1)
	}
	tomb := driver.Commit{
		Table: t.schema.Table, ID: id, Seq: d.newest() + 1, Kind: driver.KindPurge, Time: time.Now().Round(0).UTC(),
	}
	rand.Read(tomb.Try[:])
	t.add(doc, &tomb, newRow(&tomb))
	t.resize(d.erase())
	t.erased[id] = tries
}

// ascend calls visit with all documents, by id, after an id, until it returns
// false.
func (t *table) ascend(after driver.ID, visit func(*document) bool) {
	_, _, at := t.find(after)
	t.order.ascend(at, func(doc uint32) bool {
		d := t.at(doc)
		return d.id == after || visit(d)
	})
}

// search calls visit with the documents that have all the terms and are not
// deleted, by id, after an id, until it returns false. A document that is only
// likely to have them is not sure.
func (t *table) search(terms []driver.Term, after driver.ID, visit func(d *document, sure bool) bool) {
	if len(terms) > 0 {
		t.index.search(terms, after, func(doc uint32, sure bool) bool { return visit(t.at(doc), sure) })
		return
	}
	t.ascend(after, func(d *document) bool { return d.life() != driver.Alive || visit(d, true) })
}

// count counts the documents that have all the terms and are not deleted.
func (t *table) count(terms []driver.Term) int {
	switch len(terms) {
	case 0:
		return t.alive
	case 1:
		return t.index.count(terms[0])
	}
	n := 0
	t.search(terms, driver.ID{}, func(*document, bool) bool { // of several terms they are sure
		n++
		return true
	})
	return n
}
