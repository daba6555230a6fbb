package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
)

// TestFollowWriter takes what there is and what comes after it while somebody
// writes, before the loop begins too: the first old value is the one that was
// given, and everything leads on from there to the end.
func TestFollowWriter(t *testing.T) {
	for _, backlog := range []int{1000, 4} {
		t.Run(fmt.Sprint("backlog ", backlog), func(t *testing.T) {
			p := newPlot(t, Options{Backlog: backlog})
			over := make(chan struct{})
			var writer sync.WaitGroup
			stop := sync.OnceFunc(func() {
				close(over)
				writer.Wait()
			})
			defer stop()
			writer.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-over:
						return
					default:
						p.SetName(fmt.Sprint(i))
					}
				}
			})
			for round := range 30 {
				if round == 29 {
					stop() // everything that there is was written before the loops
				}
				followName(t, p)
			}
		})
	}
}

// followName follows a handle and a lens, with a name of its own set before
// each loop.
func followName(t *testing.T, p *plot) {
	now, commits := Follow(t.Context(), p.OGarden)
	p.SetName("handle")
	at := now.Name
	for c, err := range commits {
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range c.Deltas {
			if d.Path().String() != "name" || d.Old() != any(at) {
				t.Fatalf("at %q, %s was %v", at, d.Path(), d.Old())
			}
			at = d.New().(string)
		}
		if at == "handle" || c.Digested {
			break
		}
	}
	at, ok, changes := p.Observe().Name().FollowChanges(t.Context())
	if !ok {
		t.Fatal("no name")
	}
	p.SetName("lens")
	for c, err := range changes {
		if err != nil || c.Old != at {
			t.Fatalf("at %q, it was %q: %v", at, c.Old, err)
		}
		if at = c.New; at == "lens" || c.Commit().Digested {
			break
		}
	}
}

// TestFollowEverything rebuilds a value that is behind something absent.
func TestFollowEverything(t *testing.T) {
	p := newPlot(t, Options{})
	p.ClearBest()
	v, ok, changes := p.Observe().Best().Plant().FollowChanges(t.Context())
	if ok || v != "" {
		t.Errorf("there is %q", v)
	}
	p.SetBest(Bed{Plant: "pear"})
	p.Best().SetPlant("plum")
	p.ClearBest()
	var got []told
	hear := tell[string](&got)
	for c, err := range changes {
		if err != nil {
			t.Fatal(err)
		}
		if hear(c); len(got) == 3 {
			break
		}
	}
	if diff := cmp.Diff([]told{{nil, "pear"}, {"pear", "plum"}, {"plum", nil}}, got); diff != "" {
		t.Error(diff)
	}
	for _, err := range changes {
		if !errors.Is(err, ErrFollowed) {
			t.Errorf("a second loop gives %v", err)
		}
	}
	query, commits := Follow(t.Context(), p.OGarden.Query())
	p.SetName("not below it")
	if err := p.OGarden.Query().SetSlug("new"); err != nil {
		t.Error(err)
	}
	for c, err := range commits {
		if err != nil || query.Slug != "eden" || len(c.Deltas) != 1 || c.Deltas[0].New() != "new" {
			t.Errorf("of %v: %v, %v", query, c, err)
		}
		break
	}
}

// TestFollowLists follows an array and maps, of values and of objects: what
// there is, and the commits about them, and no others.
func TestFollowLists(t *testing.T) {
	p := newPlot(t, Options{})
	p.Tools().Assign([]string{"hoe"})
	p.Beds().Assign([]Bed{{Plant: "leek"}})
	p.Signs().Assign(map[string]Colour{"gate": "red"})
	p.Rooms().Assign(map[int]Bed{1: {Plant: "fern"}})
	tools, ofTools := Follow(t.Context(), p.Tools())
	beds, ofBeds := Follow(t.Context(), p.Beds())
	signs, ofSigns := Follow(t.Context(), p.Signs())
	rooms, ofRooms := Follow(t.Context(), p.Rooms())
	if diff := cmp.Diff(Garden{Tools: []string{"hoe"}, Beds: []Bed{{Plant: "leek"}}, Signs: map[string]Colour{"gate": "red"},
		Rooms: map[int]Bed{1: {Plant: "fern"}}}, Garden{Tools: tools, Beds: beds, Signs: signs, Rooms: rooms}, ignoreTable); diff != "" {
		t.Error(diff)
	}
	p.SetName("not in them")
	p.Tools().Append("rake")
	p.Beds().At(0).SetPlant("kale")
	p.Signs().Set("gate", "blue")
	room, _ := p.Rooms().Get(1)
	room.SetWet(true)
	for path, commits := range map[string]iter.Seq2[*Commit, error]{
		"tools": ofTools, "beds.0.plant": ofBeds, "signs": ofSigns, "rooms": ofRooms,
	} {
		for c, err := range commits {
			if err != nil || len(c.Deltas) != 1 || !strings.HasPrefix(c.Deltas[0].Path().String(), path) {
				t.Errorf("of %s: %v, %v", path, c, err)
			}
			break
		}
	}
	if said := panics(func() { Follow(t.Context(), noView{}) }); !strings.Contains(said, "noView, which is neither") {
		t.Error(said)
	}
}

// noView has a Snapshot, and nothing that it is of.
type noView struct{}

func (noView) Snapshot() string { return "" }

// TestFollowEnds ends subscriptions whose loop begins too late, or never: what
// was committed until then still comes, and nobody is left.
func TestFollowEnds(t *testing.T) {
	p := newPlot(t, Options{})
	over, cancel := context.WithCancel(t.Context())
	_, _, late := p.Observe().Name().FollowChanges(over)
	p.SetName("last")
	cancel()
	p.SetName("too late")
	var errs []error
	for _, err := range late {
		errs = append(errs, err)
	}
	if n := len(errs); n == 0 || !errors.Is(errs[n-1], context.Canceled) {
		t.Errorf("it ended with %v", errs)
	}
	err := p.Update(func(o *OGarden) error {
		now, commits := Follow(t.Context(), o)
		if now.Name != "too late" {
			t.Errorf("inside, it is %q", now.Name)
		}
		for _, err := range commits {
			if !errors.Is(err, ErrInTransaction) {
				t.Errorf("inside, it gives %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	_, commits := Follow(t.Context(), p.OGarden)
	if err := p.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, err := range commits {
		if !errors.Is(err, ErrDeleted) {
			t.Errorf("a deleted document gives %v", err)
		}
	}
	if said := panics(func() { Follow(t.Context(), ownSnapshot{p.OGarden}) }); !strings.Contains(said, "not ours") {
		t.Error(said)
	}
}

// TestFollowForgotten never comes to the loop: the end of the context is the
// end of the subscription, and nothing keeps the document in memory.
func TestFollowForgotten(t *testing.T) {
	b := open(t, memory.Open(nil), nil)
	over, cancel := context.WithCancel(t.Context())
	id := func() ID {
		o := b.create(sample())
		Follow(over, o)
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return o.ID()
	}()
	runtime.GC()
	runtime.GC()
	if b.cards.t.cache.Peek(id) == nil {
		t.Error("a document that is followed left the memory")
	}
	cancel()
	eventually(t, "the document leaves the memory", func() bool {
		runtime.GC()
		return b.cards.t.cache.Peek(id) == nil
	})
}

// ownSnapshot has a Snapshot that is somebody else's.
type ownSnapshot struct{ *OGarden }

func (ownSnapshot) Snapshot() string { return "" }
