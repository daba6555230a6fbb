package fs

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestBackup makes copies of a store that is written to, sealed and merged. A
// copy has all that was accepted before, and of each document a beginning.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s, err := open(vfs.OS, filepath.Join(dir, "store"), hasty)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	const writers = 4
	var stop atomic.Bool
	var wg sync.WaitGroup
	accepted := make([]atomic.Uint64, writers)
	for i := range writers {
		wg.Go(func() {
			w := newWriter(i, make([]byte, 3000))
			for !stop.Load() {
				if err := w.commit(s, false); err != nil {
					t.Error(err)
					return
				}
				accepted[i].Store(w.next.Seq)
			}
		})
	}
	for i := range 6 {
		var least [writers]uint64
		for accepted[0].Load() < uint64(100*i) && !t.Failed() {
			must(t, s.Sync(background))
		}
		for w := range least {
			least[w] = accepted[w].Load()
		}
		to := filepath.Join(dir, "copy", string(rune('a'+i)))
		must(t, s.Backup(background, to))
		c, err := Open(to, nil)
		must(t, err)
		for w := range least {
			id := newWriter(w, nil).next.ID
			state, err := c.Load(background, notes, id, 0)
			if err != nil && least[w] > 0 || state.Seq < least[w] || uint64(len(state.Commits)) != state.Seq {
				t.Errorf("copy %d: writer %d has %d commits, head %d, %v; %d were accepted before", i, w, len(state.Commits), state.Seq, err, least[w])
			}
		}
		must(t, c.Close(background))
		if err := s.Backup(background, to); err == nil || !strings.Contains(err.Error(), "choose an empty folder") {
			t.Errorf("a backup over another: %v", err)
		}
	}
	stop.Store(true)
	wg.Wait()
	must(t, s.Close(background))
	if err := s.Backup(background, filepath.Join(dir, "late")); !errors.Is(err, driver.ErrClosed) {
		t.Errorf("a backup of a closed store: %v", err)
	}
}

// TestBackupFaults lets every operation of a backup fail: what it leaves is no
// store, and the next one to another folder works.
func TestBackupFaults(t *testing.T) {
	h := newHistory(t)
	h.o = tight
	var last *vfs.Mem
	must(t, h.run(t, vfs.NewMem(), sealScripts[0], func(disk *vfs.Mem) { last = disk }))
	for k := 1; ; k++ {
		disk := last.Kill()
		s, err := h.open(disk)
		must(t, err)
		want := dump(t, s)
		count := 0
		disk.Before = func(vfs.Op) vfs.Fault {
			if count++; count == k {
				return vfs.Fault{Err: errors.New("a fault")}
			}
			return vfs.Fault{}
		}
		err = s.Backup(background, "/copy")
		disk.Before = nil
		if err != nil {
			if _, exists, _ := readIdentity(disk, "/copy"); exists {
				t.Fatalf("operation %d failed, and there is a store: %v", k, err)
			}
			must(t, s.Backup(background, "/other"))
			must(t, s.Close(background))
			continue
		}
		c, err := open(disk.Cut(vfs.Cut{Pick: vfs.Drop}), "/copy", tight)
		must(t, err)
		if got := dump(t, c); got != want {
			t.Errorf("the copy shows\n%sinstead of\n%s", got, want)
		}
		must(t, errors.Join(c.Close(background), s.Close(background)))
		if count < k {
			break
		}
	}
}

// TestBackupHolds merges all runs while the first of them is being copied: the
// others are copied all the same, and removed when the backup is over.
func TestBackupHolds(t *testing.T) {
	h := newHistory(t)
	h.o = tight
	var disk *vfs.Mem
	must(t, h.run(t, vfs.NewMem(), sealScripts[0], func(d *vfs.Mem) { disk = d }))
	s, err := h.open(disk)
	must(t, err)
	for len(s.tables[notes].runs.all) < 3 {
		put(t, s, 4, strings.Repeat("until there are several runs ", 30))
	}
	want, before := dump(t, s), len(s.tables[notes].runs.all)
	merged := false
	disk.During = func(op vfs.Op) {
		if strings.HasPrefix(op.Name, "/copy/runs/") && !merged {
			merged = true
			must(t, s.keeper.merge(notes, 0, before))
			s.keeper.collect()
		}
	}
	must(t, s.Backup(background, "/copy"))
	if !merged {
		t.Fatal("nothing was merged")
	}
	c, err := open(disk.Cut(vfs.Cut{Pick: vfs.Drop}), "/copy", tight)
	must(t, err)
	if got := dump(t, c); got != want {
		t.Errorf("the copy shows\n%sinstead of\n%s", got, want)
	}
	s.keeper.collect()
	if names, err := disk.List(storeDir + "/" + runsName); err != nil || len(names) != 1 {
		t.Errorf("after the backup there are %v, %v", names, err)
	}
	must(t, errors.Join(c.Close(background), s.Close(background)))
}
