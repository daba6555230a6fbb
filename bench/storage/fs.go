package main

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// notesTable is the table of the quickstart's model, so that typed documents
// can be found in the store of fs too.
const notesTable = "notes"

var background = context.Background()

// keepNothing makes the store remove files that were replaced at once, so that
// the bytes on disk are those of the store.
var keepNothing = fs.Options{Keep: -1}

// fsStore is the fs driver by its contract.
type fsStore struct{ *fs.Store }

func openFS(dir string) (store, error) {
	s, err := fs.Open(dir, &keepNothing)
	if err != nil {
		return nil, err
	}
	return fsStore{s}, s.Declare(background, driver.Schema{Table: notesTable, Unique: []string{"slug"}})
}

func docID(doc uint64) driver.ID {
	var id driver.ID
	binary.BigEndian.PutUint64(id[:], doc+1)
	return id
}

// commit is the commit of a record. The first of a document creates it.
func (r *record) commit() driver.Commit {
	c := driver.Commit{
		Table: notesTable, ID: docID(r.doc), Seq: uint64(r.seq), Kind: driver.KindChange,
		Time: time.Unix(1_780_000_000, int64(r.seq)).UTC(), Body: r.body,
	}
	binary.LittleEndian.PutUint32(c.Try[:], r.seq)
	if r.seq == 1 {
		c.Section = []byte{0x80}
	}
	return c
}

func (s fsStore) Append(r record) error {
	c := r.commit()
	if err := s.Store.Append(background, []driver.Commit{c})[0].Err; err != nil {
		return err
	}
	return s.Sync(background, driver.Doc{Table: notesTable, ID: c.ID})
}

func (s fsStore) AppendAll(rs []record) error {
	commits := make([]driver.Commit, len(rs))
	for i := range rs {
		commits[i] = rs[i].commit()
	}
	return errors.Join(s.appendAll(commits), s.Sync(background))
}

// Begin makes checkpoints of what documents begin with; the commits that create
// them are empty.
func (s fsStore) Begin(rs []record) error {
	empty := slices.Clone(rs)
	for i := range empty {
		empty[i].body = nil
	}
	err := s.AppendAll(empty)
	for _, r := range rs {
		if err == nil {
			err = s.Checkpoint(background, notesTable, docID(r.doc), 1, r.body)
		}
	}
	return err
}

func (s fsStore) appendAll(commits []driver.Commit) error {
	for _, r := range s.Store.Append(background, commits) {
		if r.Err != nil {
			return r.Err
		}
	}
	return nil
}

func (s fsStore) Load(doc uint64, fn func([]byte)) (int, error) {
	st, err := s.Store.Load(background, notesTable, docID(doc), 0)
	if err != nil {
		return 0, err
	}
	n := len(st.Commits)
	if st.Checkpoint != nil {
		fn(st.Checkpoint)
		n++
	}
	for i := range st.Commits {
		fn(st.Commits[i].Body)
	}
	return n, nil
}

func (s fsStore) Put(ds []found) error {
	commits := make([]driver.Commit, len(ds))
	for i, d := range ds {
		first := record{doc: d.doc, seq: 1, body: d.body}
		c := first.commit()
		section := driver.Object{{Name: "owner", Value: d.owner}, {Name: "slug", Value: d.slug}}
		var err error
		if c.Section, err = driver.AppendValue(nil, section); err != nil {
			return err
		}
		c.Held = driver.Held(section, []string{"slug"})
		commits[i] = c
	}
	return s.appendAll(commits)
}

func (s fsStore) Find(field, value string, fn func([]byte)) (n int, err error) {
	q := driver.Query{Terms: []driver.Term{driver.Term(field + "\x00s" + value)}}
	for h, err := range s.Store.Find(background, notesTable, q) {
		if err != nil {
			return n, err
		}
		fn(h.Section)
		n++
	}
	return n, nil
}

func (s fsStore) Close() error { return s.Store.Close(background) }
