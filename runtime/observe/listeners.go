package observe

import (
	"slices"
	"sync/atomic"
)

// listener is one subscription, for who ends it. What it calls stands in its
// place and nowhere else, so that who keeps what ends it keeps nothing more.
type listener struct {
	off atomic.Uint32 // after stop: who tells of a change looks
	at  int32         // of its place, until stop
}

// place is the one of a listener among others. After stop it is empty.
type place[T any] struct {
	fn    follower[T]     // or
	watch func(Change[T]) // as it is: a function around it is a piece of memory more
	l     *listener
	rank  int // those of a lower rank are called first
}

// listeners are guarded by the lock of what they listen to.
type listeners[T any] struct {
	all  []place[T]
	gone int  // of all: empty
	lent bool // an event may have all: only what is behind it may be written to
}

func (p *place[T]) empty() bool { return p.l.off.Load() != 0 }

// none tells that nobody listens; the lock is held.
func (ls *listeners[T]) none() bool { return len(ls.all) == ls.gone }

// lend gives those who listen now to an event; the lock is held.
func (ls *listeners[T]) lend() []place[T] {
	ls.lent = true
	return ls.all
}

// add takes a listener in, for whom p is as yet without one; the lock is held.
func (ls *listeners[T]) add(p place[T]) *listener {
	n := len(ls.all)
	p.l = &listener{at: int32(n)}
	if n == 0 || ls.all[n-1].rank <= p.rank {
		ls.all = append(ls.all, p)
		return p.l
	}
	i := slices.IndexFunc(ls.all, func(o place[T]) bool { return o.rank > p.rank })
	ls.move(slices.Concat(ls.all[:i], []place[T]{p}, ls.all[i:]))
	return p.l
}

// remove forgets a listener; false when it was before. The lock is held.
func (ls *listeners[T]) remove(l *listener) bool {
	if l.off.Load() != 0 {
		return false
	}
	l.off.Store(1)
	if ls.lent {
		ls.all, ls.lent = slices.Clone(ls.all), false
	}
	p := &ls.all[l.at]
	p.fn, p.watch = nil, nil
	ls.gone++
	for n := len(ls.all); n > 0 && ls.all[n-1].empty(); n-- {
		ls.all = ls.all[:n-1]
		ls.gone--
	}
	if ls.gone*2 > len(ls.all) {
		ls.move(slices.Clone(ls.all))
	}
	return true
}

// move puts all elsewhere, without what is empty.
func (ls *listeners[T]) move(all []place[T]) {
	ls.all, ls.gone, ls.lent = slices.DeleteFunc(all, func(p place[T]) bool { return p.empty() }), 0, false
	for i, p := range ls.all {
		p.l.at = int32(i)
	}
}

// call tells those from next on of a change.
func call[T any](to []place[T], next *int, old T, had bool, now T, has bool) {
	for *next < len(to) {
		p := &to[*next]
		*next++
		switch {
		case p.empty():
		case p.watch != nil:
			p.watch(Change[T]{Old: old, New: now, WasAbsent: !had, Absent: !has})
		default:
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
