package observe_test

import (
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/observe"
)

// Catalogue 235: the default, values, and the default again.
func TestDefault(t *testing.T) {
	c := new(observe.Cell[int])
	d := observe.Default(c, 7)
	var seen []string
	stop := observe.Effect(d, func(v int, ok bool) func() { seen = append(seen, show(v, ok)); return nil })
	defer stop()
	r := record(t, d)
	c.Set(7) // the same as before
	c.Set(0)
	d.Set(8)
	c.Clear()
	r.want("0 8 7")
	if got := strings.Join(seen, " "); got != "7 0 8 7" {
		t.Errorf("the effect saw %s", got)
	}
}

// Catalogue 236: changes of the default matter only while there is no value,
// and it is followed only then. After the watcher is gone nobody follows
// anything (destam's def leaks).
func TestDefaultFrom(t *testing.T) {
	c, d := count(0), count(10)
	c.Clear()
	l := observe.DefaultFrom[int](c, d)
	r := record(t, l)
	d.wantWatchers(t, 1, 1)
	d.Set(11)
	c.Set(1)
	d.wantWatchers(t, 0, 1)
	d.Set(12)
	wantGet(t, l, "1")
	c.Clear()
	d.Set(13)
	l.Set(2)
	r.want("11 1 12 13 2")
	c.Clear()
	r.stop()
	r.heard()
	c.wantWatchers(t, 0, 1)
	d.wantWatchers(t, 0, 3)
	d.Set(14)
	wantGet(t, l, "14")
	if r.heard() != "" {
		t.Error("called after stop")
	}
	d.Clear()
	wantGet(t, l, "-")
}

// Catalogue 222, 223: DefaultFrom, written with Derive and Unwrap, and with a
// second watcher on the map.
func TestDefaultByHand(t *testing.T) {
	c, d := new(observe.Cell[int]), observe.Mutable(10)
	which := observe.Derive(c, func(v int, ok bool) (observe.Source[int], bool) {
		if ok {
			return observe.Constant(v), true
		}
		return d, true
	})
	second := record(t, which)
	hand, ours := record(t, observe.Unwrap(which)), record(t, observe.DefaultFrom[int](c, d))
	d.Set(11)
	c.Set(1)
	d.Set(12)
	c.Set(2)
	c.Clear()
	hand.want("11 1 2 12")
	ours.want("11 1 2 12")
	second.heard()
}
