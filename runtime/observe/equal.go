package observe

import (
	"math"
	"reflect"
)

// equality gives what tells whether two values of T are equal, see the
// package's comment. It is found once for each source: == where that is it.
func equality[T any]() func(a, b T) bool {
	for _, quick := range quickly {
		if f, ok := quick.(func(a, b T) bool); ok {
			return f
		}
	}
	if plain(reflect.TypeFor[T]()) {
		return func(a, b T) bool { return any(a) == any(b) }
	}
	return func(a, b T) bool {
		return equal(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem(), 0)
	}
}

// quickly has what compares values without a look at the type of each.
var quickly = []any{
	identical[bool], identical[string], identical[int], identical[int32], identical[int64], identical[uint64], sameFloat,
}

func identical[T comparable](a, b T) bool { return a == b }

// plain tells whether == compares values of t as we do, and cannot panic.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128, reflect.Interface:
		return false
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return t.Comparable()
}

func sameFloat(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

// deepest is how deep values are compared. What is nested deeper, such as a
// slice that contains itself, counts as different.
const deepest = 64

// equal compares two values of one type.
func equal(a, b reflect.Value, depth int) bool {
	if depth++; depth > deepest {
		return false
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return sameFloat(a.Float(), b.Float())
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return sameFloat(real(x), real(y)) && sameFloat(imag(x), imag(y))
	case reflect.Func:
		return a.IsNil() && b.IsNil()
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		if a.Kind() == reflect.Slice && a.Pointer() == b.Pointer() {
			return true
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i), depth) {
				return false
			}
		}
		return true
	case reflect.Map:
		return a.Len() == b.Len() && equalMaps(a, b, depth)
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		a, b = a.Elem(), b.Elem()
		return a.Type() == b.Type() && equal(a, b, depth)
	case reflect.Struct:
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i), depth) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// equalMaps is apart because its loop moves a and b to the heap.
func equalMaps(a, b reflect.Value, depth int) bool {
	for k, v := range a.Seq2() {
		w := b.MapIndex(k)
		if !w.IsValid() || !equal(v, w, depth) {
			return false
		}
	}
	return true
}

// maybe is a value that may be absent.
type maybe[T any] struct {
	v  T
	ok bool
}

// same tells whether two values are equal or both absent.
func same[T any](equal func(a, b T) bool, a T, had bool, b T, has bool) bool {
	return had == has && (!had || equal(a, b))
}
