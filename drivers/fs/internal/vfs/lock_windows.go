package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// lockByte is the byte that is locked: far beyond the text, which others may
// then read while we hold it.
const lockByte = 1 << 30

// Lock locks one byte of the file. Windows refuses it to a second opener of
// the same process as well, so no registry is needed.
func (machine) Lock(name, text string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, &windows.Overlapped{Offset: lockByte})
	switch {
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION):
		err = &LockedError{Name: name, Holder: readLock(f)}
	case err != nil:
		err = &fs.PathError{Op: "lock", Path: name, Err: err}
	default:
		err = writeLock(f, text)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
