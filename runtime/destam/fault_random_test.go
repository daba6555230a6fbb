package destam

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// life is a random life of a database whose driver may fail at any call. It
// knows of each document what it showed, step by step, and up to which step
// somebody was told that it is durable.
type life struct {
	t      *testing.T
	b      *base
	r      *rand.Rand
	docs   []*lived
	faults int  // errors that only a fault explains
	lost   bool // some Create failed: what it made may be there or not
}

// lived is what is known of one document.
type lived struct {
	o      *OCard
	states []Card // what it showed after each step, the creation first
	acked  int    // index of the newest state that is durable
	gone   bool   // deleted, by the word of a Delete
	maybe  bool   // a Delete failed: it may be either
}

// expected tells an error that a life without faults has too.
func (l *life) expected(err error) bool {
	return errors.Is(err, ErrTaken) || errors.Is(err, errChanged)
}

var errChanged = errors.New("changed my mind")

// failed tells whether there is an error, and counts those of faults.
func (l *life) failed(err error) bool {
	if err == nil {
		return false
	}
	var e *Error
	if !errors.As(err, &e) && !errors.Is(err, errChanged) {
		l.t.Errorf("an error without a place: %v", err)
	}
	if !l.expected(err) {
		l.faults++
	}
	return true
}

// any gives a document that is not deleted, nil if there is none.
func (l *life) any() *lived {
	var alive []*lived
	for _, d := range l.docs {
		if !d.gone && !d.maybe {
			alive = append(alive, d)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	return alive[l.r.IntN(len(alive))]
}

func (l *life) slug() *string {
	if n := l.r.IntN(6); n < 4 {
		return ptr(string(rune('a' + n)))
	}
	return nil
}

func (l *life) owner() string { return []string{"ann", "bob", "cyd"}[l.r.IntN(3)] }

func (l *life) add(o *OCard) {
	for _, d := range l.docs {
		if d.o.ID() == o.ID() {
			return
		}
	}
	l.docs = append(l.docs, &lived{o: o, states: []Card{o.Snapshot()}})
}

// step does something to somebody.
func (l *life) step() {
	d := l.any()
	if d == nil || len(l.docs) < 2 {
		l.create()
		return
	}
	switch n := l.r.IntN(20); {
	case n < 8:
		l.set(d.o, true)
	case n < 11:
		l.update(d)
	case n < 14:
		if !l.failed(d.o.Flush(ctx)) {
			d.acked = len(d.states) - 1
		}
	case n < 15:
		l.flushAll()
	case n < 16:
		l.create()
	case n < 17:
		l.remove(d)
	case n < 18:
		l.reload(d)
	default:
		l.query()
	}
	for _, d := range l.docs {
		if s := d.o.Snapshot(); !cmp.Equal(s, d.states[len(d.states)-1], same) {
			d.states = append(d.states, s)
		}
	}
}

func (l *life) create() {
	c := Card{Title: fmt.Sprint("card ", len(l.docs)), Query: CardQuery{Owner: l.owner(), Slug: l.slug()}}
	o, err := l.b.cards.Create(ctx, c)
	if l.failed(err) {
		l.lost = l.lost || !l.expected(err)
		return
	}
	l.add(o)
}

// set sets something of a document; outside of an Update a refusal is reported
// to the caller alone.
func (l *life) set(o *OCard, bare bool) error {
	switch n := l.r.IntN(9); n {
	case 0:
		o.SetTitle(fmt.Sprint("title ", l.r.IntN(100)))
	case 1:
		o.SetCount(l.r.IntN(100))
	case 2:
		o.Tags().Append(fmt.Sprint("tag ", l.r.IntN(100)))
	case 3:
		o.Lines().Insert(l.r.IntN(o.Lines().Len()+1), Line{Text: "line", Sub: []Line{{Text: "sub"}}})
	case 4:
		if n := o.Lines().Len(); n > 0 {
			o.Lines().Remove(l.r.IntN(n), 1)
		}
	case 5:
		if n := o.Lines().Len(); n > 0 {
			o.Lines().At(l.r.IntN(n)).SetText(fmt.Sprint("text ", l.r.IntN(100)))
		}
	case 6:
		o.Meta().Set(fmt.Sprint("k", l.r.IntN(4)), "v")
	case 7:
		o.Query().SetOwner(l.owner())
	case 8:
		slug := l.slug()
		if slug == nil {
			o.Query().ClearSlug()
			return nil
		}
		err := o.Query().SetSlug(*slug)
		if bare {
			l.failed(err)
		}
		return err
	}
	return nil
}

func (l *life) update(d *lived) {
	fails, before := l.r.IntN(4) == 0, d.o.Snapshot()
	err := d.o.Update(func(o *OCard) error {
		for range 1 + l.r.IntN(3) {
			if err := l.set(o, false); err != nil {
				return err
			}
		}
		if fails {
			return errChanged
		}
		return nil
	}, By("x"))
	if l.failed(err) && !cmp.Equal(before, d.o.Snapshot(), same) {
		l.t.Errorf("an Update that gave %v left\n%s", err, cmp.Diff(before, d.o.Snapshot(), same))
	}
}

func (l *life) flushAll() {
	if l.failed(l.b.Flush(ctx)) {
		return
	}
	for _, d := range l.docs {
		if !d.maybe {
			d.acked = len(d.states) - 1
		}
	}
}

func (l *life) remove(d *lived) {
	if l.failed(d.o.Delete(ctx)) {
		d.maybe = true
	} else {
		d.gone = true
	}
}

// reload lets a document be loaded anew.
func (l *life) reload(d *lived) {
	if l.failed(d.o.Flush(ctx)) {
		return
	}
	d.acked = len(d.states) - 1
	l.b.cards.t.cache.Remove(d.o.ID(), of(&d.o.OObject))
	o, err := l.b.cards.Get(ctx, d.o.ID())
	if l.failed(err) {
		return
	}
	if diff := cmp.Diff(d.o.Snapshot(), o.Snapshot(), same); diff != "" {
		l.t.Errorf("loaded anew (-shown +loaded)\n%s", diff)
	}
	d.o = o
}

// query compares what is found with what is shown, stored or not.
func (l *life) query() {
	owner := l.owner()
	found := map[ID]bool{}
	for hit, err := range l.b.cards.QueryAll(ctx, CardWhere.Owner().Is(owner)) {
		if l.failed(err) {
			return
		}
		if found[hit.ID] || hit.Query.Owner != owner {
			l.t.Errorf("asked for %s, found %v (before: %v)", owner, hit, found[hit.ID])
		}
		found[hit.ID] = true
	}
	for _, d := range l.docs {
		want := !d.gone && d.o.Query().Owner() == owner
		if got := found[d.o.ID()]; got != want && !d.maybe {
			l.t.Errorf("asked for %s: %s found: %v, want %v", owner, d.o.ID(), got, want)
		}
		delete(found, d.o.ID())
	}
	if len(found) > 0 && !l.lost {
		l.t.Errorf("found documents that nobody made: %v", found)
	}
	if o, err := l.b.cards.Reuse(ctx, CardWhere.Owner().Is(owner)); !l.failed(err) {
		l.add(o)
	} else {
		l.lost = true
	}
}

// check compares what is left in the store with what was said. Whatever a
// document lost since it was acknowledged, somebody must have been told.
func (l *life) check(store driver.Driver, closed error) {
	told := map[ID]bool{}
	for _, err := range append(l.b.errs.take(), closed) {
		note(err, told)
	}
	left := open(l.t, kept{store}, nil)
	slugs := map[string]ID{}
	for _, d := range l.docs {
		id := d.o.ID()
		got, err := left.cards.Get(ctx, id)
		switch {
		case d.gone && errors.Is(err, ErrNotFound), d.maybe && errors.Is(err, ErrNotFound):
			continue
		case d.gone || err != nil:
			l.t.Errorf("%s: deleted %v, stored: %v", id, d.gone, err)
			continue
		}
		stored := got.Snapshot()
		if s := stored.Query.Slug; s != nil {
			if other, taken := slugs[*s]; taken {
				l.t.Errorf("%s and %s both have the slug %s", other, id, *s)
			}
			slugs[*s] = id
		}
		since := d.states[d.acked:]
		if !slices.ContainsFunc(since, func(c Card) bool { return cmp.Equal(c, stored, same) }) {
			l.t.Errorf("%s: stored is what was never shown since it was acknowledged (-acknowledged +stored)\n%s", id, cmp.Diff(since[0], stored, same))
		}
		if diff := cmp.Diff(since[len(since)-1], stored, same); diff != "" && !told[id] && !told[ID{}] && !d.maybe {
			l.t.Errorf("%s: lost without a word (-shown +stored)\n%s", id, diff)
		}
		l.checkLog(store, id, got.Version())
	}
}

// checkLog wants every version in the log, once.
func (l *life) checkLog(store driver.Driver, id ID, head uint64) {
	next := uint64(1)
	for c, err := range store.Log(ctx, "cards", driver.ID(id), driver.Range{}) {
		if err != nil || c.Seq != next {
			l.t.Errorf("%s: log has %d after %d, %v", id, c.Seq, next-1, err)
			return
		}
		next++
	}
	if next != head+1 {
		l.t.Errorf("%s: version %d, but %d in the log", id, head, next-1)
	}
}

// outlive lives a life and gives the calls of the driver, and how many failed.
func outlive(t *testing.T, store driver.Driver, plan drivertest.Plan) (calls, fired int) {
	faulty := drivertest.Faults(kept{store}, plan)
	l := &life{t: t, b: &base{t: t, errs: &errs{}}, r: rand.New(rand.NewPCG(plan.Seed, 11))}
	opts := &Options{Window: time.Hour, SyncEvery: time.Hour, OnError: l.b.errs.add}
	opts.tuning.backoff = time.Microsecond
	db, err := Open(ctx, faulty, opts)
	if err != nil {
		return faulty.Calls(), faulty.Fired()
	}
	l.b.DB, l.b.cards = db, CardTable(db)
	for range 40 {
		l.step()
	}
	closed := db.Close(ctx)
	if faulty.Fired() == 0 && (l.faults > 0 || closed != nil) {
		t.Errorf("without a fault: %d errors, close %v", l.faults, closed)
	}
	l.check(store, closed)
	return faulty.Calls(), faulty.Fired()
}

// TestRandomFaults lives random lives, each first without a fault and then with
// one at a random call, in every way, for once and from then on.
func TestRandomFaults(t *testing.T) {
	lives := 12
	if os.Getenv("DESTAM_LONG") != "" {
		lives = 500
	}
	for _, d := range drivers {
		for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
			for _, sticky := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/sticky=%v", d.name, how, sticky), func(t *testing.T) {
					t.Parallel()
					fired := 0
					for seed := range uint64(lives) {
						calls, _ := outlive(t, d.open(t), drivertest.Plan{Seed: seed})
						for range 4 {
							at := 1 + rand.N(calls)
							plan := drivertest.Plan{At: at, How: how, Sticky: sticky, Seed: seed}
							_, n := outlive(t, d.open(t), plan)
							fired += n
							if t.Failed() {
								t.Fatalf("plan %+v", plan)
							}
						}
					}
					if fired == 0 {
						t.Error("no call failed")
					}
				})
			}
		}
	}
}
