package destam

import (
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// BenchmarkStore is what a stored commit costs: a set of each of a thousand
// documents and one Flush of all, and a set and a Flush of one document.
func BenchmarkStore(b *testing.B) {
	inMemory := func(*testing.B) driver.Driver { return memory.Open(nil) }
	for _, c := range []struct {
		driver    string
		open      func(*testing.B) driver.Driver
		documents int
	}{{"memory", inMemory, 1000}, {"fs", onDisk, 1000}, {"memory", inMemory, 1}} {
		b.Run(fmt.Sprintf("driver=%s/documents=%d", c.driver, c.documents), func(b *testing.B) {
			cards := benched(b, c.open(b))
			all := make([]*OCard, c.documents)
			for i := range all {
				all[i] = must(cards.Create(ctx, Card{}))(b)
			}
			db := of(&all[0].OObject).table.db
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				for _, o := range all {
					o.SetCount(n)
				}
				var err error
				if c.documents == 1 {
					err = all[0].Flush(ctx)
				} else {
					err = db.Flush(ctx)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*c.documents), "ns/commit")
		})
	}
}
