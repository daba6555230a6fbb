package fs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// crowd writes a store with several documents at a time that is sealed and
// merged meanwhile: batches and runs have many. The writers write at once, or
// one after the other, so that the same seed gives the same files.
func crowd(t *testing.T, dir string, rng *rand.Rand, atOnce bool) {
	t.Helper()
	o := hasty
	if !atOnce {
		o.inline, o.Spawn = true, inline.Spawn
	}
	o.First, o.Segment, o.freezeAt, o.unit = 32<<10, 32<<10, 16<<10, 8<<10
	s, err := open(vfs.OS, dir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes, Revision: 1, Unique: []string{"slug"}}))
	var wg sync.WaitGroup
	for g := range 12 {
		seed := rng.Uint64()
		write := func() {
			rng := rand.New(rand.NewPCG(seed, 0))
			ws := make([]*writer, 30)
			for i := range ws {
				ws[i] = newWriter(len(ws)*g+i, nil)
			}
			for range 60 {
				var batch []driver.Commit
				for range 1 + rng.IntN(8) {
					batch = append(batch, ws[rng.IntN(len(ws))].step(rng))
				}
				for i, r := range s.Append(background, batch) {
					if r.Err != nil {
						t.Error(r.Err)
						return
					}
					if c := &batch[i]; rng.IntN(15) == 0 {
						if err := s.Checkpoint(background, notes, c.ID, c.Seq, c.Body); err != nil {
							t.Error(err)
						}
					}
				}
			}
		}
		if atOnce {
			wg.Go(write)
		} else {
			write()
		}
	}
	wg.Wait()
	must(t, s.Close(background))
}

// step is the next commit of a document, of any size.
func (w *writer) step(rng *rand.Rand) driver.Commit {
	c := &w.next
	c.Seq++
	for i := range c.Try {
		c.Try[i] = byte(rng.Uint32())
	}
	c.Body = make([]byte, 1+rng.IntN(150))
	for i := range c.Body {
		c.Body[i] = byte(rng.Uint32())
	}
	c.Section = nil
	if c.Seq == 1 || rng.IntN(8) == 0 {
		slug := fmt.Sprintf("%x-%d", c.ID[:8], rng.IntN(4))
		c.Section = append(append([]byte{0x81, 0xa4}, "slug"...), append([]byte{0xa0 | byte(len(slug))}, slug...)...)
		v, _ := driver.DecodeValue(c.Section)
		c.Held = driver.Held(v, []string{"slug"})
	}
	return *c
}

// harm is damage to one file.
type harm struct {
	file     string
	from, to int
	what     string
	after    []byte
}

// strike damages a file at a random place.
func strike(b []byte, file string, rng *rand.Rand) harm {
	h := harm{file: file, from: rng.IntN(len(b)), after: slices.Clone(b)}
	switch rng.IntN(4) {
	case 0:
		h.to, h.what = h.from+1, "a bit"
		h.after[h.from] ^= 1 << rng.IntN(8)
	case 1:
		h.to, h.what = min(len(b), h.from+1+rng.IntN(3000)), "zeros"
		clear(h.after[h.from:h.to])
	case 2:
		h.to, h.what = min(len(b), h.from+1+rng.IntN(300)), "noise"
		for i := h.from; i < h.to; i++ {
			h.after[i] = byte(rng.Uint32())
		}
	default:
		h.to, h.what, h.after = len(b), "the end", h.after[:h.from]
	}
	return h
}

// within gives the documents that have something in the part of a file that is
// damaged: in a batch, or in a frame.
func (h *harm) within(t *testing.T, before []byte) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	if strings.HasPrefix(h.file, journalName) {
		all, _ := journal.Salvage(before)
		for i, b := range all {
			end := len(before)
			if i+1 < len(all) {
				end = int(all[i+1].Offset)
			}
			if int(b.Offset) >= h.to || end <= h.from {
				continue
			}
			for _, rec := range b.Records {
				if rec[0] == recordCommit {
					c, err := driver.DecodeCommit(rec[recordFront:])
					must(t, err)
					ids[c.ID.String()] = true
				}
			}
		}
		return ids
	}
	_, pieces := run.Salvage(before, 0)
	for i, p := range pieces {
		end := len(before)
		if i+1 < len(pieces) {
			end = int(pieces[i+1].Place)
		}
		if int(p.Place) < h.to && end > h.from {
			ids[p.ID.String()] = true
		}
	}
	return ids
}

// smallest is less than what a commit takes in these stores.
const smallest = 64

