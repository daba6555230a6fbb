package pos

// How far keys of [Spread] are apart: at least so far that one more fits
// between any two, and further as long as an integer stays within four bytes.
// Wide distances let the middle of a neighbourhood be renumbered again without
// going down the path: where inserts always hit the middle, 1,024 instead of
// 64 saves a fifth of all renumbering.
const (
	spreadLeast = 2
	spreadMost  = 1024
	spreadSize  = 4
)

// Spread returns n ascending keys strictly between left and right, short and
// evenly apart: the new keys of a neighbourhood that is renumbered. Left and
// right are as for [Between].
func Spread(left, right Key, n int) []Key {
	if n <= 0 {
		return nil
	}
	var buf [Max + 8]byte
	many := int64(n)
	p := findPlace(buf[:0], left, right, spreadLeast*(many+1)-1)
	s := series{n: n}
	switch {
	case p.above && p.below:
		s.step = (p.high - p.low) / (many + 1)
		s.first = p.low + s.step
	case p.above:
		s.step = widest(p.low, many)
		s.first = p.low + s.step
	case p.below:
		s.step = widest(p.high, -many)
		s.first = p.high - s.step*many
	default:
		s.step = widest(0, many)
	}
	return s.keys(p.prefix)
}

// widest returns how far n integers from v on, downwards if n is negative, are
// put apart.
func widest(v, n int64) int64 {
	step := int64(spreadMost)
	for step > spreadLeast && (beyond(v+step*n) || sizeOf(v+step*n) > spreadSize) {
		step /= 2
	}
	return step
}

// beyond says whether v is no integer of a path's end.
func beyond(v int64) bool { return v <= least || v > most }
