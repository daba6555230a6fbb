package observe_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 263: the first at once, then the latest of each interval.
func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := observe.Mutable(0)
		l := observe.Throttle(c, time.Second)
		r := record(t, l)
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		c.Set(1)
		r.want("1")
		c.Set(2)
		c.Set(3)
		wantGet(t, l, "3")
		if got := r.heard(); got != "" {
			t.Errorf("heard %s too early", got)
		}
		pass(999 * time.Millisecond)
		if got := r.heard(); got != "" {
			t.Errorf("heard %s too early", got)
		}
		pass(time.Millisecond)
		r.want("3")
		l.Set(4)
		pass(time.Second)
		r.want("4")
		c.Set(0)
		if got := r.heard(); got != "" {
			t.Errorf("heard %s in the interval that 4 began", got)
		}
		pass(time.Second)
		r.want("0")
		pass(time.Second) // the interval after 0 is over
		c.Set(5)
		r.want("5")
		c.Set(6)
		c.Set(5) // nothing, in the end
		pass(time.Second)
		r.want("")
		pass(time.Hour)
		c.Clear()
		r.want("-")
	})
}

// Without an interval, or with a negative one, nothing is held back.
func TestPaceNothing(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Second} {
		c := observe.Mutable(0)
		throttled, waited := record(t, observe.Throttle(c, d)), record(t, observe.Wait(c, d))
		for i := range 3 {
			c.Set(i + 1)
		}
		throttled.want("1 2 3")
		waited.want("1 2 3")
	}
}

// O4: who has stopped is let go at once, not when the interval is over.
func TestPaceLetsGo(t *testing.T) {
	c := observe.Mutable(0)
	for name, l := range map[string]*observe.Lens[int]{"Throttle": observe.Throttle(c, time.Hour), "Wait": observe.Wait(c, time.Hour)} {
		stop, of := watched(l, func() {})
		c.Update(func(n int, _ bool) int { return n + 1 })
		stop()
		runtime.GC()
		if of.Value() != nil {
			t.Errorf("%s: a watcher that has stopped is kept", name)
		}
	}
}

// Catalogue 264, 266: what waits is told when the watcher stops, and nothing
// when nothing waits.
func TestThrottleStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := observe.Mutable(0)
		l := observe.Throttle(c, time.Second)
		r := record(t, l)
		c.Set(1)
		c.Set(2)
		c.Set(3)
		r.stop()
		r.want("1 3")
		r.stop()
		idle := record(t, l)
		idle.stop()
		c.Set(4)
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.heard()+idle.heard() != "" {
			t.Error("heard after stop")
		}
	})
}

// Catalogue 265: the last of each burst, when it has been quiet.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := observe.Mutable(0)
		l := observe.Wait(c, time.Second)
		r := record(t, l)
		for i := range 5 {
			c.Set(i + 1)
			time.Sleep(900 * time.Millisecond)
			synctest.Wait()
			if got := r.heard(); got != "" {
				t.Errorf("heard %s in the burst", got)
			}
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		r.want("5")
		l.Set(6)
		c.Set(5)
		time.Sleep(time.Hour)
		synctest.Wait()
		r.want("") // 5 was told
		c.Set(7)
		time.Sleep(time.Hour)
		synctest.Wait()
		r.want("7")
	})
}

// A watcher that stops when it is told what has waited for its end: it has
// stopped, and does not wait for itself.
func TestPaceStopsAgain(t *testing.T) {
	c := count(0)
	heard := 0
	var stop func()
	stop = observe.Wait(c, time.Hour).Watch(func(observe.Change[int]) {
		heard++
		stop()
	})
	c.Set(1)
	returns(t, stop)
	if heard != 1 {
		t.Errorf("heard %d changes", heard)
	}
	c.wantWatchers(t, 0, 1)
}

// Catalogue 265, 266: what waits is told when the watcher stops, at once.
func TestWaitStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := observe.Mutable(0)
		r := record(t, observe.Wait(c, time.Second))
		idle := record(t, observe.Wait(c, time.Second))
		idle.stop()
		c.Set(1)
		c.Set(2)
		if got := r.heard(); got != "" {
			t.Errorf("heard %s too early", got)
		}
		r.stop()
		r.want("2")
		c.Set(3)
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.heard()+idle.heard() != "" {
			t.Error("heard after stop")
		}
	})
}

// Catalogue 267: a timer counts while it is watched, and Get gives the count;
// its watchers share it.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := observe.Timer(time.Second)
		time.Sleep(time.Hour)
		wantGet(t, l, "0")
		a := record(t, l)
		time.Sleep(2500 * time.Millisecond)
		b := record(t, l)
		time.Sleep(1000 * time.Millisecond)
		a.want("1 2 3")
		b.want("3")
		a.stop()
		b.stop()
		time.Sleep(time.Hour)
		wantGet(t, l, "3")
		if l.CanSet() {
			t.Error("a timer can be set")
		}
		if panics(func() { observe.Timer(0) }) == nil {
			t.Error("a timer without an interval")
		}
	})
}

// A tick that takes long is the only one meanwhile, and the next ones come when
// they would have come.
func TestTimerSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		stop := observe.Timer(time.Second).Watch(func(x observe.Change[int]) {
			at = append(at, time.Since(began))
			if x.New == 2 {
				time.Sleep(1700 * time.Millisecond)
			}
		})
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		stop()
		want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("ticks at %v", at)
		}
		for i := range at {
			if at[i] != want[i] {
				t.Errorf("ticks at %v", at)
			}
		}
	})
}

// Catalogue 268: a timer inside Map and Unwrap starts when it is selected and
// stops when it is not any more.
func TestTimerUnwrapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := observe.Mutable(false)
		l := observe.Unwrap(observe.Map(on, func(on bool) *observe.Lens[int] {
			if on {
				return observe.Timer(time.Second)
			}
			return observe.None[int]()
		}))
		r := record(t, l)
		time.Sleep(time.Minute)
		r.want("")
		on.Set(true)
		time.Sleep(2500 * time.Millisecond)
		r.want("0 1 2")
		on.Set(false)
		time.Sleep(time.Minute)
		r.want("-")
		on.Set(true)
		time.Sleep(1500 * time.Millisecond)
		r.want("0 1")
		r.stop()
		time.Sleep(time.Minute)
		if r.heard() != "" {
			t.Error("heard after stop")
		}
	})
}
