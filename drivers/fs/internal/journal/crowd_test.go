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
	"syscall"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

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
	v     variant
	disk  *vfs.Mem
	j     *Journal
	fault fault // fault.err is nil if nothing fails

	mu    sync.Mutex
	ops   int // guarded by mu, as are all below; how many the fault counted
	fired bool
	rng   *rand.Rand
	acked []int    // records that each writer was told are durable
	log   []string // what happened, in order
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

// before lets others run, and operations fail.
func (c *crowd) before(op vfs.Op) vfs.Fault {
	c.yield(2)
	f := c.fault
	if f.err == nil || f.kind != 0 && op.Kind != vfs.Kind(f.kind) {
		return vfs.Fault{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops++; c.ops < f.k || c.ops > f.k && !f.sticky {
		return vfs.Fault{}
	}
	c.fired = true
	c.note("%v fails", op)
	return vfs.Fault{Err: f.err, Late: f.late, Short: f.short}
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

// write appends the records of one writer, some a few in one Sync. It asks
// again for a segment that could not be made, and gives up when there is a
// fault that explains it.
func (c *crowd) write(w int) error {
	return c.explained(c.writeAll(w))
}

// explained gives an error that the fault does not explain.
func (c *crowd) explained(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var full *SegmentError
	if c.fired && (errors.Is(err, driver.ErrPoisoned) || errors.As(err, &full)) {
		return nil
	}
	return err
}

func (c *crowd) writeAll(w int) error {
	for n := range crowdRecords {
		no, err := c.append(w, n)
		for range 2 {
			var full *SegmentError
			if !errors.As(err, &full) {
				break
			}
			no, err = c.append(w, n)
		}
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

// append appends a record, alone or with those who gather.
func (c *crowd) append(w, n int) (no uint64, err error) {
	put := func() { _, no, err = c.j.Append(named(w, n)) }
	if (w+n)%4 == 0 {
		put()
	} else {
		c.j.Gather(put)
	}
	return no, err
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
func runCrowd(v variant, f fault, seed uint64, states *int) error {
	c := &crowd{
		v: v, disk: vfs.NewMem(), fault: f,
		rng: rand.New(rand.NewPCG(seed, 0)), acked: make([]int, crowdWriters),
	}
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
	c.disk.Before, c.disk.During, c.disk.After = c.before, func(vfs.Op) { c.yield(30) }, c.after
	if err := c.run(); err != nil {
		return fmt.Errorf("seed %d, %v: %w", seed, f, err)
	}
	c.disk.Before, c.disk.During, c.disk.After = nil, nil, nil
	for _, cut := range []vfs.Cut{{Pick: vfs.Drop}, {Pick: vfs.Keep}, {Pick: vfs.Random(c.rng, 0.5), Stale: true}} {
		c.snaps = append(c.snaps, snapshot{disk: c.disk.Cut(cut), acked: c.acked, log: len(c.log)})
	}
	// The page cache has everything that was written, whatever was told of it,
	// up to what failed.
	order, err := open(v, c.disk.Kill())
	if err != nil {
		return fmt.Errorf("seed %d, %v: %w", seed, f, err)
	}
	if n := len(order.records); n != crowdWriters*crowdRecords && !c.fired {
		return fmt.Errorf("seed %d: %d records", seed, n)
	}
	for i, s := range c.snaps {
		*states++
		if err := s.check(v, order.records); err != nil {
			return fmt.Errorf("seed %d, %v, crash %d: %w; before it:\n%s",
				seed, f, i, err, strings.Join(c.log[max(0, s.log-60):s.log], "\n"))
		}
	}
	return order.Close()
}

// run lets all write, and somebody put marks between and end segments, and
// closes.
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
		for n := range 2 * crowdRecords {
			c.j.Mark()
			if n%16 == 15 {
				if _, err := c.j.Cut(); err != nil {
					return c.explained(err)
				}
			}
			c.yield(20)
		}
		return nil
	})
	wg.Wait()
	if err := c.j.Close(); err != nil && !c.fired {
		c.fail(err)
	}
	if n := c.disk.OpenFiles(); n != 0 {
		c.fail(fmt.Errorf("%d files open after close", n))
	}
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
		if err := runCrowd(variant{}, fault{}, seed, &states); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d crash states of %d crowds", states, seeds)
	if states < int(seeds)*20 {
		t.Errorf("only %d crash states", states)
	}
}

// TestConcurrentFaults lets an operation of the disk fail while many write, and
// crashes before and after that.
func TestConcurrentFaults(t *testing.T) {
	rounds := uint64(3)
	if racing {
		rounds = 1
	}
	if long() {
		rounds = 100
	}
	states, crowds := 0, 0
	for seed := range rounds {
		for i, f := range faults {
			f.k = 1 + int(seed*7+uint64(i)*5)%60
			if f.kind != 0 {
				f.k = 1 + f.k%10
			}
			if f.err == nil {
				f.err = syscall.EIO
			}
			crowds++
			if err := runCrowd(variant{}, f, seed, &states); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d crash states of %d crowds", states, crowds)
	if states < crowds*8 {
		t.Errorf("only %d crash states", states)
	}
}
