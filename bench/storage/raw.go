package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rawSize is how much the raw file holds before it begins anew.
const rawSize = 64 << 20

// errRaw says that a bare file can do nothing but grow.
var errRaw = errors.New("a raw file has no documents")

// raw is what the disk allows at best: a file full of zeros, one write and one
// sync for all that gathered.
type raw struct {
	file *os.File
	off  int64
	buf  []byte
}

func openRaw(dir string) (store, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for off := int64(0); off < rawSize; off += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros, off); err != nil {
			return nil, err
		}
	}
	return newGrouped(&raw{file: f}), f.Sync()
}

func (r *raw) AppendAll(rs []record) error {
	r.buf = r.buf[:0]
	for _, rec := range rs {
		r.buf = append(append(r.buf, make([]byte, rawFrame)...), rec.body...)
	}
	if r.off+int64(len(r.buf)) > rawSize {
		r.off = 0
	}
	if _, err := r.file.WriteAt(r.buf, r.off); err != nil {
		return err
	}
	r.off += int64(len(r.buf))
	return unix.Fdatasync(int(r.file.Fd()))
}

// rawFrame is how many bytes a record of fs has besides its body.
const rawFrame = 70

func (r *raw) Append(rec record) error                        { return r.AppendAll([]record{rec}) }
func (r *raw) Begin(rs []record) error                        { return r.AppendAll(rs) }
func (r *raw) Load(uint64, func([]byte)) (int, error)         { return 0, errRaw }
func (r *raw) Put([]found) error                              { return errRaw }
func (r *raw) Find(string, string, func([]byte)) (int, error) { return 0, errRaw }
func (r *raw) Close() error                                   { return r.file.Close() }
