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
// are known by name, aliases and generic ones included.
func TestLoaders(t *testing.T) {
	if testing.Short() {
		t.Skip("the go command compiles the packages that fields have types of")
	}
	dir := userModule(t)
	for _, name := range []string{"foreign_types", "aliases", "generic_types"} {
		archive, err := txtar.ParseFile("../../testdata/script/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, name)
		for _, output := range extractGoldens(t, folder, archive) {
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
	}
}
