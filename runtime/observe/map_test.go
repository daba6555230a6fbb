package observe_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 256, 277, 281: without an inverse a map cannot be set; Get follows
// the source with and without watchers.
func TestMap(t *testing.T) {
	c := observe.Mutable(1)
	m := observe.Map(c, func(v int) int { return v * 2 })
	wantGet(t, m, "2")
	c.Set(2)
	wantGet(t, m, "4")
	if m.CanSet() || panics(func() { m.Set(8) }) == nil || m.Clear() {
		t.Error("a map without an inverse can be set")
	}
	r := record(t, m)
	c.Set(3)
	r.want("6")
	r.stop()
	c.Set(4)
	r.heard()
	wantGet(t, m, "8")
}

// Catalogue 257: f is called once for each change, however often and by whom
// the value is asked for meanwhile.
func TestMapCalls(t *testing.T) {
	c := observe.Mutable(0)
	var calls []int
	m := observe.Map(c, func(v int) int { calls = append(calls, v); return v + 1 })
	for range 3 {
		m.Watch(func(observe.Change[int]) { m.Get() })
	}
	for i := range 3 {
		c.Set(i + 1)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3}, calls); diff != "" {
		t.Error(diff)
	}
}

// Without a watcher nothing is kept, so that a function may depend on what
// nobody tells of.
func TestMapForgets(t *testing.T) {
	c, other := observe.Mutable(1), 10
	m := observe.Map(c, func(v int) int { return v + other })
	m.Watch(func(observe.Change[int]) {})()
	wantGet(t, m, "11")
	other = 20
	wantGet(t, m, "21")
}

// Catalogue 258, 87: map after map is the map of both, in events and values.
func TestMapTwice(t *testing.T) {
	c := observe.Mutable(1)
	f := func(v int) int { return v / 2 }
	g := strconv.Itoa
	twice := observe.Map(observe.Map(c, f), g)
	once := observe.Map(c, func(v int) string { return g(f(v)) })
	a, b := record(t, twice), record(t, once)
	for i := range 8 {
		c.Set(i)
	}
	a.want("1 2 3")
	b.want("1 2 3")
}

// Catalogue 259, 280: a change that makes no difference is not heard of.
func TestMapDedupes(t *testing.T) {
	c := observe.Mutable(0)
	half := record(t, observe.Memo(observe.Map(c, func(v int) int { return v >> 1 })))
	truth := record(t, observe.Map(c, func(v int) string {
		if v != 0 {
			return "yes"
		}
		return "no"
	}))
	for _, v := range []int{1, 2, 3, 4, 0} {
		c.Set(v)
	}
	half.want("1 2 0")
	truth.want("yes no")
}

// Catalogue 208: what is set goes through the inverse.
func TestTwoWay(t *testing.T) {
	c := observe.Mutable(7)
	text := observe.TwoWay(c, strconv.Itoa, func(s string) int { n, _ := strconv.Atoi(s); return n })
	r, back := record(t, text), record(t, c)
	wantGet(t, text, "7")
	if !text.Set("8") {
		t.Error("Set gives false")
	}
	c.Set(9)
	text.Clear()
	back.want("8 9 -")
	r.want("8 9 -")
	if observe.TwoWay(observe.Constant(1), strconv.Itoa, func(string) int { return 0 }).CanSet() {
		t.Error("a map of a constant can be set")
	}
}

// Catalogue 260: an inverse and Memo: two watchers hear the same, no value
// twice.
func TestTwoWayMemo(t *testing.T) {
	c := observe.Mutable(1)
	m := observe.Memo(observe.TwoWay(c, func(v int) int { return v * 2 }, func(v int) int { return v / 2 }))
	a, b := record(t, m), record(t, m)
	c.Set(2)
	m.Set(6)
	m.Set(7) // is 6 again
	c.Set(2)
	a.want("4 6 4")
	b.want("4 6 4")
}

// Catalogue 276: a map to absent is a change like others.
func TestDerive(t *testing.T) {
	c := observe.Mutable(1)
	odd := observe.Derive(c, func(v int, ok bool) (int, bool) { return v, ok && v%2 == 1 })
	r := record(t, odd)
	c.Set(2)
	c.Set(4)
	c.Set(5)
	c.Clear()
	r.want("- 5 -")

	known := record(t, observe.Derive(c, func(_ int, ok bool) (bool, bool) { return ok, true }))
	c.Set(1)
	known.want("true")
	r.want("1")
}

// Catalogue 283: a function that fails does so on every Get and every Set, and
// never leaves anything wrong behind. Watch fails too, and holds nothing.
func TestMapFails(t *testing.T) {
	got := reports(t)
	c := count(0)
	f := func(v int) int {
		if v%2 == 1 {
			panic("odd")
		}
		return v
	}
	m := observe.TwoWay(c, f, f)
	c.Set(1)
	for range 2 {
		if panics(func() { m.Get() }) != "odd" || panics(func() { m.Set(3) }) != "odd" {
			t.Error("no panic")
		}
	}
	if panics(func() { m.Watch(func(observe.Change[int]) {}) }) != "odd" {
		t.Error("Watch does not panic")
	}
	c.wantWatchers(t, 0, 1)
	c.Set(2)
	r := record(t, m)
	for _, v := range []int{3, 5, 4, 6, 7, 6} {
		c.Set(v)
	}
	r.want("4 6")
	if diff := cmp.Diff([]any{"odd", "odd", "odd"}, got()); diff != "" {
		t.Error(diff)
	}
}

// Catalogue 282: asking for the value from inside the function. What destam
// gives there, an older value, is no use; what must hold is that it ends.
func TestMapAsksItself(t *testing.T) {
	c := observe.Mutable(0)
	var m *observe.Lens[int]
	depth := 0
	m = observe.Map(c, func(v int) int {
		if depth++; depth < 3 {
			m.Get()
		}
		depth--
		return v * 10
	})
	r := record(t, m)
	c.Set(1)
	c.Set(2)
	r.want("10 20")
}

// Slices and maps are compared by content.
func TestMapToSlices(t *testing.T) {
	c := observe.Mutable([]int{1, 2, 3})
	r := record(t, observe.Map(c, func(v []int) []int { return v[:1] }))
	c.Set([]int{1, 2})
	c.Set([]int{2, 2})
	r.want("[2]")
}
