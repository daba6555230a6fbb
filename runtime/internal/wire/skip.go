package wire

// MaxDepth is how deep arrays and maps may nest in what [Reader.Skip] and
// [Reader.Raw] pass over. It bounds the stack that hostile input can claim;
// encoding/json has the same bound.
const MaxDepth = 10_000

// Skip passes over the next value, whatever it is.
func (r *Reader) Skip() { r.skip(0) }

// Raw reads the next value, whatever it is, and gives its bytes in the input.
func (r *Reader) Raw() []byte {
	at := r.pos
	r.skip(0)
	if r.err != nil {
		return nil
	}
	return r.buf[at:r.pos:r.pos]
}

func (r *Reader) skip(depth int) {
	at := r.pos
	c := r.code()
	switch kindOf(c) {
	case Int, Float:
		r.take(scalarWidth(c))
	case Nil, Bool:
	case String:
		r.text(c)
	case Bytes:
		r.take(r.big(1 << (c - bin8)))
	case Ext:
		r.pos = at
		r.Ext()
	case Array, Map:
		if depth == MaxDepth {
			r.failf(at, "nested deeper than %d", MaxDepth)
			return
		}
		r.pos = at
		n := 0
		if kindOf(c) == Array {
			n = r.Array()
		} else {
			n = 2 * r.Map()
		}
		for ; n > 0 && r.err == nil; n-- {
			r.skip(depth + 1)
		}
	default:
		r.failf(at, "byte %#02x begins no value", c)
	}
}

// scalarWidth returns how many bytes follow the first one of a number.
func scalarWidth(c byte) uint64 {
	switch c {
	case uint8Code, int8Code:
		return 1
	case uint16Code, int16Code:
		return 2
	case uint32Code, int32Code, float32Code:
		return 4
	case uint64Code, int64Code, float64Code:
		return 8
	}
	return 0
}
