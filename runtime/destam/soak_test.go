package destam

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs"
)

// soaked is one document, and what must be true of it.
type soaked struct {
	id     ID
	slug   string       // unique, and its for ever
	counts atomic.Int64 // Transacts that succeeded

	// Held by who changes or asks about what is below; all else that is done to
	// the document needs no lock.
	mu    sync.Mutex
	gone  bool
	title string
	owner string
}

// soak is a store that many goroutines use, and what it must have.
type soak struct {
	*base
	most  int          // documents
	live  []*followed  // by owner
	began atomic.Int64 // documents that were begun; their number is their slug

	mu   sync.Mutex
	docs []*soaked // guarded by mu; only added to
}

const soakOwners = 7

func soakOwner(n int) string { return fmt.Sprint("owner ", n%soakOwners) }

// TestSoak lets many goroutines do everything at once to the same documents,
// opens the store again and again, and compares it with what was acknowledged.
// With DESTAM_LONG=1 it takes ten minutes, 64 goroutines and 10,000 documents.
func TestSoak(t *testing.T) {
	goroutines, documents, most, rounds, steps, each := 8, 40, 60, 3, 40, time.Hour
	if os.Getenv("DESTAM_LONG") != "" {
		goroutines, documents, most, rounds, steps, each = 64, 10_000, 11_000, 12, math.MaxInt, 50*time.Second
	}
	dir := t.TempDir()
	s := &soak{most: most}
	for round := range rounds {
		s.open(t, dir)
		if round == 0 {
			for range documents {
				if err := s.create(rand.New(rand.NewPCG(1, 1))); err != nil {
					t.Fatal(err)
				}
			}
		}
		until := time.Now().Add(each)
		var did atomic.Int64
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), uint64(round)))
				for step := 0; step < steps && !t.Failed() && time.Now().Before(until); step++ {
					if err := s.step(r); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
					did.Add(1)
				}
			})
		}
		wg.Wait()
		for n := range s.live {
			s.live[n].check(s.base)
			s.members(n)
			s.live[n].stop()
		}
		stats := s.DB.Stats()
		if err := s.DB.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
		t.Logf("round %d: %d steps on %d documents, %d versions, %d checkpoints, %d loads, %d hits",
			round, did.Load(), len(s.docs), stats.Versions, stats.Checkpoints, stats.Loads, stats.Hits)
	}
	s.open(t, dir)
	for _, d := range s.docs {
		d.check(s.base)
	}
	for n := range s.live {
		s.members(n)
	}
}

// open opens the store, as the next process does.
func (s *soak) open(t *testing.T, dir string) {
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	opts := &Options{Window: time.Millisecond, OnError: func(err error) {
		if !errors.Is(err, ErrDeleted) { // what was set while somebody else deleted
			t.Error(err)
		}
	}}
	opts.tuning.checkpoint = 256
	opts.tuning.patience = time.Minute // a goroutine of 64 on a busy machine may wait for a second
	db, err := Open(ctx, store, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(ctx); err != nil { // again, unless the test has failed
			t.Error(err)
		}
	})
	s.base = &base{DB: db, t: t, cards: CardTable(db)}
	s.live = nil
	for n := range soakOwners {
		s.live = append(s.live, s.follow(soakOwner(n), CardWhere.Owner().Is(soakOwner(n))))
	}
}

// members compares a live query with what must be true; nobody changes anything.
func (s *soak) members(n int) {
	s.t.Helper()
	var want, got []ID
	for _, d := range s.docs {
		if !d.gone && d.owner == soakOwner(n) {
			want = append(want, d.id)
		}
	}
	slices.SortFunc(want, ID.Compare)
	for _, h := range s.live[n].live.All() {
		got = append(got, h.ID)
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		s.t.Errorf("documents of %s (-want +live)\n%s", soakOwner(n), diff)
	}
}

// any gives some document.
func (s *soak) any(r *rand.Rand) *soaked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.docs[r.IntN(len(s.docs))]
}

func (s *soak) create(r *rand.Rand) error {
	n := int(s.began.Add(1))
	if n > s.most {
		return nil
	}
	d := &soaked{slug: fmt.Sprint("slug ", n), owner: soakOwner(r.IntN(soakOwners)), title: fmt.Sprint("title ", n)}
	o, err := s.cards.Create(ctx, Card{Title: d.title, Query: CardQuery{Owner: d.owner, Slug: &d.slug}})
	if err != nil {
		return err
	}
	if _, err := s.cards.Create(ctx, Card{Query: CardQuery{Slug: &d.slug}}); !errors.Is(err, ErrTaken) {
		return fmt.Errorf("a second document with %s: %v", d.slug, err)
	}
	d.id = o.ID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.docs = append(s.docs, d)
	return nil
}

// step does something to some document.
func (s *soak) step(r *rand.Rand) error {
	d := s.any(r)
	err := error(nil)
	switch r.IntN(12) {
	case 0:
		err = d.deleteOrRestore(s, r)
	case 1, 2:
		err = d.set(s, r)
	case 3:
		err = d.find(s)
	case 4:
		err = d.history(s, r)
	case 5:
		err = s.page(r)
	case 6:
		err = s.create(r)
	case 7: // whatever becomes of it
		o, err := s.cards.Get(ctx, d.id)
		if err == nil {
			o.Tags().Append("x")
			o.Query().SetYear(r.IntN(5))
			o.Lines().Append(Line{Text: "y"})
		}
		return passing(err)
	case 8:
		if r.IntN(50) == 0 {
			runtime.GC()
		}
		_, err = s.cards.At(ctx, d.id, 1)
		return err // also of a deleted one
	default:
		err = s.cards.Transact(ctx, d.id, func(o *OCard) error { o.SetCount(o.Count() + 1); return nil })
		if err == nil {
			d.counts.Add(1)
		}
		return passing(err)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", d.id, d.slug, err)
	}
	return err
}

