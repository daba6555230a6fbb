package observe_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 237, 240, 241: the values of many; an effect sees each change; what
// is set is distributed, and a list of another length changes nothing.
func TestAll(t *testing.T) {
	a, b := observe.Mutable(1), observe.Mutable(2)
	l := observe.All[int](a, b)
	wantGet(t, l, "[1 2]")
	r := record(t, l)
	var seen [][]int
	stop := observe.Effect(l, func(vs []int, _ bool) func() { seen = append(seen, vs); return nil })
	defer stop()
	a.Set(3)
	b.Set(4)
	l.Set([]int{5, 6})
	r.want("[3 2] [3 4] [5 4] [5 6]")
	for _, vs := range [][]int{nil, {7}, {7, 8, 9}} {
		if panics(func() { l.Set(vs) }) == nil {
			t.Errorf("set to %v", vs)
		}
	}
	r.want("")
	if diff := cmp.Diff([][]int{{1, 2}, {3, 2}, {3, 4}, {5, 4}, {5, 6}}, seen); diff != "" {
		t.Error(diff)
	}
}

// Catalogue 218: what is absent is zero, and comes and goes.
func TestAllAbsent(t *testing.T) {
	a, b := new(observe.Cell[int]), observe.Mutable(2)
	r := record(t, observe.All[int](a, b))
	a.Set(0)
	a.Set(1)
	b.Clear()
	r.want("[1 2] [1 0]")
	record(t, observe.All[int]()).want("")
}

// Catalogue 238: All and Map.
func TestAllMap(t *testing.T) {
	a, b := observe.Mutable(1), observe.Mutable(2)
	sum := observe.Map(observe.All[int](a, b), func(vs []int) (n int) {
		for _, v := range vs {
			n += v
		}
		return n
	})
	r := record(t, sum)
	a.Set(2)
	b.Set(1)
	b.Set(1)
	r.want("4 3")
}

// Catalogue 239, 242, 243, 244: a list that changes: that fires, those who are
// not in it any more are not heard, and what is set goes to those in it.
func TestAllOfAList(t *testing.T) {
	a, b, c := count(1), count(2), count(3)
	list := observe.Mutable([]observe.Source[int]{a, b})
	l := observe.Unwrap(observe.Map(list, func(srcs []observe.Source[int]) *observe.Lens[[]int] {
		return observe.All(srcs...)
	}))
	r := record(t, l)
	a.Set(10)
	list.Set([]observe.Source[int]{b, c})
	a.wantWatchers(t, 0, 1)
	a.Set(11)
	c.Set(30)
	if !l.Set([]int{4, 5}) {
		t.Error("Set gives false")
	}
	r.want("[10 2] [2 3] [2 30] [4 30] [4 5]")
	if panics(func() { l.Set([]int{1}) }) == nil {
		t.Error("set to a list of another length")
	}
	r.stop()
	r.heard()
	b.Set(20)
	if r.heard() != "" {
		t.Error("called after stop")
	}
	for _, c := range []*counted[int]{a, b, c} {
		if c.watchers != 0 {
			t.Errorf("still watched %d times", c.watchers)
		}
	}
}

// A source that fails to be followed leaves nothing behind.
func TestAllFails(t *testing.T) {
	a := count(1)
	l := observe.All[int](a, observe.Map(a, func(int) int { panic("oops") }))
	if panics(func() { l.Watch(func(observe.Change[[]int]) {}) }) != "oops" {
		t.Error("no panic")
	}
	a.wantWatchers(t, 0, 2)
}
