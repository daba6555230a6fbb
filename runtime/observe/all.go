package observe

import "slices"

// All is the list of the values of srcs, zero for those that are absent. Each
// change of one of them is a change of the list. Set sets each, one after the
// other; a list of another length panics before anything is set. The lists
// that it gives must not be changed.
func All[T any](srcs ...Source[T]) *Lens[[]T] {
	a := &all[T]{srcs: slices.Clone(srcs), same: equality[T]()}
	l := computed(a.get, a.follow)
	sets := make([]func(T) bool, len(srcs))
	for i, src := range srcs {
		if sets[i] = setOf(src); sets[i] == nil {
			return l
		}
	}
	l.set = func(vs []T) bool {
		if len(vs) != len(sets) {
			panic("observe: Set of All with a list of another length")
		}
		done := true
		for i, v := range vs {
			done = sets[i](v) && done
		}
		return done
	}
	return l
}

type all[T any] struct {
	srcs []Source[T]
	same func(a, b T) bool
}

func (a *all[T]) get() ([]T, bool) {
	vs := make([]T, len(a.srcs))
	for i, src := range a.srcs {
		vs[i], _ = src.Get()
	}
	return vs, true
}

func (a *all[T]) follow(fn follower[[]T]) ([]T, bool, func()) {
	var (
		line  jobs
		stops []func()
	)
	stop := func() {
		for _, stop := range stops {
			stop()
		}
	}
	cur := make([]T, len(a.srcs)) // belongs to the line
	line.hold()
	begun := false
	defer func() {
		if !begun { // a source panics
			stop()
		}
	}()
	for i, src := range a.srcs {
		v, _, stop := src.Follow(func(_ T, _ bool, now T, _ bool) {
			line.post(func() {
				if a.same(cur[i], now) {
					return
				}
				old := cur
				cur = slices.Clone(cur)
				cur[i] = now
				fn(old, true, cur, true)
			})
		})
		cur[i] = v
		stops = append(stops, stop)
	}
	begun = true
	first := cur
	line.work()
	return first, true, stop
}
