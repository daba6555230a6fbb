package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
)

// FS is a file system. All methods are safe for concurrent use, and errors
// match those of package io/fs.
type FS interface {
	// Create makes a file that must not exist yet and opens it for reading
	// and writing, for its owner only.
	Create(name string) (File, error)

	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)

	// Rename gives a file another name in the same directory, replacing what
	// had it.
	Rename(oldname, newname string) error

	// Remove removes a file or an empty directory.
	Remove(name string) error

	// Mkdir makes a directory, for its owner only. Its parent must exist.
	Mkdir(name string) error

	// List gives the names in a directory, ascending.
	List(dir string) ([]string, error)

	// SyncDir makes the entries of a directory durable.
	SyncDir(dir string) error

	// Lock takes the lock file of that name, made when it is missing, for
	// this opener alone, and writes text into it for people. Somebody else's
	// lock gives a [*LockedError]. Closing lets it go, as the end of the
	// process does; the file stays.
	Lock(name, text string) (io.Closer, error)
}

// File is an open file. WriteAt past the end makes the file longer.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer

	// Size gives the length in bytes.
	Size() (int64, error)

	// Sync makes bytes and size durable, not the times of the file.
	Sync() error
}

// LockedError says that a lock file belongs to somebody else.
type LockedError struct {
	Name   string
	Here   bool   // the holder is this process
	Holder string // the text that the holder wrote, if it could be read
}

func (e *LockedError) Error() string {
	if e.Here {
		return e.Name + " is locked by this process"
	}
	return e.Name + " is locked by another process"
}

// MkdirAll makes a directory and those above it that are missing, and every
// entry on the way durable: a directory whose entry is lost takes everything
// synced inside with it. What is there already may have been made by a run
// that lost power before it was durable, so it is synced too.
func MkdirAll(f FS, dir string) error {
	up := filepath.Dir(dir)
	err := f.Mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) && up != dir {
		if err := MkdirAll(f, up); err != nil {
			return err
		}
		err = f.Mkdir(dir)
	}
	if err == nil {
		// An entry whose sync failed is not synced by the next one, so it is
		// taken back for the next run to make anew.
		if err = syncUp(f, dir); err != nil {
			err = errors.Join(err, f.Remove(dir))
		}
		return err
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := f.List(dir); err != nil { // a file has the name
		return err
	}
	return syncUp(f, dir)
}

// syncUp makes the entries of dir and of all directories above it durable, up
// to one that may not be opened: that one was not made by us.
func syncUp(f FS, dir string) error {
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		if err := f.SyncDir(up); errors.Is(err, fs.ErrPermission) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// ReadFile reads a whole file. The slice is the caller's.
func ReadFile(f File) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF && int64(n) == size {
		err = nil
	}
	return b[:n], err
}

// WriteFile makes a file with these bytes so that a crash leaves all of it or
// nothing: the name appears only when the bytes are durable. It replaces a
// file of that name, and leaves none when it fails. Name+".tmp" is used on the
// way.
func WriteFile(f FS, name string, b []byte) error {
	tmp := name + ".tmp"
	if err := f.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := f.Create(tmp)
	if err != nil {
		return err
	}
	_, err = w.WriteAt(b, 0)
	if err == nil {
		err = w.Sync()
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = f.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(f.Remove(tmp)))
	}
	if err := f.SyncDir(filepath.Dir(name)); err != nil {
		return errors.Join(err, f.Remove(name)) // as in MkdirAll
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
