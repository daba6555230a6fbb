package seq

import "github.com/destam-go/destamgen/runtime/internal/pos"

// A neighbourhood that is renumbered begins with so many elements on each
// side, and is widened until its new keys take at most three eighths of what
// keys may take, or are all keys of the list. For 100,000 inserts that always
// hit the middle, widening by 8 gives 5 elements a new key for each insert,
// doubling 12: where a width just suffices, it does not the next time.
const (
	leastSide  = 32
	widen      = 8
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
	for side := leastSide; ; side *= widen {
		from, to = max(0, i-side), min(i+side, l.Len())
		left, right = l.around(from, to)
		all := pos.Spread(left, right, to-from+n)
		if longest(all) <= short(bound) || from == 0 && to == l.Len() {
			old := i - from
			renumbered = make([]pos.Key, 0, to-from)
			renumbered = append(append(renumbered, all[:old]...), all[old+n:]...)
			return all[old : old+n : old+n], from, to, renumbered
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

// short is how long keys may be after a renumbering.
func short(bound int) int { return max(leastShort, bound*3/8) }

// longest returns the length of the longest key. Keys that were spread differ
// in their last integer only, so it is the first or the last.
func longest(keys []pos.Key) int {
	return max(len(keys[0]), len(keys[len(keys)-1]))
}
