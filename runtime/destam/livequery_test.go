package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// followed is a live query and somebody who folds what it tells.
type followed struct {
	text  string
	where []Predicate[*OCard]
	live  *Live[CardQuery]
	stop  func()

	mu   sync.Mutex
	hits map[ID]CardQuery
}

func (b *base) follow(text string, where ...Predicate[*OCard]) *followed {
	b.t.Helper()
	f := &followed{text: text, where: where, hits: map[ID]CardQuery{}}
	f.live = must(b.cards.Live(ctx, where...))(b.t)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop = f.live.Watch(func(c LiveChange[CardQuery]) {
		f.mu.Lock()
		defer f.mu.Unlock()
		old, had := f.hits[c.ID]
		if had != (c.Event != Added) || had && !cmp.Equal(old, c.Old, same) {
			b.t.Errorf("%s: %v %s, but it had %v: %+v", text, c.Event, c.ID, had, old)
		}
		if c.Event == Removed {
			delete(f.hits, c.ID)
		} else {
			f.hits[c.ID] = c.New
		}
	})
	for _, h := range f.live.All() {
		f.hits[h.ID] = h.Query
	}
	return f
}

// check holds that the live query is what a query finds now.
func (f *followed) check(b *base) {
	b.t.Helper()
	var want []Hit[CardQuery]
	for h, err := range b.cards.QueryAll(ctx, f.where...) {
		if err != nil {
			b.t.Fatal(err)
		}
		want = append(want, h)
	}
	if diff := cmp.Diff(want, f.live.All(), same); diff != "" {
		b.t.Fatalf("%s (-query +live)\n%s", f.text, diff)
	}
	if f.live.Len() != len(want) {
		b.t.Fatalf("%s: %d, not %d", f.text, f.live.Len(), len(want))
	}
	for _, h := range want {
		if !f.live.Has(h.ID) {
			b.t.Fatalf("%s has not %s", f.text, h.ID)
		}
	}
	if f.live.Has(ID{1}) {
		b.t.Fatal("has what is nowhere")
	}
}

// heard holds that who watches has been told of all that.
func (f *followed) heard(b *base) {
	b.t.Helper()
	if diff := f.unheard(); diff != "" {
		b.t.Fatalf("%s (-live +heard)\n%s", f.text, diff)
	}
}

