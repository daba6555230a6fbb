package observe

// Memo is src for many watchers: as long as there is one it is subscribed to
// once, and its value is kept for Get. What the functions of this package
// compute is subscribed to once anyhow; Memo is for what is dear to get, and
// for lenses of documents with many watchers.
func Memo[T any](src Source[T]) *Lens[T] { return MemoN(src, 1)[0] }

// MemoN is n lenses like Memo on one subscription, whose watchers are called
// in order: of each change, those of the first lens hear before those of the
// second, whenever they came.
func MemoN[T any](src Source[T], n int) []*Lens[T] {
	m := newMemo(src)
	lenses := make([]*Lens[T], n)
	for i := range lenses {
		lenses[i] = &Lens[T]{get: m.shared.current, set: setOf(src), clear: clearOf(src)}
		lenses[i].follow = func(fn follower[T]) (T, bool, func()) { return m.follow(i, fn) }
	}
	return lenses
}

// memo is one subscription to a source, for the watchers of its hub.
type memo[T any] struct {
	hub    hub[T] // its lock guards shared too
	shared shared[T]
}

func newMemo[T any](src Source[T]) *memo[T] {
	m := &memo[T]{}
	m.hub.equal = equality[T]()
	m.shared = shared[T]{src: src, mu: &m.hub.line.mu, change: m.change, same: m.hub.equal}
	return m
}

// computed is a lens with one subscription for all its watchers, so that what
// is computed is computed once for each change. Unlike that of Memo, its value
// is not kept for Get: who asks for it before the change was heard of gets the
// new one.
func computed[T any](get func() (T, bool), follow func(follower[T]) (T, bool, func())) *Lens[T] {
	m := newMemo(&Lens[T]{get: get, follow: follow})
	return &Lens[T]{
		get:    get,
		follow: func(fn follower[T]) (T, bool, func()) { return m.follow(0, fn) },
	}
}

func (m *memo[T]) follow(rank int, fn follower[T]) (T, bool, func()) {
	l := &listener[T]{fn: fn, rank: rank}
	v, leave, ok := m.shared.join(func() { m.hub.add(l) }, func() { m.hub.remove(l, &m.hub.line) })
	if !ok {
		return m.shared.src.Follow(fn)
	}
	return v.v, v.ok, leave
}

// change ends the lock.
func (m *memo[T]) change(old T, had bool, now T, has bool) {
	mine := !m.hub.same(old, had, now, has) && m.hub.tell(old, had, now, has)
	m.hub.line.mu.Unlock()
	if mine {
		m.hub.line.work()
	}
}
