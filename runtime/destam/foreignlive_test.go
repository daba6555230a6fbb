package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// lateFeed is a store whose feed waits before it tells of anything.
type lateFeed struct {
	*memory.Store
	open chan struct{}
}

func (s *lateFeed) Feed(ctx context.Context, since driver.Token) iter.Seq2[driver.FeedItem, error] {
	feed := s.Store.Feed(ctx, since)
	return func(yield func(driver.FeedItem, error) bool) {
		select {
		case <-s.open:
		case <-ctx.Done():
		}
		feed(yield)
	}
}

// TestLiveForeign holds that live queries follow what another database stores
// of documents that nobody has in memory here: created, changed in the section
// and elsewhere, deleted, restored and purged.
func TestLiveForeign(t *testing.T) {
	w := writers(t, 2, true, &Options{Window: time.Millisecond})
	a, b := w[0], w[1]
	ann := b.follow("ann", CardWhere.Owner().Is("ann"))
	rest := b.follow("labels", CardWhere.Labels().Has("home"))
	all := b.follow("all")
	is := func(step string, f *followed, want ...ID) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s: %v of %s", step, want, f.text), func() bool {
			var got []ID
			for _, h := range f.live.All() {
				got = append(got, h.ID)
			}
			return cmp.Equal(want, got, same)
		})
		if f.live.Len() != len(want) {
			t.Errorf("%s: %d of %s", step, f.live.Len(), f.text)
		}
		if n := len(b.cards.t.cache.All()); n > 0 {
			t.Fatalf("%s: %d documents are in memory", step, n)
		}
	}
	flush := func() {
		t.Helper()
		if err := a.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	o := a.create(Card{Query: CardQuery{Owner: "ann"}})
	p := a.create(Card{Query: CardQuery{Owner: "bob", Labels: []string{"home"}}})
	is("created", ann, o.ID())
	is("created", rest, p.ID())
	is("created", all, o.ID(), p.ID())
	o.SetTitle("nothing to do with it")
	flush()
	is("not in the section", ann, o.ID())
	p.Query().SetOwner("ann")
	o.Query().Labels().Append("home")
	flush()
	is("changed", ann, o.ID(), p.ID())
	is("changed", rest, o.ID(), p.ID())
	if err := a.cards.Delete(ctx, o.ID()); err != nil {
		t.Fatal(err)
	}
	is("deleted", ann, p.ID())
	o = must(a.cards.Restore(ctx, o.ID()))(t)
	is("restored", ann, o.ID(), p.ID())
	if err := a.cards.Purge(ctx, p.ID()); err != nil {
		t.Fatal(err)
	}
	is("purged", ann, o.ID())
	is("purged", all, o.ID())
	for _, f := range []*followed{ann, rest, all} {
		eventually(t, "who watches "+f.text, func() bool { return f.unheard() == "" })
		f.live.Close()
	}
}

// TestLiveForeignLate loads a document that is newer than what the feed has told
// of: its live queries must not miss what came before it was loaded.
func TestLiveForeignLate(t *testing.T) {
	store := memory.Open(&memory.Options{Shared: true})
	late := &lateFeed{store.Share(), make(chan struct{})}
	a, b := open(t, store, nil), open(t, late, nil)
	o := a.create(Card{Query: CardQuery{Owner: "ann"}})
	gone := a.create(Card{Query: CardQuery{Owner: "ann"}})
	ann, bob := b.follow("ann", CardWhere.Owner().Is("ann")), b.follow("bob", CardWhere.Owner().Is("bob"))
	o.Query().SetOwner("bob")
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := gone.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	got := must(b.cards.Get(ctx, o.ID()))(t) // as of now; the feed has told of nothing
	if got.Query().Owner() != "bob" {
		t.Fatalf("loaded as %q", got.Query().Owner())
	}
	// What is shown by a handle is seen by queries of the same process.
	if ann.live.Has(o.ID()) || !bob.live.Has(o.ID()) {
		t.Errorf("loaded as bob's: ann has it %v, bob %v", ann.live.Has(o.ID()), bob.live.Has(o.ID()))
	}
	close(late.open)
	eventually(t, "what the feed tells", func() bool {
		return ann.live.Len() == 0 && bob.live.Len() == 1 && bob.live.Has(o.ID())
	})
	runtime.KeepAlive(got)
	for _, f := range []*followed{ann, bob} {
		f.check(b)
		f.live.Close()
	}
}

