package cache

import (
	"context"
	"runtime"
	"testing"
)

// TestMillion touches a million values once each, as somebody does who goes
// through a large table: what nobody has any more takes no memory, nor does
// what is known of it.
func TestMillion(t *testing.T) {
	type document struct{ content [1024]byte }
	var c Cache[int, document]
	const values, most = 1_000_000, 64 << 20
	load := func(context.Context) (*document, error) { return new(document), nil }
	inuse := func() uint64 {
		for range 4 { // cleanups run between collections
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	for k := range values {
		v, err := c.Load(t.Context(), k, load)
		if err != nil {
			t.Fatal(err)
		}
		v.content[k%1024]++
		if k%200_000 == 199_999 {
			if now := inuse(); now > most {
				t.Fatalf("%d MiB in use after %d values", now>>20, k+1)
			}
		}
	}
	for range 100 {
		if len(c.All()) == 0 {
			break
		}
		runtime.GC()
	}
	if n := len(c.All()); n > 0 {
		t.Errorf("%d values are left", n)
	}
	entries := 0
	for i := range c.shards {
		c.shards[i].mu.Lock()
		entries += len(c.shards[i].entries)
		c.shards[i].mu.Unlock()
	}
	if entries > values/100 {
		t.Errorf("%d entries are left", entries)
	}
}
