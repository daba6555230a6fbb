package vfs

import "errors"

// Map gives the bytes of a whole file as memory that the system reads in when
// it is used, and a function that takes it away again. The file must never be
// written to again; closing it is fine. Reading what the disk cannot give, or
// what somebody cut off, is a fault: see debug.SetPanicOnFault.
//
// Where files cannot be mapped, and on a [Mem], the error matches
// [errors.ErrUnsupported]: ReadAt is the way there.
func Map(f File) (b []byte, unmap func() error, err error) {
	if m, ok := f.(mapper); ok {
		return m.memory()
	}
	return nil, nil, errors.ErrUnsupported
}

// mapper is a file that can be mapped.
type mapper interface {
	memory() ([]byte, func() error, error)
}
