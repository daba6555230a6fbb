package destam

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// feedless is a store that has other writers and does not tell of them.
type feedless struct{ driver.Driver }

// writers opens databases that share a store, with feeds or without.
func writers(t *testing.T, n int, feeds bool, opts *Options) (all []*base) {
	first := memory.Open(&memory.Options{Shared: true})
	for i := range n {
		var d driver.Driver = first
		if i > 0 {
			d = first.Share()
		}
		if !feeds {
			d = feedless{d}
		}
		all = append(all, open(t, d, opts))
	}
	return all
}

// eventually waits for what happens in the background.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// TestFollow shows what another database stores, to listeners too.
func TestFollow(t *testing.T) {
	w := writers(t, 2, true, &Options{Window: time.Hour})
	a := w[0].create(sample())
	b := must(w[1].cards.Get(ctx, a.ID()))(t)
	var (
		mu    sync.Mutex
		heard []*Commit
	)
	defer b.Watch(func(c *Commit) {
		mu.Lock()
		heard = append(heard, c)
		mu.Unlock()
	})()
	line := b.Lines().At(0)
	if err := a.Update(func(o *OCard) error {
		o.SetTitle("theirs")
		o.Tags().Append("z")
		return nil
	}, By("ann"), Because("import")); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the title", func() bool { return b.Title() == "theirs" && b.Version() == a.Version() })
	eventually(t, "the listener", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) > 0 })
	mu.Lock()
	defer mu.Unlock()
	if c := heard[0]; c.Origin != Remote || c.By != "ann" || c.Because != "import" || len(c.Deltas) != 2 {
		t.Errorf("heard %+v", c)
	}
	if b.Lines().At(0) != line || b.Pending() {
		t.Error("what did not change is another object, or is pending")
	}
	if diff := cmp.Diff(a.Snapshot(), b.Snapshot(), same, cmp.FilterPath(blank, cmp.Ignore())); diff != "" {
		t.Error(diff)
	}
}

func blank(p cmp.Path) bool { return p.Last().String() == "._" }

