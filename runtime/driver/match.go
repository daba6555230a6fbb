package driver

import (
	"strconv"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// HasTerms tells whether a section, in the stored form that [DecodeValue]
// accepts, has all the terms. It reads no further than it need and takes no
// memory, so that a driver can verify every hit of an index. Of bytes that are
// no section it may say either.
func HasTerms(section []byte, terms []Term) bool {
	const most = 64
	for len(terms) > most { // nobody asks for so many
		if !HasTerms(section, terms[:most]) {
			return false
		}
		terms = terms[most:]
	}
	var room [128]byte
	m := matcher{terms: terms, missing: 1<<len(terms) - 1}
	m.r.Reset(section)
	m.value(room[:0], 0)
	return m.missing == 0 && m.r.Err() == nil
}

// matcher looks for terms below a value. Paths are as JoinPath writes them.
type matcher struct {
	r       wire.Reader
	terms   []Term
	missing uint64 // a bit for each term that was not found yet
}

func (m *matcher) value(path []byte, depth int) {
	switch m.r.Kind() {
	case wire.Map:
		for n := m.r.Map(); n > 0 && m.missing != 0; n-- {
			name := m.r.View()
			m.member(path, string(name), depth)
		}
	case wire.Array:
		for n := m.r.Array(); n > 0 && m.missing != 0; n-- {
			m.member(path, Each, depth)
		}
	case wire.String:
		m.text(path, m.r.View())
	case wire.Int:
		var b [21]byte
		m.scalar(path, strconv.AppendInt(append(b[:0], 'i'), m.r.Int(), 10))
	case wire.Bool:
		var b [2]byte
		value, _ := appendScalar(b[:0], m.r.Bool())
		m.scalar(path, value)
	default:
		m.r.Skip()
	}
}

// member reads a member or element, of which only what is asked for is looked
// at.
func (m *matcher) member(path []byte, name string, depth int) {
	path = appendElement(path, name, depth == 0)
	if depth < MaxDepth && m.leads(path) {
		m.value(path, depth+1)
	} else {
		m.r.Skip()
	}
}

// leads tells whether a term that is missing stands at the path or below.
func (m *matcher) leads(path []byte) bool {
	for i, t := range m.terms {
		if n := len(path); m.missing&(1<<i) != 0 && len(t) > n && (t[n] == 0 || t[n] == '.') && string(t[:n]) == string(path) {
			return true
		}
	}
	return false
}

func (m *matcher) text(path, s []byte) {
	if len(s) > longest {
		b, _ := appendScalar(nil, string(s))
		m.scalar(path, b)
		return
	}
	var b [1 + longest]byte
	m.scalar(path, append(append(b[:0], 's'), s...))
}

// scalar finds the terms at the path with this value.
func (m *matcher) scalar(path, value []byte) {
	n := len(path)
	for i, t := range m.terms {
		if len(t) == n+1+len(value) && t[n] == 0 && string(t[n+1:]) == string(value) && string(t[:n]) == string(path) {
			m.missing &^= 1 << i
		}
	}
}
