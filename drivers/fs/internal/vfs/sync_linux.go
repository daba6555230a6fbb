package vfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// datasync is fdatasync: it leaves out the times of the file, so that a write
// into a file of fixed size costs no journal commit of the file system.
func datasync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		for {
			if serr = unix.Fdatasync(int(fd)); serr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if serr != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: serr}
	}
	return nil
}
