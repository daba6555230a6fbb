package doc

import (
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// sharedTexts makes texts that come together share memory: a piece for each of
// many short ones is most of what making them takes. Pieces are small, so that
// who keeps one text keeps little beside it.
type sharedTexts struct {
	piece []byte
	left  int // bytes of what is still to come, at most
}

// How long a piece is at most, and a text that is in one.
const (
	mostTexts = 512
	shortText = 64
)

// text makes a text of v.
func (s *sharedTexts) text(v []byte) string {
	if len(v) == 0 || len(v) > shortText {
		s.left -= len(v)
		return string(v)
	}
	if cap(s.piece)-len(s.piece) < len(v) {
		s.piece = make([]byte, 0, max(len(v), min(s.left, mostTexts)))
	}
	s.left -= len(v)
	at := len(s.piece)
	s.piece = append(s.piece, v...)
	return unsafe.String(&s.piece[at], len(v))
}

// read is the read of a field's own leaf, with the value in a piece if it is a
// text.
func (s *sharedTexts) read(lf *leaf, r *wire.Reader, p unsafe.Pointer) {
	if lf.size != texts || r.Kind() != wire.String {
		lf.read(r, p)
		return
	}
	*(*string)(p) = s.text(r.View())
}