// TestLiveForeignModel has two databases change what both have, and one of
// them, or neither, keeps documents in memory; all live queries of both end as
// exactly what a query finds.
func TestLiveForeignModel(t *testing.T) {
	for seed := range uint64(12) {
		w := writers(t, 2, true, &Options{Window: time.Millisecond, OnConflict: func(Conflict) {}})
		r := rand.New(rand.NewPCG(seed, 4))
		var ids []ID
		var lives [2][]*followed
		for n, b := range w {
			for range 6 {
				q := randomQuestion(r)
				lives[n] = append(lives[n], b.follow(q.text, q.pred))
			}
		}
		var kept []*OCard
		for step := range 120 {
			b := w[r.IntN(2)]
			if len(ids) < 5 || r.IntN(15) == 0 {
				ids = append(ids, b.create(Card{Query: randomQuery(r)}).ID())
				continue
			}
			id := ids[r.IntN(len(ids))]
			o, err := b.cards.Get(ctx, id)
			switch {
			case err != nil && r.IntN(2) == 0:
				_, _ = b.cards.Restore(ctx, id) // or the other is quicker
			case err != nil:
			case r.IntN(12) == 0:
				if err := b.cards.Delete(ctx, id); err != nil {
					t.Fatal(err)
				}
			case r.IntN(3) == 0:
				o.SetCount(step)
			default:
				o.Query().Assign(randomQuery(r))
			}
			if err == nil && r.IntN(4) == 0 {
				kept = append(kept, o)
			}
			if r.IntN(10) == 0 {
				kept = nil
				runtime.GC()
			}
		}
		for range 2 { // what one takes back, the other hears of
			for _, b := range w {
				_ = b.Flush(ctx) // a document may have been deleted by the other
			}
		}
		for n, b := range w {
			for _, f := range lives[n] {
				eventually(t, fmt.Sprintf("seed %d: %s of database %d", seed, f.text, n), func() bool {
					var want []Hit[CardQuery]
					for h, err := range b.cards.QueryAll(ctx, f.where...) {
						if err != nil {
							t.Fatal(err)
						}
						want = append(want, h)
					}
					return cmp.Equal(want, f.live.All(), same)
				})
				f.live.Close()
			}
		}
		runtime.KeepAlive(kept)
		for _, b := range w {
			if err := b.DB.Close(ctx); err != nil {
				t.Error(err)
			}
			b.errs.take() // what was set while the other deleted
		}
	}
}

// deafFeed is a store whose feed fails until it is mended.
type deafFeed struct {
	*memory.Store
	mended chan struct{}
}

func (s *deafFeed) Feed(ctx context.Context, since driver.Token) iter.Seq2[driver.FeedItem, error] {
	select {
	case <-s.mended:
		return s.Store.Feed(ctx, since)
	default:
		return func(yield func(driver.FeedItem, error) bool) { yield(driver.FeedItem{}, errDeaf) }
	}
}

var errDeaf = errors.New("nothing is heard")

// TestLiveForeignMissed lets a feed fail for a while: live queries look anew when
// it is there again, and who watches hears what came and went meanwhile.
func TestLiveForeignMissed(t *testing.T) {
	store := memory.Open(&memory.Options{Shared: true})
	deaf := &deafFeed{store.Share(), make(chan struct{})}
	a, b := open(t, store, nil), open(t, deaf, nil)
	gone := a.create(Card{Query: CardQuery{Owner: "ann"}})
	ann, all := b.follow("ann", CardWhere.Owner().Is("ann")), b.follow("all")
	o := a.create(Card{Query: CardQuery{Owner: "ann"}})
	if err := gone.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	var reported []error
	eventually(t, "a report", func() bool { reported = append(reported, b.errs.take()...); return len(reported) > 0 })
	if !errors.Is(reported[0], errDeaf) {
		t.Errorf("reported %v", reported)
	}
	close(deaf.mended)
	for _, f := range []*followed{ann, all} {
		eventually(t, f.text, func() bool { return f.live.Len() == 1 && f.live.Has(o.ID()) })
		eventually(t, "who watches "+f.text, func() bool { return f.unheard() == "" })
		f.live.Close()
	}
}

