package fs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// The crash tests of the journal look at records; these look at documents. The
// same operations go to the store and to the memory driver, which knows no
// crash. Whatever a crash leaves must show exactly what the memory driver
// showed after some operation, and not one before the last that was durable.

// TestMain lets garbage grow, as small disks are made by the thousand, and
// is the child process of the tests that need one.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(1 << 30)
	os.Exit(m.Run())
}

var background = context.Background()

// history is a memory driver that keeps what it showed after each operation.
type history struct {
	oracle  *memory.Store
	states  []string // states[n] is after n operations
	made    uint64
	durable int  // operations that are durable
	looking bool // what is done to the disk is not the store's doing
	o       settings
	bend    func(vfs.FS) vfs.FS // puts a bug between the store and the disk
}

func newHistory(t testing.TB) *history {
	h := &history{oracle: memory.Open(nil), o: inline}
	h.states = []string{dump(t, h.oracle)}
	return h
}

// id makes the id of the n-th document.
func id(n byte) driver.ID { return driver.ID{0: 1, 15: n} }

const notes = "notes"

// commit makes the next commit of a document of the oracle.
func (h *history) commit(n byte, kind driver.Kind, section bool) driver.Commit {
	h.made++
	head, err := h.oracle.Head(background, notes, id(n))
	c := driver.Commit{
		Table: notes, ID: id(n), Seq: head.Seq + 1, Kind: kind, By: "ann",
		Time: time.Unix(int64(h.made), 7).UTC(), Held: head.Held,
		Body: []byte(strings.Repeat(fmt.Sprint("body ", h.made, " "), 1+int(h.made)%90)),
	}
	binary.BigEndian.PutUint64(c.Try[:], h.made)
	if kind == driver.KindDelete {
		c.Held = nil
	}
	if section || err != nil && kind == driver.KindChange {
		v := driver.Object{
			{Name: "slug", Value: fmt.Sprint("slug ", n)},
			{Name: "owner", Value: fmt.Sprint("owner ", h.made%3)},
			{Name: "labels", Value: driver.Array{"all", fmt.Sprint("label ", h.made%2)}},
		}
		c.Section, _ = driver.AppendValue(nil, v)
		c.Held = driver.Held(v, []string{"slug"})
	}
	return c
}

// operation is what a letter of a script does, to any driver.
func (h *history) operation(op, doc byte) func(driver.Driver) error {
	n := doc - '0'
	appending := func(batch ...driver.Commit) func(driver.Driver) error {
		return func(d driver.Driver) error {
			for _, r := range d.Append(background, batch) {
				if r.Err != nil {
					return r.Err
				}
			}
			return nil
		}
	}
	switch op {
	case 'c':
		return appending(h.commit(n, driver.KindChange, true))
	case 'u':
		return appending(h.commit(n, driver.KindChange, false))
	case 'd':
		return appending(h.commit(n, driver.KindDelete, false))
	case 'r':
		return appending(h.commit(n, driver.KindRestore, true))
	case 'v':
		return appending(h.commit(n, driver.KindVoid, false))
	case 'n':
		return appending(h.commit(n, driver.KindRenumber, false))
	case 'p':
		return func(d driver.Driver) error { return d.Purge(background, notes, id(n)) }
	case 'k':
		content := []byte(fmt.Sprint("content ", h.made))
		return func(d driver.Driver) error {
			head, err := d.Head(background, notes, id(n))
			if err != nil {
				return err
			}
			return d.Checkpoint(background, notes, id(n), head.Seq, content)
		}
	case 't':
		schema := driver.Schema{Table: notes, Unique: []string{"slug"}, Revision: uint32(n)}
		return func(d driver.Driver) error { return d.Declare(background, schema) }
	}
	panic("no operation " + string(op))
}

