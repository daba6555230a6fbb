package destam

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestHeap touches every document of a table once, as somebody does who goes
// through it: what nobody has any more takes no memory. What the store itself
// has in memory is there before. With DESTAM_LONG=1 there are a million.
func TestHeap(t *testing.T) {
	n := int64(20_000) // many times what is allowed, should they stay
	if os.Getenv("DESTAM_LONG") != "" {
		n = 1_000_000
	}
	b := open(t, drivers[2].open(t), nil)
	ids := make([]ID, n)
	many := func(do func(i int64) error) {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
					if err := do(i); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	many(func(i int64) error {
		c := sample()
		c.Query.Slug, c.Query.Owner = nil, fmt.Sprint("owner ", i)
		o, err := b.cards.Create(ctx, c)
		if err == nil {
			ids[i] = o.ID()
		}
		return err
	})
	if t.Failed() {
		return
	}
	inuse := func() int64 {
		for range 10 { // cleanups run between collections
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse)
	}
	before := inuse()
	var sum atomic.Int64
	many(func(i int64) error {
		o, err := b.cards.Get(ctx, ids[i])
		if err == nil {
			sum.Add(int64(o.Count()))
		}
		return err
	})
	if want := n * int64(sample().Count); sum.Load() != want {
		t.Errorf("read %d, want %d", sum.Load(), want)
	}
	if after := inuse(); after-before > 16<<20 {
		t.Errorf("%d MiB more are in use after %d documents", (after-before)>>20, n)
	}
	if s := b.DB.Stats(); s.Documents > int(n)/100 || s.Pinned > 0 {
		t.Errorf("in memory: %+v", s)
	}
}
