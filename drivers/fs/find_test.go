package fs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestFindPages looks for documents that runs and memory have, in each other's
// middle and some of them in both, by limits and from ids that fall between pages
// and upon them.
func TestFindPages(t *testing.T) {
	s, owner := owned(t)
	for _, q := range []driver.Query{
		{}, {Terms: []driver.Term{"all\x00b1"}}, {Terms: []driver.Term{"owner\x00i3"}},
		{Terms: []driver.Term{"all\x00b1", "owner\x00i2"}}, {Terms: []driver.Term{"owner\x00i2", "owner\x00i3"}},
	} {
		var want []driver.ID
		for id, of := range owner {
			if !slices.ContainsFunc(q.Terms, func(t driver.Term) bool {
				return t != "all\x00b1" && t != driver.Term(fmt.Sprint("owner\x00i", of))
			}) {
				want = append(want, id)
			}
		}
		slices.SortFunc(want, driver.ID.Compare)
		for _, limit := range []int{0, 1, 7, 63, 64, 65, 128, 500, 5000} {
			for _, skip := range []int{0, 1, 64, len(want) / 2, len(want) - 1} {
				q, want := q, want
				q.Limit = limit
				if skip = min(skip, len(want)); skip > 0 {
					q.After, want = want[skip-1], want[skip:]
				}
				if limit > 0 {
					want = want[:min(limit, len(want))]
				}
				var got []driver.ID
				for h, err := range s.Find(background, notes, q) {
					must(t, err)
					got = append(got, h.ID)
				}
				if diff := cmp.Diff(want, got); len(want)+len(got) > 0 && diff != "" {
					t.Fatalf("%q, %d after %d (-want +got):\n%s", q.Terms, limit, skip, diff)
				}
			}
		}
		if n, err := s.Count(background, notes, q.Terms); n != len(want) || err != nil {
			t.Fatalf("%q: counted %d, %v, want %d", q.Terms, n, err, len(want))
		}
	}
	must(t, s.Close(background))
}

// owned makes a store of documents that have owners, and tells who of those that
// are alive has which.
func owned(t *testing.T) (*Store, map[driver.ID]int) {
	const documents, owners = 1200, 5
	rng := rand.New(rand.NewPCG(6, 6))
	o := tight
	o.Options = journal.Options{First: 64 << 10, Segment: 64 << 10, Memory: 1 << 20, Spawn: inline.Spawn}
	s, err := open(vfs.NewMem(), storeDir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	owner := make(map[driver.ID]int) // of those that are alive
	writers := make(map[int]*writer)
	for step := range 3 * documents {
		n := rng.IntN(documents)
		w := writers[n]
		if w == nil {
			w = newWriter(n, make([]byte, 8))
			writers[n] = w
		}
		id, of := w.next.ID, rng.IntN(owners)
		_, alive := owner[id]
		w.next.Kind, w.next.Section = driver.KindChange, nil
		switch {
		case alive && step%9 == 0:
			w.next.Kind = driver.KindDelete
			delete(owner, id)
		case alive || w.next.Seq == 0:
			w.next.Section, _ = driver.AppendValue(nil, driver.Object{{Name: "owner", Value: int64(of)}, {Name: "all", Value: true}})
			owner[id] = of
		default:
			continue // it is deleted
		}
		must(t, w.commit(s, false))
	}
	if runs, tail := len(s.tables[notes].runs.all), len(s.tables[notes].active.docs); runs < 2 || tail == 0 {
		t.Fatalf("%d runs and %d documents in memory are too few", runs, tail)
	}
	return s, owner
}