// unheard is what who watches has not been told of.
func (f *followed) unheard() (diff string) {
	want := map[ID]CardQuery{}
	for _, h := range f.live.All() {
		want[h.ID] = h.Query
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return cmp.Diff(want, f.hits, same)
}

// TestLive compares live queries with queries, and what they tell with what
// they find, through all that can happen to documents: set and not stored,
// rolled back, stored, taken back, deleted, restored, purged.
func TestLive(t *testing.T) {
	rounds := uint64(2)
	if os.Getenv("DESTAM_LONG") != "" {
		rounds = 60
	}
	for seed := range rounds {
		inBubble(t, func(t *testing.T, d driver.Driver) {
			r := rand.New(rand.NewPCG(seed, 5))
			b := open(t, d, &Options{Window: time.Hour})
			var cards []*OCard
			var gone []ID
			var lives []*followed
			for range 8 {
				cards = append(cards, b.create(Card{Query: randomQuery(r)}))
			}
			for step := range 80 {
				if step%15 == 0 && len(lives) < 10 {
					var where []Predicate[*OCard]
					var text []string
					for range r.IntN(3) {
						q := randomQuestion(r)
						where, text = append(where, q.pred), append(text, q.text)
					}
					if r.IntN(4) == 0 {
						where = append(where, b.cards.After(pick(r, cards).ID()))
					}
					lives = append(lives, b.follow(strings.Join(text, ", "), where...))
				}
				o := pick(r, cards)
				var err error
				switch r.IntN(10) {
				case 0:
					o.Query().Assign(randomQuery(r))
				case 1:
					err = o.Update(func(o *OCard) error { o.Query().Assign(randomQuery(r)); return nil })
				case 2:
					err = o.Flush(ctx)
				case 3:
					_ = o.Update(func(o *OCard) error { o.Query().Assign(randomQuery(r)); return errors.New("no") })
				case 4:
					cards = append(cards, b.create(Card{Query: randomQuery(r)}))
				case 5:
					if len(cards) > 3 {
						err = o.Delete(ctx)
						gone = append(gone, o.ID())
						cards = slices.DeleteFunc(cards, func(c *OCard) bool { return c == o })
					}
				case 6:
					if len(gone) > 0 {
						o, restored := b.cards.Restore(ctx, gone[0])
						if errors.Is(restored, ErrTaken) {
							break
						}
						if err = restored; err == nil {
							cards, gone = append(cards, o), gone[1:]
						}
					}
				case 7:
					if len(cards) > 3 && r.IntN(3) == 0 {
						err = b.cards.Purge(ctx, o.ID())
						cards = slices.DeleteFunc(cards, func(c *OCard) bool { return c == o })
					}
				case 8:
					o.SetTitle(fmt.Sprint(step))
				case 9: // another document gets the value, and the store refuses one of them
					_ = o.Query().SetSlug("a")
					err = b.cards.Flush(ctx, o.ID())
					if errors.Is(err, ErrTaken) {
						b.errs.take()
						err = nil
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range lives {
					f.check(b)
				}
				if r.IntN(4) == 0 {
					time.Sleep(10 * time.Millisecond)
					synctest.Wait()
					for _, f := range lives {
						f.heard(b)
					}
				}
			}
			for i, f := range lives {
				if i%2 == 0 {
					f.stop()
				}
				f.live.Close()
			}
			if n := b.cards.t.lives.count.Load(); n != 0 {
				t.Errorf("%d are left", n)
			}
			synctest.Wait()
		})
	}
}

// TestLiveTakenBack holds that a live query follows what is taken back, and
// finds what is created and set while it begins.
func TestLiveTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		holder := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		id := holder.ID()
		of(&holder.OObject).forget() // as if nobody had it: only the store knows that the value is taken
		b.cards.t.claims.drop(of(&holder.OObject).claimed.Load())
		o := b.create(Card{Query: CardQuery{Owner: "ann"}})
		live := must(b.cards.Live(ctx, CardWhere.Slug().Is("a")))(t)
		defer live.Close()
		if err := o.Query().SetSlug("a"); err != nil {
			t.Fatal(err)
		}
		if live.Len() != 2 || !live.Has(o.ID()) {
			t.Errorf("%d while it is shown", live.Len())
		}
		if err := o.Flush(ctx); !errors.Is(err, ErrTaken) {
			t.Fatal(err)
		}
		b.errs.take()
		if live.Len() != 1 || !live.Has(id) {
			t.Errorf("%d after it was taken back", live.Len())
		}
	})
}

// TestLiveRace begins and ends live queries while documents change, appear and
// go: each is exact when all is quiet.
func TestLiveRace(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		var wg sync.WaitGroup
		for g := range 3 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 6))
				o, err := b.cards.Create(ctx, Card{Query: randomQuery(r)})
				for range 60 {
					switch {
					case err != nil:
						t.Error(err)
						return
					case r.IntN(8) == 0:
						id := o.ID()
						if err = o.Delete(ctx); err == nil && r.IntN(2) == 0 {
							o, err = b.cards.Restore(ctx, id)
						} else if err == nil {
							o, err = b.cards.Create(ctx, Card{Query: randomQuery(r)})
						}
					case r.IntN(5) == 0:
						err = o.Flush(ctx)
					default:
						o.Query().Assign(randomQuery(r))
					}
					runtime.Gosched()
				}
			})
		}
		var mu sync.Mutex
		var lives []*followed
		for g := range 2 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 7))
				for i := range 25 {
					q := randomQuestion(r)
					live, err := b.cards.Live(ctx, q.pred)
					if err != nil {
						t.Error(err)
						return
					}
					if live.All(); i%2 == 0 {
						live.Close()
						continue
					}
					mu.Lock()
					lives = append(lives, &followed{text: q.text, where: []Predicate[*OCard]{q.pred}, live: live})
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for _, f := range lives {
			f.check(b)
			f.live.Close()
		}
	})
}

