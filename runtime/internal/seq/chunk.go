package seq

import "github.com/destam-go/destamgen/runtime/internal/pos"

// chunk is some elements that are neighbours, anywhere in its room: so what
// comes, or goes, moves only those on the side where there are fewer.
type chunk[E any] struct {
	room     []entry[E]
	from, to int32 // of room; the rest of it is zero
}

type entry[E any] struct {
	key pos.Key
	val E
}

// all gives the elements.
func (c *chunk[E]) all() []entry[E] { return c.room[c.from:c.to] }

func (c *chunk[E]) len() int { return int(c.to - c.from) }

// at gives element j.
func (c *chunk[E]) at(j int) *entry[E] { return &c.all()[j] }

// newChunk makes one with copies of elements, and so much room for more before
// them and behind them.
func newChunk[E any](es []entry[E], before, behind int) chunk[E] {
	c := chunk[E]{make([]entry[E], before+len(es)+behind), int32(before), int32(before + len(es))}
	copy(c.all(), es)
	return c
}

// open makes place for n elements at j, and gives it.
func (c *chunk[E]) open(j, n int) []entry[E] {
	from, to, size := int(c.from), int(c.to), c.len()+n
	switch {
	case size > len(c.room):
		c.grow(j, n)
		return c.all()[j : j+n]
	case j < c.len()-j && from >= n:
		copy(c.room[from-n:], c.room[from:from+j])
		from -= n
	case to+n <= len(c.room):
		copy(c.room[from+j+n:], c.room[from+j:to])
	case from >= n:
		copy(c.room[from-n:], c.room[from:from+j])
		from -= n
	default: // neither side has room enough, both together have
		copy(c.room, c.room[from:from+j])
		copy(c.room[j+n:], c.room[from+j:to])
		from = 0
	}
	c.from, c.to = int32(from), int32(from+size)
	return c.all()[j : j+n]
}

// grow makes place for n elements at j in a room that is larger by half: not by
// all of it, because the rooms of all chunks are what a list wastes. More will
// come where these came.
func (c *chunk[E]) grow(j, n int) {
	was, size := c.all(), c.len()+n
	from, spare := 0, min(chunkMax, size+size/2)-size
	switch j {
	case len(was):
	case 0:
		from = spare
	default:
		from = spare / 2
	}
	*c = newChunk(was[:j], from, size-j+spare-from)
	c.to = c.from + int32(size)
	copy(c.all()[j+n:], was[j:])
}

// cut takes the elements from j up to end out. It clears what they leave
// behind, or the collector would keep what it points to.
func (c *chunk[E]) cut(j, end int) {
	es := c.all()
	if n := end - j; j < len(es)-end {
		copy(es[n:], es[:j])
		clear(es[:n])
		c.from += int32(n)
	} else {
		copy(es[j:], es[end:])
		clear(es[len(es)-n:])
		c.to -= int32(n)
	}
}

// fit lets go of room that is no longer needed.
func (c *chunk[E]) fit() {
	if n := c.len(); len(c.room) > 8 && n <= len(c.room)/4 {
		*c = newChunk(c.all(), n/2, n-n/2)
	}
}

func fill[E any](es []entry[E], keys []pos.Key, vals []E) {
	for i := range vals {
		es[i] = entry[E]{keys[i], vals[i]}
	}
}
