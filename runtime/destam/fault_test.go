package destam

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// kept is a store that outlives its database, so that a test can look at what
// is left.
type kept struct{ driver.Driver }

func (kept) Attach(context.Context) error { return nil }
func (kept) Close(context.Context) error  { return nil }

// scenario is a day in the life of a database. It takes no error amiss, and
// notes what was acknowledged.
type scenario struct {
	t     *testing.T
	b     *base
	acked map[ID]Card // durable, by the word of a Flush
	shown map[ID]*OCard
	gone  map[ID]bool // deleted, by the word of a Delete
	maybe map[ID]bool // a Delete failed: it may be either
	errs  int         // that callers got
}

func (s *scenario) failed(err error) bool {
	if err == nil {
		return false
	}
	s.errs++
	var e *Error
	if !errors.As(err, &e) {
		s.t.Errorf("an error without a place: %v", err)
	}
	return true
}

func (s *scenario) create(c Card) *OCard {
	o, err := s.b.cards.Create(ctx, c)
	if s.failed(err) {
		return nil
	}
	if o.Version() != 1 {
		s.t.Errorf("created with version %d", o.Version())
	}
	s.shown[o.ID()] = o
	return o
}

// flush flushes, and notes that what was shown before it is durable.
func (s *scenario) flush(o *OCard) {
	before := o.Snapshot()
	if !s.failed(o.Flush(ctx)) {
		s.acked[o.ID()] = before
	}
}

func (s *scenario) run() {
	a := s.create(Card{Title: "a", Query: CardQuery{Owner: "ann", Slug: ptr("a")}})
	o := s.create(sample())
	if a == nil || o == nil {
		return
	}
	a.SetTitle("a2")
	a.Lines().Append(Line{Text: "1"}, Line{Text: "2"})
	s.flush(a)
	o.Query().SetOwner("bob")
	if !s.failed(o.Update(func(o *OCard) error { o.SetCount(9); o.Query().ClearSlug(); return nil }, By("x"))) && o.Count() != 9 {
		s.t.Error("an Update that succeeded shows nothing")
	}
	o.Lines().At(0).SetText("later")
	s.flush(o)

	for hit, err := range s.b.cards.QueryAll(ctx, CardWhere.Owner().Is("bob")) {
		if !s.failed(err) && hit.ID != o.ID() {
			s.t.Errorf("found %v", hit)
		}
	}
	if r, err := s.b.cards.Reuse(ctx, CardWhere.Owner().Is("new")); !s.failed(err) {
		s.shown[r.ID()] = r
		r.SetTitle("reused")
		s.flush(r)
	}
	s.conflict(a, o)
	s.reload()
	if !s.failed(s.b.Flush(ctx)) {
		for id, o := range s.shown {
			s.acked[id] = o.Snapshot()
		}
	}
	a.SetTitle("last")
	if id := a.ID(); s.failed(a.Delete(ctx)) {
		s.maybe[id] = true
	} else {
		s.gone[id] = true
		if ids, err := s.b.cards.Query(ctx, CardWhere.Slug().Is("a")); err == nil {
			s.t.Errorf("found %v after Delete", ids)
		}
	}
	o.SetTitle("not flushed")
}

// conflict takes a unique value that another document has, in all ways.
func (s *scenario) conflict(a, o *OCard) {
	if _, err := s.b.cards.Create(ctx, Card{Query: CardQuery{Slug: ptr("a")}}); !s.failed(err) {
		s.t.Error("two documents have one slug")
	}
	if !s.failed(o.Update(func(o *OCard) error { return o.Query().SetSlug("a") })) || slug(o) == "a" {
		s.t.Error("an Update took a slug")
	}
	// When the store is broken, what is dead claims nothing any more.
	if (!s.failed(o.Query().SetSlug("a")) || slug(o) == "a") && s.b.dead() == nil {
		s.t.Error("a setter took a slug")
	}
}

