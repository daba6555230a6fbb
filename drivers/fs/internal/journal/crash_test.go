package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// The crash tests run a script of operations on a disk in memory and stop the
// world after every operation of the file system: the process is killed, or
// the power fails and each un-synced sector, size and name is old or new on
// its own. The journal is opened from what is left, where the same may happen
// again after every operation of the recovery; then life goes on and is cut
// short once more. What is found must be a prefix of what was sent, to the
// byte, that holds everything of which anybody was told that it is there.

// variant is the journal as it is or with a bug on purpose.
type variant struct {
	name   string
	bug    mutant
	codec  codec
	bend   func(vfs.FS) vfs.FS // puts a bug between the journal and the disk
	sealed uint64              // batches that the journal need not keep
}

const (
	journalDir = "/journal"
	lostFound  = "/lost+found"
)

var storeID = [16]byte{0: 1, 15: 2}

func (v variant) options() Options {
	return Options{
		Store: storeID, First: 2048, Segment: 4096, Memory: 4096, LostFound: lostFound,
		Spawn: func(f func()) { f() }, codec: v.codec, bug: v.bug, Sealed: v.sealed,
	}
}

func (v variant) on(disk *vfs.Mem) vfs.FS {
	if v.bend == nil {
		return disk
	}
	return v.bend(disk)
}

// record is the n-th record of a history: its bytes are told by n alone. None is
// zero, for [vfs.Cut.Hollow].
func record(n, size int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32()) | 1
	}
	return b
}

// model is what a journal must have: a prefix of what was sent.
type model struct {
	sent    [][]byte
	written int // told to be in the file: survive the process
	durable int // told to be durable: survive a power failure
}

// found is a journal that was opened and what it replayed.
type found struct {
	*Journal
	records [][]byte
}

func open(v variant, disk *vfs.Mem) (found, error) {
	var f found
	var places []Place
	j, err := Open(v.on(disk), journalDir, v.options(), func(rec []byte, p Place, _ uint64) error {
		f.records = append(f.records, bytes.Clone(rec))
		places = append(places, p)
		return nil
	})
	if err != nil {
		return f, err
	}
	for i, p := range places {
		if b, err := p.Read(); err != nil || !bytes.Equal(b, f.records[i]) {
			return f, fmt.Errorf("record %d reads differently from its place: %v", i, err)
		}
	}
	f.Journal = j
	return f, nil
}

// isPrefix compares every byte of what was found with what was sent.
func (m model) isPrefix(got [][]byte, need int) error {
	if len(got) > len(m.sent) {
		return fmt.Errorf("found %d records, sent %d", len(got), len(m.sent))
	}
	for i := range got {
		if !bytes.Equal(got[i], m.sent[i]) {
			return fmt.Errorf("record %d is not what was sent", i)
		}
	}
	if len(got) < need {
		return fmt.Errorf("found %d records, %d were acknowledged", len(got), need)
	}
	return nil
}

// world is one script being run.
type world struct {
	v      variant
	disk   *vfs.Mem
	j      *Journal
	m      model
	cuts   int // how many ways to cut the power at each point
	depth  int // how deep crashes are put into recoveries
	states *int
	fail   error
	nested bool // During appends a record
	lives  int  // how often the journal was opened
	sealed int  // records that the journal need not keep
	roomy  bool // after a crash there is room, whatever there was before

	before   func(vfs.Op) vfs.Fault
	poisoned bool
}

// sum of the sizes of the records that scripts append.
func sizeOf(op byte, n int) int {
	switch op {
	case 'a':
		return 20 + n*37%150
	case 'A':
		return 600 + n*211%900
	case 'O':
		return 5000
	case 'e':
		return 100
	}
	return 1 + n%40
}

func newWorld(v variant, cuts, depth int, states *int) (*world, error) {
	w := &world{v: v, disk: vfs.NewMem(), cuts: cuts, depth: depth, states: states}
	if err := vfs.MkdirAll(w.disk, journalDir); err != nil {
		return nil, err
	}
	if err := Create(v.on(w.disk), journalDir, v.options()); err != nil {
		return nil, err
	}
	return w, w.reopen(w.disk)
}

// reopen opens the journal of disk and goes on from what it has.
func (w *world) reopen(disk *vfs.Mem) error {
	disk.Before, disk.After = w.before, w.after
	disk.During = w.during
	w.disk = disk
	f, err := open(w.v, disk)
	if err != nil {
		return err
	}
	if err := w.m.isPrefix(f.records, w.m.written); err != nil {
		return err
	}
	w.j = f.Journal
	w.poisoned = false
	w.lives++
	w.m.sent = w.m.sent[:len(f.records):len(f.records)]
	w.m.written, w.m.durable = len(f.records), len(f.records)
	return nil
}

func (w *world) append(op byte) error {
	n := len(w.m.sent)
	// As long as in the life before, so that it comes to the same place, but
	// not the same.
	w.m.sent = append(w.m.sent, record(w.sealed+n+10_000*w.lives, sizeOf(op, n)))
	_, _, err := w.j.Append(w.m.sent[n])
	if err != nil {
		w.m.sent = w.m.sent[:n] // it says that it is certainly not stored
	}
	return err
}

