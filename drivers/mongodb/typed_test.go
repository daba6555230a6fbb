package mongodb

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
)

// TestTyped lets three databases with clients of their own write the same typed
// documents. In the end all of them show the same, and so does one that loads it.
// What others store comes by polling, and by change streams.
func TestTyped(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: seconds of processor time")
	}
	serverURI(t)
	t.Run("as it is", func(t *testing.T) {
		testTyped(t, func(name string) *mongo.Client { return connect(t, name) })
	})
	t.Run("as a replica set", func(t *testing.T) {
		g := newReplicaSet(t)
		testTyped(t, func(name string) *mongo.Client {
			connect(t, name) // drops it
			return g.client()
		})
		if opened, _, _ := g.set.counts(); opened == 0 {
			t.Error("there was no change stream")
		}
	})
}

func testTyped(t *testing.T, client func(database string) *mongo.Client) {
	const writers, steps = 3, 25
	name := freshDatabase()
	open := func() (*destam.DB, *acceptance.OThingTable) {
		store, err := New(t.Context(), client(name), &Options{Database: name, Poll: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		db, err := destam.Open(t.Context(), store, &destam.Options{Window: time.Millisecond,
			OnError: func(err error) { t.Log(err) }, OnConflict: func(destam.Conflict) {}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(t.Context()); err != nil && t.Context().Err() == nil {
				t.Error(err)
			}
		})
		return db, acceptance.ThingTable(db)
	}
	_, first := open()
	made, err := first.Create(t.Context(), acceptance.Thing{Text: "made", Query: acceptance.ThingQuery{Name: "it"}})
	if err != nil {
		t.Fatal(err)
	}
	things := []*acceptance.OThing{made}
	var lives []*destam.Live[acceptance.ThingQuery]
	watch := func(table *acceptance.OThingTable) {
		live, err := table.Live(t.Context(), acceptance.ThingWhere.Name().Is("it"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(live.Close)
		lives = append(lives, live)
	}
	watch(first)
	for range writers - 1 {
		_, table := open()
		watch(table)
		o, err := table.Find(t.Context(), acceptance.ThingWhere.Name().Is("it"))
		if err != nil {
			t.Fatal(err)
		}
		things = append(things, o)
	}
	var wait sync.WaitGroup
	for w, o := range things {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range steps {
				change(r, o, fmt.Sprintf("writer %d, step %d", w, i))
				if r.IntN(4) == 0 {
					if err := o.Flush(t.Context()); err != nil {
						t.Logf("writer %d: %v", w, err)
					}
				}
			}
			if err := o.Flush(t.Context()); err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wait.Wait()
	_, last := open()
	fresh, err := last.Get(t.Context(), made.ID())
	if err != nil {
		t.Fatal(err)
	}
	want := fresh.Snapshot()
	if n := len(want.Tags); n == 0 {
		t.Error("nobody's tags are there")
	}
	for w, o := range things {
		for deadline := time.Now().Add(time.Minute); o.Version() < fresh.Version(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("writer %d is at version %d of %d", w, o.Version(), fresh.Version())
			}
		}
		if diff := cmp.Diff(want, o.Snapshot()); diff != "" {
			t.Errorf("writer %d shows (-stored +shown)\n%s", w, diff)
		}
		if hits := lives[w].All(); len(hits) != 1 || hits[0].ID != made.ID() || !cmp.Equal(hits[0].Query, want.Query) {
			t.Errorf("a live query of writer %d has %v, want %v", w, hits, want.Query)
		}
	}
}

// change changes something.
func change(r *rand.Rand, o *acceptance.OThing, text string) {
	switch r.IntN(6) {
	case 0:
		o.SetText(text)
	case 1:
		o.SetInt(r.IntN(100))
	case 2:
		o.Tags().Append(text)
	case 3:
		o.Tags().Insert(0, text)
	case 4:
		o.Update(func(o *acceptance.OThing) error {
			o.Meta().Set(text, "")
			o.Parts().Append(acceptance.Part{})
			o.Query().SetOwner(text)
			return nil
		}, destam.By(text))
	case 5:
		o.Meta().Set(fmt.Sprint(r.IntN(5)), text)
	}
}

// TestTypedQueries compares all ways to ask with a model, as the tests of the
// other drivers do.
func TestTypedQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: seconds of processor time")
	}
	serverURI(t)
	name := freshDatabase()
	store, err := New(t.Context(), connect(t, name), &Options{Database: name, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	db, err := destam.Open(t.Context(), store, &destam.Options{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	acceptance.Queries(t, db, rand.Uint64(), 25)
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
