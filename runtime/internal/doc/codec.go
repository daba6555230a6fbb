package doc

import (
	"encoding"
	"encoding/gob"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Coded is the state of a value whose type has a codec: the value in the
// stored form. It is never decoded in place, so that nobody can change what a
// getter gave and change the document with it. Empty is the zero value of the
// type.
type Coded struct{ raw string }

// codec encodes values of one type as one msgpack value each, and decodes them.
// Both run user code, so neither may be trusted: see [codec.value].
type codec struct {
	encode func(b []byte, p reflect.Value) ([]byte, error) // p points to the value
	decode func(r *wire.Reader, p reflect.Value) error     // reads one value that Raw has checked
}

// ErrCodec: a type's own codec refused a value.
var ErrCodec = errors.New("the value cannot be encoded")

// registered are the codecs that users gave for types without one.
var registered struct {
	sync.RWMutex
	m map[reflect.Type]*codec
}

// Register makes t a leaf. It panics when t is one already.
func Register(t reflect.Type, encode func(p reflect.Value) ([]byte, error), decode func(b []byte, p reflect.Value) error) {
	registered.Lock()
	defer registered.Unlock()
	if registered.m == nil {
		registered.m = map[reflect.Type]*codec{}
	}
	if registered.m[t] != nil {
		panic(fmt.Sprintf("destam: %s is registered twice", t))
	}
	registered.m[t] = bytesCodec(encode, decode)
}

var (
	customEncoder   = reflect.TypeFor[msgpack.CustomEncoder]()
	customDecoder   = reflect.TypeFor[msgpack.CustomDecoder]()
	packMarshaler   = reflect.TypeFor[msgpack.Marshaler]()
	packUnmarshaler = reflect.TypeFor[msgpack.Unmarshaler]()
	binMarshaler    = reflect.TypeFor[encoding.BinaryMarshaler]()
	binUnmarshaler  = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	gobEncoder      = reflect.TypeFor[gob.GobEncoder]()
	gobDecoder      = reflect.TypeFor[gob.GobDecoder]()
)

func registeredCodec(t reflect.Type) *codec {
	registered.RLock()
	defer registered.RUnlock()
	return registered.m[t]
}

// codecOf gives the codec of t: the registered one, msgpack's, the binary or
// the text one, the first that there is in this order; nil for none.
func codecOf(t reflect.Type) *codec {
	c := registeredCodec(t)
	p := reflect.PointerTo(t)
	has := func(both ...reflect.Type) bool { return p.Implements(both[0]) && p.Implements(both[1]) }
	switch {
	case c != nil:
		return c
	case has(customEncoder, customDecoder), has(packMarshaler, packUnmarshaler):
		return packCodec()
	case t.PkgPath() == "math/big" && has(gobEncoder, gobDecoder):
		// The text of a big.Float does not have its precision.
		return bytesCodec(
			func(p reflect.Value) ([]byte, error) { return p.Interface().(gob.GobEncoder).GobEncode() },
			func(b []byte, p reflect.Value) error { return p.Interface().(gob.GobDecoder).GobDecode(b) })
	case has(binMarshaler, binUnmarshaler):
		return bytesCodec(
			func(p reflect.Value) ([]byte, error) {
				return p.Interface().(encoding.BinaryMarshaler).MarshalBinary()
			},
			func(b []byte, p reflect.Value) error {
				return p.Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b)
			})
	case has(textMarshaler, textUnmarshaler):
		return textCodec()
	}
	return nil
}

// bytesCodec stores what a codec gives as bytes.
func bytesCodec(encode func(reflect.Value) ([]byte, error), decode func([]byte, reflect.Value) error) *codec {
	return &codec{
		encode: func(b []byte, p reflect.Value) ([]byte, error) {
			v, err := encode(p)
			return wire.AppendBytes(b, v), err
		},
		decode: func(r *wire.Reader, p reflect.Value) error {
			if r.Kind() != wire.Bytes {
				return fmt.Errorf("%s where bytes belong", r.Kind())
			}
			return decode(r.Bytes(), p)
		},
	}
}

func textCodec() *codec {
	return &codec{
		encode: func(b []byte, p reflect.Value) ([]byte, error) {
			v, err := p.Interface().(encoding.TextMarshaler).MarshalText()
			return wire.AppendString(b, string(v)), err
		},
		decode: func(r *wire.Reader, p reflect.Value) error {
			if r.Kind() != wire.String {
				return fmt.Errorf("%s where text belongs", r.Kind())
			}
			return p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(r.String()))
		},
	}
}

// packCodec is that of a type which writes msgpack itself. The library
// allocates by the lengths that its input claims: [codec.read] has made sure
// that they are true.
func packCodec() *codec {
	return &codec{
		encode: func(b []byte, p reflect.Value) ([]byte, error) {
			v, err := msgpack.Marshal(p.Interface())
			if err == nil {
				err = ownValue(v)
			}
			return append(b, v...), err
		},
		decode: func(r *wire.Reader, p reflect.Value) error {
			return msgpack.Unmarshal(r.Raw(), p.Interface())
		},
	}
}

