package fs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestSalvageLong damages a byte in the middle of a long history: of the versions
// only those are lost that stand around it.
func TestSalvageLong(t *testing.T) {
	const n = 3000
	dir, to := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "saved")
	o := settings{Options: journal.Options{First: 1 << 20, Segment: 1 << 20, Memory: fresh}, keeping: usual}
	o.closeAt = 1
	s, err := open(vfs.OS, dir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	w := newWriter(1, make([]byte, 80))
	batch := make([]driver.Commit, n)
	for i := range batch {
		w.next.Seq = uint64(i) + 1
		w.next.Try[0], w.next.Try[1], w.next.Try[2] = byte(i), byte(i>>8), 1
		batch[i] = w.next
		w.next.Section = nil
	}
	for _, r := range s.Append(background, batch) {
		must(t, r.Err)
	}
	must(t, s.Checkpoint(background, notes, w.next.ID, n-10, []byte("content")))
	must(t, s.Close(background))
	runs, err := filepath.Glob(filepath.Join(dir, runsName, "*"))
	must(t, err)
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	b, err := os.ReadFile(runs[0])
	must(t, err)
	b[len(b)/2] ^= 4
	must(t, os.WriteFile(runs[0], b, 0o600))
	must(t, os.RemoveAll(filepath.Join(dir, journalName))) // where they are for a while yet
	out, err := Salvage(background, dir, to)
	must(t, err)
	t.Logf("%d commits saved; %v", out.Commits, out.Losses)
	s, err = Open(to, nil)
	must(t, err)
	voids := 0
	for c, err := range s.Log(background, notes, w.next.ID, driver.Range{}) {
		must(t, err)
		if c.Kind == driver.KindVoid {
			voids++
		}
	}
	if voids == 0 || voids > n/10 {
		t.Errorf("of %d versions %d are lost", n, voids)
	}
	must(t, s.Close(background))
}
