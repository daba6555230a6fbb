package fs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// BenchmarkMillion opens a store of a million documents, after a close and
// after a kill, looks for one document and for one that is not there, and loads one.
func BenchmarkMillion(b *testing.B) {
	const documents = 1_000_000
	dir := b.TempDir()
	closed, killed := filepath.Join(dir, "closed"), filepath.Join(dir, "killed")
	s, err := Open(closed, nil)
	must(b, err)
	must(b, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
	start := time.Now()
	fill(b, s, documents)
	b.Logf("%d documents written in %v", documents, time.Since(start).Round(time.Millisecond))
	must(b, os.CopyFS(killed, os.DirFS(closed)))
	must(b, s.Close(background))
	b.Run("open=closed", func(b *testing.B) { benchOpen(b, func(int) string { return closed }) })
	b.Run("open=killed", func(b *testing.B) {
		benchOpen(b, func(i int) string {
			to := filepath.Join(dir, fmt.Sprint("copy", i))
			must(b, os.CopyFS(to, os.DirFS(killed)))
			return to
		})
	})
	s, err = Open(closed, nil)
	must(b, err)
	b.Logf("%d runs", len(s.tables[notes].runs.all))
	i := 0
	next := func() int {
		i = (i + 7919) % documents
		return i
	}
	for _, find := range []struct {
		what, term string
		hits       int
	}{{"find", "slug\x00sslug ", 1}, {"miss", "slug\x00sno slug ", 0}} {
		b.Run(find.what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				term, hits := driver.Term(fmt.Sprint(find.term, next())), 0
				for h, err := range s.Find(background, notes, driver.Query{Terms: []driver.Term{term}}) {
					if err != nil || h.Seq != 1 {
						b.Fatal(h, err)
					}
					hits++
				}
				if hits != find.hits {
					b.Fatalf("%q: %d documents", term, hits)
				}
			}
		})
	}
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Load(background, notes, newWriter(next(), nil).next.ID, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
	must(b, s.Close(background))
}

// benchOpen measures Open alone.
func benchOpen(b *testing.B, store func(i int) string) {
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		dir := store(i)
		b.StartTimer()
		s, err := Open(dir, nil)
		must(b, err)
		b.StopTimer()
		must(b, s.Close(background))
		b.StartTimer()
	}
}
