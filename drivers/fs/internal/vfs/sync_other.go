//go:build !linux

package vfs

import "os"

// datasync is what package os calls Sync, which on darwin asks the drive to
// empty its cache too.
func datasync(f *os.File) error { return f.Sync() }
