package destam

import (
	"fmt"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
)

// BenchmarkCheckpointStall encodes a checkpoint of a large document while
// somebody reads it, and tells how long a getter waited at most, beside the time
// of a load, which is how long it may.
func BenchmarkCheckpointStall(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	c := sample()
	for i := range 50_000 {
		c.Lines = append(c.Lines, Line{Text: fmt.Sprint("line ", i)})
		c.Tags = append(c.Tags, fmt.Sprint("tag ", i))
	}
	o := must(cards.Create(ctx, c))(b)
	o.SetCount(1)
	if err := o.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	l := of(&o.OObject)
	seq, content, _ := l.doc.Checkpoint()
	if err := cards.t.db.driver.Checkpoint(ctx, "cards", l.id, seq, content); err != nil {
		b.Fatal(err)
	}
	var stall, load time.Duration
	n := 0
	for b.Loop() {
		n++
		ready, stop, longest := make(chan struct{}), make(chan struct{}), make(chan time.Duration)
		go func() {
			most := time.Duration(0)
			close(ready)
			for last := time.Now(); ; {
				select {
				case <-stop:
					longest <- most
					return
				default:
				}
				_ = o.Title()
				now := time.Now()
				most, last = max(most, now.Sub(last)), now
			}
		}()
		<-ready
		if _, _, ok := l.doc.Checkpoint(); !ok {
			b.Fatal("no checkpoint")
		}
		close(stop)
		stall += <-longest
		begin := time.Now()
		if _, err := cards.t.read(ctx, l.id); err != nil {
			b.Fatal(err)
		}
		load += time.Since(begin)
	}
	b.ReportMetric(float64(stall.Microseconds())/float64(n), "µs-stall/op")
	b.ReportMetric(float64(load.Microseconds())/float64(n), "µs-load/op")
}
