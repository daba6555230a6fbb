package destam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/drivers/dummy"
)

// plot is a garden in a database of its own, and what was reported of it.
type plot struct {
	*OGarden
	table    *Table[*OGarden, Garden, GardenQuery]
	mu       sync.Mutex
	reported []error
}

func newPlot(t *testing.T, opts Options) *plot {
	t.Helper()
	p := &plot{}
	opts.OnError = func(err error) {
		p.mu.Lock()
		p.reported = append(p.reported, err)
		p.mu.Unlock()
	}
	db, err := Open(t.Context(), dummy.Open(), &opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p.table = tableOf[*Table[*OGarden, Garden, GardenQuery]](db)
	if p.OGarden, err = p.table.Create(t.Context(), eden()); err != nil {
		t.Fatal(err)
	}
	return p
}

// told is a change as a test writes it down; nil is absent.
type told struct{ Old, New any }

func tell[T any](to *[]told) func(Change[T]) {
	return func(c Change[T]) {
		x := told{c.Old, c.New}
		if c.WasAbsent {
			x.Old = nil
		}
		if c.Absent {
			x.New = nil
		}
		*to = append(*to, x)
	}
}

// TestLensWatch watches every kind of place through typed lenses.
// (destam 193, 195)
func TestLensWatch(t *testing.T) {
	day := time.Date(2027, 1, 1, 12, 0, 0, 0, time.FixedZone("east", 3600))
	first := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		watch func(o *OGarden, to *[]told)
		edit  func(o *OGarden)
		want  []told
	}{
		{"a field", func(o *OGarden, to *[]told) { o.Observe().Name().Watch(tell[string](to)) },
			func(o *OGarden) { o.SetName("Arcadia"); o.SetName("Arcadia"); o.SetRate(1) },
			[]told{{"Eden", "Arcadia"}}},
		{"an optional value", func(o *OGarden, to *[]told) { o.Observe().Opened().Watch(tell[time.Time](to)) },
			func(o *OGarden) { o.ClearOpened(); o.SetOpened(day) },
			[]told{{first, nil}, {nil, day.UTC()}}},
		{"below a required object", func(o *OGarden, to *[]told) { o.Observe().Query().Slug().Watch(tell[string](to)) },
			func(o *OGarden) { o.Query().SetSlug("x") },
			[]told{{"eden", "x"}}},
		{"below an optional object", func(o *OGarden, to *[]told) { o.Observe().Best().Plant().Watch(tell[string](to)) },
			func(o *OGarden) { o.Best().SetPlant("pear"); o.ClearBest(); o.SetBest(Bed{Plant: "plum"}) },
			[]told{{"apple", "pear"}, {"pear", nil}, {nil, "plum"}}},
		{"of each object", func(o *OGarden, to *[]told) { o.Observe().Beds().Each().Wet().Watch(tell[bool](to)) },
			func(o *OGarden) { o.Beds().At(0).SetWet(true); o.Beds().Remove(1, 1); o.Beds().Append(Bed{}) },
			[]told{{false, true}, {true, nil}, {nil, false}}},
		{"two arrays deep", func(o *OGarden, to *[]told) { o.Observe().Beds().Each().Sub().Each().Plant().Watch(tell[string](to)) },
			func(o *OGarden) { o.Beds().At(1).Sub().Append(Bed{Plant: "moss"}); o.Beds().Clear() },
			[]told{{nil, "moss"}, {"clover", nil}, {"moss", nil}}},
		{"each value", func(o *OGarden, to *[]told) { o.Observe().Tools().Each().Watch(tell[string](to)) },
			func(o *OGarden) { o.Tools().Set(0, "saw"); o.Tools().Insert(0, "axe"); o.Tools().Remove(2, 1) },
			[]told{{"rake", "saw"}, {nil, "axe"}, {"hoe", nil}}},
		{"a key of a map", func(o *OGarden, to *[]told) { o.Observe().Signs().At("gate").Watch(tell[Colour](to)) },
			func(o *OGarden) { o.Signs().Set("gate", "red"); o.Signs().Set("wall", "red"); o.Signs().Delete("gate") },
			[]told{{Colour("green"), Colour("red")}, {Colour("red"), nil}}},
		{"each key of a map", func(o *OGarden, to *[]told) { o.Observe().Signs().Each().Watch(tell[Colour](to)) },
			func(o *OGarden) { o.Signs().Set("wall", "red") },
			[]told{{nil, Colour("red")}}},
		{"below a key of a map", func(o *OGarden, to *[]told) { o.Observe().Rooms().At(2).Plant().Watch(tell[string](to)) },
			func(o *OGarden) {
				o.Rooms().Set(2, Bed{Plant: "ivy"})
				o.Rooms().Set(2, Bed{Plant: "ivy"})
				o.Rooms().Set(2, Bed{})
			},
			[]told{{nil, "ivy"}, {"ivy", ""}}},
		{"three steps", func(o *OGarden, to *[]told) { o.Observe().Rooms().At(1).Plant().Watch(tell[string](to)) },
			func(o *OGarden) {
				h, _ := o.Rooms().Get(1)
				h.SetPlant("ivy")
				h.SetWet(true)
				o.Rooms().Set(2, Bed{Plant: "beside"})
				o.Rooms().Set(1, Bed{Plant: "moss"})
				o.Rooms().Delete(1)
			},
			[]told{{"fern", "ivy"}, {"ivy", "moss"}, {"moss", nil}}},
		{"below each key of a map", func(o *OGarden, to *[]told) { o.Observe().Rooms().Each().Plant().Watch(tell[string](to)) },
			func(o *OGarden) { o.Rooms().Delete(1) },
			[]told{{"fern", nil}}},
		{"bytes", func(o *OGarden, to *[]told) { o.Observe().Seal().Watch(tell[[]byte](to)) },
			func(o *OGarden) { o.SetSeal([]byte{9}) },
			[]told{{[]byte{1, 2}, []byte{9}}}},
		{"slices that are one value", func(o *OGarden, to *[]told) { o.Observe().Grid().Each().Watch(tell[[]int](to)) },
			func(o *OGarden) { o.Grid().Set(0, []int{3}) },
			[]told{{[]int{1, 2}, []int{3}}}},
		{"a local field", func(o *OGarden, to *[]told) { o.Observe().Typing().Watch(tell[bool](to)) },
			func(o *OGarden) { o.SetTyping(true) },
			[]told{{false, true}}},
		{"from a nested object", func(o *OGarden, to *[]told) { o.Beds().At(0).Observe().Plant().Watch(tell[string](to)) },
			func(o *OGarden) { o.Beds().At(1).SetPlant("elm"); o.Beds().Move(0, 1); o.Beds().At(1).SetPlant("weed") },
			[]told{{"rose", "weed"}}},
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

// TestLensRead reads and sets through lenses what the handles read and set.
// (destam 211, 212, 448)
func TestLensRead(t *testing.T) {
	p := newPlot(t, Options{})
	at := p.Observe()
	if v, ok := at.Name().Get(); v != "Eden" || !ok {
		t.Error(v, ok)
	}
	if v, ok := at.Best().Plant().Get(); v != "apple" || !ok {
		t.Error(v, ok)
	}
	if v, ok := at.Beds().Each().Plant().Get(); v != "rose" || !ok {
		t.Error(v, ok)
	}
	if v, ok := at.Rooms().At(7).Plant().Get(); v != "" || ok {
		t.Error(v, ok)
	}
	plants := slices.Collect(at.Beds().Each().Plant().All())
	if !slices.Equal(plants, []string{"rose", "oak"}) {
		t.Error(plants)
	}
	for v := range at.Beds().Each().Plant().All() { // no lock is held
		p.SetName(v)
		break
	}
	bytes, _ := at.Seal().Get()
	bytes[0] = 77
	for v := range at.Grid().Each().All() {
		v[0] = 77
	}
	if s := p.Snapshot(); s.Seal[0] != 1 || s.Grid[0][0] != 1 || s.Name != "rose" {
		t.Error("a value that was read is the document's own", s.Seal, s.Grid, s.Name)
	}

	if err := p.Beds().Link(2, p.Beds().At(0)); err != nil {
		t.Fatal(err)
	}
	if n := len(slices.Collect(at.Beds().Each().Plant().All())); n != 2 {
		t.Errorf("%d values of two objects, one of them twice", n)
	}

	day := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for what, ok := range map[string]bool{
		"name": at.Name().Set("Arcadia"), "opened": at.Opened().Set(day), "slug": at.Query().Slug().Set("arcadia"),
		"best": at.Best().Plant().Set("pear"), "sign": at.Signs().At("door").Set("blue"), "room": at.Rooms().At(1).Plant().Set("ivy"),
		"nothing there": !at.Rooms().At(9).Plant().Set("ivy"),
	} {
		if !ok {
			t.Errorf("Set of %s", what)
		}
	}
	want := eden()
	want.Name, want.Opened, want.Query.Slug, want.Best.Plant = "Arcadia", &day, "arcadia", "pear"
	want.Signs["door"] = "blue"
	want.Rooms[1] = Bed{Plant: "ivy"}
	want.Beds = append(want.Beds, want.Beds[0])
	if diff := cmp.Diff(want, p.Snapshot(), cmpopts.IgnoreUnexported(Garden{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	p.ClearBest()
	if at.Best().Plant().Set("fig") || p.Best() != nil {
		t.Error("set in an object that is absent")
	}
}

// TestLensSetRefused sets what cannot be set. (destam 174, 175)
func TestLensSetRefused(t *testing.T) {
	p := newPlot(t, Options{})
	other, err := p.table.Create(t.Context(), Garden{Query: GardenQuery{Slug: "taken"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Observe().Query().Slug().Set("taken") {
		t.Error("a value that another document has was set")
	}
	said := panics(func() { p.Observe().Beds().Each().Plant().Set("x") })
	if !strings.Contains(said, "set each by its handle") {
		t.Errorf("Set behind Each panics with %q", said)
	}
	if err := other.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if other.Observe().Name().Set("x") {
		t.Error("a deleted document was changed")
	}
	if len(p.reported) != 1 || !errors.Is(p.reported[0], ErrDeleted) {
		t.Errorf("reported %v", p.reported)
	}
	if diff := cmp.Diff(eden(), p.Snapshot(), cmpopts.IgnoreUnexported(Garden{})); diff != "" {
		t.Error(diff)
	}
}

// TestLensElementCommit asks for the commit of changes of single elements when
// the listener is done: it has the place and the values of then.
func TestLensElementCommit(t *testing.T) {
	p := newPlot(t, Options{})
	p.Tools().Assign([]string{"rake", "hoe"})
	var changes []Change[string]
	var signs []Change[Colour]
	p.Observe().Tools().Each().Watch(func(c Change[string]) { changes = append(changes, c) })
	p.Observe().Signs().Each().Watch(func(c Change[Colour]) { signs = append(signs, c) })
	p.Tools().Insert(1, "spade")
	p.Tools().Set(0, "fork")
	p.Tools().Remove(2, 1)
	p.Signs().Set("", "red")
	var got []string
	for _, c := range changes {
		got = append(got, c.Commit().Deltas[0].String())
	}
	for _, c := range signs {
		got = append(got, c.Commit().Deltas[0].String())
	}
	want := []string{`insert tools.1: "spade"`, `modify tools.0: "rake" to "fork"`, `delete tools.2`, `insert signs.: "red"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// panics gives what f panics with.
func panics(f func()) (said string) {
	defer func() { said = fmt.Sprint(recover()) }()
	f()
	return ""
}

// TestLensUpdate looks through the handles of a transaction.
func TestLensUpdate(t *testing.T) {
	p := newPlot(t, Options{})
	var got []told
	var by []string
	var origins []Origin
	var commits []*Commit
	p.Observe().Beds().Each().Plant().Watch(func(c Change[string]) {
		tell[string](&got)(c)
		commits = append(commits, c.Commit(), c.Commit())
		by, origins = append(by, c.Commit().By+c.Commit().Because), append(origins, c.Commit().Origin)
	})
	var inner *Lens[string]
	var later []told
	err := p.Update(func(o *OGarden) error {
		inner = o.Observe().Beds().Each().Plant()
		o.Beds().At(0).SetPlant("lily")
		if v, _ := inner.Get(); v != "lily" {
			t.Errorf("inside, it is %q", v)
		}
		if !o.Observe().Name().Set("Arcadia") {
			t.Error("Set inside")
		}
		inner.Watch(tell[string](&later))
		o.Beds().At(0).SetPlant("iris")
		o.Beds().Remove(1, 1)
		for _, err := range inner.Changes(t.Context()) {
			if !errors.Is(err, ErrInTransaction) {
				t.Errorf("Changes inside gave %v", err)
			}
		}
		return nil
	}, By("ann"), Because("spring"))
	if err != nil {
		t.Fatal(err)
	}
	if all := slices.Compact(commits); len(all) != 1 || len(all[0].Deltas) != 3 {
		t.Errorf("the changes of one commit are in %d", len(all))
	}
	want := []told{{"rose", "iris"}, {"oak", nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Equal(by, []string{"annspring", "annspring"}) || origins[0] != Local {
		t.Error(by, origins)
	}
	if len(later) > 0 {
		t.Errorf("subscribed inside, heard %v of the same Update", later)
	}
	if err := p.Update(func(o *OGarden) error {
		o.Beds().Clear()
		return errors.New("no")
	}); err == nil || len(got) != 2 {
		t.Errorf("an Update that failed gave %v and was heard of: %v", err, got)
	}
	p.Beds().At(0).SetPlant("rose")
	if diff := cmp.Diff([]told{{"iris", "rose"}}, later); diff != "" {
		t.Error(diff)
	}
	if said := panics(func() { inner.Get() }); !strings.Contains(said, "finished transaction") {
		t.Errorf("a lens of a transaction that is over panics with %q", said)
	}
}

// TestLensStop stops from inside a call, in the middle of a commit.
func TestLensStop(t *testing.T) {
	p := newPlot(t, Options{})
	calls, others := 0, 0
	var stop func()
	stop = p.Observe().Tools().Each().Watch(func(Change[string]) {
		calls++
		stop()
		stop()
	})
	end := p.Observe().Tools().Each().Watch(func(Change[string]) { others++ })
	p.Tools().Append("saw", "axe", "knife")
	if calls != 1 || others != 3 {
		t.Errorf("%d calls after stop in the first, %d of the other", calls, others)
	}
	end()
	p.Tools().Append("fork")
	if others != 3 {
		t.Error("called after stop")
	}
}

// TestLensPanic panics in a listener: it is reported and stops nobody else, and
// the setter does not hear of it. (destam 54)
func TestLensPanic(t *testing.T) {
	p := newPlot(t, Options{})
	p.Observe().Name().Watch(func(Change[string]) { panic("ouch") })
	heard := 0
	p.Observe().Name().Watch(func(Change[string]) { heard++ })
	p.SetName("a")
	p.SetName("b")
	p.mu.Lock()
	defer p.mu.Unlock()
	if heard != 2 || len(p.reported) != 2 || !strings.Contains(p.reported[0].Error(), "ouch") {
		t.Errorf("heard %d, reported %v", heard, p.reported)
	}
}

// TestLensOwnsValues has a listener that changes the values that it gets.
func TestLensOwnsValues(t *testing.T) {
	p := newPlot(t, Options{})
	spoil := func(c Change[[]byte]) { clear(c.Old); clear(c.New) }
	p.Observe().Seal().Watch(spoil)
	var got []told
	p.Observe().Seal().Watch(tell[[]byte](&got))
	p.SetSeal([]byte{7, 8})
	p.SetSeal([]byte{9})
	want := []told{{[]byte{1, 2}, []byte{7, 8}}, {[]byte{7, 8}, []byte{9}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Equal(p.Seal(), []byte{9}) {
		t.Error("the document's own value was changed")
	}
}

// TestLensCommits watches objects and lists, which give commits.
func TestLensCommits(t *testing.T) {
	p := newPlot(t, Options{})
	heard := map[string][]string{}
	note := func(name string) func(*Commit) {
		return func(c *Commit) {
			var paths []string
			for _, d := range c.Deltas {
				paths = append(paths, d.Op().String()+" "+d.Path().String())
			}
			heard[name] = append(heard[name], strings.Join(paths, ", "))
		}
	}
	at := p.Observe()
	at.Watch(note("all"))
	at.Beds().Watch(note("beds"))
	at.Beds().Each().Sub().Watch(note("subs"))
	at.Best().Watch(note("best"))
	at.Rooms().At(1).Watch(note("room"))
	at.Beds().Each().Wet().WatchCommit(note("wet"))
	p.SetName("x")
	p.Beds().At(0).Sub().At(0).SetPlant("moss")
	p.Rooms().Set(2, Bed{})
	err := p.Update(func(o *OGarden) error {
		o.SetBest(Bed{})
		o.Beds().At(1).SetWet(false)
		o.Rooms().Delete(1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"all":  {"modify name", "modify beds.0.sub.0.plant", "insert rooms.2", "modify best, modify beds.1.wet, delete rooms.1"},
		"beds": {"modify beds.0.sub.0.plant", "modify beds.1.wet"},
		"subs": {"modify beds.0.sub.0.plant"},
		"best": {"modify best"},
		"room": {"delete rooms.1"},
		"wet":  {"modify beds.1.wet"},
	}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLensChanges pulls changes from a writer that goes on meanwhile, and
// ends in each way that there is.
func TestLensChanges(t *testing.T) {
	p := newPlot(t, Options{Backlog: 4})
	var (
		enough = make(chan struct{})
		writer sync.WaitGroup
		chain  []string
	)
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-enough:
				return
			default:
				p.SetName(fmt.Sprint(i))
			}
		}
	})
	for c, err := range p.Observe().Name().Changes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(chain); n == 0 {
			close(enough) // what it wrote meanwhile waits, or is folded
			writer.Wait()
			p.SetName("end")
		} else if chain[n-1] != c.Old {
			t.Errorf("was %q, heard that it is %q", c.Old, chain[n-1])
		}
		if chain = append(chain, c.New); c.New == "end" {
			break
		}
	}

	over, cancel := context.WithCancel(t.Context())
	cancel()
	ends := func(ctx context.Context) (errs []error) {
		for _, err := range p.Observe().Beds().Each().Plant().Changes(ctx) {
			errs = append(errs, err)
		}
		for _, err := range p.Observe().Beds().Changes(ctx) {
			errs = append(errs, err)
		}
		return errs
	}
	if errs := ends(over); len(errs) != 2 || !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("a context that is over gives %v", errs)
	}
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if errs := ends(t.Context()); len(errs) != 2 || !errors.Is(errs[0], ErrDeleted) || !errors.Is(errs[1], ErrDeleted) {
		t.Errorf("a deleted document gives %v", errs)
	}
}

// TestLensRace has writers, Updates that fail, listeners that come and go, and
// readers, all at once; what listeners heard folds to what is there.
func TestLensRace(t *testing.T) {
	p := newPlot(t, Options{Backlog: 8})
	bag := map[string]int{} // the lock of its listener is that calls come one at a time
	for v := range p.Observe().Beds().Each().Plant().All() {
		bag[v]++
	}
	name := "Eden"
	p.Observe().Beds().Each().Plant().Watch(func(c Change[string]) {
		if !c.WasAbsent {
			bag[c.Old]--
		}
		if !c.Absent {
			bag[c.New]++
		}
	})
	p.Observe().Name().Watch(func(c Change[string]) {
		if c.Old != name {
			t.Errorf("was %q, heard that it is %q", c.Old, name)
		}
		name = c.New
	})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range 200 {
				text := fmt.Sprint(w, i%7)
				switch r.IntN(5) {
				case 0:
					p.SetName(text)
				case 1:
					p.Beds().Append(Bed{Plant: text})
				case 2:
					if b, ok := p.Beds().Get(r.IntN(8)); ok {
						b.SetPlant(text)
					}
				case 3:
					p.Update(func(o *OGarden) error {
						if n := o.Beds().Len(); n > 1 {
							o.Beds().Move(0, n-1)
							o.Beds().At(0).SetPlant(text)
							o.Beds().Remove(0, 1)
						}
						if r.IntN(2) == 0 {
							return errors.New("no")
						}
						return nil
					})
				case 4:
					stop := p.Observe().Beds().Each().Plant().Watch(func(Change[string]) {})
					p.Observe().Name().Get()
					for range p.Observe().Beds().Each().Plant().All() {
					}
					stop()
				}
			}
		})
	}
	all.Wait()
	if err := Settle(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	for v := range p.Observe().Beds().Each().Plant().All() {
		bag[v]--
	}
	for v, n := range bag {
		if n != 0 {
			t.Errorf("%q: %d more heard of than there are", v, n)
		}
	}
	if name != p.Name() {
		t.Errorf("heard %q, it is %q", name, p.Name())
	}
}

// TestLensIndex holds that who looks at an index hears of what comes there
// because others came or went before it, and of nothing behind it.
func TestLensIndex(t *testing.T) {
	p := newPlot(t, Options{})
	p.Beds().Assign([]Bed{{Plant: "a"}, {Plant: "b"}, {Plant: "c"}, {Plant: "d"}})
	at := p.Observe().Beds().At(1)
	plant, whole := overhear(at.Plant().WatchCommit), overhear(at.Watch)
	p.Beds().Remove(0, 1)
	p.Beds().Remove(2, 1)
	p.Beds().At(0).SetPlant("x")
	p.Beds().At(1).SetPlant("y")
	p.Beds().Insert(0, Bed{Plant: "z"})
	want := []string{"delete beds.0", `modify beds.1.plant: "c" to "y"`, "insert beds.0: a destam.Bed"}
	for name, got := range map[string][]string{"a field": *plant, "the element": *whole} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("of %s (-want +got):\n%s", name, diff)
		}
	}
}
