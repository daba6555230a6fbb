package fs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
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
