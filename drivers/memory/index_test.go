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

// TestIndex changes the terms of few ids at random and compares every search
// with a look at all of them.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	x := newIndex()
	model := make(map[driver.ID][]driver.Term)
	ids := make([]driver.ID, 40)
	for i := range ids {
		ids[i] = driver.ID{0: byte(i / 3), 15: byte(i)}
	}
	ids[0], ids[39] = driver.ID{}, driver.ID(slices.Repeat([]byte{0xff}, 16))
	draw := func(n int) (terms []driver.Term) {
		for range random.IntN(n + 1) {
			terms = append(terms, driver.Term(fmt.Sprint("term ", random.IntN(9))))
		}
		return terms
	}
	for step := range 3000 {
		id := ids[random.IntN(len(ids))]
		terms := draw(6)
		slices.Sort(terms)
		terms = slices.Compact(terms)
		x.replace(id, model[id], terms)
		model[id] = terms

		query, after := draw(3), ids[random.IntN(len(ids))]
		if len(query) == 0 {
			continue
		}
		var want []driver.ID
		for _, id := range ids {
			has := !slices.ContainsFunc(query, func(term driver.Term) bool { return !slices.Contains(model[id], term) })
			if has && id.Compare(after) > 0 {
				want = append(want, id)
			}
		}
		slices.SortFunc(want, driver.ID.Compare)
		limit := 1 + random.IntN(5)
		want = want[:min(limit, len(want))]
		var got []driver.ID
		x.search(query, after, func(id driver.ID) bool {
			got = append(got, id)
			return len(got) < limit
		})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("step %d: search of %q after %s (-want +got):\n%s", step, query, after, diff)
		}
	}
	for _, id := range ids {
		x.replace(id, model[id], nil)
	}
	if len(x.lists) != 0 || x.pairs.Len() != 0 {
		t.Errorf("an empty index has %d terms and %d pairs", len(x.lists), x.pairs.Len())
	}
	if numbers := slices.Sorted(slices.Values(x.free)); len(numbers) > 9 || len(slices.Compact(numbers)) != len(x.free) {
		t.Errorf("free numbers: %v", x.free)
	}
}
