package fs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

var update = flag.Bool("update", false, "write the golden stores that are not there; those that are stay as long as there is a version that reads them")

// goldenScript brings every kind of record and every life of a document into
// the golden stores: see history.run.
const goldenScript = "t1c1c2c3c4u1u1u2ffk1u1d2d3r3v4p4u1u1u3u3v1v3u1ffk1c1u3u3u3u1u1u1ffu1"

// kindsScript has every kind of commit, and of one document so many before its
// checkpoint that its run has strides.
var kindsScript = "t1c1c2c3n1u2k2d2r2n3v3p3c4d4" + strings.Repeat("u1n1u1k1u1v1u1u1", 12) + "c1k1u1u2ff"

// goldens are stores that this version wrote and every later one must open:
// closed in order, left by a kill, left by a power failure with a torn tail,
// and, in runs that were merged, with a journal behind them. Some files were
// written by versions before it.
var goldens = []struct {
	name   string
	script string
	end    func(t *testing.T, s *Store, dir string)
	lost   int
}{
	{"sealed", goldenScript, func(*testing.T, *Store, string) {}, 0}, // by runs without filters and sums of heads
	{"filtered", goldenScript, func(*testing.T, *Store, string) {}, 0},
	{"kinds", kindsScript, func(t *testing.T, s *Store, _ string) { // all in one run, and what was replaced last still there
		k := &s.keeper
		k.pressed.Store(true)
		k.sealAll()
		must(t, k.merge(notes, 0, len(s.tables[notes].runs.all)))
		k.collect()
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keep = time.Hour
		must(t, k.write(k.manifest, nil))
		must(t, k.write(k.manifest, nil))
	}, 0},
	{"clean", goldenScript, func(t *testing.T, s *Store, _ string) { must(t, s.Close(background)) }, 0},
	{"killed", goldenScript, func(*testing.T, *Store, string) {}, 0},
	{"torn", goldenScript, func(t *testing.T, _ *Store, dir string) {
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
			for i := 0; i+1 < len(g.script); i += 2 {
				if op := g.script[i]; op != 'f' {
					must(t, h.operation(op, g.script[i+1])(h.oracle))
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
		if slices.Contains([]string{"sealed", "filtered", "kinds"}, g.name) {
			o = tight
		}
		s, err := open(vfs.OS, dir, o)
		must(t, err)
		for i := 0; i+1 < len(g.script); i += 2 {
			if op := g.script[i]; op == 'f' {
				must(t, s.Sync(background))
			} else {
				do := h.operation(op, g.script[i+1])
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

// TestFormatDocument keeps the examples in docs/FORMAT.md true: the texts have
// the checksums that they say, and the bytes are those of the golden stores.
func TestFormatDocument(t *testing.T) {
	page, err := os.ReadFile("../../docs/FORMAT.md")
	must(t, err)
	example := func(first string) []byte {
		_, rest, _ := strings.Cut(string(page), "```\n"+first+"\n")
		text, _, ok := strings.Cut(rest, "```\n")
		if !ok {
			t.Fatalf("there is no example that begins with %q", first)
		}
		return []byte(first + "\n" + text)
	}
	_, err = decodeIdentity(example("destam store"))
	must(t, err)
	text := example("destam manifest")
	var store [16]byte
	_, err = hex.Decode(store[:], []byte(regexp.MustCompile(`(?m)^store (.*)$`).FindStringSubmatch(string(text))[1]))
	must(t, err)
	m, err := manifest.Decode(text, "FORMAT.md", store)
	must(t, err)
	if len(m.Gone) == 0 || len(m.Tables[0].Runs) < 2 {
		t.Errorf("the manifest shows little: %+v", m)
	}
	line := regexp.MustCompile(`^([0-9a-f]{3})  ((?:[0-9a-f]{2}(?: {1,2}|$))+)`)
	for _, name := range []string{"store-1-clean/journal/0000000001.log", "store-1-filtered/runs/0000000002.run"} {
		whole, err := os.ReadFile(filepath.Join("testdata", name))
		must(t, err)
		_, rest, _ := strings.Cut(string(page), "`drivers/fs/testdata/"+name+"`")
		_, rest, _ = strings.Cut(rest, "```\n")
		dump, _, _ := strings.Cut(rest, "```\n")
		shown := 0
		for _, l := range strings.Split(dump, "\n") {
			words := line.FindStringSubmatch(l)
			if words == nil {
				continue
			}
			at, err := strconv.ParseInt(words[1], 16, 0)
			must(t, err)
			want, err := hex.DecodeString(strings.ReplaceAll(words[2], " ", ""))
			must(t, err)
			if got := whole[at:min(int(at)+len(want), len(whole))]; !bytes.Equal(got, want) {
				t.Errorf("%s at %03x has % x, the document says % x", name, at, got, want)
			}
			shown += len(want)
		}
		if shown < 120 {
			t.Errorf("of %s the document shows %d bytes", name, shown)
		}
	}
}
