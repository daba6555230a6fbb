package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Reader reads values one after the other. Its first error stays: from then
// on the reader is empty, every method gives a zero value, and [Reader.Err]
// gives the error, so a caller reads a whole frame and asks once.
//
// A Reader never writes to its input and keeps it; what [Reader.View],
// [Reader.Raw] and [Reader.Ext] give aliases it. The zero Reader is empty.
type Reader struct {
	buf []byte
	pos int // next byte; len(buf) after an error
	err error
}

// Error says where in the input of a [Reader] something is wrong.
type Error struct {
	At  int // offset of the value's first byte
	Why string
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.At, e.Why) }

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Reset makes r read b from its start and forgets the error.
func (r *Reader) Reset(b []byte) { *r = Reader{buf: b} }

// Err returns the first error, nil if there was none.
func (r *Reader) Err() error { return r.err }

// Fail stops the reader with err, unless it has an error already: callers use
// it for what is well-formed and still wrong.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.pos = len(r.buf)
}

// Len returns how many bytes are left, 0 after an error.
func (r *Reader) Len() int { return len(r.buf) - r.pos }

// Advance passes over n bytes, which the caller knows to be whole values.
func (r *Reader) Advance(n int) { r.take(uint64(n)) }

// Kind tells what the next value is without reading it.
func (r *Reader) Kind() Kind {
	if r.pos >= len(r.buf) {
		return Invalid
	}
	c := r.buf[r.pos]
	k := kindOf(c)
	if k == Ext {
		if i := r.pos + 1 + extWidth(c); i < len(r.buf) && int8(r.buf[i]) == extTime {
			return Time
		}
	}
	return k
}

// Nil reads a nil if it comes next and says whether it did.
func (r *Reader) Nil() bool {
	if r.pos < len(r.buf) && r.buf[r.pos] == codeNil {
		r.pos++
		return true
	}
	return false
}

// Bool reads a bool.
func (r *Reader) Bool() bool {
	at := r.pos
	c := r.code()
	if c != codeTrue && c != codeFalse {
		r.mismatch(at, Bool, c)
	}
	return c == codeTrue
}

// Int reads an integer that fits into an int64. Callers check narrower ranges.
func (r *Reader) Int() int64 {
	at := r.pos
	v, signed := r.integer()
	if !signed && v > math.MaxInt64 {
		r.failf(at, "integer %d is out of range", v)
		return 0
	}
	return int64(v)
}

// Uint reads an integer that is not negative.
func (r *Reader) Uint() uint64 {
	at := r.pos
	v, signed := r.integer()
	if signed && int64(v) < 0 {
		r.failf(at, "integer %d is out of range", int64(v))
		return 0
	}
	return v
}

// integer reads an integer of any form. The bits are those of an int64 when
// the form is signed.
func (r *Reader) integer() (v uint64, signed bool) {
	at := r.pos
	c := r.code()
	if c < fixMap || c >= negFixInt {
		return uint64(int64(int8(c))), true
	}
	switch c {
	case uint8Code:
		return r.big(1), false
	case uint16Code:
		return r.big(2), false
	case uint32Code:
		return r.big(4), false
	case uint64Code:
		return r.big(8), false
	case int8Code:
		return uint64(int64(int8(r.big(1)))), true
	case int16Code:
		return uint64(int64(int16(r.big(2)))), true
	case int32Code:
		return uint64(int64(int32(r.big(4)))), true
	case int64Code:
		return r.big(8), true
	}
	r.mismatch(at, Int, c)
	return 0, false
}

// Float32 reads a float of four bytes; one of eight would lose digits.
func (r *Reader) Float32() float32 {
	at := r.pos
	if c := r.code(); c != float32Code {
		r.mismatch(at, Float, c)
		return 0
	}
	return math.Float32frombits(uint32(r.big(4)))
}

// Float64 reads a float of either width.
func (r *Reader) Float64() float64 {
	at := r.pos
	switch c := r.code(); c {
	case float32Code:
		return float64(math.Float32frombits(uint32(r.big(4))))
	case float64Code:
		return math.Float64frombits(r.big(8))
	default:
		r.mismatch(at, Float, c)
		return 0
	}
}

// String reads a string, which need not be valid UTF-8.
func (r *Reader) String() string {
	at := r.pos
	c := r.code()
	if kindOf(c) != String {
		r.mismatch(at, String, c)
		return ""
	}
	return string(r.text(c))
}

// Bytes reads binary data into a slice of its own, nil when there are none.
func (r *Reader) Bytes() []byte {
	at := r.pos
	c := r.code()
	if kindOf(c) != Bytes {
		r.mismatch(at, Bytes, c)
		return nil
	}
	return append([]byte(nil), r.take(r.big(1<<(c-bin8)))...)
}

