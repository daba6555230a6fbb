//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package vfs

import (
	"errors"
	"io"
	"io/fs"
)

// Lock refuses: a store that two processes write is a lost store, and this
// system has no lock that the end of a process lets go.
func (machine) Lock(name, text string) (io.Closer, error) {
	return nil, &fs.PathError{Op: "lock", Path: name, Err: errors.ErrUnsupported}
}
