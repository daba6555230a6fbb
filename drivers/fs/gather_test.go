package fs

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestPanicOfAnother lets the program panic while one judges and appends what
// many have sent. Those whose commits were not judged are told that nobody
// knows; the same attempts again find what was stored, and store the rest.
func TestPanicOfAnother(t *testing.T) {
	const writers, commits = 32, 20
	disk := vfs.NewMem()
	calm := small
	calm.freezeAt, calm.pressAt, calm.closeAt = 1<<30, 1<<30, 1<<30 // the keeper ends no segment
	s, err := open(disk, storeDir, calm)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	var renames, panics, unknown atomic.Int32
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRename && filepath.Ext(op.Name) == ".log" && renames.Add(1)%2 == 1 {
			panic("on purpose")
		}
		return vfs.Fault{}
	}
	store := func(c driver.Commit) (err error) {
		defer func() {
			if recover() != nil {
				panics.Add(1)
				err = driver.ErrUnknown
			}
		}()
		if err := s.Append(background, []driver.Commit{c})[0].Err; err != nil {
			return err
		}
		return s.Sync(background, driver.Doc{Table: notes, ID: c.ID}) // may judge and append what others send
	}
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			w := newWriter(n, make([]byte, 80))
			for range commits {
				w.next.Seq++
				binary.BigEndian.PutUint64(w.next.Try[:], w.next.Seq)
				err := driver.ErrUnknown
				for errors.Is(err, driver.ErrUnknown) {
					if err = store(w.next); errors.Is(err, errUnjudged) {
						unknown.Add(1)
					}
				}
				if err != nil {
					t.Errorf("writer %d, commit %d: %v", n, w.next.Seq, err)
					return
				}
				w.next.Section = nil
			}
		})
	}
	wg.Wait()
	t.Logf("%d panics, for which %d others were told that nobody knows", panics.Load(), unknown.Load())
	if panics.Load() == 0 {
		t.Error("nothing panicked")
	}
	must(t, s.Close(background)) // no goroutine of it uses the disk any more
	disk.Before = nil
	s = openMem(t, disk)
	for n := range writers {
		h, err := s.Head(background, notes, newWriter(n, nil).next.ID)
		if must(t, err); h.Seq != commits {
			t.Errorf("writer %d: %d commits", n, h.Seq)
		}
	}
	must(t, s.Close(background))
}
