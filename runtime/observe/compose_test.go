package observe_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
)

// composition is what is made of the lens of a key that is absent at first.
type composition struct {
	name string
	of   func(t *testing.T, src *destam.Lens[string]) observe.Source[string]

	begin string // what it shows before there is anything
	heard string // when the document is set to b and to c
	set   string // what is set through it; none when it cannot be set
	doc   string // what the document has then
	told  string // what is heard of that
	gone  string // what is heard when the document's key is deleted
}

// cell is a cell with what a function hears.
func cell(t *testing.T, begin func(to *observe.Cell[string]) (stop func())) observe.Source[string] {
	c := new(observe.Cell[string])
	t.Cleanup(begin(c))
	return c
}

var compositions = []composition{
	{"Mutable", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Unwrap(observe.Mutable(src))
	}, "-", "b c", "x", "x", "x", "-"},
	{"Immutable", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Immutable(src)
	}, "-", "b c", "", "c", "", "-"},
	{"Setter", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Setter(src, func(v string, set func(string) bool) bool { return set(v + "!") })
	}, "-", "b c", "x", "x!", "x!", "-"},
	{"Map", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Map(src, strings.ToUpper)
	}, "-", "B C", "", "c", "", "-"},
	{"Derive", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Derive(src, func(v string, ok bool) (string, bool) { return fmt.Sprint(v, ok), v != "b" })
	}, "false", "- ctrue", "", "c", "", "false"},
	{"TwoWay", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.TwoWay(src, strings.ToUpper, strings.ToLower)
	}, "-", "B C", "X", "x", "X", "-"},
	{"All", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		all := observe.All[string](src, observe.Mutable("1"))
		return observe.TwoWay(all, func(vs []string) string { return strings.Join(vs, "+") },
			func(s string) []string { return strings.Split(s, "+") })
	}, "+1", "b+1 c+1", "x+2", "x", "x+1 x+2", "+2"},
	{"Unwrap", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Unwrap(observe.Derive(observe.Mutable(0), func(int, bool) (*destam.Lens[string], bool) { return src, true }))
	}, "-", "b c", "x", "x", "x", "-"},
	{"Default", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Default(src, "none")
	}, "none", "b c", "x", "x", "x", "none"},
	{"DefaultFrom", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.DefaultFrom(observe.None[string](), src)
	}, "-", "b c", "", "c", "", "-"},
	{"Memo", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Memo(src)
	}, "-", "b c", "x", "x", "x", "-"},
	{"MemoN", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.MemoN(src, 2)[1]
	}, "-", "b c", "x", "x", "x", "-"},
	{"From", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.From(func() string { v, _ := src.Get(); return v + "." }, src.Watch)
	}, ".", "b. c.", "", "c", "", "."},
	{"Effect", func(t *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return cell(t, func(to *observe.Cell[string]) func() {
			return observe.Effect(src, func(v string, ok bool) func() {
				to.Set(show(v, ok))
				return func() { to.Set("past " + v) }
			})
		})
	}, "-", "past  b past b c", "", "c", "", "past c -"},
	{"Changes", func(t *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return cell(t, func(to *observe.Cell[string]) func() {
			over, stop := context.WithCancel(t.Context())
			go func() {
				for c, err := range observe.Changes(over, src) {
					if err == nil {
						to.Set(show(c.New, !c.Absent))
					}
				}
			}()
			return stop
		})
	}, "-", "b c", "", "c", "", "-"},
	{"Defined", func(t *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return cell(t, func(to *observe.Cell[string]) func() {
			over, stop := context.WithCancel(t.Context())
			go func() {
				if v, err := observe.Defined(over, src, func(v string) bool { return v > "b" }); err == nil {
					to.Set(v)
				}
			}()
			return stop
		})
	}, "-", "c", "", "c", "", ""},
	{"Selector", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.TwoWay(observe.Select(src).At("b"), func(is bool) string { return fmt.Sprint(is) }, func(s string) bool { return s == "true" })
	}, "false", "true false", "true", "b", "true", "false"},
	{"Lifetime", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Lifetime(src, func() func() {
			src.Set("a") // and is taken away with the last watcher
			return func() { src.Clear() }
		})
	}, "a", "b c", "x", "x", "x", "-"},
	{"Throttle", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Throttle(src, time.Second)
	}, "-", "b c", "x", "x", "x", "-"},
	{"Wait", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		return observe.Wait(src, time.Second)
	}, "-", "b c", "x", "x", "x", "-"},
	{"Timer", func(_ *testing.T, src *destam.Lens[string]) observe.Source[string] {
		tick := observe.Map(observe.Timer(7*time.Second), func(n int) string { return fmt.Sprint("tick", n) })
		return observe.Map(observe.All[string](src, tick), func(vs []string) string { return strings.Join(vs, " ") })
	}, " tick0", "b tick0 c tick0", "", "c", "c tick1", " tick1"},
}

// TestComposition makes something of a document's lens with each constructor:
// what changes in the document is heard through it, and what is set through
// it is in the document. Each change is a while after the one before it.
func TestComposition(t *testing.T) {
	for _, c := range compositions {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { compose(t, c) })
		})
	}
}

func compose(t *testing.T, c composition) {
	note := newNote(t, notes.Note{})
	at := note.Observe().Meta().At("k")
	later := func() {
		synctest.Wait()
		time.Sleep(2 * time.Second)
		synctest.Wait()
	}
	src := c.of(t, at)
	r := record(t, src)
	later()
	r.want("")
	wantGet(t, src, c.begin)
	note.Meta().Set("k", "b")
	later()
	if err := note.Update(func(n *notes.ONote) error {
		n.Meta().Set("k", "not heard of")
		n.Meta().Set("k", "c")
		return nil
	}); err != nil {
		t.Error(err)
	}
	later()
	r.want(c.heard)
	if c.set != "" {
		if !src.(interface{ Set(string) bool }).Set(c.set) {
			t.Error("Set gives false")
		}
	} else if l, ok := src.(*observe.Lens[string]); ok && l.CanSet() {
		t.Error("it can be set")
	}
	later()
	if got, _ := note.Meta().Get("k"); got != c.doc {
		t.Errorf("the document has %q, want %q", got, c.doc)
	}
	r.want(c.told)
	note.Meta().Delete("k")
	later()
	r.want(c.gone)
}
