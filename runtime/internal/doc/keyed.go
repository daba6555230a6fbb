package doc

import (
	"hash/maphash"
	"iter"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// keyed finds touches of one list by a key of their element: the present one
// or, in a table of those that are gone, the one before the window. The keys
// stand in the touches alone, so that to record an element costs four bytes
// here and no Go map, which takes longer than all the rest of it. While a touch
// is in the table, its key does not change.
type keyed struct {
	old        bool    // by the key before the window
	at         []int32 // one more than the touch, by hash; 0 was never used, left is not any more
	used, here int32   // places that are not 0, and those of touches
}

const left = -1

var seed = maphash.MakeSeed()

func (t *keyed) key(x *touch) pos.Key {
	if t.old {
		return x.old
	}
	return x.key
}

// find gives the touch with a key, and its place in the table.
func (t *keyed) find(ts []touch, k pos.Key) (place uint, i int32, ok bool) {
	if t.here == 0 {
		return 0, 0, false
	}
	mask := uint(len(t.at) - 1)
	for h := uint(maphash.String(seed, string(k))); ; h++ {
		switch i := t.at[h&mask]; {
		case i == 0:
			return 0, 0, false
		case i != left && t.key(&ts[i-1]) == k:
			return h & mask, i - 1, true
		}
	}
}

// add adds touch i, whose key is not in the table.
func (t *keyed) add(ts []touch, i int32) {
	t.room(ts, 1)
	t.put(ts, i)
}

// room makes room for n more.
func (t *keyed) room(ts []touch, n int) {
	if (int(t.used)+n)*4 <= len(t.at)*3 {
		return
	}
	was := t.at
	size := 8
	for size < 2*(int(t.here)+n) {
		size *= 2
	}
	t.at, t.used, t.here = make([]int32, size), 0, 0
	for _, j := range was {
		if j > 0 {
			t.put(ts, j-1)
		}
	}
}

func (t *keyed) put(ts []touch, i int32) {
	mask := uint(len(t.at) - 1)
	h := uint(maphash.String(seed, string(t.key(&ts[i]))))
	for t.at[h&mask] > 0 {
		h++
	}
	if t.at[h&mask] == 0 {
		t.used++
	}
	t.at[h&mask] = i + 1
	t.here++
}

// remove takes out what find has found at a place.
func (t *keyed) remove(place uint) {
	t.at[place] = left
	t.here--
}

// all yields the touches.
func (t *keyed) all() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for _, i := range t.at {
			if i > 0 && !yield(i-1) {
				return
			}
		}
	}
}
