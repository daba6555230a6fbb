package destam

import (
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

func TestTransact(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(sample())
		id := o.ID()
		var heard []string
		stop := o.Watch(func(c *Commit) { heard = append(heard, fmt.Sprint(c.By, c.Deltas)) })
		defer stop()
		o.SetTitle("pending") // is stored first, and seen
		heard = nil
		err := b.cards.Transact(ctx, id, func(c *OCard) error {
			if c == o || c.Title() != "pending" || c.ID() != id || c.Version() != 2 {
				t.Errorf("the copy is %v, %q, version %d", c.ID(), c.Title(), c.Version())
			}
			c.SetTitle(c.Title() + "!")
			c.Lines().At(0).SetText("sell")
			if o.Title() != "pending" || o.Lines().At(0).Text() != "buy" {
				t.Error("it is shown before it is stored")
			}
			return nil
		}, By("ann"))
		if err != nil {
			t.Fatal(err)
		}
		if o.Version() != 3 || o.Pending() || o.Title() != "pending!" {
			t.Errorf("version %d, pending %v, %q", o.Version(), o.Pending(), o.Title())
		}
		want := []string{`ann[modify title: "pending" to "pending!" modify lines.0.text: "buy" to "sell"]`}
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("heard (-want +got)\n%s", diff)
		}
		if got, v := b.asStored(id); v != 3 || !cmp.Equal(got, o.Snapshot(), same) {
			t.Errorf("stored as version %d: %s", v, cmp.Diff(o.Snapshot(), got, same))
		}
		no := errors.New("no")
		err = b.cards.Transact(ctx, id, func(c *OCard) error { c.SetTitle("x"); return no })
		if err != no || o.Version() != 3 || o.Title() != "pending!" {
			t.Errorf("an error gave %v, version %d", err, o.Version())
		}
		if err := b.cards.Transact(ctx, id, func(*OCard) error { return nil }); err != nil || o.Version() != 3 {
			t.Errorf("nothing gave %v, version %d", err, o.Version())
		}
		if err := b.cards.Transact(ctx, ID{7}, func(*OCard) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("no document gave %v", err)
		}
	})
}

// TestTransactQuicker stores something else while a function runs: it runs
// again on what there is then. What is pending is expressed on the result.
func TestTransactQuicker(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{Count: 1, Lines: []Line{{Text: "a"}}})
		runs := 0
		err := b.cards.Transact(ctx, o.ID(), func(c *OCard) error {
			if runs++; runs == 1 {
				o.SetCount(10)
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			o.SetTitle("pending") // not stored when this is
			o.Lines().Append(Line{Text: "b"})
			c.SetCount(c.Count() + 1)
			c.Lines().Insert(0, Line{Text: "first"})
			return nil
		})
		if err != nil || runs != 2 || o.Count() != 11 || o.Title() != "pending" || !o.Pending() {
			t.Errorf("%v after %d runs: count %d, %q, pending %v", err, runs, o.Count(), o.Title(), o.Pending())
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		got, _ := b.asStored(o.ID())
		if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || got.Count != 11 || got.Title != "pending" {
			t.Errorf("stored (-shown +stored)\n%s", diff)
		}
	})
}

// TestTransactCounts lets many count on one document, by Transact, Update and
// bare setters of other fields: no count is lost.
func TestTransactCounts(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		o := b.create(Card{})
		var wg sync.WaitGroup
		const each = 15
		for g := range 3 {
			wg.Go(func() {
				for range each {
					if err := b.cards.Transact(ctx, o.ID(), func(c *OCard) error {
						c.SetCount(c.Count() + 1)
						c.Lines().Append(Line{Text: "t"})
						return nil
					}); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for i := range each {
					o.SetTitle(fmt.Sprint(g, i))
					o.Tags().Append("x")
				}
			})
		}
		wg.Wait()
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		got, v := b.asStored(o.ID())
		if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || v != o.Version() {
			t.Errorf("version %d, stored %d (-shown +stored)\n%s", o.Version(), v, diff)
		}
		if got.Count != 3*each || len(got.Lines) != 3*each || len(got.Tags) != 3*each {
			t.Errorf("count %d, %d lines, %d tags", got.Count, len(got.Lines), len(got.Tags))
		}
	})
}

