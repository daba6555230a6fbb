package driver

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Each in a path descends from an array into every one of its elements. It is
// not valid UTF-8, so no member of an object can have this name; in text it is
// written [].
const Each = "\xff[]"

// Term is one scalar of a query section and the place where it stands, as one
// text that is equal exactly when both are. Drivers index terms, and every
// stored commit has those of its unique values, so the form is for ever:
//
//	term    = path NUL value
//	path    = as JoinPath writes it; it has no NUL
//	value   = "s" text       a string of at most 64 bytes, as it is
//	        | "h" digest     a longer string: its SHA-256 in unpadded base64url
//	        | "i" digits     an integer, decimal, "-" before a negative one
//	        | "b0" | "b1"    false and true
//
// The path has no NUL, so the first one ends it, whatever the value is; the
// terms of one path follow each other in order. Terms of a valid section are
// valid UTF-8.
//
// A term is at most 66 bytes longer than its path: unique values are repeated
// in every commit of their document, and no index has to bear a long key. 64
// bytes let identifiers, addresses and hexadecimal digests of 256 bits stand
// readable; two longer strings with one digest are not known and not expected.
// Absent values, arrays and objects have no term of their own.
type Term string

// longest is the length of the longest string that stands in a term as it is.
const longest = 64

// TermOf returns the term of a scalar at a path, where [Each] stands for the
// elements of an array. What is no scalar gives the zero Term, which no section
// has.
func TermOf(path []string, scalar Value) Term {
	var buf [128]byte
	b := append(appendPath(buf[:0], path), 0)
	b, ok := appendScalar(b, scalar)
	if !ok {
		return ""
	}
	return Term(b)
}

// appendScalar appends what follows the path in a term.
func appendScalar(b []byte, v Value) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return appendText(b, v), true
	case int64:
		return strconv.AppendInt(append(b, 'i'), v, 10), true
	case bool:
		if v {
			return append(b, "b1"...), true
		}
		return append(b, "b0"...), true
	}
	return b, false
}

// appendText appends what follows the path in the term of a string.
func appendText[T string | []byte](b []byte, text T) []byte {
	if len(text) <= longest {
		return append(append(b, 's'), text...)
	}
	digest := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.AppendEncode(append(b, 'h'), digest[:])
}

// Path returns the dotted path of the term, as [JoinPath] writes it:
// profile.email, or labels.[] for the elements of an array.
func (t Term) Path() string {
	path, _, _ := strings.Cut(string(t), "\x00")
	return path
}

// Terms returns the terms of all scalars of a section, ascending, each once.
func Terms(section Value) []Term {
	var c collector
	c.collect(section)
	slices.Sort(c.terms)
	return slices.Compact(c.terms)
}

// Held returns the terms of a document's unique values, ascending, each once:
// the scalars of the section that stand at one of the paths, which are dotted
// as [JoinPath] writes them. A path whose value is absent holds nothing.
func Held(section Value, unique []string) []Term {
	if len(unique) == 0 {
		return nil
	}
	return slices.DeleteFunc(Terms(section), func(t Term) bool {
		return !slices.Contains(unique, t.Path())
	})
}

// collector gathers the terms below a value.
type collector struct {
	path  []byte // of the value at hand, as JoinPath writes it
	terms []Term
}

func (c *collector) collect(v Value) {
	switch v := v.(type) {
	case Array:
		for _, element := range v {
			c.descend(Each, element)
		}
	case Object:
		for _, m := range v {
			c.descend(m.Name, m.Value)
		}
	default:
		if b, ok := appendScalar(append(c.path, 0), v); ok {
			c.terms = append(c.terms, Term(b))
		}
	}
}

func (c *collector) descend(name string, v Value) {
	length := len(c.path)
	c.path = appendElement(c.path, name, length == 0)
	c.collect(v)
	c.path = c.path[:length]
}
