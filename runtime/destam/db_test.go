package destam

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/drivers/dummy"
	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// drivers are what every test of this package runs against.
var drivers = []struct {
	name string
	open func(t testing.TB) driver.Driver
}{
	{"memory", func(testing.TB) driver.Driver { return lender{memory.Open(nil)} }},
	{"dummy", func(testing.TB) driver.Driver { return dummy.Open() }},
	{"fs", func(t testing.TB) driver.Driver {
		s, err := fs.Open(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // again, unless the test has let it go
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return s
	}},
}

// inBubble is onEach with a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T, d driver.Driver)) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, d.open(t)) })
		})
	}
}

// onEach runs a test against each driver.
func onEach(t *testing.T, test func(t *testing.T, d driver.Driver)) {
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) { test(t, d.open(t)) })
	}
}

// errs gathers what OnError gets.
type errs struct {
	mu   sync.Mutex
	list []error
}

func (e *errs) add(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, err)
}

// take gives what came since the last take.
func (e *errs) take() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// base is a database under test.
type base struct {
	*DB
	t       testing.TB
	cards   *OCardTable
	onError func() // instead of errs
	errs    *errs
}

var ctx = context.Background()

// open opens a database that the test's end closes. Errors of background work
// that the test did not take fail it.
func open(t testing.TB, d driver.Driver, opts *Options) *base {
	t.Helper()
	o := Options{}
	if opts != nil {
		o = *opts
	}
	b := &base{t: t, errs: &errs{}}
	o.OnError = b.errs.add
	o.Logger = slog.New(slog.DiscardHandler)
	o.tuning.backoff = or(o.tuning.backoff, time.Microsecond)
	o.tuning.patience = or(o.tuning.patience, time.Minute) // a busy machine is no mistake
	db, err := Open(ctx, d, &o)
	if err != nil {
		t.Fatal(err)
	}
	b.DB, b.cards = db, CardTable(db)
	t.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, err := range b.errs.take() {
			t.Errorf("in the background: %v", err)
		}
	})
	return b
}

func (b *base) create(c Card) *OCard {
	b.t.Helper()
	o, err := b.cards.Create(ctx, c)
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

// ids gives the ids that a query finds.
func (b *base) ids(where ...Predicate[*OCard]) (ids []ID) {
	b.t.Helper()
	for hit, err := range b.cards.QueryAll(ctx, where...) {
		if err != nil {
			b.t.Fatal(err)
		}
		ids = append(ids, hit.ID)
	}
	return ids
}

// must gives a value whose error ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ptr[T any](v T) *T { return &v }

// sample is a card with something everywhere.
func sample() Card {
	return Card{
		Query: CardQuery{
			Owner: "ann", Slug: ptr("milk"), Labels: []string{"home", "shop"}, Year: ptr(2026),
			Items: []Item{{"a", 1}, {"b", 2}}, Place: Address{City: "Ulm", Zip: ptr(int32(89073))}, Open: true,
		},
		Title: "Milk", Count: -3, Tags: []string{"x", "y"},
		Lines: []Line{{Text: "buy", Sub: []Line{{Text: "go"}}}}, Meta: map[string]string{"k": "v", "": "empty"},
	}
}

var same = cmpopts.EquateEmpty()

func TestCreateGet(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		want := sample()
		o := b.create(want)
		if diff := cmp.Diff(want, o.Snapshot(), same); diff != "" {
			t.Errorf("what was created (-want +got)\n%s", diff)
		}
		if o.Version() != 1 || o.Pending() {
			t.Errorf("version %d, pending %v after Create", o.Version(), o.Pending())
		}
		if got := must(b.cards.Get(ctx, o.ID()))(t); got != o {
			t.Error("Get gave another handle")
		}
		if got := must(b.cards.Find(ctx))(t); got != o {
			t.Error("Find gave another handle")
		}
		hit := must(b.cards.Query(ctx, CardWhere.Owner().Is("ann")))(t)
		if diff := cmp.Diff(want.Query, hit.Query, same); diff != "" || hit.ID != o.ID() {
			t.Errorf("hit %s, want %s (-want +got)\n%s", hit.ID, o.ID(), diff)
		}
		if got := must(b.cards.Instance(ctx, hit))(t); got != o {
			t.Error("Instance gave another handle")
		}
		if n := must(Count(ctx, b.cards))(t); n != 1 {
			t.Errorf("count %d", n)
		}
	})
}

