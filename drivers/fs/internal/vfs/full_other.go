//go:build !unix && !windows

package vfs

import "errors"

// full is what a [Mem] says; the system's own word is not known.
var full = []error{errors.New("no space left")}
