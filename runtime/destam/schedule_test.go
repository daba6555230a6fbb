package destam

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

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

// TestSlotTaken holds a document's slot when it is due: it is stored when the
// slot is free, whoever had it.
func TestSlotTaken(t *testing.T) {
	inBubble(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		o := b.create(Card{})
		l := of(&o.OObject)
		if err := l.acquire(ctx); err != nil {
			t.Fatal(err)
		}
		o.SetTitle("x")
		time.Sleep(time.Minute)
		l.release()
		time.Sleep(time.Second)
		synctest.Wait()
		if o.Version() != 2 || o.Pending() {
			t.Errorf("version %d, pending %v", o.Version(), o.Pending())
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
		eventually(t, "the rest is stored", func() bool { return o.Version() == 2 })
	})
}
