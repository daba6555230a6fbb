package destam

import (
	"runtime/debug"
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
//go:noinline
func OnCommit[O, P, Q any](t *Table[O, P, Q], fn func(O, Version)) (stop func()) {
	return t.t.hooks.add(func(h unsafe.Pointer, v Version) { fn(as[O](h), v) })
}

// hooks are those who hear of a table's stored commits.
type hooks struct {
	count atomic.Int32
	mu    sync.Mutex
	fns   []*func(unsafe.Pointer, Version) // guarded by mu; replaced, never changed
}

func (s *hooks) add(fn func(unsafe.Pointer, Version)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fns = append(slices.Clip(s.fns), &fn)
	s.count.Add(1)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if i := slices.Index(s.fns, &fn); i >= 0 {
			s.fns = slices.Delete(slices.Clone(s.fns), i, i+1)
			s.count.Add(-1)
		}
	}
}

func (s *hooks) all() []*func(unsafe.Pointer, Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fns
}

// telling is what of a document was stored and not told yet. Its lock is a
// leaf.
type telling struct {
	mu      sync.Mutex
	waiting []Version
	running bool // somebody is at it, and takes along what comes
}

// stored notes a commit that the store has accepted; the slot is held. P is
// what it was made of, nil for none.
func (l *live) stored(c *driver.Commit, p *doc.Pending) {
	if l.table.hooks.count.Load() == 0 {
		return
	}
	v := (&traced{commit: *c}).version()
	if p != nil {
		v.Commit = *public(p.Commit())
		v.Time = c.Time
	}
	l.telling.mu.Lock()
	l.telling.waiting = append(l.telling.waiting, v)
	l.telling.mu.Unlock()
}

// tell tells what was stored, without the slot.
func (l *live) tell() {
	if l.table.hooks.count.Load() == 0 {
		return
	}
	q := &l.telling
	for {
		q.mu.Lock()
		if q.running || len(q.waiting) == 0 {
			q.mu.Unlock()
			return
		}
		q.running = true
		vs := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		for _, v := range vs {
			for _, fn := range l.table.hooks.all() {
				l.tellOne(*fn, v)
			}
		}
		q.mu.Lock()
		q.running = false
		q.mu.Unlock()
	}
}

func (l *live) tellOne(fn func(unsafe.Pointer, Version), v Version) {
	defer func() {
		if r := recover(); r != nil {
			l.table.db.opts.OnError(&Error{Op: "commit", Table: l.table.name, ID: l.id, Version: v.Number,
				Err: &PanicError{Value: r, Stack: string(debug.Stack())}})
		}
	}()
	fn(l.handle(), v)
}
