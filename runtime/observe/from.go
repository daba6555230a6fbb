package observe

import "sync"

// From is the value that get gives, for everything that has a value and tells
// somehow that it has changed: watch calls a function, with whatever, after
// each change, until stop is called. The views of documents are made for it:
//
//	note := observe.From(note.Snapshot, note.Watch)
//	tags := observe.From(note.Tags().Snapshot, note.Tags().Watch)
//
// Each call gets the value anew; when it is equal, nobody hears of it.
func From[T, E any](get func() T, watch func(func(E)) (stop func())) *Lens[T] {
	equal := equality[T]()
	return computed(
		func() (T, bool) { return get(), true },
		func(fn follower[T]) (T, bool, func()) {
			var (
				line jobs
				cur  T // belongs to the line
			)
			line.hold()
			stop := watch(func(E) {
				line.post(func() {
					if now := get(); !equal(cur, now) {
						old := cur
						cur = now
						fn(old, true, now, true)
					}
				})
			})
			begun := false
			defer func() {
				if !begun { // get panics
					stop()
				}
				line.work()
			}()
			cur = get()
			first := cur
			begun = true
			return first, true, sync.OnceFunc(stop)
		},
	)
}
