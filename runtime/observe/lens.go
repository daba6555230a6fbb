package observe

// Lens is a value that is made from others. It is computed when somebody asks;
// what it keeps while it is watched is gone with the last watcher.
type Lens[T any] struct {
	get    func() (T, bool)
	follow func(follower[T]) (T, bool, func())
	watch  func(func(Change[T])) func() // nil when it is what follow makes of it
	set    func(T) bool                 // nil when nothing can be set
	clear  func() bool                  // nil when nothing can be cleared
}

// through is src with the same value, set and cleared as src is.
func through[T any](src Source[T]) *Lens[T] {
	return &Lens[T]{get: src.Get, follow: src.Follow, set: setOf(src), clear: clearOf(src)}
}

// Get gives the value; ok is false when it is absent.
func (l *Lens[T]) Get() (v T, ok bool) { return l.get() }

// Follow gives the value and calls fn with every change of it from there, see
// [Source]. Watch is the same for people.
func (l *Lens[T]) Follow(fn func(old T, had bool, now T, has bool)) (v T, ok bool, stop func()) {
	listening(fn != nil)
	return l.follow(fn)
}

// Watch calls fn with every change from now on, until stop is called.
func (l *Lens[T]) Watch(fn func(Change[T])) (stop func()) {
	listening(fn != nil)
	if l.watch != nil {
		return l.watch(fn)
	}
	return watch(l, fn)
}

// CanSet tells whether the lens leads to something that can be set: a cell or
// a document, over lenses that pass on what is set.
func (l *Lens[T]) CanSet() bool { return l.set != nil }

// Set sets what the lens leads to. It gives false when that refuses, as lenses
// of documents do when there is no place for the value. A lens that cannot be
// set panics; CanSet tells.
func (l *Lens[T]) Set(v T) bool {
	if l.set == nil {
		panic("observe: Set of a lens that only shows a value: make it from a cell or a lens of a document, and with TwoWay where the value is converted")
	}
	return l.set(v)
}

// Clear makes what the lens leads to absent. It gives false when it cannot be:
// only cells can.
func (l *Lens[T]) Clear() bool { return l.clear != nil && l.clear() }

// Immutable is src for those who shall not set it.
func Immutable[T any](src Source[T]) *Lens[T] {
	return &Lens[T]{get: src.Get, follow: src.Follow}
}

// Constant is a value that never changes.
func Constant[T any](v T) *Lens[T] { return fixed(v, true) }

// None is a value that is always absent.
func None[T any]() *Lens[T] {
	var none T
	return fixed(none, false)
}

func fixed[T any](v T, ok bool) *Lens[T] {
	return &Lens[T]{
		get:    func() (T, bool) { return v, ok },
		follow: func(follower[T]) (T, bool, func()) { return v, ok, func() {} },
	}
}

// Setter is src with another way to be set: fn gets the value that is to be
// set and what sets src, and tells whether something was set. It may change
// the value or drop it. src must be one that can be set.
func Setter[T any](src Source[T], fn func(v T, set func(T) bool) bool) *Lens[T] {
	l := through(src)
	set := l.set
	if set == nil {
		panic("observe: Setter of a source that cannot be set")
	}
	l.set = func(v T) bool { return fn(v, set) }
	return l
}
