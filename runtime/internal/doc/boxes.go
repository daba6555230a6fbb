package doc

import "unsafe"

// boxes has room for the values that a window remembers: small ones, which live
// and go together, so they need not be a piece of memory each. What is in them
// stays with the commit that the window becomes. What listeners get is not in
// boxes: who keeps a value must not keep its neighbours.
type boxes struct {
	texts   []string
	numbers []uint64
	size    int // of the piece that was taken last
}

// mostBoxes is how many values a piece has at most.
const mostBoxes = 64

// box is what l.box gives, in b; b may be nil.
func (b *boxes) box(l *leaf, p unsafe.Pointer) any {
	switch {
	case b == nil:
	case l.size == texts:
		if len(b.texts) == cap(b.texts) {
			b.texts = make([]string, 0, b.grown())
		}
		b.texts = append(b.texts, *(*string)(p))
		return l.in(unsafe.Pointer(&b.texts[len(b.texts)-1]))
	case l.size == numbers:
		if len(b.numbers) == cap(b.numbers) {
			b.numbers = make([]uint64, 0, b.grown())
		}
		b.numbers = append(b.numbers, 0)
		at := unsafe.Pointer(&b.numbers[len(b.numbers)-1])
		l.copy(at, p)
		return l.in(at)
	}
	return l.box(p)
}

// grown is how many values the next piece has.
func (b *boxes) grown() int {
	b.size = min(max(2, 2*b.size), mostBoxes)
	return b.size
}
