package fs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestHealed damages the index of a run. Nobody notices but the keeper, who
// writes the run again.
func TestHealed(t *testing.T) {
	dir := t.TempDir()
	s := sealedStore(t, dir)
	want := dump(t, s)
	ref := s.tables[notes].runs.all[0].Ref
	must(t, s.Close(background))
	name := filepath.Join(dir, runName(ref.Number))
	b, err := os.ReadFile(name)
	must(t, err)
	b[ref.Data+20] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	for _, healed := range []bool{true, false} {
		s, err = Open(dir, nil)
		must(t, err)
		if got := dump(t, s); got != want {
			t.Errorf("the store shows\n%sinstead of\n%s", got, want)
		}
		if r := s.tables[notes].runs.all[0]; r.Healed() != healed {
			t.Errorf("its index was made anew: %v, want %v", r.Healed(), healed)
		}
		s.keeper.mergeAll()
		if r := s.tables[notes].runs.all[0]; r.Healed() || r.Number == ref.Number {
			t.Errorf("run %d is as it was", r.Number)
		}
		must(t, s.Close(background))
	}
}

// TestRotten damages a document in a run, in what it is found by and behind
// that. Reading it says which file and where; the others are read as ever, and a
// merge leaves everything as it is. A commit is taken by whoever knows the head
// that it follows.
func TestRotten(t *testing.T) {
	for _, place := range []string{"head", "records"} {
		t.Run(place, func(t *testing.T) {
			dir := t.TempDir()
			s := sealedStore(t, dir)
			ref := s.tables[notes].runs.all[0].Ref
			must(t, s.Close(background))
			name := filepath.Join(dir, runName(ref.Number))
			b, err := os.ReadFile(name)
			must(t, err)
			last := id(3)
			at := ref.Data - 20
			if place == "head" {
				at = int64(bytes.Index(b, last[:])) + 44 // in the section
			}
			b[at] ^= 1
			must(t, os.WriteFile(name, b, 0o600))
			s, err = Open(dir, nil)
			must(t, err)
			if _, err := s.Load(background, notes, id(1), 0); err != nil {
				t.Errorf("a document that is whole: %v", err)
			}
			if _, err := s.Load(background, notes, last, 0); err == nil || !contains(err, filepath.Base(name), "offset", "backup") {
				t.Errorf("a damaged document: %v", err)
			}
			if err := s.keeper.merge(notes, 0, 1); err == nil {
				t.Error("damage is merged")
			}
			c := driver.Commit{Table: notes, ID: last, Seq: 2, Try: [16]byte{9}, Kind: driver.KindChange, Held: []driver.Term{"slug\x00sslug 3"}}
			if err := s.Append(background, []driver.Commit{c})[0].Err; (err == nil) != (place == "records") {
				t.Errorf("a commit of a damaged document: %v", err)
			}
			must(t, s.Close(background))
		})
	}
}

// contains tells whether an error says all of some texts.
func contains(err error, texts ...string) bool {
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			return false
		}
	}
	return true
}
