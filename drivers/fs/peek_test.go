package fs

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestPeek looks for documents of runs and of memory as those who peek do: they
// get the same ones and sections, which stay as they are whatever is committed.
func TestPeek(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, nil)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
	fill(t, s, 8000)
	must(t, s.Close(background)) // which seals them
	s, err = Open(dir, nil)
	must(t, err)
	if len(s.tables[notes].runs.all) == 0 {
		t.Fatal("nothing is sealed")
	}
	commit := func(owner string, by int) {
		for i := 0; i < 8000; i += by {
			w := newWriter(i, make([]byte, 8))
			h, err := s.Head(background, notes, w.next.ID)
			must(t, err)
			w.next.Seq, w.next.Held = h.Seq, h.Held
			w.next.Section, _ = driver.AppendValue(nil, driver.Object{
				{Name: "slug", Value: fmt.Sprint("slug ", i)}, {Name: "owner", Value: owner},
			})
			must(t, w.commit(s, false))
		}
	}
	commit("owner 3", 70)
	q := driver.Query{Terms: []driver.Term{"owner\x00sowner 3"}}
	heads := func(peek bool) (heads []driver.Head) {
		q.Peek = peek
		for h, err := range s.Find(background, notes, q) {
			must(t, err)
			heads = append(heads, h)
		}
		return heads
	}
	all, peeked := heads(false), heads(true)
	if len(all) != len(peeked) || len(all) < 100 {
		t.Fatalf("%d found, %d by who peeks", len(all), len(peeked))
	}
	before := make([][]byte, len(peeked))
	for i, h := range peeked {
		before[i] = slices.Clone(h.Section)
		if all[i].ID != h.ID || all[i].Seq != h.Seq || !bytes.Equal(all[i].Section, h.Section) {
			t.Fatalf("%+v, not %+v", h, all[i])
		}
		if len(all[i].Held) != 1 {
			t.Fatalf("who does not peek is not told what %+v holds", all[i])
		}
		clear(all[i].Section) // of its own
	}
	commit("owner 4", 35)
	for i, h := range peeked {
		if !bytes.Equal(h.Section, before[i]) {
			t.Fatalf("the section of %v changed", h.ID)
		}
	}
	must(t, s.Close(background))
}

// BenchmarkPeek is Find for those who keep what they find and for those who look.
func BenchmarkPeek(b *testing.B) {
	const documents = 20_000
	for _, sealed := range []bool{false, true} {
		dir := b.TempDir()
		s, err := Open(dir, nil)
		must(b, err)
		must(b, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
		fill(b, s, documents)
		if sealed {
			must(b, s.Close(background))
			s, err = Open(dir, nil)
			must(b, err)
		}
		for _, hits := range []int{1, documents / 100} {
			for _, peek := range []bool{false, true} {
				b.Run(fmt.Sprint("sealed=", sealed, "/hits=", hits, "/peek=", peek), func(b *testing.B) {
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						i = (i + 7919) % documents
						term := driver.Term(fmt.Sprint("slug\x00sslug ", i))
						if hits > 1 {
							term = driver.Term(fmt.Sprint("owner\x00sowner ", i%100))
						}
						for _, err := range s.Find(background, notes, driver.Query{Terms: []driver.Term{term}, Peek: peek}) {
							must(b, err)
						}
					}
				})
			}
		}
		must(b, s.Close(background))
	}
}
