package vfs

import (
	"io/fs"
	"os"
	"slices"
)

// OS is the file system of the machine.
var OS FS = machine{}

type machine struct{}

func (machine) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (machine) Open(name string) (File, error) { return open(name, os.O_RDWR) }

// open opens with package os, which closes on exec and repeats what a signal
// interrupted; a raw open would have to do both.
func open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{File: f}, nil
}

func (machine) Rename(oldname, newname string) error { return os.Rename(oldname, newname) }

func (machine) Remove(name string) error { return os.Remove(name) }

func (machine) Mkdir(name string) error { return os.Mkdir(name, 0o700) }

func (machine) List(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	slices.Sort(names)
	return names, err
}

// file is an open file of the machine. Its Sync is the system's cheapest that
// reaches the disk.
type file struct{ *os.File }

func (f *file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, &fs.PathError{Op: "open", Path: f.Name(), Err: fs.ErrInvalid}
	}
	return info.Size(), nil
}

func (f *file) Sync() error { return datasync(f.File) }
