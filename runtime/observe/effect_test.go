package observe_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 271: at once and after each change; the cleanup before each new
// call and after the end, exactly once.
func TestEffect(t *testing.T) {
	c := observe.Mutable(0)
	var log []string
	say := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	stop := observe.Effect(c, func(v int, ok bool) func() {
		say("see %s", show(v, ok))
		if v == 1 {
			return nil
		}
		return func() { say("clean %d", v) }
	})
	c.Set(1)
	c.Set(1)
	c.Set(2)
	c.Clear()
	stop()
	stop()
	c.Set(3)
	want := "see 0, clean 0, see 1, see 2, clean 2, see -, clean 0"
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Catalogue 271, 278: an effect that sets its own source ends.
func TestEffectSetsItsSource(t *testing.T) {
	c := observe.Mutable(0)
	var seen []int
	stop := observe.Effect(c, func(v int, _ bool) func() {
		seen = append(seen, v)
		if v < 10 {
			c.Set(v + 1)
		}
		return nil
	})
	defer stop()
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seen); diff != "" {
		t.Error(diff)
	}
}

// An effect that is stopped while it runs, by itself or by others: its cleanup
// follows. (destam 271)
func TestEffectStoppedMeanwhile(t *testing.T) {
	c := observe.Mutable(0)
	cleaned := 0
	var stop func()
	stop = observe.Effect(c, func(v int, _ bool) func() {
		if v == 1 {
			stop()
			c.Set(2)
		}
		if v == 2 {
			t.Error("called after stop")
		}
		return func() { cleaned++ }
	})
	c.Set(1)
	if cleaned != 2 {
		t.Errorf("cleaned %d times, want 2", cleaned)
	}
}

// A cleanup at the end that sets the source, or stops what it is of: that has
// stopped, and nobody waits for himself.
func TestEffectCleanupAtTheEnd(t *testing.T) {
	for _, again := range []bool{false, true} {
		c := count(0)
		calls, cleaned := 0, 0
		var stop func()
		stop = observe.Effect(c, func(v int, _ bool) func() {
			calls++
			return func() {
				cleaned++
				if again {
					stop()
				}
				c.Set(v + 1)
			}
		})
		returns(t, stop)
		if calls != 1 || cleaned != 1 {
			t.Errorf("stopped again %v: called %d times and cleaned %d times", again, calls, cleaned)
		}
		c.wantWatchers(t, 0, 1)
	}
}

// The first call is on the caller's goroutine: it may panic or end it, and
// then nothing is left.
func TestEffectFails(t *testing.T) {
	c := count(0)
	if panics(func() { observe.Effect(c, func(int, bool) func() { panic("oops") }) }) != "oops" {
		t.Error("no panic")
	}
	c.wantWatchers(t, 0, 1)
	calls := 0
	panics(func() {
		observe.Effect(c, func(int, bool) func() {
			calls++
			c.Set(calls)
			panic("oops")
		})
	})
	if calls != 1 {
		t.Errorf("called %d times after a panic", calls-1)
	}
	c.wantWatchers(t, 0, 2)
	c.Set(0)
	var wg sync.WaitGroup
	wg.Go(func() {
		observe.Effect(c, func(int, bool) func() { runtime.Goexit(); return nil })
	})
	wg.Wait()
	c.wantWatchers(t, 0, 3)

	got := reports(t)
	var seen []int
	stop := observe.Effect(c, func(v int, _ bool) func() {
		seen = append(seen, v)
		if v == 1 {
			panic("one")
		}
		return func() { panic("cleanup") }
	})
	c.Set(1)
	c.Set(2)
	stop()
	if diff := cmp.Diff([]int{0, 1, 2}, seen); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"cleanup", "one", "cleanup"}, got()); diff != "" {
		t.Error(diff)
	}
}

// What is there already is given, though the context has ended.
func TestDefinedAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 64 { // a select of both would choose
		if v, err := observe.Defined(ctx, observe.Mutable(1)); v != 1 || err != nil {
			t.Fatalf("got %d, %v", v, err)
		}
	}
}

// Catalogue 184, 185, 186, 187: present at once, later, only when the function
// says so, and never.
func TestDefined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := count("a")
		ctx, cancel := context.WithCancelCause(t.Context())
		if v, err := observe.Defined(ctx, c); v != "a" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		c.Clear()
		var got string
		var err error
		ended := false
		wait := func(when ...func(string) bool) {
			ended = false
			go func() {
				got, err = observe.Defined(ctx, c, when...)
				ended = true
			}()
			synctest.Wait()
		}
		wait()
		if ended {
			t.Error("defined before it is")
		}
		c.Set("b")
		synctest.Wait()
		if !ended || got != "b" || err != nil {
			t.Errorf("ended %v with %q, %v", ended, got, err)
		}
		wait(func(s string) bool { return s > "c" }, func(s string) bool { return s < "e" })
		for _, v := range []string{"c", "f", "d", "g"} {
			if ended {
				t.Errorf("ended before %s", v)
				break
			}
			if c.Set(v); v == "d" {
				synctest.Wait()
				break
			}
			synctest.Wait()
		}
		if !ended || got != "d" {
			t.Errorf("ended %v with %q", ended, got)
		}
		wait(func(string) bool { return false })
		c.Set("x")
		synctest.Wait()
		if ended {
			t.Error("ended")
		}
		why := errors.New("enough")
		cancel(why)
		synctest.Wait()
		if !ended || !errors.Is(err, why) || got != "" {
			t.Errorf("ended %v with %q, %v", ended, got, err)
		}
		c.wantWatchers(t, 0, 4)
	})
}
