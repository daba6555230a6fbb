package observe_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/destam-go/destamgen/runtime/observe"
)

// kind is a way to watch a cell, whose values 0, 1 and 2 are seen as want.
type kind struct {
	of   func(c observe.Source[int]) observe.Source[int]
	want [3]string
}

func kinds() map[string]kind {
	same := func(v int) int { return v }
	plain := [3]string{"0", "1", "2"}
	return map[string]kind{
		"Cell":      {func(c observe.Source[int]) observe.Source[int] { return c }, plain},
		"Immutable": {func(c observe.Source[int]) observe.Source[int] { return observe.Immutable(c) }, plain},
		"Map":       {func(c observe.Source[int]) observe.Source[int] { return observe.Map(c, same) }, plain},
		"Map twice": {func(c observe.Source[int]) observe.Source[int] { return observe.Map(observe.Map(c, same), same) }, plain},
		"Memo":      {func(c observe.Source[int]) observe.Source[int] { return observe.Memo(c) }, plain},
		"MemoN":     {func(c observe.Source[int]) observe.Source[int] { return observe.MemoN(c, 3)[1] }, plain},
		"Map, Memo": {func(c observe.Source[int]) observe.Source[int] { return observe.Memo(observe.Map(c, same)) }, plain},
		"All": {func(c observe.Source[int]) observe.Source[int] {
			return observe.Map(observe.All(c), func(vs []int) int { return vs[0] })
		}, plain},
		"Unwrap":      {func(c observe.Source[int]) observe.Source[int] { return observe.Unwrap[int](observe.Constant(c)) }, plain},
		"Default":     {func(c observe.Source[int]) observe.Source[int] { return observe.Default(c, 7) }, plain},
		"DefaultFrom": {func(c observe.Source[int]) observe.Source[int] { return observe.DefaultFrom(c, observe.Constant(7)) }, plain},
		"Lifetime": {func(c observe.Source[int]) observe.Source[int] {
			return observe.Lifetime(c, func() func() { return nil })
		}, plain},
		"From": {func(c observe.Source[int]) observe.Source[int] {
			get := func() int { v, _ := c.Get(); return v }
			return observe.From(get, func(fn func(int)) func() {
				_, _, stop := c.Follow(func(int, bool, int, bool) { fn(0) })
				return stop
			})
		}, plain},
		"Select": {func(c observe.Source[int]) observe.Source[int] {
			return observe.Map(observe.Select(c).At(1), where1)
		}, [3]string{"0", "1", "0"}},
	}
}

// eachKind calls f with a cell that has 0, and each way to watch it, and holds
// that nobody watches the cell when all have stopped.
func eachKind(t *testing.T, f func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string)) {
	for name, k := range kinds() {
		t.Run(name, func(t *testing.T) {
			c := count(0)
			t.Cleanup(func() { // after those of the recorders
				if n := c.now(); n != 0 {
					t.Errorf("the cell has %d watchers in the end", n)
				}
			})
			f(t, c, k.of(c), k.want)
		})
	}
}

// follow lets fn hear of src until the test ends.
func follow(t *testing.T, src observe.Source[int], fn func(now int)) (stop func()) {
	_, _, stop = src.Follow(func(_ int, _ bool, now int, _ bool) { fn(now) })
	t.Cleanup(stop)
	return stop
}

// O3: whoever is watched, a watcher that panics stops nobody else, before it
// or after it, and hears the next change.
func TestPanicsAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		got := reports(t)
		before := record(t, src)
		follow(t, src, func(int) { panic("oops") })
		follow(t, src, func(int) { panic("again") })
		after := record(t, src)
		c.Set(1)
		c.Set(2)
		before.want(want[1] + " " + want[2])
		after.want(want[1] + " " + want[2])
		if n := len(got()); n != 4 {
			t.Errorf("reported %d times, want 4", n)
		}
	})
}

// O3: nor does one that ends its goroutine.
func TestGoexitAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		got := reports(t)
		before := record(t, src)
		follow(t, src, func(int) { runtime.Goexit() })
		after := record(t, src)
		apart(func() { c.Set(1) })
		apart(func() { c.Set(2) })
		before.want(want[1] + " " + want[2])
		after.want(want[1] + " " + want[2])
		if len(got()) == 0 {
			t.Error("nothing was reported")
		}
	})
}

// A watcher may stop itself and others, who hear nothing from then on, not even
// of the change that is being told.
func TestStopsAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		first := record(t, src)
		var own, other func()
		calls := 0
		own = follow(t, src, func(int) {
			calls++
			own()
			own()
			other()
		})
		other = follow(t, src, func(now int) { t.Errorf("told of %d after stop", now) })
		last := record(t, src)
		c.Set(1)
		c.Set(2)
		first.want(want[1] + " " + want[2])
		last.want(want[1] + " " + want[2])
		if calls != 1 {
			t.Errorf("called %d times after it stopped itself", calls-1)
		}
	})
}

// What a watcher sets comes after what it was told, for all.
func TestSetsAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		before := record(t, src)
		follow(t, src, func(int) { c.Set(2) })
		after := record(t, src)
		c.Set(1)
		before.want(want[1] + " " + want[2])
		after.want(want[1] + " " + want[2])
	})
}

