package destam

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// counted counts the batches that a driver gets.
type counted struct {
	driver.Driver
	batches, commits, syncs atomic.Int64
}

func (c *counted) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	c.batches.Add(1)
	c.commits.Add(int64(len(batch)))
	return c.Driver.Append(ctx, batch)
}

func (c *counted) Sync(ctx context.Context, docs ...driver.Doc) error {
	c.syncs.Add(1)
	return c.Driver.Sync(ctx, docs...)
}

// asStored gives a card as the store has it.
func (b *base) asStored(id ID) (Card, uint64) {
	b.t.Helper()
	l := must(b.cards.t.read(ctx, id))(b.t)
	return as[*OCard](l.handle()).Snapshot(), l.version.Load()
}

// TestFlushCovers lets setters and flushes race on the same documents. What
// was shown before a Flush is in the store after it.
func TestFlushCovers(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		for range 2 {
			o := b.create(Card{})
			var sets, flushers sync.WaitGroup
			var stop atomic.Bool
			for i := range 2 {
				sets.Go(func() {
					for !stop.Load() {
						if i == 0 {
							o.SetCount(o.Count() + 1)
						} else if err := o.Update(func(o *OCard) error { o.Tags().Append("x"); return nil }); err != nil {
							t.Error(err)
						}
						runtime.Gosched()
					}
				})
			}
			for range 3 {
				flushers.Go(func() {
					for range 8 {
						count, tags := o.Count(), o.Tags().Len()
						if err := o.Flush(ctx); err != nil {
							t.Error(err)
						}
						if got, _ := b.asStored(o.ID()); got.Count < count || len(got.Tags) < tags {
							t.Errorf("flushed %d, %d and stored %d, %d", count, tags, got.Count, len(got.Tags))
						}
					}
				})
			}
			flushers.Wait()
			stop.Store(true)
			sets.Wait()
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			got, version := b.asStored(o.ID())
			if diff := cmp.Diff(o.Snapshot(), got, same); diff != "" || version != o.Version() || o.Pending() {
				t.Errorf("version %d, stored %d (-shown +stored)\n%s", o.Version(), version, diff)
			}
		}
	})
}

// TestFlushCancelled ends the context of a Flush at each place where it waits.
func TestFlushCancelled(t *testing.T) {
	for _, m := range []drivertest.Method{drivertest.Append, drivertest.Sync} {
		t.Run(string(m), func(t *testing.T) {
			onEach(t, func(t *testing.T, d driver.Driver) {
				f := drivertest.Faults(d, drivertest.Plan{})
				b := open(t, f, &Options{Window: time.Hour, SyncEvery: time.Hour})
				o := b.create(Card{})
				o.SetTitle("a")
				gate := f.Hang(m)
				flush := func() (context.CancelFunc, chan error) {
					ctx, cancel := context.WithCancel(ctx)
					done := make(chan error)
					go func() { done <- o.Flush(ctx) }()
					return cancel, done
				}
				cancelFirst, first := flush()
				<-gate.Arrived()
				o.SetCount(1)
				cancelSecond, second := flush() // waits for the first
				cancelFirst()
				cancelSecond()
				for _, done := range []chan error{first, second} {
					if err := <-done; !errors.Is(err, context.Canceled) {
						t.Errorf("a cancelled Flush gave %v", err)
					}
				}
				if m == drivertest.Append && (!o.Pending() || o.Version() != 1) {
					t.Errorf("pending %v, version %d while nothing is stored", o.Pending(), o.Version())
				}
				gate.Release()
				if err := o.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				if got, _ := b.asStored(o.ID()); got.Title != "a" || got.Count != 1 {
					t.Errorf("stored %+v", got)
				}
			})
		})
	}
}

// TestCreateCancelled ends the context of a Create on its way: the document is
// there as a whole, or not.
func TestCreateCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, nil)
		b.create(Card{})
		gate := f.Hang(drivertest.Append)
		cancelled, cancel := context.WithCancel(ctx)
		done := make(chan error)
		go func() {
			_, err := b.cards.Create(cancelled, Card{Title: "c", Query: CardQuery{Slug: ptr("c")}})
			done <- err
		}()
		<-gate.Arrived()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		gate.Release()
		b.create(Card{}) // behind it
		got := b.ids(CardWhere.Slug().Is("c"))
		if len(got) != 1 {
			t.Fatalf("found %v", got)
		}
		if o := must(b.cards.Get(ctx, got[0]))(t); o.Title() != "c" {
			t.Errorf("title %q", o.Title())
		}
		if _, err := b.cards.Create(cancelled, Card{}); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that ended before: %v", err)
		}
	})
}

