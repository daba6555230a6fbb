package observe

import "slices"

// backlog is how many changes may wait for listeners before they are folded.
const backlog = 1024

// event is a change and whom it concerns: those who listened when it happened.
type event[T any] struct {
	old, now T
	had, has bool
	to       []place[T]
	next     int // of to
}

func (e *event[T]) run() { call(e.to, &e.next, e.old, e.had, e.now, e.has) }

// hub has listeners and tells them of changes in a line. Its line's lock
// guards it, and whatever the changes are of.
type hub[T any] struct {
	line line[event[T], *event[T]]
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

// tell puts a change for those who listen now; the lock is held. When it gives
// true, the caller unlocks and lets the line work.
func (h *hub[T]) tell(old T, had bool, now T, has bool) bool {
	if h.none() {
		return false
	}
	if len(h.line.waiting)-h.line.head >= max(backlog, h.bound) {
		h.fold()
	}
	e, mine := h.line.place()
	e.old, e.had, e.now, e.has, e.to, e.next = old, had, now, has, h.lend(), 0
	return mine
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