// Whoever begins while a change is told hears from where it began, and whoever
// comes and goes meanwhile hears nothing.
func TestWatchesAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		before := record(t, src)
		var late *recorder[int]
		follow(t, src, func(now int) {
			if late == nil {
				late = record(t, src)
				follow(t, src, func(int) { t.Error("told of a change from before, or after stop") })()
			}
		})
		after := record(t, src)
		c.Set(1)
		if got := late.heard(); got != "" {
			t.Errorf("heard %s, from before", got)
		}
		c.Set(2)
		before.want(want[1] + " " + want[2])
		after.want(want[1] + " " + want[2])
		late.want(want[2])
	})
}

// The last watcher stops while it is told, and another one comes at once: that
// one is on a subscription of its own.
func TestLastStopsAnywhere(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], want [3]string) {
		var stop func()
		var next *recorder[int]
		stop = follow(t, src, func(int) {
			stop()
			next = record(t, src)
		})
		c.Set(1)
		c.Set(2)
		next.want(want[2])
	})
}

// Watchers come and go on all sides while others set: nobody is told after
// stop, each is led to what there is, and nobody is left.
func TestComeAndGo(t *testing.T) {
	eachKind(t, func(t *testing.T, c *counted[int], src observe.Source[int], _ [3]string) {
		stays := record(t, src)
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for n := range 100 {
					c.Set((n + i) % 3)
				}
			})
			wg.Go(func() {
				for range 50 {
					record(t, src).stop()
				}
			})
		}
		wg.Wait()
		delivered(c.Cell)
		c.Set(1)
		stays.eventually()
		if s := stays.heard(); !strings.HasSuffix(s, "1") {
			t.Errorf("heard %q, want 1 in the end", s)
		}
	})
}

// O4: what was computed for watchers is let go with the last of them, although
// the lens is held, and so is what was set.
func TestValuesAreLetGo(t *testing.T) {
	type big struct{ _ [1 << 10]byte }
	c := observe.Mutable(1)
	var of weak.Pointer[big]
	m := observe.Map(c, func(int) *big {
		v := new(big)
		of = weak.Make(v)
		return v
	})
	memo := observe.Memo(m)
	selected := observe.Select(memo)
	for name, watch := range map[string]func() (stop func()){
		"Map":    func() func() { return m.Watch(func(observe.Change[*big]) {}) },
		"Memo":   func() func() { return memo.Watch(func(observe.Change[*big]) {}) },
		"Select": func() func() { return selected.At(nil).Watch(func(observe.Change[bool]) {}) },
		"All": func() func() {
			return observe.All[*big](m, memo).Watch(func(observe.Change[[]*big]) {})
		},
	} {
		stop := watch()
		c.Update(func(n int, _ bool) int { return n + 1 })
		runtime.GC()
		if of.Value() == nil {
			t.Errorf("%s: what is watched is let go", name)
		}
		stop()
		runtime.GC()
		if of.Value() != nil {
			t.Errorf("%s: what nobody watches is kept", name)
		}
	}
	runtime.KeepAlive(selected)
}

// Loops and waits over what takes time end with their context, whatever waits
// to be told, and leave no watcher and no clock.
func TestPacesEndWithContext(t *testing.T) {
	for name, lens := range map[string]func(c, clock observe.Source[int]) *observe.Lens[int]{
		"Throttle": func(c, _ observe.Source[int]) *observe.Lens[int] { return observe.Throttle(c, time.Second) },
		"Wait":     func(c, _ observe.Source[int]) *observe.Lens[int] { return observe.Wait(c, time.Second) },
		"Timer": func(c, clock observe.Source[int]) *observe.Lens[int] {
			return observe.Map(observe.All(c, clock), sum)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := count(0)
				clock := observe.Timer(time.Second)
				l := lens(c, clock)
				ctx, cancel := context.WithCancelCause(t.Context())
				over := errors.New("over")
				var loop, wait error
				var group sync.WaitGroup
				group.Go(func() {
					for _, err := range observe.Changes(ctx, l) {
						loop = err
					}
				})
				group.Go(func() { _, wait = observe.Defined(ctx, l, func(v int) bool { return v == 99 }) })
				synctest.Wait()
				for i := range 3 { // the last ones wait
					c.Set(i + 1)
				}
				cancel(over)
				group.Wait()
				if !errors.Is(loop, over) || !errors.Is(wait, over) {
					t.Errorf("the loop ended with %v, the wait with %v", loop, wait)
				}
				if n := c.now(); n != 0 {
					t.Errorf("%d watchers are left", n)
				}
				ticks, _ := clock.Get()
				c.Set(5)
				time.Sleep(time.Hour)
				synctest.Wait()
				if now, _ := clock.Get(); now != ticks {
					t.Errorf("the clock went on from %d to %d", ticks, now)
				}
			})
		})
	}
}

// Lifetimes within lifetimes begin from the outside and end from the outside,
// each after the watchers that it counts, also when a value between them is
// computed.
func TestLifetimeOrder(t *testing.T) {
	c := count(0)
	var h hooks
	named := func(name string) func() func() {
		return func() func() {
			h.add("+" + name)
			return func() { h.add("-" + name) }
		}
	}
	in := observe.Lifetime(c, named("in"))
	middle := observe.Lifetime(observe.Map(in, func(v int) int { return v + 1 }), named("middle"))
	out := observe.Lifetime(observe.Memo(middle), named("out"))
	a, b := record(t, out), record(t, out)
	c.Set(1)
	a.want("2")
	b.want("2")
	also := record(t, in)
	a.stop()
	b.stop()
	h.want(t, "+out +middle +in -middle -out")
	c.Set(2)
	also.want("2")
	also.stop()
	h.want(t, "+out +middle +in -middle -out -in")
	c.wantWatchers(t, 0, 2)
}