func (w *world) write() error {
	n := len(w.m.sent)
	if err := w.j.Write(w.j.Last()); err != nil {
		return err
	}
	w.m.written = max(w.m.written, n)
	return nil
}

func (w *world) sync() error {
	n := len(w.m.sent)
	if err := w.j.Sync(context.Background(), w.j.Last()); err != nil {
		return err
	}
	w.m.written, w.m.durable = max(w.m.written, n), max(w.m.durable, n)
	return nil
}

// step runs one operation of a script.
func (w *world) step(op byte) error {
	switch op {
	case 'a', 'A', 'O', 'e': // append a record: small, over several sectors, larger than a segment, always as large
		return errors.Join(w.append(op), w.write())
	case 'g': // three records in one batch
		return errors.Join(w.append('a'), w.append('g'), w.append('a'), w.write())
	case 'u': // appended and not even written
		return w.append('a')
	case 's':
		return w.sync()
	case 'd': // sync, and append while it runs
		w.nested = true
		err := w.sync()
		w.nested = false
		return err
	case 'm':
		w.j.Mark()
		return nil
	case 'z': // everything is kept elsewhere from now on
		return w.seal()
	case 'c': // close in order and open again
		if err := w.j.Close(); err != nil {
			return err
		}
		w.m.written, w.m.durable = len(w.m.sent), len(w.m.sent)
		return w.reopen(w.disk)
	case 'k': // kill the process and start the next
		return w.reopen(w.disk.Kill())
	case 'p': // the power fails and nothing un-synced is left
		w.m.written = w.m.durable
		return w.reopen(w.disk.Cut(vfs.Cut{Pick: vfs.Drop}))
	}
	panic("no operation " + string(op))
}

// seal ends a segment and lets go of all before.
func (w *world) seal() error {
	no, err := w.j.Cut()
	if err != nil {
		return err
	}
	w.v.sealed = no
	w.sealed += len(w.m.sent)
	w.m = model{}
	names, err := w.j.Release(no)
	for _, name := range slices.Concat(names, w.j.Spare()) {
		_ = w.v.on(w.disk).Remove(name) // what stays is spare in the next life
	}
	return err
}

// during appends a record inside a sync, where there is room for one: to leave
// the segment it would have to wait for the sync.
func (w *world) during(op vfs.Op) {
	if w.nested && op.Kind == vfs.OpSync && w.j.room(framed(200)) {
		w.nested = false
		_ = w.append('a')
		_ = w.write()
	}
}

// after stops the world after an operation of the file system.
func (w *world) after(op vfs.Op) {
	if w.fail != nil || w.cuts == 0 || !op.Kind.Changes() {
		return
	}
	for i, c := range cuts(w.cuts, uint64(op.N)) {
		if err := w.verify(w.disk.Cut(c), w.m.durable, w.m.durable, w.depth); err != nil {
			w.fail = fmt.Errorf("power cut %d after %v: %w", i, op, err)
			return
		}
	}
	if err := w.verify(w.disk.Kill(), w.m.written, w.m.durable, w.depth); err != nil {
		w.fail = fmt.Errorf("kill after %v: %w", op, err)
	}
}

// cuts are n ways in which the power may fail.
func cuts(n int, seed uint64) []vfs.Cut {
	all := []vfs.Cut{
		{Pick: vfs.Drop}, {Pick: vfs.Keep},
		{Pick: vfs.Nth(1), Hollow: true}, {Pick: vfs.Nth(2), Hollow: true}, {Pick: vfs.Nth(3), Hollow: true},
	}
	for i := len(all); i < n; i++ {
		keep := []float64{0.5, 0.1, 0.9, 0.3}[i%4]
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		all = append(all, vfs.Cut{Pick: vfs.Random(rng, keep), Hollow: i%3 == 0, Stale: true})
	}
	return all[:min(n, len(all))]
}

