package observe_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/internal/leak"
	"github.com/destam-go/destamgen/runtime/observe"
)

// TestMain holds that no goroutine is left when the tests are over.
func TestMain(m *testing.M) { leak.Main(m) }

// recorder writes down what one watcher hears, and holds that each change
// leads on from the one before.
type recorder[T any] struct {
	t    testing.TB
	src  observe.Source[T]
	stop func()

	mu    sync.Mutex
	begun bool
	early []step[T] // heard before Follow returned
	cur   step[T]   // only now and has
	news  []string
}

type step[T any] struct {
	old, now T
	had, has bool
}

// record watches src until the test ends.
func record[T any](t testing.TB, src observe.Source[T]) *recorder[T] {
	t.Helper()
	r := &recorder[T]{t: t, src: src}
	v, ok, stop := src.Follow(func(old T, had bool, now T, has bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		s := step[T]{old, now, had, has}
		if !r.begun {
			r.early = append(r.early, s)
			return
		}
		r.hear(s)
	})
	r.stop = stop
	t.Cleanup(stop)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun, r.cur = true, step[T]{now: v, has: ok}
	for _, s := range r.early {
		r.hear(s)
	}
	return r
}

func (r *recorder[T]) hear(s step[T]) {
	if s.had != r.cur.has || !reflect.DeepEqual(s.old, r.cur.now) {
		r.t.Errorf("a change from %v to %v was heard at %v", show(s.old, s.had), show(s.now, s.has), show(r.cur.now, r.cur.has))
	}
	r.cur = s
	r.news = append(r.news, show(s.now, s.has))
}

// heard gives the values that were heard since the last call.
func (r *recorder[T]) heard() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := strings.Join(r.news, " ")
	r.news = nil
	return s
}

// want holds what was heard since the last call, and that it led to the value
// that there is now.
func (r *recorder[T]) want(news string) {
	r.t.Helper()
	if got := r.heard(); got != news {
		r.t.Errorf("heard %q, want %q", got, news)
	}
	r.settled()
}

// eventually waits until what was heard leads to what Get gives: another
// goroutine may be telling it.
func (r *recorder[T]) eventually() {
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		v, ok := r.src.Get()
		r.mu.Lock()
		there := ok == r.cur.has && reflect.DeepEqual(v, r.cur.now)
		r.mu.Unlock()
		if there {
			return
		}
		runtime.Gosched()
	}
	r.settled()
}

// settled holds that what was heard, folded, is what Get gives.
func (r *recorder[T]) settled() {
	r.t.Helper()
	v, ok := r.src.Get()
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok != r.cur.has || !reflect.DeepEqual(v, r.cur.now) {
		r.t.Errorf("what was heard leads to %v, Get gives %v", show(r.cur.now, r.cur.has), show(v, ok))
	}
}

func show[T any](v T, ok bool) string {
	if !ok {
		return "-"
	}
	return fmt.Sprint(v)
}

// get gives what src has, as text.
func get[T any](src observe.Source[T]) string { return show(src.Get()) }

func wantGet[T any](t *testing.T, src observe.Source[T], want string) {
	t.Helper()
	if got := get(src); got != want {
		t.Errorf("Get gives %s, want %s", got, want)
	}
}

// panics tells what f panics with, nil when it does not.
func panics(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// returns holds that f does, on a goroutine of its own, which may be left behind.
func returns(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("somebody waits for himself")
	}
}

// reports collects what reaches OnPanic during the test.
func reports(t *testing.T) func() []any {
	var mu sync.Mutex
	var got []any
	observe.OnPanic(func(e *observe.PanicError) {
		mu.Lock()
		got = append(got, e.Value)
		mu.Unlock()
	})
	t.Cleanup(func() { observe.OnPanic(nil) })
	return func() []any {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

// counted is a cell that counts who watches it.
type counted[T any] struct {
	*observe.Cell[T]
	mu       sync.Mutex
	watchers int
	ever     int
}

func count[T any](v T) *counted[T] { return &counted[T]{Cell: observe.Mutable(v)} }

func (c *counted[T]) Follow(fn func(T, bool, T, bool)) (T, bool, func()) {
	c.add(1)
	v, ok, stop := c.Cell.Follow(fn)
	return v, ok, sync.OnceFunc(func() {
		stop()
		c.add(-1)
	})
}

func (c *counted[T]) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchers += n; n > 0 {
		c.ever++
	}
}

// now gives how many watch it.
func (c *counted[T]) now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watchers
}

func (c *counted[T]) wantWatchers(t *testing.T, now, ever int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchers != now || c.ever != ever {
		t.Errorf("the source has %d watchers and had %d, want %d and %d", c.watchers, c.ever, now, ever)
	}
}
