package cache

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// holders counts who has which value of a key, so that two values of one key
// at one time are seen.
type holders struct {
	mu sync.Mutex
	by map[int]*held
}

type held struct {
	part *int
	n    int
}

func (h *holders) take(t *testing.T, k int, part *int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.by[k]
	if e == nil {
		e = &held{}
		h.by[k] = e
	}
	if e.n > 0 && e.part != part {
		t.Errorf("key %d has two values at once", k)
	}
	e.part = part
	e.n++
}

func (h *holders) release(k int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.by[k]
	if e.n--; e.n == 0 {
		e.part = nil // or it would keep the value
	}
}

// TestStorm holds the promise of the package while the collector runs all the
// time: goroutines that hold only a part of a value, and count in it, always
// meet the same value, and no count is lost while it is pinned.
func TestStorm(t *testing.T) {
	var (
		c     Cache[int, thing]
		ctx   = context.Background()
		seen  = holders{by: map[int]*held{}}
		stop  atomic.Bool
		loads atomic.Int64
		wg    sync.WaitGroup
		gc    sync.WaitGroup
		total [8]atomic.Int64
		mu    [8]sync.Mutex // of the values' counts, as a document has one
	)
	gc.Go(func() {
		for !stop.Load() {
			runtime.GC()
		}
	})
	stored := make([]int, len(total)) // what a store would keep; guarded by mu[k]
	for g := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for i := 0; i < 2000 || loads.Load() < int64(2*len(total)); i++ { // until values were collected, too
				k := r.IntN(len(total))
				v, err := c.Load(ctx, k, func(context.Context) (*thing, error) {
					loads.Add(1)
					mu[k].Lock()
					defer mu[k].Unlock()
					v := &thing{key: k}
					v.part[3] = stored[k]
					return v, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				part := &v.part[3]
				v = nil
				seen.take(t, k, part)
				mu[k].Lock()
				*part++
				total[k].Add(1)
				c.Pin(k, c.Get(k))
				mu[k].Unlock()
				runtime.Gosched()
				mu[k].Lock()
				stored[k] = *part // stored while it is pinned: then it may go
				c.Unpin(k, c.Get(k))
				mu[k].Unlock()
				seen.release(k)
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	gc.Wait()
	for k := range total {
		if want := int(total[k].Load()); stored[k] != want {
			t.Errorf("key %d: counted %d, want %d", k, stored[k], want)
		}
	}
	t.Logf("%d loads", loads.Load())
}
