package destam

import (
	"iter"
	"unsafe"
)

// Array is a view of a live array of values. It is small and copied freely;
// the zero Array is of no use. An element that is a slice is one value: it is
// set as a whole.
type Array[T any] struct{ list }

// ArrayOf gives the array in field f. It is for generated code.
//
//go:noinline
func ArrayOf[T any](o *OObject, f int) Array[T] { return Array[T]{list{o, f}} }

// Len is the number of elements.
func (a Array[T]) Len() int { return a.len() }

// At gives the i-th element. It panics when there is none, as slices do;
// other goroutines may shorten the array, see Get.
func (a Array[T]) At(i int) T {
	l := a.readAt(i)
	var v T
	if l.Flat() {
		v = *(*T)(l.At(i))
	} else {
		v = *copied[T](l.At(i), l.Copy)
	}
	a.done()
	return v
}

// copied makes a copy of a value that holds memory.
func copied[T any](p unsafe.Pointer, copy func(dst, src unsafe.Pointer)) *T {
	v := new(T)
	copy(unsafe.Pointer(v), p)
	return v
}

// Get gives the i-th element; ok is false when there is none.
func (a Array[T]) Get(i int) (v T, ok bool) {
	l := a.read()
	if ok = uint(i) < uint(l.Len()); ok {
		v = *copied[T](l.At(i), l.Copy)
	}
	a.done()
	return v, ok
}

// All yields the elements that are there when the loop begins. No lock is
// held while the loop runs.
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
func (a Array[T]) Set(i int, v T) {
	if l, ok := a.writeAt(i, 1); ok {
		l.SetLeaf(i, unsafe.Pointer(&v))
		a.wrote()
	}
}

// Append adds values at the end.
func (a Array[T]) Append(vs ...T) { a.insert(-1, vs) }

// Insert inserts values before the i-th element; i may be Len.
func (a Array[T]) Insert(i int, vs ...T) {
	if i < 0 {
		panic(outOfRange(i, a.Len()))
	}
	a.insert(i, vs)
}

func (a Array[T]) insert(i int, vs []T) {
	l, i, ok := a.open(i, len(vs))
	if !ok {
		return
	}
	for j, v := range vs {
		if l.Flat() {
			*(*T)(l.At(i + j)) = v
		} else {
			w := v // only such values go to the heap
			l.Copy(l.At(i+j), unsafe.Pointer(&w))
		}
	}
	l.Close(i, len(vs))
	a.wrote()
}

// Remove takes n elements out, from the i-th on.
func (a Array[T]) Remove(i, n int) { a.remove(i, n) }

// Move takes the element at index from out and puts it where it will be the
// one at index to.
func (a Array[T]) Move(from, to int) { a.move(from, to) }

// Swap exchanges two elements.
func (a Array[T]) Swap(i, j int) { a.swap(i, j) }

// Clear takes all elements out.
func (a Array[T]) Clear() { a.clear() }

// Snapshot copies the elements; nil when there are none.
func (a Array[T]) Snapshot() (vs []T) {
	a.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the elements equal to vs by the smallest deltas.
func (a Array[T]) Assign(vs []T) { a.assign(unsafe.Pointer(&vs)) }

// ObjectArray is a view of a live array of objects: their handles are O, what
// is put in are plain structs P.
type ObjectArray[O Handle, P any] struct{ list }

// ObjectArrayOf gives the array in field f. It is for generated code.
//
//go:noinline
func ObjectArrayOf[O Handle, P any](o *OObject, f int) ObjectArray[O, P] {
	return ObjectArray[O, P]{list{o, f}}
}

// Len is the number of elements.
func (a ObjectArray[O, P]) Len() int { return a.len() }

// At gives the handle of the i-th element. It panics when there is none, as
// slices do; other goroutines may shorten the array, see Get.
func (a ObjectArray[O, P]) At(i int) O {
	l := a.readAt(i)
	h := a.o.o.Handle(l.Node(i))
	a.done()
	return as[O](h)
}

// Get gives the handle of the i-th element; ok is false when there is none.
func (a ObjectArray[O, P]) Get(i int) (h O, ok bool) {
	l := a.read()
	if ok = uint(i) < uint(l.Len()); ok {
		h = as[O](a.o.o.Handle(l.Node(i)))
	}
	a.done()
	return h, ok
}

// All yields the handles of the elements that are there when the loop begins.
// No lock is held while the loop runs.
func (a ObjectArray[O, P]) All() iter.Seq2[int, O] {
	return func(yield func(int, O) bool) {
		for i, h := range handles[O](a.list) {
			if !yield(i, h) {
				return
			}
		}
	}
}

// Set replaces the i-th element by a new object. To change the one that is
// there, use its handle.
func (a ObjectArray[O, P]) Set(i int, v P) {
	if l, ok := a.writeAt(i, 1); ok {
		l.Replace(i, unsafe.Pointer(&v))
		a.wrote()
	}
}

// Append adds new objects at the end.
func (a ObjectArray[O, P]) Append(vs ...P) {
	a.insertPlain(-1, len(vs), unsafe.Pointer(unsafe.SliceData(vs)), unsafe.Sizeof(*new(P)))
}

// Insert inserts new objects before the i-th element; i may be Len.
func (a ObjectArray[O, P]) Insert(i int, vs ...P) {
	if i < 0 {
		panic(outOfRange(i, a.Len()))
	}
	a.insertPlain(i, len(vs), unsafe.Pointer(unsafe.SliceData(vs)), unsafe.Sizeof(*new(P)))
}

// Link puts an object of the same document before the i-th element too: it is
// one object in two places then. It fails, and changes nothing, for an object
// of another document and for one that would contain itself.
func (a ObjectArray[O, P]) Link(i int, h O) error { return a.link(i, h.object()) }

// Remove takes n elements out, from the i-th on.
func (a ObjectArray[O, P]) Remove(i, n int) { a.remove(i, n) }

// Move takes the element at index from out and puts it where it will be the
// one at index to. It stays the same object.
func (a ObjectArray[O, P]) Move(from, to int) { a.move(from, to) }

// Swap exchanges two elements, which stay the same objects.
func (a ObjectArray[O, P]) Swap(i, j int) { a.swap(i, j) }

// Clear takes all elements out.
func (a ObjectArray[O, P]) Clear() { a.clear() }

// Snapshot copies the elements; nil when there are none.
func (a ObjectArray[O, P]) Snapshot() (vs []P) {
	a.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the elements equal to vs by the smallest deltas: objects that
// have a counterpart are changed in place and stay the same.
func (a ObjectArray[O, P]) Assign(vs []P) { a.assign(unsafe.Pointer(&vs)) }
