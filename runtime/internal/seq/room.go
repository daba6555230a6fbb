package seq

import "github.com/destam-go/destamgen/runtime/internal/pos"

// A neighbourhood that is renumbered begins with so many elements on each
// side, and is widened until its new keys are short, or it is all there is.
// Where keys have grown long, inserts have hit one place again and again, and
// most likely will: so the neighbours' new keys leave all the room there is in
// the middle. An element gets a new key about once then, after so many inserts
// beside it, and the next renumbering needs no wider neighbourhood, as it finds
// that room. Where evenly spaced keys gave 2.9 elements a new one for an insert
// that always hits the middle, and 16,384 at most, it is 1.1 and 256.
//
// What short means falls with the width: a wide renumbering is dear, so it must
// leave room for many narrow ones.
const (
	leastSide  = 32
	widen      = 4
	leastShort = 3 // bytes that are short under any bound
)

// Room makes keys for n new elements that the caller will insert before
// element i (or at the end), none longer than bound bytes.
//
// In the ordinary case renumbered is nil. Otherwise the keys around i have
// grown so long that nothing fits between them: renumbered then holds new
// keys for the elements from up to to, and the caller, before it inserts,
// gives them out with [List.Rekey] (l.Rekey(from, renumbered)), and records
// that it did. The list itself is not changed.
//
// A bound below 6 bytes may be exceeded.
func Room[E any](l *List[E], i, n, bound int) (keys []pos.Key, from, to int, renumbered []pos.Key) {
	left, right := l.around(i, i)
	if keys, ok := pos.Between(left, right, n, bound); ok {
		return keys, i, i, nil
	}
	for side, width := leastSide, 0; ; side, width = side*widen, width+1 {
		from, to = max(0, i-side), min(i+side, l.Len())
		left, right = l.around(from, to)
		if renumbered, ok := pos.Part(left, right, i-from, to-from, short(bound, width)); ok {
			if i > from {
				left = renumbered[i-from-1]
			}
			if i < to {
				right = renumbered[i-from]
			}
			if keys, ok = pos.Between(left, right, n, bound); ok {
				return keys, from, to, renumbered
			}
		}
		if from == 0 && to == l.Len() {
			all := pos.Spread(to + n)
			return all[i : i+n : i+n], 0, to, append(all[:i:i], all[i+n:]...)
		}
	}
}

// around returns the keys before element from and of element to, empty at the
// ends of the list.
func (l *List[E]) around(from, to int) (left, right pos.Key) {
	if from > 0 {
		left = l.Key(from - 1)
	}
	if to < l.Len() {
		right = l.Key(to)
	}
	return left, right
}

// short is how long keys may be after a renumbering that was widened so often.
func short(bound, width int) int { return max(leastShort, bound*max(1, 10-width)/16) }
