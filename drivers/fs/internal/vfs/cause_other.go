//go:build !unix && !windows

package vfs

import "errors"

// These are what a [Mem] says; the system's own words are not known.
var (
	full     = []error{errors.New("no space left")}
	readOnly = []error{errors.New("file system is read-only")}
)
