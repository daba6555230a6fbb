package observe

import (
	"sync"

	"github.com/destam-go/destamgen/runtime/internal/lock"
)

// shared subscribes to a source once for many watchers, while there are any.
type shared[T any] struct {
	src Source[T]
	mu  *lock.Mutex // of the owner's line

	// change takes in a change of the source. mu is held, and change ends it.
	change func(old T, had bool, now T, has bool)

	sub      *subscription[T] // guarded by mu; nil without watchers
	watchers int              // guarded by mu
	same     func(a, b T) bool
}

// subscription is the one to the source, from the first watcher to the last.
// It is guarded by the owner's lock.
type subscription[T any] struct {
	stop     func()
	starting bool     // Follow of the source has not returned
	heard    bool     // cur comes from a change
	places   bool     // the source has several, and no one value
	cur      maybe[T] // the newest
}

// join adds a watcher: add is called under the lock, and remove, when leave is
// called. While another goroutine (or a hook that the source calls) is at
// subscribing, a watcher cannot wait for it: then ok is false, nothing
// happened, and it follows the source on its own.
func (s *shared[T]) join(add, remove func()) (v maybe[T], leave func(), ok bool) {
	s.mu.Lock()
	if s.sub != nil && s.sub.starting {
		s.mu.Unlock()
		return v, nil, false
	}
	add()
	s.watchers++
	sub, first := s.sub, false
	if sub == nil {
		sub, first = &subscription[T]{starting: true}, true
		s.sub = sub
	}
	v = sub.cur
	places := sub.places
	s.mu.Unlock()
	leave = sync.OnceFunc(func() { s.leave(sub, remove) })
	if first {
		v = s.begin(sub, leave)
	} else if places {
		v.v, v.ok = s.src.Get()
	}
	return v, leave, true
}

// begin subscribes to the source.
func (s *shared[T]) begin(sub *subscription[T], leave func()) (v maybe[T]) {
	begun := false
	defer func() {
		if !begun { // the source panics
			leave()
		}
	}()
	var stop func()
	v.v, v.ok, stop = s.src.Follow(func(old T, had bool, now T, has bool) { s.hear(sub, old, had, now, has) })
	begun = true
	s.mu.Lock()
	sub.stop, sub.starting = stop, false
	if !sub.heard {
		sub.cur = v
	}
	s.mu.Unlock()
	return v
}

// leave takes a watcher out, and with the last one the subscription.
func (s *shared[T]) leave(sub *subscription[T], remove func()) {
	s.mu.Lock()
	remove()
	if s.watchers--; s.watchers > 0 {
		s.mu.Unlock()
		return
	}
	s.sub = nil
	s.mu.Unlock()
	if sub.stop != nil {
		sub.stop()
	}
}

// hear takes in a change of the source.
func (s *shared[T]) hear(sub *subscription[T], old T, had bool, now T, has bool) {
	s.mu.Lock()
	if s.sub != sub { // all are gone
		s.mu.Unlock()
		return
	}
	if sub.heard || !sub.starting {
		sub.places = sub.places || !same(s.same, sub.cur.v, sub.cur.ok, old, had)
	}
	sub.heard, sub.cur = true, maybe[T]{now, has}
	s.change(old, had, now, has)
}

// current gives the value that is kept while there are watchers.
func (s *shared[T]) current() (T, bool) {
	if count, free := s.mu.Peek(); free {
		if v, kept := s.kept(); kept && s.mu.Peeked(count) {
			return v.v, v.ok
		}
	}
	s.mu.Lock()
	v, kept := s.kept()
	s.mu.Unlock()
	if kept {
		return v.v, v.ok
	}
	return s.src.Get()
}

// kept gives the value that is kept, if there is one.
func (s *shared[T]) kept() (v maybe[T], ok bool) {
	if sub := s.sub; sub != nil && !sub.starting && !sub.places {
		return sub.cur, true
	}
	return v, false
}
