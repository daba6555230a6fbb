package observe

import "sync/atomic"

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
	m := &mapped[T, U]{src: src, f: f, sameT: equality[T]()}
	m.shared = share(m.get, m.follow)
	return m.lens(0)
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
	memo[U] // its lock guards what is known too
	src     Source[T]
	f       func(T, bool) (U, bool)
	sameT   func(a, b T) bool

	by    *mapping[T, U] // the subscription that what is known is kept for
	known told[T, U]
	asked atomic.Bool // what is known was asked for, perhaps before it was heard of
}

// told is out, which f made of in, or nothing. It is handed on by its parts,
// because a copy waits until all of them are written.
type told[T, U any] struct {
	ok    bool
	inOK  bool
	outOK bool
	in    T
	out   U
}

// recall gives what f made of a value, whether that is known, and whether
// anything is kept.
func (m *mapped[T, U]) recall(v T, ok bool) (u U, uok, known, kept bool) {
	k := &m.known
	if count, free := m.mu.Peek(); free {
		kept, known, in, inOK, u, uok := m.by != nil, k.ok, k.in, k.inOK, k.out, k.outOK
		if m.mu.Peeked(count) {
			return u, uok, known && same(m.sameT, in, inOK, v, ok), kept
		}
	}
	m.mu.Lock()
	kept, known, in, inOK, u, uok := m.by != nil, k.ok, k.in, k.inOK, k.out, k.outOK
	m.mu.Unlock()
	return u, uok, known && same(m.sameT, in, inOK, v, ok), kept
}

// compute calls f, without a lock.
func (m *mapped[T, U]) compute(v T, ok bool) (u U, uok bool) {
	if u, uok = m.f(v, ok); !uok {
		var none U
		u = none
	}
	return u, uok
}

// learn keeps what f made of a value while there are watchers. The lock is
// held.
func (m *mapped[T, U]) learn(v T, ok bool, u U, uok bool) {
	if k := &m.known; m.by != nil {
		k.ok, k.in, k.inOK, k.out, k.outOK = true, v, ok, u, uok
	}
}

// ask gives what f makes of a value, and keeps it while there are watchers.
func (m *mapped[T, U]) ask(v T, ok bool) (u U, uok bool) {
	u, uok, known, kept := m.recall(v, ok)
	if known {
		return u, uok
	}
	u, uok = m.compute(v, ok)
	if !kept {
		return u, uok
	}
	m.mu.Lock()
	m.learn(v, ok, u, uok)
	m.asked.Store(true)
	m.mu.Unlock()
	return u, uok
}

func (m *mapped[T, U]) get() (U, bool) { return m.ask(m.src.Get()) }

// follow computes for a subscription.
func (m *mapped[T, U]) follow(sub *subscription[U]) (u U, uok bool, stop func()) {
	w := &mapping[T, U]{m: m, sub: sub}
	if sub.alone == nil {
		m.mu.Lock()
		m.by, m.known = w, told[T, U]{}
		m.mu.Unlock()
	}
	var stopSrc func()
	stop = func() {
		if stopSrc != nil {
			stopSrc()
		}
		m.mu.Lock()
		if m.by == w {
			m.by, m.known = nil, told[T, U]{}
		}
		m.mu.Unlock()
	}
	begun := false
	defer func() {
		if !begun { // src or f panics
			stop()
		}
	}()
	v, ok, unfollow := m.src.Follow(w.hears())
	stopSrc = unfollow
	u, uok = m.ask(v, ok)
	begun = true
	w.first.Store(&told[T, U]{true, ok, uok, v, u})
	return u, uok, stop
}

// mapping is one subscription. All but first belongs to who tells of changes.
type mapping[T, U any] struct {
	m      *mapped[T, U]
	sub    *subscription[U]
	first  atomic.Pointer[told[T, U]] // what follow gave; nil before it returns
	failed bool                       // f panicked on the newest value; told is of an older one
	told   told[T, U]                 // to the watchers
}

// hears gives what hears of the source.
func (w *mapping[T, U]) hears() follower[T] {
	m, t := w.m, &w.told
	return func(old T, had bool, now T, has bool) {
		if !t.ok {
			w.begin()
		}
		if !t.ok || !w.failed && !same(m.sameT, t.in, t.inOK, old, had) {
			// follow has not returned, or src has several places.
			t.out, t.outOK = m.ask(old, had)
			t.ok = true
		}
		w.failed = true
		u, uok, known := w.asked(now, has)
		if !known {
			u, uok = m.compute(now, has)
		}
		w.failed = false
		was, wasOK := t.out, t.outOK
		t.in, t.inOK, t.out, t.outOK = now, has, u, uok
		equal := same(m.same, was, wasOK, u, uok)
		if known && equal {
			return
		}
		m.mu.Lock()
		if !known {
			m.learn(now, has, u, uok)
		}
		if equal {
			m.mu.Unlock()
			return
		}
		m.change(w.sub, was, wasOK, u, uok)
	}
}

// begin takes over what follow gave.
func (w *mapping[T, U]) begin() {
	if first := w.first.Load(); first != nil {
		w.told = *first
	}
}

// asked gives what f made of a value when somebody asked for it before.
func (w *mapping[T, U]) asked(v T, ok bool) (u U, uok, known bool) {
	if m := w.m; m.asked.Load() {
		m.asked.Store(false)
		u, uok, known, _ = m.recall(v, ok)
	}
	return u, uok, known
}
