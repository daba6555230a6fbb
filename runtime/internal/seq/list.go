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

// chunkFull is how many elements the chunks of a list get that is filled at
// once, so that the next insert does not halve one: as many as strings and their
// keys fit into 6,912 bytes, which is a size that memory comes in.
const chunkFull = 216

// List is a sequence of elements, ascending by key.
type List[E any] struct {
	chunks []chunk[E] // none is empty
	index  *index     // nil with less than two chunks

	// Where Find was last. Who asks for a key mostly asks for one behind it
	// next. Whatever happened since, it is only a place to begin at.
	chunk, place int32
}

// Len returns the number of elements.
func (l *List[E]) Len() int {
	switch {
	case l.index != nil:
		return l.index.total
	case len(l.chunks) == 1:
		return l.chunks[0].len()
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
		return l.chunks[0].at(i)
	}
	c, j := l.index.find(i)
	return l.chunks[c].at(j)
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
		chunk := l.chunks[c].all()
		j = sort.Search(len(chunk), func(j int) bool { return chunk[j].key >= k })
		l.chunk, l.place = int32(c), int32(j)
	}
	chunk := l.chunks[c].all()
	if i = j; l.index != nil {
		i += l.index.begin(c, len(chunk))
	}
	return i, j < len(chunk) && chunk[j].key == k
}

// chunkOf returns the last chunk that begins at k or before it, or the first.
func (l *List[E]) chunkOf(k pos.Key) int {
	heads, h := l.index.heads, head(k)
	return max(0, sort.Search(len(heads), func(c int) bool {
		return heads[c] > h || heads[c] == h && l.chunks[c].at(0).key > k
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
	chunk := l.chunks[c].all()
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
		l.chunks = make([]chunk[E], 1)
	}
	c, j := l.spot(i)
	if size := l.chunks[c].len(); size+len(vals) > chunkMax {
		if len(vals) > chunkMax/4 || c == len(l.chunks)-1 && j == size {
			l.split(c, j, keys, vals)
			return
		}
		c, j = l.halve(c, j)
	}
	fill(l.chunks[c].open(j, len(vals)), keys, vals)
	if l.index != nil {
		l.index.add(c, len(vals))
		if j == 0 {
			l.behead(c)
		}
	}
}

// behead notes with which key chunk c begins, when that may be another one.
func (l *List[E]) behead(c int) {
	if l.chunks[c].len() > 0 {
		l.index.heads[c] = head(l.chunks[c].at(0).key)
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

// halve makes two chunks of chunk c, which is full, and returns where place j is then.
func (l *List[E]) halve(c, j int) (int, int) {
	es := l.chunks[c].all()
	half := len(es) / 2
	const room = chunkMax / 16 // on each side: the rooms of all chunks are what a list wastes
	l.chunks[c] = newChunk(es[:half], room, room)
	l.chunks = slices.Insert(l.chunks, c+1, newChunk(es[half:], room, room))
	if l.index != nil {
		l.index.heads = slices.Insert(l.index.heads, c+1, head(es[half].key))
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
	old := l.chunks[c].all()
	if len(old) == 0 { // the list is empty, and filled at once
		l.chunks = l.chunks[:0]
		size := chunkMax
		if len(vals) > chunkMax {
			size = chunkFull
		}
		for len(vals) > 0 {
			n := min(size, len(vals))
			es := newChunk[E](nil, 0, n)
			fill(es.open(0, n), keys[:n], vals[:n])
			l.chunks, keys, vals = append(l.chunks, es), keys[n:], vals[n:]
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
	var chunks []chunk[E]
	for len(all) > 0 {
		n := min(size, len(all))
		chunks, all = append(chunks, newChunk(all[:n], 0, 0)), all[n:]
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
	end := min(j+n, l.chunks[c].len())
	l.chunks[c].cut(j, end)
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
		for ; next < len(l.chunks) && n >= l.chunks[next].len(); next++ {
			n -= l.chunks[next].len()
		}
		if n > 0 {
			l.chunks[next].cut(0, n)
			l.behead(next)
		}
		l.replace(c+1, next, nil)
	}
	l.shrink(c)
}

// shrink removes chunk c when it is empty, joins it with the next or the one
// before when both are small, and lets go of memory that it no longer needs.
func (l *List[E]) shrink(c int) {
	switch n := l.chunks[c].len(); {
	case n == 0:
		l.replace(c, c+1, nil)
	case c+1 < len(l.chunks) && n+l.chunks[c+1].len() <= chunkMax/2:
		l.join(c)
	case c > 0 && n+l.chunks[c-1].len() <= chunkMax/2:
		l.join(c - 1)
	default:
		l.chunks[c].fit()
	}
}

// join makes one chunk of c and the one after it.
func (l *List[E]) join(c int) {
	a, b := l.chunks[c].all(), l.chunks[c+1].all()
	joined := newChunk(a, 0, len(b))
	copy(joined.open(len(a), len(b)), b)
	l.replace(c, c+2, []chunk[E]{joined})
}

// replace puts chunks in the stead of those from c to end.
func (l *List[E]) replace(c, end int, chunks []chunk[E]) {
	if l.index != nil {
		heads := make([]uint64, len(chunks))
		for i := range chunks {
			heads[i] = head(chunks[i].at(0).key)
		}
		l.index.heads = slices.Replace(l.index.heads, c, end, heads...)
	}
	more := len(chunks) - (end - c)
	old := len(l.chunks)
	if more > 0 {
		l.chunks = append(l.chunks, make([]chunk[E], more)...)
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
		lengths[c+1] = l.chunks[c].len()
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
		for es := l.chunks[c].all(); j < len(es) && len(keys) > 0; j++ {
			es[j].key, keys = keys[0], keys[1:]
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
		for es := l.chunks[c].all(); j < len(es); j++ {
			if !fn(i, es[j].key, &es[j].val) {
				return
			}
			i++
		}
	}
}

// Reset makes the list empty.
func (l *List[E]) Reset() { *l = List[E]{} }
