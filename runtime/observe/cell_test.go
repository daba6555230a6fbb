package observe_test

import (
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 228, 229: a mutable value and its events.
func TestCell(t *testing.T) {
	c := observe.Mutable("a")
	wantGet(t, c, "a")
	r := record(t, c)
	c.Set("b")
	c.Set("b")
	c.Clear()
	c.Clear()
	c.Set("")
	c.Set("c")
	r.want("b -  c")

	var zero observe.Cell[int]
	wantGet(t, &zero, "-")
	z := record(t, &zero)
	zero.Set(0)
	z.want("0")
}

// Catalogue 230: two listeners, the first or the second of which sets again.
// Both hear both values in order.
func TestCellNestedSet(t *testing.T) {
	for _, setter := range []string{"first", "second"} {
		t.Run(setter, func(t *testing.T) {
			c := observe.Mutable(0)
			again := func(x observe.Change[int]) {
				if x.New == 1 {
					c.Set(2)
				}
			}
			if setter == "first" {
				c.Watch(again)
			}
			a, b := record(t, c), record(t, c)
			if setter == "second" {
				c.Watch(again)
			}
			c.Set(1)
			a.want("1 2")
			b.want("1 2")
		})
	}
}

// Catalogue 230: of two listeners that set the value, the nested one stops
// itself meanwhile.
func TestCellStopsItself(t *testing.T) {
	c := observe.Mutable(0)
	n := 0
	var stop func()
	stop = c.Watch(func(observe.Change[int]) {
		n++
		stop()
		stop()
		c.Set(7)
	})
	r := record(t, c)
	c.Set(1)
	r.want("1 7")
	if n != 1 {
		t.Errorf("called %d times, want once", n)
	}
}

// Catalogue 233, 234: a failing listener stops nobody else, in either order,
// through Memo too. That the setter fails is not for us: it returns, and the
// panic is reported.
func TestListenerPanics(t *testing.T) {
	for _, memo := range []bool{false, true} {
		for _, first := range []bool{false, true} {
			got := reports(t)
			c := observe.Mutable(0)
			var src observe.Source[int] = c
			if memo {
				src = observe.Memo(src)
			}
			oops := func() {
				src.Follow(func(int, bool, int, bool) { panic("oops") })
			}
			if first {
				oops()
			}
			r := record(t, src)
			if !first {
				oops()
			}
			c.Set(1)
			c.Set(2)
			r.want("1 2")
			if diff := cmp.Diff([]any{"oops", "oops"}, got()); diff != "" {
				t.Errorf("memo %v, first %v: reports: %s", memo, first, diff)
			}
		}
	}
}

// A listener that ends its goroutine, as t.FailNow does, stops nobody else.
// (destam 233, 234)
func TestListenerGoexit(t *testing.T) {
	got := reports(t)
	c := observe.Mutable(0)
	c.Watch(func(x observe.Change[int]) {
		if x.New == 1 {
			c.Set(2)
			runtime.Goexit()
		}
	})
	r := record(t, c)
	var wg sync.WaitGroup
	wg.Go(func() { c.Set(1) })
	wg.Wait()
	r.want("1 2")
	c.Set(3)
	r.want("3")
	if diff := cmp.Diff([]any{"runtime.Goexit"}, got()); diff != "" {
		t.Error(diff)
	}
}

// A handler that panics itself harms nobody.
func TestOnPanicPanics(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	var logged strings.Builder
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	observe.OnPanic(func(*observe.PanicError) { panic("again") })
	defer observe.OnPanic(nil)
	c := observe.Mutable(0)
	c.Watch(func(observe.Change[int]) { panic("oops") })
	r := record(t, c)
	c.Set(1)
	r.want("1")
	observe.OnPanic(nil)
	c.Set(2)
	r.want("2")
	if s := logged.String(); !strings.Contains(s, "value=again") || !strings.Contains(s, "value=oops") {
		t.Errorf("logged %q", s)
	}
}

func TestPanicErrorTellsWhere(t *testing.T) {
	var got *observe.PanicError
	observe.OnPanic(func(e *observe.PanicError) { got = e })
	defer observe.OnPanic(nil)
	c := observe.Mutable(0)
	c.Watch(func(observe.Change[int]) { panic("oops") })
	c.Set(1)
	if got == nil || !strings.Contains(got.Error(), "oops") || !strings.Contains(got.Stack, "TestPanicErrorTellsWhere") {
		t.Errorf("reported %v", got)
	}
}

// After stop no call begins, not even of a change that waits already.
func TestStop(t *testing.T) {
	c := observe.Mutable(0)
	var stop func()
	c.Watch(func(x observe.Change[int]) {
		c.Set(2)
		stop()
	})
	stop = c.Watch(func(x observe.Change[int]) { t.Errorf("called with %v", x) })
	c.Set(1)
}

// Get takes no lock, and never gives half of one value and half of another,
// nor a value that was never there.
func TestGetMeanwhile(t *testing.T) {
	all := []string{"", "a", strings.Repeat("bc", 10), strings.Repeat("def", 1000)}
	c := observe.Mutable(all[0])
	memo := observe.Memo(c)
	keep := observe.Map(c, func(s string) string { return s + "!" })
	defer memo.Watch(func(observe.Change[string]) {})()
	defer keep.Watch(func(observe.Change[string]) {})()
	var over atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; !over.Load(); i++ {
			c.Set(all[i%len(all)])
			if i%7 == 0 {
				c.Clear()
			}
		}
	})
	for range 20_000 {
		for _, get := range []func() (string, bool){c.Get, memo.Get} {
			if s, ok := get(); !ok && s != "" || !slices.Contains(all, s) {
				t.Fatalf("got %d bytes, %t", len(s), ok)
			}
		}
		if s, ok := keep.Get(); ok && !slices.Contains(all, strings.TrimSuffix(s, "!")) {
			t.Fatalf("got %d bytes", len(s))
		}
	}
	over.Store(true)
	writer.Wait()
}

