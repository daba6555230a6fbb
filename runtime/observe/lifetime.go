package observe

import "sync/atomic"

// Lifetime is src, and says when it is watched: begin is called before the
// first watcher begins, and what it returned, if not nil, after the last one
// stopped. They are called one at a time, and never under a lock. begin may
// watch src, but should not watch the lens itself, which would never be
// without a watcher again.
func Lifetime[T any](src Source[T], begin func() (end func())) *Lens[T] {
	a := &lifetime[T]{src: src, begin: begin}
	l := through(src)
	l.follow = a.follow
	return l
}

type lifetime[T any] struct {
	src      Source[T]
	begin    func() func()
	line     jobs
	watchers int    // guarded by the line's lock
	end      func() // belongs to the line
}

// count takes in that watchers came or went, and calls what is to be called.
// Calls are put in the order in which the count changed, so that each end
// follows its begin.
func (a *lifetime[T]) count(n int) {
	a.line.mu.Lock()
	mine := false
	switch a.watchers += n; {
	case n > 0 && a.watchers == n:
		mine = a.line.put(func() { a.end = a.begin() })
	case a.watchers == 0:
		mine = a.line.put(func() {
			if end := a.end; end != nil {
				a.end = nil
				end()
			}
		})
	}
	a.line.mu.Unlock()
	if mine {
		a.line.work()
	}
}

func (a *lifetime[T]) follow(fn follower[T]) (T, bool, func()) {
	a.count(1)
	begun := false
	defer func() {
		if !begun { // src panics
			a.count(-1)
		}
	}()
	v, ok, stop := a.src.Follow(fn)
	begun = true
	var over atomic.Bool
	return v, ok, func() { // what is called at the end may call it again
		stop()
		if over.CompareAndSwap(false, true) {
			a.count(-1)
		}
	}
}
