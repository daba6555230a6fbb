package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
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

// named is a record that says who wrote it.
func named(writer, n int) []byte {
	b := make([]byte, 16+(writer*31+n*17)%300)
	binary.LittleEndian.PutUint64(b, uint64(writer))
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	for i := 16; i < len(b); i++ {
		b[i] = byte(writer + n + i)
	}
	return b
}

// snapshot is a disk after a power failure and what each writer was told by
// then.
type snapshot struct {
	disk  *vfs.Mem
	acked []int64
}

// TestConcurrent cuts the power while many write. Whatever is found must be a
// prefix of the order that the journal turned out to have, and hold what each
// writer was told is durable.
func TestConcurrent(t *testing.T) {
	const writers, records = 16, 40
	for seed := range uint64(6) {
		disk := vfs.NewMem()
		o := variant{}.options()
		o.Spawn = nil
		j := openNew(t, disk, o)
		acked := make([]atomic.Int64, writers)
		var (
			mu    sync.Mutex
			rng   = rand.New(rand.NewPCG(seed, 0))
			snaps []snapshot
		)
		disk.After = func(op vfs.Op) {
			mu.Lock()
			defer mu.Unlock()
			if !op.Kind.Changes() || rng.IntN(12) > 0 {
				return
			}
			s := snapshot{acked: make([]int64, writers)}
			for i := range acked { // before the cut: what comes later need not be there
				s.acked[i] = acked[i].Load()
			}
			s.disk = disk.Cut(vfs.Cut{Pick: vfs.Random(rng, rng.Float64()), Stale: true})
			snaps = append(snaps, s)
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range records {
					_, no, err := j.Append(named(w, n))
					if err == nil && (w+n)%3 > 0 {
						err = j.Write(no)
					}
					if err == nil {
						err = j.Sync(context.Background(), no)
					}
					if err != nil {
						t.Error(err)
						return
					}
					acked[w].Store(int64(n + 1))
				}
			})
		}
		wg.Wait()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		disk.After = nil
		order, err := open(variant{}, disk)
		if err != nil {
			t.Fatal(err)
		}
		if len(order.records) != writers*records {
			t.Fatalf("%d records of %d", len(order.records), writers*records)
		}
		for i, s := range snaps {
			if err := s.check(order.records); err != nil {
				t.Fatalf("seed %d, power cut %d: %v", seed, i, err)
			}
		}
		if len(snaps) < 10 {
			t.Errorf("only %d power cuts", len(snaps))
		}
		_ = order.Close()
	}
}

func (s snapshot) check(order [][]byte) error {
	f, err := open(variant{}, s.disk)
	if err != nil {
		return err
	}
	if err := (model{sent: order}).isPrefix(f.records, 0); err != nil {
		return err
	}
	has := make([]int64, len(s.acked))
	for _, r := range f.records {
		w, n := binary.LittleEndian.Uint64(r), binary.LittleEndian.Uint64(r[8:])
		if !bytes.Equal(r, named(int(w), int(n))) || int64(n) != has[w] {
			return fmt.Errorf("writer %d: record %d stands where %d should", w, n, has[w])
		}
		has[w]++
	}
	for w := range has {
		if has[w] < s.acked[w] {
			return fmt.Errorf("writer %d: %d records, %d were acknowledged", w, has[w], s.acked[w])
		}
	}
	return f.Close()
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
	put := func() uint64 {
		_, no, err := j.Append([]byte("record"))
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
	release <- true
	wg.Wait()
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs for one writer and %d that came while it waited, want 2", n, writers)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSyncCancelled gives up waiting for somebody else's sync.
func TestSyncCancelled(t *testing.T) {
	disk := vfs.NewMem()
	j := openNew(t, disk, variant{}.options())
	entered, release := make(chan bool), make(chan bool)
	var once sync.Once
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync {
			once.Do(func() {
				entered <- true
				<-release
			})
		}
		return vfs.Fault{}
	}
	_, no, err := j.Append([]byte("record"))
	if err != nil {
		t.Fatal(err)
	}
	leader := make(chan error)
	go func() { leader <- j.Sync(context.Background(), no) }()
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	follower := make(chan error)
	go func() { follower <- j.Sync(ctx, no) }()
	cancel()
	if err := <-follower; !errors.Is(err, context.Canceled) {
		t.Errorf("the follower got %v", err)
	}
	release <- true
	if err := <-leader; err != nil {
		t.Errorf("the leader got %v", err)
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
