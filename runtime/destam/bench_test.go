package destam

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// benched opens a database without the checks of a test.
func benched(b *testing.B, d driver.Driver) *OCardTable {
	db, err := Open(ctx, d, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return CardTable(db)
}

func onDisk(b *testing.B) driver.Driver {
	d, err := fs.Open(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// BenchmarkFlush is a set and a Flush, each goroutine on a document of its own.
// driver=bare is the same commits without documents, in the same way.
func BenchmarkFlush(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("driver=fs/goroutines=%d", n), func(b *testing.B) {
			cards := benched(b, onDisk(b))
			each(b, n, func() func(int) error {
				o := must(cards.Create(ctx, Card{}))(b)
				return func(i int) error { o.SetCount(i + 1); return o.Flush(ctx) }
			})
		})
		b.Run(fmt.Sprintf("driver=bare/goroutines=%d", n), func(b *testing.B) {
			d := onDisk(b)
			if err := d.Declare(ctx, driver.Schema{Table: "cards"}); err != nil {
				b.Fatal(err)
			}
			var ids ids
			section := must(driver.AppendValue(nil, driver.Object{}))(b)
			each(b, n, func() func(int) error {
				c := driver.Commit{Table: "cards", ID: ids.next(), Kind: driver.KindChange, Body: make([]byte, 10)}
				return func(int) error {
					c.Seq++
					c.Try, c.Section = newTry(), nil
					if c.Seq == 1 {
						c.Section = section
					}
					if r := d.Append(ctx, []driver.Commit{c}); r[0].Err != nil {
						return r[0].Err
					}
					return d.Sync(ctx, driver.Doc{Table: "cards", ID: c.ID})
				}
			})
			b.StopTimer()
			if err := d.Close(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// each runs b.N calls on n goroutines.
func each(b *testing.B, n int, begin func() func(int) error) {
	var next atomic.Int64
	done := make(chan error)
	calls := make([]func(int) error, n)
	for g := range calls {
		calls[g] = begin()
	}
	b.ResetTimer()
	start := time.Now()
	for g := range n {
		go func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := calls[g](int(i)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range n {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "commits/s")
}

// filledTable gives a table of n cards with a slug each.
func filledTable(b *testing.B, n int) *OCardTable {
	cards := benched(b, memory.Open(nil))
	for i := range n {
		must(cards.Create(ctx, Card{Query: CardQuery{Owner: fmt.Sprint(i), Slug: ptr(fmt.Sprint("s", i))}}))(b)
	}
	return cards
}

// BenchmarkQuery finds one of many documents, and with some that are not
// stored beside it.
func BenchmarkQuery(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("documents=%d", n), func(b *testing.B) { benchQuery(b, filledTable(b, n)) })
	}
}

func benchQuery(b *testing.B, cards *OCardTable) {
	for _, dirty := range []int{0, 100} {
		b.Run(fmt.Sprintf("unstored=%d", dirty), func(b *testing.B) {
			var held []*OCard
			for i := range dirty {
				o := must(cards.Find(ctx, CardWhere.Owner().Is(fmt.Sprint(i))))(b)
				held = append(held, o)
			}
			cards.t.db.schedule.window = time.Hour
			for _, o := range held {
				o.Query().SetOpen(true)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cards.Query(ctx, CardWhere.Owner().Is("77777")); err != nil {
					b.Fatal(err)
				}
			}
			runtime.KeepAlive(held)
		})
	}
}

// BenchmarkGet is a document that is in memory.
func BenchmarkGet(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	o := must(cards.Create(ctx, Card{}))(b)
	id := o.ID()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cards.Get(ctx, id); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(o)
}

func BenchmarkCreate(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cards.Create(ctx, Card{Title: "x"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate is one set; what is stored in the background counts too.
func BenchmarkUpdate(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	o := must(cards.Create(ctx, Card{}))(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if err := o.Update(func(o *OCard) error { o.SetCount(i); return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSet is a set that is recorded, encoded and stored in the background.
func BenchmarkSet(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	o := must(cards.Create(ctx, Card{}))(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		o.SetCount(i)
	}
}

// BenchmarkLoad loads a document that nobody has: a checkpoint and 20 commits.
func BenchmarkLoad(b *testing.B) {
	cards := benched(b, memory.Open(nil))
	o := must(cards.Create(ctx, sample()))(b)
	for i := range 20 {
		o.SetCount(i)
		if err := o.Flush(ctx); err != nil {
			b.Fatal(err)
		}
	}
	id := o.ID()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cards.t.read(ctx, id); err != nil {
			b.Fatal(err)
		}
	}
}