func TestTransactUnique(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		other := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		o := b.create(Card{})
		take := func() error {
			return b.cards.Transact(ctx, o.ID(), func(c *OCard) error { return c.Query().SetSlug("a") })
		}
		if err := take(); !errors.Is(err, ErrTaken) {
			t.Errorf("a value that another document shows: %v", err)
		}
		other.Query().ClearSlug() // not stored yet
		if err := take(); err != nil {
			t.Fatal(err)
		}
		if got := b.ids(CardWhere.Slug().Is("a")); !slices.Equal(got, []ID{o.ID()}) {
			t.Errorf("found %v", got)
		}
		if err := other.Query().SetSlug("a"); !errors.Is(err, ErrTaken) {
			t.Errorf("after it: %v", err)
		}
	})
}

// TestTransactFaults lets each call of the driver fail in every way: what a
// Transact returns nil for is stored, what it returns a plain error for is not,
// and the live document shows what the store has.
func TestTransactFaults(t *testing.T) {
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
					cards := CardTable(db)
					if o, err := cards.Create(ctx, Card{Title: "a"}); err == nil {
						o.SetTitle("b")
						err := cards.Transact(ctx, o.ID(), func(c *OCard) error { c.SetCount(7); return nil })
						if again := o.Flush(ctx); err == nil && (again != nil && f.Fired() == 0 || o.Count() != 7) {
							t.Errorf("fault %d: %v, %v, count %d", at, err, again, o.Count())
						}
						if l, err := cards.t.read(ctx, o.ID()); err == nil {
							if got := as[*OCard](l.handle()).Snapshot(); !cmp.Equal(got, o.Snapshot(), same) && !o.Pending() {
								t.Errorf("fault %d: shown and stored differ\n%s", at, cmp.Diff(o.Snapshot(), got, same))
							}
						}
					}
					fired = f.Fired() > 0
					_ = db.Close(ctx) // may be what fails
				}
			})
		}
	}
}

// TestTransactExchange lets two Transacts take the value that the other document
// has let go of, and has not stored: neither may wait for the other for ever.
func TestTransactExchange(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		os := []*OCard{b.create(Card{Query: CardQuery{Slug: ptr("0")}}), b.create(Card{Query: CardQuery{Slug: ptr("1")}})}
		var cleared, both sync.WaitGroup
		cleared.Add(2)
		errs := make([]error, 2)
		for i, o := range os {
			both.Go(func() {
				first := true
				errs[i] = b.cards.Transact(ctx, o.ID(), func(c *OCard) error {
					if first {
						o.Query().ClearSlug()
						cleared.Done()
						cleared.Wait()
					}
					first = false
					return c.Query().SetSlug(fmt.Sprint(1 - i))
				})
			})
		}
		both.Wait()
		for i, err := range errs {
			if err != nil && !errors.Is(err, ErrTaken) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if err := b.Flush(ctx); err != nil {
			t.Error(err)
		}
		for i, o := range os {
			got, _ := b.asStored(o.ID())
			if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || errs[i] == nil && slug(o) != fmt.Sprint(1-i) {
				t.Errorf("%d: %v, slug %s (-shown +stored)\n%s", i, errs[i], slug(o), diff)
			}
		}
		b.errs.take()
	})
}

// TestTransactRestored runs a Transact on what another process has deleted and
// restored, and this one has not heard of: it is made on what was restored.
func TestTransactRestored(t *testing.T) {
	w := writers(t, 2, false, &Options{Window: time.Hour})
	theirs := w[0].create(Card{Title: "a"})
	id := theirs.ID()
	ours := must(w[1].cards.Get(ctx, id))(t)
	change := func(want error) {
		t.Helper()
		if err := w[1].cards.Transact(ctx, id, func(c *OCard) error { c.SetTitle(c.Title() + "b"); return nil }); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if err := theirs.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	must(w[0].cards.Restore(ctx, id))(t)
	change(nil)
	if title := must(w[1].cards.Get(ctx, id))(t).Title(); title != "ab" || ours.Title() != "a" {
		t.Errorf("%q, and by the handle from before %q", title, ours.Title())
	}
	if err := w[0].cards.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	change(ErrNotFound)
}
