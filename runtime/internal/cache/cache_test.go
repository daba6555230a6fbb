package cache

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// thing is big enough to have an allocation of its own, and users often hold
// only a part of it.
type thing struct {
	key  int
	part [8]int
}

func load(k int) func(context.Context) (*thing, error) {
	return func(context.Context) (*thing, error) { return &thing{key: k}, nil }
}

func TestSame(t *testing.T) {
	var c Cache[int, thing]
	ctx := context.Background()
	if v := c.Get(1); v != nil {
		t.Fatalf("empty cache has %v", v)
	}
	a, err := c.Load(ctx, 1, load(1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Load(ctx, 1, func(context.Context) (*thing, error) {
		t.Error("loaded what is there")
		return nil, nil
	})
	if err != nil || a != b || c.Get(1) != a {
		t.Errorf("got %p, %v and %p, want %p", b, err, c.Get(1), a)
	}
	if c.Add(1, &thing{}) {
		t.Error("Add took a key that has a value")
	}
	other := &thing{}
	c.Remove(1, other)
	if c.Get(1) != a {
		t.Error("Remove of another value took this one")
	}
	c.Remove(1, a)
	if c.Get(1) != nil || !c.Add(1, other) || c.Get(1) != other {
		t.Error("a removed key does not take a new value")
	}
	runtime.KeepAlive(a)
}

// collect collects until done says so; the deadline is for a broken cache.
func collect(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("not collected")
		}
		runtime.GC()
	}
}

func (c *Cache[K, V]) len() (n int) {
	for i := range c.shards {
		c.shards[i].mu.Lock()
		n += len(c.shards[i].entries)
		c.shards[i].mu.Unlock()
	}
	return n
}

func TestCollected(t *testing.T) {
	var c Cache[int, thing]
	for k := range 100 {
		if !c.Add(k, &thing{key: k}) {
			t.Fatal("Add refused a new key")
		}
	}
	collect(t, func() bool { return c.len() == 0 })
}

func TestPin(t *testing.T) {
	var c Cache[int, thing]
	ctx := context.Background()
	pin := func() {
		v, err := c.Load(ctx, 1, load(1))
		if err != nil {
			t.Fatal(err)
		}
		v.part[0] = 7
		c.Pin(1, v)
		c.Pin(2, v) // not its key: nothing
	}
	pin()
	c.Add(3, &thing{})
	collect(t, func() bool { return c.Get(3) == nil })
	if v := c.Get(1); v == nil || v.part[0] != 7 {
		t.Fatalf("a pinned value is gone: %v", v)
	}
	c.Unpin(1, c.Get(1))
	collect(t, func() bool { return c.len() == 0 })
}

// TestLateCleanup runs the cleanup of a value after its key has another one.
func TestLateCleanup(t *testing.T) {
	var c Cache[int, thing]
	first, second := &thing{}, &thing{}
	c.Add(1, first)
	w := c.shard(1).entries[1].value
	c.Remove(1, first)
	c.Add(1, second)
	c.collected(key[int, thing]{1, w})
	if c.Get(1) != second {
		t.Error("a late cleanup took the value that came after")
	}
	runtime.KeepAlive(first)
}

// TestOneLoad lets many ask for a key that is being loaded.
func TestOneLoad(t *testing.T) {
	var (
		c     Cache[int, thing]
		ctx   = context.Background()
		begun = make(chan struct{})
		end   = make(chan struct{})
		loads atomic.Int32
		wg    sync.WaitGroup
		got   = make([]*thing, 16)
	)
	slow := func(context.Context) (*thing, error) {
		loads.Add(1)
		close(begun)
		<-end
		return &thing{key: 1}, nil
	}
	wg.Go(func() { got[0], _ = c.Load(ctx, 1, slow) })
	<-begun
	for i := 1; i < len(got); i++ {
		wg.Go(func() { got[i], _ = c.Load(ctx, 1, slow) })
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := c.Load(cancelled, 1, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("a waiter whose context ended got %v", err)
	}
	if c.Add(1, &thing{}) {
		t.Error("Add took a key that is being loaded")
	}
	close(end)
	wg.Wait()
	for i := range got {
		if got[i] == nil || got[i] != got[0] {
			t.Fatalf("waiter %d got %p, the loader %p", i, got[i], got[0])
		}
	}
	if n := loads.Load(); n != 1 {
		t.Errorf("loaded %d times", n)
	}
}

// TestLoadFails holds who learns of a load that failed, and who loads again.
func TestLoadFails(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name string
		end  func(context.CancelFunc) (*thing, error)
		want error // what a waiter gets; nil when it loads by itself
	}{
		{"error", func(context.CancelFunc) (*thing, error) { return nil, broken }, broken},
		{"loader cancelled", func(cancel context.CancelFunc) (*thing, error) { cancel(); return nil, context.Canceled }, nil},
		{"panic", func(context.CancelFunc) (*thing, error) { panic(broken) }, nil},
		{"goexit", func(context.CancelFunc) (*thing, error) { runtime.Goexit(); return nil, nil }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Cache[int, thing]
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			begun, end := make(chan struct{}), make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() { _ = recover() }()
				_, _ = c.Load(ctx, 1, func(context.Context) (*thing, error) {
					close(begun)
					<-end
					return tt.end(cancel)
				})
			})
			<-begun
			var waits atomic.Bool
			wg.Go(func() {
				waits.Store(true)
				v, err := c.Load(context.Background(), 1, load(5))
				if !errors.Is(err, tt.want) || tt.want == nil && v.key != 5 {
					t.Errorf("waiter got %v, %v", v, err)
				}
			})
			for !waits.Load() {
				runtime.Gosched()
			}
			close(end)
			wg.Wait()
			if _, err := c.Load(context.Background(), 1, load(6)); err != nil {
				t.Errorf("the key is broken for ever: %v", err)
			}
		})
	}
}

// TestSpread spreads keys by a function of the user's, well and badly.
func TestSpread(t *testing.T) {
	for _, spread := range []func(int) uint64{nil, func(k int) uint64 { return uint64(k) << 58 }, func(int) uint64 { return 1<<64 - 1 }} {
		c := Cache[int, thing]{Spread: spread}
		var keep []*thing
		for k := range 200 {
			keep = append(keep, &thing{key: k})
			if !c.Add(k, keep[k]) {
				t.Fatalf("%d is there already", k)
			}
		}
		for k := range 200 {
			if c.Get(k) != keep[k] || c.Peek(k) != keep[k] {
				t.Fatalf("%d is something else", k)
			}
		}
		if c.Get(-1) != nil || c.Hits() != 200 || len(c.All()) != 200 {
			t.Errorf("%d hits, %d values", c.Hits(), len(c.All()))
		}
		runtime.KeepAlive(keep)
	}
}
