package vfs

import (
	"io"
	"io/fs"
	"os"
)

// Reading gives a file system whose files cannot be changed: every operation
// that would fails with [fs.ErrPermission] and does nothing.
func Reading(f FS) FS { return reading{f} }

type reading struct{ under FS }

// opener is a file system that opens files for reading alone, which is possible
// where writing is not.
type opener interface {
	openRead(name string) (File, error)
}

func (machine) openRead(name string) (File, error) { return open(name, os.O_RDONLY) }

func (r reading) Open(name string) (File, error) {
	if o, ok := r.under.(opener); ok {
		return o.openRead(name)
	}
	return r.under.Open(name)
}

func (r reading) List(dir string) ([]string, error) { return r.under.List(dir) }

func refused(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}

func (reading) Create(name string) (File, error) { return nil, refused("create", name) }

func (reading) Rename(_, newname string) error { return refused("rename", newname) }

func (reading) Remove(name string) error { return refused("remove", name) }

func (reading) Mkdir(name string) error { return refused("mkdir", name) }

func (reading) SyncDir(dir string) error { return refused("sync", dir) }

func (reading) Lock(name, _ string) (io.Closer, error) { return nil, refused("lock", name) }
