package pos

// spreadRoom is how far keys of [Spread] are apart at least, and spreadMost
// how far they are put apart when that costs no byte.
const (
	spreadRoom = 4
	spreadMost = 64
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
	p := findPlace(buf[:0], left, right, spreadRoom*(many+1)-1)
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

// widest returns the widest step at which n integers from v on, downwards if n
// is negative, take no more bytes than at the narrowest.
func widest(v, n int64) int64 {
	size := sizeOf(v + spreadRoom*n)
	step := int64(spreadMost)
	for step > spreadRoom && (beyond(v+step*n) || sizeOf(v+step*n) != size) {
		step /= 2
	}
	return step
}

// beyond says whether v is no integer of a path's end.
func beyond(v int64) bool { return v <= least || v > most }