// TestGroup flushes many documents at once: while the driver is busy with one
// batch, all others gather in the next.
func TestGroup(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		const n = 64
		c := &counted{Driver: d}
		f := drivertest.Faults(c, drivertest.Plan{})
		b := open(t, f, &Options{Window: time.Hour, SyncEvery: time.Hour})
		var os [n]*OCard
		for i := range os {
			os[i] = b.create(Card{})
		}
		c.batches.Store(0)
		c.commits.Store(0)
		gate := f.Hang(drivertest.Append)
		var wg sync.WaitGroup
		flush := func(o *OCard) {
			wg.Go(func() {
				o.SetTitle("x")
				if err := o.Flush(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		flush(os[0])
		<-gate.Arrived()
		for _, o := range os[1:] {
			flush(o)
		}
		for {
			b.batches.mu.Lock()
			waiting := len(b.batches.waiting)
			b.batches.mu.Unlock()
			if waiting == n-1 {
				break
			}
			runtime.Gosched()
		}
		gate.Release()
		wg.Wait()
		if c.batches.Load() != 2 || c.commits.Load() != n {
			t.Errorf("%d commits in %d batches, want %d in 2", c.commits.Load(), c.batches.Load(), n)
		}
	})
}

// TestBehind sets while the driver is busy: windows stay open and fold.
func TestBehind(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, &Options{Window: time.Microsecond})
		o := b.create(Card{})
		gate := f.Hang(drivertest.Append)
		o.SetCount(-1)
		<-gate.Arrived()
		for i := range 1000 {
			o.SetCount(i)
			runtime.Gosched()
		}
		gate.Release()
		for o.Pending() { // nobody flushes
			runtime.Gosched()
		}
		if o.Version() != 3 {
			t.Errorf("version %d, want 3: what was set meanwhile is one", o.Version())
		}
	})
}

// TestBusy fills the room for Updates while the driver hangs.
func TestBusy(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, &Options{Window: time.Hour, MaxPending: 1000, MaxWait: time.Millisecond})
		o, other := b.create(Card{}), b.create(Card{})
		update := func(o *OCard) error {
			return o.Update(func(o *OCard) error { o.Tags().Append(strings.Repeat("x", 400)); return nil })
		}
		for range 3 {
			if err := update(o); err != nil {
				t.Fatal(err)
			}
		}
		if err := update(other); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
		other.SetTitle("setters never wait")
		gate := f.Hang(drivertest.Append)
		b.room.mu.Lock()
		b.opts.MaxWait = time.Hour
		b.room.mu.Unlock()
		done := make(chan error)
		go func() { done <- update(other) }()
		go func() { done <- o.Flush(ctx) }()
		<-gate.Arrived()
		gate.Release()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := b.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if n := b.room.bytes.Load(); n != 0 {
			t.Errorf("%d bytes are pending after Flush", n)
		}
	})
}

// TestWindow looks at the clock: a window lasts as long as it says, whatever
// follows, and what it stored is durable in time.
func TestWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, d driver.Driver) {
		c := &counted{Driver: d}
		b := open(t, c, nil)
		o := b.create(Card{})
		time.Sleep(2 * time.Second)
		c.syncs.Store(0)
		o.SetCount(1)
		for i := range 9 {
			time.Sleep(11 * time.Millisecond)
			o.SetCount(i + 2)
			if o.Version() != 1 {
				t.Fatalf("stored after %d ms", 11*(i+1))
			}
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if o.Version() != 2 || o.Pending() {
			t.Errorf("version %d, pending %v after 101 ms", o.Version(), o.Pending())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if c.syncs.Load() != 1 {
			t.Errorf("%d syncs a second later", c.syncs.Load())
		}
		o.SetCount(-1)
		o.SetCount(10) // back to what is stored
		time.Sleep(time.Second)
		synctest.Wait()
		if o.Version() != 2 || o.Pending() {
			t.Errorf("a window that folds to nothing: version %d, pending %v", o.Version(), o.Pending())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if c.syncs.Load() > 2 {
			t.Errorf("%d syncs of nothing", c.syncs.Load())
		}
	})
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

// TestDropped drops every handle at once after a set.
func TestDropped(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: 5 * time.Millisecond})
		set := func(title string) ID {
			o := b.create(Card{})
			o.SetTitle(title)
			return o.ID()
		}
		var ids []ID
		for i := range 100 {
			ids = append(ids, set(fmt.Sprint(i)))
			if i%10 == 0 {
				runtime.GC()
			}
		}
		if err := b.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			if got, _ := b.asStored(id); got.Title != fmt.Sprint(i) {
				t.Errorf("stored %q, want %d", got.Title, i)
			}
		}
		if _, dummy := d.(driver.Holder); dummy {
			return // it keeps all documents
		}
		for deadline := time.Now().Add(20 * time.Second); len(b.cards.t.cache.All()) > 0; runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatalf("%d documents stay in memory", len(b.cards.t.cache.All()))
			}
		}
	})
}

