package fs

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

var update = flag.Bool("update", false, "write the golden stores that are not there; those that are stay as long as there is a version that reads them")

// goldenScript brings every kind of record and every life of a document into
// the golden stores: see history.run.
const goldenScript = "t1c1c2c3c4u1u1u2ffk1u1d2d3r3v4p4u1u1u3u3v1v3u1ffk1c1u3u3u3u1u1u1ffu1"

// goldens are stores that this version wrote and every later one must open:
// closed in order, left by a kill, left by a power failure with a torn tail,
// and, in runs that were merged, with a journal behind them. Some files were
// written by versions before it.
var goldens = []struct {
	name string
	end  func(t *testing.T, s *Store, dir string)
	lost int
}{
	{"sealed", func(*testing.T, *Store, string) {}, 0}, // by runs without filters and sums of heads
	{"filtered", func(*testing.T, *Store, string) {}, 0},
	{"clean", func(t *testing.T, s *Store, _ string) { must(t, s.Close(background)) }, 0},
	{"killed", func(*testing.T, *Store, string) {}, 0},
	{"torn", func(t *testing.T, _ *Store, dir string) {
		names, err := filepath.Glob(filepath.Join(dir, journalName, "*.log"))
		must(t, err)
		name := names[len(names)-1]
		b, err := os.ReadFile(name)
		must(t, err)
		// A batch of which a sector got onto the disk and its header did not.
		end := len(b)
		for b[end-1] == 0 {
			end--
		}
		copy(b[end+60:], "the remains of a batch")
		must(t, os.WriteFile(name, b, 0o600))
	}, 1},
}

func TestGolden(t *testing.T) {
	if *update {
		writeGoldens(t)
	}
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			h := newHistory(t)
			for i := 0; i+1 < len(goldenScript); i += 2 {
				if op := goldenScript[i]; op != 'f' {
					must(t, h.operation(op, goldenScript[i+1])(h.oracle))
				}
			}
			dir := t.TempDir()
			copyTree(t, filepath.Join("testdata", "store-1-"+g.name), dir)
			for _, lost := range []int{g.lost, 0} { // the second time it is in order
				s, err := Open(dir, nil)
				must(t, err)
				want, got := strings.Split(dump(t, h.oracle), "\n"), strings.Split(dump(t, s), "\n")
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("the store shows (-want +got):\n%s", diff)
				}
				if n := len(s.Stats().Lost); n != lost {
					t.Errorf("%d stretches lost, want %d", n, lost)
				}
				next := h.operation('u', '1')
				must(t, next(s))
				must(t, next(h.oracle))
				must(t, s.Close(background))
			}
		})
	}
}

func writeGoldens(t *testing.T) {
	for _, g := range goldens {
		to := filepath.Join("testdata", "store-1-"+g.name)
		if _, err := os.Stat(to); err == nil {
			continue
		}
		h := newHistory(t)
		dir := t.TempDir()
		o := small
		o.First, o.Segment, o.freezeAt, o.closeAt = 4096, 4096, 1<<20, 1<<20
		if g.name == "sealed" || g.name == "filtered" {
			o = tight
		}
		s, err := open(vfs.OS, dir, o)
		must(t, err)
		for i := 0; i+1 < len(goldenScript); i += 2 {
			if op := goldenScript[i]; op == 'f' {
				must(t, s.Sync(background))
			} else {
				do := h.operation(op, goldenScript[i+1])
				must(t, do(h.oracle))
				must(t, do(s))
			}
		}
		g.end(t, s, dir)
		copyTree(t, dir, to)
		must(t, os.Remove(filepath.Join(to, lockName))) // says where it was written
		if err := os.Remove(filepath.Join(to, journalName, "next.tmp")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		must(t, s.Close(background))
	}
}
