package observe

import (
	"time"
)

// Throttle is src with at most one change in any interval: the first is told
// at once, then at the end of each interval what has changed since, as one
// change. What waits when a watcher stops is told before it is gone. Get does
// not wait. An interval that is not positive holds nothing back.
func Throttle[T any](src Source[T], interval time.Duration) *Lens[T] {
	return paced(src, interval, false)
}

// Wait is src with changes that are told when there were no others for that
// long, as one change. What waits when a watcher stops is told before it is
// gone. Get does not wait. A time that is not positive holds nothing back.
func Wait[T any](src Source[T], quiet time.Duration) *Lens[T] {
	return paced(src, quiet, true)
}

func paced[T any](src Source[T], d time.Duration, wait bool) *Lens[T] {
	l := through(src)
	if d <= 0 {
		return l
	}
	equal := equality[T]()
	l.follow = func(fn follower[T]) (T, bool, func()) {
		p := &pace[T]{fn: fn, d: d, wait: wait, same: equal}
		v, ok, stop := src.Follow(func(old T, had bool, now T, has bool) {
			p.line.post(func() { p.hear(maybe[T]{old, had}, maybe[T]{now, has}) })
		})
		return v, ok, func() { // fn may call it again when it is told what waits
			stop()
			p.line.post(p.end)
		}
	}
	return l
}

// pace is one subscription that tells later. All but the line belongs to the
// line.
type pace[T any] struct {
	fn       follower[T]
	d        time.Duration
	wait     bool // for silence
	same     func(a, b T) bool
	line     jobs
	timer    *time.Timer // the newest, nil when none runs
	n        int         // of the newest timer: what others tell comes too late
	pending  bool        // old to now is to be told
	old, now maybe[T]
	over     bool
}

func (p *pace[T]) hear(old, now maybe[T]) {
	switch {
	case p.over, same(p.same, old.v, old.ok, now.v, now.ok):
	case p.wait:
		p.keep(old, now)
		p.start()
	case p.timer != nil:
		p.keep(old, now)
	default:
		p.start()
		p.fn(old.v, old.ok, now.v, now.ok)
	}
}

// keep adds a change to those that wait.
func (p *pace[T]) keep(old, now maybe[T]) {
	if !p.pending {
		p.old = old
	}
	p.pending, p.now = true, now
}

// start lets the time begin anew.
func (p *pace[T]) start() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.n++
	n := p.n
	p.timer = time.AfterFunc(p.d, func() { p.line.post(func() { p.fire(n) }) })
}

// fire takes in that the time of a timer is over.
func (p *pace[T]) fire(n int) {
	if p.over || n != p.n {
		return
	}
	p.timer = nil
	if p.pending && !p.wait {
		p.start()
	}
	p.flush()
}

// flush tells what waits.
func (p *pace[T]) flush() {
	if !p.pending {
		return
	}
	old, now := p.old, p.now
	p.pending, p.old, p.now = false, maybe[T]{}, maybe[T]{}
	if !same(p.same, old.v, old.ok, now.v, now.ok) {
		p.fn(old.v, old.ok, now.v, now.ok)
	}
}

// end is the last job but for those of timers that were too late to stop.
func (p *pace[T]) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.over = true
	p.flush()
	p.fn = nil // the timer may be kept although it was stopped
}
