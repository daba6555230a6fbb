package observe

// Source has a value, and tells of its changes. Everything in this package is
// one, and so is each lens of a document, *destam.Lens. What has a method
// Set(T) bool besides can be set through the lenses that are made from it, and
// what has Clear() bool can be cleared.
type Source[T any] interface {
	// Get gives the value; ok is false when it is absent.
	Get() (v T, ok bool)

	// Follow gives the value and calls fn with every change of it from there
	// until stop is called: in order, one at a time (what fn sets is told when
	// fn has returned), never under a lock, on any goroutine, and perhaps
	// before Follow has returned. had and has tell whether the value was there
	// before and is there now. After stop no call begins; stopping twice is
	// harmless.
	Follow(fn func(old T, had bool, now T, has bool)) (v T, ok bool, stop func())
}

// Change is what happened to a value.
type Change[T any] struct {
	Old, New  T
	WasAbsent bool // Old is zero
	Absent    bool // New is zero
}

// follower is what Follow calls.
type follower[T any] = func(old T, had bool, now T, has bool)

// listening demands a function to be called, where it is given: the next change
// would find out elsewhere.
func listening(fn bool) {
	if !fn {
		panic("observe: a nil function cannot be told what changes")
	}
}

// watch is Watch of any source.
func watch[T any](src Source[T], fn func(Change[T])) (stop func()) {
	_, _, stop = src.Follow(following(fn))
	return stop
}

// following gives a follower that calls fn.
func following[T any](fn func(Change[T])) follower[T] {
	return func(old T, had bool, now T, has bool) {
		fn(Change[T]{Old: old, New: now, WasAbsent: !had, Absent: !has})
	}
}

// setOf gives what sets src, nil when nothing does.
func setOf[T any](src Source[T]) func(T) bool {
	switch s := src.(type) {
	case *Lens[T]:
		return s.set
	case interface{ Set(T) bool }:
		return s.Set
	}
	return nil
}

// clearOf gives what clears src, nil when nothing does.
func clearOf[T any](src Source[T]) func() bool {
	switch s := src.(type) {
	case *Lens[T]:
		return s.clear
	case interface{ Clear() bool }:
		return s.Clear
	}
	return nil
}