// reload lets a document be loaded anew.
func (s *scenario) reload() {
	o := s.create(Card{Title: "reload"})
	if o == nil {
		return
	}
	id := o.ID()
	s.flush(o)
	l := of(&o.OObject)
	if o.Pending() {
		return
	}
	s.b.cards.t.cache.Remove(id, l)
	delete(s.shown, id)
	again, err := s.b.cards.Get(ctx, id)
	if s.failed(err) {
		return
	}
	s.shown[id] = again
	again.SetTitle("reloaded")
	s.flush(again)
}

// TestFaults makes every call of the driver fail, one after the other, in
// every way, for once and from then on. Nothing that was acknowledged may be
// lost, and what is lost must have been told.
func TestFaults(t *testing.T) {
	for _, d := range drivers {
		for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
			for _, sticky := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/sticky=%v", d.name, how, sticky), func(t *testing.T) {
					t.Parallel()
					k := 1
					for ; ; k++ {
						plan := drivertest.Plan{At: k, How: how, Sticky: sticky, Seed: uint64(k)}
						if !withFault(t, d.open(t), plan) || t.Failed() {
							break
						}
					}
					if k < 20 {
						t.Errorf("only %d calls", k)
					}
				})
			}
		}
	}
}

// TestPoison lets the store break at every call, for ever.
func TestPoison(t *testing.T) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			for k := 2; ; k++ { // the first is Attach
				plan := drivertest.Plan{At: k, Sticky: true, Err: ErrPoisoned, Seed: uint64(k)}
				if !withFault(t, d.open(t), plan) || t.Failed() {
					break
				}
			}
		})
	}
}

// withFault runs the scenario, and tells whether the fault came about.
func withFault(t *testing.T, store driver.Driver, plan drivertest.Plan) bool {
	faulty := drivertest.Faults(kept{store}, plan)
	s := &scenario{
		t: t, b: &base{t: t, errs: &errs{}},
		acked: map[ID]Card{}, shown: map[ID]*OCard{}, gone: map[ID]bool{}, maybe: map[ID]bool{},
	}
	opts := &Options{Window: time.Hour, SyncEvery: time.Hour, OnError: s.b.errs.add}
	opts.tuning.backoff = time.Microsecond
	db, err := Open(ctx, faulty, opts)
	if s.failed(err) {
		return faulty.Fired() > 0
	}
	s.b.DB, s.b.cards = db, CardTable(db)
	s.run()
	closed := db.Close(ctx)
	s.check(store, plan, closed, faulty.Fired() > 0)
	return faulty.Fired() > 0
}

// check compares what is left in the store with what was said.
func (s *scenario) check(store driver.Driver, plan drivertest.Plan, closed error, fired bool) {
	s.t.Helper()
	told := map[ID]bool{}
	for _, err := range append(s.b.errs.take(), closed) {
		note(err, told)
	}
	left := open(s.t, kept{store}, nil)
	for id, o := range s.shown {
		got, err := left.cards.Get(ctx, id)
		switch {
		case s.gone[id]:
			if !errors.Is(err, ErrNotFound) {
				s.t.Errorf("%+v: %s was deleted: %v", plan, id, err)
			}
			continue
		case s.maybe[id] && errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			s.t.Errorf("%+v: %s is lost: %v", plan, id, err)
			continue
		}
		stored := got.Snapshot()
		if !told[id] && !told[ID{}] || !fired {
			if diff := cmp.Diff(o.Snapshot(), stored, same); diff != "" {
				s.t.Errorf("%+v: lost without a word (-shown +stored)\n%s", plan, diff)
			}
		}
		if acked, ok := s.acked[id]; ok && !cmp.Equal(acked, stored, same) && !cmp.Equal(o.Snapshot(), stored, same) {
			s.t.Errorf("%+v: acknowledged and lost (-flushed +stored)\n%s", plan, cmp.Diff(acked, stored, same))
		}
	}
	if n := must(Count(ctx, left.cards, CardWhere.Slug().Is("a")))(s.t); n > 1 {
		s.t.Errorf("%+v: %d documents have one slug", plan, n)
	}
	if !fired && (closed != nil || s.errs != 3) {
		s.t.Errorf("without a fault: %d errors, close %v", s.errs, closed)
	}
}

