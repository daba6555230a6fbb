package destam

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestFlushTogether flushes more documents than are stored together at once:
// the driver is asked for many with one call.
func TestFlushTogether(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		const n = flock + 10
		c := &counted{Driver: d}
		b := open(t, c, &Options{Window: time.Hour, SyncEvery: time.Hour})
		var all []*OCard
		for range n {
			all = append(all, b.create(Card{}))
		}
		limit, cancel := context.WithCancel(ctx)
		defer cancel()
		for i, ctx := range []context.Context{ctx, limit} {
			c.batches.Store(0)
			c.commits.Store(0)
			for _, o := range all {
				o.SetCount(i + 1)
			}
			if err := b.DB.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if c.batches.Load() != 2 || c.commits.Load() != n {
				t.Errorf("%d commits in %d batches, want %d in 2", c.commits.Load(), c.batches.Load(), n)
			}
			for _, o := range all {
				if o.Pending() || o.Version() != uint64(i+2) {
					t.Errorf("version %d, pending %v", o.Version(), o.Pending())
				}
			}
		}
	})
}

// TestFlushTogetherHeld flushes all documents while one of them is in an Update:
// the others are stored meanwhile, and the Flush waits for it.
func TestFlushTogetherHeld(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour, SyncEvery: time.Hour})
		var all []*OCard
		for i := range 20 {
			all = append(all, b.create(Card{}))
			all[i].SetCount(1)
		}
		held, others := all[7], append(all[:7:7], all[8:]...)
		entered, leave := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(leave) })
		defer release()
		updated := make(chan error, 1)
		go func() {
			updated <- held.Update(func(o *OCard) error {
				close(entered)
				<-leave
				o.SetCount(2)
				return nil
			})
		}()
		<-entered
		flushed := make(chan error, 1)
		go func() { flushed <- b.DB.Flush(ctx) }()
		eventually(t, "the others are stored", func() bool {
			for _, o := range others {
				if o.Version() != 2 {
					return false
				}
			}
			return true
		})
		select {
		case err := <-flushed:
			t.Errorf("the Flush did not wait, and gave %v", err)
		default:
		}
		release()
		if err := errors.Join(<-updated, <-flushed); err != nil {
			t.Error(err)
		}
		if got, version := b.asStored(held.ID()); got.Count == 0 || version < 2 {
			t.Errorf("stored %+v as version %d", got, version)
		}
	})
}

// TestFlushTogetherRefused flushes documents of which the store refuses some: it
// is told of these, and the rest of them and all others are stored, also when
// the listener that hears of it ends the goroutine. (I16)
func TestFlushTogetherRefused(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour, SyncEvery: time.Hour})
		defer b.errs.take()
		var holders, all []*OCard
		for i := range 10 {
			holder := b.create(Card{Query: CardQuery{Slug: ptr(fmt.Sprint(i))}})
			holders = append(holders, holder)
			of(&holder.OObject).forget() // as if nobody had it: only the store knows that the value is taken
			b.cards.t.claims.drop(of(&holder.OObject).claimed.Load())
			o := b.create(Card{})
			all = append(all, o)
			if i%2 == 0 {
				if err := o.Query().SetSlug(fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			if i%4 == 0 {
				o.Watch(func(c *Commit) {
					if c.Origin == TakenBack {
						runtime.Goexit()
					}
				})
			}
			o.SetCount(1)
			if err := o.Update(func(o *OCard) error { o.SetTitle("x"); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.DB.Flush(ctx); !errors.Is(err, ErrTaken) {
			t.Errorf("Flush gives %v", err)
		}
		for _, o := range all {
			if got, _ := b.asStored(o.ID()); got.Count != 1 || got.Title != "x" || got.Query.Slug != nil {
				t.Errorf("stored %+v", got)
			}
			if _, has := o.Query().Slug(); has || o.Pending() {
				t.Errorf("shows %+v, pending %v", o.Snapshot(), o.Pending())
			}
		}
		if err := b.DB.Flush(ctx); err != nil {
			t.Errorf("the next Flush gives %v", err)
		}
		runtime.KeepAlive(holders)
	})
}

// TestFlushTogetherMany lets more commits wait of a few documents than go to the
// driver at once, whoever asks it.
func TestFlushTogetherMany(t *testing.T) {
	const documents, each = 10, maxBatch/8 + 1
	for name, limit := range map[string]context.Context{"asks": ctx, "leaves it to another": t.Context()} {
		t.Run(name, func(t *testing.T) {
			c := &counted{Driver: memory.Open(nil)}
			b := open(t, c, &Options{Window: time.Hour, SyncEvery: time.Hour})
			for range documents {
				o := b.create(Card{})
				for i := range each {
					if err := o.Update(func(o *OCard) error { o.SetTitle(fmt.Sprint(i)); return nil }); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.batches.Store(0)
			c.commits.Store(0)
			if err := b.Flush(limit); err != nil {
				t.Fatal(err)
			}
			if c.commits.Load() != documents*each || c.most.Load() > maxBatch || c.batches.Load() < 2 {
				t.Errorf("%d commits in %d batches of at most %d, want %d in batches of at most %d",
					c.commits.Load(), c.batches.Load(), c.most.Load(), documents*each, maxBatch)
			}
		})
	}
}
