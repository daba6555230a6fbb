package destam

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// The types of this file that begin with a lower-case word in their comment
// are for generated code: it builds the state of objects from them.

// Node heads the state of an object. It is for generated code.
type Node = doc.Node

// Optional is the state of an optional value. It is for generated code.
type Optional[T any] = doc.Optional[T]

// Leaves is the state of an array or map of values. It is for generated code.
type Leaves = doc.Leaves

// Objects is the state of an array or map of objects. It is for generated
// code.
type Objects[S any] = doc.Objects[S]

// Child is the state of an optional object. It is for generated code.
type Child[S any] = doc.ChildOf[S]

// OObject is embedded in the handle of every live object. Its methods are
// promoted; a field of the same name wins, and handle.OObject.Watch still
// reaches ours.
type OObject struct{ o doc.Object }

// as gives the handle at p, whose type O is a pointer to a generated handle.
func as[O any](p unsafe.Pointer) O { return *(*O)(unsafe.Pointer(&p)) }

// Get reads a value. It is for generated code, like all functions of this
// file: getters and setters are one call of these.
//
//go:noinline
func Get[T any](o *OObject, p *T) T {
	if count, ok := o.o.Peek(); ok {
		v := *p
		if o.o.Peeked(count) {
			return v
		}
	}
	o.o.Read()
	v := *p
	o.o.Done()
	return v
}

// Set sets a value that can be compared.
//
//go:noinline
func Set[T comparable](o *OObject, f int, p *T, v T) {
	if !o.o.Write() {
		return
	}
	if *p != v {
		if n := o.o.Node(); n.Recorded(f) {
			*p = v
		} else {
			n.Changing(f)
			*p = v
			n.Changed(f)
		}
	}
	o.o.Wrote()
}

// SetFloat sets a number for which a NaN equals itself.
//
//go:noinline
func SetFloat[T ~float32 | ~float64](o *OObject, f int, p *T, v T) {
	if !o.o.Write() {
		return
	}
	if *p != v && (v == v || *p == *p) {
		n := o.o.Node()
		n.Changing(f)
		*p = v
		n.Changed(f)
	}
	o.o.Wrote()
}

// SetTime sets an instant: UTC, without the monotonic clock.
//
//go:noinline
func SetTime(o *OObject, f int, v time.Time) { setLeaf(o, f, unsafe.Pointer(&v)) }

// GetBytes reads bytes, as a copy.
//
//go:noinline
func GetBytes[T ~[]byte](o *OObject, p *T) T {
	o.o.Read()
	v := T(doc.CloneBytes(*p))
	o.o.Done()
	return v
}

// SetBytes sets bytes, from a copy.
//
//go:noinline
func SetBytes[T ~[]byte](o *OObject, f int, v T) { setLeaf(o, f, unsafe.Pointer(&v)) }

// setLeaf sets field f from the value at p by the rules of its type.
func setLeaf(o *OObject, f int, p unsafe.Pointer) {
	if o.o.Write() {
		o.o.Node().SetLeaf(f, p)
		o.o.Wrote()
	}
}

// SetUnique sets a unique value. It fails, and changes nothing, when another
// document of this process has the value, or with why the document cannot be
// changed. A document that only the store knows is found out later, and the
// value taken back then.
//
//go:noinline
func SetUnique[T comparable](o *OObject, f int, v T) error {
	return setUnique(o, f, unsafe.Pointer(&v))
}

func setUnique(o *OObject, f int, p unsafe.Pointer) error {
	err := o.o.TryWrite()
	if err != nil {
		return fail(o, "set", err)
	}
	err = o.o.Node().SetUnique(f, p)
	o.o.Wrote()
	return fail(o, "set", err)
}

// fail says which document an error is of. This and others like it are no
// methods because a method of OObject is one of every generated type.
func fail(o *OObject, op string, err error) error {
	if err == nil {
		return nil
	}
	l := of(o)
	return l.table.err(op, l.id, err)
}

// GetOptional reads an optional value; ok is false when it is absent.
//
//go:noinline
func GetOptional[T any](o *OObject, p *Optional[T]) (v T, ok bool) {
	if count, free := o.o.Peek(); free {
		v, ok = p.V, p.Ok
		if o.o.Peeked(count) {
			return v, ok
		}
	}
	o.o.Read()
	v, ok = p.V, p.Ok
	o.o.Done()
	return v, ok
}

// SetOptional sets an optional value.
//
//go:noinline
func SetOptional[T any](o *OObject, f int, v T) { setLeaf(o, f, unsafe.Pointer(&v)) }

