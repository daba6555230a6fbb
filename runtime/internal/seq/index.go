package seq

import (
	"encoding/binary"
	"math/bits"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// index is a Fenwick tree over the lengths of chunks: sums[i] is the sum of
// the lengths of the i & -i chunks that end with chunk i-1.
type index struct {
	sums  []int // sums[0] is not used
	top   int   // the greatest power of two that is less than len(sums)
	total int

	heads []uint64 // what the first key of each chunk begins with: see head

	// The chunk found last has the elements from start up to end. Whoever
	// asks for an element mostly asks for its neighbours next.
	last       int
	start, end int
}

// reset returns the place for the lengths of n chunks, from 1 on, that
// [index.build] makes sums of.
func (x *index) reset(n int) []int {
	if cap(x.sums) <= n || cap(x.sums) > 4*n+16 {
		x.sums = make([]int, n+1, n+1+n/4)
	}
	x.sums = x.sums[:n+1]
	x.top = 1 << (bits.Len(uint(n)) - 1)
	return x.sums
}

func (x *index) build() {
	x.total, x.last, x.start, x.end = 0, 0, 0, x.sums[1]
	for i := 1; i < len(x.sums); i++ {
		x.total += x.sums[i]
	}
	for i := 1; i < len(x.sums); i++ {
		if up := i + i&-i; up < len(x.sums) {
			x.sums[up] += x.sums[i]
		}
	}
}

// add notes that chunk c is longer by n.
func (x *index) add(c, n int) {
	x.total += n
	if c <= x.last {
		x.end += n
	}
	if c < x.last {
		x.start += n
	}
	for i := c + 1; i < len(x.sums); i += i & -i {
		x.sums[i] += n
	}
}

// before returns how many elements are in the chunks before c.
func (x *index) before(c int) int {
	n := 0
	for ; c > 0; c -= c & -c {
		n += x.sums[c]
	}
	return n
}

// begin returns how many elements are before chunk c, which has n, and makes it
// the last one found.
func (x *index) begin(c, n int) int {
	if c != x.last {
		start := x.before(c)
		x.last, x.start, x.end = c, start, start+n
	}
	return x.start
}

// find returns the chunk that has element i and its place there.
func (x *index) find(i int) (c, j int) {
	if i < x.start || i >= x.end {
		x.seek(i)
	}
	return x.last, i - x.start
}

// seek makes the chunk that has element i the last one found.
func (x *index) seek(i int) {
	if uint(i) >= uint(x.total) {
		panic("seq: index out of range")
	}
	c, start := 0, 0
	for step := x.top; step > 0; step >>= 1 {
		if next := c + step; next < len(x.sums) && start+x.sums[next] <= i {
			c, start = next, start+x.sums[next]
		}
	}
	x.last, x.start, x.end = c, start, start+x.length(c)
}

// head is the first eight bytes of a key as a number, which stands for them
// in comparisons unless it is equal. To look for a key among all chunks by
// their keys would be three cache misses for each that is compared.
func head(k pos.Key) uint64 {
	var b [8]byte
	copy(b[:], k)
	return binary.BigEndian.Uint64(b[:])
}

// length returns the length of chunk c: its sum less the sums that are in it.
func (x *index) length(c int) int {
	i := c + 1
	n := x.sums[i]
	for below := i - 1; below > i&(i-1); below &= below - 1 {
		n -= x.sums[below]
	}
	return n
}
