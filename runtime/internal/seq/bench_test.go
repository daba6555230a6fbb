package seq

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// BenchmarkInsert makes lists of n elements one insert at a time, keys
// included, and reports the time of one insert and the longest.
func BenchmarkInsert(b *testing.B) {
	for _, where := range []string{"append", "random", "middle"} {
		for _, n := range []int{1_000, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("where=%s/n=%d", where, n), func(b *testing.B) {
				b.ReportAllocs()
				var worst time.Duration
				for b.Loop() {
					r := rand.New(rand.NewPCG(1, 2))
					var l List[uint64]
					for i := range n {
						at := i
						switch where {
						case "random":
							at = r.IntN(i + 1)
						case "middle":
							at = i / 2
						}
						// Only an insert that renumbers can take long.
						start := time.Time{}
						if where == "middle" {
							start = time.Now()
						}
						insertOne(&l, at, uint64(i))
						if where == "middle" {
							worst = max(worst, time.Since(start))
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/insert")
				b.ReportMetric(0, "ns/op")
				if where == "middle" {
					b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
				}
			})
		}
	}
}

func insertOne(l *List[uint64], at int, v uint64) {
	keys, from, _, renumbered := Room(l, at, 1, pos.Max)
	if renumbered != nil {
		l.Rekey(from, renumbered)
	}
	l.Insert(at, keys, []uint64{v})
}

// BenchmarkList asks lists that have grown at random.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{3, 100_000, 1_000_000} {
		r := rand.New(rand.NewPCG(1, 2))
		var l List[uint64]
		for i := range n {
			insertOne(&l, r.IntN(i+1), uint64(i))
		}
		places := make([]int, 1<<12)
		keys := make([]pos.Key, len(places))
		for i := range places {
			places[i] = r.IntN(n)
			keys[i] = l.Key(places[i])
		}
		b.Run(fmt.Sprintf("op=at/n=%d", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				l.At(places[i&(len(places)-1)])
				i++
			}
		})
		b.Run(fmt.Sprintf("op=find/n=%d", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				l.Find(keys[i&(len(keys)-1)])
				i++
			}
		})
		b.Run(fmt.Sprintf("op=ascend/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				l.Ascend(0, func(int, pos.Key, *uint64) bool { return true })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
		})
		b.Run(fmt.Sprintf("op=replace/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				at := places[i&(len(places)-1)]
				l.Remove(at, 1)
				insertOne(&l, at, uint64(i))
				i++
			}
		})
	}
}
