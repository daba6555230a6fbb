package doc

import (
	"bytes"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// shelfMark writes its own msgpack, which holds whatever msgpack has.
type shelfMark struct {
	Words []string
	More  map[string]any
}

func (s *shelfMark) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeMulti(s.Words, s.More) }

func (s *shelfMark) DecodeMsgpack(d *msgpack.Decoder) error { return d.DecodeMulti(&s.Words, &s.More) }

// pack writes itself as one value.
type pack struct{ Any any }

func (p *pack) EncodeMsgpack(e *msgpack.Encoder) error { return e.Encode(p.Any) }
func (p *pack) DecodeMsgpack(d *msgpack.Decoder) (err error) {
	p.Any, err = d.DecodeInterface()
	return err
}

// leaves are types of every sort of leaf that is not stored by its kind alone.
var leaves = []reflect.Type{
	reflect.TypeFor[pack](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[url.URL](), reflect.TypeFor[big.Int](), reflect.TypeFor[big.Float](),
	reflect.TypeFor[[3]int](), reflect.TypeFor[[5]byte](), reflect.TypeFor[[2]netip.Addr](), reflect.TypeFor[[]netip.Addr](), reflect.TypeFor[[2][]byte](),
}

// FuzzLeaf reads any bytes as a value of every such type. Whatever they claim,
// it ends with an error or with a value that is written as the same bytes, or as
// bytes that are read as the same value.
func FuzzLeaf(f *testing.F) {
	for _, seed := range [][]byte{
		{0xc0}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdb, 0xff, 0xff, 0xff, 0xff}, {0xc6, 0xff, 0xff, 0xff, 0xff},
		{0xc4, 4, 10, 0, 0, 1}, {0x93, 1, 2, 3}, {0xc4, 5, 1, 2, 3, 4, 5}, {0xd8, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		{0x92, 0xc4, 4, 10, 0, 0, 1, 0xc0}, {0xc4, 1, 'a'}, {0x81, 0xa1, 'k', 0x91, 0xd4, 2, 0}, bytes.Repeat([]byte{0x91}, 20_000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range leaves {
			l, ok := leafOf(typ)
			if !ok {
				t.Fatalf("%s is no leaf", typ)
			}
			cell := l.cell()
			r := wire.NewReader(b)
			if l.read(r, cell); r.Err() != nil {
				continue
			}
			again := l.cell()
			written := l.append(nil, cell)
			r = wire.NewReader(written)
			if l.read(r, again); r.Err() != nil || r.Len() > 0 || !l.equal(cell, again) {
				t.Fatalf("%s: %x is written as %x, and read as something else: %v", typ, b, written, r.Err())
			}
			p := reflect.New(typ)
			l.show(p.UnsafePointer(), cell)
		}
	})
}

// TestOwnValue holds what a codec of msgpack may not write.
func TestOwnValue(t *testing.T) {
	l, _ := leafOf(reflect.TypeFor[pack]())
	for _, c := range []struct {
		any any
		ok  bool
	}{
		{"text", true}, {[]any{1, map[string]any{"a": []any{nil}}}, true},
		{msgpack.RawMessage{0xd4, extNode, 0}, false}, {[]any{msgpack.RawMessage{0xd4, extKeys, 0}}, false},
		{msgpack.RawMessage{1, 2}, false}, {msgpack.RawMessage{0xdd, 0xff, 0xff, 0xff, 0xff}, false}, {msgpack.RawMessage{}, false},
	} {
		if _, err := l.codec.value(reflect.ValueOf(&pack{c.any})); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.any, err)
		}
	}
	if c := codecOf(reflect.TypeFor[shelfMark]()); c == nil {
		t.Error("no codec")
	} else if _, err := c.value(reflect.ValueOf(&shelfMark{Words: []string{"a"}})); err == nil {
		t.Error(fmt.Errorf("two values passed for one"))
	}
}
