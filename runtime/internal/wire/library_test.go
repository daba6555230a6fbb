package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// The trees that both readers build, so that they can be compared. Integers
// are int64 where they fit and uint64 above, floats are kept as their bits.
type (
	f32   uint32
	f64   uint64
	seq   []any
	pairs []any // keys and values in turn: order and doubles are kept
	ext   struct {
		Type int8
		Data []byte
	}
)

var errOdd = errors.New("the library normalises what we refuse")

// FuzzAgainstLibrary holds this package equal to the library: what either of
// them reads the other reads too, as the same value, and both write the same
// bytes for it.
func FuzzAgainstLibrary(f *testing.F) {
	for _, s := range []any{nil, true, -1, 200, 70000, int64(math.MinInt64), uint64(math.MaxUint64), 1.5, float32(2.5), "text", []byte("bytes"),
		[]any{1, "a", []any{}}, map[string]any{"k": 1}, time.Unix(1, 2), time.Unix(-1, 0), time.Unix(1<<33, 0)} {
		b, err := msgpack.Marshal(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\xc7\x03\x05abc"))
	f.Add([]byte("\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		rest := bytes.NewReader(in)
		want, libErr := libraryTree(msgpack.NewDecoder(rest), 0)
		r := NewReader(in)
		got := readerTree(r, 0)
		if errors.Is(libErr, errOdd) {
			return
		}
		if (libErr == nil) != (r.Err() == nil) {
			t.Fatalf("library says %v, reader says %v", libErr, r.Err())
		}
		if libErr != nil {
			return
		}
		if !reflect.DeepEqual(want, got) { // cmp takes for ever on deep nesting
			t.Fatalf("library reads %v, reader %v", want, got)
		}
		if r.Len() != rest.Len() {
			t.Fatalf("%d bytes left, the library leaves %d", r.Len(), rest.Len())
		}
		raw := NewReader(in).Raw()
		if len(raw) != len(in)-rest.Len() {
			t.Fatalf("raw value has %d bytes of %d", len(raw), len(in)-rest.Len())
		}
		mine := appendTree(nil, got)
		var theirs bytes.Buffer
		if err := encodeTree(msgpack.NewEncoder(&theirs), got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(mine, theirs.Bytes()) {
			t.Fatalf("appended % x, the library writes % x", mine, theirs.Bytes())
		}
	})
}

const treeDepth = 1000

func libraryTree(d *msgpack.Decoder, depth int) (any, error) {
	c, err := d.PeekCode()
	if err != nil {
		return nil, err
	}
	switch k := kindOf(c); k {
	case Nil:
		return nil, d.DecodeNil()
	case Bool:
		return d.DecodeBool()
	case Int:
		if c == msgpcode.Uint64 {
			v, err := d.DecodeUint64()
			return integer(v), err
		}
		return d.DecodeInt64()
	case Float:
		if c == msgpcode.Float {
			v, err := d.DecodeFloat32()
			return f32(math.Float32bits(v)), err
		}
		v, err := d.DecodeFloat64()
		return f64(math.Float64bits(v)), err
	case String, Bytes:
		n, err := d.DecodeBytesLen()
		if err != nil {
			return nil, err
		}
		v, err := libraryRead(d, n)
		if k == String {
			return string(v), err
		}
		return v, err
	case Ext:
		return libraryExt(d)
	case Array, Map:
		return libraryContainer(d, k, depth)
	}
	return nil, errors.New("begins no value")
}

func libraryContainer(d *msgpack.Decoder, k Kind, depth int) (any, error) {
	if depth == treeDepth {
		return nil, errOdd
	}
	n, err := 0, error(nil)
	if k == Array {
		n, err = d.DecodeArrayLen()
	} else {
		n, err = d.DecodeMapLen()
		n *= 2
	}
	all := seq{}
	for ; n > 0 && err == nil; n-- {
		var v any
		v, err = libraryTree(d, depth+1)
		all = append(all, v)
	}
	if k == Map {
		return pairs(all), err
	}
	return all, err
}

func libraryExt(d *msgpack.Decoder) (any, error) {
	typ, n, err := d.DecodeExtHeader()
	if err != nil {
		return nil, err
	}
	data, err := libraryRead(d, n)
	if err != nil || typ != extTime {
		return ext{typ, data}, err
	}
	when, err := msgpack.NewDecoder(bytes.NewReader(AppendExt(nil, typ, data))).DecodeTime()
	if n == 8 && data[0] >= 0xee || n == 12 && data[0] >= 0x3b {
		return nil, errOdd // perhaps a second or more of nanoseconds
	}
	return when.UTC(), err
}

// libraryRead reads n bytes. The library's own DecodeString and DecodeBytes
// allocate what the length says, 4 GiB for an input of five bytes.
func libraryRead(d *msgpack.Decoder, n int) ([]byte, error) {
	if n > 1<<16 {
		return nil, io.ErrUnexpectedEOF // no input of this test is so long
	}
	data := make([]byte, n)
	return data, d.ReadFull(data)
}

func integer(v uint64) any {
	if v <= math.MaxInt64 {
		return int64(v)
	}
	return v
}

func readerTree(r *Reader, depth int) any {
	switch r.Kind() {
	case Nil:
		r.Nil()
		return nil
	case Bool:
		return r.Bool()
	case Int:
		if at := *r; at.Uint() > math.MaxInt64 {
			return r.Uint()
		}
		return r.Int()
	case Float:
		if r.buf[r.pos] == float32Code {
			return f32(math.Float32bits(r.Float32()))
		}
		return f64(math.Float64bits(r.Float64()))
	case String:
		return r.String()
	case Bytes:
		return append([]byte{}, r.Bytes()...)
	case Time:
		return r.Time()
	case Ext:
		typ, p := r.Ext()
		return ext{typ, append([]byte{}, p...)}
	case Array, Map:
		if depth == treeDepth {
			r.Fail(errOdd)
			return nil
		}
		isMap, n := r.Kind() == Map, 0
		if isMap {
			n = 2 * r.Map()
		} else {
			n = r.Array()
		}
		all := make(seq, 0, n) // safe: n is bounded by the input
		for ; n > 0 && r.Err() == nil; n-- {
			all = append(all, readerTree(r, depth+1))
		}
		if isMap {
			return pairs(all)
		}
		return all
	}
	r.Skip() // fails
	return nil
}

func appendTree(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return AppendNil(b)
	case bool:
		return AppendBool(b, v)
	case int64:
		return AppendInt(b, v)
	case uint64:
		return AppendUint(b, v)
	case f32:
		return AppendFloat32(b, math.Float32frombits(uint32(v)))
	case f64:
		return AppendFloat64(b, math.Float64frombits(uint64(v)))
	case string:
		return AppendString(b, v)
	case []byte:
		return AppendBytes(b, v)
	case time.Time:
		return AppendTime(b, v)
	case ext:
		return AppendExt(b, v.Type, v.Data)
	case seq:
		b = AppendArray(b, len(v))
		for _, e := range v {
			b = appendTree(b, e)
		}
		return b
	case pairs:
		b = AppendMap(b, len(v)/2)
		for _, e := range v {
			b = appendTree(b, e)
		}
		return b
	}
	panic("no such tree")
}

func encodeTree(e *msgpack.Encoder, v any) error {
	switch v := v.(type) {
	case nil:
		return e.EncodeNil()
	case bool:
		return e.EncodeBool(v)
	case int64:
		return e.EncodeInt(v)
	case uint64:
		return e.EncodeUint(v)
	case f32:
		return e.EncodeFloat32(math.Float32frombits(uint32(v)))
	case f64:
		return e.EncodeFloat64(math.Float64frombits(uint64(v)))
	case string:
		return e.EncodeString(v)
	case []byte:
		return e.EncodeBytes(v)
	case time.Time:
		return e.EncodeTime(v)
	case ext:
		if err := e.EncodeExtHeader(v.Type, len(v.Data)); err != nil {
			return err
		}
		_, err := e.Writer().Write(v.Data)
		return err
	case seq:
		err := e.EncodeArrayLen(len(v))
		for i := 0; i < len(v) && err == nil; i++ {
			err = encodeTree(e, v[i])
		}
		return err
	case pairs:
		err := e.EncodeMapLen(len(v) / 2)
		for i := 0; i < len(v) && err == nil; i++ {
			err = encodeTree(e, v[i])
		}
		return err
	}
	panic("no such tree")
}

// FuzzReader calls any methods in any order on any input.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x93\x01\xa1a\xc0"), []byte{9, 2, 5, 0})
	f.Add([]byte("\xdf\xff\xff\xff\xff"), []byte{10})
	f.Add([]byte("\xc6\xff\xff\xff\xffabc"), []byte{7, 14})
	f.Fuzz(func(t *testing.T, in, calls []byte) {
		before := bytes.Clone(in)
		r := NewReader(in)
		given := 0 // bytes that the reader handed out or let be allocated
		for _, c := range calls {
			left, failed := r.Len(), r.Err() != nil
			n := call(r, c)
			given += n
			switch {
			case n < 0 || n > left:
				t.Fatalf("call %d gives %d of %d bytes", c%15, n, left)
			case r.Len() > left || r.Len() < 0:
				t.Fatalf("call %d goes from %d bytes left to %d", c%15, left, r.Len())
			case failed && n != 0, r.Err() != nil && r.Len() != 0:
				t.Fatal("the reader goes on after its error")
			}
		}
		if given > len(in) {
			t.Fatalf("%d bytes out of %d", given, len(in))
		}
		if !bytes.Equal(in, before) {
			t.Fatal("the input was changed")
		}
	})
}

// call makes one of the reader's calls and returns how many bytes its result
// has. The count of an array or a map says nothing about bytes read, but may
// not be above what is left, so it is checked here.
func call(r *Reader, c byte) int {
	left := r.Len()
	switch c % 15 {
	case 0:
		r.Nil()
	case 1:
		r.Bool()
	case 2:
		r.Int()
	case 3:
		r.Uint()
	case 4:
		r.Float32()
	case 5:
		r.Float64()
	case 6:
		return len(r.String())
	case 7:
		return len(r.Bytes())
	case 8:
		return len(r.View())
	case 9:
		if r.Array() > left {
			return -1
		}
	case 10:
		if 2*r.Map() > left {
			return -1
		}
	case 11:
		r.Time()
	case 12:
		_, p := r.Ext()
		return len(p)
	case 13:
		r.Skip()
	case 14:
		return len(r.Raw())
	}
	return 0
}
