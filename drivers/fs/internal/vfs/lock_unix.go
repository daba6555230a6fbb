//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
// not lost when somebody in this process opens and closes the same file. The
// folder is locked too: somebody who removes the file takes the name from under
// the lock, and the next process would make and lock another file.
func (machine) Lock(name, text string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &lock{file: f}
	if err := l.take(name, text); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

type lock struct {
	file *os.File
	dir  *os.File // of the file
	keys []inodeKey
	once sync.Once
}

func (l *lock) take(name, text string) (err error) {
	if l.dir, err = os.Open(filepath.Dir(name)); err != nil {
		return err
	}
	locked.Lock()
	defer locked.Unlock()
	var keys []inodeKey
	for _, f := range []*os.File{l.file, l.dir} {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		key, ok := keyOf(info)
		if !ok {
			return &fs.PathError{Op: "lock", Path: name, Err: errors.ErrUnsupported}
		}
		if locked.inodes[key] {
			return &LockedError{Name: name, Here: true, Holder: readLock(l.file)}
		}
		if err := flock(f); errors.Is(err, unix.EWOULDBLOCK) {
			return &LockedError{Name: name, Holder: readLock(l.file)}
		} else if err != nil && f == l.file { // not every file system locks folders
			return &fs.PathError{Op: "flock", Path: name, Err: err}
		}
		keys = append(keys, key)
	}
	// Somebody may have removed the file after we opened it and before we
	// locked it; then it is not the file of this name that is ours.
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(name); err != nil || !os.SameFile(info, now) {
		return &fs.PathError{Op: "flock", Path: name, Err: errors.New("file was replaced while it was locked")}
	}
	if err := writeLock(l.file, text); err != nil {
		return err
	}
	if locked.inodes == nil {
		locked.inodes = make(map[inodeKey]bool)
	}
	for _, key := range keys {
		locked.inodes[key] = true
	}
	l.keys = keys
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

// Close lets the lock go.
func (l *lock) Close() (err error) {
	l.once.Do(func() {
		locked.Lock()
		for _, key := range l.keys {
			delete(locked.inodes, key)
		}
		locked.Unlock()
		err = l.release()
	})
	return err
}

// release closes the files, which lets their flocks go.
func (l *lock) release() error {
	err := l.file.Close()
	if l.dir != nil {
		err = errors.Join(err, l.dir.Close())
	}
	return err
}
