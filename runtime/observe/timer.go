package observe

import (
	"sync"
	"time"
)

// Timer counts intervals while it is watched, by whomever. Its watchers share
// one clock. A tick whose listeners take longer than an interval is the only
// one until they return. The interval must be positive.
func Timer(interval time.Duration) *Lens[int] {
	if interval <= 0 {
		panic("observe: Timer with an interval that is not positive")
	}
	ticks := Mutable(0)
	return Lifetime(Immutable(ticks), func() (end func()) {
		return every(interval, func() { ticks.Update(func(n int, _ bool) int { return n + 1 }) })
	})
}

// every calls f in intervals, on goroutines of the runtime's timers, never
// twice at a time, until stop is called. It neither drifts nor catches up.
func every(interval time.Duration, f func()) (stop func()) {
	var (
		mu    sync.Mutex
		timer *time.Timer // nil after stop
		next  = time.Now().Add(interval)
	)
	tick := func() {
		mu.Lock()
		stopped := timer == nil
		mu.Unlock()
		if stopped {
			return
		}
		f()
		mu.Lock()
		if timer != nil {
			late := max(0, time.Since(next))
			next = next.Add(late.Truncate(interval) + interval)
			timer.Reset(time.Until(next))
		}
		mu.Unlock()
	}
	mu.Lock()
	timer = time.AfterFunc(interval, tick)
	mu.Unlock()
	return func() {
		mu.Lock()
		if timer != nil {
			timer.Stop()
			timer = nil
		}
		mu.Unlock()
	}
}
