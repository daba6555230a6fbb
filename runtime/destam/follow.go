package destam

import (
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Follow gives the value, as Get does, and calls fn with every change of it
// from there, as Watch does: nothing happens between the two. had and has tell
// whether the value was there before and is there now. Inside an Update it
// begins with the commit after that. It makes every lens an observe.Source;
// that neither package imports the other is why it takes nothing but built-in
// types.
//
//go:noinline
func (l *Lens[T]) Follow(fn func(old T, had bool, now T, has bool)) (v T, ok bool, stop func()) {
	listening(fn != nil)
	var stopped atomic.Bool
	listener := doc.Listener{
		Field: -1, Lens: l.l, Typed: true,
		Commit: func(c *doc.Commit) {
			xs := c.Changes()
			for i := range xs {
				var old, now T
				if xs[i].Had {
					l.unbox(&old, xs[i].Prev)
				}
				if xs[i].Has {
					l.unbox(&now, xs[i].Val)
				}
				if stopped.Load() { // by fn, or meanwhile
					return
				}
				fn(old, xs[i].Had, now, xs[i].Has)
			}
		},
		Alone: func(x *doc.Alone) {
			var c Change[T]
			c.alone(x)
			fn(c.Old, !c.WasAbsent, c.New, !c.Absent)
		},
	}
	l.o.o.Read()
	for p := range l.l.Values(l.o.o.Node()) {
		v, ok = l.copied(p), true
		break
	}
	s := l.o.o.Node().Listen(listener)
	l.o.o.Done()
	return v, ok, func() {
		stopped.Store(true)
		s.Stop()
	}
}
