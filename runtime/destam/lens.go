package destam

import (
	"context"
	"iter"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Change is what happened to one place that a lens leads to, whatever brought
// it about: it was set, or something above it was removed, inserted or
// replaced. The values are those from before and after the commit.
type Change[T any] struct {
	Old, New  T
	WasAbsent bool // there was no place, or an optional value was absent; Old is zero
	Absent    bool // there is no place any more, or the value is absent; New is zero

	commit *doc.Commit // nil for what was set alone
	n      *doc.Node   // whose field was set alone
	key    doc.Key     // of the element, where the field has a list
	f      int32
}

// Commit gives all that changed together, the same for all changes of one
// commit. It is only made here, so that who does not ask is told without an
// allocation; that of a single setter is made by each call and has its time.
//
//go:noinline
func (c Change[T]) Commit() *Commit {
	if c.commit != nil {
		return shared(c.commit)
	}
	x := doc.NewDelta(c.n, c.f, c.key)
	if x.Had = !c.WasAbsent; x.Had {
		x.Prev = c.Old
	}
	if x.Has = !c.Absent; x.Has {
		x.Val = c.New
	}
	return &Commit{Time: doc.Instant(time.Now()), Deltas: []Delta{{&x.Head}}}
}

// lens is what all lenses have in common: the object that they begin at, and
// the way from there.
type lens struct {
	o *OObject
	l *doc.Lens
}

// setMany is what who sets through an Each is told.
const setMany = "destam: Set or Clear of a lens behind Each or Tree would change a place in every element: range over the array or map and set each by its handle"

// clearLens is Clear of every lens of a value. It is no method because a method
// of lens is one of every generated lens.
func clearLens(l *lens) (ok bool) {
	if l.l.Many() {
		panic(setMany)
	}
	if !l.o.o.Write() {
		return false
	}
	ok = l.l.Clear(l.o.o.Node())
	l.o.o.Wrote()
	return ok
}

// Watch calls fn with every commit that changes what the lens leads to,
// anything below it, or anything on the way to it, with the deltas that do;
// otherwise it is as [OObject.Watch].
//
//go:noinline
func (l *lens) Watch(fn func(*Commit)) (stop func()) {
	return listen(l.o, toCommits(fn, doc.Listener{Field: -1, Lens: l.l}))
}

// Changes yields the commits that change what the lens leads to, anything
// below it, or anything on the way to it, with the deltas that do; otherwise
// it is as [OObject.Changes].
//
//go:noinline
func (l *lens) Changes(ctx context.Context) iter.Seq2[*Commit, error] {
	return func(yield func(*Commit, error) bool) {
		readLens(ctx, l, false, publicly(yield))
	}
}

// readLens yields commits until yield has enough. An error is the last.
func readLens(ctx context.Context, l *lens, typed bool, yield func(*doc.Commit, error) bool) {
	if l.o.o.Tx() != nil {
		yield(nil, ErrInTransaction)
		return
	}
	r := l.o.o.Node().NewLensReader(l.l, typed)
	defer r.Close()
	readAll(ctx, r, yield)
}

// readAll yields commits until yield has enough. An error is the last.
func readAll(ctx context.Context, r *doc.Reader, yield func(*doc.Commit, error) bool) {
	for {
		c, err := r.Next(ctx)
		if !yield(c, err) || err != nil {
			return
		}
	}
}

// begin gives an object lens as L, which is a pointer to a struct of nothing
// but an ObjectLens.
func begin[L any](o *OObject, l *doc.Lens) L {
	return as[L](unsafe.Pointer(&ObjectLens{lens{o, l}}))
}

// ObjectLens is embedded in the lens of every type of object, which has a
// method for each field. A lens through a handle of an Update or View is good
// for as long as that handle.
type ObjectLens struct{ lens }

// Observe begins a lens at an object. It is for generated code, like all
// functions of this file.
//
//go:noinline
func Observe(o *OObject) unsafe.Pointer {
	return unsafe.Pointer(&ObjectLens{lens{o, doc.NewLens(o.o.Node().Type())}})
}

// InnerLens goes to the object in field f.
//
//go:noinline
func InnerLens(l Observer, f int) unsafe.Pointer {
	return unsafe.Pointer(&ObjectLens{into(l, f)})
}

// into goes to field f of the object that l leads to.
func into(l Observer, f int) lens {
	from := l.place()
	return lens{from.o, from.l.Into(f)}
}

// Lens looks at a value, wherever it is: from an object over fields, over the
// elements of arrays (Each) and the keys of maps (At and Each) that are on the
// way. Nothing needs to be there yet: a lens leads to what is there when it is
// asked, and whoever watches hears of what comes and goes.
//
// Behind an Each it leads to a place in every element. An object that is in
// several elements is one of them.
type Lens[T any] struct{ lens }

// LensAt goes to the value in field f, optional or not.
//
//go:noinline
func LensAt[T any](l Observer, f int) *Lens[T] { return &Lens[T]{into(l, f)} }

// Get gives the value; ok is false when it is absent, or something on the way
// to it is. Behind an Each it is the first value.
//
//go:noinline
func (l *Lens[T]) Get() (v T, ok bool) {
	l.o.o.Read()
	for p := range l.l.Values(l.o.o.Node()) {
		v, ok = l.copied(p), true
		break
	}
	l.o.o.Done()
	return v, ok
}

// copied gives a copy of the value at p.
func (l *Lens[T]) copied(p unsafe.Pointer) T {
	if l.l.Flat() {
		return *(*T)(p)
	}
	return *copied[T](p, l.l.Copy)
}

// All yields the values that are there when the loop begins, in the order of
// the elements. No lock is held while the loop runs.
//
//go:noinline
func (l *Lens[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		var vs []T
		l.o.o.Read()
		for p := range l.l.Values(l.o.o.Node()) {
			vs = append(vs, l.copied(p))
		}
		l.o.o.Done()
		for _, v := range vs {
			if !yield(v) {
				return
			}
		}
	}
}

// Set sets the value, which may have been absent: an optional value or a key
// of a map comes to be. It changes nothing and gives false when an object on
// the way is absent, when nothing may be changed any more (as setters, it
// reports that), and when the value is unique and taken. Behind an Each it
// panics: set each element by its handle.
//
//go:noinline
func (l *Lens[T]) Set(v T) bool {
	if l.l.Many() {
		panic(setMany)
	}
	e, err := l.l.Encode(unsafe.Pointer(&v))
	if refused(l.o, err) || !l.o.o.Write() {
		return false
	}
	l.o.o.Use(e)
	ok := l.l.Set(l.o.o.Node(), unsafe.Pointer(&v))
	l.o.o.Wrote()
	return ok
}

// Clear makes the value absent: an optional one, or one under a key of a map.
// It gives false when the value is always there, and as Set does; behind an
// Each it panics.
//
//go:noinline
func (l *Lens[T]) Clear() bool { return clearLens(&l.lens) }

// Watch calls fn with every change of the value, from the next commit on,
// until stop is called: one call for each place that the lens leads to, and
// none when the values before and after are equal. The calls come one at a
// time and in the order of the commits, on any goroutine and never under a
// lock: fn may read and change the document. When more than a thousand commits
// wait, their changes come folded: the first old value and the last new one. A
// panic in fn is reported to Options.OnError and skips the other changes of
// that commit. The document stays in memory until stop.
//
//go:noinline
func (l *Lens[T]) Watch(fn func(Change[T])) (stop func()) {
	listening(fn != nil)
	var stopped atomic.Bool
	end := listen(l.o, doc.Listener{
		Field: -1, Lens: l.l, Typed: true,
		Commit: func(c *doc.Commit) {
			l.changes(c, func(x Change[T]) bool {
				if stopped.Load() { // by fn, or meanwhile
					return false
				}
				fn(x)
				return true
			})
		},
		Alone: func(x *doc.Alone) {
			var c Change[T]
			c.alone(x)
			fn(c)
		},
	})
	return func() {
		stopped.Store(true)
		end()
	}
}

// alone makes c, which is zero, the change of a value that was set alone. It is
// not a result, which would be copied in pieces other than it was written in: the
// processor waits for those.
func (c *Change[T]) alone(x *doc.Alone) {
	c.n, c.f, c.key = x.Slot()
	if p := x.Old(); p != nil {
		c.Old = *(*T)(p)
	} else {
		c.WasAbsent = true
	}
	if p := x.New(); p != nil {
		c.New = *(*T)(p)
	} else {
		c.Absent = true
	}
}

// WatchCommit calls fn with every commit that changes the value or anything on
// the way to it, with the deltas that do; otherwise it is as [OObject.Watch].
//
//go:noinline
func (l *Lens[T]) WatchCommit(fn func(*Commit)) (stop func()) { return l.lens.Watch(fn) }

// Changes yields every change of the value from the beginning of the loop on,
// those of one commit one after the other. The loop may take its time: it
// holds up nobody, and when more than a thousand commits wait, their changes
// come folded: the first old value and the last new one. Breaking the loop
// ends the subscription; it ends by itself with ctx, or when the document is
// closed or deleted, with the error.
//
//go:noinline
func (l *Lens[T]) Changes(ctx context.Context) iter.Seq2[Change[T], error] {
	return func(yield func(Change[T], error) bool) {
		readLens(ctx, &l.lens, true, func(c *doc.Commit, err error) bool {
			if err != nil {
				return yield(Change[T]{}, err)
			}
			return l.changes(c, func(x Change[T]) bool { return yield(x, nil) })
		})
	}
}

// changes yields the changes of one commit; false when yield had enough.
func (l *Lens[T]) changes(c *doc.Commit, yield func(Change[T]) bool) bool {
	xs := c.Changes()
	if len(xs) == 0 {
		return true
	}
	for i := range xs {
		x := Change[T]{WasAbsent: !xs[i].Had, Absent: !xs[i].Has, commit: c}
		if xs[i].Had {
			l.unbox(&x.Old, xs[i].Prev)
		}
		if xs[i].Has {
			l.unbox(&x.New, xs[i].Val)
		}
		if !yield(x) {
			return false
		}
	}
	return true
}

// unbox copies a value for one listener, which may change it.
func (l *Lens[T]) unbox(to *T, v any) {
	if l.l.Flat() {
		*to = v.(T)
	} else {
		l.l.Unbox(unsafe.Pointer(to), v)
	}
}

// LeafArrayLens looks at an array of values.
type LeafArrayLens[T any] struct{ lens }

// LeavesAt goes to the array in field f.
//
//go:noinline
func LeavesAt[T any](l Observer, f int) *LeafArrayLens[T] {
	return &LeafArrayLens[T]{into(l, f)}
}

// Each goes to every element.
//
//go:noinline
func (l *LeafArrayLens[T]) Each() *Lens[T] { return &Lens[T]{lens{l.o, l.l.Each()}} }

// ArrayLens looks at an array of objects, whose lenses are L.
type ArrayLens[L any] struct{ lens }

// ArrayAt goes to the array in field f.
//
//go:noinline
func ArrayAt[L any](l Observer, f int) *ArrayLens[L] {
	return &ArrayLens[L]{into(l, f)}
}

// Each goes to every element.
//
//go:noinline
func (l *ArrayLens[L]) Each() L { return begin[L](l.o, l.l.Each()) }

// LeafMapLens looks at a map of values.
type LeafMapLens[K comparable, T any] struct{ lens }

// LeafMapAt goes to the map in field f.
//
//go:noinline
func LeafMapAt[K comparable, T any](l Observer, f int) *LeafMapLens[K, T] {
	return &LeafMapLens[K, T]{into(l, f)}
}

// Each goes to the value of every key.
//
//go:noinline
func (l *LeafMapLens[K, T]) Each() *Lens[T] { return &Lens[T]{lens{l.o, l.l.Each()}} }

// At goes to the value of one key, there or not.
//
//go:noinline
func (l *LeafMapLens[K, T]) At(k K) *Lens[T] {
	return &Lens[T]{lens{l.o, l.l.At(unsafe.Pointer(&k))}}
}

// MapLens looks at a map of objects, whose lenses are L.
type MapLens[K comparable, L any] struct{ lens }

// MapAt goes to the map in field f.
//
//go:noinline
func MapAt[K comparable, L any](l Observer, f int) *MapLens[K, L] {
	return &MapLens[K, L]{into(l, f)}
}

// Each goes to the object of every key.
//
//go:noinline
func (l *MapLens[K, L]) Each() L { return begin[L](l.o, l.l.Each()) }

// At goes to the object of one key, there or not.
//
//go:noinline
func (l *MapLens[K, L]) At(k K) L { return begin[L](l.o, l.l.At(unsafe.Pointer(&k))) }
