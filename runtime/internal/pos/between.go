package pos

import "fmt"

// How far a new key is from its neighbour. Wider steps up leave more room inside
// a run and make it leave the one-byte integers sooner; on the editing trace
// (mean, longest) a step of 1 gives 9.3, 17; 2 gives 8.8, 16; 4 gives 8.8, 20;
// 8 gives 9.4, 19. The step down does not matter there; where every insert is in
// the middle, 4 fits 254 inserts into 64 bytes, 2 only 191.
const (
	stepUp   = 2
	stepDown = 4
)

// Between returns n ascending keys strictly between left and right, and
// whether all of them stay within max bytes; if not it returns none. The
// empty Key is the open end. The same arguments give the same keys.
//
// Left must be less than right and both valid; Between panics when it meets a
// contradiction, because a list out of order has lost what its log means.
func Between(left, right Key, n, max int) ([]Key, bool) {
	if n <= 0 {
		return nil, true
	}
	var buf [Max + 8]byte
	p := findPlace(buf[:0], left, right, int64(n))
	var s series
	switch many := int64(n); {
	case p.above:
		step := min(stepUp, (p.high-p.low)/(many+1))
		s = series{first: p.low + step, step: step, n: n}
	case p.below:
		step := min(stepDown, (p.high-p.low)/(many+1))
		s = series{first: p.high - step*many, step: step, n: n}
	default:
		s = series{first: 0, step: stepUp, n: n}
	}
	if len(p.prefix)+s.longest() > max {
		return nil, false
	}
	return s.keys(p.prefix), true
}

// place is where new keys go: behind prefix come integers between low and
// high, both excluded.
type place struct {
	prefix    []byte
	low, high int64
	above     bool // low belongs to a neighbour on the left
	below     bool // high belongs to a neighbour on the right
}

// findPlace looks for room for n integers as near to the beginning of the
// paths as there is any. It appends the prefix to buf.
func findPlace(buf []byte, left, right Key, n int64) place {
	open := right == ""
	if !open && left >= right {
		panic(fmt.Sprintf("pos: %x is not less than %x", string(left), string(right)))
	}
	same := beginning(left, right)
	buf = append(buf, left[:same]...)
	for l, r := left[same:], right[same:]; ; {
		low, ls := int64(least), 0
		if l != "" {
			low, ls = integer(l)
		}
		high, rs := int64(most+1), 0
		if !open {
			high, rs = integer(r)
		}
		switch {
		case high-low > n:
			return place{prefix: buf, low: low, high: high, above: l != "", below: !open}
		case l != "":
			// Behind the left neighbour's integer everything is above that
			// neighbour and below the right one.
			buf, l, r, open = append(buf, l[:ls]...), l[ls:], "", true
		case open:
			panic(fmt.Sprintf("pos: no room for %d keys", n))
		case high == least:
			buf, r = append(buf, r[:rs]...), r[rs:]
		default:
			buf, r, open = appendInteger(buf, high-1), "", true
		}
	}
}

// beginning returns how many bytes the integers take that both paths begin
// with.
func beginning(left, right Key) int {
	n := 0
	for n < len(left) && n < len(right) && left[n] == right[n] {
		next := n + 1 + int(byFirst[left[n]].extra)
		if next > n+1 && (next > len(left) || next > len(right) || left[n:next] != right[n:next]) {
			break
		}
		n = next
	}
	return n
}

// series is n integers at equal distances.
type series struct {
	first, step int64
	n           int
}

// longest returns the bytes of the longest integer, which is at one end.
func (s series) longest() int {
	return max(sizeOf(s.first), sizeOf(s.first+s.step*int64(s.n-1)))
}

// shared is how many keys share the memory of their bytes: allocating for
// each is slow, and a key keeps the bytes of all alive.
const shared = 64

// keys returns the keys that continue prefix with each integer.
func (s series) keys(prefix []byte) []Key {
	if s.n == 1 {
		return []Key{Key(appendInteger(prefix, s.first))}
	}
	keys := make([]Key, 0, s.n)
	block := make([]byte, 0, min(s.n, shared)*(len(prefix)+s.longest()))
	ends := make([]int, 0, shared)
	for v := s.first; len(keys) < s.n; {
		block, ends = block[:0], ends[:0]
		for range min(shared, s.n-len(keys)) {
			block = appendInteger(append(block, prefix...), v)
			ends = append(ends, len(block))
			v += s.step
		}
		keys = appendShared(keys, block, ends)
	}
	return keys
}

// appendShared appends the keys that end in block at each of ends.
func appendShared(keys []Key, block []byte, ends []int) []Key {
	text, start := Key(block), 0
	for _, end := range ends {
		keys = append(keys, text[start:end])
		start = end
	}
	return keys
}
