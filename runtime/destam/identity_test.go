package destam

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// TestDiamond holds one object in three places and takes it out of them in
// every order: while it is in one of them, a change in it is heard of once, over
// a place that it is in; after that only by who watches the object.
// (destam 39, 106, 108 to 113, 164, 196, 197, 200)
func TestDiamond(t *testing.T) {
	orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, order := range orders {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			p := newPlot(t, Options{})
			p.Beds().Clear()
			p.Rooms().Clear()
			h := p.Best()
			at := []string{"best", "beds.0", "rooms.7"}
			var stop, stopOwn func()
			told := overhear(func(fn func(*Commit)) func() { stop = p.Watch(fn); return stop })
			own := overhear(func(fn func(*Commit)) func() { stopOwn = h.Watch(fn); return stopOwn })
			if err := errors.Join(p.Beds().Link(0, h), p.Rooms().Link(7, h)); err != nil {
				t.Fatal(err)
			}
			if len(*told) != 2 || !strings.HasPrefix((*told)[0], "insert beds.0") || !strings.HasPrefix((*told)[1], "insert rooms.7") {
				t.Errorf("put in two more places, heard %q", *told) // (106)
			}
			expect := func(n int) {
				t.Helper()
				before := len(*told)
				h.SetPlant(fmt.Sprint("plant ", len(*own)))
				news := (*told)[before:]
				if len(news) != min(n, 1) {
					t.Fatalf("in %d places: heard %q", n, news)
				}
				for _, s := range news {
					if !slices.ContainsFunc(at, func(place string) bool { return strings.HasPrefix(s, "modify "+place+".plant") }) {
						t.Errorf("heard %q, it is at %q", s, at)
					}
				}
			}
			expect(3)
			if s := (*told)[2]; !strings.HasPrefix(s, "modify best.plant") {
				t.Errorf("the first place is best, heard %q", s)
			}
			out := []func(){p.ClearBest, func() { p.Beds().Remove(0, 1) }, func() { p.Rooms().Delete(7) }}
			gone := []string{"best", "beds.0", "rooms.7"}
			for i, k := range order {
				out[k]()
				at = slices.DeleteFunc(at, func(s string) bool { return s == gone[k] })
				expect(2 - i)
			}
			if !Detached(h) || len(*own) != 4 {
				t.Errorf("detached %v, the object itself heard %q", Detached(h), *own)
			}
			if err := p.Beds().Link(0, h); err != nil {
				t.Fatal(err)
			}
			at = []string{"beds.0"}
			expect(1)
			before := len(*told)
			stop() // (164)
			if h.SetPlant("unheard"); len(*told) != before || len(*own) != 6 {
				t.Errorf("who stopped and who watches the object heard %q and %q", *told, *own)
			}
			stopOwn()
			if h.SetPlant("unheard of"); len(*own) != 6 {
				t.Errorf("after stop, heard %q", *own)
			}
		})
	}
}

// TestMoved moves objects within their document, by Move, by Swap, and from
// place to place: the handle, what listens to it and what is in it stay.
// (destam 295, 297, 298, 300, 301, 311, 313, 338)
// (destam 26, 33 to 35)
func TestMoved(t *testing.T) {
	for name, move := range map[string]func(o *OGarden, h *OBed) error{
		"in its array":          func(o *OGarden, _ *OBed) error { o.Beds().Move(0, 1); return nil },
		"with another":          func(o *OGarden, _ *OBed) error { o.Beds().Swap(0, 1); return nil },
		"to another array":      func(o *OGarden, h *OBed) error { o.Beds().Remove(0, 1); return o.Beds().At(0).Sub().Link(0, h) },
		"to a map":              func(o *OGarden, h *OBed) error { o.Beds().Remove(0, 1); return o.Rooms().Link(9, h) },
		"first in, then out":    func(o *OGarden, h *OBed) error { err := o.Rooms().Link(9, h); o.Beds().Remove(0, 1); return err },
		"out, changed, back in": func(o *OGarden, h *OBed) error { o.Beds().Remove(0, 1); return o.Beds().Link(1, h) },
	} {
		for _, update := range []bool{true, false} {
			t.Run(fmt.Sprint(name, update), func(t *testing.T) {
				p := newPlot(t, Options{})
				h := p.Beds().At(0)
				sub := h.Sub().At(0)
				var own []told
				heard := []told{{"rose", "lily"}}
				h.Observe().Plant().Watch(tell[string](&own))
				all := overhear(p.Watch)
				err := error(nil)
				if update {
					err = p.Update(func(o *OGarden) error { return move(o, h) })
				} else {
					err = move(p.OGarden, h)
				}
				h.SetPlant("lily")
				sub.SetWet(true)
				if err != nil || h.Sub().At(0) != sub || Detached(h) {
					t.Error(err, "the object is another")
				}
				if !slices.Equal(own, heard) {
					t.Errorf("who watches it heard %v", own)
				}
				if last := (*all)[len(*all)-1]; !strings.HasSuffix(last, "wet: false to true") {
					t.Errorf("a change in what is in it was heard as %q", last)
				}
				if err := p.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				again, err := p.table.At(t.Context(), p.ID(), p.Version())
				if diff := cmp.Diff(p.Snapshot(), again, ignoreTable); diff != "" || err != nil {
					t.Errorf("the store has something else: %s %v", diff, err)
				}
			})
		}
	}
}

