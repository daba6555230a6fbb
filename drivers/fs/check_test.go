package fs

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

func damages(t *testing.T, s *Store) (all []string) {
	t.Helper()
	for d, err := range s.Check(background) {
		must(t, err)
		all = append(all, fmt.Sprintf("%s %v %s: %s", d.Table, d.ID, d.Where, d.Why))
	}
	return all
}

// TestCheck flips bits of every file of a store while it is in use: Check finds
// each, and names the file.
func TestCheck(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			dir := t.TempDir()
			copyTree(t, filepath.Join("testdata", "store-1-"+g.name), dir)
			s, err := Open(dir, nil)
			must(t, err)
			defer s.Close(background)
			if found := damages(t, s); len(found) > 0 {
				t.Fatalf("nothing is wrong: %q", found)
			}
			m := s.keeper.manifest
			names := []string{storeName}
			if m.Number > 0 {
				names = append(names, fmt.Sprintf("MANIFEST-%010d", m.Number))
			}
			for _, tm := range m.Tables {
				for _, r := range tm.Runs {
					names = append(names, runName(r.Number))
				}
			}
			segments, err := filepath.Glob(filepath.Join(dir, journalName, "*.log"))
			must(t, err)
			for _, name := range segments {
				names = append(names, filepath.Join(journalName, filepath.Base(name)))
			}
			for _, name := range names {
				flips(t, s, dir, name)
			}
			if found := damages(t, s); len(found) > 0 {
				t.Fatalf("all was mended: %q", found)
			}
		})
	}
}

// flips damages one file at many places.
func flips(t *testing.T, s *Store, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	whole, err := os.ReadFile(path)
	must(t, err)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	end := len(strings.TrimRight(string(whole), "\x00"))
	if strings.HasPrefix(name, journalName) {
		end -= 48 // the last mark, which nothing vouches for
	}
	for off := 0; off < end; off += 64 {
		_, err := f.WriteAt([]byte{whole[off] ^ 16}, int64(off))
		must(t, err)
		found := damages(t, s)
		want := filepath.Base(name)
		if strings.HasPrefix(name, journalName) {
			want = journalName // where the batches before it end, it may be
		}
		named := len(found) > 0 && strings.Contains(strings.Join(found, "\n"), want)
		if old := strings.HasPrefix(name, journalName) && s.sealedSegment(name); !named && !old {
			t.Errorf("%s, byte %d of %d: found %q", name, off, end, found)
		}
		_, err = f.WriteAt(whole[off:off+1], int64(off))
		must(t, err)
	}
}

// sealedSegment tells whether all of a segment is in runs.
func (s *Store) sealedSegment(name string) bool {
	for _, g := range s.keeper.manifest.Gone {
		if g.Name == name {
			return true
		}
	}
	return false
}

// TestCheckMemory has an entry too many and one too few in what is not sealed.
func TestCheckMemory(t *testing.T) {
	dir := t.TempDir()
	copyTree(t, filepath.Join("testdata", "store-1-killed"), dir)
	s, err := Open(dir, nil)
	must(t, err)
	defer s.Close(background)
	l := s.tables[notes].active
	for _, term := range slices.Collect(maps.Keys(l.found)) {
		ids := l.found[term].list()
		for what, wrong := range map[string][]driver.ID{
			"lacks a document":             ids[1:],
			"has a document too many":      append(slices.Clone(ids), driver.ID{1}),
			"has another document instead": append(slices.Clone(ids[1:]), driver.ID{1}),
		} {
			right := l.found[term]
			set := &idSet{}
			for _, id := range wrong {
				set.add(id)
			}
			l.found[term] = hits{set: set}
			if len(damages(t, s)) == 0 {
				t.Errorf("%q %s, and nobody sees it", term, what)
			}
			l.found[term] = right
		}
	}
	if found := damages(t, s); len(found) > 0 {
		t.Errorf("all was mended: %q", found)
	}
}
