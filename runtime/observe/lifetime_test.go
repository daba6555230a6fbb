package observe_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/destam-go/destamgen/runtime/observe"
)

// hooks writes down when a lens begins and ends to be watched.
type hooks struct {
	mu  sync.Mutex
	log []string
}

func (h *hooks) add(s string) {
	h.mu.Lock()
	h.log = append(h.log, s)
	h.mu.Unlock()
}

func (h *hooks) begin() func() {
	h.add("begin")
	return func() { h.add("end") }
}

// ended tells whether each begin has its end.
func (h *hooks) ended() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.log)%2 == 0
}

func (h *hooks) want(t *testing.T, want string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := strings.Join(h.log, " "); got != want {
		t.Errorf("hooks: %s, want %s", got, want)
	}
}

// Catalogue 273: once for two watchers, the end after the last, stopping twice,
// and again for a new first one; nested too.
func TestLifetime(t *testing.T) {
	c := observe.Mutable(0)
	var in, out hooks
	l := observe.Lifetime(observe.Lifetime(c, in.begin), out.begin)
	a := record(t, l)
	b := record(t, l)
	c.Set(1)
	a.want("1")
	b.want("1")
	a.stop()
	a.stop()
	out.want(t, "begin")
	b.stop()
	out.want(t, "begin end")
	again := record(t, l)
	l.Set(2)
	again.want("2")
	again.stop()
	in.want(t, "begin end begin end")
	out.want(t, "begin end begin end")
	wantGet(t, l, "2")
}

// Catalogue 273: who watches the source in the hook is not counted.
func TestLifetimeWatchesInside(t *testing.T) {
	c := observe.Mutable(0)
	mirror := new(observe.Cell[int])
	var h hooks
	l := observe.Lifetime(c, func() func() {
		end := h.begin()
		stop := observe.Effect(c, func(v int, _ bool) func() { mirror.Set(v); return nil })
		return func() { stop(); end() }
	})
	r := record(t, l)
	c.Set(1)
	r.want("1")
	wantGet(t, mirror, "1")
	r.stop()
	h.want(t, "begin end")
	c.Set(2)
	wantGet(t, mirror, "1")
}

// Catalogue 38: what the hook changes when the first watcher comes is there
// when it begins, and what it changes when the last one goes is there
// afterwards.
func TestLifetimeSets(t *testing.T) {
	c := observe.Mutable("new")
	l := observe.Lifetime(c, func() func() {
		c.Set("watched")
		return func() { c.Set("left") }
	})
	r := record(t, l)
	r.want("")
	wantGet(t, l, "watched")
	r.stop()
	wantGet(t, l, "left")
	if r.heard() != "" {
		t.Error("heard after stop")
	}
}

// Many come and go at once: the hooks alternate, and end in balance.
func TestLifetimeStorm(t *testing.T) {
	c := observe.Mutable(0)
	var h hooks
	l := observe.Lifetime(c, h.begin)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				l.Watch(func(observe.Change[int]) {})()
			}
		})
	}
	wg.Wait()
	for !h.ended() { // the last hooks may be on their way, on another goroutine
		runtime.Gosched()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, s := range h.log {
		if s != [2]string{"begin", "end"}[i%2] {
			t.Fatalf("hook %d is %s", i, s)
		}
	}
}

// A source that cannot be followed is not watched; a hook that panics is
// reported and stops nobody.
func TestLifetimeFails(t *testing.T) {
	var h hooks
	c := observe.Mutable(0)
	bad := observe.Lifetime(observe.Map(c, func(int) int { panic("oops") }), h.begin)
	if panics(func() { bad.Watch(func(observe.Change[int]) {}) }) != "oops" {
		t.Error("no panic")
	}
	h.want(t, "begin end")

	got := reports(t)
	r := record(t, observe.Lifetime(c, func() func() { panic("hook") }))
	c.Set(1)
	r.want("1")
	r.stop()
	if len(got()) != 1 {
		t.Errorf("reported %v", got())
	}

	begun, h := 0, hooks{}
	l := observe.Lifetime(c, func() func() {
		if begun++; begun == 2 {
			panic("hook")
		}
		return h.begin()
	})
	for range 3 {
		l.Watch(func(observe.Change[int]) {})()
	}
	h.want(t, "begin end begin end") // nobody ends what did not begin
	if len(got()) != 2 {
		t.Errorf("reported %v", got())
	}
}

// What is called at the end may stop what it is the end of: it has stopped, and
// nobody waits for himself.
func TestLifetimeStopsAgain(t *testing.T) {
	var h hooks
	var stop func()
	l := observe.Lifetime(observe.Mutable(0), func() func() {
		end := h.begin()
		return func() { end(); stop() }
	})
	stop = l.Watch(func(observe.Change[int]) {})
	returns(t, stop)
	h.want(t, "begin end")
}
