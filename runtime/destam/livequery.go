package destam

import (
	"context"
	"iter"
	"unsafe"
)

// Live is a query that stays: exactly the documents for which its predicates
// hold now, with their query sections. It holds hits and no documents, and
// costs nothing when a document changes that it has nothing to do with. It sees
// what this process changes at once, stored or not. All methods may be used by
// many goroutines.
type Live[Q any] struct{ q *liveQuery }

// LiveChange is what happened to one document among those that a live query
// finds: its query section before and after.
type LiveChange[Q any] struct {
	Event    Event // Added, Removed or Changed
	ID       ID
	Old, New Q // zero where it was not found
}

// Live begins a live query. It returns with the documents for which the
// predicates hold; ctx bounds only that. Close ends it. It may have
// [Table.After] among its predicates, but no limit.
//
//go:noinline
func (t *Table[O, P, Q]) Live(ctx context.Context, where ...Predicate[O]) (*Live[Q], error) {
	return result[*Live[Q]](t.t.begins(ctx, predicates(unsafe.Pointer(&where))))
}

// begins gives a Live of any Q: all look alike.
func (t *table) begins(ctx context.Context, where []*predicate) (unsafe.Pointer, error) {
	q, err := t.live(ctx, where)
	if err != nil {
		return nil, t.err("live", ID{}, err)
	}
	return unsafe.Pointer(&Live[struct{}]{q}), nil
}

// Len is how many documents the query finds.
//
//go:noinline
func (l *Live[Q]) Len() int { return l.q.len() }

// Has tells whether the query finds a document.
//
//go:noinline
func (l *Live[Q]) Has(id ID) bool { return l.q.has(id) }

// All gives what the query finds, in order of creation.
//
//go:noinline
func (l *Live[Q]) All() []Hit[Q] {
	found := l.q.snapshot()
	hits := make([]Hit[Q], len(found))
	for i, h := range found {
		hits[i].ID = h.id
		l.q.decode(h.id, h.section, unsafe.Pointer(&hits[i].Query))
	}
	return hits
}

// Watch calls fn with every change of what the query finds, until stop is
// called: one at a time, in order, on any goroutine and never under a lock, a
// moment after the change. Changes of one document that come while fn is busy
// are folded into one. A panic in fn is reported to Options.OnError.
//
//go:noinline
func (l *Live[Q]) Watch(fn func(LiveChange[Q])) (stop func()) {
	listening(fn != nil)
	return l.q.watch(func(id ID, c liveChange) { fn(liveChanged[Q](l.q, id, c)) })
}

// Changes yields every change of what the query finds from the beginning of
// the loop on, as Watch does. The loop may take its time. It ends with Close,
// with ctx and its error, or with the database and [ErrClosed].
//
//go:noinline
func (l *Live[Q]) Changes(ctx context.Context) iter.Seq2[LiveChange[Q], error] {
	return func(yield func(LiveChange[Q], error) bool) {
		l.q.changes(ctx, func(id ID, c liveChange, err error) bool { return yield(liveChanged[Q](l.q, id, c), err) })
	}
}

// Close ends the query: what it found last stays readable, and changes no
// more. Loops over Changes end.
//
//go:noinline
func (l *Live[Q]) Close() { l.q.s.remove(l.q, nil) }

// liveChanged gives a change its type.
//
//go:noinline
func liveChanged[Q any](q *liveQuery, id ID, c liveChange) (to LiveChange[Q]) {
	to.ID, to.Event = id, q.tell(id, c, unsafe.Pointer(&to.Old), unsafe.Pointer(&to.New))
	return to
}

// What follows is compiled once, and not for every query section.

// changes tells of changes until the query or ctx ends, or tell returns false.
func (q *liveQuery) changes(ctx context.Context, tell func(ID, liveChange, error) bool) {
	sub := q.subscribe()
	defer sub.stop()
	for {
		id, c, ok, err := sub.next(ctx)
		if !ok && err != nil {
			tell(ID{}, liveChange{}, q.s.table.err("live", ID{}, err))
		}
		if !ok || !tell(id, c, nil) {
			return
		}
	}
}

// tell decodes the sections of a change, and says what that is: nothing, if
// there are none.
func (q *liveQuery) tell(id ID, c liveChange, before, after unsafe.Pointer) (is Event) {
	if c.old != nil {
		is = Removed
		q.decode(id, c.old, before)
	}
	if c.new != nil {
		is = Added
		q.decode(id, c.new, after)
	}
	if c.old != nil && c.new != nil {
		is = Changed
	}
	return is
}

// decode decodes a section. One that cannot be decoded would not have met any
// predicate.
func (q *liveQuery) decode(id ID, section []byte, to unsafe.Pointer) {
	if err := q.s.table.decode(hit{id, section}, to); err != nil {
		q.s.table.db.opts.OnError(err)
	}
}
