package observe

import "github.com/destam-go/destamgen/runtime/internal/lock"

// shared subscribes to a source once for many watchers, while there are any.
type shared[T any] struct {
	get    func() (T, bool)                                       // of the source
	follow func(sub *subscription[T]) (v T, ok bool, stop func()) // the source: see take
	same   func(a, b T) bool

	mu       lock.Brief
	sub      *subscription[T] // guarded by mu, as what follows; nil without watchers
	watchers int
	kept     bool     // cur is what the source has
	cur      maybe[T] // the newest of sub
}

func share[T any](get func() (T, bool), follow func(*subscription[T]) (T, bool, func())) shared[T] {
	return shared[T]{get: get, follow: follow, same: equality[T]()}
}

// subscription is the one to the source, from the first watcher to the last,
// or another one for who follows on his own. The source tells of one change at
// a time, and so the watchers are told before that returns.
type subscription[T any] struct {
	alone follower[T] // who follows on his own

	// Guarded by the lock of what is shared.
	stop     func()
	starting bool // follow has not returned
	heard    bool // cur comes from a change
	places   bool // the source has several, and no one value
}

// begin subscribes, for the first watcher, and gives the value for every
// watcher that was added. mu is held, and begin ends it; leave is called when
// the source panics.
func (s *shared[T]) begin(leave func()) (v T, ok bool) {
	if s.watchers++; s.sub != nil {
		cur, places := s.cur, s.sub.places
		s.mu.Unlock()
		if places {
			return s.get()
		}
		return cur.v, cur.ok
	}
	sub := &subscription[T]{starting: true}
	s.sub = sub
	s.mu.Unlock()
	begun := false
	defer func() {
		if !begun {
			leave()
		}
	}()
	v, ok, stop := s.follow(sub)
	begun = true
	s.mu.Lock()
	sub.stop, sub.starting = stop, false
	if !sub.heard {
		s.cur = maybe[T]{v, ok}
	}
	s.kept = !sub.places
	s.mu.Unlock()
	return v, ok
}

// busy tells that somebody is at subscribing: another goroutine, or a hook
// that the source calls, which cannot wait for itself. Who comes then follows
// on his own. mu is held.
func (s *shared[T]) busy() bool { return s.sub != nil && s.sub.starting }

// aside follows the source for one watcher alone.
func (s *shared[T]) aside(p place[T]) (v T, ok bool, stop func()) {
	fn := p.fn
	if fn == nil {
		fn = following(p.watch)
	}
	return s.follow(&subscription[T]{alone: fn})
}

// left takes in that a watcher is gone, and ends the subscription with the
// last one. mu is held, and left ends it.
func (s *shared[T]) left() {
	if s.watchers--; s.watchers > 0 {
		s.mu.Unlock()
		return
	}
	stop := s.sub.stop
	s.sub, s.kept, s.cur = nil, false, maybe[T]{}
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// take takes in a change that the source tells a subscription, to a value that
// is not equal. mu is held. False ends it: the watchers are not to hear of it.
func (s *shared[T]) take(sub *subscription[T], old T, had bool, now T, has bool) bool {
	if s.sub != sub {
		s.mu.Unlock()
		if sub.alone != nil { // or all are gone
			sub.alone(old, had, now, has)
		}
		return false
	}
	if !sub.places && (sub.heard || !sub.starting) {
		sub.places = !same(s.same, s.cur.v, s.cur.ok, old, had)
	}
	sub.heard, s.cur.v, s.cur.ok = true, now, has
	s.kept = !sub.starting && !sub.places
	return true
}

// current gives the value that is kept while there are watchers.
func (s *shared[T]) current() (T, bool) {
	if count, free := s.mu.Peek(); free {
		if kept, v, ok := s.kept, s.cur.v, s.cur.ok; s.mu.Peeked(count) && kept {
			return v, ok
		}
	}
	s.mu.Lock()
	kept, v, ok := s.kept, s.cur.v, s.cur.ok
	s.mu.Unlock()
	if kept {
		return v, ok
	}
	return s.get()
}
