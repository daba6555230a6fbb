package fs

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// BenchmarkSealed reads what is sealed in several runs: documents of a
// checkpoint and 20 commits that were written in turns, and documents by a value
// of their own and by one that a hundred have.
func BenchmarkSealed(b *testing.B) {
	const documents = 10_000
	dir := filepath.Join(b.TempDir(), "store")
	s, err := Open(dir, nil)
	must(b, err)
	must(b, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
	fill(b, s, documents)
	writers := make([]*writer, documents)
	for i := range writers {
		writers[i] = newWriter(i, make([]byte, 80))
		writers[i].next.Seq, writers[i].next.Section = 1, nil
		writers[i].next.Held = []driver.Term{driver.Term(fmt.Sprint("slug\x00sslug ", i))}
		must(b, s.Checkpoint(background, notes, writers[i].next.ID, 1, make([]byte, 400)))
	}
	for range 20 {
		for _, w := range writers {
			must(b, w.commit(s, false))
		}
	}
	must(b, s.Close(background))
	s, err = Open(dir, nil)
	must(b, err)
	b.Logf("%d runs", len(s.tables[notes].runs.all))
	i := 0
	next := func() int {
		i = (i + 7919) % documents
		return i
	}
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			st, err := s.Load(background, notes, writers[next()].next.ID, 0)
			if err != nil || len(st.Commits) != 20 {
				b.Fatal(len(st.Commits), err)
			}
		}
	})
	for _, q := range []struct {
		hits int
		term func(int) string
	}{
		{1, func(i int) string { return fmt.Sprint("slug\x00sslug ", i) }},
		{documents / 100, func(i int) string { return fmt.Sprint("owner\x00sowner ", i%100) }},
	} {
		b.Run(fmt.Sprint("find/hits=", q.hits), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range s.Find(background, notes, driver.Query{Terms: []driver.Term{driver.Term(q.term(next()))}}) {
					must(b, err)
					n++
				}
				if n != q.hits {
					b.Fatal(n)
				}
			}
		})
	}
	b.Run("count", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n, err := s.Count(background, notes, []driver.Term{driver.Term(fmt.Sprint("owner\x00sowner ", next()%100))})
			if n != documents/100 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	must(b, s.Close(background))
}