// TestWatchedStays holds a document by nothing but a subscription.
func TestWatchedStays(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	var calls atomic.Int64
	watch := func() ID {
		o := b.create(Card{})
		var stop func()
		stop = o.Watch(func(*Commit) {
			if calls.Add(1) == 2 {
				stop()
			}
		})
		return o.ID()
	}
	id := watch()
	for want := int64(1); want <= 2; want++ {
		for range 5 {
			runtime.GC()
		}
		must(b.cards.Get(ctx, id))(t).SetTitle(fmt.Sprint(want))
		if err := b.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if calls.Load() != want {
			t.Errorf("called %d times, want %d", calls.Load(), want)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); b.cards.t.cache.Get(id) != nil; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("it stays in memory after stop")
		}
	}
}

// TestStorm counts in documents that are collected and loaded all the time:
// users hold inner handles only, or nothing, and no count is lost.
func TestStorm(t *testing.T) {
	b := open(t, drivers[0].open(t), &Options{Window: time.Millisecond})
	const docs, users, rounds = 4, 4, 300
	var ids [docs]ID
	var want [docs]atomic.Int64
	for i := range ids {
		ids[i] = b.create(Card{Lines: []Line{{}}}).ID()
	}
	var stop atomic.Bool
	var gc, wg sync.WaitGroup
	gc.Go(func() {
		for !stop.Load() {
			runtime.GC()
		}
	})
	for u := range users {
		wg.Go(func() {
			for i := range rounds {
				k := (i + u) % docs
				o, err := b.cards.Get(ctx, ids[k])
				if err != nil {
					t.Error(err)
					return
				}
				tags := o.Tags() // keeps the document
				o = nil
				runtime.Gosched()
				tags.Append(fmt.Sprint(u))
				want[k].Add(1)
				if i%10 == 0 {
					if err := b.cards.Flush(ctx, ids[k]); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	gc.Wait()
	if err := b.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if got, _ := b.asStored(id); int64(len(got.Tags)) != want[i].Load() {
			t.Errorf("card %d: %d tags, want %d", i, len(got.Tags), want[i].Load())
		}
	}
}

// TestHandlersFlush flushes where a lock or a queue might be held.
func TestHandlersFlush(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		var b *base
		var reported []error
		var o *OCard
		var holder ID
		b = open(t, d, &Options{Window: time.Hour})
		b.opts.OnError = func(err error) {
			reported = append(reported, err)
			taken(t, o.Flush(ctx), holder) // the next Flush: it is this one

		}
		holder = b.stored(Card{Query: CardQuery{Slug: ptr("a")}})
		o = b.create(Card{})
		origins := make(chan Origin, 10)
		defer o.Watch(func(c *Commit) {
			if err := o.Flush(ctx); err != nil && !errors.Is(err, ErrTaken) {
				t.Errorf("Flush in a listener: %v", err)
			}
			origins <- c.Origin
		})()
		if err := o.Update(func(o *OCard) error { o.SetTitle("b"); return nil }); err != nil {
			t.Fatal(err)
		}
		_ = o.Query().SetSlug("a")
		if err := o.Flush(ctx); err != nil {
			t.Error(err)
		}
		if err := Settle(ctx, o); err != nil {
			t.Fatal(err)
		}
		if len(reported) != 1 || !errors.Is(reported[0], ErrTaken) || slug(o) != "-" {
			t.Errorf("reported %v, slug %s", reported, slug(o))
		}
		for _, want := range []Origin{Local, Local, TakenBack} {
			if got := <-origins; got != want {
				t.Errorf("heard of %v, want %v", got, want)
			}
		}
	})
}

// TestDeleteRace sets while the document is deleted: what came too late is
// taken back and told.
func TestDeleteRace(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		for range 8 {
			o := b.create(Card{})
			var wg sync.WaitGroup
			begun := make(chan struct{})
			var updated int
			wg.Go(func() {
				for i := 0; ; i++ {
					if i == 5 {
						close(begun)
					}
					err := o.Update(func(o *OCard) error { o.Tags().Append("x"); return nil })
					if err != nil {
						if !errors.Is(err, ErrDeleted) {
							t.Error(err)
						}
						return
					}
					updated++
				}
			})
			<-begun
			wg.Go(func() {
				if err := o.Delete(ctx); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			var back int
			for _, err := range b.errs.take() {
				var refused *RefusedError
				if !errors.As(err, &refused) || !errors.Is(err, ErrDeleted) {
					t.Errorf("reported %v", err)
					continue
				}
				back += len(refused.Commit.Deltas)
			}
			st := must(d.Load(ctx, "cards", o.ID(), 0))(t)
			if shown := o.Tags().Len(); shown+back != updated || st.Seq != uint64(shown)+2 {
				t.Errorf("%d Updates: %d shown, %d taken back, %d versions stored", updated, shown, back, st.Seq)
			}
		}
	})
}

// TestInTransaction asks bound handles for what may wait for the store.
func TestInTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{})
		o.SetTitle("a")
		check := func(in *OCard) error {
			for name, err := range map[string]error{"Flush": in.Flush(ctx), "Delete": in.Delete(ctx), "Settle": Settle(ctx, in)} {
				var e *Error
				if !errors.Is(err, ErrInTransaction) || !errors.As(err, &e) || e.ID != o.ID() {
					t.Errorf("%s: %v", name, err)
				}
			}
			if in.ID() != o.ID() || in.Version() != 1 || !in.Pending() {
				t.Errorf("id %s, version %d, pending %v", in.ID(), in.Version(), in.Pending())
			}
			if got, err := b.cards.Find(ctx); err != nil || got != o {
				t.Errorf("Find in a transaction: %v, %v", got, err)
			}
			return nil
		}
		if err := errors.Join(o.Update(check), o.View(check)); err != nil {
			t.Error(err)
		}
	})
}

