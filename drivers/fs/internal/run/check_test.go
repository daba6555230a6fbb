package run

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// wrong gives what Check says.
func wrong(t *testing.T, r *Run) (all []string) {
	t.Helper()
	must(t, r.Check(func(id driver.ID, off int64, why string) {
		all = append(all, fmt.Sprintf("%v at %d: %s", id, off, why))
	}))
	return all
}

// TestCheckFlips flips a bit in every stretch of a run: Check finds it, and
// finds nothing where nothing was flipped.
func TestCheckFlips(t *testing.T) {
	for _, mayMap := range []bool{false, true} {
		docs := documents(rand.New(rand.NewPCG(1, 5)), 40)
		name := filepath.Join(t.TempDir(), "run")
		ref := write(t, vfs.OS, name, docs)
		whole, err := os.ReadFile(name)
		must(t, err)
		for off := -1; off < len(whole)-1; off += 61 {
			b := slices.Clone(whole)
			if off >= 0 {
				b[off] ^= 4
			}
			must(t, os.WriteFile(name, b, 0o600))
			r, err := Open(vfs.OS, name, ref, testStore, mayMap)
			if err != nil {
				continue // that is told when the store is opened
			}
			if found := wrong(t, r); (len(found) > 0) != (off >= 0) {
				t.Errorf("byte %d of %d, map %v: %q", off, len(whole), mayMap, found)
			}
			must(t, r.Close())
		}
	}
}

// TestCheckEntries writes indexes that lack an entry, or have one too many, with
// all checksums right.
func TestCheckEntries(t *testing.T) {
	for what, edit := range map[string]func(x *index){
		"nothing":         func(*index) {},
		"a term less":     func(x *index) { x.terms = x.terms[1:] },
		"a term more":     func(x *index) { x.terms = append(x.terms, entry{5, 1}) },
		"another term":    func(x *index) { x.terms[3].hash++ },
		"another's term":  func(x *index) { x.terms[3].doc++ },
		"a value less":    func(x *index) { x.values = x.values[1:] },
		"another's value": func(x *index) { x.values[0].doc++ },
	} {
		docs := documents(rand.New(rand.NewPCG(1, 6)), 40)
		name := filepath.Join(t.TempDir(), "run")
		w, err := Create(vfs.OS, name, 7, testStore, "notes")
		must(t, err)
		for _, d := range docs {
			must(t, w.Add(d))
		}
		edit(&w.index)
		ref, err := w.Finish()
		must(t, err)
		r, err := Open(vfs.OS, name, ref, testStore, true)
		must(t, err)
		if found := wrong(t, r); (len(found) > 0) != (what != "nothing") {
			t.Errorf("%s: %q", what, found)
		}
		must(t, r.Close())
	}
}