// TestNotLinked refuses what would break the tree, and changes nothing.
// (destam 105, 135, 198, 349, 350, 354 are about circles, which there are none of
// here)
func TestNotLinked(t *testing.T) {
	p := newPlot(t, Options{})
	other, err := p.table.Create(t.Context(), Garden{Beds: []Bed{{Plant: "x"}}, Query: GardenQuery{Slug: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	told := overhear(p.Watch)
	was := p.Snapshot()
	top := p.Beds().At(0)
	for name, c := range map[string]struct {
		link func() error
		want error
	}{
		"of another document":      {func() error { return p.Beds().Link(0, other.Beds().At(0)) }, doc.ErrForeign},
		"the same in a map":        {func() error { return p.Rooms().Link(5, other.Beds().At(0)) }, doc.ErrForeign},
		"into itself":              {func() error { return top.Sub().Link(0, top) }, doc.ErrCycle},
		"into what is below it":    {func() error { return top.Sub().At(0).Sub().Link(0, top) }, doc.ErrCycle},
		"the same inside a change": {func() error { return p.Update(func(o *OGarden) error { return o.Beds().At(0).Sub().Link(0, top) }) }, doc.ErrCycle},
	} {
		if err := c.link(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if diff := cmp.Diff(was, p.Snapshot(), ignoreTable); diff != "" || len(*told) > 0 {
		t.Errorf("something was changed: %s %v", diff, *told)
	}
}

// TestNestedWrites has listeners that write: what they write becomes the next
// commit, everybody hears of both in order, and a value that is counted up from
// where it is watched reaches its end. (destam 46, 47, 50, 52, 201, 202, 230)
func TestNestedWrites(t *testing.T) {
	p := newPlot(t, Options{})
	p.Observe().Rate().Watch(func(c Change[float64]) {
		if c.New < 11 {
			p.SetRate(c.New + 1)
		}
	})
	p.SetRate(0)
	if v := p.Snapshot().Rate; v != 11 {
		t.Errorf("counted to %v", v)
	}

	for _, update := range []bool{true, false} { // (46, 47)
		p = newPlot(t, Options{})
		p.Tools().Clear()
		p.Tools().Watch(func(c *Commit) {
			if p.Tools().Len() == 2 {
				p.Tools().Append("3", "4")
			}
		})
		first, second := overhear(p.Tools().Watch), overhear(p.Watch)
		push := func(o *OGarden) error { o.Tools().Append("1"); o.Tools().Append("2"); return nil }
		want := []string{`insert tools.0: "1"`, `insert tools.1: "2"`, `insert tools.2: "3"; insert tools.3: "4"`}
		err := error(nil)
		if update {
			err = p.Update(push)
			want = []string{want[0] + "; " + want[1], want[2]}
		} else {
			err = push(p.OGarden)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{want, want}, [][]string{*first, *second}); diff != "" {
			t.Errorf("in an Update %v: %s", update, diff)
		}
	}
	p.Observe().Name().Watch(func(Change[string]) { p.SetRate(1) })
	p.Observe().Name().Watch(func(Change[string]) { p.SetRate(2) })
	third := overhear(p.Observe().Rate().WatchCommit)
	p.SetName("x")
	if diff := cmp.Diff([]string{"modify rate: 4.5 to 1", "modify rate: 1 to 2"}, *third); diff != "" {
		t.Error(diff)
	}
}
