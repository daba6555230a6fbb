package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestLoaders holds that what is read from source is what the compiler says:
// both loaders give the same output for types of other packages, the ones that
// are known by name included.
func TestLoaders(t *testing.T) {
	if testing.Short() {
		t.Skip("the go command compiles the packages that fields have types of")
	}
	dir := userModule(t)
	archive, err := txtar.ParseFile("../../testdata/script/foreign_types.txtar")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "foreign_types")
	extractGoldens(t, folder, archive)
	output := filepath.Join(folder, "kinds_destam.go")
	want, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	for _, loader := range []string{"source", "packages"} {
		if err := os.Remove(output); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if status := command([]string{"-loader", loader, folder}, &said, &said); status != exitGood {
			t.Fatalf("-loader=%s: exit status %d: %s", loader, status, &said)
		}
		got, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("-loader=%s gives another output:\n%s", loader, got)
		}
	}
}
