package fs

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestIDSets changes sets at random, few ids and many, and compares every
// search with a look at all ids.
func TestIDSets(t *testing.T) {
	for _, universe := range []int{10, 3 * fewIDs} {
		rng := rand.New(rand.NewPCG(1, uint64(universe)))
		ids := make([]driver.ID, universe)
		for i := range ids {
			ids[i] = driver.ID{0: byte(i >> 6), 15: byte(i)}
		}
		ids[0], ids[universe-1] = driver.ID{}, driver.ID(slices.Repeat([]byte{0xff}, 16))
		slices.SortFunc(ids, driver.ID.Compare)
		sets := make([]*idSet, 3)
		model := make([]map[driver.ID]bool, 3)
		for i := range sets {
			sets[i], model[i] = &idSet{}, map[driver.ID]bool{}
		}
		for range 1500 {
			i, id := rng.IntN(3), ids[rng.IntN(universe)]
			if rng.IntN(3) > 0 {
				sets[i].add(id)
				model[i][id] = true
			} else {
				sets[i].remove(id)
				delete(model[i], id)
			}
			if sets[i].len() != len(model[i]) {
				t.Fatalf("a set of %d ids says %d", len(model[i]), sets[i].len())
			}
			n, from, limit := 1+rng.IntN(3), ids[rng.IntN(universe)], 1+rng.IntN(20)
			var want, got []driver.ID
			for _, id := range ids {
				in := id.Compare(from) >= 0
				for _, m := range model[:n] {
					in = in && m[id]
				}
				if in && len(want) < limit {
					want = append(want, id)
				}
			}
			intersect(slices.Clone(sets[:n]), from, func(id driver.ID) bool {
				got = append(got, id)
				return len(got) < limit
			})
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("intersection of %d sets from %v (-want +got):\n%s", n, from, diff)
			}
		}
	}
}