// To watch and to stop takes two pieces of memory, and to set and get none.
func TestCellAllocates(t *testing.T) {
	c := observe.Mutable(0)
	defer c.Watch(func(observe.Change[int]) {})()
	hear, watch := func(int, bool, int, bool) {}, func(observe.Change[int]) {}
	n := 0
	for what, f := range map[string]func() float64{
		"to follow and to stop": func() float64 {
			return testing.AllocsPerRun(100, func() { _, _, stop := c.Follow(hear); stop() }) - 2
		},
		"to watch and to stop": func() float64 {
			return testing.AllocsPerRun(100, func() { c.Watch(watch)() }) - 2
		},
		"to set and to get": func() float64 {
			return testing.AllocsPerRun(100, func() { n++; c.Set(n); c.Get() })
		},
	} {
		if more := f(); more > 0 {
			t.Errorf("%s takes %v pieces more than it may", what, more)
		}
	}
}

// A watcher that comes during a delivery hears from the next change on.
func TestWatchDuringDelivery(t *testing.T) {
	c := observe.Mutable(0)
	var late *recorder[int]
	c.Watch(func(x observe.Change[int]) {
		if late == nil {
			c.Set(2)
			late = record(t, c) // begins at 2
		}
	})
	c.Set(1)
	late.want("")
	c.Set(3)
	late.want("3")
}

// Many who come and go: those who stay hear in the order in which they came.
func TestManyWatchers(t *testing.T) {
	c := observe.Mutable(0)
	var got []int
	var stops []func()
	for i := range 100 {
		stops = append(stops, c.Watch(func(observe.Change[int]) { got = append(got, i) }))
	}
	var want []int
	for i, stop := range stops {
		if i%10 != 3 {
			stop()
			continue
		}
		want = append(want, i)
	}
	c.Set(1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Cell.Update loses nothing, however many do it.
func TestUpdate(t *testing.T) {
	var c observe.Cell[int]
	r := record(t, &c)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				c.Update(func(n int, _ bool) int { return n + 1 })
			}
		})
	}
	wg.Wait()
	wantGet(t, &c, "4000")
	delivered(&c)
	r.settled()
}

