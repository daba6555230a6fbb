package destam

import (
	"context"
	"iter"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Array is a view of a live array of values. It is small and copied freely;
// the zero Array is of no use. An element that is a slice is one value: it is
// set as a whole.
type Array[T any] struct{ v list }

// ArrayOf gives the array in field f. It is for generated code.
//
//go:noinline
func ArrayOf[T any](o Handle, f int) Array[T] { return Array[T]{list{objectOf(o), f}} }

// Len is the number of elements.
//
//go:noinline
func (a Array[T]) Len() int { return a.v.len() }

// At gives the i-th element. It panics when there is none, as slices do;
// other goroutines may shorten the array, see Get.
//
//go:noinline
func (a Array[T]) At(i int) T {
	l := a.v.readAt(i)
	var v T
	if l.Flat() {
		v = *(*T)(l.At(i))
	} else {
		v = *copied[T](l.At(i), l.Copy)
	}
	a.v.done()
	return v
}

// copied makes a copy of a value that holds memory.
func copied[T any](p unsafe.Pointer, copy func(dst, src unsafe.Pointer)) *T {
	v := new(T)
	copy(unsafe.Pointer(v), p)
	return v
}

// Get gives the i-th element; ok is false when there is none.
//
//go:noinline
func (a Array[T]) Get(i int) (v T, ok bool) {
	l := a.v.read()
	if ok = uint(i) < uint(l.Len()); ok {
		v = *copied[T](l.At(i), l.Copy)
	}
	a.v.done()
	return v, ok
}

// All yields the elements that are there when the loop begins. No lock is
// held while the loop runs.
//
//go:noinline
func (a Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i, v := range a.Snapshot() {
			if !yield(i, v) {
				return
			}
		}
	}
}

// Set sets the i-th element, which must be there.
//
//go:noinline
func (a Array[T]) Set(i int, v T) { a.v.set(i, unsafe.Pointer(&v)) }

// Append adds values at the end.
//
//go:noinline
func (a Array[T]) Append(vs ...T) { a.insert(-1, vs) }

// Insert inserts values before the i-th element; i may be Len.
//
//go:noinline
func (a Array[T]) Insert(i int, vs ...T) {
	if i < 0 {
		panic(outOfRange(i, a.Len()))
	}
	a.insert(i, vs)
}

func (a Array[T]) insert(i int, vs []T) {
	if a.v.coded() {
		own := slices.Clone(vs) // only such values go to the heap
		a.v.insertPlain(i, len(own), unsafe.Pointer(unsafe.SliceData(own)), unsafe.Sizeof(*new(T)))
		return
	}
	l, i, ok := a.v.open(i, len(vs))
	if !ok {
		return
	}
	for j, v := range vs {
		if l.Flat() {
			*(*T)(l.At(i + j)) = v
		} else {
			w := v // as above
			l.Copy(l.At(i+j), unsafe.Pointer(&w))
		}
	}
	l.Close(i, len(vs))
	a.v.wrote()
}

// Remove takes n elements out, from the i-th on.
//
//go:noinline
func (a Array[T]) Remove(i, n int) { a.v.remove(i, n) }

// Splice replaces n elements, from the i-th on, by others, and gives those that
// were there: one commit, in which a position that has an element before and
// after is only changed, and not at all when that is equal.
//
//go:noinline
func (a Array[T]) Splice(i, n int, vs ...T) (was []T) {
	own := slices.Clone(vs)
	a.v.splice(i, n, len(own), unsafe.Pointer(unsafe.SliceData(own)), unsafe.Sizeof(*new(T)), func(l *doc.List) {
		was = make([]T, n)
		for j := range was {
			l.Copy(unsafe.Pointer(&was[j]), l.At(i+j))
		}
	})
	return was
}

// Move takes the element at index from out and puts it where it will be the
// one at index to.
//
//go:noinline
func (a Array[T]) Move(from, to int) { a.v.move(from, to) }

// Swap exchanges two elements.
//
//go:noinline
func (a Array[T]) Swap(i, j int) { a.v.swap(i, j) }

// Clear takes all elements out.
//
//go:noinline
func (a Array[T]) Clear() { a.v.clear() }

