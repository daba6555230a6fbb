package driver

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// ID names a document within its table. Ids are made by the database so that
// they ascend in the order of creation; a driver only keeps and compares them.
// The zero ID names no document.
type ID [16]byte

// crockford is the alphabet of Douglas Crockford's base 32: its order is that
// of the bytes, so texts sort as the ids do, and it has no I, L, O and U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// idLen is the length of an id's text: 26 digits of 5 bits are 130 bits, of
// which the first two are zero.
const idLen = 26

// String returns the id as 26 digits of Crockford's base 32. Texts sort as the
// ids do.
func (id ID) String() string {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	var text [idLen]byte
	for i := idLen - 1; i >= 0; i-- {
		text[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(text[:])
}

// ParseID reads what [ID.String] writes. Lower case is fine, and so are I, L
// and O where a person meant 1 and 0.
func ParseID(text string) (ID, error) {
	if len(text) != idLen {
		return ID{}, fmt.Errorf("id %q has %d characters instead of %d", text, len(text), idLen)
	}
	var hi, lo uint64
	for i := range idLen {
		digit, ok := crockfordDigit(text[i])
		if !ok {
			return ID{}, fmt.Errorf("id %q: %q is not a digit of base 32", text, text[i])
		}
		if hi>>59 != 0 {
			return ID{}, fmt.Errorf("id %q is larger than 128 bits: it begins with more than 7", text)
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | digit
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}

// crockfordDigit returns the value of a digit.
func crockfordDigit(c byte) (uint64, bool) {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	switch c {
	case 'O':
		c = '0'
	case 'I', 'L':
		c = '1'
	}
	i := bytes.IndexByte([]byte(crockford), c)
	return uint64(i), i >= 0
}

// Compare returns -1, 0 or +1 as id sorts before, with or after other.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsZero says whether id is the zero ID, which names no document.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText gives the text of [ID.String].
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what [ParseID] reads.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
