package fs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMissingRun takes away a run that the manifest names: Open says which.
func TestMissingRun(t *testing.T) {
	dir := t.TempDir()
	s := sealedStore(t, dir)
	must(t, s.Close(background))
	names, err := filepath.Glob(filepath.Join(dir, runsName, "*.run"))
	must(t, err)
	if len(names) == 0 {
		t.Fatal("nothing was sealed")
	}
	must(t, os.Remove(names[0]))
	_, err = Open(dir, nil)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), filepath.Join(runsName, filepath.Base(names[0]))) ||
		!strings.Contains(err.Error(), "MANIFEST-") || !strings.Contains(err.Error(), "copy") {
		t.Errorf("%v", err)
	}
}

// sealedStore makes a store of three documents, some of which is in runs.
func sealedStore(t *testing.T, dir string) *Store {
	s, err := Open(dir, nil)
	must(t, err)
	s.keeper.closeAt = 1
	for n := byte(1); n <= 3; n++ {
		put(t, s, n, "sealed")
	}
	must(t, s.Close(background))
	s, err = Open(dir, nil)
	must(t, err)
	put(t, s, 1, "in the journal")
	return s
}

// TestModes holds that files belong to their owner alone.
func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	must(t, sealedStore(t, dir).Close(background))
	must(t, filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if e.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
		return nil
	}))
}
