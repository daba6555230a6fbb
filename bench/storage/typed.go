package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// typedStore is fs as users have it: typed documents, whose changes are stored
// and flushed. A record is a new title of 80 bytes.
type typedStore struct {
	db    *destam.DB
	table *notes.ONoteTable

	mu   sync.Mutex
	live map[uint64]*notes.ONote // guarded by mu; those that are held
	ids  map[uint64]driver.ID    // guarded by mu
}

func openTyped(dir string) (store, error) {
	s, err := fs.Open(dir, &keepNothing)
	if err != nil {
		return nil, err
	}
	db, err := destam.Open(background, s, nil)
	if err != nil {
		return nil, err
	}
	return &typedStore{db: db, table: notes.NoteTable(db), live: make(map[uint64]*notes.ONote), ids: make(map[uint64]driver.ID)}, nil
}

// note gives the document of a number, which its first record creates.
func (t *typedStore) note(r record) (*notes.ONote, error) {
	t.mu.Lock()
	n := t.live[r.doc]
	t.mu.Unlock()
	if n != nil {
		return n, nil
	}
	n, err := t.table.Create(background, notes.Note{Title: r.title(), Query: notes.NoteQuery{Slug: docID(r.doc).String()}})
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[r.doc], t.ids[r.doc] = n, n.ID()
	return n, nil
}

// title makes a text of a record that the one before had not.
func (r *record) title() string {
	return fmt.Sprintf("%08d", r.seq) + strings.ToValidUTF8(string(r.body[8:]), "?")
}

func (t *typedStore) set(r record) (*notes.ONote, error) {
	n, err := t.note(r)
	if err == nil {
		n.SetTitle(r.title())
	}
	return n, err
}

func (t *typedStore) Append(r record) error {
	n, err := t.set(r)
	if err == nil {
		err = n.Flush(background)
	}
	return err
}

func (t *typedStore) Begin(rs []record) error {
	for _, r := range rs {
		if _, err := t.note(r); err != nil {
			return err
		}
	}
	return t.db.Flush(background)
}

func (t *typedStore) AppendAll(rs []record) error {
	for _, r := range rs {
		if _, err := t.set(r); err != nil {
			return err
		}
	}
	return t.db.Flush(background)
}

// Load loads a document that nobody holds. It counts its versions.
func (t *typedStore) Load(doc uint64, fn func([]byte)) (int, error) {
	n, err := t.table.Get(background, t.ids[doc])
	if err != nil {
		return 0, err
	}
	fn([]byte(n.Title()))
	return int(n.Version()), nil
}

// letGo lets all documents go that are held, and with them the cache.
func (t *typedStore) letGo() {
	clear(t.live)
	runtime.GC()
	runtime.GC()
}

// Put is not there: mode million gives it a copy of what fs has.
func (t *typedStore) Put([]found) error { return errors.New("typed documents are not made in bulk") }

func (t *typedStore) Find(field, value string, fn func([]byte)) (n int, err error) {
	p := notes.NoteWhere.Owner().Is(value)
	if field == "slug" {
		p = notes.NoteWhere.Slug().Is(value)
	}
	for hit, err := range t.table.QueryAll(background, p) {
		if err != nil {
			return n, err
		}
		fn([]byte(hit.Query.Slug))
		n++
	}
	return n, nil
}

func (t *typedStore) Close() error { return t.db.Close(background) }
