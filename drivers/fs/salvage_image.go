package fs

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// image gives the bytes of a file, mapped where that is possible. What the disk
// cannot read is zero.
func (x *salvor) image(name string) ([]byte, error) {
	f, err := x.fs.Open(filepath.Join(x.dir, name))
	if err != nil {
		x.lose(Loss{Where: name, Why: err.Error()})
		return nil, nil
	}
	defer f.Close()
	if b, unmap, err := vfs.Map(f); err == nil {
		if readable(b) {
			x.open = append(x.open, unmap)
			return b, nil
		}
		if err := unmap(); err != nil {
			return nil, err
		}
	}
	size, err := f.Size()
	if err != nil {
		x.lose(Loss{Where: name, Why: err.Error()})
		return nil, nil
	}
	const sector = 4096
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); err == nil || err == io.EOF && int64(n) == size {
		return b, nil
	}
	for off := int64(0); off < size; off += sector {
		part := b[off:min(off+sector, size)]
		if _, err := f.ReadAt(part, off); err != nil && err != io.EOF {
			clear(part)
			x.lose(Loss{Where: fmt.Sprintf("%s at offset %d", name, off), Why: fmt.Sprintf("%d bytes cannot be read: %v", len(part), err)})
		}
	}
	return b, nil
}

// readable tells whether the disk can read all of a mapped file.
func readable(b []byte) (ok bool) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if recover() != nil {
			ok = false
		}
	}()
	sum := byte(0)
	for i := 0; i < len(b); i += 4096 {
		sum += b[i]
	}
	return sum != 0 || len(b) >= 0
}

func (x *salvor) release() {
	for _, unmap := range x.open {
		_ = unmap() // it was only read
	}
}
