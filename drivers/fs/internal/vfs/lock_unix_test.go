//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package vfs

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holdLock is the environment variable that makes this test binary a process
// that holds a lock until its standard input ends.
const holdLock = "DESTAM_TEST_HOLD_LOCK"

func TestMain(m *testing.M) {
	if name := os.Getenv(holdLock); name != "" {
		if _, err := OS.Lock(name, "child"); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString("locked\n")
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLockOfAnotherProcess(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), holdLock+"="+name)
	in := must[io.WriteCloser](t)(child.StdinPipe())
	out := must[io.ReadCloser](t)(child.StdoutPipe())
	check(t, child.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("child: %q, %v", line, err)
	}
	held := func(holder string) {
		t.Helper()
		_, err := OS.Lock(name, "parent")
		var held *LockedError
		if !errors.As(err, &held) || held.Here || held.Holder != holder {
			t.Errorf("Lock beside another process: %v", err)
		}
	}
	held("child")
	check(t, os.Remove(name)) // by somebody who cleans up
	held("")                  // the new file's text, which is nobody's
	check(t, in.Close())
	check(t, child.Wait())
	l := must[io.Closer](t)(OS.Lock(name, "parent")) // the end of the process let it go
	check(t, l.Close())
}

// TestLockByInode takes the lock through two names of one directory.
func TestLockByInode(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	check(t, os.Symlink("real", filepath.Join(dir, "link")))
	l := must[io.Closer](t)(OS.Lock(filepath.Join(dir, "real", "LOCK"), "me"))
	_, err := OS.Lock(filepath.Join(dir, "link", "LOCK"), "me too")
	var held *LockedError
	if !errors.As(err, &held) || !held.Here || held.Holder != "me" {
		t.Errorf("Lock through a link: %v", err)
	}
	check(t, l.Close())
	check(t, l.Close()) // twice is harmless, and must not free a successor's lock
}

// TestNotInherited starts a child while files and a lock are open: it must
// have none of them, or it could write to the store and keep it locked.
func TestNotInherited(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("needs /proc to see what a child has open")
	}
	dir := t.TempDir()
	l := must[io.Closer](t)(OS.Lock(filepath.Join(dir, "LOCK"), ""))
	f := must[File](t)(OS.Create(filepath.Join(dir, "file")))
	out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
	check(t, err)
	if strings.Contains(string(out), dir) {
		t.Errorf("a child has files of the store open:\n%s", out)
	}
	check(t, f.Close())
	check(t, l.Close())
}

// TestLockReplaced puts another file in the place of one that is opened and
// not locked yet: the lock of the one would keep nobody out of the other.
func TestLockReplaced(t *testing.T) {
	name := filepath.Join(t.TempDir(), "LOCK")
	check(t, os.WriteFile(name, nil, 0o600))
	f := must[*os.File](t)(os.OpenFile(name, os.O_RDWR, 0))
	check(t, os.Remove(name))
	check(t, os.WriteFile(name, nil, 0o600))
	old := &lock{file: f}
	if err := old.take(name, ""); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("a file that was replaced is locked: %v", err)
	}
	check(t, old.release())
	l := must[io.Closer](t)(OS.Lock(name, ""))
	check(t, l.Close())
}
