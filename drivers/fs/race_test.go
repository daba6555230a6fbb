//go:build race

package fs

// racing: the race detector is ten times slower and looks for something else
// than the enumerations, so those run a part of their scripts under it.
const racing = true
