package destam

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestObjectEvents sets fields and objects, and holds what who watches all
// hears, what who watches one object hears, what who looks at a place does, and
// that who looks where nothing ever is hears nothing.
// (destam 43, 45, 48, 88, 89, 94, 95, 96, 161, 163, 166, 168, 179, 190 to 193, 195, 200, 211, 212)
func TestObjectEvents(t *testing.T) {
	for _, c := range []struct {
		number string // in destam's catalogue
		edit   func(o *OGarden)
		all    []string // of the document
		best   []string // on the way to the plant of the best bed, and below
	}{
		{"88, 94, 95, 188", func(o *OGarden) { o.Best().SetPlant("pear"); o.Best().Sub().Append(Bed{}) },
			[]string{`modify best.plant: "apple" to "pear"`, "insert best.sub.0: a destam.Bed"},
			[]string{`modify best.plant: "apple" to "pear"`}},
		{"89, 190", func(o *OGarden) {
			o.ClearBest()
			o.SetBest(Bed{Plant: "plum"})
			o.Best().SetPlant("pear")
		}, []string{"delete best", "insert best: a destam.Bed", `modify best.plant: "plum" to "pear"`},
			[]string{"delete best", "insert best: a destam.Bed", `modify best.plant: "plum" to "pear"`}},
		{"43, 45, 48", func(o *OGarden) {
			o.Update(func(o *OGarden) error {
				o.SetName("x")
				o.SetName("y")
				o.SetRate(1)
				o.SetRate(4.5)
				o.Tools().Append("a")
				o.Tools().Append("b")
				return nil
			})
		}, []string{`insert tools.2: "a"; insert tools.3: "b"; modify name: "Eden" to "y"`}, nil},
		{"96", func(o *OGarden) { o.ClearBest(); o.SetName("x") }, []string{"delete best", `modify name: "Eden" to "x"`}, []string{"delete best"}},
		{"123, 200, 207", func(o *OGarden) {
			h := o.Best()
			o.ClearBest()
			o.Update(func(o *OGarden) error { return o.Rooms().Link(3, h) })
		}, []string{"delete best", "insert rooms.3: a destam.Bed"}, []string{"delete best"}},
		{"161, 166, 168", func(o *OGarden) { o.SetName("1"); o.SetName("2"); o.SetName("2"); o.SetName("1") },
			[]string{`modify name: "Eden" to "1"`, `modify name: "1" to "2"`, `modify name: "2" to "1"`}, nil},
		{"179, 193, 195", func(o *OGarden) { o.Best().SetWet(true); o.SetBest(Bed{Plant: "plum"}); o.Best().SetPlant("x") },
			[]string{"modify best.wet: false to true", "modify best: a *destam.OBed to a destam.Bed", `modify best.plant: "plum" to "x"`},
			[]string{"modify best: a *destam.OBed to a destam.Bed", `modify best.plant: "plum" to "x"`}},
		{"191, 192", func(o *OGarden) { o.ClearOpened() }, []string{"delete opened"}, nil},
		{"211, 212", func(o *OGarden) {
			at := o.Observe()
			at.Best().Plant().Set("pear")
			at.Signs().At("new").Set("red")
			at.Rooms().At(1).Wet().Set(true)
		}, []string{`modify best.plant: "apple" to "pear"`, `insert signs.new: "red"`, "modify rooms.1.wet: false to true"},
			[]string{`modify best.plant: "apple" to "pear"`}},
	} {
		t.Run(c.number, func(t *testing.T) {
			p := newPlot(t, Options{})
			stopped := overhear(func(fn func(*Commit)) func() { p.Watch(fn)(); return nil }) // (163)
			all, best := overhear(p.Watch), overhear(p.Observe().Best().Plant().WatchCommit)
			nowhere := overhear(p.Observe().Rooms().At(9).Plant().WatchCommit) // (96)
			c.edit(p.OGarden)
			if len(*nowhere) > 0 {
				t.Errorf("of what is not there, heard %v", *nowhere)
			}
			if diff := cmp.Diff(c.all, *all); diff != "" {
				t.Errorf("of all (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.best, *best); diff != "" {
				t.Errorf("of the best bed's plant (-want +got):\n%s", diff)
			}
			if len(*stopped) > 0 {
				t.Errorf("who stopped before heard %v", *stopped)
			}
		})
	}
}

// TestUpdateNested makes Updates inside Updates: together they are one commit,
// and one that fails leaves out its own part. (destam 43, 45; nested atomic is
// one commit, unlike there)
func TestUpdateNested(t *testing.T) {
	p := newPlot(t, Options{})
	told := overhear(p.Watch)
	no := errors.New("no")
	err := p.Update(func(o *OGarden) error {
		o.SetName("x")
		if err := o.Update(func(o *OGarden) error { o.SetRate(1); return nil }); err != nil {
			return err
		}
		if err := o.Update(func(o *OGarden) error { o.SetRate(2); o.Tools().Clear(); return no }); err != no {
			t.Errorf("the inner one gave %v", err)
		}
		o.Tools().Append("saw")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(*told, []string{`insert tools.2: "saw"; modify name: "Eden" to "x"; modify rate: 4.5 to 1`}) {
		t.Errorf("heard %q", *told)
	}
}
