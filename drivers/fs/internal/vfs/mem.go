package vfs

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// Sector is the unit in which a disk writes: old or new, never a mixture.
const Sector = 512

// Mem is a disk in memory. It keeps, beside what a reader sees, what may be on
// the disk of everything that was not synced; [Mem.Cut] turns the power off.
// Its hooks see every operation and may make it fail. The zero Mem is not
// ready; use [NewMem].
//
// Hooks are set before the file system is used and run without its lock, on
// the goroutine of the operation.
type Mem struct {
	// Before, if set, may make an operation fail.
	Before func(Op) Fault

	// During, if set, runs inside a Sync or SyncDir, after it was decided
	// what is synced and before it is: what others do meanwhile.
	During func(Op)

	// After, if set, runs when an operation has had its effect.
	After func(Op)

	mu     sync.Mutex
	room   int64             // guarded by mu; see SetCapacity
	root   *inode            // guarded by mu
	ghosts map[int64][]ghost // guarded by mu; what sectors at this offset once held
	locks  map[*inode]string // guarded by mu
	count  int               // guarded by mu; operations so far
	open   int               // guarded by mu; files that are not closed
}

// ghost is what a sector of some file once durably held: disks hand sectors
// out again with their old content.
type ghost []byte

// maxGhosts bounds the contents remembered for one offset.
const maxGhosts = 4

// NewMem makes an empty disk.
func NewMem() *Mem {
	return &Mem{root: newDir(), ghosts: map[int64][]ghost{}, locks: map[*inode]string{}}
}

// OpenFiles counts the files that were opened and not closed, to find leaks.
func (m *Mem) OpenFiles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}

func clean(name string) []string {
	name = path.Clean(filepath.ToSlash(name))
	var parts []string
	for p := range bytes.SplitSeq([]byte(name), []byte("/")) {
		if s := string(p); s != "" && s != "." {
			parts = append(parts, s)
		}
	}
	return parts
}

// find gives the inode of a name and the directory that holds it. The inode is
// nil when only the name itself is missing. The caller holds m.mu.
func (m *Mem) find(op, name string) (dir *inode, base string, n *inode, err error) {
	parts := clean(name)
	n = m.root
	for i, p := range parts {
		if !n.isDir() {
			return nil, "", nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		dir, base, n = n, p, n.names[p]
		if n == nil && i < len(parts)-1 {
			return nil, "", nil, missing(op, name)
		}
	}
	return dir, base, n, nil
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
}

// begin counts an operation and asks Before. The caller does not hold m.mu.
func (m *Mem) begin(kind Kind, name string, off int64, n int) (Op, Fault) {
	m.mu.Lock()
	m.count++
	op := Op{Kind: kind, Name: name, N: m.count, Off: off, Len: n}
	m.mu.Unlock()
	if m.Before == nil {
		return op, Fault{}
	}
	return op, m.Before(op)
}

// do runs one operation between its hooks. Its effect runs under m.mu.
func (m *Mem) do(kind Kind, name string, effect func() error) error {
	op, fault := m.begin(kind, name, 0, 0)
	if fault.Err != nil && !fault.Late {
		return fault.Err
	}
	m.mu.Lock()
	err := effect()
	m.mu.Unlock()
	if err == nil && m.After != nil {
		m.After(op)
	}
	if err == nil {
		err = fault.Err
	}
	return err
}

// Create makes a file that must not exist.
func (m *Mem) Create(name string) (File, error) {
	var f File
	err := m.do(OpCreate, name, func() error {
		dir, base, n, err := m.find("create", name)
		switch {
		case err != nil:
			return err
		case n != nil:
			return &fs.PathError{Op: "create", Path: name, Err: syscall.EEXIST}
		}
		n = newFile()
		dir.link(base, n)
		m.open++
		f = &memFile{m: m, n: n, name: name}
		return nil
	})
	if err != nil && f != nil {
		_ = f.Close() // the fault came late: the file is there, its opener has none
		f = nil
	}
	return f, err
}

// Open opens a file that exists.
func (m *Mem) Open(name string) (File, error) {
	var f File
	err := m.do(OpOpen, name, func() error {
		_, _, n, err := m.find("open", name)
		switch {
		case err != nil:
			return err
		case n == nil:
			return missing("open", name)
		case n.isDir():
			return &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
		}
		m.open++
		f = &memFile{m: m, n: n, name: name}
		return nil
	})
	if err != nil && f != nil {
		_ = f.Close()
		f = nil
	}
	return f, err
}

// Rename moves an entry. Both names are un-synced entries of their own: a disk
// may keep the file under both or under none.
func (m *Mem) Rename(oldname, newname string) error {
	return m.do(OpRename, newname, func() error {
		odir, obase, n, err := m.find("rename", oldname)
		if err != nil {
			return err
		}
		ndir, nbase, _, err := m.find("rename", newname)
		if err != nil {
			return err
		}
		if n == nil {
			return missing("rename", oldname)
		}
		odir.link(obase, nil)
		ndir.link(nbase, n)
		return nil
	})
}

// Remove removes a file, which those who have it open keep, or an empty
// directory.
func (m *Mem) Remove(name string) error {
	return m.do(OpRemove, name, func() error {
		dir, base, n, err := m.find("remove", name)
		switch {
		case err != nil:
			return err
		case n == nil:
			return missing("remove", name)
		case len(n.names) > 0:
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.EEXIST}
		}
		dir.link(base, nil)
		return nil
	})
}

// Mkdir makes a directory.
func (m *Mem) Mkdir(name string) error {
	return m.do(OpMkdir, name, func() error {
		dir, base, n, err := m.find("mkdir", name)
		switch {
		case err != nil:
			return err
		case n != nil:
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.EEXIST}
		}
		dir.link(base, newDir())
		return nil
	})
}

// List gives the names in a directory.
func (m *Mem) List(dir string) ([]string, error) {
	var names []string
	err := m.do(OpList, dir, func() error {
		_, _, n, err := m.find("open", dir)
		switch {
		case err != nil:
			return err
		case n == nil:
			return missing("open", dir)
		case !n.isDir():
			return &fs.PathError{Op: "list", Path: dir, Err: syscall.ENOTDIR}
		}
		for name := range n.names {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}

// SyncDir makes the entries durable that a directory has when it begins.
func (m *Mem) SyncDir(dir string) error {
	op, fault := m.begin(OpSyncDir, dir, 0, 0)
	m.mu.Lock()
	_, _, n, err := m.find("open", dir)
	if err == nil && n == nil {
		err = missing("open", dir)
	}
	if err == nil && !n.isDir() {
		err = &fs.PathError{Op: "sync", Path: dir, Err: syscall.ENOTDIR}
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.sync(op, fault, n)
}

// Lock takes a lock file. Locks end with the Mem: a clone has none.
func (m *Mem) Lock(name, text string) (io.Closer, error) {
	var l io.Closer
	err := m.do(OpLock, name, func() error {
		dir, base, n, err := m.find("lock", name)
		if err != nil {
			return err
		}
		if n == nil {
			n = newFile()
			dir.link(base, n)
		}
		if holder, ok := m.locks[n]; ok {
			return &LockedError{Name: name, Here: true, Holder: holder}
		}
		m.locks[n] = text
		l = &memLock{m: m, n: n}
		return nil
	})
	if err != nil && l != nil {
		_ = l.Close()
		l = nil
	}
	return l, err
}

type memLock struct {
	m *Mem
	n *inode
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.n)
	return nil
}
