//go:build amd64 && !race

package lock

// Peeks tells whether values may be read without the lock: only where loads are
// never done in another order than they are written in. The race detector
// would call it a race, which it is, but one whose losers throw away what they
// have read.
const Peeks = true
