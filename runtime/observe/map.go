package observe

import (
	"sync"
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/internal/lock"
)

// Map is what f makes of the value of src; what is absent stays absent. Nobody
// hears of a change that f makes nothing of. While the lens is watched f is
// called once for each change; it must not depend on anything else that
// changes. When f panics, so do Get and Watch; a change on which it panics is
// reported and left out.
func Map[T, U any](src Source[T], f func(T) U) *Lens[U] {
	return Derive(src, func(v T, ok bool) (u U, uok bool) {
		if ok {
			u = f(v)
		}
		return u, ok
	})
}

// Derive is Map for functions that see absent values and give them.
func Derive[T, U any](src Source[T], f func(v T, ok bool) (U, bool)) *Lens[U] {
	m := &mapped[T, U]{src: src, f: f, sameT: equality[T](), sameU: equality[U]()}
	return computed(m.get, m.follow)
}

// TwoWay is Map that can be set: src is set to what back makes of the value.
func TwoWay[T, U any](src Source[T], f func(T) U, back func(U) T) *Lens[U] {
	l := Map(src, f)
	if set := setOf(src); set != nil {
		l.set = func(u U) bool { return set(back(u)) }
	}
	l.clear = clearOf(src)
	return l
}

// mapped is a function of a source.
type mapped[T, U any] struct {
	src   Source[T]
	f     func(T, bool) (U, bool)
	sameT func(a, b T) bool
	sameU func(a, b U) bool

	mu       lock.Mutex
	watchers int
	known    bool     // what follows is; only while there are watchers
	in       maybe[T] // the newest
	out      maybe[U]
}

// kept gives what is known.
func (m *mapped[T, U]) kept() (known bool, in maybe[T], out maybe[U]) {
	if count, free := m.mu.Peek(); free {
		if known, in, out = m.known, m.in, m.out; m.mu.Peeked(count) {
			return known, in, out
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known, m.in, m.out
}

// result gives what f makes of a value. f is called without a lock.
func (m *mapped[T, U]) result(v T, ok bool) (U, bool) {
	if known, in, out := m.kept(); known && same(m.sameT, in.v, in.ok, v, ok) {
		return out.v, out.ok
	}
	u, uok := m.f(v, ok)
	if !uok {
		var none U
		u = none
	}
	m.mu.Lock()
	if m.watchers > 0 {
		m.known, m.in, m.out = true, maybe[T]{v, ok}, maybe[U]{u, uok}
	}
	m.mu.Unlock()
	return u, uok
}

func (m *mapped[T, U]) get() (U, bool) { return m.result(m.src.Get()) }

// watched counts watchers; without any nothing is kept.
func (m *mapped[T, U]) watched(n int) {
	m.mu.Lock()
	if m.watchers += n; m.watchers == 0 {
		m.known, m.in, m.out = false, maybe[T]{}, maybe[U]{}
	}
	m.mu.Unlock()
}

func (m *mapped[T, U]) follow(fn follower[U]) (u U, uok bool, stop func()) {
	m.watched(1)
	w := &mapping[T, U]{m: m, fn: fn}
	v, ok, stopSrc := m.src.Follow(w.hear)
	stop = sync.OnceFunc(func() {
		stopSrc()
		m.watched(-1)
	})
	begun := false
	defer func() {
		if !begun { // f panics
			stop()
		}
	}()
	u, uok = m.result(v, ok)
	begun = true
	w.first.Store(&told[T, U]{maybe[T]{v, ok}, maybe[U]{u, uok}})
	return u, uok, stop
}

// mapping is one subscription. All but first belongs to whoever calls hear.
type mapping[T, U any] struct {
	m      *mapped[T, U]
	fn     follower[U]
	first  atomic.Pointer[told[T, U]] // what follow gave; nil before it returns
	known  bool                       // now is set
	failed bool                       // f panicked on the newest value; now is of an older one
	now    told[T, U]
}

// told is what a watcher knows: out is what f made of in.
type told[T, U any] struct {
	in  maybe[T]
	out maybe[U]
}

func (w *mapping[T, U]) hear(old T, had bool, now T, has bool) {
	m := w.m
	if first := w.first.Load(); !w.known && first != nil {
		w.known, w.now = true, *first
	}
	if !w.known || !w.failed && !same(m.sameT, w.now.in.v, w.now.in.ok, old, had) {
		// follow has not returned, or src has several places.
		w.now.out.v, w.now.out.ok = m.result(old, had)
		w.known = true
	}
	was := w.now.out
	w.failed = true
	w.now.out.v, w.now.out.ok = m.result(now, has)
	w.failed = false
	w.now.in = maybe[T]{now, has}
	if is := w.now.out; !same(m.sameU, was.v, was.ok, is.v, is.ok) {
		w.fn(was.v, was.ok, is.v, is.ok)
	}
}