// dump shows everything that a driver has, and what it says instead. Of a purge
// it leaves out what the driver makes up itself.
func dump(_ testing.TB, d driver.Driver) string {
	var b strings.Builder
	for schema, err := range d.Tables(background) {
		name := schema.Table
		fmt.Fprintf(&b, "table %s %v\n", name, err)
		for e, err := range d.Documents(background, name, driver.ID{}) {
			fmt.Fprintf(&b, "%d %d %d %q %v\n", e.ID[15], e.Seq, e.Life, e.Held, err)
		}
		for n := byte(1); n < 6; n++ {
			head, err := d.Head(background, name, id(n))
			fmt.Fprintf(&b, "%d %v %d %x %q %v\n", n, err, head.Seq, head.Section, head.Held, head.Deleted)
			for c, err := range d.Log(background, name, id(n), driver.Range{}) {
				if c.Kind == driver.KindPurge {
					c.Try, c.Time = [16]byte{}, time.Time{}
				}
				fmt.Fprintf(&b, "  %+v %v\n", c, err)
			}
			state, err := d.Load(background, name, id(n), 0)
			fmt.Fprintf(&b, "  %v %d %s %d\n", err, state.CheckpointSeq, state.Checkpoint, len(state.Commits))
			if head.Seq > 1 {
				state, err = d.Load(background, name, id(n), head.Seq-1)
				fmt.Fprintf(&b, "  %v %d %s %+v\n", err, state.CheckpointSeq, state.Checkpoint, state.Commits)
			}
		}
		for _, terms := range [][]driver.Term{nil, {"labels.[]\x00sall"}, {"owner\x00sowner 1"}, {"labels.[]\x00slabel 1", "owner\x00sowner 2"}} {
			count, err := d.Count(background, name, terms)
			fmt.Fprintf(&b, "%q: %d %v", terms, count, err)
			for head, err := range d.Find(background, name, driver.Query{Terms: terms}) {
				fmt.Fprintf(&b, " %v %v", head.ID, err)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// look shows everything that a store has, on a disk that does not fail just then.
func (h *history) look(t testing.TB, s *Store) string {
	h.looking = true
	defer func() { h.looking = false }()
	return dump(t, s)
}

// check says what is wrong with what a store shows.
func (h *history) check(t testing.TB, s *Store, durable int) error {
	got := h.look(t, s)
	for n := len(h.states) - 1; n >= durable; n-- {
		if h.states[n] == got {
			return nil
		}
	}
	return fmt.Errorf("the store shows nothing that was there after operation %d or later of %d:\n%s", durable, len(h.states)-1, got)
}

// open opens the store of a history.
func (h *history) open(disk *vfs.Mem) (*Store, error) {
	var f vfs.FS = disk
	if h.bend != nil {
		f = h.bend(disk)
	}
	return open(f, storeDir, h.o)
}

// run runs a script of pairs of an operation and a document, on a disk that
// the hooks are put on. "ff" syncs, "f1" syncs one document, "xx" closes and
// opens again, "!!" kills.
func (h *history) run(t testing.TB, disk *vfs.Mem, script string, each func(disk *vfs.Mem)) error {
	s, err := h.open(disk)
	if err != nil {
		return err
	}
	each(disk)
	for i := 0; i+1 < len(script); i += 2 {
		op, doc := script[i], script[i+1]
		switch op {
		case 'f':
			docs := []driver.Doc{{Table: notes, ID: id(doc - '0')}}
			if doc == 'f' {
				docs = nil
			}
			if err := s.Sync(background, docs...); err != nil {
				return err
			}
			if doc == 'f' {
				h.durable = len(h.states) - 1
			}
		case 'x', '!':
			if op == 'x' {
				if err := s.Close(background); err != nil {
					return err
				}
				h.durable = len(h.states) - 1
			}
			disk = disk.Kill()
			each(disk)
			if s, err = h.open(disk); err != nil {
				return err
			}
			if err := h.check(t, s, len(h.states)-1); err != nil {
				return err
			}
			h.durable = len(h.states) - 1
		default:
			do := h.operation(op, doc)
			must(t, do(h.oracle))
			h.states = append(h.states, dump(t, h.oracle)) // first: a crash may come within
			if err := do(s); err != nil {
				return err
			}
			if op == 'p' {
				h.durable = len(h.states) - 1
			}
		}
		if got := h.look(t, s); got != h.states[len(h.states)-1] {
			return fmt.Errorf("operation %d: the store shows\n%sinstead of\n%s", i/2, got, h.states[len(h.states)-1])
		}
	}
	return s.Close(background)
}

// inline is small with nothing in the background, so that every run of a
// script is the same.
var inline = func() settings {
	o := small
	o.Spawn = func(f func()) { f() }
	o.inline = true
	return o
}()

var scripts = []string{
	"t1c1ffu1u1ffc2u2ffd1ffr1ffk1u1ffp2ff",
	"t1c1c2c3u1u2u3ffc1c2c3k1k2ffd2p3u1ff",
	"t1c1u1u1u1u1u1u1u1u1ffk1u1u1xxu1c2f2!!u1c3ff",
	"t1c1ff!!t2u1ff!!d1!!r1v1!!p1c2ff",
	"t1c1u1c1u1c1u1k1c1u1c1u1k1xxxxu1ff",
	"t1c1c2c3c4c5ffu1u2u3u4u5f1f2u1u2u3u4u5!!d1d2ffr1r2p3p4c5ffxx",
	"t1v1ffc2p2!!c3t2k3t3p3ff",
}

// part is what is run of scripts under the race detector, which is slow and
// looks for something else.
func part(scripts []string) []string {
	if racing {
		return scripts[:1]
	}
	return scripts
}

// fewestStates is what TestCrash must see at least.
const fewestStates = 6_300

func TestCrash(t *testing.T) {
	states := 0
	for _, script := range part(scripts) {
		if err := newHistory(t).crash(t, script, &states); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d crash states of documents", states)
	if states < fewestStates && !racing {
		t.Errorf("%d crash states, at least %d are expected", states, fewestStates)
	}
}

// crash runs a script and turns the power off after every operation of the
// disk.
func (h *history) crash(t testing.TB, script string, states *int) error {
	var fail error
	each := func(disk *vfs.Mem) {
		disk.After = func(op vfs.Op) {
			if fail != nil || !op.Kind.Changes() {
				return
			}
			rng := rand.New(rand.NewPCG(uint64(op.N), 1))
			for i, c := range []vfs.Cut{
				{Pick: vfs.Drop}, {Pick: vfs.Keep},
				{Pick: vfs.Random(rng, 0.5)}, {Pick: vfs.Random(rng, 0.1), Stale: true}, {Pick: vfs.Random(rng, 0.9)},
				{Pick: vfs.Random(rng, 0.3)}, {Pick: vfs.Random(rng, 0.6), Stale: true}, {Pick: vfs.Random(rng, 0.97)},
			} {
				*states++
				if err := h.recover(t, disk.Cut(c), h.durable); err != nil {
					fail = fmt.Errorf("script %q, power cut %d after %v: %w", script, i, op, err)
					return
				}
			}
			*states++
			// What was written outlives the process, but for the operation that
			// is going on.
			if err := h.recover(t, disk.Kill(), max(h.durable, len(h.states)-2)); err != nil {
				fail = fmt.Errorf("script %q, kill after %v: %w", script, op, err)
			}
		}
	}
	disk := vfs.NewMem()
	each(disk) // from the first operation on a disk that has nothing
	err := h.run(t, disk, script, each)
	if fail != nil {
		err = fail
	}
	return err
}

// recover opens what a crash left, goes on and crashes again.
func (h *history) recover(t testing.TB, disk *vfs.Mem, durable int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	s, err := h.open(disk)
	if err != nil {
		return err
	}
	if err := h.check(t, s, durable); err != nil {
		return err
	}
	must(t, s.Declare(background, driver.Schema{Table: "other"}))
	c := h.commit(9, driver.KindChange, true)
	c.Table, c.Seq, c.Held = "other", 1, nil
	if err := s.Append(background, []driver.Commit{c})[0].Err; err != nil {
		return err
	}
	if err := s.Sync(background, driver.Doc{Table: "other", ID: c.ID}); err != nil {
		return err
	}
	want := dump(t, s)
	// What was done since is durable, whatever else is: every other time some
	// of that is kept.
	second := vfs.Cut{Pick: vfs.Drop}
	if h.made%2 == 0 {
		second.Pick = vfs.Random(rand.New(rand.NewPCG(h.made, 2)), 0.5)
	}
	again, err := h.open(disk.Cut(second))
	if err != nil {
		return fmt.Errorf("second power cut: %w", err)
	}
	if got := dump(t, again); got != want {
		return fmt.Errorf("after a second power cut the store shows\n%sinstead of\n%s", got, want)
	}
	return errors.Join(s.Close(background), again.Close(background))
}

// TestFaults lets every k-th operation of the file system fail. What an
// operation of the store says must be true after the next opening.
func TestFaults(t *testing.T) {
	runs := 0
	for _, script := range part(scripts) {
		for _, kind := range []vfs.Kind{0, vfs.OpWrite, vfs.OpSync} {
			for _, sticky := range []bool{false, true} {
				for k := 1; ; k++ {
					runs++
					fired, err := runFaulty(t, inline, script, kind, k, sticky)
					if err != nil {
						t.Fatalf("script %q, operation %d of kind %d fails, sticky=%v: %v", script, k, kind, sticky, err)
					}
					if !fired {
						break
					}
				}
			}
		}
	}
	t.Logf("%d runs with a fault", runs)
	if runs < 1500 && !racing {
		t.Errorf("%d runs, at least 1500 are expected", runs)
	}
}

func runFaulty(t testing.TB, o settings, script string, kind vfs.Kind, k int, sticky bool) (fired bool, err error) {
	h := newHistory(t)
	h.o = o
	disk := vfs.NewMem()
	count := 0
	var last *vfs.Mem
	each := func(disk *vfs.Mem) {
		last = disk
		disk.Before = func(op vfs.Op) vfs.Fault {
			if h.looking || kind != 0 && op.Kind != kind {
				return vfs.Fault{}
			}
			if count++; count < k || count > k && !sticky {
				return vfs.Fault{}
			}
			fired = true
			return vfs.Fault{Err: syscall.EIO, Short: 100}
		}
	}
	// A disk that fails for good while the store is made leaves a folder that
	// not even its removal is known of; nobody was given a store then.
	if !sticky {
		each(disk)
	}
	runErr := h.run(t, disk, script, each)
	if runErr != nil && !fired {
		return fired, runErr
	}
	if runErr != nil && !errors.Is(runErr, syscall.EIO) {
		return fired, fmt.Errorf("the fault became %w", runErr)
	}
	last.Before = nil
	for _, c := range []vfs.Cut{{Pick: vfs.Drop}, {Pick: vfs.Keep}, {Pick: vfs.Nth(1)}} {
		if err := h.recover(t, last.Cut(c), h.durable); err != nil {
			return fired, fmt.Errorf("%v, then after a power cut: %w", runErr, err)
		}
	}
	if err := h.recover(t, last.Kill(), h.durable); err != nil {
		return fired, fmt.Errorf("%v, then after a kill: %w", runErr, err)
	}
	return fired, nil
}
