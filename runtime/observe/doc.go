// Package observe computes with values that change: values of its own, and
// values of documents.
//
// A [Source] is something that has a value and tells of every change of it. A
// [Cell] is one that a program sets; a lens of a document
// (note.Observe().Title()) is one; and what the functions here make of sources
// are sources again, so that they compose, in both directions: a change of the
// document comes out at the end, and what is set at the end goes into the
// document.
//
//	name := observe.Mutable("ann")
//	greeting := observe.Map(name, func(s string) string { return "hello " + s })
//	stop := observe.Effect(greeting, func(s string, _ bool) (cleanup func()) {
//		fmt.Println(s)
//		return nil
//	})
//	name.Set("bob") // prints hello bob
//
// # What always holds
//
// Everything may be used by many goroutines at once. A listener never runs
// under a lock, so it may read, set, watch and stop whatever it likes. It hears
// the changes in order, one at a time, and they lead from the value that there
// was when it began to the one that there is now: the old value of each change
// is the new one of the change before. Nobody hears of a change to an equal
// value.
//
// Set returns when the listeners have heard of the change, unless somebody is
// at it already (another goroutine, or the listener that calls Set); then that
// one takes it along. Whoever has brought 64 changes of others to listeners
// leaves the rest to a fresh goroutine, which ends when nothing is left. When
// more than a thousand changes of a cell wait they are folded into one.
//
// A listener that panics or ends its goroutine stops nobody else; it is
// reported to [OnPanic].
//
// A source without watchers holds on to nothing: it subscribes to what it is
// made from when it is watched, and is released with its last watcher. Whoever
// watches keeps alive what it watches until stop is called, a document too.
//
// # Absent values
//
// A value can be absent, which is not the same as zero: an optional field, a
// key that is not in its map, a cell that was cleared. Get tells by its second
// result; [Map] leaves what is absent absent, [Derive] gets to see it, and
// [Default] replaces it.
//
// # Equal values
//
// Values are equal by ==, except that NaN equals NaN, that 0 and -0 differ,
// that slices, maps and what is in interfaces are equal by their content, nil
// and empty being the same, and that functions are equal only when both are
// nil. Pointers are equal when they point to the same. Whoever was given a
// slice or map must not change it.
package observe
