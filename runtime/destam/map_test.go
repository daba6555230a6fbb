package destam

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMapEdits makes every edit of maps of values and of objects, with keys of
// every kind. (destam 131, 440, 441, 442, 444, 446, 449, 450)
// (destam 158, 159)
func TestMapEdits(t *testing.T) {
	a, b := ID{15: 1}, ID{15: 2}
	for _, c := range []struct {
		name string
		edit func(o *OGarden) any
		want any
		told []string
	}{
		{"a value comes", func(o *OGarden) any {
			o.Signs().Set("wall", "red")
			v, ok := o.Signs().Get("wall")
			return fmt.Sprint(v, ok)
		},
			"redtrue", []string{`insert signs.wall: "red"`}},
		{"a value changes", func(o *OGarden) any { o.Signs().Set("gate", "red"); return o.Signs().Len() }, 1,
			[]string{`modify signs.gate: "green" to "red"`}},
		{"a value stays", func(o *OGarden) any { o.Signs().Set("gate", "green"); return o.Signs().Len() }, 1, nil},
		{"a value goes", func(o *OGarden) any { return o.Signs().Delete("gate") }, true, []string{`delete signs.gate`}},
		{"none goes", func(o *OGarden) any { return o.Signs().Delete("wall") || o.Plots().Delete(a) }, false, nil},
		{"all go", func(o *OGarden) any {
			o.Signs().Set("a", "1")
			o.Signs().Clear()
			o.Signs().Clear()
			return o.Signs().Len()
		}, 0,
			[]string{`insert signs.a: "1"`, `delete signs.a; delete signs.gate`}},
		{"named values keep their type", func(o *OGarden) any { v, _ := o.Signs().Get("gate"); return v }, Colour("green"), nil},
		{"integers sort as such", func(o *OGarden) any {
			o.Rooms().Set(-3, Bed{})
			o.Rooms().Set(300, Bed{})
			return fmt.Sprint(o.Rooms().Keys())
		}, "[-3 1 300]", []string{"insert rooms.-3: a destam.Bed", "insert rooms.300: a destam.Bed"}},
		{"ids", func(o *OGarden) any {
			o.Plots().Set(b, Bed{Plant: "b"})
			o.Plots().Set(a, Bed{Plant: "a"})
			var keys []ID
			for k, h := range o.Plots().All() {
				keys = append(keys, k)
				if v, ok := o.Plots().Get(k); !ok || v != h {
					t.Error("another handle")
				}
			}
			return slices.Equal(keys, []ID{a, b})
		}, true, []string{"insert plots." + b.String() + ": a destam.Bed", "insert plots." + a.String() + ": a destam.Bed"}},
		{"an object is replaced, also by an equal one", func(o *OGarden) any {
			was, _ := o.Rooms().Get(1)
			o.Rooms().Set(1, Bed{Plant: "fern"})
			is, _ := o.Rooms().Get(1)
			return was == is
		}, false, []string{"modify rooms.1: a *destam.OBed to a destam.Bed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlot(t, Options{})
			told := overhear(p.Watch)
			if diff := cmp.Diff(c.want, c.edit(p.OGarden)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.told, *told); diff != "" {
				t.Errorf("it told (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMapListeners asks inside listeners what is there: a key that came is, one
// that went is not; and an ignored key is not heard of.
// (destam 444, 445, 446, 448, 450)
func TestMapListeners(t *testing.T) {
	p := newPlot(t, Options{})
	var said []string
	at := p.Observe()
	stop := Ignore(at.Signs(), at.Signs().At("hidden")).Watch(func(c *Commit) {
		for _, x := range c.Deltas {
			key, _ := x.Path().Step(1)
			v, ok := p.Signs().Get(key)
			said = append(said, fmt.Sprint(x.Op(), " ", key, " ", v, ok))
		}
	})
	p.Signs().Set("gate", "red")
	p.Signs().Set("hidden", "red")
	p.Signs().Set("wall", "blue")
	p.Signs().Clear()
	if diff := cmp.Diff([]string{"modify gate redtrue", "insert wall bluetrue", "delete gate false", "delete wall false"}, said); diff != "" {
		t.Error(diff)
	}
	stop()
	if v, ok := at.Rooms().At(1).Plant().Get(); v != "fern" || !ok {
		t.Error(v, ok)
	}
}

// TestMapRekey moves objects from key to key: who watches a key follows the
// key, who watches an object the object. (destam 452, 453, 455)
func TestMapRekey(t *testing.T) {
	p := newPlot(t, Options{})
	h, _ := p.Rooms().Get(1)
	var one, two, own []told
	p.Observe().Rooms().At(1).Plant().Watch(tell[string](&one))
	p.Observe().Rooms().At(2).Plant().Watch(tell[string](&two))
	h.Observe().Plant().Watch(tell[string](&own))
	rekey := func(from, to int) {
		if err := p.Update(func(o *OGarden) error {
			o.Rooms().Delete(from)
			return o.Rooms().Link(to, h)
		}); err != nil {
			t.Fatal(err)
		}
	}
	rekey(1, 2)
	h.SetPlant("ivy")
	rekey(2, 1)
	rekey(1, 2)
	rekey(2, 3)
	h.SetPlant("moss")
	if diff := cmp.Diff([]told{{"fern", nil}, {nil, "ivy"}, {"ivy", nil}}, one); diff != "" {
		t.Errorf("the old key: %s", diff)
	}
	if diff := cmp.Diff([]told{{nil, "fern"}, {"fern", "ivy"}, {"ivy", nil}, {nil, "ivy"}, {"ivy", nil}}, two); diff != "" {
		t.Errorf("the new key: %s", diff)
	}
	if diff := cmp.Diff([]told{{"fern", "ivy"}, {"ivy", "moss"}}, own); diff != "" {
		t.Errorf("the object: %s", diff)
	}
	if is, _ := p.Rooms().Get(3); is != h {
		t.Error("another object")
	}
}