// verify opens what a crash left, with a crash after every operation of that
// when depth says so, goes on, and crashes again. The disk must show need
// records, and durable ones when the power fails before Open has returned.
func (w *world) verify(disk *vfs.Mem, need, durable, depth int) (err error) {
	*w.states++
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if w.roomy {
		disk.SetCapacity(0)
	}
	var inner error
	if depth > 0 {
		disk.After = func(op vfs.Op) {
			if inner != nil || !op.Kind.Changes() {
				return
			}
			for i, c := range cuts(4, uint64(op.N)) {
				if err := w.verify(disk.Cut(c), durable, durable, depth-1); err != nil {
					inner = fmt.Errorf("power cut %d after %v of the recovery: %w", i, op, err)
					return
				}
			}
			if err := w.verify(disk.Kill(), need, durable, depth-1); err != nil {
				inner = fmt.Errorf("kill after %v of the recovery: %w", op, err)
			}
		}
	}
	f, err := open(w.v, disk)
	disk.After = nil
	if inner != nil {
		return inner
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	m := model{sent: w.m.sent}
	if err := m.isPrefix(f.records, need); err != nil {
		return err
	}
	if depth < w.depth && *w.states%8 != 0 { // inside a recovery that is cut short, a quick look mostly
		return reread(w.v, disk.Cut(vfs.Cut{Pick: vfs.Drop}), model{sent: f.records}, len(f.records))
	}
	return w.goOn(f, disk)
}

// goOn checks that what an Open has shown is there for ever, that the journal
// can be appended to, and that a close in order leaves nothing to recover.
func (w *world) goOn(f found, disk *vfs.Mem) error {
	m := model{sent: slices.Clone(f.records)}
	if err := reread(w.v, disk.Cut(vfs.Cut{Pick: vfs.Drop}), m, len(m.sent)); err != nil {
		return fmt.Errorf("power cut behind Open: %w", err)
	}
	for _, size := range []int{700, 90} {
		rec := record(1000+len(m.sent), size)
		if _, _, err := f.Append(rec); err != nil {
			return fmt.Errorf("append after recovery: %w", err)
		}
		m.sent = append(m.sent, rec)
		if err := f.Sync(context.Background(), f.Last()); err != nil {
			return fmt.Errorf("sync after recovery: %w", err)
		}
	}
	for _, c := range cuts(3, uint64(len(m.sent))) {
		if err := reread(w.v, disk.Cut(c), m, len(m.sent)); err != nil {
			return fmt.Errorf("power cut after recovery: %w", err)
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close after recovery: %w", err)
	}
	if n := disk.OpenFiles(); n != 0 {
		return fmt.Errorf("%d files open after close", n)
	}
	return reread(w.v, disk, m, len(m.sent))
}

// reread opens a disk and looks at its records.
func reread(v variant, disk *vfs.Mem, m model, need int) error {
	f, err := open(v, disk)
	if err != nil {
		return err
	}
	if err := m.isPrefix(f.records, need); err != nil {
		return err
	}
	return f.Close()
}

// run runs a script and gives the first thing that is wrong.
func run(v variant, script string, cuts, depth int, states *int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("script %q: panic: %v", script, p)
		}
	}()
	w, err := newWorld(v, cuts, depth, states)
	if err != nil {
		return err
	}
	for i := range script {
		err := w.step(script[i])
		if w.fail != nil {
			err = w.fail
		}
		if err != nil {
			return fmt.Errorf("script %q, operation %d: %w", script, i, err)
		}
	}
	return w.j.Close()
}

// scripts were chosen to reach every branch of rotation and recovery.
var scripts = []string{
	"asAsgsa",
	"aaaa",
	"gAsgAsgAsgAs",
	"asmaasm",
	"asmkasmc",
	"gscgscgs",
	"asOsas",
	"OOs",
	"adads",
	"AdAdAdAdAs",
	"uuasus",
	"askAAskg",
	"aAgkaAgkaAg",
	"aAgpaAgpaAgs",
	"asAApAApas",
	"AAAAAAkAAAkAs",
	"asmAApasmAAkas",
	"asAzAAgsk",
	"AAzkAszAApAzs",
	"zaszmAkzcAz",
	"gggsmkggpgs",
}

// long is the mode that takes minutes.
func long() bool { return os.Getenv("DESTAM_LONG") != "" }

// part is what is run of scripts under the race detector.
func part(scripts []string) []string {
	if racing {
		return scripts[len(scripts)-1:]
	}
	return scripts
}

// fewestStates is what TestCrash must see at least, so that a change of the
// scripts or of the disk cannot make it blind.
const fewestStates = 170_000

// TestMain lets garbage grow: the tests make small disks by the million, and
// the collector would run all the time on a heap of nothing else.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	debug.SetMemoryLimit(512 << 20)
	os.Exit(m.Run())
}

func TestCrash(t *testing.T) {
	states := 0
	for _, s := range part(scripts) {
		if err := run(variant{}, s, 10, 1, &states); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d crash states", states)
	if states < fewestStates && !racing {
		t.Errorf("%d crash states, at least %d are expected", states, fewestStates)
	}
}

// TestSequences runs every sequence of a few operations.
func TestSequences(t *testing.T) {
	const operations = "aAOgsdmckpz"
	length, fewest := 2, 100_000
	if long() {
		length, fewest = 3, 1_800_000
	}
	if racing {
		length, fewest = 1, 1_000
	}
	states := 0
	sequences := []string{""}
	for range length {
		var longer []string
		for _, s := range sequences {
			for _, op := range operations {
				longer = append(longer, s+string(op))
			}
		}
		for _, s := range longer {
			if err := run(variant{}, s, 6, 1, &states); err != nil {
				t.Error(err)
			}
		}
		sequences = longer
	}
	t.Logf("all sequences of at most %d operations, %d crash states", length, states)
	if states < fewest {
		t.Errorf("%d crash states, at least %d are expected", states, fewest)
	}
}
