package seq

import (
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// TestChunk opens and cuts chunks of every shape in a small room.
func TestChunk(t *testing.T) {
	const size = 7
	for from := range size + 1 {
		for to := from; to <= size; to++ {
			for j := range to - from + 1 {
				for n := range size {
					c := shaped(size, from, to)
					want := slices.Insert(slices.Clone(c.all()), j, made(n)...)
					copy(c.open(j, n), made(n))
					same(t, &c, want)
				}
				for end := j; end <= to-from; end++ {
					c := shaped(size, from, to)
					want := slices.Delete(slices.Clone(c.all()), j, end)
					c.cut(j, end)
					same(t, &c, want)
				}
			}
		}
	}
}

// shaped is a chunk with elements from one place in its room to another.
func shaped(size, from, to int) chunk[int] {
	c := chunk[int]{make([]entry[int], size), int32(from), int32(to)}
	copy(c.all(), made(2 * size)[size:])
	return c
}

// made is n elements.
func made(n int) (es []entry[int]) {
	for i := range n {
		es = append(es, entry[int]{pos.Key(rune('a' + i)), i})
	}
	return es
}

// same fails unless c has these elements, and nothing beside them.
func same(t *testing.T, c *chunk[int], want []entry[int]) {
	t.Helper()
	if !slices.Equal(c.all(), want) {
		t.Fatalf("it has %v, want %v", c.all(), want)
	}
	for i, e := range c.room {
		if (i < int(c.from) || i >= int(c.to)) && e != (entry[int]{}) {
			t.Fatalf("beside its elements it has %v", e)
		}
	}
}

// TestChunkMovesFew holds that the shorter side moves: the elements on the
// other stay where they are, as long as there is room.
func TestChunkMovesFew(t *testing.T) {
	c := shaped(20, 5, 15)
	first := c.at(0)
	c.open(8, 1)
	if c.at(0) != first {
		t.Error("an insert near the end has moved the beginning")
	}
	c = shaped(20, 5, 15)
	last := c.at(9)
	c.open(2, 1)
	if c.at(10) != last {
		t.Error("an insert near the beginning has moved the end")
	}
	c.cut(2, 3)
	if c.at(9) != last {
		t.Error("a removal near the beginning has moved the end")
	}
}

// TestFilledHasRoom holds that inserts into a list that was filled at once do
// not halve a chunk at the first.
func TestFilledHasRoom(t *testing.T) {
	var l List[int]
	l.Insert(0, pos.Spread(10_000), make([]int, 10_000))
	chunks := len(l.chunks)
	for c := range chunks {
		i := c*chunkFull + chunkFull/2
		keys, _, _, _ := Room(&l, i, 1, pos.Max)
		l.Insert(i, keys, []int{1})
	}
	l.check(t)
	if len(l.chunks) != chunks {
		t.Errorf("of %d chunks there are %d after an insert into each", chunks, len(l.chunks))
	}
}
