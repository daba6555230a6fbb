//go:build amd64 && !race

package lock

// Peeks tells whether values may be read without the lock: only where loads are
// never done in another order than they are written in. The race detector
// would call it a race, which it is, but one whose losers throw away what they
// have read.
const Peeks = true

// release adds one to the word of a lock that is held, whose lowest bit says
// so. Here a plain store is seen after all that were written before it.
func release(word *uintptr) { *word++ }
