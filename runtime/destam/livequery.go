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
		hits[i] = Hit[Q]{h.id, liveSection[Q](l.q, h.id, h.section)}
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
	return l.q.watch(func(id ID, c liveChange) { fn(liveChanged[Q](l.q, id, c)) })
}

// Changes yields every change of what the query finds from the beginning of
// the loop on, as Watch does. The loop may take its time. It ends with Close,
// with ctx and its error, or with the database and [ErrClosed].
//
//go:noinline
func (l *Live[Q]) Changes(ctx context.Context) iter.Seq2[LiveChange[Q], error] {
	return func(yield func(LiveChange[Q], error) bool) {
		sub := l.q.subscribe()
		defer sub.stop()
		for {
			id, c, ok, err := sub.next(ctx)
			if !ok {
				if err != nil {
					yield(LiveChange[Q]{}, l.q.s.table.err("live", ID{}, err))
				}
				return
			}
			if !yield(liveChanged[Q](l.q, id, c), nil) {
				return
			}
		}
	}
}

// Close ends the query: what it found last stays readable, and changes no
// more. Loops over Changes end.
//
//go:noinline
func (l *Live[Q]) Close() { l.q.s.remove(l.q, nil) }

// liveChanged gives a change its type.
func liveChanged[Q any](q *liveQuery, id ID, c liveChange) LiveChange[Q] {
	to := LiveChange[Q]{Event: Changed, ID: id}
	if c.old == nil {
		to.Event = Added
	} else {
		to.Old = liveSection[Q](q, id, c.old)
	}
	if c.new == nil {
		to.Event = Removed
	} else {
		to.New = liveSection[Q](q, id, c.new)
	}
	return to
}

// liveSection decodes a section. One that cannot be decoded would not have met
// any predicate.
func liveSection[Q any](q *liveQuery, id ID, section []byte) (v Q) {
	if err := q.s.table.decode(hit{id, section}, unsafe.Pointer(&v)); err != nil {
		q.s.table.db.opts.OnError(err)
	}
	return v
}
