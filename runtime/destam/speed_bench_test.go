package destam

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
)

// plotted gives a garden whose window stays open, with a bed three levels
// below the root.
func plotted(b *testing.B) (*OGarden, *OBed) {
	db, err := Open(ctx, memory.Open(nil), &Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	o, err := tableOf[*Table[*OGarden, Garden, GardenQuery]](db).Create(ctx, eden())
	if err != nil {
		b.Fatal(err)
	}
	return o, o.Beds().At(0)
}

// BenchmarkGetter is a getter; lock=bare is what a mutex alone costs.
func BenchmarkGetter(b *testing.B) {
	o, _ := plotted(b)
	b.Run("lock=bare", func(b *testing.B) {
		var mu sync.Mutex
		n := 0
		for b.Loop() {
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
	b.Run("handle=outer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			o.Name()
		}
	})
	b.Run("handle=bound", func(b *testing.B) {
		b.ReportAllocs()
		o.Update(func(o *OGarden) error {
			for b.Loop() {
				o.Name()
			}
			return nil
		})
	})
}

// BenchmarkSetter sets a value of an object in an array, with typed listeners
// to it, two levels above, and with listeners to all commits.
func BenchmarkSetter(b *testing.B) {
	for _, c := range []struct{ typed, commits int }{{0, 0}, {1, 0}, {2, 0}, {11, 0}, {0, 1}, {0, 2}, {0, 11}, {1, 1}} {
		b.Run(fmt.Sprintf("typed=%d/commits=%d", c.typed, c.commits), func(b *testing.B) {
			o, bed := plotted(b)
			heard := 0
			for range c.typed {
				defer o.Observe().Beds().Each().Wet().Watch(func(Change[bool]) { heard++ })()
			}
			for range c.commits {
				defer o.Watch(func(*Commit) { heard++ })()
			}
			wet := false
			b.ReportAllocs()
			for b.Loop() {
				wet = !wet
				bed.SetWet(wet)
			}
			if heard < b.N*(c.typed+c.commits) {
				b.Fatalf("heard %d of %d", heard, b.N)
			}
			runtime.KeepAlive(o)
		})
	}
}
