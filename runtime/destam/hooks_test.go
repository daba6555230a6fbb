package destam

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Validate says whether a garden's tools can be told apart.
func (g *Garden) Validate() error {
	tools := slices.Sorted(slices.Values(g.Tools))
	if len(slices.Compact(tools)) < len(g.Tools) {
		return errTwice
	}
	if g.Name == "panic" {
		panic("ouch")
	}
	var wrong []error
	if g.Name == "Hell" {
		wrong = append(wrong, &FieldError{"name", errNoGarden})
	}
	for _, bed := range g.Beds {
		if bed.Plant == "plastic" {
			wrong = append(wrong, fmt.Errorf("bed: %w", &FieldError{"beds", errNoPlant}))
		}
	}
	if g.Rate < 0 {
		wrong = append(wrong, &FieldError{"nowhere", errNoPlant})
	}
	return errors.Join(wrong...)
}

var (
	errNoGarden = errors.New("is no garden")
	errNoPlant  = errors.New("is no plant")
)

// TestValidateFields holds that a window loses only the fields that Validate
// names, one or several, and all of it when these did not change.
func TestValidateFields(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		gardens := tableOf[*Table[*OGarden, Garden, GardenQuery]](b.DB)
		o := must(gardens.Create(ctx, eden()))(t)
		for _, c := range []struct {
			what  string
			set   func()
			kept  func(*Garden)
			wrong []error
			text  string
		}{
			{"one field", func() { o.SetName("Hell"); o.SetRate(1) }, func(g *Garden) { g.Rate = 1 },
				[]error{errNoGarden}, ": taken back: not valid: name: is no garden"},
			{"a field of an object in a list", func() { o.Beds().At(1).SetPlant("plastic"); o.SetRate(2); o.Beds().At(1).SetWet(false) },
				func(g *Garden) { g.Rate, g.Beds[1].Wet = 2, true }, []error{errNoPlant}, "beds.1.wet"},
			{"an object that was added", func() { o.Beds().Append(Bed{Plant: "plastic"}); o.SetRate(3) },
				func(g *Garden) { g.Rate = 3 }, []error{errNoPlant}, "bed: beds: is no plant"},
			{"several", func() { o.SetName("Hell"); o.Beds().At(0).SetPlant("plastic"); o.SetRate(4) },
				func(g *Garden) { g.Rate = 4 }, []error{errNoGarden, errNoPlant}, "name: is no garden"},
			{"a field that is not there", func() { o.SetName("Styx"); o.SetRate(-1) }, func(*Garden) {}, []error{errNoPlant}, "name, rate"},
			{"one with an error about everything", func() { o.SetRate(5); o.Tools().Append("hoe") }, func(*Garden) {}, []error{errTwice}, "rate"},
		} {
			want, heard := o.Snapshot(), 0
			c.kept(&want)
			stop := o.Watch(func(*Commit) { heard++ })
			c.set()
			err := o.Flush(ctx)
			var field *FieldError
			for _, wrong := range c.wrong {
				if !errors.Is(err, ErrInvalid) || !errors.Is(err, wrong) || !strings.Contains(err.Error(), c.text) ||
					errors.As(err, &field) != (wrong != errTwice) {
					t.Errorf("%s: %v", c.what, err)
				}
			}
			if diff := cmp.Diff(want, o.Snapshot()); diff != "" || heard == 0 {
				t.Errorf("%s (-want +got)\n%s", c.what, diff)
			}
			if err := o.Flush(ctx); err != nil || o.Pending() {
				t.Errorf("%s, then %v", c.what, err)
			}
			stop()
			b.errs.take()
		}
		if got := must(gardens.At(ctx, o.ID(), o.Version()))(t); !cmp.Equal(got, o.Snapshot()) || o.Version() != 5 {
			t.Errorf("version %d is stored, with\n%s", o.Version(), cmp.Diff(o.Snapshot(), got))
		}
	})
}

var errTwice = errors.New("a tool is there twice")

