package destam

import (
	"bytes"
	"context"
	"errors"
	"math"
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
	table   *table
	doc     *doc.Document
	id      ID
	claimed atomic.Pointer[claimant] // see claimant

	// slot is held by whoever talks to the store about the document: one at a
	// time, and never while listeners or error handlers run, who may want it.
	slot chan struct{}

	version atomic.Uint64                 // the newest that the store has; changed with the slot
	held    atomic.Pointer[[]driver.Term] // unique values by that version
	bytes   atomic.Int64                  // of pending commits, counted in room
	size    atomic.Int64                  // of the newest checkpoint, the creation being one
	since   atomic.Int64                  // bytes of commits after it
	after   atomic.Int64                  // how many commits those are
	heard   atomic.Uint64                 // the newest version that a feed told of
	hearing atomic.Bool                   // somebody sees to it that the document gets there

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

	private   bool      // a copy that only one Transact has
	unchecked unchecked // pending commits that Validate has not seen
	telling   telling   // stored commits that OnCommit has not heard of

	unborn atomic.Bool // the store has not its first commit yet: no query finds it
	fate   fate        // guarded by lives.noted

	task task // guarded by schedule.mu

	room doc.Document // of doc: both are one piece of memory
}

// newLive makes a document without content. Its slot is taken.
func (t *table) newLive(id ID) *live {
	l := &live{table: t, id: id, slot: make(chan struct{}, 1)}
	l.slot <- struct{}{}
	l.task.index = -1
	l.doc = &l.room
	l.doc.Setup(t.typ, id, l, doc.Options{
		KeyBound: t.db.opts.tuning.keyBound,
		Backlog:  t.db.opts.Backlog,
		Patience: t.db.opts.tuning.patience,
		Folded:   &t.db.counters.folded,
		Behind:   &t.db.counters.behind,
	})
	return l
}

// claimant gives the document among the claims of its table, and makes it the
// first time: most documents that are loaded are only read.
func (l *live) claimant() *claimant {
	if c := l.claimed.Load(); c != nil {
		return c
	}
	if c := (&claimant{id: l.id}); l.claimed.CompareAndSwap(nil, c) {
		runtime.AddCleanup(l, l.table.claims.drop, c)
	}
	return l.claimed.Load()
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
func (l *live) Dirty(*doc.Document) {
	if !l.private {
		l.table.db.schedule.mark(l)
	}
}

// Admit is [doc.Host]'s: the unique values of the section are claimed.
func (l *live) Admit(_ *doc.Document, section []byte) (held any, err error) {
	terms, err := l.termsOf(section)
	if err == nil && len(l.table.unique) > 0 {
		err = l.table.claims.reserve(l.claimant(), terms)
	}
	if err != nil {
		return nil, l.table.refusal("set", l.id, err)
	}
	return terms, nil
}

// Fits is [doc.Host]'s: what is too large for the store is refused before
// anybody waits for it.
func (l *live) Fits(_ *doc.Document, p *doc.Pending) error {
	err := l.fits(p)
	if err == nil && l.table.validates && !l.private && !l.unborn.Load() {
		l.unchecked.add(p, l.table.plainOf(l.doc))
	}
	if err != nil {
		err = &Error{Op: "store", Table: l.table.name, ID: l.id, Err: err}
	}
	return err
}

func (l *live) fits(p *doc.Pending) error {
	if len(p.Section) > driver.MaxSection {
		return &driver.LimitError{What: "query section", Size: len(p.Section), Max: driver.MaxSection}
	}
	// The most that a commit takes beside these, and its unique values: what
	// is far from the limit is not encoded twice.
	const beside = 128
	size := beside + len(p.Body) + len(p.Section) + len(p.By) + len(p.Because) + len(l.table.name)
	held, _ := p.Held.([]driver.Term)
	if p.Section == nil {
		if held = l.terms; l.section == nil {
			held = l.holds()
		}
	}
	for _, t := range held {
		size += len(t) + 5
	}
	limits := l.table.db.driver.Limits()
	if limits.Check(size) == nil {
		return nil
	}
	c := l.commit(p, math.MaxUint64, held) // whatever its version will be
	return limits.Check(len(driver.AppendCommit(nil, &c)))
}

// Section is [doc.Host]'s: queries of this process see the section at once.
func (l *live) Section(_ *doc.Document, section []byte) {
	if l.private {
		return
	}
	if len(l.table.unique) > 0 {
		if terms, err := l.termsOf(section); err == nil {
			l.table.claims.show(l.claimant(), terms)
		}
	}
	l.table.db.schedule.show(l, section)
	if !l.unborn.Load() {
		l.table.lives.show(l, section)
	}
}

// termsOf gives the unique values of a section; an error says why it can be
// in no store. Most sections come twice, to be admitted and to be shown.
func (l *live) termsOf(section []byte) ([]driver.Term, error) {
	if l.section != nil && bytes.Equal(section, l.section) {
		return l.terms, nil
	}
	terms, err := driver.HeldIn(section, l.table.unique)
	if err != nil {
		return nil, err
	}
	l.section, l.terms = section, terms
	return l.terms, nil
}

// Watched is [doc.Host]'s: a subscription keeps the document in memory.
func (l *live) Watched(_ *doc.Document, yes bool) {
	if !l.private {
		l.table.db.schedule.watched(l, yes)
	}
}

// Go is [doc.Host]'s.
func (l *live) Go(f func()) { l.table.db.workers.run(f) }

// Owed is [doc.Host]'s: what was taken back, and what is not stored, goes to
// the next Flush too. It is noted while the document is locked, so that no
// Flush that finds it gone can miss it.
func (l *live) Owed(_ *doc.Document, err error) error {
	if errors.Is(err, errReturned) {
		return nil
	}
	if over := (*doc.Overwritten)(nil); errors.As(err, &over) {
		return err // nothing failed: see Conflict
	}
	e := &Error{Op: "store", Table: l.table.name, ID: l.id, Err: err}
	if refusal := (*doc.Refusal)(nil); errors.As(err, &refusal) {
		e.refuse(refusal)
		l.table.db.counters.refused.Add(1)
	}
	if !l.private {
		l.table.db.failures.add(l, e)
	}
	return e
}

// Report is [doc.Host]'s.
func (l *live) Report(_ *doc.Document, err error) {
	e := &Error{Op: "document", Table: l.table.name, ID: l.id, Err: err}
	var (
		panicked *PanicError
		waited   *LockError
		placed   *Error
	)
	over := (*doc.Overwritten)(nil)
	switch {
	case errors.As(err, &over):
		l.table.db.opts.OnConflict(Conflict{l.table.name, l.id, over.By, over.Because, over.Paths})
		return
	case errors.As(err, &placed):
		e = placed
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
