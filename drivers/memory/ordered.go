package memory

import (
	"slices"
	"sort"
)

// chunk is how many elements stand together. Inserting one moves at most so
// many, and a list of a million has four thousand chunks to choose from.
const chunk = 256

// ordered is a list of small values in an order that its user keeps. It takes
// hardly more memory than its elements when they come in order, as ids do.
type ordered[T any] struct {
	chunks [][]T // none is empty, none has more than chunk elements
	len    int
}

// place is where an element of an ordered list stands, or would.
type place struct{ chunk, at int }

// seek returns the place of the first element that is not before what is looked
// for; all that are before stand before all that are not.
func (o *ordered[T]) seek(before func(T) bool) place {
	c := sort.Search(len(o.chunks), func(i int) bool { return !before(o.chunks[i][0]) })
	if c == 0 {
		return place{}
	}
	in := o.chunks[c-1]
	if at := sort.Search(len(in), func(i int) bool { return !before(in[i]) }); at < len(in) {
		return place{c - 1, at}
	}
	return place{c, 0}
}

// get returns the element at a place, if there is one.
func (o *ordered[T]) get(p place) (v T, ok bool) {
	if p.chunk >= len(o.chunks) {
		return v, false
	}
	return o.chunks[p.chunk][p.at], true
}

// ascend calls visit with the elements from a place on until it returns false.
func (o *ordered[T]) ascend(p place, visit func(T) bool) {
	for ; p.chunk < len(o.chunks); p = (place{p.chunk + 1, 0}) {
		for _, v := range o.chunks[p.chunk][p.at:] {
			if !visit(v) {
				return
			}
		}
	}
}

// insert puts an element before the one at a place. A chunk that is full and
// grows at its end leaves its room to the next, or elements that come in order
// would leave every chunk half empty.
func (o *ordered[T]) insert(p place, v T) {
	o.len++
	if p.at == 0 && p.chunk > 0 { // rather at the end of the one before
		p = place{p.chunk - 1, len(o.chunks[p.chunk-1])}
	}
	if len(o.chunks) == 0 {
		o.chunks = [][]T{{v}}
		return
	}
	in := o.chunks[p.chunk]
	if len(in) == chunk {
		if p.at == chunk {
			o.chunks = slices.Insert(o.chunks, p.chunk+1, []T{v})
			return
		}
		o.chunks = slices.Insert(o.chunks, p.chunk+1, slices.Clone(in[chunk/2:]))
		o.chunks[p.chunk] = in[:chunk/2]
		if p.at > chunk/2 {
			p = place{p.chunk + 1, p.at - chunk/2}
		}
		in = o.chunks[p.chunk]
	}
	o.chunks[p.chunk] = slices.Insert(in, p.at, v)
}

// remove takes out the element at a place.
func (o *ordered[T]) remove(p place) {
	o.len--
	in := slices.Delete(o.chunks[p.chunk], p.at, p.at+1)
	o.chunks[p.chunk] = in
	if next := p.chunk + 1; len(in) > 0 && next < len(o.chunks) && len(in)+len(o.chunks[next]) <= chunk/2 {
		o.chunks[p.chunk] = slices.Concat(in, o.chunks[next])
		o.chunks = slices.Delete(o.chunks, next, next+1)
	}
	if len(in) == 0 {
		o.chunks = slices.Delete(o.chunks, p.chunk, p.chunk+1)
	}
}