// TestUpdateErrors looks at what Update gives back.
func TestUpdateErrors(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	o := b.create(Card{})
	mine := slice{"not comparable"}
	err := o.Update(func(o *OCard) error { o.SetTitle("x"); return mine })
	if got, ok := err.(slice); !ok || got[0] != mine[0] || o.Title() != "" {
		t.Errorf("got %v, title %q", err, o.Title())
	}
	ran := func(*OCard) error { t.Error("ran"); return nil }
	for name, opt := range map[string]CommitOption{
		"long author": By(strings.Repeat("x", driver.MaxBy+1)), "author": By("\xff"), "reason": Because("\xff"),
	} {
		var e *Error
		if err := o.Update(ran, opt); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err = o.Update(func(o *OCard) error { return o.Update(ran, By("x")) })
	if err == nil {
		t.Error("a nested Update took an author")
	}
}

// slice is an error that == cannot compare.
type slice []string

func (s slice) Error() string { return s[0] }

// TestOneTypeATable uses one table with two types.
func TestOneTypeATable(t *testing.T) {
	b := open(t, drivers[0].open(t), nil)
	b.create(Card{})
	other := newTable(b.DB, reflect.TypeFor[*OMemo](), reflect.TypeFor[Memo](), reflect.TypeFor[struct{}]())
	other.name = "cards"
	for range 2 {
		if err := other.ready(ctx); err == nil || !strings.Contains(err.Error(), "Memo") {
			t.Errorf("got %v", err)
		}
	}
	if CardTable(b.DB) != b.cards {
		t.Error("a table is made twice")
	}
}

// TestSchemaRefused declares a table that contradicts the store: that is the
// error of every operation on it, and of no other.
func TestSchemaRefused(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		if err := d.Declare(ctx, driver.Schema{Table: "memos", Unique: []string{"more"}}); err != nil {
			t.Fatal(err)
		}
		b := open(t, d, nil)
		memos := MemoTable(b.DB)
		var schema *driver.SchemaError
		_, err := memos.Create(ctx, Memo{})
		_, err2 := memos.Find(ctx)
		for _, err := range []error{err, err2, memos.Delete(ctx, ID{1}), memos.Flush(ctx, ID{1})} {
			if !errors.As(err, &schema) {
				t.Errorf("got %v", err)
			}
		}
		b.create(Card{})
	})
}

