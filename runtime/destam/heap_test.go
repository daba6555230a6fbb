package destam

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs"
)

// TestHeap touches every document of a table once, as somebody does who goes
// through it after a restart: what nobody has any more takes no memory, and all
// that is in use is at most 64 MiB, with what the store itself has in memory. With
// DESTAM_LONG=1 there are a million.
func TestHeap(t *testing.T) {
	n := int64(20_000) // many times what is allowed, should they stay
	if os.Getenv("DESTAM_LONG") != "" {
		n = 1_000_000
	}
	dir := t.TempDir()
	fill(t, dir, n)
	b := onFolder(t, dir)
	before := inuse()
	ids := make(chan ID)
	go func() {
		defer close(ids)
		for hit, err := range b.cards.QueryAll(ctx) {
			if err != nil {
				t.Error(err)
			}
			ids <- hit.ID
		}
	}()
	var sum, most atomic.Int64
	abreast(func(i int64) bool {
		id, more := <-ids
		if !more {
			return false
		}
		o, err := b.cards.Get(ctx, id)
		if err != nil {
			t.Error(err)
			return true
		}
		sum.Add(int64(o.Count()))
		if i%(n/4) == n/8 { // on the way too, when a collection is over
			most.Store(max(most.Load(), inuse()))
		}
		return true
	})
	if want := n * int64(sample().Count); sum.Load() != want {
		t.Errorf("read %d, want %d", sum.Load(), want)
	}
	after := inuse()
	most.Store(max(most.Load(), after))
	t.Logf("in use: %.1f MiB before, %.1f after %d documents, at most %.1f",
		mib(before), mib(after), n, mib(most.Load()))
	if after-before > 16<<20 || most.Load() > 64<<20 {
		t.Errorf("%.1f MiB more are in use, %.1f in all", mib(after-before), mib(most.Load()))
	}
	if s := b.DB.Stats(); s.Documents > int(n)/100 || s.Pinned > 0 {
		t.Errorf("in memory: %+v", s)
	}
}

// fill makes a table of n documents, as another process would: nothing of it stays
// in memory.
func fill(t *testing.T, dir string, n int64) {
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	db := must(Open(ctx, store, nil))(t)
	cards := CardTable(db)
	abreast(func(i int64) bool {
		if i >= n {
			return false
		}
		c := sample()
		c.Query.Slug, c.Query.Owner = nil, fmt.Sprint("owner ", i)
		if _, err := cards.Create(ctx, c); err != nil {
			t.Error(err)
		}
		return true
	})
	if err := db.Close(ctx); err != nil || t.Failed() {
		t.Fatal(err)
	}
}

// onFolder opens a database on a folder.
func onFolder(t *testing.T, dir string) *base {
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, store, nil)
}

// abreast calls do with ascending numbers on many goroutines, until one gives
// false.
func abreast(do func(i int64) bool) {
	var next atomic.Int64
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for !over.Load() {
				if !do(next.Add(1) - 1) {
					over.Store(true)
				}
			}
		})
	}
	wg.Wait()
}

// inuse gives the heap that is in use after collections.
func inuse() int64 {
	for range 10 { // cleanups run between collections
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