// TestValidate holds that nothing reaches the store that Validate refuses, on
// every way there.
func TestValidate(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		gardens := tableOf[*Table[*OGarden, Garden, GardenQuery]](b.DB)
		invalid := func(what string, err error) {
			t.Helper()
			var e *Error
			if !errors.Is(err, ErrInvalid) || !errors.Is(err, errTwice) || !errors.As(err, &e) || e.Table != "gardens" {
				t.Errorf("%s gave %v", what, err)
			}
		}
		_, err := gardens.Create(ctx, Garden{Tools: []string{"a", "a"}})
		invalid("Create", err)
		if n := must(Count(ctx, gardens))(t); n != 0 {
			t.Errorf("%d documents", n)
		}
		o := must(gardens.Create(ctx, eden()))(t)
		want := o.Snapshot()
		same := func(what string) {
			t.Helper()
			if diff := cmp.Diff(want, o.Snapshot()); diff != "" {
				t.Errorf("after %s (-want +got)\n%s", what, diff)
			}
		}
		invalid("Update", o.Update(func(o *OGarden) error { o.SetName("x"); o.Tools().Append("rake"); return nil }))
		same("Update")
		invalid("Transact", gardens.Transact(ctx, o.ID(), func(o *OGarden) error { o.Tools().Append("hoe"); return nil }))
		same("Transact")
		o.Tools().Append("rake") // shown, and taken back when it is to be stored
		if o.Tools().Len() != 3 {
			t.Error("it is not shown")
		}
		invalid("Flush", o.Flush(ctx))
		same("Flush")
		if reported := b.errs.take(); len(reported) != 1 || !errors.Is(reported[0], errTwice) {
			t.Errorf("reported %v", reported)
		}
		if err := o.Flush(ctx); err != nil || o.Pending() || o.Version() != 1 {
			t.Errorf("%v, pending %v, version %d", err, o.Pending(), o.Version())
		}
		// What follows a refused window is checked anew, and an Update that came
		// after it stays.
		o.Tools().Append("rake")
		if err := o.Update(func(o *OGarden) error { o.Tools().Remove(2, 1); o.SetName("y"); return nil }); err != nil {
			t.Fatal(err)
		}
		invalid("a window before an Update", o.Flush(ctx))
		b.errs.take()
		want.Name = o.Name()
		same("a window before an Update")
		o.SetName("panic")
		if err := o.Flush(ctx); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "ouch") {
			t.Errorf("a panic gave %v", err)
		}
		b.errs.take()
		// Whatever is refused in a window, in the background.
		b.DB.schedule.window = time.Millisecond
		o.Tools().Append("hoe")
		eventually(t, "it is taken back", func() bool { return !o.Pending() })
		if errs := b.errs.take(); len(errs) != 1 || !errors.Is(errs[0], errTwice) {
			t.Errorf("in the background: %v", errs)
		}
		same("storing in the background")
	})
}

// TestOnCommit compares what the hook hears with the history.
func TestOnCommit(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		var mu sync.Mutex
		var heard []string
		tell := func(id ID, v Version) string {
			ds := []string{}
			for _, d := range v.Deltas {
				if v.Event != Created {
					ds = append(ds, d.Op().String())
				}
			}
			slices.Sort(ds)
			return fmt.Sprint(id, v.Number, v.Event, v.By, v.Because, v.Time.UnixNano(), ds)
		}
		stop := OnCommit(b.cards, func(o *OCard, v Version) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, tell(o.ID(), v))
			if err := o.Flush(ctx); err != nil && !errors.Is(err, ErrDeleted) { // no lock, and no slot
				t.Error(err)
			}
		})
		panics := OnCommit(b.cards, func(*OCard, Version) { panic("ouch") })
		o := b.create(Card{Title: "a"})
		if errs := b.errs.take(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "ouch") {
			t.Errorf("a panic gave %v", errs)
		}
		panics()
		o.SetTitle("b")
		o.Tags().Append("x")
		if err := o.Update(func(o *OCard) error { o.SetCount(1); return nil }, By("ann"), Because("so")); err != nil {
			t.Fatal(err)
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := b.cards.Transact(ctx, o.ID(), func(o *OCard) error { o.SetCount(2); return nil }, By("bob")); err != nil {
			t.Fatal(err)
		}
		_ = o.Update(func(o *OCard) error { o.SetTitle("no"); return errChanged })
		if err := o.Delete(ctx, By("cy")); err != nil {
			t.Fatal(err)
		}
		must(b.cards.Restore(ctx, o.ID()))(t)
		stop()
		b.create(Card{})
		var want []string
		for _, v := range all(t, History(ctx, b.cards, o.ID())) {
			want = append(want, tell(o.ID(), v))
		}
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("(-history +heard)\n%s", diff)
		}
	})
}

// TestOnCommitWithin begins, stops and ends hooks within one: who comes hears of
// what is stored from then on, who was stopped of nothing, and who ends the
// goroutine keeps nobody from hearing of the rest.
func TestOnCommitWithin(t *testing.T) {
	b := open(t, drivers[0].open(t), &Options{Window: time.Hour})
	o := b.create(Card{})
	var mu sync.Mutex
	var heard []string
	hook := func(name string) func(*OCard, Version) {
		return func(_ *OCard, v Version) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, fmt.Sprint(name, " ", v.Number))
		}
	}
	store := func() {
		o.SetCount(o.Count() + 1)
		if err := o.Flush(ctx); err != nil {
			t.Error(err)
		}
	}
	var stopped func()
	OnCommit(b.cards, func(_ *OCard, v Version) {
		if v.Number == 2 {
			stopped()
			store()
			OnCommit(b.cards, hook("late"))
			runtime.Goexit()
		}
	})
	OnCommit(b.cards, hook("early"))
	stopped = OnCommit(b.cards, hook("stopped"))
	var flushed sync.WaitGroup
	flushed.Go(store) // on a goroutine that ends
	flushed.Wait()
	store()
	want := []string{"early 2", "early 3", "early 4", "late 4"}
	eventually(t, "all is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) >= len(want)
	})
	mu.Lock()
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("(-want +heard)\n%s", diff)
	}
	mu.Unlock()
	eventually(t, "the end is reported", func() bool {
		errs := b.errs.take()
		return len(errs) == 1 && strings.Contains(errs[0].Error(), "runtime.Goexit")
	})
}