// damaged spoils the newest checkpoint that it is asked for.
type damaged struct {
	driver.Driver
	spoil func(seq uint64, content []byte) []byte
}

func (d *damaged) Load(ctx context.Context, table string, id ID, at uint64) (driver.State, error) {
	s, err := d.Driver.Load(ctx, table, id, at)
	if s.Checkpoint != nil {
		s.Checkpoint = d.spoil(s.CheckpointSeq, s.Checkpoint)
	}
	return s, err
}

// TestCheckpoints lets a document grow until checkpoints are written, and loads
// it from each of them.
func TestCheckpoints(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		spoiled := map[uint64]bool{}
		d = &damaged{d, func(seq uint64, content []byte) []byte {
			if spoiled[seq] {
				return content[:len(content)/2]
			}
			return content
		}}
		b := open(t, d, &Options{Window: time.Hour, tuning: tuning{checkpoint: 1}})
		o := b.create(Card{Title: strings.Repeat("x", 50)})
		for i := range 60 {
			o.Tags().Append(fmt.Sprint("tag", i))
			o.SetCount(i)
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			for of(&o.OObject).checkpointing.Load() {
				runtime.Gosched()
			}
		}
		b.opts.tuning.checkpoint = 1 << 30 // no more of them
		want := o.Snapshot()
		var seqs []uint64 // newest first
		for at := o.Version(); at > 0; {
			s := must(d.Load(ctx, "cards", o.ID(), at))(t)
			if s.Checkpoint == nil {
				break
			}
			seqs = append(seqs, s.CheckpointSeq)
			at = s.CheckpointSeq - 1
		}
		if len(seqs) < 2 || len(seqs) > 20 {
			t.Errorf("checkpoints %v of 61 versions", seqs)
		}
		for i := range len(seqs) + 1 {
			got, version := b.asStored(o.ID())
			if diff := cmp.Diff(want, got, same); diff != "" || version != 61 {
				t.Fatalf("spoiled %v: version %d (-want +got)\n%s", spoiled, version, diff)
			}
			list := b.errs.take()
			if len(list) != i {
				t.Errorf("%d reports of %d spoiled checkpoints: %v", len(list), i, list)
			}
			for j, err := range list {
				if e := err.(*Error); !errors.Is(err, ErrCorrupt) || e.Version != seqs[j] {
					t.Errorf("reported %v", err)
				}
			}
			if i < len(seqs) {
				spoiled[seqs[i]] = true
			}
		}
	})
}

// TestCheckpointOfBusy writes checkpoints of a document that always shows what
// the store has not.
func TestCheckpointOfBusy(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		f := drivertest.Faults(d, drivertest.Plan{})
		b := open(t, f, &Options{Window: time.Hour, tuning: tuning{checkpoint: 1}})
		o := b.create(Card{})
		o.SetTitle(strings.Repeat("stored", 100))
		gate := f.Hang(drivertest.Append)
		done := make(chan error)
		go func() { done <- o.Flush(ctx) }()
		<-gate.Arrived()
		o.SetCount(1)
		gate.Release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for {
			s := must(d.Load(ctx, "cards", o.ID(), 0))(t)
			if s.CheckpointSeq == 2 {
				break
			}
			runtime.Gosched()
		}
		if got, _ := b.asStored(o.ID()); got.Title != o.Title() || got.Count != 0 || !o.Pending() {
			t.Errorf("stored %+v, pending %v", got, o.Pending())
		}
	})
}

