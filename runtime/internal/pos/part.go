package pos

// Keys of Part are partMost apart, or less where they would take more than one
// of partShare of the room then. Of an open end they take no more than
// partOpen: what will be put there must find room too.
const (
	partMost  = 16
	partShare = 16
	partOpen  = 1 << 22
)

// Part returns n ascending keys strictly between left and right, none longer
// than size bytes: the first at of them near left, the others near right, and
// between these what room there is. So are the keys of a neighbourhood where
// more inserts will hit the same place. It returns false when keys so short
// leave none. Left and right are as for [Between].
func Part(left, right Key, at, n, size int) ([]Key, bool) {
	var buf [Max + 8]byte
	gaps := int64(n) + 1
	p := findPlace(buf[:0], left, right, spreadLeast*gaps-1)
	low, high := p.within(size - len(p.prefix))
	if high-low < spreadLeast*gaps {
		return nil, false
	}
	step := max(spreadLeast, min(partMost, (high-low)/(partShare*gaps)))
	before := series{first: low + step, step: step, n: at}
	behind := series{first: high - step*int64(n-at), step: step, n: n - at}
	return append(before.keys(p.prefix), behind.keys(p.prefix)...), true
}

// within returns the part of a place, both ends excluded, where integers take
// at most size bytes, and of open ends the beginning only.
func (p *place) within(size int) (low, high int64) {
	first, last := reach(size)
	low, high = max(p.low, first-1), min(p.high, last+1)
	switch {
	case !p.above && !p.below:
		low, high = max(low, -partOpen/2), min(high, partOpen/2)
	case !p.above:
		low = max(low, high-partOpen)
	case !p.below:
		high = min(high, low+partOpen)
	}
	return low, high
}

// reach returns the least and the greatest integer that take at most size
// bytes; the greatest is less when there are none.
func reach(size int) (low, high int64) {
	low, high = 0, -1
	for i, c := range classes {
		if 1+int(c.extra) > size {
			continue
		}
		if low, high = min(low, c.low), most; i+1 < len(classes) {
			high = classes[i+1].low - 1
		}
	}
	return low, high
}
