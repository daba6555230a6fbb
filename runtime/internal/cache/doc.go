// Package cache keeps one value for each key for as long as anybody uses it.
//
// A value is held weakly: when nothing else refers to it, it is collected, and
// the next one who asks loads it anew. While it is pinned it is held strongly.
// Whoever asks for a key gets the same value as everybody else who has it at
// that time; that is what the package is for, and the garbage collector, the
// loads that run at once and the cleanups that come late are what can break it.
//
// The package knows nothing of what it keeps.
package cache
