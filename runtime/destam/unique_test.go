package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	b.cards.t.claims.drop(l.claimed.Load())
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

// TestLoadedClaims takes what a document has that was only loaded, and what one
// had that was collected.
func TestLoadedClaims(t *testing.T) {
	b := open(t, drivers[0].open(t), &Options{Window: time.Hour})
	id := b.stored(Card{Query: CardQuery{Slug: ptr("a")}})
	o := b.create(Card{})
	holder := must(b.cards.Get(ctx, id))(t)
	taken(t, o.Query().SetSlug("a"), id)
	runtime.KeepAlive(holder)
	b.stored(Card{Query: CardQuery{Slug: ptr("b")}})
	for deadline := time.Now().Add(20 * time.Second); ; runtime.GC() {
		b.cards.t.claims.mu.Lock()
		n := len(b.cards.t.claims.by)
		b.cards.t.claims.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d claims of documents that are gone", n)
		}
	}
	runtime.KeepAlive(o)
}

// late runs something between the answers of a Find and whoever asked.
type late struct {
	driver.Driver
	answered func()
	lost     atomic.Bool // Append does everything and loses the answers
}

func (l *late) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		for head, err := range l.Driver.Find(ctx, table, q) {
			if f := l.answered; f != nil {
				l.answered = nil
				f()
			}
			if !yield(head, err) {
				return
			}
		}
	}
}

func (l *late) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := l.Driver.Append(ctx, batch)
	if l.lost.Load() {
		for i := range results {
			results[i].Err = ErrUnknown
		}
	}
	return results
}

// TestUpdateOvertaken frees the value that an Update takes while it asks the
// store, and stores the Update: what the store has is not taken back.
func TestUpdateOvertaken(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("lost=%v", lost), func(t *testing.T) {
			onEach(t, func(t *testing.T, d driver.Driver) {
				between := &late{Driver: d}
				b := open(t, between, &Options{Window: time.Hour})
				holder := b.stored(Card{Query: CardQuery{Slug: ptr("a")}})
				o := b.create(Card{})
				between.answered = func() {
					if err := b.cards.Delete(ctx, holder); err != nil {
						t.Error(err)
					}
					between.lost.Store(lost)
					if err := o.Flush(ctx); lost != errors.Is(err, ErrUnknown) {
						t.Errorf("Flush gave %v", err)
					}
				}
				if err := o.Update(func(o *OCard) error { return o.Query().SetSlug("a") }); err != nil {
					t.Error(err)
				}
				between.lost.Store(false)
				o.SetTitle("later")
				if err := o.Flush(ctx); err != nil {
					t.Error(err)
				}
				got, _ := b.asStored(o.ID())
				if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || slug(o) != "a" || o.Pending() {
					t.Errorf("slug %s, pending %v (-shown +stored)\n%s", slug(o), o.Pending(), diff)
				}
				for _, err := range b.errs.take() {
					if !errors.Is(err, ErrUnknown) {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestOwnRow retries with a driver that does not know the retry, but has the
// commit.
func TestOwnRow(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		between := &late{Driver: &rows{Driver: d, tries: map[[16]byte]bool{}}}
		b := open(t, between, &Options{Window: time.Hour})
		o := b.create(Card{})
		o.SetTitle("a")
		between.lost.Store(true)
		if err := o.Flush(ctx); !errors.Is(err, ErrUnknown) {
			t.Errorf("Flush gave %v", err)
		}
		between.lost.Store(false)
		if err := o.Flush(ctx); err != nil || o.Version() != 2 || o.Title() != "a" {
			t.Errorf("version %d, title %q: %v", o.Version(), o.Title(), err)
		}
		b.errs.take()
	})
}

// rows answers a retry with the row that is in its place.
type rows struct {
	driver.Driver
	tries map[[16]byte]bool
}

func (r *rows) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := r.Driver.Append(ctx, batch)
	for i := range batch {
		if c := &batch[i]; r.tries[c.Try] {
			results[i].Err = &driver.SeqError{Want: c.Seq, Have: c.Seq, Row: c}
		} else {
			r.tries[c.Try] = true
		}
	}
	return results
}

// TestRefusedRace lets values come and go in the store while documents take
// them, in every way at once. In the end everybody agrees with the store.
func TestRefusedRace(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: 50 * time.Microsecond})
		slugs := []string{"a", "b", "c"}
		var os [3]*OCard
		for i := range os {
			os[i] = b.create(Card{})
		}
		var wg sync.WaitGroup
		for i := range 6 {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			wg.Go(func() {
				for n := range 150 {
					o, s := os[r.IntN(len(os))], slugs[r.IntN(len(slugs))]
					switch i {
					case 0: // somebody of whom nobody has a handle
						if other, err := b.cards.Create(ctx, Card{Query: CardQuery{Slug: &s}}); err == nil {
							l := of(&other.OObject)
							b.cards.t.claims.drop(l.claimed.Load())
							_ = other.Delete(ctx)
						}
					case 1:
						_ = o.Query().SetSlug(s)
						o.SetCount(n)
					case 2:
						_ = o.Update(func(o *OCard) error { o.Tags().Append("u"); return o.Query().SetSlug(s) })
					case 3:
						o.Query().ClearSlug()
						o.SetTitle(fmt.Sprint(n))
					default:
						_ = o.Flush(ctx)
					}
				}
			})
		}
		wg.Wait()
		_ = b.Flush(ctx)
		if err := b.Flush(ctx); err != nil {
			t.Error(err)
		}
		for _, o := range os {
			got, version := b.asStored(o.ID())
			if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || version != o.Version() || o.Pending() {
				t.Errorf("version %d, stored %d, pending %v (-shown +stored)\n%s", o.Version(), version, o.Pending(), diff)
			}
		}
		if err := b.DB.Close(ctx); err != nil && !errors.Is(err, ErrTaken) { // it waits for what is being reported
			t.Error(err)
		}
		for _, err := range b.errs.take() {
			if !errors.Is(err, ErrTaken) {
				t.Errorf("reported %v", err)
			}
		}
	})
}
