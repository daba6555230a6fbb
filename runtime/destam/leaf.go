package destam

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ErrCodec: the codec of a value's type gave an error, or panicked. Setters of
// such fields return it. Where a method has no error to return, it changes
// nothing and reports it to Options.OnError.
var ErrCodec = doc.ErrCodec

// Coded is the state of a value whose type has a codec. It is for generated
// code.
type Coded = doc.Coded

// Registered is what [RegisterLeaf] gives, so that it can be called where a
// package's variables are.
type Registered struct{}

// RegisterLeaf makes T a type that fields of documents can have: a value that is
// set, stored and compared as a whole. It is for types that are neither basic
// nor have a codec of their own, which are those with the methods of package
// encoding for bytes or text, or of msgpack for its own. It must be called
// before the first table is used, and destamgen must see it, with the type
// written out, in the package that has the fields:
//
//	var _ = destam.RegisterLeaf[money.Amount](encodeAmount, decodeAmount)
//
// What encode gives is stored for ever: decode must read it, also the one of
// next year's program. Both may be called by several goroutines, sometimes while
// a document is locked: they may not touch documents. Registering a type twice
// panics.
func RegisterLeaf[T any](encode func(T) ([]byte, error), decode func([]byte) (T, error)) Registered {
	doc.Register(reflect.TypeFor[T](),
		func(p reflect.Value) ([]byte, error) { return encode(*p.Interface().(*T)) },
		func(b []byte, p reflect.Value) (err error) {
			*p.Interface().(*T), err = decode(b)
			return err
		})
	return Registered{}
}

// Upcast makes fn read what was stored under a former name of a field of the
// struct that P points to. It is for generated code.
func Upcast[P, A, B any](was string, fn func(A) (B, error)) Registered {
	doc.RegisterUpcast(reflect.TypeFor[P]().Elem(), was, reflect.TypeFor[A](), reflect.TypeFor[B](),
		func(from, to reflect.Value) (err error) {
			*to.Interface().(*B), err = fn(*from.Interface().(*A))
			return err
		})
	return Registered{}
}

// GetCoded reads a value whose type has a codec: each call decodes a copy.
//
//go:noinline
func GetCoded[T any](o Handle, f int) (v T) {
	getCoded(objectOf(o), f, unsafe.Pointer(&v))
	return v
}

// GetOptionalCoded reads an optional value whose type has a codec; ok is false
// when it is absent.
//
//go:noinline
func GetOptionalCoded[T any](o Handle, f int) (v T, ok bool) {
	ok = getCoded(objectOf(o), f, unsafe.Pointer(&v))
	return v, ok
}

// getCoded decodes field f to p, after the lock is released: a codec is user
// code.
func getCoded(o *OObject, f int, p unsafe.Pointer) bool {
	o.o.Read()
	c, ok := o.o.Node().Coded(f)
	o.o.Done()
	if ok {
		o.o.Node().Type().Show(f, c, p)
	}
	return ok
}

// SetCoded sets a value, optional or not, whose type has a codec. It fails, and
// changes nothing, when the codec does, or with why the document cannot be
// changed.
//
//go:noinline
func SetCoded[T any](o Handle, f int, v T) error { return setCoded(objectOf(o), f, unsafe.Pointer(&v)) }

func setCoded(o *OObject, f int, p unsafe.Pointer) error {
	e, err := o.o.Node().Type().EncodeField(f, p)
	if err == nil {
		err = o.o.TryWrite()
	}
	if err != nil {
		return fail(o, "set", err)
	}
	o.o.Use(e)
	o.o.Node().SetLeaf(f, p)
	o.o.Wrote()
	return nil
}

// SetArray sets an array of a fixed length.
//
//go:noinline
func SetArray[T any](o *OObject, f int, v T) { setLeaf(o, f, unsafe.Pointer(&v)) }

// refused reports, for a method that has no error to return, that a value could
// not be encoded and nothing is changed.
func refused(o *OObject, err error) bool {
	if err != nil {
		o.o.Report(fmt.Errorf("nothing was changed: %w", err))
	}
	return err != nil
}
