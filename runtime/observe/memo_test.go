package observe_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 245, 210: the source is followed once for all; an equal value is
// dropped; stopping twice is harmless; without watchers Get asks the source.
func TestMemo(t *testing.T) {
	c := count("a")
	m := observe.Memo(c)
	c.wantWatchers(t, 0, 0)
	wantGet(t, m, "a")
	a := record(t, m)
	b := record(t, m)
	c.wantWatchers(t, 1, 1)
	m.Set("hello")
	m.Set("hello")
	a.want("hello")
	b.want("hello")
	b.stop()
	b.stop()
	c.wantWatchers(t, 1, 1)
	c.Set("b")
	a.want("b")
	if got := b.heard(); got != "" {
		t.Errorf("heard %s after stop", got)
	}
	a.stop()
	c.wantWatchers(t, 0, 1)
	c.Set("c")
	wantGet(t, m, "c")
	late := record(t, m)
	c.wantWatchers(t, 1, 2)
	m.Clear()
	late.want("-")
}

// Catalogue 77, 78, 162, 173: Memo, and Memo of Memo, is the source.
func TestMemoIsTheSource(t *testing.T) {
	c := observe.Mutable(0)
	plain, once, twice := record(t, c), record(t, observe.Memo(c)), record(t, observe.Memo(observe.Memo(c)))
	for i := range 4 {
		c.Set(i / 2)
	}
	c.Clear()
	for _, r := range []*recorder[int]{plain, once, twice} {
		r.want("1 -")
	}
}

// Catalogue 176, 246: the order is that of the lenses, not of the watchers;
// those of one lens are called in the order in which they came.
func TestMemoOrder(t *testing.T) {
	c := count(0)
	lenses := observe.MemoN(c, 3)
	var got []string
	for came, i := range []int{2, 0, 1, 0, 2} {
		lenses[i].Watch(func(observe.Change[int]) { got = append(got, fmt.Sprint(i, " ", came)) })
	}
	c.wantWatchers(t, 1, 1)
	c.Set(1)
	if diff := cmp.Diff([]string{"0 1", "0 3", "1 2", "2 0", "2 4"}, got); diff != "" {
		t.Error(diff)
	}
}

// Catalogue 213: a watcher that comes later hears nothing extra and nothing
// less, also when it comes while a change is being told.
func TestMemoLateWatcher(t *testing.T) {
	c := observe.Mutable(0)
	m := observe.Memo(c)
	var late *recorder[int]
	m.Watch(func(x observe.Change[int]) {
		if x.New == 1 {
			c.Set(2)
			late = record(t, m)
		}
	})
	first := record(t, m)
	c.Set(1)
	c.Set(3)
	late.want("2 3") // it began at 1: the memo has not heard of 2 yet
	first.want("1 2 3")
}

// What destam's memo does not do: it follows what replaces a source that had
// something by another one that has, and leaves the first.
func TestMemoFollows(t *testing.T) {
	a, b := count(1), count(2)
	outer := observe.Mutable(a)
	m := observe.Memo(observe.Unwrap[int](outer))
	r, also := record(t, m), record(t, m)
	outer.Set(b)
	a.wantWatchers(t, 0, 1)
	b.wantWatchers(t, 1, 1)
	a.Set(3)
	b.Set(4)
	r.want("2 4")
	also.want("2 4")
}

// hasty changes while it begins to be followed, after it has given its value.
type hasty struct{ *observe.Cell[int] }

func (h hasty) Follow(fn func(int, bool, int, bool)) (int, bool, func()) {
	v, ok, stop := h.Cell.Follow(fn)
	h.Set(v + 1)
	return v, ok, stop
}

// A source that tells of a change before Follow returns: the memo keeps the
// newest value, and who comes later begins with that.
func TestMemoHasty(t *testing.T) {
	c := hasty{observe.Mutable(0)}
	m := observe.Memo(c)
	first, later := record(t, m), record(t, m)
	first.want("1")
	later.want("")
	c.Set(2)
	first.want("2")
	later.want("2")
}

// A memo whose source calls a hook that watches the memo: nobody waits for
// himself, and everybody hears.
func TestMemoReentrant(t *testing.T) {
	c := count(0)
	var m *observe.Lens[int]
	var inner *recorder[int]
	var watched []int
	m = observe.Memo(observe.Lifetime(c, func() func() {
		inner = record(t, m)
		t.Cleanup(m.Watch(func(x observe.Change[int]) { watched = append(watched, x.New) }))
		return nil
	}))
	outer := record(t, m)
	c.Set(1)
	outer.want("1")
	inner.want("1")
	if diff := cmp.Diff([]int{1}, watched); diff != "" {
		t.Error(diff)
	}
	outer.stop()
	inner.stop()
	c.wantWatchers(t, 1, 3)
}

// A source that cannot be followed leaves nothing behind.
func TestMemoFails(t *testing.T) {
	c := count(1)
	m := observe.Memo(observe.Map(c, func(v int) int {
		if v == 1 {
			panic("one")
		}
		return v
	}))
	if panics(func() { m.Watch(func(observe.Change[int]) {}) }) != "one" {
		t.Error("no panic")
	}
	c.Set(2)
	r := record(t, m)
	c.Set(3)
	r.want("3")
	c.wantWatchers(t, 1, 2)
}

// Memo keeps the value while it is watched: f is not called for Get.
func TestMemoKeeps(t *testing.T) {
	c := observe.Mutable(1)
	asked := 0
	slow := observe.From(func() int { asked++; v, _ := c.Get(); return v }, func(fn func(observe.Change[int])) func() { return c.Watch(fn) })
	m := observe.Memo(slow)
	r := record(t, m)
	before := asked
	keeps := func(want string) {
		t.Helper()
		for range 100 {
			wantGet(t, m, want)
		}
		if asked != before {
			t.Errorf("asked %d times more", asked-before)
		}
	}
	keeps("1")
	c.Set(2)
	before = asked
	keeps("2")
	r.stop()
	if m.Get(); asked != before+1 {
		t.Error("without a watcher the value is kept")
	}
}
