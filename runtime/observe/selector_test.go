package observe_test

import (
	"math"
	"runtime"
	"testing"
	"weak"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 270: values, setting, and clearing.
func TestSelector(t *testing.T) {
	c := new(observe.Cell[int])
	s := observe.Select(c)
	want := func(one, two string) {
		t.Helper()
		wantGet(t, s.At(1), one)
		wantGet(t, s.At(2), two)
	}
	want("false", "false")
	c.Set(1)
	want("true", "false")
	c.Set(2)
	want("false", "true")
	s.At(1).Set(true)
	wantGet(t, c, "1")
	s.At(1).Set(true)
	want("true", "false")
	s.At(2).Set(true)
	want("false", "true")
	s.At(1).Set(false) // of whichever: nothing is selected any more
	wantGet(t, c, "-")
	want("false", "false")
	wantGet(t, observe.Select(observe.Mutable(3)).At(3), "true") // the initial selection
}

// Catalogue 270: custom values are a map; 0 is a value as any other.
func TestSelectorMapped(t *testing.T) {
	c := observe.Mutable(0)
	yes := observe.TwoWay(observe.Select(c).At(0),
		func(is bool) string {
			if is {
				return "yes"
			}
			return "no"
		},
		func(s string) bool { return s == "yes" })
	r := record(t, yes)
	c.Set(1)
	yes.Set("yes")
	yes.Set("no")
	r.want("no yes no")
	wantGet(t, c, "-")
}

// Catalogue 270: only the one that was selected and the one that is are called;
// several lenses and watchers of one value each are.
func TestSelectorEvents(t *testing.T) {
	c := count(0)
	s := observe.Select(c)
	woken := 0
	for i := range 1000 {
		s.At(i + 100).Watch(func(observe.Change[bool]) { woken++ })
	}
	one, again, two := record(t, s.At(1)), record(t, s.At(1)), record(t, s.At(2))
	l := s.At(2)
	same := record(t, l)
	both := record(t, l)
	c.wantWatchers(t, 1, 1)
	c.Set(1)
	c.Set(2)
	c.Set(2)
	c.Set(3)
	c.Clear()
	c.Set(1)
	one.want("true false true")
	again.want("true false true")
	for _, r := range []*recorder[bool]{two, same, both} {
		r.want("true false")
	}
	if woken != 0 {
		t.Errorf("%d of the others were called", woken)
	}
}

// Catalogue 270: removing any of three leaves the others, twice is harmless,
// and after the last one the source is let go.
func TestSelectorStop(t *testing.T) {
	for drop := range 3 {
		c := count(0)
		s := observe.Select(c)
		var rs []*recorder[bool]
		for range 3 {
			rs = append(rs, record(t, s.At(1)))
		}
		c.Set(1)
		rs[drop].stop()
		rs[drop].stop()
		c.Set(2)
		for i, r := range rs {
			want := "true false"
			if i == drop {
				want = "true"
			}
			if got := r.heard(); got != want {
				t.Errorf("dropped %d: %d heard %q", drop, i, got)
			}
		}
		c.wantWatchers(t, 1, 1)
		for _, r := range rs {
			r.stop()
		}
		c.wantWatchers(t, 0, 1)
		wantGet(t, s.At(2), "true")
		r := record(t, s.At(2))
		c.Set(1)
		r.want("false")
		c.wantWatchers(t, 1, 2)
	}
}

// The selection changes while the one before is being told: everybody ends
// with what is true. (destam 270)
func TestSelectorNested(t *testing.T) {
	c := observe.Mutable(0)
	s := observe.Select(c)
	s.At(1).Watch(func(x observe.Change[bool]) {
		if x.New {
			c.Set(2)
		}
	})
	one, two := record(t, s.At(1)), record(t, s.At(2))
	c.Set(1)
	one.want("true false")
	two.want("true")
}

// Values that are no keys are never selected, and break nothing.
func TestSelectorOdd(t *testing.T) {
	c := new(observe.Cell[any])
	s := observe.Select(c)
	nan, one := record(t, s.At(math.NaN())), record(t, s.At(1))
	for _, v := range []any{math.NaN(), []int{1}, []int{2}, 1, math.NaN(), nil, 1} {
		c.Set(v)
		wantGet(t, s.At("x"), "false")
	}
	one.want("true false true")
	nan.want("")
	nan.stop()
	if panics(func() { s.At([]int{1}) }) == nil {
		t.Error("a slice was asked for")
	}
	none := record(t, s.At(nil))
	c.Set(nil)
	none.want("true")
}

// A hook of the source that watches the selector: nobody waits for himself.
// (destam 270)
func TestSelectorReentrant(t *testing.T) {
	c := observe.Mutable(0)
	var s *observe.Selector[int]
	var inner, chosen *recorder[bool]
	s = observe.Select(observe.Lifetime(c, func() func() {
		inner, chosen = record(t, s.At(1)), record(t, s.At(0))
		return nil
	}))
	outer := record(t, s.At(1))
	c.Set(1)
	c.Set(0)
	outer.want("true false")
	inner.want("true false")
	chosen.want("false true") // it began with what is selected
}

// O4: values that nobody asks for any more are let go, those that are not
// equal to themselves too.
func TestSelectorLetsGo(t *testing.T) {
	type choice struct {
		of *[1 << 10]byte
		x  float64
	}
	c := observe.Mutable(choice{})
	s := observe.Select(c)
	keep := record(t, s.At(choice{}))
	for _, x := range []float64{1, math.NaN()} {
		of := func() weak.Pointer[[1 << 10]byte] {
			v := choice{new([1 << 10]byte), x}
			s.At(v).Watch(func(observe.Change[bool]) {})()
			return weak.Make(v.of)
		}()
		runtime.GC()
		if of.Value() != nil {
			t.Errorf("%v is kept", x)
		}
	}
	c.Set(choice{x: 2})
	keep.want("false")
}