// passing leaves out the errors of what somebody else has deleted.
func passing(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDeleted) {
		return nil
	}
	return err
}

func (d *soaked) deleteOrRestore(s *soak, r *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		o, err := s.cards.Restore(ctx, d.id)
		if err != nil {
			return err
		}
		d.gone = false
		return d.shows(o)
	}
	if r.IntN(2) == 0 { // with something that is not stored
		o, err := s.cards.Get(ctx, d.id)
		if err != nil {
			return err
		}
		d.title = fmt.Sprint("last ", r.Uint32())
		o.SetTitle(d.title)
	}
	err := s.cards.Delete(ctx, d.id)
	d.gone = err == nil
	return err
}

// set changes a document in one of the ways that there are, and mostly drops
// the handle at once.
func (d *soaked) set(s *soak, r *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := s.cards.Get(ctx, d.id)
	if d.gone {
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("it is deleted, and Get gave %w", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.shows(o); err != nil {
		return err
	}
	title, owner := fmt.Sprint(r.Uint64()), soakOwner(r.IntN(soakOwners))
	if r.IntN(2) == 0 {
		o.SetTitle(title)
		o.Query().SetOwner(owner)
	} else if err := o.Update(func(o *OCard) error {
		o.SetTitle(title)
		o.Query().SetOwner(owner)
		return nil
	}, By("soak")); err != nil {
		return err
	}
	d.title, d.owner = title, owner
	if r.IntN(4) == 0 {
		return o.Flush(ctx)
	}
	return nil
}

// shows compares a handle with what must be true; d.mu is held.
func (d *soaked) shows(o *OCard) error {
	if o.Title() != d.title || o.Query().Owner() != d.owner {
		return fmt.Errorf("shows title %q of %q, want %q of %q", o.Title(), o.Query().Owner(), d.title, d.owner)
	}
	return nil
}

// find asks for a document in every way; what was set is seen at once.
func (d *soaked) find(s *soak) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	slug, owner := CardWhere.Slug().Is(d.slug), CardWhere.Owner().Is(d.owner)
	hit, err := s.cards.Query(ctx, slug, owner)
	if d.gone {
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("it is deleted, and Query gave %v, %w", hit, err)
		}
	} else if err != nil || hit.ID != d.id || hit.Query.Owner != d.owner {
		return fmt.Errorf("query gave %v, %w", hit, err)
	}
	n, err := Count(ctx, s.cards, slug)
	if want := map[bool]int{false: 1}[d.gone]; err != nil || n != want {
		return fmt.Errorf("count gave %d, %w", n, err)
	}
	l, err := s.cards.Live(ctx, slug)
	if err != nil {
		return err
	}
	defer l.Close()
	if l.Has(d.id) == d.gone || l.Len() > 1 {
		return fmt.Errorf("gone %v, and a live query has %v", d.gone, l.All())
	}
	for n := range s.live {
		if has, want := s.live[n].live.Has(d.id), !d.gone && d.owner == soakOwner(n); has != want {
			return fmt.Errorf("gone %v, owner %s: the live query of %s has it: %v", d.gone, d.owner, soakOwner(n), has)
		}
	}
	return nil
}

// page goes through some pages of a query.
func (s *soak) page(r *rand.Rand) error {
	owner := soakOwner(r.IntN(soakOwners))
	var last ID
	for range 3 {
		n := 0
		for h, err := range s.cards.QueryAll(ctx, CardWhere.Owner().Is(owner), s.cards.After(last), s.cards.Limit(10)) {
			if err != nil {
				return err
			}
			if h.ID.Compare(last) <= 0 || h.Query.Owner != owner {
				return fmt.Errorf("asked for %s after %s, got %v", owner, last, h)
			}
			last, n = h.ID, n+1
		}
		if n > 10 {
			return fmt.Errorf("a page of %d", n)
		}
	}
	return nil
}

// history reads back and compares the newest version with what is shown.
func (d *soaked) history(s *soak, r *rand.Rand) error {
	want := uint64(0)
	for v, err := range History(ctx, s.cards, d.id, Backwards()) {
		if err != nil {
			return err
		}
		if want != 0 && v.Number != want {
			return fmt.Errorf("version %d follows on %d", v.Number, want+1)
		}
		if want = v.Number - 1; r.IntN(8) == 0 {
			break
		}
	}
	return nil
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
		d.gone = false
	} else if err != nil {
		b.t.Fatal(err)
	}
	if err := d.shows(o); err != nil {
		b.t.Errorf("%s: %v", d.id, err)
	}
	if o.Count() != int(d.counts.Load()) {
		b.t.Errorf("%s: count %d, want %d", d.id, o.Count(), d.counts.Load())
	}
	head := must(b.cards.t.db.driver.Head(ctx, "cards", d.id))(b.t)
	at := must(b.cards.At(ctx, d.id, head.Seq))(b.t)
	if diff := cmp.Diff(o.Snapshot(), at, same); diff != "" {
		b.t.Errorf("%s (-shown +as of its newest version)\n%s", d.id, diff)
	}
}
