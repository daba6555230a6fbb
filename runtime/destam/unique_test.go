package destam

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// slug gives what a card's slug is, "-" for none.
func slug(o *OCard) string {
	if s, ok := o.Query().Slug(); ok {
		return s
	}
	return "-"
}

// taken checks that an error says that holder has the slug.
func taken(t *testing.T, err error, holder ID) {
	t.Helper()
	var (
		e   *Error
		dup *driver.DuplicateError
	)
	if !errors.Is(err, ErrTaken) || !errors.As(err, &e) || !errors.As(err, &dup) {
		t.Fatalf("got %v, want an *Error that is ErrTaken", err)
	}
	if e.Path != "query.slug" || dup.Holder != holder {
		t.Errorf("got path %q and holder %s, want query.slug and %s: %v", e.Path, dup.Holder, holder, err)
	}
}

func TestTaken(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		a := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		o := b.create(Card{Query: CardQuery{Slug: ptr("o")}})
		_, err := b.cards.Create(ctx, Card{Query: CardQuery{Slug: ptr("a")}})
		taken(t, err, a.ID())
		taken(t, o.Query().SetSlug("a"), a.ID())
		if slug(o) != "o" {
			t.Errorf("slug %q after a refused set", slug(o))
		}
		err = o.Update(func(o *OCard) error { o.SetTitle("t"); return o.Query().SetSlug("a") })
		taken(t, err, a.ID())
		if slug(o) != "o" || o.Title() != "" {
			t.Errorf("slug %q, title %q after a refused Update", slug(o), o.Title())
		}
		// What an Update claimed and rolled back is free again.
		boom := errors.New("boom")
		if err := o.Update(func(o *OCard) error { return errors.Join(o.Query().SetSlug("c"), boom) }); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if err := a.Query().SetSlug("c"); err != nil {
			t.Errorf("what a rolled back Update claimed: %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = o.Update(func(o *OCard) error { _ = o.Query().SetSlug("d"); panic(boom) })
		}()
		if err := a.Query().SetSlug("d"); err != nil {
			t.Errorf("what a panicking Update claimed: %v", err)
		}
		taken(t, o.Query().SetSlug("d"), a.ID())
		if err := o.Query().SetSlug("a"); err != nil { // given up by a, not stored yet
			t.Error(err)
		}
		if err := o.Flush(ctx); err != nil {
			t.Errorf("a value that another document gave up before: %v", err)
		}
		if a.Pending() {
			t.Error("a was not stored before what depends on it")
		}
	})
}

// TestTakenInStore lets values be taken that only the store knows about.
func TestTakenInStore(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		holder := b.stored(Card{Query: CardQuery{Slug: ptr("a")}})
		o := b.create(Card{Query: CardQuery{Slug: ptr("o")}})
		_, err := b.cards.Create(ctx, Card{Query: CardQuery{Slug: ptr("a")}})
		taken(t, err, holder)
		err = o.Update(func(o *OCard) error { o.SetTitle("t"); return o.Query().SetSlug("a") })
		taken(t, err, holder)
		if slug(o) != "o" || o.Title() != "" || len(b.errs.take()) > 0 {
			t.Errorf("slug %q, title %q after a refused Update", slug(o), o.Title())
		}
		if err := o.Flush(ctx); err != nil {
			t.Errorf("the caller had this error already: %v", err)
		}

		// A bare setter finds out later. Only the slug is taken back, and what
		// was done after it stays.
		var origins []Origin
		var mu sync.Mutex
		stop := o.Watch(func(c *Commit) {
			mu.Lock()
			origins = append(origins, c.Origin)
			mu.Unlock()
		})
		defer stop()
		o.SetTitle("bare")
		if err := o.Query().SetSlug("a"); err != nil {
			t.Fatal(err)
		}
		if err := o.Update(func(o *OCard) error { o.SetCount(5); return nil }); err != nil {
			t.Fatal(err)
		}
		taken(t, o.Flush(ctx), holder)
		if slug(o) != "o" || o.Title() != "bare" || o.Count() != 5 || o.Pending() {
			t.Errorf("slug %q, title %q, count %d, pending %v", slug(o), o.Title(), o.Count(), o.Pending())
		}
		if got := o.Version(); got != 3 {
			t.Errorf("version %d, want 3: the window without the slug, and the Update", got)
		}
		list := b.errs.take()
		var refused *RefusedError
		if len(list) != 1 || !errors.As(list[0], &refused) || len(refused.Commit.Deltas) != 1 ||
			refused.Commit.Deltas[0].Path().String() != "query.slug" || refused.Commit.Deltas[0].New() != "a" {
			t.Errorf("reported %v", list)
		}
		if err := o.Flush(ctx); err != nil {
			t.Errorf("the next Flush gives the error again: %v", err)
		}
		if err := Settle(ctx, o); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if n := len(origins); n == 0 || origins[n-1] != TakenBack {
			t.Errorf("the listener heard of %v", origins)
		}
		if got := b.ids(CardWhere.Slug().Is("o")); len(got) != 1 || got[0] != o.ID() {
			t.Errorf("found %v by the slug that it has again", got)
		}
	})
}

