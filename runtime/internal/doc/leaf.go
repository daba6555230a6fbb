package doc

import (
	"bytes"
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// leaf tells how values of one Go type are compared, copied and written. It
// works on addresses, so that one table serves every field of that type
// without a generic instantiation for each: the pointers that it gets are
// always to a variable of its type, or of a type with the same layout.
type leaf struct {
	typ    reflect.Type
	equal  func(a, b unsafe.Pointer) bool
	append func(b []byte, p unsafe.Pointer) []byte
	write  func(b []byte, v any) []byte // append of what box gave; nil where only append can
	read   func(r *wire.Reader, p unsafe.Pointer)
	check  func(r *wire.Reader)          // read, and only fail
	box    func(p unsafe.Pointer) any    // a value of typ that shares no memory with *p
	unbox  func(p unsafe.Pointer, v any) // *p = v, v of typ, without sharing memory
	copy   func(dst, src unsafe.Pointer) // *dst = *src without sharing memory
	column func() cells                  // elements of a list of such values; nil where there is none
	flat   bool                          // copy is assignment
	size   size                          // the part of a Cell that it fits into
	none   any                           // the zero value, of types that fit

	// Of a type with a codec, what is in the state is Coded and all of the
	// above are of that. Other types look in the state as users know them.
	codec *codec
	show  func(dst, src unsafe.Pointer) // *dst = *src decoded; copy where there is no codec

	object *recast // of a former value that is an object today; else nil
}

// timeType is the type that is a leaf by name, not by kind.
var timeType = reflect.TypeFor[time.Time]()

// leafOf makes the table of t; ok is false when t is no leaf. What has a basic
// type or is bytes is stored as that, whatever methods it has; of the others, a
// codec counts more than what the type is made of.
func leafOf(t reflect.Type) (l *leaf, ok bool) {
	if t == timeType {
		l = timeLeaf()
	} else if l = plainLeaf(t); l == nil {
		if c := codecOf(t); c != nil {
			l = codedLeaf(t, c)
		} else if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
			l = partsLeaf(t)
		}
	}
	if l == nil {
		return nil, false
	}
	l.typ = t
	if l.codec != nil {
		return l, true
	}
	switch k := t.Kind(); {
	case k == reflect.String:
		l.size, l.none = texts, reflect.Zero(t).Interface()
	case k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uintptr:
		l.size, l.none = numbers, reflect.Zero(t).Interface()
	}
	l.show = l.copy
	// A named type has the layout of the one that the table was made for, but
	// users must get values of their own type.
	if l.box == nil || t.PkgPath() != "" && t != timeType {
		l.write = nil
		l.box = func(p unsafe.Pointer) any {
			v := reflect.New(t)
			l.copy(v.UnsafePointer(), p)
			return v.Elem().Interface()
		}
		l.unbox = func(p unsafe.Pointer, v any) {
			w := reflect.New(t)
			w.Elem().Set(reflect.ValueOf(v))
			l.copy(p, w.UnsafePointer())
		}
	}
	return l, true
}

// plainLeaf is the table of what is stored by its kind, nil for other types and
// for those that users have registered.
func plainLeaf(t reflect.Type) *leaf {
	switch {
	case registeredCodec(t) != nil:
		return nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return bytesLeaf()
	case t.Kind() == reflect.Array && t.Elem().Kind() == reflect.Uint8:
		return byteArrayLeaf(t)
	}
	return scalarLeaf(t.Kind())
}

// scalarLeaf is the table of a kind whose values are copied by assignment.
func scalarLeaf(k reflect.Kind) *leaf {
	switch k {
	case reflect.String:
		l := scalar(wire.AppendString, (*wire.Reader).String)
		l.check = checkString
		return l
	case reflect.Bool:
		return scalar(wire.AppendBool, (*wire.Reader).Bool)
	case reflect.Int:
		return signed[int]()
	case reflect.Int8:
		return signed[int8]()
	case reflect.Int16:
		return signed[int16]()
	case reflect.Int32:
		return signed[int32]()
	case reflect.Int64:
		return signed[int64]()
	case reflect.Uint:
		return unsigned[uint]()
	case reflect.Uint8:
		return unsigned[uint8]()
	case reflect.Uint16:
		return unsigned[uint16]()
	case reflect.Uint32:
		return unsigned[uint32]()
	case reflect.Uint64:
		return unsigned[uint64]()
	case reflect.Float32:
		l := scalar(wire.AppendFloat32, (*wire.Reader).Float32)
		l.equal = func(a, b unsafe.Pointer) bool { return sameFloat(float64(*(*float32)(a)), float64(*(*float32)(b))) }
		return l
	case reflect.Float64:
		l := scalar(wire.AppendFloat64, (*wire.Reader).Float64)
		l.equal = func(a, b unsafe.Pointer) bool { return sameFloat(*(*float64)(a), *(*float64)(b)) }
		return l
	}
	return nil
}

// scalar is the table of a comparable type that wire can write.
func scalar[T comparable](app func([]byte, T) []byte, read func(*wire.Reader) T) *leaf {
	return &leaf{
		equal:  func(a, b unsafe.Pointer) bool { return *(*T)(a) == *(*T)(b) },
		append: func(b []byte, p unsafe.Pointer) []byte { return app(b, *(*T)(p)) },
		write:  func(b []byte, v any) []byte { return app(b, v.(T)) },
		read:   func(r *wire.Reader, p unsafe.Pointer) { *(*T)(p) = read(r) },
		check:  func(r *wire.Reader) { read(r) },
		box:    func(p unsafe.Pointer) any { return *(*T)(p) },
		unbox:  func(p unsafe.Pointer, v any) { *(*T)(p) = v.(T) },
		copy:   func(dst, src unsafe.Pointer) { *(*T)(dst) = *(*T)(src) },
		column: func() cells { return new(column[T]) },
		flat:   true,
	}
}

