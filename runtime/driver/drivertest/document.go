package drivertest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// doc is a document as it should be: the commits that were accepted.
type doc struct {
	s   *store
	id  driver.ID
	log []driver.Commit
}

// epoch is when the suite's commits were made, with odd nanoseconds.
var epoch = time.Date(2026, 2, 3, 4, 5, 6, 700_800_901, time.UTC)

// commit makes a commit that no other is equal to. A section may be nil.
func (s *store) commit(id driver.ID, seq uint64, kind driver.Kind, section driver.Object) driver.Commit {
	s.t.Helper()
	s.made++
	c := driver.Commit{
		Table:  table,
		ID:     id,
		Seq:    seq,
		Kind:   kind,
		Time:   epoch.Add(time.Duration(s.made) * time.Millisecond),
		Schema: 1,
		Body:   fmt.Appendf(nil, "body %d", s.made),
	}
	c.Try[0] = 1
	binary.BigEndian.PutUint64(c.Try[8:], s.made)
	if s.made%2 == 0 {
		c.By, c.Because = "ann", "because"
	}
	if s.made%3 == 0 {
		c.Ext = map[string][]byte{"x": {byte(s.made)}, "y": []byte("extension")}
	}
	if section != nil {
		c.Section = s.section(section)
		c.Held = driver.Held(section, unique)
	}
	return c
}

// create stores a new document.
func (s *store) create(id driver.ID, section driver.Object) *doc {
	s.t.Helper()
	d := &doc{s: s, id: id}
	d.add(driver.KindChange, section)
	return d
}

// next makes the commit that may follow, held values included.
func (d *doc) next(kind driver.Kind, section driver.Object) driver.Commit {
	d.s.t.Helper()
	c := d.s.commit(d.id, uint64(len(d.log))+1, kind, section)
	if section == nil && kind != driver.KindDelete && len(d.log) > 0 {
		c.Held = slices.Clone(d.log[len(d.log)-1].Held)
	}
	return c
}

// add makes a commit that may follow and appends it.
func (d *doc) add(kind driver.Kind, section driver.Object) {
	d.s.t.Helper()
	d.accept(d.next(kind, section))
}

// accept appends a commit that must be accepted.
func (d *doc) accept(c driver.Commit) {
	d.s.t.Helper()
	if err := d.s.append(c)[0]; err != nil {
		d.s.t.Fatalf("Append of commit %d, kind %d: %v", c.Seq, c.Kind, err)
	}
	d.log = append(d.log, c)
}

// refuse appends a commit that must be refused for certain, and returns why.
func (d *doc) refuse(c driver.Commit) error {
	d.s.t.Helper()
	err := d.s.append(c)[0]
	if err == nil {
		d.s.t.Fatalf("Append of commit %d, kind %d, was accepted", c.Seq, c.Kind)
	}
	d.verify()
	return err
}

// head is what Head gives.
func (d *doc) head() driver.Head {
	h := driver.Head{ID: d.id, Seq: uint64(len(d.log))}
	for _, c := range d.log {
		if c.Section != nil {
			h.Section = c.Section
		}
		switch c.Kind {
		case driver.KindDelete:
			h.Deleted = true
		case driver.KindRestore:
			h.Deleted = false
		}
		h.Held = c.Held
	}
	return h
}

// verify compares everything that the store says of the document by its id.
func (d *doc) verify() {
	d.s.t.Helper()
	head, err := d.s.d.Head(d.s.ctx, table, d.id)
	d.s.noError(err, "Head")
	d.s.same(d.head(), head, "Head")
	d.s.sameCommits(d.log, d.s.log(d.id, driver.Range{}), "Log")
	state, err := d.s.load(d.id, 0)
	d.s.noError(err, "Load")
	d.s.same(d.head(), state.Head, "Head of Load")
	d.s.sameCommits(d.log[state.CheckpointSeq:], state.Commits, "Load")
}

// gone fails unless the store does not know the document any more.
func (d *doc) gone() {
	d.s.t.Helper()
	_, err := d.s.d.Head(d.s.ctx, table, d.id)
	d.s.wantError(err, driver.ErrNotFound, "Head")
	_, err = d.s.load(d.id, 0)
	d.s.wantError(err, driver.ErrNotFound, "Load")
	d.s.wantError(d.s.d.Purge(d.s.ctx, table, d.id), driver.ErrNotFound, "Purge")
}