// ownValue checks that b is one value, which nobody can take for a node or for
// positions.
func ownValue(b []byte) error {
	r := wire.NewReader(b)
	r.Skip()
	if r.Err() == nil && r.Len() > 0 {
		return errTooMany(r.Len())
	}
	if r.Err() != nil {
		return r.Err()
	}
	return foreign(wire.NewReader(b))
}

// foreign refuses the extension types that are ours. The input is one whole
// value, found to be sound and not too deep.
func foreign(r *wire.Reader) error {
	n := 0
	switch r.Kind() {
	case wire.Ext:
		if typ, _ := r.Ext(); typ >= extKeys && typ <= extKey {
			return fmt.Errorf("extension type %d of msgpack has another meaning in a document", typ)
		}
	case wire.Array:
		n = r.Array()
	case wire.Map:
		n = 2 * r.Map()
	default:
		r.Skip()
	}
	for range n {
		if err := foreign(r); err != nil {
			return err
		}
	}
	return nil
}

// write encodes the value that p points to. Zero is nil: it needs no codec,
// and many have none for it.
func (c *codec) write(b []byte, p reflect.Value) (_ []byte, err error) {
	if p.Elem().IsZero() {
		return wire.AppendNil(b), nil
	}
	defer guard(&err)
	return c.encode(b, p)
}

// read decodes one value into the zero value that p points to.
func (c *codec) read(r *wire.Reader, p reflect.Value) (err error) {
	raw := r.Raw()
	if r.Err() != nil {
		return r.Err()
	}
	own := wire.NewReader(raw)
	if own.Nil() {
		return nil
	}
	defer guard(&err)
	return c.decode(own, p)
}

// guard turns a panic of user code into an error: the document may be locked.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the codec panicked: %v", r)
	}
}

// value encodes the value that p points to and decodes it again: what a
// document has can always be read and stored.
func (c *codec) value(p reflect.Value) (Coded, error) {
	b, err := c.write(nil, p)
	again := reflect.New(p.Type().Elem())
	if err == nil {
		err = c.read(wire.NewReader(b), again)
	}
	if err != nil {
		return Coded{}, fmt.Errorf("%w: %s: %w", ErrCodec, p.Type().Elem(), err)
	}
	if again.Elem().IsZero() {
		return Coded{}, nil
	}
	return Coded{string(b)}, nil
}

// codedLeaf is the table of a type with a codec. Its cells are Coded; copy is
// that of cells, show decodes one into a plain value.
func codedLeaf(t reflect.Type, c *codec) *leaf {
	zero := string(wire.AppendNil(nil))
	l := scalar(
		func(b []byte, v Coded) []byte {
			if v.raw == "" {
				return append(b, zero...)
			}
			return append(b, v.raw...)
		},
		func(r *wire.Reader) Coded {
			raw := r.Raw()
			if r.Err() != nil || string(raw) == zero {
				return Coded{}
			}
			if err := c.read(wire.NewReader(raw), reflect.New(t)); err != nil {
				r.Fail(fmt.Errorf("a %s cannot be decoded: %w", t, err))
			}
			return Coded{string(raw)}
		})
	l.codec, l.flat = c, false
	l.show = func(dst, src unsafe.Pointer) { c.show(reflect.NewAt(t, dst), *(*Coded)(src)) }
	return l
}

// show decodes a value into *p. It was decoded when it came into the document;
// a codec that cannot do it again gives zero.
func (c *codec) show(p reflect.Value, v Coded) {
	p.Elem().SetZero()
	if v.raw != "" && c.read(wire.NewReader([]byte(v.raw)), p) != nil {
		p.Elem().SetZero()
	}
}

// partsCodec is that of an array or a slice as one value whose elements have
// the table elem.
func partsCodec(elem *leaf) *codec {
	return &codec{
		encode: func(b []byte, p reflect.Value) (_ []byte, err error) {
			v := p.Elem()
			b = wire.AppendArray(b, v.Len())
			for i := range v.Len() {
				e := v.Index(i).Addr()
				if elem.codec == nil {
					b = elem.append(b, e.UnsafePointer())
				} else if b, err = elem.codec.write(b, e); err != nil {
					return nil, err
				}
			}
			return b, nil
		},
		decode: func(r *wire.Reader, p reflect.Value) error {
			v, n := p.Elem(), r.Array()
			if v.Kind() == reflect.Array && n != v.Len() && r.Err() == nil {
				return errLength(n, v.Type())
			}
			for i := range n {
				if v.Kind() == reflect.Slice {
					v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
				}
				e := v.Index(i).Addr()
				if elem.codec == nil {
					elem.read(r, e.UnsafePointer())
				} else if err := elem.codec.read(r, e); err != nil {
					return err
				}
				if r.Err() != nil {
					return r.Err()
				}
			}
			return r.Err()
		},
	}
}

func errLength(n int, t reflect.Type) error {
	return fmt.Errorf("%d elements where a %s belongs", n, t)
}

// leafCodec is the codec of a type that needs none, for lists of values that
// no column of memory is made for.
func leafCodec(l *leaf) *codec {
	return &codec{
		encode: func(b []byte, p reflect.Value) ([]byte, error) { return l.append(b, p.UnsafePointer()), nil },
		decode: func(r *wire.Reader, p reflect.Value) error {
			l.read(r, p.UnsafePointer())
			return r.Err()
		},
	}
}