func TestLiveChanges(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	live := must(b.cards.Live(ctx, CardWhere.Owner().Is("ann")))(t)
	var o *OCard
	next := make(chan string)
	go func() {
		defer close(next)
		for c, err := range live.Changes(ctx) {
			if err != nil {
				next <- err.Error()
				return
			}
			next <- fmt.Sprintf("%s %q %q", c.Event, c.Old.Labels, c.New.Labels)
		}
	}()
	for subscribed := false; !subscribed; runtime.Gosched() {
		b.cards.t.lives.mu.Lock()
		subscribed = len(live.q.subs) == 1
		b.cards.t.lives.mu.Unlock()
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { o = b.create(Card{Query: CardQuery{Owner: "ann", Labels: []string{"x"}}}) }, `added [] ["x"]`},
		{func() { o.Query().Labels().Append("y") }, `changed ["x"] ["x" "y"]`},
		{func() { o.Query().SetOwner("bob") }, `removed ["x" "y"] []`},
	} {
		step.do()
		if got := <-next; got != step.want {
			t.Errorf("got %s, want %s", got, step.want)
		}
	}
	live.Close()
	if got, ok := <-next; ok {
		t.Errorf("after Close: %s", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, err := range must(b.cards.Live(ctx))(t).Changes(ended) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	if _, err := b.cards.Live(ctx, b.cards.Limit(3)); err == nil {
		t.Error("a live query with a limit")
	}
	panics := must(b.cards.Live(ctx, CardWhere.Owner().Is("cy")))(t)
	heard := make(chan bool)
	panics.Watch(func(c LiveChange[CardQuery]) {
		if c.Event == Added {
			panic("ouch")
		}
		heard <- true
	})
	o.Query().SetOwner("cy")
	eventually(t, "it is reported", func() bool {
		b.errs.mu.Lock()
		defer b.errs.mu.Unlock()
		return len(b.errs.list) > 0
	})
	o.Query().SetOwner("dan")
	<-heard
	if errs := b.errs.take(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "ouch") {
		t.Errorf("a panic gave %v", errs)
	}
}

// TestLiveClosed ends a database that has live queries.
func TestLiveClosed(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		b.create(Card{})
		live := must(b.cards.Live(ctx))(t)
		live.Watch(func(LiveChange[CardQuery]) {})
		ended := make(chan error)
		go func() {
			var last error
			for _, err := range live.Changes(ctx) {
				last = err
			}
			ended <- last
		}()
		for subscribed := false; !subscribed; runtime.Gosched() {
			b.cards.t.lives.mu.Lock()
			subscribed = len(live.q.subs) == 2
			b.cards.t.lives.mu.Unlock()
		}
		if err := b.DB.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("a loop ended with %v", err)
		}
		if _, err := b.cards.Live(ctx); !errors.Is(err, ErrClosed) {
			t.Errorf("Live gave %v", err)
		}
		if live.Close(); live.Len() != 1 {
			t.Errorf("it has %d", live.Len())
		}
	})
}

// TestLiveAgain holds that a live query is never answered by asking the store
// again.
func TestLiveAgain(t *testing.T) {
	f := &finds{Driver: memory.Open(nil)}
	b := open(t, f, nil)
	o := b.create(Card{Query: CardQuery{Owner: "ann"}})
	live := must(b.cards.Live(ctx, CardWhere.Owner().Is("ann")))(t)
	defer live.Close()
	f.n = 0
	for i := range 20 {
		o.Query().SetOwner([]string{"ann", "bob"}[i%2])
		if live.Has(o.ID()) != (i%2 == 0) {
			t.Fatal(i)
		}
	}
	if f.n > 0 {
		t.Errorf("the store was asked %d times", f.n)
	}
}

// finds counts the searches of a driver.
type finds struct {
	driver.Driver
	n int
}

func (f *finds) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	f.n++
	return f.Driver.Find(ctx, table, q)
}

// TestLiveChangesClosed holds what ends loops over the changes of a live query,
// whether they begin before that or after.
func TestLiveChangesClosed(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	closed, live := must(b.cards.Live(ctx))(t), must(b.cards.Live(ctx))(t)
	ends := func(l *Live[CardQuery]) (last error) {
		for _, last = range l.Changes(ctx) {
		}
		return last
	}
	closed.Close()
	early := make(chan error)
	go func() { early <- ends(live) }()
	if err := b.DB.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"before": <-early, "after": ends(live)} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("a loop that began %s the database was closed ended with %v", name, err)
		}
	}
	if err := ends(closed); err != nil {
		t.Errorf("a loop over what its user had closed ended with %v", err)
	}
}