// TestLostRace writes over what another database has stored and this one has
// not seen: with and without a feed the later wins, slot by slot.
func TestLostRace(t *testing.T) {
	for _, feeds := range []bool{true, false} {
		t.Run(fmt.Sprintf("feeds %v", feeds), func(t *testing.T) {
			var (
				mu        sync.Mutex
				conflicts []Conflict
			)
			w := writers(t, 2, feeds, &Options{Window: time.Hour, OnConflict: func(c Conflict) {
				mu.Lock()
				conflicts = append(conflicts, c)
				mu.Unlock()
			}})
			a := w[0].create(sample())
			b := must(w[1].cards.Get(ctx, a.ID()))(t)
			b.SetCount(7)
			b.SetTitle("ours")
			b.Query().SetOwner("bob")
			if err := a.Update(func(o *OCard) error {
				o.SetTitle("theirs")
				o.Query().SetYear(1999)
				return nil
			}, By("ann")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(a.Flush(ctx), b.Flush(ctx)); err != nil {
				t.Fatal(err)
			}
			if !feeds {
				a.SetCount(8) // or it would not know
				if err := a.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				b.SetCount(9)
				if err := b.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				a.SetCount(9)
				if err := a.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "both are equal", func() bool { return cmp.Equal(a.Snapshot(), b.Snapshot(), same, cmp.FilterPath(blank, cmp.Ignore())) })
			v := b.Snapshot()
			if v.Title != "ours" || v.Query.Owner != "bob" || *v.Query.Year != 1999 {
				t.Errorf("ended as %+v", v)
			}
			if got := w[0].ids(CardWhere.Owner().Is("bob"), CardWhere.Year().Is(1999)); !slices.Equal(got, []ID{a.ID()}) {
				t.Errorf("found %v", got)
			}
			eventually(t, "the conflict is told", func() bool { mu.Lock(); defer mu.Unlock(); return len(conflicts) > 0 })
			mu.Lock()
			defer mu.Unlock()
			if conflicts[0].By != "ann" || !slices.Equal(conflicts[0].Paths, []string{"title"}) ||
				conflicts[0].Table != "cards" || conflicts[0].ID != a.ID() {
				t.Errorf("conflicts %+v", conflicts)
			}
		})
	}
}

// TestUpdateLosesRace takes an Update back whole when what it changed is gone.
func TestUpdateLosesRace(t *testing.T) {
	w := writers(t, 2, false, &Options{Window: time.Hour})
	a := w[0].create(sample())
	b := must(w[1].cards.Get(ctx, a.ID()))(t)
	if err := b.Update(func(o *OCard) error {
		o.SetTitle("ours")
		o.Lines().At(0).Sub().Append(Line{Text: "ours"})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.SetCount(5)
	a.Lines().Clear()
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(ctx); !errors.Is(err, ErrConflict) {
		t.Errorf("Flush gave %v", err)
	}
	if list := w[1].errs.take(); len(list) != 1 || !errors.Is(list[0], ErrConflict) {
		t.Errorf("reported %v", list)
	}
	if b.Title() != "Milk" || b.Lines().Len() != 0 || b.Count() != 5 || b.Pending() {
		t.Errorf("ended as %+v", b.Snapshot())
	}
}

// TestDeletedElsewhere ends a live document that another database deletes.
func TestDeletedElsewhere(t *testing.T) {
	for _, feeds := range []bool{true, false} {
		w := writers(t, 2, feeds, &Options{Window: time.Hour})
		a := w[0].create(sample())
		b := must(w[1].cards.Get(ctx, a.ID()))(t)
		if !feeds {
			b.SetTitle("ours")
		}
		if err := a.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		if feeds {
			eventually(t, "it is dead", func() bool { return b.Update(func(*OCard) error { return nil }) != nil })
		} else if err := b.Flush(ctx); !errors.Is(err, ErrDeleted) {
			t.Errorf("Flush gave %v", err)
		}
		if err := b.Update(func(*OCard) error { return nil }); !errors.Is(err, ErrDeleted) || b.Title() != "Milk" {
			t.Errorf("title %q, Update gave %v", b.Title(), err)
		}
		w[1].errs.take()
	}
}

// slowLoad is a store that takes its time to lend what a document is loaded from.
type slowLoad struct {
	*memory.Store
	loaded, goOn chan struct{}
}

func (d slowLoad) Lend(ctx context.Context, table string, id ID, at uint64, use func(*driver.State) error) error {
	return d.Store.Lend(ctx, table, id, at, func(s *driver.State) error {
		d.loaded <- struct{}{}
		<-d.goOn
		return use(s)
	})
}

// TestFollowWhileLoading hears of a commit that is stored between what a
// document is loaded from and when it is there.
func TestFollowWhileLoading(t *testing.T) {
	store := memory.Open(&memory.Options{Shared: true})
	slow := slowLoad{store.Share(), make(chan struct{}), make(chan struct{})}
	x, y := open(t, store, &Options{Window: time.Hour}), open(t, slow, &Options{Window: time.Hour})
	a, other := x.create(Card{}), x.create(Card{})
	got := make(chan *OCard)
	get := func(id ID) {
		o, err := y.cards.Get(ctx, id)
		if err != nil {
			t.Error(err)
		}
		got <- o
	}
	go get(other.ID())
	<-slow.loaded
	slow.goOn <- struct{}{}
	mark := <-got
	go get(a.ID())
	<-slow.loaded
	a.SetTitle("while loading")
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	other.SetTitle("after it") // in the feed: then that of a was told
	if err := other.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the feed has told", func() bool { return mark.Title() == "after it" })
	slow.goOn <- struct{}{}
	b := <-got
	eventually(t, "the newest", func() bool { return b.Title() == "while loading" })
}

// TestFollowFails fails each call of the store once while a document that lost
// a race catches up: it gets there all the same.
func TestFollowFails(t *testing.T) {
	for i := range 9 {
		how, m := drivertest.How(i%3), []drivertest.Method{drivertest.Append, drivertest.Log, drivertest.Load}[i/3]
		for at := 1; ; at++ {
			store := memory.Open(&memory.Options{Shared: true})
			x := open(t, store, &Options{Window: time.Hour})
			a := x.create(Card{})
			failing := drivertest.Faults(store.Share(), drivertest.Plan{At: at, How: how, Method: m, Seed: uint64(at)})
			y := open(t, failing, &Options{Window: time.Hour})
			b, err := y.cards.Get(ctx, a.ID())
			if err != nil {
				continue // the load failed
			}
			a.SetTitle("theirs")
			if err := a.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			b.SetCount(1)
			if err := errors.Join(b.Flush(ctx), b.Flush(ctx)); err != nil && failing.Fired() == 0 ||
				b.Title() != "theirs" || b.Version() != 3 {
				t.Errorf("%v %d: title %q, version %d, %v", how, at, b.Title(), b.Version(), err)
			}
			y.errs.take()
			if failing.Fired() == 0 {
				break
			}
		}
	}
}

// TestWriters lets databases write the same documents at random, and demands
// that all end equal, and equal to what a fresh one loads.
func TestWriters(t *testing.T) {
	const docs, each = 4, 120
	for _, feeds := range []bool{true, false} {
		t.Run(fmt.Sprintf("feeds %v", feeds), func(t *testing.T) {
			w := writers(t, 4, feeds, &Options{Window: time.Millisecond, OnConflict: func(Conflict) {}})
			var ids []ID
			for range docs {
				c := sample()
				c.Query.Slug = nil
				ids = append(ids, w[0].create(c).ID())
			}
			var group sync.WaitGroup
			for i, b := range w[:3] {
				group.Go(func() {
					r := rand.New(rand.NewPCG(7, uint64(i)))
					for range each {
						o := must(b.cards.Get(ctx, ids[r.IntN(docs)]))(t)
						scrawl(r, o)
						if r.IntN(8) == 0 {
							if err := o.Flush(ctx); err != nil && !expectedRace(err) {
								t.Error(err)
							}
						}
					}
				})
			}
			group.Wait()
			for _, b := range w[:3] {
				if err := b.Flush(ctx); err != nil && !expectedRace(err) {
					t.Fatal(err)
				}
			}
			for _, id := range ids {
				for _, b := range w[:3] {
					o := must(b.cards.Get(ctx, id))(t)
					if !feeds { // it hears of others when it writes only
						o.SetCount(-1)
						o.SetCount(0)
						if err := o.Update(func(o *OCard) error { o.SetTitle(fmt.Sprint(&o)); return nil }); err != nil {
							t.Fatal(err)
						}
						if err := o.Flush(ctx); err != nil && !expectedRace(err) {
							t.Fatal(err)
						}
					}
				}
				if !feeds {
					continue
				}
				fresh := must(w[3].cards.Get(ctx, id))(t).Snapshot()
				for _, b := range w[:3] {
					o := must(b.cards.Get(ctx, id))(t)
					eventually(t, "equal", func() bool { return cmp.Equal(o.Snapshot(), fresh, same, cmp.FilterPath(blank, cmp.Ignore())) })
				}
			}
			for _, b := range w {
				for _, err := range b.errs.take() {
					if !expectedRace(err) {
						t.Error(err)
					}
				}
			}
		})
	}
}

// expectedRace tells whether an error is of what goes wrong between writers.
func expectedRace(err error) bool {
	return errors.Is(err, ErrConflict) || errors.Is(err, ErrDropped) || errors.Is(err, ErrDetached)
}

// scrawl changes a card at random.
func scrawl(r *rand.Rand, o *OCard) {
	s := fmt.Sprint(r.IntN(100))
	change := func(o *OCard) {
		switch r.IntN(8) {
		case 0:
			o.SetTitle(s)
		case 1:
			o.SetCount(r.IntN(100))
		case 2:
			o.Query().SetOwner(s)
		case 3:
			o.Meta().Set(s, s)
		case 4:
			o.Tags().Insert(0, s)
		case 5:
			o.Lines().Append(Line{Text: s})
		case 6:
			for _, l := range o.Lines().All() {
				l.Sub().Append(Line{Text: s})
				break
			}
		case 7:
			if n := o.Lines().Len(); n > 3 {
				o.Lines().Clear()
			}
		}
	}
	if r.IntN(3) > 0 {
		change(o)
		return
	}
	_ = o.Update(func(o *OCard) error {
		change(o)
		change(o)
		return nil
	})
}
