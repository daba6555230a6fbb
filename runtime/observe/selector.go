package observe

import "reflect"

// Selector tells of many values whether they are the one that is selected. A
// change of the selection wakes only who asks for the value that was selected
// and for the one that is, however many others are watched.
type Selector[T comparable] struct {
	line   events[bool]           // its lock guards all
	at     map[T]*listeners[bool] // see of
	shared shared[T]
}

// Select makes a selector of src, which has the selected value, or none.
func Select[T comparable](src Source[T]) *Selector[T] {
	s := &Selector[T]{at: map[T]*listeners[bool]{}}
	s.shared = shared[T]{src: src, mu: &s.line.mu, change: s.change, same: equality[T]()}
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
	src := s.shared.src
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

func (s *Selector[T]) follow(v T, fn follower[bool]) (bool, bool, func()) {
	l := &listener[bool]{fn: fn}
	var h *listeners[bool]
	add := func() {
		if h = s.at[v]; h == nil {
			h = &listeners[bool]{}
			if itself := v; v == itself { // or nobody would find it: NaN
				s.at[v] = h
			}
		}
		h.add(l)
	}
	remove := func() {
		if h.remove(l, &s.line); len(h.all) == 0 && s.at[v] == h {
			delete(s.at, v)
		}
	}
	now, leave, ok := s.shared.join(add, remove)
	if !ok {
		is := Derive(s.shared.src, func(now T, ok bool) (bool, bool) { return ok && now == v, true })
		return is.follow(fn)
	}
	return now.ok && now.v == v, true, leave
}

// change ends the lock.
func (s *Selector[T]) change(old T, had bool, now T, has bool) {
	mine := false
	if !same(s.shared.same, old, had, now, has) {
		if h := s.of(old, had); h != nil {
			mine = h.send(&s.line, true, true, false, true)
		}
		if h := s.of(now, has); h != nil {
			// The first may have begun; then this one waits for it.
			mine = h.send(&s.line, false, true, true, true) || mine
		}
	}
	s.line.mu.Unlock()
	if mine {
		s.line.work()
	}
}

// of gives those who ask for v, nil for nobody; the lock is held.
func (s *Selector[T]) of(v T, ok bool) *listeners[bool] {
	if !ok || !hashable(v) {
		return nil
	}
	return s.at[v]
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