// TestLiveBetween begins live queries between the store's word that a document
// is deleted and the moment when this process has taken it out of everything:
// what was set before is not in the store, and still here, and must not be found
// for ever.
func TestLiveBetween(t *testing.T) {
	ann := CardWhere.Owner().Is("ann")
	t.Run("deleted here", func(t *testing.T) {
		onEach(t, func(t *testing.T, d driver.Driver) {
			b := open(t, d, &Options{Window: time.Hour})
			o := b.create(Card{})
			o.Query().SetOwner("ann")
			l := of(&o.OObject)
			l.doc.Seal()
			if err := l.acquire(ctx); err != nil {
				t.Fatal(err)
			}
			r := must(l.next(l.doc.Waiting(), &driver.Commit{Table: "cards", ID: l.id, Kind: driver.KindDelete, Time: time.Now().UTC()}))(t)
			if err := b.batches.send(ctx, r); err != nil {
				t.Fatal(err)
			}
			outcome := l.conclude(r)
			l.release()
			live := must(b.cards.Live(ctx, ann))(t)
			defer live.Close()
			if _, err := l.follow(ctx, outcome); !errors.Is(err, ErrDeleted) {
				t.Fatal(err)
			}
			if n := live.Len(); n != 0 {
				t.Errorf("%d are found", n)
			}
		})
	})
	t.Run("deleted elsewhere", func(t *testing.T) {
		w := writers(t, 2, true, &Options{Window: time.Hour})
		o := w[0].create(Card{})
		ours := must(w[1].cards.Get(ctx, o.ID()))(t)
		ours.Query().SetOwner("ann")
		l := of(&ours.OObject)
		release := hold(t, l)
		first := must(w[1].cards.Live(ctx, ann))(t)
		defer first.Close()
		if err := w[0].cards.Delete(ctx, o.ID()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the feed tells", func() bool { return first.Len() == 0 })
		second := must(w[1].cards.Live(ctx, ann))(t)
		defer second.Close()
		release()
		eventually(t, "it is dead", func() bool { return ours.Update(func(*OCard) error { return nil }) != nil })
		eventually(t, "nobody finds it", func() bool { return second.Len() == 0 })
		if err := w[1].DB.Close(ctx); err != nil {
			t.Error(err)
		}
		w[1].errs.take() // what was set, and is not stored
	})
	t.Run("restored, and deleted again", func(t *testing.T) {
		w := writers(t, 2, true, &Options{Window: time.Hour})
		o := w[0].create(Card{Query: CardQuery{Owner: "ann"}})
		ours := must(w[1].cards.Get(ctx, o.ID()))(t)
		l := of(&ours.OObject)
		release := hold(t, l)
		live := must(w[1].cards.Live(ctx, ann))(t)
		defer live.Close()
		for range 2 {
			if err := w[0].cards.Delete(ctx, o.ID()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is deleted", func() bool { return live.Len() == 0 })
			must(w[0].cards.Restore(ctx, o.ID()))(t)
			eventually(t, "it is restored", func() bool { return live.Len() == 1 })
		}
		ours.Query().SetOwner("bob")
		anns, bobs := must(w[1].cards.Live(ctx, ann))(t), must(w[1].cards.Live(ctx, CardWhere.Owner().Is("bob")))(t)
		defer anns.Close()
		defer bobs.Close()
		release()
		eventually(t, "the handle is dead", func() bool { return ours.Update(func(*OCard) error { return nil }) != nil })
		eventually(t, "what others have is found", func() bool { return live.Len() == 1 && anns.Len() == 1 && bobs.Len() == 0 })
		if err := w[1].DB.Close(ctx); err != nil {
			t.Error(err)
		}
		w[1].errs.take() // what was set, and is not stored
	})
}

// hold takes a document's slot, until release or the test's end.
func hold(t *testing.T, l *live) (release func()) {
	if err := l.acquire(ctx); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(l.release)
	t.Cleanup(release)
	return release
}
