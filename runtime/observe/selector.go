package observe

import "reflect"

// Selector tells of many values whether they are the one that is selected. A
// change of the selection wakes only who asks for the value that was selected
// and for the one that is, however many others are watched.
type Selector[T comparable] struct {
	src    Source[T]
	shared shared[T]              // its lock guards all
	at     map[T]*listeners[bool] // see of
}

// Select makes a selector of src, which has the selected value, or none.
func Select[T comparable](src Source[T]) *Selector[T] {
	s := &Selector[T]{src: src, at: map[T]*listeners[bool]{}}
	s.shared = share(src.Get, func(sub *subscription[T]) (T, bool, func()) { return src.Follow(s.hears(sub)) })
	return s
}

// At tells whether v is selected. When it is set to true, v is: src is set.
// When it is set to false, nothing is any more: src is cleared, and where it
// cannot be, nothing happens. NaN is never selected. A v that == panics for,
// such as a slice in an interface, panics.
func (s *Selector[T]) At(v T) *Lens[bool] {
	if !hashable(v) {
		panic("observe: a selector of a value that cannot be compared")
	}
	src := s.src
	l := &Lens[bool]{
		get: func() (bool, bool) {
			now, ok := src.Get()
			return ok && now == v, true
		},
		follow: func(fn follower[bool]) (bool, bool, func()) { return s.follow(v, fn) },
	}
	if set, clear := setOf(src), clearOf(src); set != nil {
		l.set = func(yes bool) bool {
			if yes {
				return set(v)
			}
			return clear != nil && clear()
		}
	}
	return l
}

func (s *Selector[T]) follow(v T, fn follower[bool]) (is, ok bool, stop func()) {
	s.shared.mu.Lock()
	if s.shared.busy() {
		s.shared.mu.Unlock()
		return Derive(s.src, func(now T, ok bool) (bool, bool) { return ok && now == v, true }).follow(fn)
	}
	h := s.at[v]
	if h == nil {
		h = &listeners[bool]{}
		if itself := v; v == itself { // or nobody would find it: NaN
			s.at[v] = h
		}
	}
	l := h.add(place[bool]{fn: fn})
	stop = func() { s.leave(v, h, l) }
	now, ok := s.shared.begin(stop)
	return ok && now == v, true, stop
}

func (s *Selector[T]) leave(v T, h *listeners[bool], l *listener) {
	s.shared.mu.Lock()
	if !h.remove(l) {
		s.shared.mu.Unlock()
		return
	}
	if h.none() { // and is there, but for NaN
		delete(s.at, v)
	}
	s.shared.left()
}

// hears gives what hears of the source for a subscription.
func (s *Selector[T]) hears(sub *subscription[T]) follower[T] {
	return func(old T, had bool, now T, has bool) {
		if same(s.shared.same, old, had, now, has) {
			return
		}
		s.shared.mu.Lock()
		if s.shared.take(sub, old, had, now, has) {
			was, is := s.of(old, had), s.of(now, has)
			s.shared.mu.Unlock()
			defer tell(is, false, true, true, true) // when a listener ends the goroutine, too
			tell(was, true, true, false, true)
		}
	}
}

// of gives those who ask for v now; the lock is held.
func (s *Selector[T]) of(v T, ok bool) []place[bool] {
	if !ok || !hashable(v) || s.at[v] == nil {
		return nil
	}
	return s.at[v].lend()
}

// hashable tells whether v can be compared and be a key: what is in an
// interface may not.
func hashable[T comparable](v T) bool {
	switch any(v).(type) {
	case string, int, int64, bool: // in a hurry
		return true
	}
	return comparableNow(v)
}

// comparableNow is apart because it moves v to the heap.
func comparableNow[T comparable](v T) bool { return reflect.ValueOf(&v).Elem().Comparable() }
