package vfs

import "errors"

// ErrFull is what a [Mem] says when there is no space left.
var ErrFull = full[0]

// Full tells whether an error says that there is no space left.
func Full(err error) bool {
	for _, f := range full {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}
