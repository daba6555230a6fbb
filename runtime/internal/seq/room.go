package seq

import "github.com/destam-go/destamgen/runtime/internal/pos"

// A neighbourhood that is renumbered begins with so many elements on each
// side, and is widened until its new keys are short or are all keys of the
// list. What short means falls with the width: a wide renumbering is dear, so
// it must leave room for many narrow ones. For 100,000 inserts that always hit
// the middle, that gives 2.9 elements a new key for each insert and 16,384 at
// most; one length for all widths gave 5, and 32,768 at most.
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
		all := pos.Spread(left, right, to-from+n)
		if longest(all) <= short(bound, width) || from == 0 && to == l.Len() {
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

// short is how long keys may be after a renumbering that was widened so often.
func short(bound, width int) int { return max(leastShort, bound*max(1, 10-width)/16) }

// longest returns the length of the longest key. Keys that were spread differ
// in their last integer only, so it is the first or the last.
func longest(keys []pos.Key) int {
	return max(len(keys[0]), len(keys[len(keys)-1]))
}
