package observe

import (
	"slices"
	"sync/atomic"
)

// listener is one subscription.
type listener[T any] struct {
	fn   follower[T] // nil after stop, when nobody can be about to call it
	off  atomic.Bool // after stop
	rank int         // those of a lower rank are called first
}

// event is a change and whom it concerns: those who listened when it happened.
type event[T any] struct {
	old, now T
	had, has bool
	to       []*listener[T]
	next     int // of to
}

func (e *event[T]) run() {
	for e.next < len(e.to) {
		l := e.to[e.next]
		e.next++
		if !l.off.Load() {
			l.fn(e.old, e.had, e.now, e.has)
		}
	}
}

// backlog is how many changes may wait for listeners before they are folded.
const backlog = 1024

// events is the line of changes on their way to listeners.
type events[T any] = line[event[T], *event[T]]

// listeners are guarded by the lock of the line that brings them changes.
type listeners[T any] struct {
	all []*listener[T] // what an event on its way has of it does not change
	off int            // of all
}

// hub has listeners and tells them of changes. Its line's lock guards it, and
// whatever the changes are of.
type hub[T any] struct {
	line events[T]
	listeners[T]
	bound int // fold when more wait
	equal func(a, b T) bool
}

// same compares; the lock is held.
func (h *hub[T]) same(a T, had bool, b T, has bool) bool {
	if h.equal == nil {
		h.equal = equality[T]()
	}
	return same(h.equal, a, had, b, has)
}

// add takes a listener in; the lock is held.
func (ls *listeners[T]) add(l *listener[T]) {
	n := len(ls.all)
	if n == 0 || ls.all[n-1].rank <= l.rank {
		ls.all = append(ls.all, l)
		return
	}
	i := slices.IndexFunc(ls.all, func(o *listener[T]) bool { return o.rank > l.rank })
	ls.all = slices.Concat(ls.all[:i], []*listener[T]{l}, ls.all[i:])
}

// remove forgets a listener, once; the lock of its line is held.
func (ls *listeners[T]) remove(l *listener[T], from *events[T]) {
	if l.off.Load() {
		return
	}
	l.off.Store(true)
	ls.off++
	if from.want() {
		from.atRest(func() { l.fn = nil })
	} else {
		l.fn = nil
		ls.cut()
	}
	if ls.off*2 > len(ls.all) {
		var left []*listener[T]
		for _, o := range ls.all {
			if !o.off.Load() {
				left = append(left, o)
			}
		}
		ls.all, ls.off = left, 0
	}
}

// send puts a change for those who listen now; the lock is held. When it gives
// true, the caller unlocks and lets the line work.
func (ls *listeners[T]) send(to *events[T], old T, had bool, now T, has bool) bool {
	e, mine := to.place()
	e.old, e.had, e.now, e.has, e.to, e.next = old, had, now, has, ls.all, 0
	return mine
}

// cut forgets at once those at the end: no event is on its way.
func (ls *listeners[T]) cut() {
	for n := len(ls.all); n > 0 && ls.all[n-1].off.Load(); n-- {
		ls.all[n-1] = nil
		ls.all = ls.all[:n-1]
		ls.off--
	}
}

// tell puts a change; the lock is held. When it gives true, the caller unlocks
// and lets the line work.
func (h *hub[T]) tell(old T, had bool, now T, has bool) bool {
	if len(h.all) == h.off {
		return false
	}
	if len(h.line.waiting)-h.line.head >= max(backlog, h.bound) {
		h.fold()
	}
	return h.send(&h.line, old, had, now, has)
}

// fold makes one change of those that wait for the same listeners and lead
// from one to the next.
func (h *hub[T]) fold() {
	l := &h.line
	var folded []event[T]
	for _, e := range l.waiting[l.head:] {
		if n := len(folded); n > 0 {
			last := &folded[n-1]
			if len(last.to) == len(e.to) && &last.to[0] == &e.to[0] && h.same(last.now, last.has, e.old, e.had) {
				last.now, last.has = e.now, e.has
				continue
			}
		}
		folded = append(folded, e)
	}
	folded = slices.DeleteFunc(folded, func(e event[T]) bool { return h.same(e.old, e.had, e.now, e.has) })
	l.waiting, l.head = folded, 0
	h.bound = 2 * len(folded) // changes of several places do not fold
}
