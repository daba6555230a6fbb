//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// locked holds the lock files of this process by inode. The kernel would
// refuse the second flock too, but not say that the holder is we; and an
// fcntl lock, where flock is made of one, would not even refuse.
var locked struct {
	sync.Mutex
	inodes map[inodeKey]bool // guarded by Mutex
}

type inodeKey struct{ dev, ino uint64 }

func keyOf(info fs.FileInfo) (inodeKey, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inodeKey{}, false
	}
	return inodeKey{uint64(st.Dev), uint64(st.Ino)}, true
}

// Lock uses flock, which belongs to the open file: unlike an fcntl lock it is
// not lost when somebody in this process opens and closes the same file.
func (machine) Lock(name, text string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &lock{file: f}
	if err := l.take(name, text); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

type lock struct {
	file *os.File
	key  inodeKey
	once sync.Once
}

func (l *lock) take(name, text string) error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	key, ok := keyOf(info)
	if !ok {
		return &fs.PathError{Op: "lock", Path: name, Err: errors.ErrUnsupported}
	}
	locked.Lock()
	defer locked.Unlock()
	if locked.inodes[key] {
		return &LockedError{Name: name, Here: true, Holder: readLock(l.file)}
	}
	if err := flock(l.file); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return &LockedError{Name: name, Holder: readLock(l.file)}
		}
		return &fs.PathError{Op: "flock", Path: name, Err: err}
	}
	// Somebody may have removed the file after we opened it and before we
	// locked it; then the next process would lock another inode of this name.
	if now, err := os.Stat(name); err != nil || !os.SameFile(info, now) {
		return &fs.PathError{Op: "flock", Path: name, Err: errors.New("file was replaced while it was locked")}
	}
	if err := writeLock(l.file, text); err != nil {
		return err
	}
	if locked.inodes == nil {
		locked.inodes = make(map[inodeKey]bool)
	}
	l.key = key
	locked.inodes[key] = true
	return nil
}

func flock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lerr error
	err = raw.Control(func(fd uintptr) {
		for {
			if lerr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB); lerr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return lerr
}

func (l *lock) Close() error {
	var err error
	l.once.Do(func() {
		locked.Lock()
		delete(locked.inodes, l.key)
		locked.Unlock()
		err = l.file.Close() // lets the flock go
	})
	return err
}
