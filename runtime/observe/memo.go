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
	m := newMemo(src.Get, src.Follow)
	lenses := make([]*Lens[T], n)
	for i := range lenses {
		lenses[i] = m.lens(i)
		lenses[i].get, lenses[i].set, lenses[i].clear = m.current, setOf(src), clearOf(src)
	}
	return lenses
}

// memo is one subscription to a source, for listeners to all of its changes.
type memo[T any] struct {
	shared[T] // its lock guards listeners too
	listeners[T]
}

func newMemo[T any](get func() (T, bool), follow func(follower[T]) (T, bool, func())) *memo[T] {
	m := new(memo[T])
	m.shared = share(get, func(sub *subscription[T]) (T, bool, func()) { return follow(m.hears(sub)) })
	return m
}

// hears gives what hears of the source for a subscription.
func (m *memo[T]) hears(sub *subscription[T]) follower[T] {
	return func(old T, had bool, now T, has bool) {
		if !same(m.same, old, had, now, has) {
			m.mu.Lock()
			m.change(sub, old, had, now, has)
		}
	}
}

// change takes in a change to a value that is not equal. It ends the lock.
func (m *memo[T]) change(sub *subscription[T], old T, had bool, now T, has bool) {
	if m.take(sub, old, had, now, has) {
		to := m.lend()
		m.mu.Unlock()
		tell(to, old, had, now, has)
	}
}

// computed is a lens with one subscription for all its watchers, so that what
// is computed is computed once for each change. Unlike that of Memo, its value
// is not kept for Get: who asks for it before the change was heard of gets the
// new one.
func computed[T any](get func() (T, bool), follow func(follower[T]) (T, bool, func())) *Lens[T] {
	return newMemo(get, follow).lens(0)
}

// lens gives a lens of the source whose watchers are of that rank.
func (m *memo[T]) lens(rank int) *Lens[T] {
	return &Lens[T]{
		get:    m.get,
		follow: func(fn follower[T]) (T, bool, func()) { return m.join(place[T]{fn: fn, rank: rank}) },
		watch: func(fn func(Change[T])) func() {
			_, _, stop := m.join(place[T]{watch: fn, rank: rank})
			return stop
		},
	}
}

// join takes a watcher in, for whom p is.
func (m *memo[T]) join(p place[T]) (v T, ok bool, stop func()) {
	m.mu.Lock()
	if m.busy() {
		m.mu.Unlock()
		return m.aside(p)
	}
	l := m.add(p)
	stop = func() {
		m.mu.Lock()
		if !m.remove(l) {
			m.mu.Unlock()
			return
		}
		m.left()
	}
	v, ok = m.begin(stop)
	return v, ok, stop
}
