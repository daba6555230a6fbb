package destam

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

func TestRestore(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(sample())
		o.SetTitle("last")
		if err := o.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		if got := b.ids(CardWhere.Slug().Is("milk")); got != nil {
			t.Fatalf("found after Delete: %v", got)
		}
		got := must(b.cards.Restore(ctx, o.ID(), By("ann")))(t)
		want := sample()
		want.Title = "last"
		if diff := cmp.Diff(want, got.Snapshot(), same); diff != "" {
			t.Errorf("restored (-want +got)\n%s", diff)
		}
		if got == o || got.Version() != 4 || got != must(b.cards.Get(ctx, o.ID()))(t) {
			t.Errorf("restored as version %d, old handle %v", got.Version(), got == o)
		}
		if found := b.ids(CardWhere.Slug().Is("milk")); !slices.Equal(found, []ID{o.ID()}) {
			t.Errorf("found %v", found)
		}
		got.SetTitle("again")
		if err := got.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if s, v := b.asStored(o.ID()); s.Title != "again" || v != 5 {
			t.Errorf("stored %q as version %d", s.Title, v)
		}
		if same := must(b.cards.Restore(ctx, o.ID()))(t); same != got || got.Version() != 5 {
			t.Errorf("Restore of what is not deleted: version %d", got.Version())
		}
		if _, err := b.cards.Restore(ctx, ID{9}); !errors.Is(err, ErrNotFound) {
			t.Errorf("Restore of nothing: %v", err)
		}
	})
}

// TestRestoreUnique restores a document whose unique value another one has
// got: in the store, in this process only, and not any more.
func TestRestoreUnique(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		if err := o.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		other := b.create(Card{})
		check := func(what string) {
			t.Helper()
			_, err := b.cards.Restore(ctx, o.ID())
			var e *Error
			if !errors.Is(err, ErrTaken) || !errors.As(err, &e) || e.Path != "query.slug" || e.Op != "restore" || e.ID != o.ID() {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if err := other.Query().SetSlug("a"); err != nil {
			t.Fatal(err)
		}
		check("taken here")
		if err := other.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		check("taken in the store")
		other.Query().ClearSlug() // the store still says so
		got := must(b.cards.Restore(ctx, o.ID()))(t)
		if s, _ := got.Query().Slug(); s != "a" {
			t.Errorf("slug %q", s)
		}
		if err := other.Query().SetSlug("a"); !errors.Is(err, ErrTaken) {
			t.Errorf("after it: %v", err)
		}
	})
}

// TestRestoreRace lets many restore, delete and get one document: there is one
// live document at any time, and in the end what was done last is so.
func TestRestoreRace(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		id := b.create(Card{Title: "a", Query: CardQuery{Slug: ptr("a")}}).ID()
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 20 {
					var err error
					switch (g + i) % 3 {
					case 0:
						err = b.cards.Delete(ctx, id)
					case 1:
						_, err = b.cards.Get(ctx, id)
					default:
						_, err = b.cards.Restore(ctx, id)
					}
					if err != nil && !errors.Is(err, ErrNotFound) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		o := must(b.cards.Restore(ctx, id))(t)
		o.SetTitle("b")
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if got, _ := b.asStored(id); got.Title != "b" || o != must(b.cards.Get(ctx, id))(t) {
			t.Errorf("stored %q", got.Title)
		}
	})
}

func TestPurge(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		for _, state := range []string{"live", "pending", "deleted", "not in memory"} {
			t.Run(state, func(t *testing.T) {
				slug := fmt.Sprint("slug ", state)
				o := b.create(Card{Query: CardQuery{Slug: ptr(slug)}})
				id := o.ID()
				var err error
				switch state {
				case "pending":
					o.SetTitle("x")
				case "deleted":
					err = o.Delete(ctx)
				case "not in memory":
					of(&o.OObject).forget()
				}
				if err == nil {
					err = b.cards.Purge(ctx, id)
				}
				if err != nil {
					t.Fatal(err)
				}
				for what, err := range map[string]error{
					"Get":     second(b.cards.Get(ctx, id)),
					"Restore": second(b.cards.Restore(ctx, id)),
					"Purge":   b.cards.Purge(ctx, id),
				} {
					if !errors.Is(err, ErrNotFound) {
						t.Errorf("%s gave %v", what, err)
					}
				}
				if got := b.ids(CardWhere.Slug().Is(slug)); got != nil {
					t.Errorf("found %v", got)
				}
				if b.create(Card{Query: CardQuery{Slug: ptr(slug)}}); state == "not in memory" {
					return // nobody has a handle of such a one
				}
				o.SetTitle("y")
				if errs := b.errs.take(); o.Title() == "y" || len(errs) != 1 || !errors.Is(errs[0], ErrDeleted) {
					t.Errorf("a setter after it: %q, %v", o.Title(), errs)
				}
			})
		}
	})
}

