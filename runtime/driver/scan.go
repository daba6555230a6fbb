package driver

import (
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// TermsIn returns what [Terms] does of an encoded section, without a [Value] in
// between. The error is that of [DecodeValue].
func TermsIn(section []byte) ([]Term, error) {
	s := newScanner(nil)
	defer s.done()
	s.all = true
	if !s.scan(section) {
		v, err := DecodeValue(section)
		if err != nil {
			return nil, err
		}
		return Terms(v), nil
	}
	return s.sorted(), nil
}

// HeldIn returns what [Held] does of an encoded section, without a [Value] in
// between: a section without unique values allocates nothing. The error is
// that of [DecodeValue].
func HeldIn(section []byte, unique []string) ([]Term, error) {
	s := newScanner(unique)
	defer s.done()
	if !s.scan(section) {
		v, err := DecodeValue(section)
		if err != nil {
			return nil, err
		}
		return Held(v, unique), nil
	}
	return s.sorted(), nil
}

// scanner goes once through the bytes of a section and gathers terms. It is
// for sound sections of a moderate size, with paths that fit into here: whatever
// else it meets it leaves to DecodeValue, which says what is wrong if anything is.
type scanner struct {
	r     wire.Reader
	all   bool     // every term, not only those at paths
	paths []string // dotted
	depth int
	text  []byte    // of all terms, one behind the other
	ends  []int     // where each ends
	here  [128]byte // the path of the value at hand, as JoinPath writes it
	at    int       // its length
}

// scanners are used again for the room that their texts have, which is not kept
// when it is more than most sections need.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

const (
	roomyText = 4096
	roomyEnds = 256
)

func newScanner(paths []string) *scanner {
	s := scanners.Get().(*scanner)
	s.paths = paths
	return s
}

// done lets the scanner go, and all that it was given.
func (s *scanner) done() {
	if cap(s.text) > roomyText || cap(s.ends) > roomyEnds {
		return
	}
	s.r.Reset(nil)
	s.all, s.paths, s.depth, s.at = false, nil, 0, 0
	s.text, s.ends = s.text[:0], s.ends[:0]
	scanners.Put(s)
}

// distinct is how many names of one object a scanner compares with each other.
const distinct = 16

func (s *scanner) scan(section []byte) bool {
	s.r.Reset(section)
	return s.value() && s.r.Err() == nil && s.r.Len() == 0
}

// sorted gives the terms, ascending, each once. They are parts of one text.
func (s *scanner) sorted() []Term {
	if len(s.ends) == 0 {
		return nil
	}
	text, from := string(s.text), 0
	terms := make([]Term, len(s.ends))
	for i, end := range s.ends {
		terms[i], from = Term(text[from:end]), end
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

func (s *scanner) value() bool {
	switch s.r.Kind() {
	case wire.Nil:
		s.r.Nil()
	case wire.Bool:
		if v := s.r.Bool(); s.wanted() {
			s.add(v)
		}
	case wire.Int:
		if v := s.r.Int(); s.wanted() {
			s.add(v)
		}
	case wire.String:
		v := s.r.View()
		if !utf8.Valid(v) {
			return false
		}
		if s.wanted() {
			s.end(appendText(s.begin(), v))
		}
	case wire.Array:
		return s.array()
	case wire.Map:
		return s.object()
	default:
		return false
	}
	return s.r.Err() == nil
}

// wanted tells whether the term of a scalar at hand is gathered.
func (s *scanner) wanted() bool {
	if s.all {
		return s.r.Err() == nil
	}
	for _, path := range s.paths {
		if path == string(s.here[:s.at]) {
			return s.r.Err() == nil
		}
	}
	return false
}

func (s *scanner) add(scalar Value) {
	b, _ := appendScalar(s.begin(), scalar)
	s.end(b)
}

// begin gives the text with the path of the value at hand, behind which the value
// is to be written.
func (s *scanner) begin() []byte { return append(append(s.text, s.here[:s.at]...), 0) }

// end makes the text what begin gave and a value.
func (s *scanner) end(text []byte) { s.text, s.ends = text, append(s.ends, len(text)) }

func (s *scanner) array() bool {
	n := s.r.Array()
	if s.depth++; s.depth > MaxDepth {
		return false
	}
	length := s.at
	if !s.descend(Each) {
		return false
	}
	for range n {
		if !s.value() {
			return false
		}
	}
	s.at = length
	s.depth--
	return s.r.Err() == nil
}

func (s *scanner) object() bool {
	n := s.r.Map()
	if s.depth++; s.depth > MaxDepth || n > distinct {
		return false
	}
	var names [distinct][]byte
	length := s.at
	for i := range n {
		if s.r.Kind() != wire.String {
			return false
		}
		name := s.r.View()
		if s.r.Err() != nil || !utf8.Valid(name) || twice(names[:i], name) {
			return false
		}
		names[i] = name
		if !s.descend(string(name)) || !s.value() {
			return false
		}
		s.at = length
	}
	s.depth--
	return s.r.Err() == nil
}

// descend makes a member, or the elements, of the value at hand the value at
// hand.
func (s *scanner) descend(name string) bool {
	b := appendElement(s.here[:s.at], name, s.at == 0)
	s.at = len(b)
	return s.at <= len(s.here) // else it is not in s.here
}

func twice(names [][]byte, name []byte) bool {
	return slices.ContainsFunc(names, func(n []byte) bool { return string(n) == string(name) })
}
