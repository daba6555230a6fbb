package observe

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// Changes yields every change of src from the beginning of the loop on. The
// loop may take its time: it holds up nobody, and when more than a thousand
// changes wait, those that lead from one to the next come as one. Breaking the
// loop ends the subscription; it ends by itself with ctx, with the error. It
// does not hear that a document was closed or deleted, as the Changes of its
// lenses does.
func Changes[T any](ctx context.Context, src Source[T]) iter.Seq2[Change[T], error] {
	return func(yield func(Change[T], error) bool) {
		r := &reader[T]{more: make(chan struct{}, 1), equal: equality[T]()}
		stop := watch(src, r.hear)
		defer stop()
		for {
			for c, ok := r.next(); ok; c, ok = r.next() {
				if !yield(c, nil) {
					return
				}
			}
			select {
			case <-r.more:
			case <-ctx.Done():
				yield(Change[T]{}, context.Cause(ctx))
				return
			}
		}
	}
}

// reader keeps what a loop has not read.
type reader[T any] struct {
	more  chan struct{} // something came
	equal func(a, b T) bool

	mu      sync.Mutex
	waiting []Change[T] // guarded by mu
	bound   int         // guarded by mu: fold when more wait
}

func (r *reader[T]) hear(c Change[T]) {
	r.mu.Lock()
	if r.waiting = append(r.waiting, c); len(r.waiting) > max(backlog, r.bound) {
		r.fold()
	}
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default: // the loop knows
	}
}

func (r *reader[T]) next() (c Change[T], ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		r.waiting = nil
		return c, false
	}
	c, r.waiting[0] = r.waiting[0], c
	r.waiting = r.waiting[1:]
	return c, true
}

// fold makes one change of those that lead from one to the next.
func (r *reader[T]) fold() {
	folded := r.waiting[:1:1]
	for _, c := range r.waiting[1:] {
		last := &folded[len(folded)-1]
		if same(r.equal, last.New, !last.Absent, c.Old, !c.WasAbsent) {
			last.New, last.Absent = c.New, c.Absent
			continue
		}
		folded = append(folded, c)
	}
	r.waiting = slices.DeleteFunc(folded, func(c Change[T]) bool {
		return same(r.equal, c.Old, !c.WasAbsent, c.New, !c.Absent)
	})
	r.bound = 2 * len(r.waiting)
}
