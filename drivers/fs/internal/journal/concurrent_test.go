package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// openNew makes a journal on a new disk, with a real goroutine that prepares.
func openNew(t testing.TB, f vfs.FS, o Options) *Journal {
	t.Helper()
	if err := vfs.MkdirAll(f, journalDir); err != nil {
		t.Fatal(err)
	}
	if err := Create(f, journalDir, o); err != nil {
		t.Fatal(err)
	}
	j, err := Open(f, journalDir, o, func([]byte, Place, uint64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestGroupCommit lets many wait for one sync: while it runs they gather, and
// the next sync serves them all.
func TestGroupCommit(t *testing.T) {
	const writers = 32
	disk := vfs.NewMem()
	o := Options{Store: storeID, First: 1 << 16, Segment: 1 << 16, LostFound: lostFound}
	j := openNew(t, disk, o)
	var syncs atomic.Int32
	entered, release := make(chan bool), make(chan bool)
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync && syncs.Add(1) == 1 {
			entered <- true
			<-release
		}
		return vfs.Fault{}
	}
	put := func() (no uint64) {
		var err error
		j.Gather(func() { _, no, err = j.Append([]byte("record")) })
		if err == nil {
			err = j.Write(no)
		}
		if err != nil {
			t.Error(err)
		}
		return no
	}
	var wg sync.WaitGroup
	commit := func(no uint64) {
		wg.Go(func() {
			if err := j.Sync(context.Background(), no); err != nil {
				t.Error(err)
			}
		})
	}
	commit(put())
	<-entered // the first sync runs and does not end
	for range writers {
		commit(put())
	}
	for size := 0; size < writers; runtime.Gosched() {
		j.mu.Lock()
		if j.later != nil {
			size = j.later.size
		}
		j.mu.Unlock()
	}
	release <- true
	wg.Wait()
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs for one writer and %d that came while it waited, want 2", n, writers)
	}
	if many := j.regulars.many.Load(); many != writers {
		t.Errorf("%d may come back, want %d", many, writers)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// heldWrites are the writes to a journal's disk: the first begins, and ends when
// it is let go; the later ones may fail.
type heldWrites struct {
	n              atomic.Int32
	begun, release chan bool
}

func openHeld(t *testing.T, fails bool) (*Journal, *heldWrites) {
	disk := vfs.NewMem()
	j := openNew(t, disk, Options{Store: storeID, First: 1 << 16, Segment: 1 << 16, LostFound: lostFound})
	w := &heldWrites{begun: make(chan bool, 1), release: make(chan bool)}
	disk.Before = func(op vfs.Op) (fault vfs.Fault) {
		switch {
		case op.Kind != vfs.OpWrite:
		case w.n.Add(1) == 1:
			w.begun <- true
			<-w.release
		case fails:
			fault.Err = errors.New("disk on fire")
		}
		return fault
	}
	return j, w
}

// TestSharedWrite lets many wait for one write: what gathers while another runs
// is written at once, and when that fails all of them hear of it.
func TestSharedWrite(t *testing.T) {
	const writers = 32
	for _, fails := range []bool{false, true} {
		j, w := openHeld(t, fails)
		put := func() uint64 {
			_, no, err := j.Append([]byte("record"))
			if err != nil {
				t.Fatal(err)
			}
			return no
		}
		var wg sync.WaitGroup
		write := func(no uint64, fails bool) {
			wg.Go(func() {
				if err := j.Write(no); errors.Is(err, driver.ErrPoisoned) != fails || err != nil && !fails {
					t.Errorf("batch %d: %v", no, err)
				}
			})
		}
		write(put(), false)
		<-w.begun // the first write runs and does not end
		for range writers {
			write(put(), fails)
		}
		w.release <- true
		wg.Wait()
		if n := w.n.Load(); n != 2 {
			t.Errorf("%d writes for one writer and %d that came while it wrote, want 2", n, writers)
		}
		if err := j.Close(); errors.Is(err, driver.ErrPoisoned) != fails {
			t.Errorf("Close gave %v", err)
		}
	}
}

// TestGather lets many gather while one writes: what they append is written at
// once, and when that fails all of them hear of it. A panic is that of whose
// function it was, and of nobody else; when a function ends the goroutine that
// calls it, nobody waits in vain.
func TestGather(t *testing.T) {
	for _, how := range []string{"well", "fails", "panics", "ends"} {
		t.Run(how, func(t *testing.T) { gather(t, how) })
	}
}

func gather(t *testing.T, how string) {
	const writers = 32
	j, w := openHeld(t, how == "fails")
	j.regulars.many.Store(writers)
	j.regulars.worth.Store(int64(time.Minute))
	var gathered, called atomic.Int32
	put := func(n int) {
		faulty := n%2 == 1
		defer func() {
			said := fmt.Sprint(recover())
			if strings.HasPrefix(said, "on purpose\n\n") != (how == "panics" && faulty) {
				t.Errorf("%d heard of the panic %s", n, said)
			}
		}()
		var no uint64
		var err error
		gathered.Add(1)
		j.Gather(func() {
			switch called.Add(1); {
			case how == "panics" && faulty:
				panic("on purpose")
			case how == "ends" && faulty:
				runtime.Goexit()
			}
			_, no, err = j.Append([]byte("record"))
		})
		if err == nil {
			err = j.Write(no)
		}
		if bad := how == "fails" && n > 0; errors.Is(err, driver.ErrPoisoned) != bad || err != nil && !bad {
			t.Errorf("%d: batch %d: %v", n, no, err)
		}
		if no == 0 && err == nil && how != "ends" {
			t.Errorf("%d: nothing was appended", n)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { put(0) })
	<-w.begun // the first write runs and does not end
	for n := range writers {
		wg.Go(func() { put(n + 1) })
	}
	for called.Load() != writers+1 {
		runtime.Gosched() // each leads, or is called by one who does
		if how == "ends" && gathered.Load() == writers+1 {
			break // the function of one whose leader ends may not be called
		}
	}
	w.release <- true
	wg.Wait()
	if n := w.n.Load(); n > 2 && how != "ends" {
		t.Errorf("%d writes for one writer and %d that came while it wrote, want 2", n, writers)
	}
	if how != "fails" {
		put(0)
	}
	if err := j.Close(); errors.Is(err, driver.ErrPoisoned) != (how == "fails") {
		t.Errorf("Close gave %v", err)
	}
}

// TestCloseGathered closes a journal while somebody has gathered whom nobody
// has served.
func TestCloseGathered(t *testing.T) {
	j := openNew(t, vfs.NewMem(), variant{}.options())
	if _, _, err := j.Append([]byte("record")); err != nil {
		t.Fatal(err)
	}
	var err error
	turn, _ := j.turns.join(&visit{append: func() { _, _, err = j.Append([]byte("too late")) }})
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if <-turn.over; !errors.Is(err, driver.ErrClosed) {
		t.Errorf("who came too late got %v", err)
	}
}

// TestSyncCancelled gives up a sync that others count on: the one that runs is
// over when the disk says so, the one after it gets another leader.
func TestSyncCancelled(t *testing.T) {
	disk := vfs.NewMem()
	j := openNew(t, disk, variant{}.options())
	entered, release := make(chan bool), make(chan bool)
	var syncs atomic.Int32
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync && syncs.Add(1) == 1 {
			entered <- true
			<-release
		}
		return vfs.Fault{}
	}
	put := func() uint64 {
		_, no, err := j.Append([]byte("record"))
		if err == nil {
			err = j.Write(no)
		}
		if err != nil {
			t.Fatal(err)
		}
		return no
	}
	syncing := func(ctx context.Context, no uint64) chan error {
		c := make(chan error, 1)
		go func() { c <- j.Sync(ctx, no) }()
		return c
	}
	// until waits for the others to come so far; they need nothing more.
	until := func(is func() bool) {
		for is := func() bool { j.mu.Lock(); defer j.mu.Unlock(); return is() }; !is(); {
			runtime.Gosched()
		}
	}
	first, second := put(), uint64(0)
	runs := syncing(context.Background(), first)
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	followers := []chan error{syncing(ctx, first)}
	until(func() bool { return j.round.size == 2 })
	second = put()
	leads := syncing(ctx, second)
	until(func() bool { return j.later != nil })
	led := j.later
	others := []chan error{syncing(context.Background(), second), syncing(context.Background(), second)}
	until(func() bool { return led.size > 1 })
	cancel()
	for i, c := range append(followers, leads) {
		if err := <-c; !errors.Is(err, context.Canceled) {
			t.Errorf("%d of those who gave up got %v", i, err)
		}
	}
	until(func() bool { return j.later != nil && j.later != led })
	release <- true
	for i, c := range append(others, runs) {
		if err := <-c; err != nil {
			t.Errorf("%d of those who stayed got %v", i, err)
		}
	}
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs, want 2", n)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPanic lets the disk panic under the leader. The panic is its own; those
// who wait for it get an error, nobody hangs, and the journal is poisoned.
func TestPanic(t *testing.T) {
	for _, kind := range []vfs.Kind{vfs.OpWrite, vfs.OpSync} {
		t.Run(kind.String(), func(t *testing.T) {
			const writers = 16
			disk := vfs.NewMem()
			j := openNew(t, disk, variant{}.options())
			disk.Before = func(op vfs.Op) vfs.Fault {
				if op.Kind == kind {
					panic("disk on fire")
				}
				return vfs.Fault{}
			}
			var wg sync.WaitGroup
			var panics, poisoned atomic.Int32
			for range writers {
				wg.Go(func() {
					defer func() {
						if recover() != nil {
							panics.Add(1)
						}
					}()
					_, no, err := j.Append([]byte("record"))
					if err == nil {
						err = j.Sync(context.Background(), no)
					}
					if errors.Is(err, driver.ErrPoisoned) {
						poisoned.Add(1)
					}
				})
			}
			wg.Wait()
			if panics.Load() != 1 || poisoned.Load() != writers-1 {
				t.Errorf("%d panics and %d errors, want 1 and %d", panics.Load(), poisoned.Load(), writers-1)
			}
			disk.Before = nil
			if err := j.Close(); !errors.Is(err, driver.ErrPoisoned) {
				t.Errorf("Close gave %v", err)
			}
			if n := disk.OpenFiles(); n != 0 {
				t.Errorf("%d files open", n)
			}
		})
	}
}

// TestIdleMark waits for the mark that nobody asks for.
func TestIdleMark(t *testing.T) {
	disk := vfs.NewMem()
	o := variant{}.options()
	o.Idle = time.Millisecond
	j := openNew(t, disk, o)
	marked := make(chan vfs.Op, 1)
	var syncs atomic.Int32
	disk.After = func(op vfs.Op) {
		if op.Kind == vfs.OpSync {
			syncs.Add(1)
		}
		if op.Kind == vfs.OpWrite && syncs.Load() > 0 {
			marked <- op
		}
	}
	_, no, err := j.Append([]byte("record"))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Sync(context.Background(), no); err != nil {
		t.Fatal(err)
	}
	if op := <-marked; op.Len != batchHeader {
		t.Errorf("after the sync: %v", op)
	}
	j.Mark() // there is nothing new to say
	select {
	case op := <-marked:
		t.Errorf("a second mark: %v", op)
	default:
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseWaits closes while a segment is being prepared: its goroutine is
// over and its file closed when Close returns.
func TestCloseWaits(t *testing.T) {
	disk := vfs.NewMem()
	o := variant{}.options()
	o.Spawn = nil
	j := openNew(t, disk, o)
	before := runtime.NumGoroutine()
	release := make(chan bool)
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpCreate {
			<-release
		}
		return vfs.Fault{}
	}
	if _, _, err := j.Append(record(1, 1500)); err != nil { // more than half a segment
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	release <- true
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if n := disk.OpenFiles(); n != 0 {
		t.Errorf("%d files open", n)
	}
	for i := 0; runtime.NumGoroutine() > before && i < 5000; i++ {
		time.Sleep(time.Millisecond) // a goroutine that has ended is counted until it is gone
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
}
