package doc

import "sync"

// pieces has memory for what one operation needs at a time: the log of an
// Update, and what a window remembers. A little of it stays with the document.
// More goes from document to document: too much to stay with each, and too often
// needed to be made each time. Very much goes for good.
type pieces[T any] struct{ pool sync.Pool }

// So many elements stay with a document, and so many go to the next one.
const (
	mostKept   = 64
	mostPassed = 256
)

var (
	logPieces   pieces[Delta]
	touchPieces pieces[touch]
)

// take gives room for n elements.
func (p *pieces[T]) take(n int) []T {
	if n > mostKept && n <= mostPassed {
		if s, _ := p.pool.Get().(*[]T); s != nil && cap(*s) >= n {
			return *s
		}
	}
	return make([]T, 0, n)
}

// spare clears s, and gives the memory for its next use where it stays.
func (p *pieces[T]) spare(s []T) []T {
	if cap(s) > mostPassed {
		return nil
	}
	clear(s)
	s = s[:0]
	if cap(s) <= mostKept {
		return s
	}
	free := s
	p.pool.Put(&free)
	return nil
}
