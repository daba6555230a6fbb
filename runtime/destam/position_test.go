package destam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
)

// TestPosition follows elements by their positions while others come and go:
// what an index is, and was, for each, and when it is told of.
// (destam 21, 26, 33, 34, 35)
func TestPosition(t *testing.T) {
	b := open(t, memory.Open(nil), nil)
	o := b.create(Card{Tags: []string{"a", "b", "c"}, Lines: []Line{{Text: "1"}, {Text: "2"}}})
	tags, lines := o.Tags(), o.Lines()
	second, line := PositionOf(tags, 1), PositionOf(lines, 1)
	if second == PositionOf(tags, 0) || second != PositionOf(tags, 1) {
		t.Error("positions are not what tells elements apart")
	}
	tags.Insert(0, "first", "then")
	lines.Remove(0, 1)
	if i, ok := IndexOf(tags, second); i != 3 || !ok || tags.At(i) != "b" {
		t.Errorf("b is at %d, %v", i, ok)
	}
	if i, ok := IndexOf(lines, line); i != 0 || !ok {
		t.Errorf("the line is at %d, %v", i, ok)
	}
	then := PositionOf(tags, 1)
	var heard []string
	defer tags.Watch(func(c *Commit) {
		for _, x := range c.Deltas {
			_, at := x.Path().Step(1)
			heard = append(heard, fmt.Sprint(x.Op(), at, tags.At(at)))
		}
	})()
	for at, v := range map[Position]string{second: "B", then: "Then"} {
		i, _ := IndexOf(tags, at)
		if tags.Set(i, v); tags.At(i) != v {
			t.Errorf("%s was set at %d", v, i)
		}
	}
	for _, v := range []string{"x", "y", "z"} {
		tags.Append(v)
	}
	slices.Sort(heard[:2]) // whichever was first
	if diff := cmp.Diff([]string{"modify 1Then", "modify 3B", "insert 5x", "insert 6y", "insert 7z"}, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	for at, want := range map[Position]int{second: 3, then: 1} {
		if i, ok := IndexOf(tags, at); i != want || !ok {
			t.Errorf("what was set is at %d, %v", i, ok)
		}
	}
	tags.Remove(3, 1)
	if i, ok := IndexOf(tags, second); i != 3 || ok {
		t.Errorf("what was taken out would be at %d, %v", i, ok)
	}
	if i, ok := IndexOf(tags, Position{}); i != -1 || ok {
		t.Errorf("no element is at %d, %v", i, ok)
	}
	if said := panics(func() { PositionOf(tags, 9) }); !strings.Contains(said, "out of range") {
		t.Errorf("a position of nothing panics with %q", said)
	}
	var bound []int
	if err := o.Update(func(o *OCard) error {
		o.Tags().Insert(0, "x")
		i, _ := IndexOf(o.Tags(), PositionOf(o.Tags(), 2))
		bound = append(bound, i)
		return nil
	}); err != nil || len(bound) != 1 || bound[0] != 2 {
		t.Errorf("in an Update: %v, %v", bound, err)
	}
}

// TestPositionRenumbered takes positions of an array that is numbered anew: who
// comes with one from before is told, and gets no other element.
// (destam 33)
func TestPositionRenumbered(t *testing.T) {
	opts := &Options{}
	opts.tuning.keyBound = 6
	b := open(t, memory.Open(nil), opts)
	o := b.create(Card{Tags: []string{"a", "b"}})
	first := PositionOf(o.Tags(), 0)
	for range 400 {
		o.Tags().Insert(o.Tags().Len()/2, "x")
	}
	if i, ok := IndexOf(o.Tags(), first); ok || i != -1 {
		t.Errorf("a position from before gives %d, %v", i, ok)
	}
	if i, ok := IndexOf(o.Tags(), PositionOf(o.Tags(), 7)); !ok || i != 7 {
		t.Errorf("one from now gives %d, %v", i, ok)
	}
}

// TestLensClear makes values absent through lenses.
func TestLensClear(t *testing.T) {
	o := newPlot(t, Options{}).OGarden
	lens := o.Observe()
	for _, c := range []struct {
		what  string
		clear func() bool
		want  bool
	}{
		{"an optional value", lens.Opened().Clear, true},
		{"again", lens.Opened().Clear, true},
		{"a key of a map", lens.Signs().At("gate").Clear, true},
		{"a key that is not there", lens.Signs().At("gate").Clear, true},
		{"what is always there", lens.Name().Clear, false},
		{"an element of an array", lens.Tools().At(0).Clear, false},
		{"an element that is not there", lens.Tools().At(99).Clear, false},
		{"where there is no object", lens.Beds().At(99).Plant().Clear, false},
	} {
		if got := c.clear(); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	_, opened := o.Observe().Opened().Get()
	_, gate := o.Signs().Get("gate")
	if opened || gate || o.Name() != "Eden" || o.Tools().Len() == 0 {
		t.Errorf("ended as %+v", o.Snapshot())
	}
	for what, f := range map[string]func(){
		"Clear": func() { lens.Beds().Each().Plant().Clear() },
		"Set":   func() { lens.Beds().Each().Plant().Set("x") },
	} {
		if said := panics(f); !strings.Contains(said, "behind Each") {
			t.Errorf("%s behind Each panics with %q", what, said)
		}
	}
}
