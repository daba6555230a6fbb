package destam

import (
	"context"
	"iter"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Map is a view of a live map of values. It is small and copied freely; the
// zero Map is of no use. It is ordered by its keys.
type Map[K comparable, V any] struct{ v list }

// MapOf gives the map in field f. It is for generated code.
//
//go:noinline
func MapOf[K comparable, V any](o Handle, f int) Map[K, V] { return Map[K, V]{list{objectOf(o), f}} }

// key gives the list's key for k, whose type is the map's key type.
func (v list) key(k unsafe.Pointer) doc.Key { return v.o.o.Node().Key(v.f, k) }

// find locks for reading and looks a key up.
func (v list) find(k unsafe.Pointer) (l *doc.List, i int, ok bool) {
	l = v.read()
	i, ok = l.Find(v.key(k))
	return l, i, ok
}

// put gives a key a plain value.
func (v list) put(k, p unsafe.Pointer) {
	e, ok := v.encode(p, 1)
	if !ok {
		return
	}
	if l, ok := v.write(); ok {
		v.o.o.Use(e)
		l.PutPlain(v.key(k), p)
		v.wrote()
	}
}

func (v list) delete(k unsafe.Pointer) bool {
	l, ok := v.write()
	if !ok {
		return false
	}
	i, had := l.Find(v.key(k))
	if had {
		l.Remove(i, 1)
	}
	v.wrote()
	return had
}

// linkKey puts a live object of the same document under a key.
func (v list) linkKey(k unsafe.Pointer, h *doc.Object) error {
	l, err := v.linkable(h)
	if err != nil {
		return err
	}
	l.LinkKey(v.key(k), h.Node())
	v.wrote()
	return nil
}

// keysOf gives the keys of a map, ascending.
func keysOf[K comparable](v list) []K {
	l := v.read()
	ks := make([]K, l.Len())
	for i := range ks {
		l.KeyAt(i, unsafe.Pointer(&ks[i]))
	}
	v.done()
	return ks
}

// Len is the number of keys.
//
//go:noinline
func (m Map[K, V]) Len() int { return m.v.len() }

// Get gives the value of a key; ok is false when there is none.
//
//go:noinline
func (m Map[K, V]) Get(k K) (v V, ok bool) {
	l, i, ok := m.v.find(unsafe.Pointer(&k))
	if ok {
		v = *copied[V](l.At(i), l.Copy)
	}
	m.v.done()
	return v, ok
}

// Set gives a key a value.
//
//go:noinline
func (m Map[K, V]) Set(k K, v V) { m.v.put(unsafe.Pointer(&k), unsafe.Pointer(&v)) }

// Delete takes a key out and tells whether it was there.
//
//go:noinline
func (m Map[K, V]) Delete(k K) bool { return m.v.delete(unsafe.Pointer(&k)) }

// Keys gives the keys, ascending.
//
//go:noinline
func (m Map[K, V]) Keys() []K { return keysOf[K](m.v) }

// All yields the keys and values that are there when the loop begins, in the
// order of the keys. No lock is held while the loop runs.
//
//go:noinline
func (m Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		l := m.v.read()
		ks, vs := make([]K, l.Len()), make([]V, l.Len())
		for i := range ks {
			l.KeyAt(i, unsafe.Pointer(&ks[i]))
			l.Copy(unsafe.Pointer(&vs[i]), l.At(i))
		}
		m.v.done()
		for i := range ks {
			if !yield(ks[i], vs[i]) {
				return
			}
		}
	}
}

// Clear takes all keys out.
//
//go:noinline
func (m Map[K, V]) Clear() { m.v.clear() }

