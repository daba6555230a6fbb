package destam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func subBeds(l *BedLens) *BedLens { return l.Sub().Each() }

// TestGovernedLenses watches through Tree, Ignore, Shallow and At.
// (destam 95, 97, 102, 103, 207, 252, 261; 1.6)
func TestGovernedLenses(t *testing.T) {
	for _, c := range []struct {
		name  string
		watch func(o *OGarden, to *[]told)
		edit  func(o *OGarden)
		want  []told
	}{
		{"a field all over a tree", func(o *OGarden, to *[]told) {
			Tree(o.Observe().Beds().Each(), subBeds).Plant().Watch(tell[string](to))
		}, func(o *OGarden) {
			o.Beds().At(0).SetPlant("lily")
			o.Beds().At(0).Sub().At(0).SetPlant("moss")
			o.Beds().At(0).Sub().At(0).Sub().Append(Bed{Plant: "fern"})
			o.SetBest(Bed{Plant: "plum"})
			o.Beds().Remove(0, 1)
		}, []told{{"rose", "lily"}, {"clover", "moss"}, {nil, "fern"}, {"lily", nil}, {"moss", nil}, {"fern", nil}}},
		{"what is at an index", func(o *OGarden, to *[]told) {
			o.Observe().Beds().At(1).Plant().Watch(tell[string](to))
		}, func(o *OGarden) {
			o.Beds().At(0).SetPlant("lily")
			o.Beds().At(1).SetPlant("elm")
			o.Beds().Insert(0, Bed{Plant: "yew"})
			o.Beds().Remove(0, 2)
		}, []told{{"oak", "elm"}, {"elm", "lily"}, {"lily", nil}}},
		{"a value at an index", func(o *OGarden, to *[]told) {
			o.Observe().Tools().At(0).Watch(tell[string](to))
		}, func(o *OGarden) {
			o.Tools().Insert(0, "axe")
			o.Tools().Set(0, "saw")
			o.Tools().Swap(1, 2)
			o.Tools().Remove(0, 1)
		},
			[]told{{"rake", "axe"}, {"axe", "saw"}, {"saw", "hoe"}}},
		{"only the object in a field", func(o *OGarden, to *[]told) {
			Shallow(o.Observe().Best(), 0).Plant().Watch(tell[string](to))
		}, func(o *OGarden) {
			o.Best().SetPlant("pear")
			o.ClearBest()
			o.SetBest(Bed{Plant: "plum"})
			o.Best().SetPlant("fig")
		}, []told{{"pear", nil}, {nil, "plum"}}},
		{"not what is ignored", func(o *OGarden, to *[]told) {
			at := o.Observe()
			Ignore(at, at.Beds().At(0)).Beds().Each().Plant().Watch(tell[string](to))
		}, func(o *OGarden) { o.Beds().At(0).SetPlant("lily"); o.Beds().At(1).SetPlant("elm") }, []told{{"oak", "elm"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlot(t, Options{})
			var got []told
			c.watch(p.OGarden, &got)
			c.edit(p.OGarden)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestGovernedCommits gives the paths that lenses hear of.
// (destam 91, 92, 97, 99, 100, 103, 204)
func TestGovernedCommits(t *testing.T) {
	p := newPlot(t, Options{})
	at := p.Observe()
	got := map[string][]string{}
	listen := func(name string, watch func(func(*Commit)) func()) {
		watch(func(c *Commit) {
			for _, x := range c.Deltas {
				got[name] = append(got[name], x.Path().String())
			}
		})
	}
	listen("all", at.Watch)
	listen("but two", Ignore(at, at.Name(), at.Beds().Each().Sub()).Watch)
	listen("fields", Shallow(at, 1).Watch)
	listen("elements", Shallow(at, 2).Watch)
	listen("nothing", Shallow(at, 0).Watch)
	listen("plants", Tree(at.Beds().Each(), subBeds).Plant().WatchCommit)
	listen("trees", Shallow(Tree(at.Beds().Each(), subBeds), 0).Watch)
	p.SetName("x")
	p.SetRate(2)
	p.SetTyping(true)
	p.Beds().At(0).SetPlant("lily")
	p.Beds().At(0).Sub().At(0).SetWet(true)
	p.Beds().At(0).Sub().Remove(0, 1)
	p.Signs().Set("gate", "red")
	want := map[string][]string{
		"all":      {"name", "rate", "beds.0.plant", "beds.0.sub.0.wet", "beds.0.sub.0", "signs.gate"},
		"but two":  {"rate", "beds.0.plant", "signs.gate"},
		"fields":   {"name", "rate"},
		"elements": {"name", "rate", "signs.gate"},
		"plants":   {"beds.0.plant", "beds.0.sub.0"},
		"trees":    {"beds.0.sub.0"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestGovernedRead reads and sets through governors, which hide nothing there,
// and holds what misuse says. (destam 174, 175)
func TestGovernedRead(t *testing.T) {
	p := newPlot(t, Options{})
	at := p.Observe()
	plants := slices.Collect(Tree(at.Beds().Each(), subBeds).Plant().All())
	if !slices.Equal(plants, []string{"rose", "clover", "oak"}) {
		t.Error(plants)
	}
	if !Ignore(at, at.Name()).Name().Set("Arcadia") || p.Name() != "Arcadia" {
		t.Error("an ignored value was not set")
	}
	if v, ok := at.Tools().At(1).Get(); v != "hoe" || !ok {
		t.Error(v, ok)
	}
	if !at.Tools().At(1).Set("saw") || at.Tools().At(2).Set("axe") || !at.Beds().At(1).Plant().Set("elm") || at.Beds().At(2).Plant().Set("x") {
		t.Error("Set at an index")
	}
	if v := p.Snapshot(); v.Tools[1] != "saw" || v.Beds[1].Plant != "elm" {
		t.Error(v)
	}
	for name, c := range map[string]struct {
		f    func()
		said string
	}{
		"set each":        {func() { at.Beds().Each().Plant().Set("x") }, "set each by its handle"},
		"set in a tree":   {func() { Tree(at.Beds().At(0), subBeds).Plant().Set("x") }, "set each by its handle"},
		"no way down":     {func() { Tree(at.Beds().At(0), func(l *BedLens) *BedLens { return l }) }, "to the objects below it"},
		"another way":     {func() { Ignore(at.Query(), at.Name()) }, "go on from the one"},
		"not a lens type": {func() { Ignore[Observer](at, at.Name()) }, "the type that it is"},
		"too much":        {func() { Ignore(Shallow(at, 9), slices.Repeat([]Observer{Shallow(at, 9).Name()}, 8)...) }, "at most eight"},
		"index":           {func() { at.Tools().At(-1) }, "out of range"},
	} {
		if said := panics(c.f); !strings.Contains(said, c.said) {
			t.Errorf("%s panics with %q", name, said)
		}
	}
}

// TestEffect runs effects that clean up, that set what they watch, and that
// stop themselves. (destam 215, 235, 271, 278)
func TestEffect(t *testing.T) {
	p := newPlot(t, Options{})
	var said []string
	say := func(s string) func() { said = append(said, s); return func() { said = append(said, "no "+s) } }
	expect := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		said = nil
	}
	stop := p.Observe().Best().Plant().Effect(func(v string, ok bool) func() { return say(fmt.Sprint(v, ok)) })
	expect("appletrue")
	p.Best().SetPlant("pear")
	p.Best().SetPlant("pear")
	p.ClearBest()
	expect("no appletrue", "peartrue", "no peartrue", "false")
	stop()
	stop()
	p.SetBest(Bed{Plant: "plum"})
	expect("no false")

	stop = p.Observe().Rate().Effect(func(v float64, _ bool) func() {
		if v < 10 {
			p.SetRate(v + 1) // up to the fixpoint
		}
		return say(fmt.Sprint(v))
	})
	expect("4.5", "no 4.5", "5.5", "no 5.5", "6.5", "no 6.5", "7.5", "no 7.5", "8.5", "no 8.5", "9.5", "no 9.5", "10.5")
	stop()
	expect("no 10.5")

	stop = p.Observe().Beds().Each().Plant().Effect(func(v string, ok bool) func() { say(v); return nil })
	p.Beds().At(1).SetPlant("elm")
	p.Beds().Remove(0, 1)
	expect("rose", "rose", "elm")
	stop()

	stop = p.Observe().Name().Effect(func(v string, _ bool) func() {
		if v == "x" {
			panic("on purpose")
		}
		return say(v)
	})
	p.SetName("x")
	p.SetName("y")
	expect("Eden", "no Eden", "y")
	if len(p.reported) != 1 || !strings.Contains(p.reported[0].Error(), "on purpose") {
		t.Errorf("reported %v", p.reported)
	}
	p.reported = nil
	stop()

	var self func()
	self = p.Observe().Rate().Effect(func(v float64, _ bool) func() {
		if v == 1 {
			self()
		}
		return say(fmt.Sprint(v))
	})
	p.SetRate(1)
	p.SetRate(2)
	expect("no y", "10.5", "no 10.5", "1", "no 1")
}

// TestEffectPanics holds that an Effect whose first call panics has ended, and
// that a value is seen although the cleanup of the one before panics.
func TestEffectPanics(t *testing.T) {
	p := newPlot(t, Options{})
	calls := 0
	if _, what := origin(func() { p.Observe().Name().Effect(func(string, bool) func() { calls++; panic("at once") }) }); what != "at once" {
		t.Errorf("it panics with %v", what)
	}
	p.SetName("x")
	if calls != 1 || len(p.reported) > 0 {
		t.Errorf("%d calls, and reported: %v", calls, p.reported)
	}
	var seen []string
	stop := p.Observe().Name().Effect(func(v string, _ bool) func() {
		seen = append(seen, v)
		return func() {
			if v == "x" {
				panic("on purpose")
			}
			seen = append(seen, "no "+v)
		}
	})
	p.SetName("y")
	p.SetName("z")
	stop()
	if diff := cmp.Diff([]string{"x", "y", "no y", "z", "no z"}, seen); diff != "" || len(p.reported) != 1 {
		t.Errorf("reported %v (-want +got):\n%s", p.reported, diff)
	}
	p.reported = nil
}