// TestLoad holds that what was stored is what is loaded, in every way that it
// can be changed.
func TestLoad(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		o := b.create(sample())
		o.SetTitle("Bread")
		o.Tags().Insert(1, "new")
		o.Lines().At(0).SetText("sell")
		o.Lines().At(0).Sub().Append(Line{Text: "there"})
		o.Meta().Set("k2", "v2")
		o.Query().Labels().Remove(0, 1)
		o.Query().ClearYear()
		o.Query().Items().At(1).SetSKU("c")
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := o.Update(func(o *OCard) error {
			o.SetCount(7)
			return o.Query().SetSlug("bread")
		}, By("ann"), Because("import")); err != nil {
			t.Fatal(err)
		}
		want, id := o.Snapshot(), o.ID()
		if err := b.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if o.Version() != 3 || o.Pending() {
			t.Errorf("version %d, pending %v, want 3", o.Version(), o.Pending())
		}
		fresh := must(b.cards.t.read(ctx, id))(t)
		got := as[*OCard](fresh.handle()).Snapshot()
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Errorf("what was loaded (-want +got)\n%s", diff)
		}
		if v := fresh.version.Load(); v != 3 {
			t.Errorf("loaded version %d", v)
		}
		var log []driver.Commit
		for c, err := range d.Log(ctx, "cards", id, driver.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			log = append(log, c)
		}
		if last := log[len(log)-1]; last.By != "ann" || last.Because != "import" {
			t.Errorf("stored author %q, reason %q", last.By, last.Because)
		}
	})
}

func TestWithoutQuerySection(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		memos := MemoTable(b.DB)
		o := must(memos.Create(ctx, Memo{Text: "a"}))(t)
		o.SetText("b")
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		hit := must(memos.Query(ctx))(t)
		if hit.ID != o.ID() {
			t.Error("not found")
		}
		if got := must(memos.Reuse(ctx))(t); got != o {
			t.Error("Reuse made another")
		}
	})
}

// TestBackground waits for the window: nobody flushes.
func TestBackground(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		o := b.create(Card{})
		o.SetTitle("a")
		o.Query().SetOwner("b")
		if !o.Pending() {
			t.Error("nothing is pending after a set")
		}
		eventually(t, "it is stored", func() bool { return !o.Pending() })
		st := must(d.Load(ctx, "cards", o.ID(), 0))(t)
		if st.Seq != 2 || o.Version() != 2 {
			t.Errorf("version %d, stored %d: two sets in one window are one version", o.Version(), st.Seq)
		}
		if !b.cards.t.overlay.empty() {
			t.Error("the overlay keeps what is stored")
		}
	})
}

