package memory

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestOrdered compares random insertions and removals with a slice, growing and
// shrinking, in order and not.
func TestOrdered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var o ordered[int]
	var model []int
	at := func(v int) place { return o.seek(func(have int) bool { return have < v }) }
	top := 0
	for step := range 40_000 {
		grow := 7
		if step/8000%2 == 1 {
			grow = 3
		}
		if random.IntN(10) < grow {
			v := random.IntN(100_000)
			if step/2000%2 == 0 { // as ids come
				top++
				v = 100_000 + top
			}
			i, there := slices.BinarySearch(model, v)
			if there {
				continue
			}
			model = slices.Insert(model, i, v)
			o.insert(at(v), v)
		} else if len(model) > 0 {
			i := random.IntN(len(model))
			o.remove(at(model[i]))
			model = slices.Delete(model, i, i+1)
		}
		if step%500 == 0 {
			o.check(t, model, random.IntN(200_000))
		}
	}
	for _, v := range model {
		o.remove(at(v))
	}
	o.check(t, nil, 0)
	if len(o.chunks) > 0 {
		t.Errorf("%d chunks of nothing", len(o.chunks))
	}
}

// check compares the whole and what begins somewhere.
func (o *ordered[T]) check(t *testing.T, model []int, from int) {
	t.Helper()
	if o.len != len(model) {
		t.Fatalf("len %d, want %d", o.len, len(model))
	}
	for _, v := range []int{0, from} {
		i, _ := slices.BinarySearch(model, v)
		want := model[i:]
		var got []int
		at := o.seek(func(have T) bool { return any(have).(int) < v })
		o.ascend(at, func(have T) bool {
			got = append(got, any(have).(int))
			return true
		})
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("from %d (-want +got)\n%s", v, diff)
		}
	}
	for _, c := range o.chunks {
		if len(c) == 0 || len(c) > chunk {
			t.Fatalf("a chunk of %d", len(c))
		}
	}
}

// TestOrderedIsDense holds that what comes in order leaves no room.
func TestOrderedIsDense(t *testing.T) {
	var o ordered[int]
	for v := range 100 * chunk {
		o.insert(o.seek(func(have int) bool { return have < v }), v)
	}
	if len(o.chunks) != 100 {
		t.Errorf("%d chunks", len(o.chunks))
	}
}