// SetOptionalFloat sets an optional number.
//
//go:noinline
func SetOptionalFloat[T ~float32 | ~float64](o *OObject, f int, v T) {
	setLeaf(o, f, unsafe.Pointer(&v))
}

// SetOptionalTime sets an optional instant.
//
//go:noinline
func SetOptionalTime(o *OObject, f int, v time.Time) {
	setLeaf(o, f, unsafe.Pointer(&v))
}

// SetOptionalUnique sets an optional unique value; see [SetUnique].
//
//go:noinline
func SetOptionalUnique[T comparable](o *OObject, f int, v T) error {
	return setUnique(o, f, unsafe.Pointer(&v))
}

// ClearOptional makes an optional value absent.
//
//go:noinline
func ClearOptional(o *OObject, f int) {
	if o.o.Write() {
		o.o.Node().ClearLeaf(f)
		o.o.Wrote()
	}
}

// Inner gives the handle of the nested object in field f, which is always
// there. This and others like it give pointers without a type, which generated
// code converts to the one that it knows: a function with a type parameter is
// something to compile for each struct of the user's.
//
//go:noinline
func Inner(o *OObject, f int) unsafe.Pointer { return o.o.Inner(f) }

// GetChild gives the handle of the optional object in field f, nil when it is
// absent.
//
//go:noinline
func GetChild(o *OObject, f int) (h unsafe.Pointer) {
	o.o.Read()
	if c := o.o.Node().Child(f); c != nil {
		h = o.o.Handle(c)
	}
	o.o.Done()
	return h
}

// SetChild puts a new object into an optional field, from the plain struct
// that v points to.
//
//go:noinline
func SetChild(o *OObject, f int, v any) {
	e, err := o.o.Node().Type().EncodeField(f, pointer(v))
	if !refused(o, err) && o.o.Write() {
		o.o.Use(e)
		n := o.o.Node()
		n.SetChild(f, n.Document().Build(n.Type().Nested(f), pointer(v)))
		o.o.Wrote()
	}
}

// ClearChild makes an optional object absent.
//
//go:noinline
func ClearChild(o *OObject, f int) {
	if o.o.Write() {
		o.o.Node().SetChild(f, nil)
		o.o.Wrote()
	}
}

// pointer gives the address that v, a pointer in an interface, holds.
func pointer(v any) unsafe.Pointer {
	return (*(*[2]unsafe.Pointer)(unsafe.Pointer(&v)))[1]
}

// function gives fn, a func(H) error for some type of handles H, as what takes
// any handle: all pointers are passed alike.
func function(fn any) func(unsafe.Pointer) error {
	p := pointer(fn) // what a func is, an interface holds as it is
	return *(*func(unsafe.Pointer) error)(unsafe.Pointer(&p))
}

// Snapshot copies an object into a new plain struct.
//
//go:noinline
func Snapshot(o *OObject) unsafe.Pointer {
	p := reflect.New(o.o.Node().Type().Plain()).UnsafePointer()
	o.o.Read()
	o.o.Node().Snapshot(p)
	o.o.Done()
	return p
}

// Assign makes an object equal to the plain struct that v points to, by the
// smallest deltas.
//
//go:noinline
func Assign(o *OObject, v any) {
	e, err := o.o.Node().Type().Encode(pointer(v))
	if !refused(o, err) && o.o.Write() {
		o.o.Use(e)
		o.o.Node().Assign(pointer(v))
		o.o.Wrote()
	}
}

// Same tells whether two handles are of the same object, bound to a
// transaction or not.
func Same(a, b Handle) bool { return given(a).Node() == given(b).Node() }

// Detached tells whether an object was removed from its document. It can
// still be read, changed and watched, but what is written to it is not
// stored unless it is linked back.
func Detached(h Handle) bool {
	o := given(h)
	o.Read()
	defer o.Done()
	return !o.Node().Attached()
}

// Handle is any generated handle.
type Handle interface{ object() *doc.Object }

func (o *OObject) object() *doc.Object { return &o.o }

// objectOf gives what a handle embeds. What is read and set alone is given it
// by generated code itself, which saves two nanoseconds; where these do not
// count, it gives the handle, which keeps its methods on one line.
func objectOf(h Handle) *OObject { return (*OObject)(unsafe.Pointer(h.object())) }

// given is object for a handle that a user passes on: nil is refused with what
// is wrong, and before anything is locked.
func given(h Handle) *doc.Object {
	if pointer(h) == nil {
		panic("destam: a nil handle: an optional object that is absent has none, and neither has what Get did not find")
	}
	return h.object()
}

// Outer gives the handle that h's object has outside the transaction that h
// is bound to.
func Outer[O Handle](h O) O { return as[O](given(h).Node().Canonical()) }
