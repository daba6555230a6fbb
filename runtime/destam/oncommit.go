package destam

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// OnCommit calls fn with every commit of the table that this process stores
// from now on, once the store has accepted it, until stop is called: with the
// document, and what became a version. What the store refuses never comes, and
// what other processes store neither: each commit is heard of by the one process
// that has stored it, so that what fn does is done once. Who wants to know what
// others change ranges over Changes of a document, or asks [Table.Live]. The
// calls for one document come one at a time and in order, on any goroutine and
// never under a lock; who stores waits for them, so a slow fn slows storing and
// fills no memory. A creation and a restoring have no deltas: fn can read the
// document. A panic in fn is reported to Options.OnError.
//
// It is not heard of a history that is imported, which happened long ago and
// elsewhere; of documents that are imported without it is. A process that is
// killed may have stored a commit that nobody has heard of: who must not miss
// one compares with History.
//
//go:noinline
func OnCommit[O, P, Q any](t *Table[O, P, Q], fn func(O, Version)) (stop func()) {
	listening(fn != nil)
	return t.t.hooks.add(func(h unsafe.Pointer, v Version) { fn(as[O](h), v) })
}

// hooks are those who hear of a table's stored commits.
type hooks struct {
	mu  sync.Mutex              // held by who comes or goes
	all atomic.Pointer[[]*hook] // replaced, never changed
}

type hook struct {
	fn  func(unsafe.Pointer, Version)
	off atomic.Bool // it was stopped
}

func (s *hooks) add(fn func(unsafe.Pointer, Version)) (stop func()) {
	h := &hook{fn: fn}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replace(append(slices.Clip(s.list()), h))
	return func() {
		h.off.Store(true)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.replace(slices.DeleteFunc(slices.Clone(s.list()), func(other *hook) bool { return other == h }))
	}
}

func (s *hooks) replace(all []*hook) { s.all.Store(&all) }

func (s *hooks) list() []*hook {
	if all := s.all.Load(); all != nil {
		return *all
	}
	return nil
}

// telling is what of a document was stored and not told yet. Its lock is a
// leaf.
type telling struct {
	mu      sync.Mutex
	waiting []call // guarded by mu
	running bool   // guarded by mu: somebody is at it, and takes along what comes
}

// call is one of OnCommit's: of who was there when the store accepted the
// version.
type call struct {
	to *hook
	v  Version
}

// any tells whether there is something to tell.
func (q *telling) any() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) > 0
}

// begin tells whether there is something to tell, and nobody at it.
func (q *telling) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running || len(q.waiting) == 0 {
		return false
	}
	q.running = true
	return true
}

// next gives the next call; without one all is told, and nobody at it.
func (q *telling) next() (c call, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.waiting, q.running = nil, false
		return c, false
	}
	c, q.waiting = q.waiting[0], q.waiting[1:]
	return c, true
}

// stored notes a commit that the store has accepted. P is what it was made of,
// nil for none.
func (l *live) stored(c *driver.Commit, p *doc.Pending) {
	hooks := l.table.hooks.list()
	if len(hooks) == 0 {
		return
	}
	v := (&traced{commit: *c}).version()
	if p != nil {
		v.Commit = *public(p.Commit())
		v.Time = c.Time
	}
	l.telling.mu.Lock()
	defer l.telling.mu.Unlock()
	for _, h := range hooks {
		l.telling.waiting = append(l.telling.waiting, call{h, v})
	}
}

// tell tells what was stored, without the slot, and returns when that is done
// or left to somebody who is at it. A function that ends its goroutine shall not
// end storing, so it has one of its own.
func (l *live) tell() {
	if !l.telling.begin() {
		return
	}
	done := make(chan struct{})
	l.Go(func() { l.tellAll(done) })
	<-done
}

func (l *live) tellAll(done chan<- struct{}) {
	for c, ok := l.telling.next(); ok; c, ok = l.telling.next() {
		if !c.to.off.Load() { // it may have been stopped by the one before
			place := Error{Op: "commit", Table: l.table.name, ID: l.id, Version: c.v.Number}
			l.table.db.guard(place, func() { c.to.fn(l.handle(), c.v) }, func() { l.tellAll(done) })
		}
	}
	close(done)
}
