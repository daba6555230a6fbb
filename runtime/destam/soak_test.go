package destam

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs"
)

// soaked is what must be true of one document in the end.
type soaked struct {
	id     ID
	counts atomic.Int64 // Transacts that succeeded
	mu     sync.Mutex   // held by whoever deletes and restores it
	gone   bool
	title  string // set last, by who has mu
}

// TestSoak lets many goroutines do everything at once to the same documents,
// opens the store again, and compares it with what was acknowledged. With
// DESTAM_LONG=1 it takes ten minutes, 64 goroutines and 10,000 documents.
func TestSoak(t *testing.T) {
	goroutines, documents, steps, until := 8, 40, 60, time.Time{}
	if os.Getenv("DESTAM_LONG") != "" {
		goroutines, documents, steps, until = 64, 10_000, 1<<40, time.Now().Add(10*time.Minute)
	}
	dir := t.TempDir()
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	opts := &Options{Window: time.Millisecond}
	opts.tuning.checkpoint = 256
	opts.OnError = func(err error) { // what was set while somebody else deleted
		if !errors.Is(err, ErrDeleted) {
			t.Error(err)
		}
	}
	db, err := Open(ctx, store, opts)
	if err != nil {
		t.Fatal(err)
	}
	cards := CardTable(db)
	docs := make([]*soaked, documents)
	for i := range docs {
		o := must(cards.Create(ctx, Card{Query: CardQuery{Owner: fmt.Sprint("owner ", i%7)}}))(t)
		docs[i] = &soaked{id: o.ID()}
	}
	live := must(cards.Live(ctx, CardWhere.Owner().Is("owner 3")))(t)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 9))
			for step := 0; step < steps && !t.Failed() && (until.IsZero() || time.Now().Before(until)); step++ {
				if err := docs[r.IntN(documents)].soak(cards, r); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDeleted) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b := &base{DB: db, t: t, cards: cards}
	(&followed{text: "owner 3", where: []Predicate[*OCard]{CardWhere.Owner().Is("owner 3")}, live: live}).check(b)
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	store, err = fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	b = open(t, store, nil)
	for _, d := range docs {
		d.check(b)
	}
}

// soak does something to a document.
func (d *soaked) soak(cards *OCardTable, r *rand.Rand) error {
	switch r.IntN(10) {
	case 0:
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.gone {
			_, err := cards.Restore(ctx, d.id)
			d.gone = err != nil
			return err
		}
		err := cards.Delete(ctx, d.id)
		d.gone = err == nil
		return err
	case 1:
		d.mu.Lock()
		defer d.mu.Unlock()
		o, err := cards.Get(ctx, d.id)
		if err != nil {
			return err
		}
		title := fmt.Sprint(r.Uint64())
		if err := o.Update(func(o *OCard) error { o.SetTitle(title); return nil }); err != nil {
			return err
		}
		d.title = title
		return o.Flush(ctx)
	case 2:
		o, err := cards.Get(ctx, d.id)
		if err == nil {
			o.Tags().Append("x")
			o.Query().SetYear(r.IntN(5))
		}
		return err
	case 3:
		_, err := Count(ctx, cards, CardWhere.Year().Is(r.IntN(5)))
		return err
	case 4:
		for _, err := range History(ctx, cards, d.id, Backwards()) {
			if err != nil || r.IntN(5) == 0 {
				return err
			}
		}
		return nil
	case 5:
		_, err := cards.At(ctx, d.id, 1)
		return err
	}
	err := cards.Transact(ctx, d.id, func(o *OCard) error { o.SetCount(o.Count() + 1); return nil })
	if err == nil {
		d.counts.Add(1)
	}
	return err
}

// check compares a document of a store that was opened again.
func (d *soaked) check(b *base) {
	b.t.Helper()
	o, err := b.cards.Get(ctx, d.id)
	if d.gone {
		if !errors.Is(err, ErrNotFound) {
			b.t.Errorf("%s is deleted, and Get gave %v", d.id, err)
		}
		if o, err = b.cards.Restore(ctx, d.id); err != nil {
			b.t.Fatal(err)
		}
	} else if err != nil {
		b.t.Fatal(err)
	}
	if o.Count() != int(d.counts.Load()) || o.Title() != d.title {
		b.t.Errorf("%s: count %d and title %q, want %d and %q", d.id, o.Count(), o.Title(), d.counts.Load(), d.title)
	}
	head := must(b.cards.t.db.driver.Head(ctx, "cards", d.id))(b.t)
	at := must(b.cards.At(ctx, d.id, head.Seq))(b.t)
	if diff := cmp.Diff(o.Snapshot(), at, same); diff != "" {
		b.t.Errorf("%s (-shown +as of its newest version)\n%s", d.id, diff)
	}
}