// unnamed is how many documents losses speak of without a name, or with the name
// of a document that has lost nothing: a bit of it may have been what was damaged.
// Of a batch whose header is damaged the records are named that have their front:
// as many may not have it as fit the damage.
func (h *harm) unnamed(losses []Loss, got, want map[string]string) (n int) {
	if slices.ContainsFunc(losses, func(l Loss) bool { return strings.Contains(l.Why, "missing") }) {
		n = 2 + (h.to-h.from)/smallest
	}
	for _, l := range losses {
		var all, told int
		switch {
		case !l.ID.IsZero() && content(want[l.ID.String()]) == content(got[l.ID.String()]), strings.Contains(l.Why, "cannot be named"):
			n++
		case strings.Contains(l.Why, "a document, perhaps"):
			n++
		case strings.Contains(l.Why, "can still be named"):
			_, rest, _ := strings.Cut(l.Why, "with ")
			fmt.Sscanf(rest, "%d records, of which %d", &all, &told)
		case strings.Contains(l.Why, "can be told apart"):
			fmt.Sscanf(l.Why, "it had %d documents and %d", &all, &told)
		case strings.Contains(l.Why, "never durable"), strings.Contains(l.Why, "bytes long"), strings.Contains(l.Why, "; 0 batches are left"):
			return len(want) // what was behind the end of a file has no names
		}
		n += all - told
	}
	return n
}

// TestSalvageCrowd damages random places of stores with many documents: what is outside of the damage is there as it was, and every document that has
// lost something is named, or counted where the damage is in its name.
func TestSalvageCrowd(t *testing.T) {
	rounds, seed, atOnce := 50, uint64(1), false
	switch {
	case os.Getenv("DESTAM_LONG") != "": // written by many goroutines, too: nobody can do it again
		rounds, seed, atOnce = 3000, rand.Uint64(), true
	case racing || testing.Short():
		rounds = 10
	}
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	whole := filepath.Join(t.TempDir(), "store")
	crowd(t, whole, rng, atOnce)
	got, out := salvaged(t, whole)
	if len(out.Losses) > 0 {
		t.Fatalf("nothing is damaged: %v", out.Losses)
	}
	want := got
	var files []string
	for _, pattern := range []string{"journal/*.log", "runs/*.run"} {
		all, err := filepath.Glob(filepath.Join(whole, pattern))
		must(t, err)
		files = append(files, all...)
	}
	lost, named := 0, 0 // but for ends that are missing
	for range rounds {
		file := files[rng.IntN(len(files))]
		before, err := os.ReadFile(file)
		must(t, err)
		name, err := filepath.Rel(whole, file)
		must(t, err)
		h := strike(bytes.TrimRight(before, "\x00"), name, rng)
		h.after = append(h.after, before[len(bytes.TrimRight(before, "\x00")):]...)
		dir := t.TempDir()
		copyTree(t, whole, dir)
		must(t, os.WriteFile(filepath.Join(dir, name), h.after, 0o600))
		l, n := h.judge(t, dir, before, want)
		if h.what != "the end" {
			lost, named = lost+l, named+n
		}
		must(t, os.RemoveAll(dir))
	}
	t.Logf("%d documents, %d files, %d times damaged; %d documents lost something, %d are named", len(want)-1, len(files), rounds, lost, named)
	if named == 0 {
		t.Error("nothing was lost and named")
	}
}

// content is what a dump says of a document, without its checkpoints: these are
// made of its versions.
func content(dump string) string {
	text, _, _ := strings.Cut(dump, "checkpoint ")
	return text
}

// judge salvages a store and says how many documents have lost something, and
// of how many that is said by their names.
func (h *harm) judge(t *testing.T, dir string, before []byte, want map[string]string) (lost, named int) {
	t.Helper()
	what := fmt.Sprintf("%s, %s from %d to %d", h.file, h.what, h.from, h.to)
	got, out := salvaged(t, dir)
	touched := h.within(t, before)
	for id, text := range want {
		if content(got[id]) == content(text) || id == notes {
			continue
		}
		if !touched[id] {
			t.Errorf("%s: document %s is another, and was not in what is damaged: %v", what, id, out.Losses)
		}
		beginning(t, what+": "+id, text, got[id], out.Losses)
		if lost++; slices.ContainsFunc(out.Losses, func(l Loss) bool { return l.ID.String() == id }) {
			named++
		}
	}
	if most := h.unnamed(out.Losses, got, want); lost-named > most {
		t.Errorf("%s: %d documents have lost something, %d are named and %d counted: %v", what, lost, named, most, out.Losses)
	}
	for id := range got {
		if want[id] == "" {
			t.Errorf("%s: %s is new", what, id)
		}
	}
	return lost, named
}
