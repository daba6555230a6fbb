package observe_test

import (
	"testing"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 253, 254, 255: the value of the source inside, which changes, is
// switched, and is heard no more when it was dropped.
func TestUnwrap(t *testing.T) {
	a, b := count(1), count(2)
	outer := new(observe.Cell[*counted[int]])
	l := observe.Unwrap[int](outer)
	wantGet(t, l, "-")
	if l.Set(1) || l.Clear() {
		t.Error("set where nothing is")
	}
	r := record(t, l)
	outer.Set(a)
	a.Set(3)
	outer.Set(b)
	a.wantWatchers(t, 0, 1)
	a.Set(4)
	l.Set(5)
	r.want("1 3 2 5")
	wantGet(t, b, "5")
	b.Set(4)
	outer.Set(a) // has the same value: nothing changes
	outer.Set(nil)
	outer.Clear()
	outer.Set(b)
	r.want("4 - 4")
	l.Clear()
	r.want("-")
	r.stop()
	b.wantWatchers(t, 0, 2)
}

// What the source that was dropped tells after that, but before the watcher
// got to the other one, is not heard.
func TestUnwrapTooLate(t *testing.T) {
	a, b := observe.Mutable(1), observe.Mutable(2)
	outer := observe.Mutable(a)
	l := observe.Unwrap(outer)
	l.Watch(func(x observe.Change[int]) {
		if x.New == 3 {
			outer.Set(b)
			a.Set(4)
		}
	})
	r := record(t, l)
	a.Set(3)
	r.want("3 2")
}

// Catalogue 279: an effect that sets its own source, through Unwrap.
func TestUnwrapEffect(t *testing.T) {
	c := observe.Mutable(0)
	l := observe.Unwrap(observe.Constant(c))
	stop := observe.Effect(l, func(v int, _ bool) func() {
		if v < 10 {
			l.Set(v + 1)
		}
		return nil
	})
	defer stop()
	wantGet(t, c, "10")
}

// Catalogue 81, 86: Memo of a source, Unwrap of a map to a source, and Unwrap of
// a map to something immutable are all the same for a watcher.
func TestUnwrapMap(t *testing.T) {
	c := observe.Mutable(0)
	holder := observe.Mutable("c")
	plain := observe.Map(holder, func(string) *observe.Cell[int] { return c })
	imm := observe.Map(holder, func(string) *observe.Lens[int] { return observe.Immutable(c) })
	a, b := record(t, observe.Unwrap(plain)), record(t, observe.Unwrap(imm))
	d := record(t, observe.Memo(observe.Unwrap(plain)))
	c.Set(1)
	holder.Set("d")
	c.Set(2)
	for _, r := range []*recorder[int]{a, b, d} {
		r.want("1 2")
	}
	if observe.Unwrap(imm).Set(3) {
		t.Error("what is immutable was set")
	}
}

// An inner source that fails to be followed is reported, and is as none.
func TestUnwrapFails(t *testing.T) {
	got := reports(t)
	c := observe.Mutable(1)
	bad := observe.Map(c, func(int) int { panic("oops") })
	outer := observe.Mutable(observe.Immutable(c))
	l := observe.Unwrap(outer)
	_, _, stop := l.Follow(func(int, bool, int, bool) {})
	outer.Set(bad)
	if len(got()) != 1 {
		t.Errorf("reported %v", got())
	}
	stop()
	if panics(func() { l.Watch(func(observe.Change[int]) {}) }) != "oops" {
		t.Error("no panic")
	}
}