// delivered clears c and waits until everybody who watched it has heard.
func delivered[T any](c *observe.Cell[T]) {
	c.Update(func(v T, _ bool) T { return v }) // be there, or Clear changes nothing
	done := make(chan struct{})
	stop := c.Watch(func(x observe.Change[T]) {
		if x.Absent {
			close(done)
		}
	})
	c.Clear()
	<-done
	stop()
}

// Whoever sets is not held for ever by what others set: after 64 changes
// another goroutine goes on.
func TestHandover(t *testing.T) {
	c := observe.Mutable(0)
	goOn, done := make(chan struct{}), make(chan struct{})
	c.Watch(func(x observe.Change[int]) {
		switch x.New {
		case 200:
			<-goOn
		case 300:
			close(done)
			return
		case 0: // delivered
			return
		}
		c.Set(x.New + 1)
	})
	r := record(t, c)
	c.Set(1) // returns, although 200 waits for what comes now
	close(goOn)
	<-done
	delivered(c)
	if n := strings.Count(r.heard(), " "); n != 300 {
		t.Errorf("heard of %d changes, want 301", n+1)
	}
}

// A thousand changes that a slow listener did not hear of come as one.
func TestFold(t *testing.T) {
	c := observe.Mutable(0)
	entered, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.Watch(func(observe.Change[int]) {
		once.Do(func() {
			close(entered)
			<-goOn
		})
	})
	r := record(t, c)
	var wg sync.WaitGroup
	wg.Go(func() { c.Set(1) })
	<-entered
	for i := range 10_000 {
		c.Set(i + 2)
	}
	late := record(t, c)
	c.Set(-1)
	close(goOn)
	wg.Wait()
	delivered(c)
	if n := strings.Count(r.heard(), " "); n > 2*1024 {
		t.Errorf("heard of %d changes", n)
	}
	r.settled()
	late.want("-1 -")
}

// watched watches l with what calls fn and holds on to what of points to. (A
// variable of the test itself that is set to nil would be nil for the watcher, too.)
func watched(l interface {
	Watch(fn func(observe.Change[int])) (stop func())
}, fn func(),
) (stop func(), of weak.Pointer[[1 << 10]byte]) {
	held := new([1 << 10]byte)
	stop = l.Watch(func(observe.Change[int]) {
		fn()
		runtime.KeepAlive(held)
	})
	return stop, weak.Make(held)
}

// A watcher that stopped is let go, although the cell lives on; what was made
// from it without being watched is let go too.
func TestNothingIsKept(t *testing.T) {
	c := observe.Mutable(0)
	keep := record(t, c) // so that the list of watchers is not simply dropped
	more := record(t, c)
	stop, wl := watched(c, func() {})
	stop()
	var stopOwn, stopLast func()
	stopOwn, wo := watched(c, func() { // stops itself, and others with it, while it is called
		stopOwn()
		stopLast()
	})
	stopLast = c.Watch(func(observe.Change[int]) { t.Error("called after stop") })
	lens := observe.Memo(observe.Map(c, func(v int) int { return v + 1 }))
	stop = lens.Watch(func(observe.Change[int]) {})
	c.Set(1)
	stop()
	wm := weak.Make(lens)
	lens, stopOwn, stopLast = nil, nil, nil
	runtime.GC()
	runtime.GC()
	if wl.Value() != nil {
		t.Error("a listener that was stopped is kept")
	}
	if wo.Value() != nil {
		t.Error("a listener that stopped itself is kept")
	}
	if wm.Value() != nil {
		t.Error("a lens that nobody watches is kept")
	}
	c.Set(2)
	keep.want("1 2")
	more.want("1 2")
}
