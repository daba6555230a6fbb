package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// both runs a test on the machine's file system and on the disk in memory.
func both(t *testing.T, test func(t *testing.T, f FS, root string)) {
	t.Run("os", func(t *testing.T) { test(t, OS, t.TempDir()) })
	t.Run("mem", func(t *testing.T) {
		m := NewMem()
		test(t, m, "/")
		if n := m.OpenFiles(); n != 0 {
			t.Errorf("%d files left open", n)
		}
	})
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFiles(t *testing.T) {
	both(t, func(t *testing.T, f FS, root string) {
		name := filepath.Join(root, "a")
		w := must[File](t)(f.Create(name))
		if _, err := f.Create(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create of an existing file: %v", err)
		}
		must[int](t)(w.WriteAt([]byte("hello"), 3))
		check(t, w.Sync())
		if got := must[int64](t)(w.Size()); got != 8 {
			t.Errorf("size %d, want 8", got)
		}
		b := make([]byte, 10)
		n, err := w.ReadAt(b, 1)
		if err != io.EOF || string(b[:n]) != "\x00\x00hello" {
			t.Errorf("ReadAt gave %q, %v", b[:n], err)
		}
		check(t, w.Close())
		if err := w.Close(); err == nil {
			t.Error("second Close gave nil")
		}
		r := must[File](t)(f.Open(name))
		if got := must[[]byte](t)(ReadFile(r)); string(got) != "\x00\x00\x00hello" {
			t.Errorf("ReadFile gave %q", got)
		}
		check(t, r.Close())
	})
}

func TestNames(t *testing.T) {
	both(t, func(t *testing.T, f FS, root string) {
		at := func(name string) string { return filepath.Join(root, name) }
		check(t, MkdirAll(f, at("d/e")))
		check(t, MkdirAll(f, at("d/e")))
		if err := f.Mkdir(at("d")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Mkdir of an existing directory: %v", err)
		}
		check(t, WriteFile(f, at("d/x"), []byte("one")))
		check(t, WriteFile(f, at("d/x"), []byte("two")))
		check(t, f.Rename(at("d/x"), at("d/y")))
		if got := must[[]string](t)(f.List(at("d"))); !cmp.Equal(got, []string{"e", "y"}) {
			t.Errorf("List gave %q", got)
		}
		r := must[File](t)(f.Open(at("d/y")))
		if got := must[[]byte](t)(ReadFile(r)); string(got) != "two" {
			t.Errorf("ReadFile gave %q", got)
		}
		check(t, r.Close())
		check(t, f.Remove(at("d/y")))
		for what, err := range map[string]error{
			"Remove": f.Remove(at("d/y")),
			"Rename": f.Rename(at("d/y"), at("d/z")),
			"Open":   errOf(f.Open(at("d/y"))),
			"Create": errOf(f.Create(at("no/y"))),
			"List":   errOf(f.List(at("no"))),
			"Mkdir":  f.Mkdir(at("no/no")),
			"Sync":   syncMissing(f, at("no")),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of a missing name: %v", what, err)
			}
		}
		check(t, WriteFile(f, at("file"), nil))
		if err := MkdirAll(f, at("file")); err == nil {
			t.Error("MkdirAll of a file gave nil")
		}
		if err := MkdirAll(f, at("file/below")); err == nil {
			t.Error("MkdirAll below a file gave nil")
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// syncMissing syncs a missing directory, which Windows has no call for.
func syncMissing(f FS, dir string) error {
	if err := f.SyncDir(dir); err != nil || f != OS {
		return err
	}
	return fs.ErrNotExist
}

func TestLock(t *testing.T) {
	both(t, func(t *testing.T, f FS, root string) {
		name := filepath.Join(root, "LOCK")
		l := must[io.Closer](t)(f.Lock(name, "pid 1\n"))
		_, err := f.Lock(name, "pid 2\n")
		var held *LockedError
		if !errors.As(err, &held) || held.Holder != "pid 1\n" {
			t.Fatalf("second Lock: %v", err)
		}
		check(t, l.Close())
		l = must[io.Closer](t)(f.Lock(name, "3"))
		check(t, l.Close())
	})
}

func TestModes(t *testing.T) {
	if os.PathSeparator == '\\' {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "store")
	check(t, MkdirAll(OS, dir))
	check(t, WriteFile(OS, filepath.Join(dir, "f"), []byte("x")))
	l := must[io.Closer](t)(OS.Lock(filepath.Join(dir, "LOCK"), ""))
	check(t, l.Close())
	for name, want := range map[string]fs.FileMode{"": 0o700 | fs.ModeDir, "f": 0o600, "LOCK": 0o600} {
		info := must[fs.FileInfo](t)(os.Stat(filepath.Join(dir, name)))
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), want)
		}
	}
}
