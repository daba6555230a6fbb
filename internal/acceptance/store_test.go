package acceptance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/drivers/dummy"
	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// equalThings compares plain values: NaN equals itself, nil and empty differ.
func equalThings(t testing.TB, what string, got, want Thing) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreUnexported(Thing{})); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// opened is a database, and how to open its store again.
type opened struct {
	*destam.DB
	reopen func() (driver.Driver, error)
	errs   *errorLog
}

// errorLog keeps what reached OnError.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) add(err error) {
	l.mu.Lock()
	l.errs = append(l.errs, err)
	l.mu.Unlock()
}

// take gives what was reported and forgets it.
func (l *errorLog) take() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs := l.errs
	l.errs = nil
	return errs
}

// stores are the drivers by name.
var stores = map[string]func(t testing.TB) func() (driver.Driver, error){
	"memory": func(testing.TB) func() (driver.Driver, error) {
		return func() (driver.Driver, error) { return memory.Open(nil), nil }
	},
	"dummy": func(testing.TB) func() (driver.Driver, error) {
		return func() (driver.Driver, error) { return dummy.Open(), nil }
	},
	"fs": func(t testing.TB) func() (driver.Driver, error) {
		dir := filepath.Join(t.TempDir(), "store")
		return func() (driver.Driver, error) { return fs.Open(dir, nil) }
	},
}

// open opens a database on a driver.
func open(t testing.TB, store string) *opened {
	t.Helper()
	o := &opened{reopen: stores[store](t), errs: &errorLog{}}
	o.again(t)
	t.Cleanup(func() { o.DB.Close(context.Background()) })
	return o
}

// again opens the store once more.
func (o *opened) again(t testing.TB) {
	t.Helper()
	d, err := o.reopen()
	if err != nil {
		t.Fatal(err)
	}
	if o.DB, err = destam.Open(t.Context(), d, &destam.Options{OnError: func(err error) { o.errs.add(err) }}); err != nil {
		t.Fatal(err)
	}
}

// each runs a test on every driver.
func each(t *testing.T, f func(t *testing.T, db *opened)) {
	for name := range stores {
		t.Run("driver="+name, func(t *testing.T) { f(t, open(t, name)) })
	}
}

// TestSnapshotOfCreate: what goes in comes out, for every kind of field.
func TestSnapshotOfCreate(t *testing.T) {
	each(t, func(t *testing.T, db *opened) {
		r := rand.New(rand.NewPCG(1, 1))
		table := ThingTable(db.DB)
		for i := range 100 {
			v := thing(r, fmt.Sprint("thing ", i))
			o, err := table.Create(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			equalThings(t, "Snapshot(Create(x))", o.Snapshot(), v)
		}
	})
}

// TestAssignAndReopen assigns one random value after another to a document,
// flushes some, and opens the store again: what was flushed is there.
func TestAssignAndReopen(t *testing.T) {
	db := open(t, "fs")
	r := rand.New(rand.NewPCG(2, 2))
	want := map[destam.ID]Thing{}
	var ids []destam.ID
	for round := range 6 {
		table := ThingTable(db.DB)
		for i := range 20 {
			v := thing(r, fmt.Sprint("thing ", round, i))
			o, err := table.Create(t.Context(), v)
			if err != nil {
				t.Fatal(err)
			}
			want[o.ID()] = v
			ids = append(ids, o.ID())
		}
		for range 60 {
			id := ids[r.IntN(len(ids))]
			o, err := table.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			equalThings(t, "loaded", o.Snapshot(), want[id])
			v := thing(r, want[id].Query.Name)
			v.Query.Serial = want[id].Query.Serial
			if r.IntN(2) == 0 {
				o.Assign(v)
			} else if err := o.Update(func(o *OThing) error { o.Assign(v); return nil }); err != nil {
				t.Fatal(err)
			}
			equalThings(t, "assigned", o.Snapshot(), v)
			want[id] = v
		}
		if round%2 == 0 {
			if err := db.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.DB.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		db.again(t)
	}
	table := ThingTable(db.DB)
	for id, v := range want {
		o, err := table.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		equalThings(t, "opened again", o.Snapshot(), v)
	}
	for _, err := range db.errs.take() {
		t.Error(err)
	}
}

// TestUnique: one name, one document, whatever way it is taken.
func TestUnique(t *testing.T) {
	each(t, func(t *testing.T, db *opened) {
		table := ThingTable(db.DB)
		a, err := table.Create(t.Context(), Thing{Query: ThingQuery{Name: "a"}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := table.Create(t.Context(), Thing{Query: ThingQuery{Name: "b"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Create(t.Context(), Thing{Query: ThingQuery{Name: "a"}}); !errors.Is(err, destam.ErrTaken) {
			t.Errorf("Create of a taken name: %v", err)
		}
		if err := b.Query().SetName("a"); !errors.Is(err, destam.ErrTaken) || b.Query().Name() != "b" {
			t.Errorf("SetName to a taken one: %v, it is %q", err, b.Query().Name())
		}
		err = b.Update(func(b *OThing) error { b.SetText("new"); return b.Query().SetName("a") })
		if !errors.Is(err, destam.ErrTaken) || b.Query().Name() != "b" || b.Text() != "" {
			t.Errorf("Update to a taken name: %v, it is %q, text %q", err, b.Query().Name(), b.Text())
		}
		if err := a.Query().SetName("c"); err != nil {
			t.Fatal(err)
		}
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Query().SetName("a"); err != nil {
			t.Errorf("SetName to one that was given up: %v", err)
		}
		if err := a.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.Query().SetName("c"); err != nil {
			t.Errorf("SetName to that of a deleted one: %v", err)
		}
		if err := db.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if hit, err := table.Query(t.Context(), ThingWhere.Name().Is("c")); err != nil || hit.ID != b.ID() {
			t.Errorf("found %v, %v", hit.ID, err)
		}
	})
}

// TestQueries compares all ways to ask with a model, on every driver that needs
// nothing but this machine; drivers/mongodb does the same.
func TestQueries(t *testing.T) {
	each(t, func(t *testing.T, db *opened) {
		Queries(t, db.DB, rand.Uint64(), 200)
		for _, err := range db.errs.take() {
			t.Error(err)
		}
	})
}