// Snapshot copies the elements; nil when there are none.
//
//go:noinline
func (a Array[T]) Snapshot() (vs []T) {
	a.v.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the elements equal to vs by the smallest deltas.
//
//go:noinline
func (a Array[T]) Assign(vs []T) { a.v.assign(unsafe.Pointer(&vs)) }

// Watch calls fn with every commit that changes the array or what is in it; see
// [OObject.Watch].
//
//go:noinline
func (a Array[T]) Watch(fn func(*Commit)) (stop func()) { return watch(a.v.o, a.v.f, fn) }

// Changes yields the commits that change the array or what is in it; see
// [OObject.Changes].
//
//go:noinline
func (a Array[T]) Changes(ctx context.Context) iter.Seq2[*Commit, error] {
	return changes(ctx, a.v.o, a.v.f)
}

// ObjectArray is a view of a live array of objects: their handles are O, what
// is put in are plain structs P.
type ObjectArray[O Handle, P any] struct{ v list }

// ObjectArrayOf gives the array in field f. It is for generated code.
//
//go:noinline
func ObjectArrayOf[O Handle, P any](o Handle, f int) ObjectArray[O, P] {
	return ObjectArray[O, P]{list{objectOf(o), f}}
}

// Len is the number of elements.
//
//go:noinline
func (a ObjectArray[O, P]) Len() int { return a.v.len() }

// At gives the handle of the i-th element. It panics when there is none, as
// slices do; other goroutines may shorten the array, see Get.
//
//go:noinline
func (a ObjectArray[O, P]) At(i int) O {
	l := a.v.readAt(i)
	h := a.v.o.o.Handle(l.Node(i))
	a.v.done()
	return as[O](h)
}

// Get gives the handle of the i-th element; ok is false when there is none.
//
//go:noinline
func (a ObjectArray[O, P]) Get(i int) (h O, ok bool) {
	l := a.v.read()
	if ok = uint(i) < uint(l.Len()); ok {
		h = as[O](a.v.o.o.Handle(l.Node(i)))
	}
	a.v.done()
	return h, ok
}

// All yields the handles of the elements that are there when the loop begins.
// No lock is held while the loop runs.
//
//go:noinline
func (a ObjectArray[O, P]) All() iter.Seq2[int, O] {
	return func(yield func(int, O) bool) {
		for i, h := range handles[O](a.v) {
			if !yield(i, h) {
				return
			}
		}
	}
}

// Set replaces the i-th element by a new object. To change the one that is
// there, use its handle.
//
//go:noinline
func (a ObjectArray[O, P]) Set(i int, v P) { a.v.set(i, unsafe.Pointer(&v)) }

// Append adds new objects at the end.
//
//go:noinline
func (a ObjectArray[O, P]) Append(vs ...P) {
	a.v.insertPlain(-1, len(vs), unsafe.Pointer(unsafe.SliceData(vs)), unsafe.Sizeof(*new(P)))
}

// Insert inserts new objects before the i-th element; i may be Len.
//
//go:noinline
func (a ObjectArray[O, P]) Insert(i int, vs ...P) {
	if i < 0 {
		panic(outOfRange(i, a.Len()))
	}
	a.v.insertPlain(i, len(vs), unsafe.Pointer(unsafe.SliceData(vs)), unsafe.Sizeof(*new(P)))
}

// Link puts an object of the same document before the i-th element too: it is
// one object in two places then. It fails, and changes nothing, for an object
// of another document and for one that would contain itself.
//
//go:noinline
func (a ObjectArray[O, P]) Link(i int, h O) error { return a.v.link(i, given(h)) }

// Remove takes n elements out, from the i-th on.
//
//go:noinline
func (a ObjectArray[O, P]) Remove(i, n int) { a.v.remove(i, n) }

// Splice replaces n elements, from the i-th on, by new objects, and gives those
// that were there: one commit, in which a position that has an element before
// and after is only changed.
//
//go:noinline
func (a ObjectArray[O, P]) Splice(i, n int, vs ...P) (was []O) {
	a.v.splice(i, n, len(vs), unsafe.Pointer(unsafe.SliceData(vs)), unsafe.Sizeof(*new(P)), func(l *doc.List) {
		was = make([]O, n)
		for j := range was {
			was[j] = as[O](a.v.o.o.Handle(l.Node(i + j)))
		}
	})
	return was
}

// IndexOf gives the index of a live object in the array, the first if it is
// there more than once; ok is false when it is not.
//
//go:noinline
func (a ObjectArray[O, P]) IndexOf(h O) (i int, ok bool) {
	n := given(h).Node()
	l := a.v.read()
	i, ok = l.IndexOf(n)
	a.v.done()
	return i, ok
}

// Move takes the element at index from out and puts it where it will be the
// one at index to. It stays the same object.
//
//go:noinline
func (a ObjectArray[O, P]) Move(from, to int) { a.v.move(from, to) }

// Swap exchanges two elements, which stay the same objects.
//
//go:noinline
func (a ObjectArray[O, P]) Swap(i, j int) { a.v.swap(i, j) }

// Clear takes all elements out.
//
//go:noinline
func (a ObjectArray[O, P]) Clear() { a.v.clear() }

// Snapshot copies the elements; nil when there are none.
//
//go:noinline
func (a ObjectArray[O, P]) Snapshot() (vs []P) {
	a.v.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the elements equal to vs by the smallest deltas: objects that
// have a counterpart are changed in place and stay the same.
//
//go:noinline
func (a ObjectArray[O, P]) Assign(vs []P) { a.v.assign(unsafe.Pointer(&vs)) }

// Watch calls fn with every commit that changes the array or what is in it; see
// [OObject.Watch].
//
//go:noinline
func (a ObjectArray[O, P]) Watch(fn func(*Commit)) (stop func()) { return watch(a.v.o, a.v.f, fn) }

// Changes yields the commits that change the array or what is in it; see
// [OObject.Changes].
//
//go:noinline
func (a ObjectArray[O, P]) Changes(ctx context.Context) iter.Seq2[*Commit, error] {
	return changes(ctx, a.v.o, a.v.f)
}
