package observe

import (
	"slices"
	"sync/atomic"
)

// listener is one subscription, for who ends it. What it calls stands in its
// place and nowhere else, so that who keeps what ends it keeps nothing more.
type listener struct {
	off atomic.Uint32 // after stop: for a change that is being told
	at  int32         // of its place; -1 after stop
}

// place is the one of a listener among others. After stop it is nobody's.
type place[T any] struct {
	fn   follower[T]
	l    *listener
	rank int // those of a lower rank are called first
}

// listeners are guarded by the lock of what they listen to.
type listeners[T any] struct {
	all  []place[T]
	gone int  // of all: nobody's
	lent bool // an event may have all: only what is behind it may be written to
}

// none tells that nobody listens; the lock is held.
func (ls *listeners[T]) none() bool { return len(ls.all) == ls.gone }

// lend gives those who listen now to an event; the lock is held.
func (ls *listeners[T]) lend() []place[T] {
	ls.lent = true
	return ls.all
}

// add takes a listener in; the lock is held.
func (ls *listeners[T]) add(fn follower[T], rank int) *listener {
	n := len(ls.all)
	l := &listener{at: int32(n)}
	p := place[T]{fn, l, rank}
	if n == 0 || ls.all[n-1].rank <= rank {
		ls.all = append(ls.all, p)
		return l
	}
	i := slices.IndexFunc(ls.all, func(o place[T]) bool { return o.rank > rank })
	ls.move(slices.Concat(ls.all[:i], []place[T]{p}, ls.all[i:]))
	return l
}

// remove forgets a listener; false when it was before. The lock is held.
func (ls *listeners[T]) remove(l *listener) bool {
	if l.at < 0 {
		return false
	}
	if ls.lent {
		ls.all, ls.lent = slices.Clone(ls.all), false
	}
	ls.all[l.at] = place[T]{}
	l.at = -1
	l.off.Store(1)
	ls.gone++
	for n := len(ls.all); n > 0 && ls.all[n-1].l == nil; n-- {
		ls.all = ls.all[:n-1]
		ls.gone--
	}
	if ls.gone*2 > len(ls.all) {
		ls.move(slices.Clone(ls.all))
	}
	return true
}

// move puts all elsewhere, without what is nobody's.
func (ls *listeners[T]) move(all []place[T]) {
	ls.all, ls.gone, ls.lent = slices.DeleteFunc(all, func(p place[T]) bool { return p.l == nil }), 0, false
	for i, p := range ls.all {
		p.l.at = int32(i)
	}
}

// call tells those from next on of a change.
func call[T any](to []place[T], next *int, old T, had bool, now T, has bool) {
	for *next < len(to) {
		p := &to[*next]
		*next++
		if p.l != nil && p.l.off.Load() == 0 {
			p.fn(old, had, now, has)
		}
	}
}

// tell is call for who tells of one change at a time and needs no line. A
// listener that panics or ends its goroutine stops no other.
func tell[T any](to []place[T], old T, had bool, now T, has bool) {
	for next := 0; telling(to, &next, old, had, now, has); {
	}
}

// telling gives true when a listener panics.
func telling[T any](to []place[T], next *int, old T, had bool, now T, has bool) (more bool) {
	returned := false
	defer func() {
		if !returned {
			more = caught(recover(), func() { tell(to[*next:], old, had, now, has) })
		}
	}()
	call(to, next, old, had, now, has)
	returned = true
	return false
}
