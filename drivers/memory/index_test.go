package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestIndex changes the terms of few documents at random and compares every
// search with a look at all of them. Hashes have two bits, so that terms meet.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	ids := make([]driver.ID, 40)
	for i := range ids {
		ids[i] = driver.ID{0: byte(i / 3), 15: byte(i)}
	}
	ids[0], ids[39] = driver.ID{}, driver.ID(slices.Repeat([]byte{0xff}, 16))
	model := make([][]driver.Term, len(ids))
	x := newIndex(
		func(doc uint32) driver.ID { return ids[doc] },
		func(doc uint32, term driver.Term) bool { return slices.Contains(model[doc], term) })
	x.hash = func(t driver.Term) uint32 { return uint32(t[len(t)-1]) & 3 }
	replace := func(doc int, terms []driver.Term) {
		before := model[doc]
		model[doc] = terms
		x.replace(uint32(doc), before, terms)
	}
	draw := func(n, of int) (terms []driver.Term) {
		for range random.IntN(n + 1) {
			terms = append(terms, driver.Term(fmt.Sprint("term ", random.IntN(of))))
		}
		return terms
	}
	for step := range 6000 {
		of := 9 // so that most terms are of several documents
		if step/500%2 == 1 {
			of = 90 // or of one
		}
		terms := draw(6, of)
		slices.Sort(terms)
		replace(random.IntN(len(ids)), slices.Compact(terms))

		query, after := draw(3, of), ids[random.IntN(len(ids))]
		if len(query) == 0 {
			continue
		}
		var want []uint32
		for doc, id := range ids {
			has := !slices.ContainsFunc(query, func(term driver.Term) bool { return !slices.Contains(model[doc], term) })
			if has && id.Compare(after) > 0 {
				want = append(want, uint32(doc))
			}
		}
		limit := 1 + random.IntN(5)
		want = want[:min(limit, len(want))]
		var got []uint32
		x.search(query, after, func(doc uint32, sure bool) bool {
			if !sure && !slices.Contains(model[doc], query[0]) {
				return true
			}
			got = append(got, doc)
			return len(got) < limit
		})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("step %d: search of %q after %s (-want +got):\n%s", step, query, after, diff)
		}
		n := 0
		for _, terms := range model {
			if slices.Contains(terms, query[0]) {
				n++
			}
		}
		if got := x.count(query[0]); got != n {
			t.Fatalf("step %d: %q counts %d, want %d", step, query[0], got, n)
		}
	}
	for doc := range ids {
		replace(doc, nil)
	}
	if len(x.lists) != 0 || len(x.alone) != 0 || x.pairs.len != 0 || len(x.pairs.chunks) != 0 {
		t.Errorf("an empty index has %d and %d terms and %d pairs", len(x.lists), len(x.alone), x.pairs.len)
	}
	if numbers := slices.Sorted(slices.Values(x.free)); len(numbers) != int(x.next) || len(slices.Compact(numbers)) != len(x.free) {
		t.Errorf("free numbers: %v of %d", x.free, x.next)
	}
}