// gap is a store whose feed is deaf until it is mended. It holds up who reads it
// with the context held for the first time, until others have read after that.
type gap struct {
	deafFeed
	once   sync.Once
	asked  chan struct{} // somebody has read, and is held up
	looked chan struct{} // others have read after the gap
}

func newGap(s *memory.Store) *gap {
	return &gap{deafFeed: deafFeed{s, make(chan struct{})}, asked: make(chan struct{}), looked: make(chan struct{}, 1)}
}

type heldKey struct{}

// held is the context of who is held up.
var held = context.WithValue(ctx, heldKey{}, true)

// read is called with the context of who has read.
func (s *gap) read(ctx context.Context) {
	if ctx.Value(heldKey{}) != nil {
		s.once.Do(func() {
			s.asked <- struct{}{}
			<-s.looked
		})
		return
	}
	select {
	case <-s.mended:
	default:
		return
	}
	select {
	case s.looked <- struct{}{}:
	default: // as often as the feed has failed
	}
}

func (s *gap) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		s.Store.Find(ctx, table, q)(yield)
		s.read(ctx)
	}
}

func (s *gap) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	state, err := s.Store.Load(ctx, table, id, at)
	s.read(ctx)
	return state, err
}

func (s *gap) Lend(ctx context.Context, table string, id driver.ID, at uint64, use func(*driver.State) error) error {
	return s.Store.Lend(ctx, table, id, at, func(state *driver.State) error {
		s.read(ctx)
		return use(state)
	})
}

func (s *gap) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	s.read(ctx)
	return s.Store.Log(ctx, table, id, r)
}

// TestLiveForeignBegins begins a live query, and loads a document, while nothing
// is heard of others, and both have read before and go on after that: what was
// stored in between is seen all the same.
func TestLiveForeignBegins(t *testing.T) {
	for _, test := range []string{"live", "load"} {
		t.Run(test, func(t *testing.T) {
			store := memory.Open(&memory.Options{Shared: true})
			deaf := newGap(store.Share())
			a, b := open(t, store, nil), open(t, deaf, nil)
			o := a.create(Card{Query: CardQuery{Owner: "bob"}})
			other := a.create(Card{Query: CardQuery{Owner: "eve"}})
			if err := a.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			// One of them is there to look again, which shows that all were told to.
			var looks any
			if test == "live" {
				looks = must(b.cards.Live(ctx, CardWhere.Owner().Is("eve")))(t)
			} else {
				looks = must(b.cards.Get(ctx, other.ID()))(t)
			}
			done := make(chan *Live[CardQuery])
			var loaded *OCard
			go func() {
				if test == "load" {
					loaded, _ = b.cards.Get(held, o.ID())
					done <- nil
					return
				}
				ann, _ := b.cards.Live(held, CardWhere.Owner().Is("ann"))
				done <- ann
			}()
			<-deaf.asked
			o.Query().SetOwner("ann")
			if err := a.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			close(deaf.mended)
			switch ann := <-done; test {
			case "live":
				eventually(t, "what was stored meanwhile", func() bool { return ann.Has(o.ID()) && ann.Len() == 1 })
				ann.Close()
				looks.(*Live[CardQuery]).Close()
			default:
				eventually(t, "what was stored meanwhile", func() bool { return loaded.Query().Owner() == "ann" })
				runtime.KeepAlive(looks)
			}
			if err := b.DB.Close(ctx); err != nil {
				t.Error(err)
			}
			for _, err := range b.errs.take() {
				if !errors.Is(err, errDeaf) {
					t.Error(err)
				}
			}
		})
	}
}
