package destam

import (
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Follow gives the value, as Get does, and calls fn with every change of it
// from there, as Watch does: nothing happens between the two. had and has tell
// whether the value was there before and is there now. It makes every lens an
// observe.Source; that neither package imports the other is why it takes
// nothing but built-in types.
//
//go:noinline
func (l *Lens[T]) Follow(fn func(old T, had bool, now T, has bool)) (v T, ok bool, stop func()) {
	var stopped atomic.Bool
	call := func(c *doc.Commit) {
		l.changes(c, func(x Change[T]) bool {
			if stopped.Load() { // by fn, or meanwhile
				return false
			}
			fn(x.Old, !x.WasAbsent, x.New, !x.Absent)
			return true
		})
	}
	l.o.o.Read()
	for p := range l.l.Values(l.o.o.Node()) {
		v, ok = l.copied(p), true
		break
	}
	s := l.o.o.Node().Through(l.l, true, call)
	l.o.o.Done()
	return v, ok, func() {
		stopped.Store(true)
		s.Stop()
	}
}