// note gathers the documents that an error names; the zero ID is all of them.
func note(err error, told map[ID]bool) {
	switch e := err.(type) {
	case nil:
	case *Error:
		if e.Op != "close" {
			told[e.ID] = true
		}
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			note(err, told)
		}
	default:
		told[ID{}] = true
	}
}

// TestOutage lets the driver fail for a while: one report, and everything is
// stored when it works again.
func TestOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, d driver.Driver) {
		down := errors.New("the disk is away")
		flaky := &flaky{Driver: d}
		b := open(t, flaky, &Options{tuning: tuning{backoff: 10 * time.Millisecond}})
		var os []*OCard
		for range 20 {
			os = append(os, b.create(Card{}))
		}
		flaky.down.Store(&down)
		for i, o := range os {
			o.SetCount(i + 1)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := flaky.failed.Load(); n > 5*60*int64(len(os)) {
			t.Errorf("asked %d times in a minute", n)
		}
		list := b.errs.take()
		if len(list) != 1 || !errors.Is(list[0], down) {
			t.Errorf("reported %v", list)
		}
		if err := os[0].Flush(ctx); !errors.Is(err, down) || !os[0].Pending() {
			t.Errorf("Flush gave %v, pending %v", err, os[0].Pending())
		}
		flaky.down.Store(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, o := range os {
			if got, _ := b.asStored(o.ID()); got.Count != i+1 || o.Pending() {
				t.Errorf("card %d: stored %d, pending %v", i, got.Count, o.Pending())
			}
		}
	})
}

// flaky fails while it is down, and stores nothing.
type flaky struct {
	driver.Driver
	down   atomic.Pointer[error]
	failed atomic.Int64
}

func (f *flaky) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	down := f.down.Load()
	if down == nil {
		return f.Driver.Append(ctx, batch)
	}
	f.failed.Add(int64(len(batch)))
	results := make([]driver.Result, len(batch))
	for i := range results {
		results[i].Err = *down
	}
	return results
}

// TestGivenUp lets the store break for ever: each document that loses something
// is named.
func TestGivenUp(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		flaky := &flaky{Driver: d}
		got := &errs{}
		db := must(Open(ctx, flaky, &Options{Window: time.Hour, OnError: got.add}))(t)
		cards := CardTable(db)
		clean, dirty := must(cards.Create(ctx, Card{}))(t), must(cards.Create(ctx, Card{}))(t)
		dirty.SetTitle("lost")
		err := ErrPoisoned
		flaky.down.Store(&err)
		if err := dirty.Flush(ctx); !errors.Is(err, ErrPoisoned) {
			t.Errorf("Flush gave %v", err)
		}
		if err := db.Close(ctx); !errors.Is(err, ErrPoisoned) {
			t.Errorf("Close gave %v", err)
		}
		var named []ID
		for _, err := range got.take() {
			if e := err.(*Error); errors.Is(err, ErrPoisoned) && !e.ID.IsZero() {
				named = append(named, e.ID)
			}
		}
		if len(named) != 1 || named[0] != dirty.ID() {
			t.Errorf("named %v, want %s", named, dirty.ID())
		}
		if dirty.Title() != "lost" || !dirty.Pending() || clean.Pending() {
			t.Errorf("title %q, pending %v and %v", dirty.Title(), dirty.Pending(), clean.Pending())
		}
		clean.SetTitle("x")
		if list := got.take(); clean.Title() != "" || len(list) != 1 || !errors.Is(list[0], ErrPoisoned) {
			t.Errorf("a setter afterwards: reported %v", list)
		}
		if err := clean.Update(func(*OCard) error { t.Error("ran"); return nil }); !errors.Is(err, ErrPoisoned) {
			t.Errorf("Update gave %v", err)
		}
	})
}
