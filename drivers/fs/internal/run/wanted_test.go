package run

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestSearch looks for keys that are and are not there among such as are spread
// evenly and such as are not at all. It never looks much more often than halving
// would, and where they are spread evenly a handful of times.
func TestSearch(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for name, key := range map[string]func(i, n int) uint64{
		"even":      func(i, n int) uint64 { return rng.Uint64() },
		"few":       func(i, n int) uint64 { return uint64(rng.IntN(5)) << 60 },
		"one":       func(i, n int) uint64 { return 7 },
		"counted":   func(i, n int) uint64 { return uint64(i) },
		"steep":     func(i, n int) uint64 { return 1 << rng.IntN(64) },
		"two heaps": func(i, n int) uint64 { return uint64(rng.IntN(n+1)) + uint64(i%2)<<63 },
		"ends":      func(i, n int) uint64 { return []uint64{0, math.MaxUint64, 1, math.MaxUint64 - 1}[rng.IntN(4)] },
	} {
		most, sum, searches := 0, 0, 0
		for range 300 {
			n := rng.IntN(1 << rng.IntN(17))
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = key(i, n)
			}
			slices.Sort(keys)
			for range 4 {
				want := rng.Uint64() >> rng.IntN(64)
				if n > 0 && rng.IntN(2) == 0 {
					want = keys[rng.IntN(n)] + uint64(rng.IntN(3)) - 1
				}
				looks := 0
				least, greatest := uint64(0), uint64(math.MaxUint64)
				if n > 0 && rng.IntN(2) == 0 {
					least, greatest = keys[0], keys[n-1]
				}
				got, err := search(int64(n), want, least, greatest, func(i int64) (uint64, bool, error) {
					looks++
					return keys[i], keys[i] < want, nil
				})
				must(t, err)
				if right, _ := slices.BinarySearch(keys, want); int(got) != right {
					t.Fatalf("%s: %d of %d keys, want %d", name, got, n, right)
				}
				if bound := guesses + 2*bits.Len(uint(n)) + 2; looks > bound {
					t.Fatalf("%s: %d looks at %d keys, which should be %d at most", name, looks, n, bound)
				}
				if n > 1<<12 && want > keys[0] && want < keys[n-1] {
					most, sum, searches = max(most, looks), sum+looks, searches+1
				}
			}
		}
		t.Logf("%s: %d looks for %d searches in many, %d at most", name, sum, searches, most)
		if name == "even" && sum > 11*searches {
			t.Errorf("evenly spread keys take %d looks for %d searches", sum, searches)
		}
	}
}

// TestSift sifts runs, some of which were written with seeds of their own, as all
// were once: none that has a document of all the terms is left out, and hardly any
// other is not.
func TestSift(t *testing.T) {
	const n = 300
	disk := vfs.NewMem()
	docs := documents(rand.New(rand.NewPCG(5, 5)), n)
	var runs []*Run
	for i := range 70 {
		name := fmt.Sprint("run", i)
		w, err := Create(disk, name, 7, testStore, "notes")
		must(t, err)
		if i%3 == 0 {
			w.seed[0] = byte(i) + 1
		}
		for j := i; j < n; j += 70 {
			must(t, w.Add(docs[j]))
		}
		ref, err := w.Finish()
		must(t, err)
		r, err := Open(disk, name, ref, testStore, i%2 == 0)
		must(t, err)
		runs = append(runs, r)
	}
	wrong := 0
	for j, d := range docs {
		terms := d.Terms()
		if len(terms) == 0 {
			continue
		}
		for _, some := range [][]driver.Term{terms, terms[:1], terms[1:], slices.Repeat(terms, 3)} {
			w := Wanted{Terms: some}
			maybe := w.Sift(runs)
			if !maybe.Has(j % 70) {
				t.Fatalf("run %d has a document of %q", j%70, some)
			}
			if some[0] == terms[1] { // a slug
				for i := range counted {
					if i != j%70 && maybe.Has(i) && runs[i].at.Load().terms > 0 { // where there are none nothing is saved
						wrong++
					}
				}
			}
		}
	}
	if wrong > n*counted/50 {
		t.Errorf("%d runs that have nothing are left", wrong)
	}
	for i := range runs {
		if !(Maybe(0).Has(i) == (i >= counted)) || !(&Wanted{}).Sift(runs).Has(i) {
			t.Errorf("run %d is left out for nothing", i)
		}
	}
	for _, r := range runs {
		must(t, r.Close())
	}
}
