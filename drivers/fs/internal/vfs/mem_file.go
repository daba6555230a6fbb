package vfs

import (
	"bytes"
	"io"
	"io/fs"
)

// memFile is one opening of a file of a Mem.
type memFile struct {
	m      *Mem
	n      *inode
	name   string
	closed bool // guarded by m.mu
}

func (f *memFile) usable(op string) error {
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return nil
}

func (f *memFile) ReadAt(b []byte, off int64) (n int, err error) {
	op, fault := f.m.begin(OpRead, f.name, off, len(b))
	if fault.Err != nil {
		return 0, fault.Err
	}
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("read"); err != nil {
		return 0, err
	}
	if off < int64(len(f.n.data)) {
		n = copy(b, f.n.data[off:])
	}
	if n < op.Len {
		err = io.EOF
	}
	return n, err
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	op, fault := f.m.begin(OpWrite, f.name, off, len(b))
	if fault.Err != nil && !fault.Late {
		b = b[:min(fault.Short, len(b))]
	}
	f.m.mu.Lock()
	err := f.usable("write")
	if err == nil && !f.m.fits(f.n, off+int64(len(b))) {
		err = &fs.PathError{Op: "write", Path: f.name, Err: ErrFull}
	}
	if err == nil && len(b) > 0 {
		f.n.write(b, off)
	}
	f.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if f.m.After != nil {
		f.m.After(op)
	}
	return len(b), fault.Err
}

// SetCapacity sets how many bytes all files may hold; 0, as at first, is no
// bound. What does not fit fails with ENOSPC.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room = bytes
}

// fits tells whether a file may grow to end. The caller holds m.mu.
func (m *Mem) fits(n *inode, end int64) bool {
	if m.room == 0 || end <= int64(len(n.data)) {
		return true
	}
	return m.root.bytes()+end-int64(len(n.data)) <= m.room
}

// haunt remembers what a sector of some file durably holds, for [Cut.Stale].
// The caller holds m.mu.
func (m *Mem) haunt(s int64, b []byte) {
	g := m.ghosts[s]
	if allZero(b) || len(g) > 0 && bytes.Equal(g[len(g)-1], b) {
		return
	}
	if g = append(g, ghost(clone(b))); len(g) > maxGhosts {
		g = g[len(g)-maxGhosts:]
	}
	m.ghosts[s] = g
}

func (f *memFile) Sync() error {
	op, fault := f.m.begin(OpSync, f.name, 0, 0)
	f.m.mu.Lock()
	err := f.usable("sync")
	f.m.mu.Unlock()
	if err != nil {
		return err
	}
	return f.m.sync(op, fault, f.n)
}

// sync makes durable what n had when it began. One that fails early leaves
// everything un-synced and forgets that it is: the pages are clean now, so no
// later sync writes them, which is what kernels do.
func (m *Mem) sync(op Op, fault Fault, n *inode) error {
	m.mu.Lock()
	now := n.clock
	m.mu.Unlock()
	if m.During != nil {
		m.During(op)
	}
	m.mu.Lock()
	// A sync that ran meanwhile may have settled some of it already.
	if fault.Err != nil && !fault.Late {
		n.abandon(now)
	} else {
		n.settle(now, m.haunt)
	}
	m.mu.Unlock()
	if m.After != nil {
		m.After(op)
	}
	return fault.Err
}

func (f *memFile) Size() (int64, error) {
	var size int64
	err := f.m.do(OpSize, f.name, func() error {
		size = int64(len(f.n.data))
		return f.usable("stat")
	})
	return size, err
}

// Close lets the file go even when it fails, as the system call does.
func (f *memFile) Close() error {
	_, fault := f.m.begin(OpClose, f.name, 0, 0)
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.usable("close"); err != nil {
		return err
	}
	f.closed = true
	f.m.open--
	return fault.Err
}