// TestRestoreFaults lets each call of the driver fail in every way while a
// document is deleted, restored and purged. Whatever failed may be done again.
func TestRestoreFaults(t *testing.T) {
	for _, d := range drivers {
		for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
			t.Run(fmt.Sprint(d.name, "/", how), func(t *testing.T) {
				fired := true
				for at := 1; fired; at++ {
					f := drivertest.Faults(d.open(t), drivertest.Plan{At: at, How: how, Seed: uint64(at)})
					opts := &Options{Window: time.Hour, SyncEvery: time.Hour, OnError: func(error) {}}
					opts.tuning.backoff = time.Microsecond
					db, err := Open(ctx, f, opts)
					if err != nil {
						continue
					}
					outliveRestore(t, db, at)
					fired = f.Fired() > 0
					_ = db.Close(ctx) // may be what fails
				}
			})
		}
	}
}

func outliveRestore(t *testing.T, db *DB, at int) {
	cards := CardTable(db)
	o, err := cards.Create(ctx, Card{Title: "a"})
	if err != nil {
		return
	}
	twice := func(do func() error) error {
		if do() == nil {
			return nil
		}
		return do()
	}
	if err := twice(func() error { return cards.Delete(ctx, o.ID()) }); err != nil {
		t.Errorf("fault %d: Delete: %v", at, err)
	}
	if err := twice(func() error { return second(cards.Restore(ctx, o.ID())) }); err != nil {
		t.Errorf("fault %d: Restore: %v", at, err)
	}
	if err := twice(func() error { return second(cards.Get(ctx, o.ID())) }); err != nil {
		t.Errorf("fault %d: Get: %v", at, err)
	}
	if err := twice(func() error { return cards.Purge(ctx, o.ID()) }); err != nil && !errors.Is(err, ErrNotFound) {
		t.Errorf("fault %d: Purge: %v", at, err)
	}
	err = second(cards.Get(ctx, o.ID()))
	if errors.Is(err, drivertest.ErrFault) || errors.Is(err, ErrUnknown) {
		err = second(cards.Get(ctx, o.ID()))
	}
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("fault %d: purged, and Get gave %v", at, err)
	}
}

func second[T any](_ T, err error) error { return err }

// heldLoad holds up whoever has read a document, once.
type heldLoad struct {
	driver.Driver
	once          sync.Once
	read, release chan struct{}
}

func (d *heldLoad) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	state, err := d.Driver.Load(ctx, table, id, at)
	d.once.Do(func() {
		close(d.read)
		<-d.release
	})
	return state, err
}

// TestPurgeLoading purges a document that somebody is loading: their handle is
// dead, and nobody finds it.
func TestPurgeLoading(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		held := &heldLoad{Driver: d, read: make(chan struct{}), release: make(chan struct{})}
		b := open(t, held, nil)
		away := b.create(Card{})
		of(&away.OObject).forget()
		id := away.ID()
		loaded := make(chan *OCard)
		go func() {
			o, _ := b.cards.Get(ctx, id)
			loaded <- o
		}()
		<-held.read
		if err := b.cards.Purge(ctx, id); err != nil {
			t.Error(err)
		}
		close(held.release)
		o := <-loaded
		eventually(t, "nobody finds it", func() bool {
			_, err := b.cards.Get(ctx, id)
			return errors.Is(err, ErrNotFound)
		})
		eventually(t, "the handle is dead", func() bool {
			return o == nil || errors.Is(o.Update(func(*OCard) error { return nil }), ErrDeleted)
		})
	})
}

// TestRestoreUnheard restores what another process has deleted and this one has
// not heard of: the handle from before is dead, and the one that is given lives.
func TestRestoreUnheard(t *testing.T) {
	for _, fed := range []bool{false, true} {
		w := writers(t, 2, fed, &Options{Window: time.Hour})
		theirs := w[0].create(Card{Query: CardQuery{Owner: "ann"}})
		ours := must(w[1].cards.Get(ctx, theirs.ID()))(t)
		release := hold(t, of(&ours.OObject)) // nothing gets there
		if err := theirs.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		restored := make(chan *OCard)
		go func() {
			o, err := w[1].cards.Restore(ctx, theirs.ID())
			if err != nil {
				t.Error(err)
			}
			restored <- o
		}()
		release()
		o := <-restored
		if err := o.Update(func(o *OCard) error { o.SetCount(1); return nil }); err != nil {
			t.Errorf("fed %v: what was restored: %v", fed, err)
		}
		if err := o.Flush(ctx); err != nil {
			t.Errorf("fed %v: what was restored: %v", fed, err)
		}
		if err := ours.Update(func(*OCard) error { return nil }); !errors.Is(err, ErrDeleted) {
			t.Errorf("fed %v: the handle from before: %v", fed, err)
		}
	}
}
