package cache

import (
	"context"
	"runtime"
	"testing"
)

// BenchmarkHit is a look-up of a value that somebody has, by keys like those of
// documents.
func BenchmarkHit(b *testing.B) {
	var c Cache[[16]byte, thing]
	var keep []*thing
	var keys [1 << 12][16]byte
	for i := range keys {
		keys[i][5], keys[i][14], keys[i][15] = 9, byte(i>>8), byte(i)
		keep = append(keep, &thing{})
		c.Add(keys[i], keep[i])
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if c.Get(keys[i&(len(keys)-1)]) == nil {
			b.Fatal("missed")
		}
		i++
	}
	runtime.KeepAlive(keep)
}

// BenchmarkHitParallel is the same by all cores, through Load.
func BenchmarkHitParallel(b *testing.B) {
	var c Cache[[16]byte, thing]
	v := &thing{}
	c.Add([16]byte{1}, v)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Load(ctx, [16]byte{1}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	runtime.KeepAlive(v)
}