// stored makes a card that is in the store and not in memory.
func (b *base) stored(c Card) ID {
	b.t.Helper()
	o := b.create(c)
	if err := o.Flush(ctx); err != nil {
		b.t.Fatal(err)
	}
	l := of(&o.OObject)
	b.cards.t.claims.drop(l.claimant)
	b.cards.t.cache.Remove(l.id, l)
	return l.id
}

// TestPassOn lets documents pass unique values on, in every order in which
// they can come to be stored.
func TestPassOn(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		const n = 5
		for _, backward := range []bool{false, true} {
			t.Run(fmt.Sprint(backward), func(t *testing.T) {
				var b *base
				if b == nil {
					b = open(t, drivers[0].open(t), &Options{Window: time.Hour})
				}
				var os []*OCard
				for i := range n {
					os = append(os, b.create(Card{Query: CardQuery{Slug: ptr(fmt.Sprint(i))}}))
				}
				for i := n - 1; i >= 0; i-- { // the last makes room, and each moves up
					if err := os[i].Query().SetSlug(fmt.Sprint(i + 1)); err != nil {
						t.Fatal(err)
					}
				}
				order := os
				if backward {
					order = []*OCard{os[4], os[3], os[2], os[1], os[0]}
				}
				for _, o := range order {
					if err := o.Flush(ctx); err != nil {
						t.Fatal(err)
					}
				}
				for i, o := range os {
					if slug(o) != fmt.Sprint(i+1) || o.Pending() {
						t.Errorf("card %d has slug %s, pending %v", i, slug(o), o.Pending())
					}
				}
			})
		}
		_ = d
	})
}

// TestCircle lets two documents exchange values step by step: as two versions
// no order is possible, so that one of them must give way.
func TestCircle(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		a := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		o := b.create(Card{Query: CardQuery{Slug: ptr("o")}})
		for _, set := range []error{a.Query().SetSlug("x"), o.Query().SetSlug("a"), a.Query().SetSlug("o")} {
			if set != nil {
				t.Fatal(set)
			}
		}
		a.SetTitle("kept")
		err := b.Flush(ctx)
		if !errors.Is(err, ErrTaken) {
			t.Fatalf("a circle was stored: %v", err)
		}
		if slug(a) == slug(o) || a.Title() != "kept" || a.Pending() || o.Pending() {
			t.Errorf("slugs %s and %s, title %q, pending %v and %v", slug(a), slug(o), a.Title(), a.Pending(), o.Pending())
		}
		for _, err := range b.errs.take() {
			if !errors.Is(err, ErrTaken) {
				t.Error(err)
			}
		}
	})
}

// TestUniqueRace lets many take the same value in every way at once: one has
// it in the end, everybody else was told.
func TestUniqueRace(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		const rounds, n = 20, 8
		for round := range rounds {
			want := fmt.Sprint("s", round)
			var os [n]*OCard
			for i := range os {
				os[i] = b.create(Card{})
			}
			var wg sync.WaitGroup
			var have atomic.Int32
			for i := range n {
				wg.Go(func() {
					var err error
					switch i % 3 {
					case 0:
						err = os[i].Query().SetSlug(want)
					case 1:
						err = os[i].Update(func(o *OCard) error { return o.Query().SetSlug(want) })
					case 2:
						_, err = b.cards.Create(ctx, Card{Query: CardQuery{Slug: ptr(want)}})
					}
					if err == nil {
						have.Add(1)
					} else if !errors.Is(err, ErrTaken) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if err := b.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if got := b.ids(CardWhere.Slug().Is(want)); have.Load() != 1 || len(got) != 1 {
				t.Errorf("%d of %d were told that they have it, %d do", have.Load(), n, len(got))
			}
		}
	})
}

func TestInvalidText(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		if _, err := b.cards.Create(ctx, Card{Query: CardQuery{Owner: "\xff"}}); err == nil {
			t.Error("created with an owner that is not UTF-8")
		}
		o := b.create(Card{Title: "\xff"})
		o.SetTitle("\xfe\xff")
		o.Query().SetOwner("\xff")
		err := o.Flush(ctx)
		var e *Error
		if !errors.As(err, &e) || o.Query().Owner() != "" || o.Title() != "\xfe\xff" || o.Pending() {
			t.Errorf("owner %q, title %q, error %v", o.Query().Owner(), o.Title(), err)
		}
		if list := b.errs.take(); len(list) != 1 || list[0].(*Error).Path != "query.owner" {
			t.Errorf("reported %v", list)
		}
	})
}
