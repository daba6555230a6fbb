package observe

import (
	"reflect"
	"sync/atomic"
)

// Unwrap is the value of the source that src has: it follows that one, and
// another one when src changes. It is absent while src is absent or nil. What
// is set goes to the source that is there, and is false when there is none.
func Unwrap[T any, S Source[T]](src Source[S]) *Lens[T] {
	u := &unwrapped[T, S]{src: src, same: equality[T]()}
	l := computed(u.get, u.follow)
	l.set, l.clear = u.set, u.clear
	return l
}

type unwrapped[T any, S Source[T]] struct {
	src  Source[S]
	same func(a, b T) bool
}

// inner gives the source that is there.
func (u *unwrapped[T, S]) inner() (S, bool) {
	s, ok := u.src.Get()
	return s, ok && !isNil(s)
}

func isNil[S any](s S) bool {
	v := reflect.ValueOf(s)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

func (u *unwrapped[T, S]) get() (v T, ok bool) {
	if s, there := u.inner(); there {
		return s.Get()
	}
	return v, false
}

func (u *unwrapped[T, S]) set(v T) bool {
	if s, there := u.inner(); there {
		if set := setOf[T](s); set != nil {
			return set(v)
		}
	}
	return false
}

func (u *unwrapped[T, S]) clear() bool {
	if s, there := u.inner(); there {
		if clear := clearOf[T](s); clear != nil {
			return clear()
		}
	}
	return false
}

// unwrapping is one subscription. All but the line and off belongs to the line.
type unwrapping[T any, S Source[T]] struct {
	u    *unwrapped[T, S]
	fn   follower[T]
	line jobs
	off  atomic.Bool

	stop func() // of the inner source; nil without one
	n    int    // of the inner source: what others tell comes too late
	cur  maybe[T]
}

func (u *unwrapped[T, S]) follow(fn follower[T]) (T, bool, func()) {
	w := &unwrapping[T, S]{u: u, fn: fn}
	w.line.hold()
	s, ok, stopSrc := u.src.Follow(func(_ S, _ bool, now S, has bool) {
		w.line.post(func() { w.turn(now, has) })
	})
	stop := func() {
		w.off.Store(true)
		stopSrc()
		w.line.post(w.leave)
	}
	begun := false
	defer func() {
		if !begun { // the inner source panics
			w.line.work()
			stop()
		}
	}()
	w.cur = w.enter(s, ok)
	begun = true
	first := w.cur
	w.line.work()
	return first.v, first.ok, stop
}

// leave stops following the inner source.
func (w *unwrapping[T, S]) leave() {
	w.n++
	if stop := w.stop; stop != nil {
		w.stop = nil
		stop()
	}
}

// enter follows another source, and gives its value.
func (w *unwrapping[T, S]) enter(s S, ok bool) (v maybe[T]) {
	if !ok || isNil(s) {
		return v
	}
	n := w.n
	v.v, v.ok, w.stop = s.Follow(func(old T, had bool, now T, has bool) {
		w.line.post(func() {
			if w.off.Load() || w.n != n {
				return
			}
			w.cur = maybe[T]{now, has}
			w.fn(old, had, now, has)
		})
	})
	return v
}

// turn takes in that there is another source.
func (w *unwrapping[T, S]) turn(s S, ok bool) {
	if w.off.Load() {
		return
	}
	w.leave()
	old := w.cur
	w.cur = w.enter(s, ok)
	if !same(w.u.same, old.v, old.ok, w.cur.v, w.cur.ok) {
		w.fn(old.v, old.ok, w.cur.v, w.cur.ok)
	}
}