func TestDelete(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		o := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		id := o.ID()
		o.SetTitle("last words")
		if err := o.Delete(ctx, By("ann"), Because("over")); err != nil {
			t.Fatal(err)
		}
		if got := b.ids(); len(got) > 0 {
			t.Errorf("found %v", got)
		}
		if _, err := b.cards.Get(ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get of a deleted document: %v", err)
		}
		for range 2 {
			if err := b.cards.Delete(ctx, id); err != nil {
				t.Errorf("deleting again: %v", err)
			}
			if err := o.Delete(ctx); err != nil {
				t.Errorf("deleting the handle again: %v", err)
			}
		}
		b.create(Card{Query: CardQuery{Slug: ptr("a")}}) // its slug is free
		if o.Title() != "last words" {
			t.Errorf("the handle shows %q", o.Title())
		}
		o.SetTitle("ghost")
		if got := b.errs.take(); o.Title() != "last words" || len(got) != 1 || !errors.Is(got[0], ErrDeleted) {
			t.Errorf("a set after Delete: title %q, reported %v", o.Title(), got)
		}
		if err := o.Update(func(*OCard) error { return nil }); !errors.Is(err, ErrDeleted) {
			t.Errorf("Update after Delete: %v", err)
		}
		if err := o.Flush(ctx); !errors.Is(err, ErrDeleted) {
			t.Errorf("Flush after Delete: %v", err)
		}
		st := must(d.Load(ctx, "cards", id, 0))(t)
		last := st.Commits[len(st.Commits)-1]
		if !st.Deleted || last.Kind != driver.KindDelete || last.By != "ann" || last.Because != "over" {
			t.Errorf("stored: deleted %v, last %+v", st.Deleted, last)
		}
		if err := b.cards.Delete(ctx, b.DB.ids.next()); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleting what never was: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		before := runtime.NumGoroutine()
		got := &errs{}
		db := must(Open(ctx, d, &Options{OnError: got.add}))(t)
		cards := CardTable(db)
		o := must(cards.Create(ctx, Card{}))(t)
		id := o.ID()
		o.SetTitle("a")
		if _, err := Open(ctx, d, nil); !errors.Is(err, ErrAttached) {
			t.Errorf("a second database on the store: %v", err)
		}
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(ctx); err != nil {
			t.Errorf("closing again: %v", err)
		}
		if o.Version() != 2 || o.Pending() {
			t.Errorf("version %d, pending %v after Close", o.Version(), o.Pending())
		}
		calls := map[string]func() error{
			"Create":   func() error { _, err := cards.Create(ctx, Card{}); return err },
			"Get":      func() error { _, err := cards.Get(ctx, id); return err },
			"Find":     func() error { _, err := cards.Find(ctx); return err },
			"Reuse":    func() error { _, err := cards.Reuse(ctx); return err },
			"Query":    func() error { _, err := cards.Query(ctx); return err },
			"Count":    func() error { _, err := Count(ctx, cards); return err },
			"Flush":    func() error { return cards.Flush(ctx, id) },
			"Delete":   func() error { return cards.Delete(ctx, id) },
			"o.Flush":  func() error { return o.Flush(ctx) },
			"o.Delete": func() error { return o.Delete(ctx) },
			"db.Flush": func() error { return db.Flush(ctx) },
			"Update":   func() error { return o.Update(func(*OCard) error { t.Error("ran"); return nil }) },
			"QueryAll": func() error {
				for _, err := range cards.QueryAll(ctx) {
					return err
				}
				return nil
			},
		}
		for name, call := range calls {
			err := call()
			var e *Error
			if !errors.Is(err, ErrClosed) || !errors.As(err, &e) || strings.Count(err.Error(), "destam:") != 1 {
				t.Errorf("%s after Close: %v", name, err)
			}
		}
		if list := got.take(); len(list) > 0 {
			t.Errorf("reported %v", list)
		}
		o.SetTitle("b")
		o.Query().Labels().Append("x")
		o.Lines().Append(Line{})
		list := got.take()
		if len(list) != 3 || slices.ContainsFunc(list, func(err error) bool { return !errors.Is(err, ErrClosed) }) || o.Title() != "a" {
			t.Errorf("setters after Close: title %q, reported %v", o.Title(), list)
		}
		eventually(t, "its goroutines end", func() bool { return runtime.NumGoroutine() <= before })
	})
}

// TestReopen closes a store and opens it again: everything is as it was shown,
// what is deleted stays away, and ids go on.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	want := map[ID]Card{}
	var last ID
	for round := range 3 {
		d := must(fs.Open(dir, nil))(t)
		db := must(Open(ctx, d, nil))(t)
		cards := CardTable(db)
		if n := must(Count(ctx, cards))(t); n != len(want) {
			t.Fatalf("round %d: %d documents, want %d", round, n, len(want))
		}
		for id, card := range want {
			o := must(cards.Get(ctx, id))(t)
			if diff := cmp.Diff(card, o.Snapshot(), same); diff != "" {
				t.Errorf("round %d (-want +got)\n%s", round, diff)
			}
			o.SetCount(round)
			o.Lines().Append(Line{Text: "more"})
			want[id] = o.Snapshot()
		}
		c := sample()
		c.Query.Slug = ptr(fmt.Sprint(round))
		o := must(cards.Create(ctx, c))(t)
		if o.ID().Compare(last) <= 0 {
			t.Errorf("%s after %s", o.ID(), last)
		}
		last = o.ID()
		o.SetTitle("not flushed")
		want[o.ID()] = o.Snapshot()
		gone := must(cards.Create(ctx, Card{}))(t)
		if err := gone.Delete(ctx); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
