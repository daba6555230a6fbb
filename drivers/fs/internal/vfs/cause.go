package vfs

import (
	"errors"
	"io/fs"
)

// What a test lets a [Mem] say when there is no space left, and when nothing
// may be written.
var (
	ErrFull     = full[0]
	ErrReadOnly = readOnly[0]
)

// Full tells whether an error says that there is no space left.
func Full(err error) bool { return isAny(err, full) }

// Forbidden tells whether an error says that a folder or file may not be
// written to.
func Forbidden(err error) bool { return errors.Is(err, fs.ErrPermission) || isAny(err, readOnly) }

func isAny(err error, causes []error) bool {
	for _, c := range causes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}