func TestStats(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		opts := &Options{Window: time.Hour, Backlog: 2}
		opts.tuning.checkpoint = 10
		b := open(t, d, opts)
		o := b.create(Card{Title: "a"})
		other := b.create(Card{Title: "b"})
		live := must(b.cards.Live(ctx))(t)
		defer live.Close()
		must(b.cards.Get(ctx, o.ID()))(t)
		o.SetTitle("c")
		if s := b.DB.Stats(); s.Documents != 2 || s.Pinned != 1 || s.Live != 1 || s.Hits != 1 || s.Versions != 2 || s.Store.Documents != 2 {
			t.Errorf("%+v", s)
		}
		r, closed := o.o.Node().NewReader(-1), o.o.Node().NewReader(-1)
		for i := range 9 {
			if s := b.DB.Stats(); i < 3 && s.Behind != 0 || i > 3 && s.Behind != 2 {
				t.Errorf("after %d sets: %+v", i, s)
			}
			o.SetCount(i + 1)
		}
		closed.Close()
		if s := b.DB.Stats(); s.Behind != 1 {
			t.Errorf("one of them closed: %+v", s)
		}
		for s := b.DB.Stats(); s.Behind > 0; s = b.DB.Stats() {
			must(r.Next(ctx))(t)
		}
		r.Close()
		if err := o.Update(func(o *OCard) error { o.SetTitle(strings.Repeat("x", 100)); return nil }); err != nil {
			t.Fatal(err)
		}
		if s := b.DB.Stats(); s.Pending == 0 || s.Folded == 0 {
			t.Errorf("%+v", s)
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a checkpoint is counted", func() bool { return b.DB.Stats().Checkpoints > 0 })
		if s := b.DB.Stats(); s.Pending != 0 || s.Pinned != 0 || s.Versions != 4 {
			t.Errorf("%+v", s)
		}
		_ = other.Title()
	})
}

// TestLogger holds what goes to the logger when nobody else gets it.
func TestLogger(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	text := func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
	logger := slog.New(slog.NewTextHandler(locked{&mu, &log}, nil))
	d := &flaky{Driver: &strewn{memory.Open(nil)}}
	db := must(Open(ctx, d, &Options{Window: time.Millisecond, Logger: logger}))(t)
	if s := text(); !strings.Contains(s, "level=WARN") || !strings.Contains(s, "where=journal:7") || !strings.Contains(s, "why=torn") {
		t.Errorf("opening logged %q", s)
	}
	cards := CardTable(db)
	o := must(cards.Create(ctx, Card{}))(t)
	down := errors.New("the disk is away")
	d.down.Store(&down)
	o.SetCount(1)
	eventually(t, "it is logged", func() bool { return strings.Contains(text(), "the disk is away") })
	for _, want := range []string{"level=ERROR", "table=cards", "id=" + o.ID().String()} {
		if !strings.Contains(text(), want) {
			t.Errorf("logged %q, without %s", text(), want)
		}
	}
	d.down.Store(nil)
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if s := text(); strings.Count(s, "accepts again") != 1 {
		t.Errorf("logged %q", s)
	}
	// What overwrites unseen: the standard handler of conflicts.
	opts := (&Options{Logger: logger}).filled()
	opts.OnConflict(Conflict{Table: "cards", ID: o.ID(), By: "bob", Paths: []string{"title"}})
	if s := text(); !strings.Contains(s, "overwritten unseen") || !strings.Contains(s, "by=bob") {
		t.Errorf("logged %q", s)
	}
}

// locked is a writer that tests read while it is written.
type locked struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// strewn is a store that lost something before it was opened.
type strewn struct{ driver.Driver }

func (s *strewn) Stats() driver.Stats {
	return driver.Stats{Lost: []driver.Lost{{Where: "journal:7", Why: "torn", Bytes: 3}}}
}

// ailing is a store that fails in the background.
type ailing struct{ driver.Driver }

func (a *ailing) Stats() driver.Stats { return driver.Stats{Failing: errors.New("the disk is full")} }

// TestFailingInTheBackground hears of what a store does in the background and
// cannot, once.
func TestFailingInTheBackground(t *testing.T) {
	heard := make(chan error, 10)
	db, err := Open(t.Context(), &ailing{memory.Open(nil)}, &Options{
		SyncEvery: time.Millisecond,
		OnError:   func(err error) { heard <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		must(CardTable(db).Create(t.Context(), Card{}))(t)
	}
	if err := <-heard; !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
	if err := db.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if len(heard) > 0 {
		t.Errorf("told again: %v", <-heard)
	}
}
