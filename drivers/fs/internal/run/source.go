package run

import (
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// block is how much of an index has one checksum.
const block = 4096

// cached is how many blocks of an index are kept that were read.
const cached = 1024

// source is the file of a run, mapped or read.
type source struct {
	file   vfs.File // nil when it is mapped
	mapped []byte
	unmap  func() error
	size   int64

	mu     sync.Mutex
	blocks map[int][]byte // guarded by mu; of the index, of a file that is read
	seen   []atomic.Uint64
}

// openSource opens a file. Map says whether it may be mapped.
func openSource(f vfs.FS, name string, mayMap bool) (*source, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	s := &source{file: file}
	if s.size, err = file.Size(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if !mayMap {
		return s, nil
	}
	b, unmap, err := vfs.Map(file)
	if err != nil {
		return s, nil // there are other reasons than that it is not possible: no room, say
	}
	if int64(len(b)) != s.size { // somebody is changing it
		if err := unmap(); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return s, nil
	}
	if err := file.Close(); err != nil {
		return nil, errors.Join(err, unmap())
	}
	s.file, s.mapped, s.unmap = nil, b, unmap
	return s, nil
}

func (s *source) close() error {
	if s.file != nil {
		return s.file.Close()
	}
	return s.unmap()
}

// bytes gives n bytes of the file, which are in it.
func (s *source) bytes(off, n int64) ([]byte, error) {
	if s.file == nil {
		return s.mapped[off : off+n : off+n], nil
	}
	b := make([]byte, n)
	_, err := s.file.ReadAt(b, off)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // somebody cut it after it was opened
	}
	return b, err
}

// touch has the processor fetch what is mapped at some places, which need not be
// in the file.
func (s *source) touch(places []int64) {
	var sum byte
	for _, at := range places {
		if uint64(at) < uint64(len(s.mapped)) {
			sum |= s.mapped[at]
		}
	}
	runtime.KeepAlive(sum)
}

// fault is what reading a map gives where the disk cannot read, or where
// somebody cut the file.
type fault interface {
	error
	Addr() uintptr
}

// guard runs fn, which reads the source, and makes its faults errors.
func (s *source) guard(name string, fn func() error) error {
	if s.file != nil {
		return fn()
	}
	err := catch(fn)
	if f, ok := err.(fault); ok {
		err = &DamageError{File: name, Why: "the system cannot read it: " + f.Error()}
	}
	return err
}

// catch runs fn and gives a fault of a map as what it is.
func catch(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		switch p := recover().(type) {
		case nil:
		case fault:
			err = p
		default:
			panic(p)
		}
	}()
	return fn()
}
