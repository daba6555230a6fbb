package vfs

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestMap maps a file of the machine, where that is possible, and sees its
// bytes also when the file is closed and removed.
func TestMap(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	f, err := OS.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Map(f); err == nil {
		t.Error("an empty file is mapped")
	}
	if _, err := f.WriteAt([]byte("immutable"), 0); err != nil {
		t.Fatal(err)
	}
	b, unmap, err := Map(f)
	if err := errors.Join(f.Close(), OS.Remove(name)); err != nil {
		t.Fatal(err)
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return // this system reads
	}
	if err != nil || string(b) != "immutable" {
		t.Fatalf("mapped %q, %v", b, err)
	}
	if err := unmap(); err != nil {
		t.Error(err)
	}
	if _, _, err := Map(&memFile{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a file in memory: %v", err)
	}
}
