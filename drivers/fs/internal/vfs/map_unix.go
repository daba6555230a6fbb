//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package vfs

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// memory maps the file. Programs of 32 bits have no room for it.
func (f *file) memory() ([]byte, func() error, error) {
	size, err := f.Size()
	if err != nil {
		return nil, nil, err
	}
	if size == 0 {
		return nil, nil, errors.ErrUnsupported // the system maps nothing of nothing
	}
	b, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, &fs.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return b, func() error { return unix.Munmap(b) }, nil
}
