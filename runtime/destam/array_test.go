package destam

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// overhear notes what a listener is told, commit by commit, as people read it.
func overhear(watch func(func(*Commit)) func()) *[]string {
	var said []string
	watch(func(c *Commit) {
		var xs []string
		for _, x := range c.Deltas {
			xs = append(xs, x.String())
		}
		slices.Sort(xs)
		said = append(said, strings.Join(xs, "; "))
	})
	return &said
}

// TestArrayEdits makes every edit of an array of values, and holds what it
// leaves and what it tells. Of each commit the deltas are as few as positions
// allow. (destam 11, 13, 14, 16 to 18, 23 to 25, 27, 29, 191)
func TestArrayEdits(t *testing.T) {
	for _, c := range []struct {
		number string // in destam's catalogue
		edit   func(a Array[string]) any
		gives  any
		want   []string
		told   []string
	}{
		{"11", func(a Array[string]) any { a.Clear(); a.Append("x"); return fmt.Sprint(a.Len(), a.At(0)) }, "1x",
			[]string{"x"}, []string{`delete tools.0; delete tools.0`, `insert tools.0: "x"`}},
		{"13", func(a Array[string]) any { a.Append("c", "d"); return a.Len() }, 4,
			[]string{"a", "b", "c", "d"}, []string{`insert tools.2: "c"; insert tools.3: "d"`}},
		{"14, 16, 27", func(a Array[string]) any { a.Append("c"); a.Set(1, "x"); a.Set(0, "y"); return a.Len() }, 3,
			[]string{"y", "x", "c"}, []string{`insert tools.2: "c"`, `modify tools.1: "b" to "x"`, `modify tools.0: "a" to "y"`}},
		{"17: shrink", func(a Array[string]) any { return a.Splice(0, 2, "x") }, []string{"a", "b"},
			[]string{"x"}, []string{`delete tools.1; modify tools.0: "a" to "x"`}},
		{"17: same size", func(a Array[string]) any { return a.Splice(0, 2, "x", "b") }, []string{"a", "b"},
			[]string{"x", "b"}, []string{`modify tools.0: "a" to "x"`}},
		{"17: grow", func(a Array[string]) any { return a.Splice(1, 1, "b", "c", "d") }, []string{"b"},
			[]string{"a", "b", "c", "d"}, []string{`insert tools.2: "c"; insert tools.3: "d"`}},
		{"17: in the middle", func(a Array[string]) any { a.Append("c", "d"); return a.Splice(1, 2, "x") }, []string{"b", "c"},
			[]string{"a", "x", "d"}, []string{`insert tools.2: "c"; insert tools.3: "d"`, `delete tools.2; modify tools.1: "b" to "x"`}},
		{"17: the last", func(a Array[string]) any { return a.Splice(a.Len()-1, 1) }, []string{"b"}, []string{"a"}, []string{`delete tools.1`}},
		{"17: where others came in between", func(a Array[string]) any {
			a.Insert(1, "d")
			a.Insert(1, "c")
			return a.Splice(1, 2, "x", "y")
		}, []string{"c", "d"}, []string{"a", "x", "y", "b"},
			[]string{`insert tools.1: "d"`, `insert tools.1: "c"`, `modify tools.1: "c" to "x"; modify tools.2: "d" to "y"`}},
		{"17: nothing", func(a Array[string]) any { return len(a.Splice(1, 0)) }, 0, []string{"a", "b"}, nil},
		{"18", func(a Array[string]) any {
			a.Insert(0, "1")
			a.Insert(0, "3")
			a.Insert(0, "2")
			a.Remove(4, 1)
			return a.Splice(0, 1)
		}, []string{"2"},
			[]string{"3", "1", "a"}, []string{`insert tools.0: "1"`, `insert tools.0: "3"`, `insert tools.0: "2"`, `delete tools.4`, `delete tools.0`}},
		{"23", func(a Array[string]) any { a.Insert(1, "x"); return nil }, nil, []string{"a", "x", "b"}, []string{`insert tools.1: "x"`}},
		{"24", func(a Array[string]) any { return a.Splice(0, a.Len()) }, []string{"a", "b"}, nil, []string{`delete tools.0; delete tools.0`}},
		{"25", func(a Array[string]) any { a.Set(0, "a"); a.Splice(0, 2, "a", "b"); a.Swap(0, 0); return nil }, nil, []string{"a", "b"}, nil},
		{"29", func(a Array[string]) any {
			var was any
			a.Watch(func(c *Commit) { was = c.Deltas[0].Old() })
			a.Remove(0, 1)
			return was
		}, "a", []string{"b"}, []string{`delete tools.0`}},
		{"a move", func(a Array[string]) any { a.Move(0, 1); return nil }, nil, []string{"b", "a"}, []string{`delete tools.0; insert tools.1: "a"`}},
		{"a swap", func(a Array[string]) any { a.Swap(0, 1); return nil }, nil, []string{"b", "a"},
			[]string{`modify tools.0: "a" to "b"; modify tools.1: "b" to "a"`}},
		{"Clear", func(a Array[string]) any { a.Clear(); a.Clear(); return a.Len() }, 0, nil, []string{`delete tools.0; delete tools.0`}},
	} {
		t.Run(c.number, func(t *testing.T) {
			p := newPlot(t, Options{})
			p.Tools().Assign([]string{"a", "b"})
			told := overhear(p.Tools().Watch)
			if diff := cmp.Diff(c.gives, c.edit(p.Tools())); diff != "" {
				t.Errorf("it gave (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.want, p.Tools().Snapshot()); diff != "" {
				t.Errorf("it left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.told, *told); diff != "" {
				t.Errorf("it told (-want +got):\n%s", diff)
			}
		})
	}
}

// TestArrayMade reads, in order, what a document was created with. (destam 12)
func TestArrayMade(t *testing.T) {
	p := newPlot(t, Options{})
	var tools, plants []string
	for i, v := range p.Tools().All() {
		tools = append(tools, fmt.Sprint(i, v))
	}
	for i, h := range p.Beds().All() {
		plants = append(plants, fmt.Sprint(i, h.Plant()))
	}
	if diff := cmp.Diff([][]string{{"0rake", "1hoe"}, {"0rose", "1oak"}}, [][]string{tools, plants}); diff != "" {
		t.Error(diff)
	}
}

// TestLoopsChange changes in loops what they are over: they are of what was there
// when they began, and hold no lock.
func TestLoopsChange(t *testing.T) {
	p := newPlot(t, Options{})
	p.Signs().Assign(map[string]Colour{"a": "red", "b": "blue"})
	p.Rooms().Assign(map[int]Bed{-1: {Plant: "fern"}, 2: {Plant: "moss"}})
	got := map[string][]string{}
	saw := func(loop string, at, v any) { got[loop] = append(got[loop], fmt.Sprintf("%v%v", at, v)) }
	for i, v := range p.Tools().All() {
		saw("array", i, v)
		p.Tools().Splice(0, p.Tools().Len(), "new")
	}
	for v := range p.Observe().Beds().Each().Plant().All() {
		saw("lens", "", v)
		p.Beds().At(1).SetPlant("new")
	}
	for i, h := range p.Beds().All() {
		saw("objects", i, h.Plant())
		p.Beds().Clear()
	}
	for k, v := range p.Signs().All() {
		saw("map", k, v)
		p.Signs().Clear()
	}
	for k, h := range p.Rooms().All() {
		saw("object map", k, h.Plant())
		p.Rooms().Delete(2)
	}
	want := map[string][]string{"array": {"0rake", "1hoe"}, "lens": {"rose", "oak"}, "objects": {"0rose", "1new"},
		"map": {"ared", "bblue"}, "object map": {"-1fern", "2moss"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestArrayFill sets every element to one value: those that have it are not
// touched. (destam 36)
func TestArrayFill(t *testing.T) {
	p := newPlot(t, Options{})
	p.Grid().Assign([][]int{{1}, {2}, nil})
	told := overhear(p.Grid().Watch)
	p.Grid().Splice(0, 3, []int{2}, []int{2}, []int{2})
	if diff := cmp.Diff([]string{"modify grid.0: [1] to [2]; modify grid.2: [] to [2]"}, *told); diff != "" {
		t.Error(diff)
	}
}

// TestArrayMisuse holds that a wrong index panics with what is wrong, and
// changes nothing. (destam 37)
func TestArrayMisuse(t *testing.T) {
	p := newPlot(t, Options{})
	a, b := p.Tools(), p.Beds()
	for name, f := range map[string]func(){
		"At": func() { a.At(2) }, "At -1": func() { a.At(-1) }, "Set": func() { a.Set(2, "x") }, "Insert": func() { a.Insert(3, "x") },
		"Insert -1": func() { a.Insert(-1, "x") }, "Remove": func() { a.Remove(1, 2) }, "Remove -1": func() { a.Remove(0, -1) },
		"Splice": func() { a.Splice(1, 2, "x") }, "Splice -1": func() { a.Splice(-1, 1) }, "Move": func() { a.Move(0, 2) },
		"Swap": func() { a.Swap(2, 0) }, "object": func() { b.At(2) }, "objects": func() { b.Splice(3, 0, Bed{}) },
		"Link": func() { b.Link(9, b.At(0)) },
	} {
		if said := panics(f); !strings.Contains(said, "out of range") {
			t.Errorf("%s: %s", name, said)
		}
	}
	if _, ok := a.Get(2); ok {
		t.Error("Get of what is not there")
	}
	if diff := cmp.Diff(eden().Tools, a.Snapshot()); diff != "" || b.Len() != 2 {
		t.Error(diff)
	}
}

// TestArrayMany makes many elements in one place and at the end, and plays with
// arrays of objects at random beside a slice: the order, the handles and who
// hears of what are right at any time. (destam 30, 31, 39, 41, 42)
func TestArrayMany(t *testing.T) {
	p := newPlot(t, Options{})
	for i := range 128 {
		p.Tools().Insert(1, fmt.Sprint("m", i))
	}
	for i := range 512 {
		p.Tools().Append(fmt.Sprint("e", i))
	}
	if v := p.Tools().Snapshot(); len(v) != 642 || v[1] != "m127" || v[128] != "m0" || v[641] != "e511" {
		t.Errorf("%d elements: %v", len(v), v)
	}

	r := rand.New(rand.NewPCG(1, 2))
	var model []*OBed
	beds := p.Beds()
	beds.Clear()
	heard := map[*OBed]int{}
	index := func(c *Commit) { // of the delta, when it is heard of
		for _, x := range c.Deltas {
			if x.Path().Len() == 3 {
				_, i := x.Path().Step(1)
				heard[beds.At(i)]++
			}
		}
	}
	stop := beds.Watch(index)
	for step := range 2000 {
		n := len(model)
		switch k := r.IntN(8); {
		case k < 3 || n < 3:
			i := r.IntN(n + 1)
			beds.Insert(i, Bed{Plant: fmt.Sprint(step)})
			model = slices.Insert(model, i, beds.At(i))
		case k == 3:
			i := r.IntN(n)
			beds.Remove(i, 1)
			model = slices.Delete(model, i, i+1)
		case k == 4:
			i, j := r.IntN(n), r.IntN(n)
			beds.Swap(i, j)
			model[i], model[j] = model[j], model[i]
		case k == 5:
			i, j := r.IntN(n), r.IntN(n)
			beds.Move(i, j)
			h := model[i]
			model = slices.Insert(slices.Delete(model, i, i+1), j, h)
		case k == 6:
			i, m := r.IntN(n-1), r.IntN(3)
			was := beds.Splice(i, 2, make([]Bed, m)...)
			if !slices.Equal(was, model[i:i+2]) {
				t.Fatal("Splice gave other objects")
			}
			var now []*OBed
			for j := range m {
				now = append(now, beds.At(i+j))
			}
			model = slices.Replace(model, i, i+2, now...)
		case k == 7 && n > 30:
			for n := r.IntN(20); n > 0; n-- {
				model = model[1:]
				beds.Remove(0, 1)
			}
		}
		if len(model) > 0 { // every element is listened to, wherever it is
			i := r.IntN(len(model))
			before := heard[model[i]]
			model[i].SetPlant(fmt.Sprint("at ", step))
			if heard[model[i]] != before+1 {
				t.Fatalf("step %d: a change of element %d was heard %d times", step, i, heard[model[i]]-before)
			}
			if at, ok := beds.IndexOf(model[i]); !ok || at != i {
				t.Fatalf("step %d: element %d is found at %d %v", step, i, at, ok)
			}
		}
	}
	var now []*OBed
	for _, h := range beds.All() {
		now = append(now, h)
	}
	if !slices.Equal(now, model) {
		t.Error("the array is not what it should be")
	}
	if beds.Clear(); beds.Len() != 0 {
		t.Errorf("%d elements are left", beds.Len())
	}
	stop()
	stop()
}

// TestArrayUndo undoes what an Update did to arrays: values, order and the
// objects themselves are exactly as before, and who listens to an element goes
// on. (destam 1.3, 41)
func TestArrayUndo(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := newPlot(t, Options{})
	for i := range 20 {
		p.Beds().Append(Bed{Plant: fmt.Sprint(i)})
	}
	told := overhear(p.Watch)
	no := errors.New("no")
	for range 50 {
		var before []*OBed
		for _, h := range p.Beds().All() {
			before = append(before, h)
		}
		was := p.Snapshot()
		if err := p.Update(func(o *OGarden) error {
			for range 1 + r.IntN(10) {
				n := o.Beds().Len()
				switch i := r.IntN(n); r.IntN(5) {
				case 0:
					o.Beds().Remove(i, 1)
				case 1:
					o.Beds().Insert(i, Bed{}, Bed{})
				case 2:
					o.Beds().Move(i, r.IntN(n))
				case 3:
					o.Beds().Swap(i, r.IntN(n))
				case 4:
					o.Beds().Splice(i, 1, Bed{Plant: "x"}, Bed{})
				}
			}
			o.Tools().Splice(0, 1, "x", "y")
			return no
		}); err != no {
			t.Fatal(err)
		}
		var after []*OBed
		for _, h := range p.Beds().All() {
			after = append(after, h)
		}
		if diff := cmp.Diff(was, p.Snapshot(), ignoreTable); diff != "" || !slices.Equal(before, after) {
			t.Fatalf("not as before: %s", diff)
		}
	}
	if len(*told) > 0 {
		t.Errorf("heard of %v", *told)
	}
	p.Beds().At(3).SetPlant("lily")
	if len(*told) != 1 {
		t.Errorf("heard of %v", *told)
	}
}

var ignoreTable = cmpopts.IgnoreUnexported(Garden{})
