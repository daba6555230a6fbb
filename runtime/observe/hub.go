package observe

import (
	"slices"
	"sync/atomic"
)

// listener is one subscription.
type listener[T any] struct {
	fn   atomic.Pointer[follower[T]] // nil after stop
	rank int                         // those of a lower rank are called first
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
		if fn := l.fn.Load(); fn != nil {
			(*fn)(e.old, e.had, e.now, e.has)
		}
	}
}

// backlog is how many changes may wait for listeners before they are folded.
const backlog = 1024

// hub has listeners and tells them of changes. Its line's lock guards it, and
// whatever the changes are of.
type hub[T any] struct {
	line  line[event[T], *event[T]]
	all   []*listener[T] // up to its length never changed, but replaced: events share it
	off   int            // of all
	bound int            // fold when more wait
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
func (h *hub[T]) add(l *listener[T]) {
	n := len(h.all)
	if n == 0 || h.all[n-1].rank <= l.rank {
		h.all = append(h.all, l)
		return
	}
	i := slices.IndexFunc(h.all, func(o *listener[T]) bool { return o.rank > l.rank })
	h.all = slices.Concat(h.all[:i], []*listener[T]{l}, h.all[i:])
}

// remove forgets a listener, once; the lock is held.
func (h *hub[T]) remove(l *listener[T]) bool {
	if l.fn.Swap(nil) == nil {
		return false
	}
	if h.off++; h.off*2 > len(h.all) {
		var left []*listener[T]
		for _, o := range h.all {
			if o.fn.Load() != nil {
				left = append(left, o)
			}
		}
		h.all, h.off = left, 0
	}
	return true
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
	return h.line.put(event[T]{old: old, had: had, now: now, has: has, to: h.all})
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