// TestCorrupt loads what cannot be read at all.
func TestCorrupt(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		id := b.DB.ids.next()
		b.create(Card{})
		section := must(driver.AppendValue(nil, driver.Object{}))(t)
		r := d.Append(ctx, []driver.Commit{{
			Table: "cards", ID: id, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Body: []byte{0x91, 0xc1}, Section: section,
		}})
		if r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		_, err := b.cards.Get(ctx, id)
		var e *Error
		if !errors.Is(err, ErrCorrupt) || !errors.As(err, &e) || e.Version != 1 || e.ID != id {
			t.Errorf("got %v", err)
		}
	})
}

// TestConflictingWriter lets somebody else write a document that is in memory.
func TestConflictingWriter(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{})
		o.SetTitle("lost")
		r := d.Append(ctx, []driver.Commit{{
			Table: "cards", ID: o.ID(), Seq: 2, Try: [16]byte{1}, Kind: driver.KindRenumber, Body: []byte{0x90},
		}})
		if r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		if err := o.Flush(ctx); !errors.Is(err, ErrConflict) || o.Title() != "" {
			t.Errorf("title %q, error %v", o.Title(), err)
		}
		if list := b.errs.take(); len(list) != 1 || !errors.Is(list[0], ErrConflict) {
			t.Errorf("reported %v", list)
		}
		fresh := must(b.cards.Get(ctx, o.ID()))(t)
		if fresh == o || fresh.Version() != 2 {
			t.Errorf("still the old one, version %d", fresh.Version())
		}
		fresh.SetTitle("new")
		if err := fresh.Flush(ctx); err != nil {
			t.Error(err)
		}
	})
}

// TestIDs makes ids with a clock that stands still, and after one from the
// future was seen.
func TestIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g ids
		last := g.next()
		for range 1 << 17 { // over the lower half of the counter
			id := g.next()
			if id.Compare(last) <= 0 {
				t.Fatalf("%s after %s", id, last)
			}
			last = id
		}
		future := last
		future[0]++
		g.seen(future)
		if id := g.next(); id.Compare(future) <= 0 {
			t.Errorf("%s after %s was seen", id, future)
		}
		g.seen(last)
		if id := g.next(); id.Compare(future) <= 0 {
			t.Errorf("%s after an older one was seen", id)
		}
	})
}

// TestIDsSeen creates after what the store has from a clock that ran ahead.
func TestIDsSeen(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		future := b.create(Card{}).ID()
		section := must(driver.AppendValue(nil, driver.Object{}))(t)
		for i, see := range []func() error{
			func() error { _, err := b.cards.Query(ctx, b.cards.After(future)); return err },
			func() error { _, err := b.cards.Get(ctx, future); return err },
		} {
			last := future
			future[1]++
			r := d.Append(ctx, []driver.Commit{{
				Table: "cards", ID: future, Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Body: []byte{0x90}, Section: section,
			}})
			if r[0].Err != nil {
				t.Fatal(r[0].Err)
			}
			if i == 0 {
				future, last = last, future
			}
			if err := see(); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				future = last
			}
			if id := b.create(Card{}).ID(); id.Compare(future) <= 0 {
				t.Errorf("%s after %s was seen", id, future)
			}
		}
	})
}

// TestSettleOvertaken changes a document after it said that it is clean, and
// before that is noted.
func TestSettleOvertaken(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Millisecond})
		o := b.create(Card{})
		l := of(&o.OObject)
		b.schedule.settle(l, func() bool {
			clean := l.doc.Clean()
			o.SetTitle("overtaken")
			return clean
		})
		if !o.Pending() {
			t.Error("it is forgotten that something is left to store")
		}
		for o.Version() != 2 {
			runtime.Gosched()
		}
	})
}

// TestDoomed waits for the slot with a commit that is doomed meanwhile: it is
// not sent.
func TestDoomed(t *testing.T) {
	inBubble(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{})
		if err := o.Update(func(o *OCard) error { o.SetTitle("x"); return nil }); err != nil {
			t.Fatal(err)
		}
		l := of(&o.OObject)
		if err := l.acquire(ctx); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- o.Flush(ctx) }()
		synctest.Wait() // it waits for the slot
		l.doomed.Store(&doom{l.doc.Waiting()[0], ErrTaken})
		l.release()
		if err := <-done; !errors.Is(err, ErrTaken) || o.Version() != 1 || o.Title() != "" {
			t.Errorf("version %d, title %q: %v", o.Version(), o.Title(), err)
		}
		b.errs.take()
	})
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
