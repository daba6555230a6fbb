package fs

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestSoak lets many goroutines write and read while everything is sealed and
// merged all the time, and looks again and again whether what is not sealed and
// the runs stay within their bounds. Then everything is there, also after the
// store was opened again.
func TestSoak(t *testing.T) {
	each := 1500
	switch {
	case racing || testing.Short():
		each = 100
	case os.Getenv("DESTAM_LONG") != "":
		each = 40_000
	}
	const soakers, long = 8, 800
	dir := filepath.Join(t.TempDir(), "store")
	o := hasty
	s, err := open(vfs.OS, dir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	bounds := func() {
		s.order.Lock()
		tail := s.tail
		s.order.Unlock()
		// Who was let in before memory was full may go on: a batch each.
		if most := o.pressAt + soakers*2*long; tail > most {
			t.Errorf("%d bytes are not sealed, at most %d may be", tail, most)
		}
		s.mu.RLock()
		runs, size := len(s.tables[notes].runs.all), int64(s.tables[notes].runs.bytes())
		s.mu.RUnlock()
		if most := mostRuns(size, o.unit) + 1; runs > most { // the newest was sealed just now
			t.Errorf("%d runs of %d bytes, at most %d may be", runs, size, most)
		}
	}
	var wg sync.WaitGroup
	for i := range soakers {
		wg.Go(func() {
			ws := make([]*writer, 10)
			for j := range ws {
				ws[j] = newWriter(10*i+j, make([]byte, long))
			}
			for n := range each {
				w := ws[n%len(ws)]
				if err := w.commit(s, n%64 == 0); err != nil {
					t.Error(err)
					return
				}
				if n%32 == 0 {
					bounds()
					st, err := s.Load(background, notes, w.next.ID, 0)
					if err != nil || st.Seq != w.next.Seq {
						t.Errorf("a document has %d commits, not %d: %v", st.Seq, w.next.Seq, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	bounds()
	for range 2 {
		if n := s.Stats().Commits; n != uint64(soakers*each) {
			t.Errorf("%d commits, want %d", n, soakers*each)
		}
		must(t, s.Close(background))
		s, err = open(vfs.OS, dir, o)
		must(t, err)
	}
	t.Logf("%d runs, %d bytes", len(s.tables[notes].runs.all), s.tables[notes].runs.bytes())
	must(t, s.Close(background))
}

// TestManyWait lets as many batches wait as may, and one more, which waits only
// as long as its context.
func TestManyWait(t *testing.T) {
	s := openMem(t, vfs.NewMem())
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	s.order.Lock()
	var wg sync.WaitGroup
	for i := range mostWaiting {
		wg.Go(func() {
			if err := newWriter(i, nil).commit(s, false); err != nil {
				t.Error(err)
			}
		})
	}
	for len(s.waiting) < mostWaiting {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	c := newWriter(mostWaiting, nil).next
	c.Seq, c.Try[0] = 1, 1
	if err := s.Append(ctx, []driver.Commit{c})[0].Err; !errors.Is(err, context.Canceled) {
		t.Errorf("one more: %v", err)
	}
	one := make(chan error)
	go func() { one <- s.Append(background, []driver.Commit{c})[0].Err }()
	s.order.Unlock()
	must(t, <-one)
	wg.Wait()
	must(t, s.Close(background))
}

// TestPanicOfAnother lets the program panic, or a goroutine end, while one judges
// and appends what many have sent. A panic is heard of by the one whose commit it
// was. When the goroutine ends, those whose commits were not judged are told that
// nobody knows; the same attempts again find what was stored, and store the rest.
func TestPanicOfAnother(t *testing.T) {
	const writers, commits = 32, 20
	disk := vfs.NewMem()
	calm := small
	calm.freezeAt, calm.pressAt, calm.closeAt = 1<<30, 1<<30, 1<<30 // the keeper ends no segment
	s, err := open(disk, storeDir, calm)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	var renames, panics, heard, unknown atomic.Int32
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpRename && filepath.Ext(op.Name) == ".log" {
			switch renames.Add(1) % 4 {
			case 1:
				panics.Add(1)
				panic("on purpose")
			case 3:
				runtime.Goexit()
			}
		}
		return vfs.Fault{}
	}
	store := func(c driver.Commit) error {
		err := driver.ErrUnknown
		var wg sync.WaitGroup
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					heard.Add(1)
				}
			}()
			if err = s.Append(background, []driver.Commit{c})[0].Err; err == nil {
				err = driver.ErrUnknown // until Sync says more, which may judge and append what others send
				err = s.Sync(background, driver.Doc{Table: notes, ID: c.ID})
			}
		})
		wg.Wait()
		return err
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
	t.Logf("%d panics; %d others were told that nobody knows", panics.Load(), unknown.Load())
	if n := panics.Load(); n == 0 || heard.Load() != n {
		t.Errorf("%d heard of %d panics", heard.Load(), n)
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
