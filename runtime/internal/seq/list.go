package seq

import (
	"slices"
	"sort"
	"strings"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// chunkMax is the most elements of a chunk. 128 and 256 measure alike; 64
// makes the index twice as slow to keep on the editing trace, 512 makes inserts
// move a third more.
const chunkMax = 256

// List is a sequence of elements, ascending by key.
type List[E any] struct {
	chunks [][]entry[E] // none is empty
	index  *index       // nil with less than two chunks

	// Where Find was last. Who asks for a key mostly asks for one behind it
	// next. Whatever happened since, it is only a place to begin at.
	chunk, place int32
}

type entry[E any] struct {
	key pos.Key
	val E
}

// Len returns the number of elements.
func (l *List[E]) Len() int {
	switch {
	case l.index != nil:
		return l.index.total
	case len(l.chunks) == 1:
		return len(l.chunks[0])
	}
	return 0
}

// At returns element i, which must exist. The pointer is good until the next
// Insert, Remove or Reset.
func (l *List[E]) At(i int) *E { return &l.entry(i).val }

// Key returns the key of element i, which must exist.
func (l *List[E]) Key(i int) pos.Key { return l.entry(i).key }

func (l *List[E]) entry(i int) *entry[E] {
	if l.index == nil {
		return &l.chunks[0][i]
	}
	c, j := l.index.find(i)
	return &l.chunks[c][j]
}

// Find returns the index of the element with key k and true, or the index
// that k would be inserted at and false.
func (l *List[E]) Find(k pos.Key) (i int, ok bool) {
	if len(l.chunks) == 0 {
		return 0, false
	}
	c, j, ok := l.ahead(k)
	if !ok {
		if c = 0; l.index != nil {
			c = l.chunkOf(k)
		}
		chunk := l.chunks[c]
		j = sort.Search(len(chunk), func(j int) bool { return chunk[j].key >= k })
		l.chunk, l.place = int32(c), int32(j)
	}
	chunk := l.chunks[c]
	if i = j; l.index != nil {
		i += l.index.begin(c, len(chunk))
	}
	return i, j < len(chunk) && chunk[j].key == k
}

// chunkOf returns the last chunk that begins at k or before it, or the first.
func (l *List[E]) chunkOf(k pos.Key) int {
	heads, h := l.index.heads, head(k)
	return max(0, sort.Search(len(heads), func(c int) bool {
		return heads[c] > h || heads[c] == h && l.chunks[c][0].key > k
	})-1)
}

// near is how many elements Find looks at before it searches.
const near = 4

// ahead looks for k, or for the first key behind it, a few elements behind
// where Find was last.
func (l *List[E]) ahead(k pos.Key) (c, j int, ok bool) {
	c, j = int(l.chunk), int(l.place)
	if c >= len(l.chunks) {
		return 0, 0, false
	}
	chunk := l.chunks[c]
	for end := min(j+near, len(chunk)); j < end; j++ {
		switch order := strings.Compare(string(chunk[j].key), string(k)); {
		case order < 0:
		case order > 0 && j == int(l.place): // it is before
			return 0, 0, false
		default:
			l.place = int32(j)
			return c, j, true
		}
	}
	return 0, 0, false
}

// Insert puts elements before element i, or at the end. Keys and vals are of
// equal length, and the keys ascend between those of the neighbours. Nothing
// of the slices is kept.
func (l *List[E]) Insert(i int, keys []pos.Key, vals []E) {
	if i < 0 || i > l.Len() || len(keys) != len(vals) {
		panic("seq: insert out of range")
	}
	if len(vals) == 0 {
		return
	}
	if len(l.chunks) == 0 {
		l.chunks = [][]entry[E]{nil}
	}
	c, j := l.spot(i)
	if len(l.chunks[c])+len(vals) > chunkMax {
		if len(vals) > chunkMax/4 || c == len(l.chunks)-1 && j == len(l.chunks[c]) {
			l.split(c, j, keys, vals)
			return
		}
		c, j = l.halve(c, j)
	}
	l.chunks[c] = open(l.chunks[c], j, len(vals))
	fill(l.chunks[c][j:], keys, vals)
	if l.index != nil {
		l.index.add(c, len(vals))
		if j == 0 {
			l.behead(c)
		}
	}
}

// behead notes with which key chunk c begins, when that may be another one.
func (l *List[E]) behead(c int) {
	if len(l.chunks[c]) > 0 {
		l.index.heads[c] = head(l.chunks[c][0].key)
	}
}

// spot returns where element i is, or would be: at the end of the chunk
// before rather than at the beginning of the next, so that appending to a run
// does not move what follows it.
func (l *List[E]) spot(i int) (c, j int) {
	if l.index == nil {
		return 0, i
	}
	if i == 0 {
		return 0, 0
	}
	c, j = l.index.find(i - 1)
	return c, j + 1
}

// open makes room for n entries at j.
func open[E any](chunk []entry[E], j, n int) []entry[E] {
	size := len(chunk) + n
	if size > cap(chunk) {
		// Growing by half, not by doubling: the rooms of all chunks are
		// what a list wastes.
		grown := make([]entry[E], size, min(chunkMax, size+size/2))
		copy(grown, chunk[:j])
		copy(grown[j+n:], chunk[j:])
		return grown
	}
	chunk = chunk[:size]
	copy(chunk[j+n:], chunk[j:])
	return chunk
}

func fill[E any](chunk []entry[E], keys []pos.Key, vals []E) {
	for i := range vals {
		chunk[i] = entry[E]{keys[i], vals[i]}
	}
}

// halve makes two chunks of chunk c, which is full, and returns where place j is then.
func (l *List[E]) halve(c, j int) (int, int) {
	chunk := l.chunks[c]
	half := len(chunk) / 2
	room := len(chunk)/2 + chunkMax/8 // the rooms of all chunks are what a list wastes
	before, behind := make([]entry[E], half, room), make([]entry[E], len(chunk)-half, room)
	copy(before, chunk)
	copy(behind, chunk[half:])
	l.chunks[c] = before
	l.chunks = slices.Insert(l.chunks, c+1, behind)
	if l.index != nil {
		l.index.heads = slices.Insert(l.index.heads, c+1, head(behind[0].key))
	}
	l.reindex()
	if j > half {
		return c + 1, j - half
	}
	return c, j
}

// split inserts at place j of chunk c what it cannot hold, by several chunks
// in its stead. At the end of the list they are filled, because more is likely
// to be appended; elsewhere they are equal and have room.
func (l *List[E]) split(c, j int, keys []pos.Key, vals []E) {
	old := l.chunks[c]
	if len(old) == 0 { // the list is empty, and filled at once
		l.chunks = l.chunks[:0]
		for len(vals) > 0 {
			n := min(chunkMax, len(vals))
			chunk := make([]entry[E], n)
			fill(chunk, keys[:n], vals[:n])
			l.chunks, keys, vals = append(l.chunks, chunk), keys[n:], vals[n:]
		}
		l.reindex()
		return
	}
	all := make([]entry[E], len(old)+len(vals))
	copy(all, old[:j])
	fill(all[j:], keys, vals)
	copy(all[j+len(vals):], old[j:])

	size := chunkMax
	if atEnd := c == len(l.chunks)-1 && j == len(old); !atEnd {
		pieces := len(all)/(chunkMax*3/4) + 1
		size = (len(all) + pieces - 1) / pieces
	}
	var chunks [][]entry[E]
	for len(all) > 0 {
		n := min(size, len(all))
		chunk := make([]entry[E], n)
		copy(chunk, all)
		chunks, all = append(chunks, chunk), all[n:]
	}
	l.replace(c, c+1, chunks)
}

// Remove takes n elements out, beginning with element i. They must exist.
func (l *List[E]) Remove(i, n int) {
	if i < 0 || n < 0 || i+n > l.Len() {
		panic("seq: range out of bounds")
	}
	if n == 0 {
		return
	}
	c, j := 0, i
	if l.index != nil {
		c, j = l.index.find(i)
	}
	end := min(j+n, len(l.chunks[c]))
	l.chunks[c] = cut(l.chunks[c], j, end)
	n -= end - j
	if l.index != nil {
		l.index.add(c, j-end)
		if j == 0 {
			l.behead(c)
		}
	}
	if n > 0 {
		// The rest is in the next chunks: whole ones go at once.
		next := c + 1
		for ; next < len(l.chunks) && n >= len(l.chunks[next]); next++ {
			n -= len(l.chunks[next])
		}
		if n > 0 {
			l.chunks[next] = cut(l.chunks[next], 0, n)
			l.behead(next)
		}
		l.replace(c+1, next, nil)
	}
	l.shrink(c)
}

// cut removes entries from j up to end. It clears what they leave behind, or
// the collector would keep what it points to.
func cut[E any](chunk []entry[E], j, end int) []entry[E] {
	rest := copy(chunk[j:], chunk[end:])
	clear(chunk[j+rest:])
	return chunk[:j+rest]
}

// shrink removes chunk c when it is empty, joins it with the next or the one
// before when both are small, and lets go of memory that it no longer needs.
func (l *List[E]) shrink(c int) {
	chunk := l.chunks[c]
	switch {
	case len(chunk) == 0:
		l.replace(c, c+1, nil)
	case c+1 < len(l.chunks) && len(chunk)+len(l.chunks[c+1]) <= chunkMax/2:
		l.join(c)
	case c > 0 && len(chunk)+len(l.chunks[c-1]) <= chunkMax/2:
		l.join(c - 1)
	case cap(chunk) > 8 && len(chunk) <= cap(chunk)/4:
		l.chunks[c] = append(make([]entry[E], 0, 2*len(chunk)), chunk...)
	}
}

// join makes one chunk of c and the one after it.
func (l *List[E]) join(c int) {
	a, b := l.chunks[c], l.chunks[c+1]
	joined := append(append(make([]entry[E], 0, len(a)+len(b)), a...), b...)
	l.replace(c, c+2, [][]entry[E]{joined})
}

// replace puts chunks in the stead of those from c to end.
func (l *List[E]) replace(c, end int, chunks [][]entry[E]) {
	if l.index != nil {
		heads := make([]uint64, len(chunks))
		for i, chunk := range chunks {
			heads[i] = head(chunk[0].key)
		}
		l.index.heads = slices.Replace(l.index.heads, c, end, heads...)
	}
	more := len(chunks) - (end - c)
	old := len(l.chunks)
	if more > 0 {
		l.chunks = append(l.chunks, make([][]entry[E], more)...)
	}
	copy(l.chunks[end+more:], l.chunks[end:old])
	copy(l.chunks[c:], chunks)
	if more < 0 {
		clear(l.chunks[old+more:])
		l.chunks = l.chunks[:old+more]
	}
	l.reindex()
}

// reindex counts the chunks again. It is called when their number changes,
// which is once in a hundred inserts and then costs about a nanosecond a chunk.
func (l *List[E]) reindex() {
	if len(l.chunks) < 2 {
		l.index = nil
		return
	}
	if l.index == nil {
		l.index = &index{heads: make([]uint64, len(l.chunks))}
		for c := range l.chunks {
			l.behead(c)
		}
	}
	lengths := l.index.reset(len(l.chunks))
	for c := range l.chunks {
		lengths[c+1] = len(l.chunks[c])
	}
	l.index.build()
}

// Rekey gives the elements from i on new keys, which must leave their order
// as it is.
func (l *List[E]) Rekey(i int, keys []pos.Key) {
	if len(keys) == 0 {
		return
	}
	c, j := 0, i
	if l.index != nil {
		c, j = l.index.find(i)
	}
	for ; len(keys) > 0; c, j = c+1, 0 {
		for ; j < len(l.chunks[c]) && len(keys) > 0; j++ {
			l.chunks[c][j].key, keys = keys[0], keys[1:]
		}
		if l.index != nil {
			l.behead(c)
		}
	}
}

// Ascend calls fn for element i and those after it, until fn returns false.
// Fn must not insert or remove.
func (l *List[E]) Ascend(i int, fn func(i int, k pos.Key, e *E) bool) {
	if i >= l.Len() {
		return
	}
	c, j := 0, i
	if l.index != nil {
		c, j = l.index.find(i)
	}
	for ; c < len(l.chunks); c, j = c+1, 0 {
		for chunk := l.chunks[c]; j < len(chunk); j++ {
			if !fn(i, chunk[j].key, &chunk[j].val) {
				return
			}
			i++
		}
	}
}

// Reset makes the list empty.
func (l *List[E]) Reset() { *l = List[E]{} }
