package observe

// Default is src, and d while src is absent. What is set goes to src.
func Default[T any](src Source[T], d T) *Lens[T] {
	l := through(src)
	equal := equality[T]()
	or := func(v T, ok bool) T {
		if ok {
			return v
		}
		return d
	}
	l.get = func() (T, bool) {
		v, ok := src.Get()
		return or(v, ok), true
	}
	l.follow = func(fn follower[T]) (T, bool, func()) {
		v, ok, stop := src.Follow(func(old T, had bool, now T, has bool) {
			if old, now := or(old, had), or(now, has); !equal(old, now) {
				fn(old, true, now, true)
			}
		})
		return or(v, ok), true, stop
	}
	return l
}

// DefaultFrom is src, and d while src is absent. d is followed only then. What
// is set goes to src.
func DefaultFrom[T any](src, d Source[T]) *Lens[T] {
	which := Unwrap[T](Derive(src, func(v T, ok bool) (Source[T], bool) {
		if ok {
			return Constant(v), true
		}
		return d, true
	}))
	l := through(src)
	l.follow = which.follow
	l.get = func() (T, bool) {
		if v, ok := src.Get(); ok {
			return v, true
		}
		return d.Get()
	}
	return l
}
