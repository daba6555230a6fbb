package destam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
)

// TestStress lets goroutines do everything at once to one document: bare
// setters, Updates that fail and panic half-way, listeners that write, panic,
// come and go and let others listen, readers that stall, and collections. What each writer did is
// known one after the other: all of it is there in the end, what every listener
// heard leads to it, and so does what the store has.
func TestStress(t *testing.T) {
	seeds, rounds := uint64(3), 150
	if testing.Short() {
		seeds, rounds = 1, 60
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { stress(t, seed, rounds) })
	}
}

const onPurpose = "on purpose"

func stress(t *testing.T, seed uint64, rounds int) {
	const writers = 4
	var others atomic.Int64 // errors that were not meant
	db, err := Open(t.Context(), memory.Open(nil), &Options{OnError: func(err error) {
		if !strings.Contains(err.Error(), onPurpose) && !errors.Is(err, ErrDetached) {
			others.Add(1)
			t.Errorf("reported %v", err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	table := tableOf[*Table[*OGarden, Garden, GardenQuery]](db)
	o, err := table.Create(t.Context(), eden())
	if err != nil {
		t.Fatal(err)
	}
	o.Rooms().Clear()
	for w := range writers {
		o.Rooms().Set(w, Bed{Plant: "0"})
	}
	over, end := context.WithCancel(t.Context())
	var work, idle sync.WaitGroup

	// Who looks at each writer's value hears of every step of it, in order.
	for w := range writers {
		last := "0"
		o.Observe().Rooms().At(w).Plant().Watch(func(c Change[string]) {
			if c.Old != last {
				t.Errorf("writer %d: heard that %q became %q, at %q", w, c.Old, c.New, last)
			}
			last = c.New
		})
		idle.Go(func() { // a reader that is slow hears of the same, perhaps folded
			at := ""
			for c, err := range o.Observe().Rooms().At(w).Plant().Changes(over) {
				if err != nil {
					break
				}
				if at != "" && c.Old != at {
					t.Errorf("writer %d: read that %q became %q, at %q", w, c.Old, c.New, at)
				}
				at = c.New
				runtime.Gosched()
			}
		})
	}
	o.Observe().Rooms().Each().Plant().Watch(func(c Change[string]) {
		if strings.HasSuffix(c.New, "7") {
			panic(onPurpose)
		}
		if strings.HasSuffix(c.New, "5") {
			o.SetName("heard " + c.New) // a listener that writes
		}
	})
	// A listener that lets another one listen, and stops the one before it.
	stopInner := func() {}
	defer o.Rooms().Watch(func(*Commit) {
		stopInner()
		heard, stopped := "", false
		end := o.Observe().Rooms().At(0).Plant().Watch(func(c Change[string]) {
			if stopped || heard != "" && c.Old != heard {
				t.Errorf("a listener of a listener heard that %q became %q, at %q; stopped: %t", c.Old, c.New, heard, stopped)
			}
			heard = c.New
		})
		stopInner = func() { stopped = true; end() }
	})()
	// A reader that stalls until all is over, from what there was in the beginning.
	patient, giveUp := context.WithTimeout(t.Context(), 5*time.Minute)
	defer giveUp()
	stalledAt, _, stalled := o.Observe().Rooms().At(0).Plant().FollowChanges(patient)
	idle.Go(func() { // listeners come and go, and stop themselves
		for over.Err() == nil {
			var stop func()
			var once sync.Once
			ready := make(chan bool)
			stop = o.Watch(func(*Commit) { <-ready; once.Do(stop) })
			close(ready)
			o.View(func(*OGarden) error { runtime.Gosched(); return nil })
			stop()
			runtime.GC()
		}
	})
	idle.Go(func() { // handles of the same document are the same
		for over.Err() == nil {
			if again, err := table.Get(t.Context(), o.ID()); err != nil || again != o {
				t.Errorf("another handle, %v", err)
				return
			}
			runtime.Gosched()
		}
	})
	want := make([]string, writers)
	for w := range writers {
		work.Go(func() { want[w] = write(o, rand.New(rand.NewPCG(seed, uint64(w))), w, rounds) })
	}
	work.Wait()
	settle, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Settle(settle, o); err != nil {
		t.Error(err)
	}
	end()
	idle.Wait()
	for c, err := range stalled {
		if err != nil || c.Old != stalledAt {
			t.Errorf("the reader that stalled heard that %q became %q, at %q: %v", c.Old, c.New, stalledAt, err)
			break
		}
		if stalledAt = c.New; stalledAt == want[0] {
			break
		}
	}
	for w := range writers {
		if h, ok := o.Rooms().Get(w); !ok || h.Plant() != want[w] {
			t.Errorf("writer %d: %q, want %q", w, h.Plant(), want[w])
		}
	}
	if err := o.Flush(t.Context()); err != nil && others.Load() > 0 {
		t.Error(err)
	}
	shown := o.Snapshot()
	stored, err := table.At(t.Context(), o.ID(), o.Version())
	if err != nil {
		t.Error(err)
	}
	shown.Typing = false
	if diff := cmp.Diff(shown, stored, ignoreTable); diff != "" {
		t.Errorf("the store has something else (-shown +stored):\n%s", diff)
	}
	if err := db.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// write is one writer: it counts up in its own room, and does things that come
// to nothing, and to the others. It gives what its room must hold.
func write(o *OGarden, r *rand.Rand, w, rounds int) string {
	count := 0
	next := func() string { count++; return fmt.Sprint(count) }
	room := func(o *OGarden) *OBed { h, _ := o.Rooms().Get(w); return h }
	no := errors.New("no")
	for range rounds {
		switch r.IntN(8) {
		case 0, 1:
			room(o).SetPlant(next())
		case 2:
			o.Update(func(o *OGarden) error { room(o).SetPlant(next()); o.SetTyping(r.IntN(2) == 0); return nil })
		case 3: // fails half-way
			o.Update(func(o *OGarden) error {
				room(o).SetPlant("wrong")
				o.Beds().Move(0, o.Beds().Len()-1)
				o.Rooms().Clear()
				return no
			})
		case 4: // panics half-way
			func() {
				defer func() { recover() }()
				o.Update(func(o *OGarden) error {
					o.Beds().Insert(0, Bed{})
					room(o).SetPlant("wrong")
					o.Beds().At(1000)
					return nil
				})
			}()
		case 5:
			o.Update(func(o *OGarden) error { // as large as it was
				o.Beds().Insert(0, Bed{Plant: fmt.Sprint(w)})
				o.Beds().Remove(o.Beds().Len()-1, 1)
				return nil
			})
		case 6: // moves its room away and back
			h := room(o)
			o.Update(func(o *OGarden) error {
				o.Rooms().Delete(w)
				return o.Rooms().Link(w, h)
			})
		case 7:
			o.View(func(o *OGarden) error { room(o).Plant(); return nil })
		}
	}
	return fmt.Sprint(count)
}

// TestStressSelf waits for itself in many goroutines at once: each is told, by a
// panic that says what to do, and the document goes on.
func TestStressSelf(t *testing.T) {
	p := newPlot(t, Options{tuning: tuning{patience: 5 * time.Millisecond}})
	var told atomic.Int64
	var work sync.WaitGroup
	for w := range 3 {
		work.Go(func() {
			defer func() {
				if strings.Contains(fmt.Sprint(recover()), "use the handle that the function was given") {
					told.Add(1)
				}
			}()
			p.Update(func(o *OGarden) error {
				o.SetName(fmt.Sprint(w))
				p.SetRate(1) // an outer handle
				return nil
			})
		})
	}
	work.Wait()
	if told.Load() != 3 || p.Name() != "Eden" {
		t.Errorf("%d of 3 were told; the name is %q", told.Load(), p.Name())
	}
}
