package destam

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// live is a document of this process: what the database knows about it beside
// its content. It is the target of the cache's weak pointer; the document
// points to it and every node to the document, so that whoever has any handle
// keeps it.
type live struct {
	table    *table
	doc      *doc.Document
	id       ID
	claimant *claimant

	// slot is held by whoever talks to the store about the document: one at a
	// time, and never while listeners or error handlers run, who may want it.
	slot chan struct{}

	version atomic.Uint64                 // the newest that the store has; changed with the slot
	held    atomic.Pointer[[]driver.Term] // unique values by that version
	bytes   atomic.Int64                  // of pending commits, counted in room
	size    atomic.Int64                  // of the newest checkpoint, the creation being one
	since   atomic.Int64                  // bytes of commits after it

	// With the document's lock: the newest section and its unique values.
	section []byte
	terms   []driver.Term

	// With the slot.
	unsure   *round // was sent, and nobody knows what became of it
	ended    error  // why nothing can be stored any more
	failed   int    // attempts to store something, in a row
	troubled bool   // that was reported

	checkpointing atomic.Bool
	doomed        atomic.Pointer[doom] // set with the slot; while it is, nothing is sent

	task task // guarded by schedule.mu
}

// newLive makes a document without content. Its slot is taken.
func (t *table) newLive(id ID) *live {
	l := &live{table: t, id: id, claimant: &claimant{id: id}, slot: make(chan struct{}, 1)}
	l.slot <- struct{}{}
	l.task.index = -1
	l.doc = doc.New(t.typ, id, l, doc.Options{
		KeyBound: t.db.opts.tuning.keyBound,
		Backlog:  t.db.opts.Backlog,
		Patience: t.db.opts.tuning.patience,
	})
	if len(t.unique) > 0 {
		runtime.AddCleanup(l, t.claims.drop, l.claimant)
	}
	return l
}

// handle gives the document's canonical handle.
func (l *live) handle() unsafe.Pointer { return l.doc.Root.Canonical() }

// of gives the document that a handle belongs to.
func of(o *OObject) *live { return o.o.Node().Document().Host().(*live) }

// acquire takes the slot.
func (l *live) acquire(ctx context.Context) error {
	select {
	case l.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *live) release() { <-l.slot }

// holds gives the unique values of the newest stored version.
func (l *live) holds() []driver.Term {
	if h := l.held.Load(); h != nil {
		return *h
	}
	return nil
}

// Dirty is [doc.Host]'s: what is to be stored is scheduled.
func (l *live) Dirty(*doc.Document) { l.table.db.schedule.mark(l) }

// Admit is [doc.Host]'s: the unique values of the section are claimed.
func (l *live) Admit(_ *doc.Document, section []byte) (held any, err error) {
	terms, err := l.termsOf(section)
	if err == nil {
		err = l.table.claims.reserve(l.claimant, terms)
	}
	if err != nil {
		return nil, l.table.refusal("set", l.id, err)
	}
	return terms, nil
}

// Section is [doc.Host]'s: queries of this process see the section at once.
func (l *live) Section(_ *doc.Document, section []byte) {
	if len(l.table.unique) > 0 {
		if terms, err := l.termsOf(section); err == nil {
			l.table.claims.show(l.claimant, terms)
		}
	}
	l.table.db.schedule.show(l, section)
}

// termsOf gives the unique values of a section; an error says why it can be
// in no store. Most sections come twice, to be admitted and to be shown.
func (l *live) termsOf(section []byte) ([]driver.Term, error) {
	if l.section != nil && bytes.Equal(section, l.section) {
		return l.terms, nil
	}
	v, err := driver.DecodeValue(section)
	if err != nil {
		return nil, err
	}
	l.section, l.terms = section, driver.Held(v, l.table.unique)
	return l.terms, nil
}

// Watched is [doc.Host]'s: a subscription keeps the document in memory.
func (l *live) Watched(_ *doc.Document, yes bool) { l.table.db.schedule.watched(l, yes) }

// Go is [doc.Host]'s.
func (l *live) Go(f func()) { l.table.db.workers.run(f) }

// Report is [doc.Host]'s. What was taken back goes to the next Flush, too,
// unless there can be none: the document is deleted.
func (l *live) Report(_ *doc.Document, err error) {
	e := &Error{Op: "document", Table: l.table.name, ID: l.id, Err: err}
	var (
		refusal  *doc.Refusal
		panicked *PanicError
		waited   *LockError
		placed   *Error
	)
	switch {
	case errors.Is(err, errReturned):
		return
	case errors.As(err, &refusal):
		e.refuse(refusal)
		l.table.db.failures.add(l, refusal.Err, e)
	case errors.As(err, &placed):
		e = placed
	case errors.Is(err, ErrDetached):
		e.Op = "store"
		l.table.db.failures.add(l, nil, e)
	case errors.As(err, &panicked):
		e.Op = "deliver"
	case errors.As(err, &waited):
		e.Op = "lock"
	}
	l.table.db.opts.OnError(e)
}

// errReturned marks what was taken back before its Update returned: the caller
// has the error.
var errReturned = errors.New("returned to the caller")
