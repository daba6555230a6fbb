package vfs

import (
	"io"
	"os"
)

// lockText bounds what is read of a stranger's lock file.
const lockText = 1 << 10

func readLock(f *os.File) string {
	b := make([]byte, lockText)
	n, _ := f.ReadAt(b, 0) // unreadable is no text; the lock itself is known
	return string(b[:n])
}

// writeLock replaces the text of a lock file that is ours. It is for people
// and need not survive anything.
func writeLock(f *os.File, text string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := io.WriteString(io.NewOffsetWriter(f, 0), text)
	return err
}