// View reads a string or binary data and gives its bytes in the input.
func (r *Reader) View() []byte {
	at := r.pos
	switch c := r.code(); kindOf(c) {
	case String:
		return r.text(c)
	case Bytes:
		return r.take(r.big(1 << (c - bin8)))
	default:
		r.mismatch(at, String, c)
		return nil
	}
}

// Array reads the beginning of an array and gives the number of its elements.
// A number that the bytes left cannot hold is an error, so a caller may
// allocate by it.
func (r *Reader) Array() int {
	at := r.pos
	switch c := r.code(); {
	case c&0xf0 == fixArray:
		return r.fits(uint64(c&0x0f), 1)
	case c == array16, c == array32:
		return r.fits(r.big(2<<(c-array16)), 1)
	default:
		r.mismatch(at, Array, c)
		return 0
	}
}

// Map reads the beginning of a map and gives the number of its pairs, bounded
// as for [Reader.Array].
func (r *Reader) Map() int {
	at := r.pos
	switch c := r.code(); {
	case c&0xf0 == fixMap:
		return r.fits(uint64(c&0x0f), 2)
	case c == map16, c == map32:
		return r.fits(r.big(2<<(c-map16)), 2)
	default:
		r.mismatch(at, Map, c)
		return 0
	}
}

// Time reads an instant, in UTC.
func (r *Reader) Time() time.Time {
	at := r.pos
	if k := r.Kind(); k != Time {
		r.mismatch(at, Time, r.code())
		return time.Time{}
	}
	var sec, nsec uint64
	switch _, p := r.Ext(); len(p) {
	case 4:
		sec = uint64(binary.BigEndian.Uint32(p))
	case 8:
		v := binary.BigEndian.Uint64(p)
		sec, nsec = v&(1<<34-1), v>>34
	case 12:
		sec, nsec = binary.BigEndian.Uint64(p[4:]), uint64(binary.BigEndian.Uint32(p))
	default:
		r.failf(at, "time of %d bytes", len(p))
		return time.Time{}
	}
	if nsec >= 1e9 {
		r.failf(at, "time with %d nanoseconds", nsec)
		return time.Time{}
	}
	return time.Unix(int64(sec), int64(nsec)).UTC()
}

// Ext reads an extension and gives its type and its data in the input. An
// instant has the type -1.
func (r *Reader) Ext() (int8, []byte) {
	at := r.pos
	c := r.code()
	if kindOf(c) != Ext {
		r.mismatch(at, Ext, c)
		return 0, nil
	}
	n := uint64(1)
	if w := extWidth(c); w > 0 {
		n = r.big(w)
	} else {
		n <<= c - fixExt1
	}
	p := r.take(n + 1)
	if p == nil {
		return 0, nil
	}
	return int8(p[0]), p[1:]
}

// code reads the first byte of a value. At the end it fails and gives
// codeNone, which no caller takes for a value.
func (r *Reader) code() byte {
	if r.pos < len(r.buf) {
		r.pos++
		return r.buf[r.pos-1]
	}
	return r.short()
}

// text reads the rest of a string whose first byte was c.
func (r *Reader) text(c byte) []byte {
	if c < codeNil {
		return r.take(uint64(c & 0x1f))
	}
	return r.take(r.big(1 << (c - str8)))
}

// fits refuses a count of things that take at least so many bytes each when
// fewer are left.
func (r *Reader) fits(n uint64, least uint64) int {
	if n*least <= uint64(r.Len()) {
		return int(n)
	}
	r.failf(r.pos, "length %d where %d bytes are left", n, r.Len())
	return 0
}

// big reads an unsigned integer of 1, 2, 4 or 8 bytes.
func (r *Reader) big(width int) uint64 {
	if r.Len() < width {
		r.short()
		return 0
	}
	p := r.buf[r.pos:]
	r.pos += width
	switch width {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	}
	return binary.BigEndian.Uint64(p)
}

// take reads n bytes, which the caller cannot extend into what follows.
func (r *Reader) take(n uint64) []byte {
	at, end := r.pos, r.pos+int(n)
	if n > uint64(len(r.buf)-at) {
		r.short()
		return nil
	}
	r.pos = end
	return r.buf[at:end:end]
}

// short fails because the input ends too early. It stays out of its callers,
// so that they can be inlined.
//
//go:noinline
func (r *Reader) short() byte {
	r.failf(r.pos, "input ends within a value")
	return codeNone
}

// extWidth returns how many bytes of length stand before an extension's type.
func extWidth(c byte) int {
	if c <= ext32 {
		return 1 << (c - ext8)
	}
	return 0
}

func (r *Reader) mismatch(at int, want Kind, c byte) {
	if have := kindOf(c); have != Invalid {
		r.failf(at, "%s where %s is expected", have, want)
		return
	}
	r.failf(at, "byte %#02x begins no value", c)
}

func (r *Reader) failf(at int, format string, args ...any) {
	if r.err == nil {
		r.Fail(&Error{At: at, Why: fmt.Sprintf(format, args...)})
	}
}
