package dummy

import (
	"maps"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// table is guarded by its store's lock.
type table struct {
	schema  driver.Schema
	docs    map[driver.ID]*document
	ids     []driver.ID // keys of docs, ascending
	holders map[driver.Term]driver.ID
}

func newTable(schema driver.Schema) *table {
	return &table{
		schema:  schema,
		docs:    make(map[driver.ID]*document),
		holders: make(map[driver.Term]driver.ID),
	}
}

// any says whether the table has documents.
func (t *table) any() bool {
	for _, d := range t.docs {
		if d.exists() {
			return true
		}
	}
	return false
}

// existing returns a document that was created and not purged.
func (t *table) existing(id driver.ID) (*document, error) {
	if d := t.docs[id]; d != nil && d.exists() {
		return d, nil
	}
	return nil, driver.ErrNotFound
}

// append judges a commit and adds it.
func (t *table) append(c *driver.Commit) error {
	if err := c.Check(t.schema); err != nil {
		return err
	}
	d := t.docs[c.ID]
	if d == nil {
		d = &document{}
	}
	if d.tried(c.Seq) == c.Try {
		return nil
	}
	err := d.standing.Judge(c, func(term driver.Term) (driver.ID, bool) {
		id, ok := t.holders[term]
		return id, ok
	})
	if late, ok := err.(*driver.SeqError); ok {
		late.Row = d.row(c.Seq)
	}
	if err != nil {
		return err
	}
	if t.docs[c.ID] == nil {
		i, _ := slices.BinarySearchFunc(t.ids, c.ID, driver.ID.Compare)
		t.ids = slices.Insert(t.ids, i, c.ID)
		t.docs[c.ID] = d
	}
	t.add(d, clone(c))
	return nil
}

// add makes c the newest commit of d.
func (t *table) add(d *document, c driver.Commit) {
	taken, freed := driver.Taken(d.standing.Held, c.Held)
	for _, term := range freed {
		delete(t.holders, term)
	}
	for _, term := range taken {
		t.holders[term] = c.ID
	}
	d.add(c)
}

// purge leaves of d no more than its last commit and the attempts of others.
func (t *table) purge(d *document, tomb driver.Commit) {
	t.add(d, tomb)
	d.erase()
}

// log returns commits of a document, in the order asked for. The caller copies
// them before it hands them out.
func (t *table) log(id driver.ID, r driver.Range) []driver.Commit {
	d := t.docs[id]
	if d == nil {
		return nil
	}
	log := slices.DeleteFunc(slices.Clone(d.log), func(c driver.Commit) bool {
		return c.Seq < r.From || r.To > 0 && c.Seq > r.To
	})
	if r.Backward {
		slices.Reverse(log)
	}
	return log
}

// next returns the first document after an id that meets all terms, nil if
// there is none.
func (t *table) next(after driver.ID, terms []driver.Term) *document {
	i, found := slices.BinarySearchFunc(t.ids, after, driver.ID.Compare)
	if found {
		i++
	}
	for _, id := range t.ids[i:] {
		if d := t.docs[id]; d.meets(terms) {
			return d
		}
	}
	return nil
}

// entry returns the first document after an id, if there is one.
func (t *table) entry(after driver.ID) (driver.Entry, bool) {
	i, found := slices.BinarySearchFunc(t.ids, after, driver.ID.Compare)
	if found {
		i++
	}
	if i == len(t.ids) {
		return driver.Entry{}, false
	}
	e := driver.Entry{ID: t.ids[i], Standing: t.docs[t.ids[i]].standing}
	e.Held = slices.Clone(e.Held)
	return e, true
}

// clone returns a commit that shares no memory with c.
func clone(c *driver.Commit) driver.Commit {
	copied := *c
	copied.Body = slices.Clone(c.Body)
	copied.Section = slices.Clone(c.Section)
	copied.Held = slices.Clone(c.Held)
	copied.Ext = maps.Clone(c.Ext)
	for name, value := range copied.Ext {
		copied.Ext[name] = slices.Clone(value)
	}
	return copied
}
