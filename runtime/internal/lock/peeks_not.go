//go:build !amd64 || race

package lock

import "sync/atomic"

// Peeks tells whether values may be read without the lock: not here.
const Peeks = false

// release adds one to the word of a lock that is held, whose lowest bit says
// so.
func release(word *uintptr) { atomic.AddUintptr(word, 1) }
