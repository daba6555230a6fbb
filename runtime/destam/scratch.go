package destam

import (
	"context"
	"fmt"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// nowhere is the host of documents that are copies: nobody else has them, and
// nothing of them is stored.
type nowhere struct{}

func (nowhere) Dirty(*doc.Document)                      {}
func (nowhere) Admit(*doc.Document, []byte) (any, error) { return nil, nil }
func (nowhere) Fits(*doc.Document, *doc.Pending) error   { return nil }
func (nowhere) Section(*doc.Document, []byte)            {}
func (nowhere) Watched(*doc.Document, bool)              {}
func (nowhere) Owed(*doc.Document, error) error          { return nil }
func (nowhere) Report(*doc.Document, error)              {}
func (nowhere) Go(f func())                              { go f() }

// scratch makes a document that is a copy, still without content.
func (t *table) scratch() *doc.Document {
	return doc.New(t.typ, ID{}, nowhere{}, doc.Options{KeyBound: t.db.opts.tuning.keyBound})
}

// asOf gives a copy of a document as of a version, and that version. Version 0
// is the empty document before its creation.
func (t *table) asOf(ctx context.Context, id ID, version uint64) (*doc.Document, error) {
	if version == 0 {
		return t.scratch(), nil
	}
	state, err := t.db.driver.Load(ctx, t.name, id, version)
	if err != nil {
		return nil, err
	}
	if version > state.Seq {
		return nil, t.noVersion(id, version, state.Seq)
	}
	b, err := t.build(ctx, &state, t.scratch)
	return b.doc, err
}

// oldest gives the first version of a document whose commit the store still has.
func oldest(ctx context.Context, d driver.Driver, of driver.Doc) (uint64, error) {
	if d.Limits().Forgets {
		for c, err := range d.Log(ctx, of.Table, of.ID, driver.Range{}) {
			return c.Seq, err
		}
	}
	return 1, nil
}

// missing says why a store has not a version of a document that it had, or has
// later ones of: [ErrNotFound] when the document was purged just now.
func missing(ctx context.Context, d driver.Driver, of driver.Doc) error {
	if now, err := standing(ctx, d, of); err == nil && now.Life == driver.Purged {
		return ErrNotFound
	}
	if d.Limits().Forgets {
		return ErrForgotten
	}
	return errMissing
}

// noVersion says that a document has not come to a version yet.
func (t *table) noVersion(id ID, version, newest uint64) error {
	return &Error{Op: "load", Table: t.name, ID: id, Version: version,
		Err: fmt.Errorf("%w: the newest version is %d", ErrNotFound, newest)}
}

// walk calls visit with the commits of a range of versions, and what each did
// to a copy of the document. With patch their traces have operations. It ends
// with an error of visit.
func (t *table) walk(ctx context.Context, id ID, from, to uint64, patch bool,
	visit func(c *driver.Commit, d *doc.Document, tr doc.Trace) error,
) error {
	d, err := t.asOf(ctx, id, from-1)
	if err != nil {
		return err
	}
	next := from
	for c, err := range t.db.driver.Log(ctx, t.name, id, driver.Range{From: from, To: to}) {
		if err == nil && c.Seq != next {
			err = &Error{Op: "load", Table: t.name, ID: id, Version: next, Err: missing(ctx, t.db.driver, driver.Doc{Table: t.name, ID: id})}
		}
		if err != nil {
			return err
		}
		tr, err := d.Trace(c.Seq, c.Body, patch)
		if err != nil {
			return &Error{Op: "load", Table: t.name, ID: id, Version: c.Seq, Err: err}
		}
		if err := visit(&c, d, tr); err != nil {
			return err
		}
		next++
	}
	if next <= to {
		return &Error{Op: "load", Table: t.name, ID: id, Version: next, Err: missing(ctx, t.db.driver, driver.Doc{Table: t.name, ID: id})}
	}
	return nil
}
