package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
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

// named is a record that says who wrote it. Many end in zeros, so that a batch
// may have a sector that looks as if nothing was ever written there.
func named(writer, n int) []byte {
	b := make([]byte, 16+(writer*31+n*17)%300)
	binary.LittleEndian.PutUint64(b, uint64(writer))
	binary.LittleEndian.PutUint64(b[8:], uint64(n))
	for i := 16; i < len(b)-n%3*40; i++ {
		b[i] = byte(writer + n + i)
	}
	return b
}

// crowd is many who write at once to a disk whose power is cut meanwhile. Who
// runs when is perturbed at every operation of the disk, most of all inside a
// sync, so that appends, writes, marks and changes of the segment fall into it.
type crowd struct {
	v    variant
	disk *vfs.Mem
	j    *Journal

	mu    sync.Mutex
	rng   *rand.Rand // guarded by mu, as are all below
	acked []int      // records that each writer was told are durable
	log   []string   // what happened, in order
	snaps []snapshot
	err   error
}

// snapshot is a disk after a crash and what each writer was told by then.
type snapshot struct {
	disk  *vfs.Mem
	acked []int
	log   int // how much of the log was written by then
}

const crowdWriters, crowdRecords = 16, 40

// fail notes the first thing that is wrong.
func (c *crowd) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

func (c *crowd) note(format string, args ...any) {
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

// yield lets others run, up to n times.
func (c *crowd) yield(n int) {
	c.mu.Lock()
	n = c.rng.IntN(n + 1)
	c.mu.Unlock()
	for range n {
		runtime.Gosched()
	}
}

// after takes what a crash would leave now and then.
func (c *crowd) after(op vfs.Op) {
	if op.Kind.Changes() {
		c.mu.Lock()
		c.note("%v", op)
		if c.rng.IntN(12) == 0 {
			// What is acknowledged is taken before the disk: what is between
			// the two need not be there.
			s := snapshot{acked: slices.Clone(c.acked), log: len(c.log)}
			if c.rng.IntN(4) == 0 {
				s.disk = c.disk.Kill()
			} else {
				s.disk = c.disk.Cut(vfs.Cut{Pick: vfs.Random(c.rng, c.rng.Float64()), Stale: true})
			}
			c.snaps = append(c.snaps, s)
		}
		c.mu.Unlock()
	}
	c.yield(1)
}

// write appends the records of one writer, some a few in one Sync.
func (c *crowd) write(w int) error {
	for n := range crowdRecords {
		_, no, err := c.j.Append(named(w, n))
		if err != nil {
			return err
		}
		if (w+n)%3 > 0 {
			if err := c.j.Write(no); err != nil {
				return err
			}
		}
		if (w*n)%5 == 1 {
			continue
		}
		if err := c.sync(no, (w*n)%7 == 3); err != nil {
			return err
		}
		c.mu.Lock()
		c.acked[w] = n + 1
		c.note("writer %d: record %d in batch %d is durable", w, n, no)
		c.mu.Unlock()
	}
	return nil
}

// sync makes a batch durable, and before that may ask for it and give up: others
// count on who does that.
func (c *crowd) sync(no uint64, fickle bool) error {
	if fickle {
		ctx, cancel := context.WithCancel(context.Background())
		given := make(chan error)
		go func() { given <- c.j.Sync(ctx, no) }()
		c.yield(20)
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return c.j.Sync(context.Background(), no)
}

// runCrowd runs a crowd and opens what each crash has left. Whatever is found
// must be a prefix of the order that the journal turned out to have, and hold
// what each writer was told is durable.
func runCrowd(v variant, seed uint64, states *int) error {
	c := &crowd{v: v, disk: vfs.NewMem(), rng: rand.New(rand.NewPCG(seed, 0)), acked: make([]int, crowdWriters)}
	if err := vfs.MkdirAll(c.disk, journalDir); err != nil {
		return err
	}
	o := v.options()
	o.Spawn = nil
	if err := Create(v.on(c.disk), journalDir, o); err != nil {
		return err
	}
	var err error
	if c.j, err = Open(v.on(c.disk), journalDir, o, func([]byte, Place, uint64) error { return nil }); err != nil {
		return err
	}
	c.disk.Before = func(vfs.Op) vfs.Fault { c.yield(2); return vfs.Fault{} }
	c.disk.During = func(vfs.Op) { c.yield(30) }
	c.disk.After = c.after
	if err := c.run(); err != nil {
		return err
	}
	c.disk.Before, c.disk.During, c.disk.After = nil, nil, nil
	order, err := open(v, c.disk)
	if err != nil {
		return err
	}
	if n := len(order.records); n != crowdWriters*crowdRecords {
		return fmt.Errorf("seed %d: %d records", seed, n)
	}
	for i, s := range c.snaps {
		*states++
		if err := s.check(v, order.records); err != nil {
			return fmt.Errorf("seed %d, crash %d: %w; before it:\n%s",
				seed, i, err, strings.Join(c.log[max(0, s.log-60):s.log], "\n"))
		}
	}
	return order.Close()
}

// run lets all write, and somebody put marks between, and closes.
func (c *crowd) run() error {
	var wg sync.WaitGroup
	safely := func(fn func() error) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					c.fail(fmt.Errorf("panic: %v", p))
				}
			}()
			if err := fn(); err != nil {
				c.fail(err)
			}
		})
	}
	for w := range crowdWriters {
		safely(func() error { return c.write(w) })
	}
	safely(func() error {
		for range 2 * crowdRecords {
			c.j.Mark()
			c.yield(20)
		}
		return nil
	})
	wg.Wait()
	c.fail(c.j.Close())
	return c.err
}

func (s snapshot) check(v variant, order [][]byte) error {
	f, err := open(v, s.disk)
	if err != nil {
		return err
	}
	if err := (model{sent: order}).isPrefix(f.records, 0); err != nil {
		return err
	}
	has := make([]int, len(s.acked))
	for _, r := range f.records {
		w, n := binary.LittleEndian.Uint64(r), binary.LittleEndian.Uint64(r[8:])
		if !bytes.Equal(r, named(int(w), int(n))) || int(n) != has[w] {
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

// TestConcurrent crashes while many write.
func TestConcurrent(t *testing.T) {
	seeds := uint64(30)
	if racing {
		seeds = 6
	}
	if long() {
		seeds = 2_000
	}
	states := 0
	for seed := range seeds {
		if err := runCrowd(variant{}, seed, &states); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d crash states of %d crowds", states, seeds)
	if states < int(seeds)*10 {
		t.Errorf("only %d crash states", states)
	}
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
	until(func() bool { return j.round.waiting })
	second = put()
	leads := syncing(ctx, second)
	until(func() bool { return j.later != nil })
	led := j.later
	others := []chan error{syncing(context.Background(), second), syncing(context.Background(), second)}
	until(func() bool { return led.waiting })
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
