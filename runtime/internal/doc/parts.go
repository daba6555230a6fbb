package doc

import (
	"bytes"
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// partsLeaf is the table of an array or a slice that is one value; nil when its
// elements are no leaves. Where they have codecs, the whole is encoded.
func partsLeaf(t reflect.Type) *leaf {
	elem, ok := leafOf(t.Elem())
	switch {
	case !ok:
		return nil
	case elem.codec != nil, t.Kind() == reflect.Array && !fixed(t.Elem()):
		return codedLeaf(t, partsCodec(elem))
	case t.Kind() == reflect.Array:
		return arrayLeaf(t, elem)
	}
	return sliceLeaf(t, elem)
}

// fixed tells whether values of a leaf's type hold no memory that could be
// shared, so that an array of them can be handed out as it is.
func fixed(t reflect.Type) bool {
	if t.Kind() == reflect.Array {
		return fixed(t.Elem())
	}
	return t == timeType || scalarLeaf(t.Kind()) != nil
}

// elementOf is leafOf for the elements of a list. There are columns of memory
// for few arrays; the others are kept encoded.
func elementOf(t reflect.Type) (*leaf, bool) {
	l, ok := leafOf(t)
	if ok && l.column == nil {
		whole := l
		l = codedLeaf(t, leafCodec(whole))
		l.typ = t
	}
	return l, ok
}

// arrayLeaf is the table of an array of a fixed number of fixed values.
func arrayLeaf(t reflect.Type, elem *leaf) *leaf {
	n, size := t.Len(), t.Elem().Size()
	at := func(p unsafe.Pointer, i int) unsafe.Pointer { return unsafe.Add(p, uintptr(i)*size) }
	head := func(r *wire.Reader) bool {
		if got := r.Array(); got != n && r.Err() == nil {
			r.Fail(errLength(got, t))
		}
		return r.Err() == nil
	}
	return &leaf{
		flat: elem.flat,
		equal: func(a, b unsafe.Pointer) bool {
			for i := range n {
				if !elem.equal(at(a, i), at(b, i)) {
					return false
				}
			}
			return true
		},
		append: func(b []byte, p unsafe.Pointer) []byte {
			b = wire.AppendArray(b, n)
			for i := range n {
				b = elem.append(b, at(p, i))
			}
			return b
		},
		read: func(r *wire.Reader, p unsafe.Pointer) {
			if head(r) {
				for i := range n {
					elem.read(r, at(p, i))
				}
			}
		},
		check: func(r *wire.Reader) {
			if head(r) {
				for range n {
					elem.check(r)
				}
			}
		},
		copy: func(dst, src unsafe.Pointer) {
			for i := range n {
				elem.copy(at(dst, i), at(src, i))
			}
		},
	}
}

// byteArrayLeaf is the table of an array of bytes, such as an id or a digest.
func byteArrayLeaf(t reflect.Type) *leaf {
	n := t.Len()
	view := func(p unsafe.Pointer) []byte { return unsafe.Slice((*byte)(p), n) }
	read := func(r *wire.Reader) []byte {
		b := r.View()
		if len(b) != n && r.Err() == nil {
			r.Fail(errLength(len(b), t))
		}
		return b
	}
	l := &leaf{
		flat:   true,
		equal:  func(a, b unsafe.Pointer) bool { return bytes.Equal(view(a), view(b)) },
		append: func(b []byte, p unsafe.Pointer) []byte { return wire.AppendBytes(b, view(p)) },
		read: func(r *wire.Reader, p unsafe.Pointer) {
			if b := read(r); r.Err() == nil {
				copy(view(p), b)
			}
		},
		check: func(r *wire.Reader) { read(r) },
		copy:  func(dst, src unsafe.Pointer) { copy(view(dst), view(src)) },
	}
	if n == 16 {
		l.column = func() cells { return new(column[[16]byte]) }
	}
	return l
}
