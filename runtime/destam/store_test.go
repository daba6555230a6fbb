package destam

import (
	"context"
	"errors"
	"runtime"
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
	most                    atomic.Int64 // commits in one batch
}

func (c *counted) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	c.batches.Add(1)
	c.commits.Add(int64(len(batch)))
	for n := int64(len(batch)); ; {
		if most := c.most.Load(); n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
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
					// Not for ever: to read what is stored takes the longer the more
					// was set, and the longer it takes the more is set meanwhile.
					for n := 0; n < 5000 && !stop.Load(); n++ {
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
		limit, end := context.WithCancel(ctx)
		defer end()
		must(b.cards.Create(limit, Card{}))(t) // behind it, as its context may end too
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

// TestGroup flushes many documents at once, with a context that may end: while
// the driver is busy with one batch, all others gather in the next.
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
		limit, cancel := context.WithCancel(ctx)
		defer cancel()
		var wg sync.WaitGroup
		flush := func(o *OCard) {
			wg.Go(func() {
				o.SetTitle("x")
				if err := o.Flush(limit); err != nil {
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
		eventually(t, "it is stored, though nobody flushes", func() bool { return !o.Pending() })
		if o.Version() != 3 {
			t.Errorf("version %d, want 3: what was set meanwhile is one", o.Version())
		}
	})
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

// TestConflictingWriter lets somebody else write a document that is in memory.
func TestConflictingWriter(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{})
		o.SetTitle("kept")
		r := d.Append(ctx, []driver.Commit{{
			Table: "cards", ID: o.ID(), Seq: 2, Try: [16]byte{1}, Kind: driver.KindRenumber, Body: []byte{0x90},
		}})
		if r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		if err := o.Flush(ctx); err != nil || o.Title() != "kept" || o.Version() != 3 {
			t.Errorf("title %q, version %d, error %v", o.Title(), o.Version(), err)
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