func signed[T int | int8 | int16 | int32 | int64]() *leaf {
	return scalar(
		func(b []byte, v T) []byte { return wire.AppendInt(b, int64(v)) },
		func(r *wire.Reader) T {
			v := r.Int()
			if int64(T(v)) != v {
				r.Fail(fmt.Errorf("integer %d does not fit into %s", v, reflect.TypeFor[T]()))
			}
			return T(v)
		})
}

func unsigned[T uint | uint8 | uint16 | uint32 | uint64]() *leaf {
	return scalar(
		func(b []byte, v T) []byte { return wire.AppendUint(b, uint64(v)) },
		func(r *wire.Reader) T {
			v := r.Uint()
			if uint64(T(v)) != v {
				r.Fail(fmt.Errorf("integer %d does not fit into %s", v, reflect.TypeFor[T]()))
			}
			return T(v)
		})
}

// checkString passes over a string without making one.
func checkString(r *wire.Reader) {
	if r.Kind() == wire.String {
		r.Skip()
	} else {
		_ = r.String() // fails
	}
}

// sameFloat is equality for "nothing changed": a NaN equals itself.
func sameFloat(a, b float64) bool { return a == b || a != a && b != b }

func timeLeaf() *leaf {
	l := scalar(wire.AppendTime, (*wire.Reader).Time)
	l.flat = false
	l.equal = func(a, b unsafe.Pointer) bool { return (*time.Time)(a).Equal(*(*time.Time)(b)) }
	l.unbox = func(p unsafe.Pointer, v any) { *(*time.Time)(p) = Instant(v.(time.Time)) }
	l.copy = func(dst, src unsafe.Pointer) { *(*time.Time)(dst) = Instant(*(*time.Time)(src)) }
	return l
}

// Instant is t as documents keep it: UTC, no monotonic reading.
func Instant(t time.Time) time.Time { return t.Round(0).UTC() }

func bytesLeaf() *leaf {
	return &leaf{
		equal:  func(a, b unsafe.Pointer) bool { return bytes.Equal(*(*[]byte)(a), *(*[]byte)(b)) },
		append: func(b []byte, p unsafe.Pointer) []byte { return wire.AppendBytes(b, *(*[]byte)(p)) },
		read:   func(r *wire.Reader, p unsafe.Pointer) { *(*[]byte)(p) = CloneBytes(r.View()) },
		check:  func(r *wire.Reader) { r.View() },
		box:    func(p unsafe.Pointer) any { return CloneBytes(*(*[]byte)(p)) },
		unbox:  func(p unsafe.Pointer, v any) { *(*[]byte)(p) = CloneBytes(v.([]byte)) },
		copy:   func(dst, src unsafe.Pointer) { *(*[]byte)(dst) = CloneBytes(*(*[]byte)(src)) },
		column: func() cells { return new(column[[]byte]) },
	}
}

// CloneBytes copies b; nil and empty are the same and come back as nil.
func CloneBytes(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Clone(b)
}

// sliceLeaf is the table of a slice that is one value: an element of a list
// that is itself a slice. It goes by reflection: such values are rare.
func sliceLeaf(t reflect.Type, elem *leaf) *leaf {
	at := func(p unsafe.Pointer) reflect.Value { return reflect.NewAt(t, p).Elem() }
	addr := func(v reflect.Value, i int) unsafe.Pointer { return v.Index(i).Addr().UnsafePointer() }
	return &leaf{
		equal: func(a, b unsafe.Pointer) bool {
			x, y := at(a), at(b)
			if x.Len() != y.Len() {
				return false
			}
			for i := range x.Len() {
				if !elem.equal(addr(x, i), addr(y, i)) {
					return false
				}
			}
			return true
		},
		append: func(b []byte, p unsafe.Pointer) []byte {
			v := at(p)
			b = wire.AppendArray(b, v.Len())
			for i := range v.Len() {
				b = elem.append(b, addr(v, i))
			}
			return b
		},
		read: func(r *wire.Reader, p unsafe.Pointer) {
			v := at(p)
			v.SetZero()
			for range r.Array() {
				if r.Err() != nil {
					return
				}
				v.Set(reflect.Append(v, reflect.Zero(t.Elem())))
				elem.read(r, addr(v, v.Len()-1))
			}
		},
		check: func(r *wire.Reader) {
			for range r.Array() {
				if r.Err() != nil {
					return
				}
				elem.check(r)
			}
		},
		copy: func(dst, src unsafe.Pointer) {
			v := at(src)
			if v.Len() == 0 {
				at(dst).SetZero()
				return
			}
			w := reflect.MakeSlice(t, v.Len(), v.Len())
			for i := range v.Len() {
				elem.copy(addr(w, i), addr(v, i))
			}
			at(dst).Set(w)
		},
		// All slices look alike in memory; the list never looks inside.
		column: func() cells { return new(column[[]byte]) },
	}
}

// same compares two boxed values.
func (l *leaf) same(a, b any) bool {
	if l.codec != nil {
		return a == b
	}
	if l.flat { // without copies
		k := l.typ.Kind()
		if a == b || k != reflect.Float32 && k != reflect.Float64 {
			return a == b
		}
	}
	x, y := reflect.New(l.typ), reflect.New(l.typ)
	l.unbox(x.UnsafePointer(), a)
	l.unbox(y.UnsafePointer(), b)
	return l.equal(x.UnsafePointer(), y.UnsafePointer())
}