// Snapshot copies the map; nil when it is empty.
//
//go:noinline
func (m Map[K, V]) Snapshot() (vs map[K]V) {
	m.v.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the map equal to vs by the smallest deltas.
//
//go:noinline
func (m Map[K, V]) Assign(vs map[K]V) { m.v.assign(unsafe.Pointer(&vs)) }

// Watch calls fn with every commit that changes the map or what is in it; see
// [OObject.Watch].
//
//go:noinline
func (m Map[K, V]) Watch(fn func(*Commit)) (stop func()) { return watch(m.v.o, m.v.f, fn) }

// Changes yields the commits that change the map or what is in it; see
// [OObject.Changes].
//
//go:noinline
func (m Map[K, V]) Changes(ctx context.Context) iter.Seq2[*Commit, error] {
	return changes(ctx, m.v.o, m.v.f)
}

// ObjectMap is a view of a live map of objects: their handles are O, what is
// put in are plain structs P. It is ordered by its keys.
type ObjectMap[K comparable, O Handle, P any] struct{ v list }

// ObjectMapOf gives the map in field f. It is for generated code.
//
//go:noinline
func ObjectMapOf[K comparable, O Handle, P any](o Handle, f int) ObjectMap[K, O, P] {
	return ObjectMap[K, O, P]{list{objectOf(o), f}}
}

// Len is the number of keys.
//
//go:noinline
func (m ObjectMap[K, O, P]) Len() int { return m.v.len() }

// Get gives the handle of a key's object; ok is false when there is none.
//
//go:noinline
func (m ObjectMap[K, O, P]) Get(k K) (h O, ok bool) {
	l, i, ok := m.v.find(unsafe.Pointer(&k))
	if ok {
		h = as[O](m.v.o.o.Handle(l.Node(i)))
	}
	m.v.done()
	return h, ok
}

// Set puts a new object under a key. To change the one that is there, use its
// handle.
//
//go:noinline
func (m ObjectMap[K, O, P]) Set(k K, v P) { m.v.put(unsafe.Pointer(&k), unsafe.Pointer(&v)) }

// Link puts an object of the same document under a key too: it is one object
// in two places then. It fails, and changes nothing, for an object of another
// document and for one that would contain itself.
//
//go:noinline
func (m ObjectMap[K, O, P]) Link(k K, h O) error { return m.v.linkKey(unsafe.Pointer(&k), given(h)) }

// Delete takes a key out and tells whether it was there.
//
//go:noinline
func (m ObjectMap[K, O, P]) Delete(k K) bool { return m.v.delete(unsafe.Pointer(&k)) }

// Keys gives the keys, ascending.
//
//go:noinline
func (m ObjectMap[K, O, P]) Keys() []K { return keysOf[K](m.v) }

// All yields the keys and handles that are there when the loop begins, in the
// order of the keys. No lock is held while the loop runs.
//
//go:noinline
func (m ObjectMap[K, O, P]) All() iter.Seq2[K, O] {
	return func(yield func(K, O) bool) {
		l := m.v.read()
		ks, hs := make([]K, l.Len()), make([]O, l.Len())
		for i := range ks {
			l.KeyAt(i, unsafe.Pointer(&ks[i]))
			hs[i] = as[O](m.v.o.o.Handle(l.Node(i)))
		}
		m.v.done()
		for i := range ks {
			if !yield(ks[i], hs[i]) {
				return
			}
		}
	}
}

// Clear takes all keys out.
//
//go:noinline
func (m ObjectMap[K, O, P]) Clear() { m.v.clear() }

// Snapshot copies the map; nil when it is empty.
//
//go:noinline
func (m ObjectMap[K, O, P]) Snapshot() (vs map[K]P) {
	m.v.snapshot(unsafe.Pointer(&vs))
	return vs
}

// Assign makes the map equal to vs by the smallest deltas: objects that have
// a counterpart are changed in place and stay the same.
//
//go:noinline
func (m ObjectMap[K, O, P]) Assign(vs map[K]P) { m.v.assign(unsafe.Pointer(&vs)) }

// Watch calls fn with every commit that changes the map or what is in it; see
// [OObject.Watch].
//
//go:noinline
func (m ObjectMap[K, O, P]) Watch(fn func(*Commit)) (stop func()) { return watch(m.v.o, m.v.f, fn) }

// Changes yields the commits that change the map or what is in it; see
// [OObject.Changes].
//
//go:noinline
func (m ObjectMap[K, O, P]) Changes(ctx context.Context) iter.Seq2[*Commit, error] {
	return changes(ctx, m.v.o, m.v.f)
}
