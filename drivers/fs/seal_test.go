package fs

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// tight seals at the end of every segment, which is small, and merges early.
var tight = func() settings {
	o := inline
	o.Options = journal.Options{First: 4096, Segment: 4096, Memory: 1 << 20, Spawn: inline.Spawn}
	o.freezeAt, o.closeAt, o.unit = 1, 2000, 2000
	return o
}()

// sealScripts write enough to be sealed several times and merged.
var sealScripts = []string{
	"t1c1c2c3c4c5ffu1k1u1u2k2u2u3k3u3u4u4u5u5ffc1c2c3c4c5u1u1u1k1u2u2u2k2!!u3u3d3u4k4d4r4u5u5ffc1c2r3xxu1u1k1u1u2u2u2u3u3ff",
	"t1c1c2c3c4c5u1u2k2u3u4u5u1u2u3u4u5ffp1u2c2u3k3u4u4u4ffd4p4u2u3u5xxu2u3u5k5u5c2c3c5u2u3u5ffp2!!u3u5u3u5k3ff",
}

// TestCrashSealing turns the power off after every operation of sealing, of
// switching manifests, of merging and of removing what is not needed any more.
func TestCrashSealing(t *testing.T) {
	skipRacing(t)
	states := 0
	for _, script := range part(sealScripts) {
		h := newHistory(t)
		h.o = tight
		if err := h.crash(t, script, &states); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d crash states of sealing", states)
	if states < fewestSealed && !racing {
		t.Errorf("%d crash states, at least %d are expected", states, fewestSealed)
	}
}

// fewestSealed is what TestCrashSealing must see at least.
const fewestSealed = 5_800

// TestScriptsSeal sees that the scripts do what they are for.
func TestScriptsSeal(t *testing.T) {
	for _, script := range sealScripts {
		h := newHistory(t)
		h.o = tight
		disk := vfs.NewMem()
		var seen []string
		must(t, h.run(t, disk, script, func(disk *vfs.Mem) {
			disk.After = func(op vfs.Op) {
				if op.Kind == vfs.OpCreate || op.Kind == vfs.OpRemove || op.Kind == vfs.OpRename {
					seen = append(seen, op.Kind.String()+" "+filepath.Base(op.Name))
				}
			}
		}))
		all := strings.Join(seen, "\n")
		for what, least := range map[string]int{"create 00000000": 5, "rename MANIFEST": 5, "remove 00000000": 8} {
			if n := strings.Count(all, what); n < least {
				t.Errorf("%q: %d times %q, want %d:\n%s", script, n, what, least, all)
			}
		}
	}
}

// without is a file system that leaves something out and says that it is done.
type without struct {
	vfs.FS
	syncDir func(dir string) bool
	sync    func(name string) bool
}

func (w without) SyncDir(dir string) error {
	if w.syncDir != nil && w.syncDir(dir) {
		return nil
	}
	return w.FS.SyncDir(dir)
}

func (w without) Create(name string) (vfs.File, error) {
	f, err := w.FS.Create(name)
	if err == nil && w.sync != nil && w.sync(name) {
		f = unsynced{f}
	}
	return f, err
}

type unsynced struct{ vfs.File }

func (unsynced) Sync() error { return nil }

// TestSealMutants builds bugs into sealing and sees that they are noticed.
func TestSealMutants(t *testing.T) {
	skipRacing(t)
	for _, m := range []struct {
		name string
		bug  mutant
		bend func(vfs.FS) vfs.FS
	}{
		{name: "files are removed before the manifest without them counts", bug: removedEarly},
		{name: "the manifest names more of the journal than was sealed", bug: sealedBeyond},
		{name: "the manifest names less of the journal than was sealed", bug: sealedShort},
		{name: "runs are not synced", bend: func(f vfs.FS) vfs.FS {
			return without{FS: f, sync: func(name string) bool { return strings.HasSuffix(name, ".run") }}
		}},
		{name: "names of runs are not synced", bend: func(f vfs.FS) vfs.FS {
			return without{FS: f, syncDir: func(dir string) bool { return filepath.Base(dir) == runsName }}
		}},
		{name: "manifests are not synced", bend: func(f vfs.FS) vfs.FS {
			return without{FS: f, sync: func(name string) bool { return strings.Contains(name, "MANIFEST") }}
		}},
		{name: "names of manifests are not synced", bend: func(f vfs.FS) vfs.FS {
			return without{FS: f, syncDir: func(dir string) bool { return filepath.Base(dir) == filepath.Base(storeDir) }}
		}},
	} {
		t.Run(m.name, func(t *testing.T) {
			states := 0
			for _, script := range sealScripts {
				h := newHistory(t)
				h.o, h.bend = tight, m.bend
				h.o.bug = m.bug
				if err := h.crash(t, script, &states); err != nil {
					t.Logf("after %d crash states: %.200v", states, err)
					return
				}
			}
			t.Error("nobody noticed")
		})
	}
}

// TestUnowned opens what is left when a manifest could not be made durable: it
// is seen, and may be gone after the next power failure. The mutant removes
// files on its word all the same.
func TestUnowned(t *testing.T) {
	skipRacing(t)
	for _, bug := range []mutant{sound, removedUnowned} {
		var failed error
		for k, fired := 1, true; fired && failed == nil; k++ {
			fired, failed = runUnowned(t, bug, k)
		}
		switch {
		case bug == sound && failed != nil:
			t.Error(failed)
		case bug != sound && failed == nil:
			t.Error("nobody noticed")
		}
	}
}

// runUnowned lets the k-th sync of the store's folder fail and all that comes
// after it, and turns the power off when the store was opened again.
func runUnowned(t *testing.T, bug mutant, k int) (fired bool, err error) {
	h := newHistory(t)
	h.o = tight
	h.o.bug = bug
	var last *vfs.Mem
	count := 0
	err = h.run(t, vfs.NewMem(), sealScripts[0], func(disk *vfs.Mem) {
		last = disk
		disk.Before = func(op vfs.Op) vfs.Fault {
			if op.Kind == vfs.OpSyncDir && op.Name == storeDir && !fired {
				count++
				fired = count == k
			}
			if fired && !h.looking {
				return vfs.Fault{Err: syscall.EIO}
			}
			return vfs.Fault{}
		}
	})
	if !fired {
		return false, err
	}
	last.Before = nil
	disk := last.Kill()
	s, err := h.open(disk)
	if err != nil {
		return true, err
	}
	if err := h.check(t, s, h.durable); err != nil {
		return true, err
	}
	for seed := range uint64(20) {
		c, err := h.open(disk.Cut(vfs.Cut{Pick: vfs.Random(rand.New(rand.NewPCG(seed, 3)), 0.5)}))
		if err == nil {
			err = errors.Join(h.check(t, c, h.durable), c.Close(background))
		}
		if err != nil {
			return true, fmt.Errorf("sync %d of the folder failed, power cut %d: %w", k, seed, err)
		}
	}
	return true, s.Close(background)
}

// TestFaultsSealing lets every k-th operation fail while it is sealed. With
// DESTAM_LONG it does so with all scripts, and with disks that fail for good.
func TestFaultsSealing(t *testing.T) {
	skipRacing(t)
	runs, scripts, ways := 0, sealScripts[:1], []bool{false}
	if os.Getenv("DESTAM_LONG") != "" {
		scripts, ways = sealScripts, []bool{false, true}
	}
	for _, script := range scripts {
		for _, kind := range []vfs.Kind{vfs.OpWrite, vfs.OpSync, vfs.OpSyncDir, vfs.OpRename, vfs.OpRemove, vfs.OpRead, vfs.OpCreate, vfs.OpOpen} {
			for _, sticky := range ways {
				for k := 1; !racing || k < 10; k++ {
					runs++
					fired, err := runFaulty(t, tight, script, kind, k, sticky)
					if err != nil {
						t.Fatalf("script %q, operation %d of kind %v fails, sticky=%v: %v", script, k, kind, sticky, err)
					}
					if !fired {
						break
					}
				}
			}
		}
	}
	t.Logf("%d runs with a fault", runs)
	if runs < 400 {
		t.Errorf("%d runs, at least 400 are expected", runs)
	}
}

// TestDriverSealed runs the suite on stores that seal and merge all the time:
// in the background, by maps and by reads.
func TestDriverSealed(t *testing.T) {
	for _, noMap := range []bool{false, true} {
		t.Run(fmt.Sprintf("noMap=%v", noMap), func(t *testing.T) {
			var dirs homes[string]
			o := tight
			o.inline, o.noMap, o.Spawn, o.pressAt = false, noMap, nil, 8<<10
			o.keep = time.Minute // the folder is copied while it changes
			start := func(t *testing.T, dir string) driver.Driver {
				s, err := open(vfs.OS, dir, o)
				must(t, err)
				return dirs.put(s, dir)
			}
			drivertest.Run(t, func(t *testing.T) driver.Driver { return start(t, t.TempDir()) }, &drivertest.Options{
				Reopen: func(t *testing.T, closed driver.Driver) driver.Driver { return start(t, dirs.of(closed)) },
				Crash: func(t *testing.T, running driver.Driver) driver.Driver {
					dir := t.TempDir()
					copyTree(t, dirs.of(running), dir)
					return start(t, dir)
				},
			})
		})
	}
}

// TestWalk does much at random, to documents of which memory knows as much as
// runs do, and compares with the memory driver.
func TestWalk(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewMem()
	h := newHistory(t)
	h.o = tight
	s, err := h.open(disk)
	must(t, err)
	do := func(op, doc byte) {
		f := h.operation(op, doc)
		want, got := f(h.oracle), f(s)
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Fatalf("%c%c gave %v, want %v", op, doc, got, want)
		}
	}
	do('t', '1')
	for i := range 600 {
		do("cuuukkdrvnuuuuuup"[rng.IntN(16+i/599)], '1'+byte(rng.IntN(5)))
		if rng.IntN(60) == 0 {
			must(t, s.Close(background))
			s, err = h.open(disk)
			must(t, err)
		}
		if i%20 == 0 {
			if want, got := dump(t, h.oracle), dump(t, s); got != want {
				t.Fatalf("operation %d: the store shows\n%sinstead of\n%s", i, got, want)
			}
		}
	}
	must(t, s.Close(background))
}

// TestPick holds the bound of runs, whatever sizes come: three of each level
// and no more, once nothing is to be merged.
func TestPick(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var sizes []int64
		var total int64
		for range 1 + rng.IntN(300) {
			size := 1 + rng.Int64N(20)
			total += size
			sizes = append(sizes, size)
			for {
				from, to := pick(sizes, 16)
				if from == to {
					break
				}
				sum := int64(0)
				for _, s := range sizes[from:to] {
					sum += s
				}
				sizes = append(append(append([]int64{}, sizes[:from]...), sum), sizes[to:]...)
			}
			if most := (fanOut - 1) * (level(total, 16) + 1); len(sizes) > most {
				t.Fatalf("%d runs of %d bytes, at most %d: %v", len(sizes), total, most, sizes)
			}
		}
	}
}

// TestErase purges documents that are in memory, in one run and in several, and
// searches all files for them.
func TestErase(t *testing.T) {
	const secret = "what nobody may read any more"
	dir := t.TempDir()
	o := tight
	s, err := open(vfs.OS, dir, o)
	must(t, err)
	for n := byte(1); n <= 5; n++ {
		put(t, s, n, "kept")
		put(t, s, n, secret)
		must(t, s.Checkpoint(background, notes, id(n), 2, []byte(secret)))
	}
	for range 30 {
		for n := byte(1); n <= 3; n++ {
			put(t, s, n, strings.Repeat("some more ", 40))
		}
	}
	put(t, s, 1, secret)
	if files := holding(t, dir, secret); len(files) == 0 {
		t.Fatal("the secret is nowhere")
	}
	for n := byte(1); n <= 5; n++ {
		must(t, s.Purge(background, notes, id(n)))
	}
	if files := holding(t, dir, secret); len(files) > 0 {
		t.Errorf("it is in %v", files)
	}
	for n := byte(1); n <= 5; n++ {
		c := driver.Commit{
			Table: notes, ID: id(n), Seq: 2, Try: [16]byte{1, 1, n}, Kind: driver.KindChange, Body: []byte("again"),
			Held: []driver.Term{driver.Term(fmt.Sprint("slug\x00sslug ", n))},
		}
		if err := s.Append(background, []driver.Commit{c})[0].Err; err != nil {
			t.Errorf("a commit that was erased, sent again: %v", err)
		}
	}
	must(t, s.Close(background))
}

// TestEraseAfterKill kills the process between a purge and the work that takes
// its bytes away: the next Open does it.
func TestEraseAfterKill(t *testing.T) {
	const secret = "what nobody may read any more"
	disk := vfs.NewMem()
	s, err := open(disk, storeDir, tight)
	must(t, err)
	put(t, s, 1, "kept")
	put(t, s, 2, secret)
	var killed *vfs.Mem
	disk.During = func(vfs.Op) {
		if killed == nil {
			killed = disk.Kill()
		}
	}
	must(t, s.Purge(background, notes, id(2)))
	disk.During = nil
	must(t, s.Close(background))
	has := func(disk *vfs.Mem) (found []string) {
		for _, dir := range []string{journalName, runsName} {
			dir = filepath.Join(storeDir, dir)
			names, err := disk.List(dir)
			must(t, err)
			for _, name := range names {
				b, err := read(disk, filepath.Join(dir, name))
				must(t, err)
				if bytes.Contains(b, []byte(secret)) {
					found = append(found, name)
				}
			}
		}
		return found
	}
	if len(has(killed)) == 0 {
		t.Fatal("the secret is nowhere")
	}
	s, err = open(killed, storeDir, tight)
	must(t, err)
	if _, err := s.Head(background, notes, id(2)); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("the purged document: %v", err)
	}
	if found := has(killed); len(found) > 0 {
		t.Errorf("it is in %v", found)
	}
	must(t, s.Close(background))
}

// flipping is a file system that writes one bit of runs otherwise than it should,
// in the k-th write.
type flipping struct {
	vfs.FS
	k *int
}

func (f flipping) Create(name string) (vfs.File, error) {
	file, err := f.FS.Create(name)
	if err == nil && strings.HasSuffix(name, ".run") {
		file = flippingFile{file, f.k}
	}
	return file, err
}

type flippingFile struct {
	vfs.File
	k *int
}

func (f flippingFile) WriteAt(b []byte, off int64) (int, error) {
	if *f.k--; *f.k == 0 {
		b = bytes.Clone(b)
		b[len(b)/2] ^= 1
	}
	return f.File.WriteAt(b, off)
}

// TestWrittenWrong lets a disk write a run otherwise than it was told, each of
// them once: that is found before a manifest names it, so nothing is lost, and
// it is sealed or merged again. An index that is wrong is made anew.
func TestWrittenWrong(t *testing.T) {
	for k := 1; ; k++ {
		h := newHistory(t)
		h.o = tight
		left := k
		h.bend = func(f vfs.FS) vfs.FS { return flipping{f, &left} }
		if err := h.run(t, vfs.NewMem(), sealScripts[0], func(*vfs.Mem) {}); err != nil {
			t.Fatalf("write %d of runs: %v", k, err)
		}
		if left > 0 {
			if k < 8 {
				t.Errorf("runs were written to %d times", k-left)
			}
			return
		}
	}
}

// holding lists the files that have some bytes.
func holding(t *testing.T, dir, text string) (files []string) {
	must(t, filepath.WalkDir(dir, func(name string, e iofs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if bytes.Contains(b, []byte(text)) {
			files = append(files, name)
		}
		return err
	}))
	return files
}

// TestPressed fills memory while sealing fails: what has no room is refused and
// certainly not stored, and writing goes on by itself.
func TestPressed(t *testing.T) {
	disk := vfs.NewMem()
	o := tight
	o.pressAt = 6 << 10
	s, err := open(disk, storeDir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	disk.Before = func(op vfs.Op) vfs.Fault {
		if strings.HasSuffix(op.Name, ".run") {
			return vfs.Fault{Err: syscall.ENOSPC}
		}
		return vfs.Fault{}
	}
	w := newWriter(1, make([]byte, 1000))
	accepted := uint64(0)
	var full *SealError
	for range 100 {
		if err = w.commit(s, false); err != nil {
			break
		}
		accepted++
	}
	if !errors.As(err, &full) || !vfs.Full(err) || errors.Is(err, driver.ErrUnknown) || !strings.Contains(err.Error(), "nothing is lost") {
		t.Fatalf("after %d commits: %v", accepted, err)
	}
	if accepted > 16 {
		t.Errorf("%d commits of 1000 bytes were taken", accepted)
	}
	if err := s.Stats().Failing; !errors.As(err, &full) {
		t.Errorf("Stats tells %v", err)
	}
	state, err := s.Load(background, notes, w.next.ID, 0)
	if err != nil || state.Seq != accepted {
		t.Errorf("it shows %d of %d commits, %v", state.Seq, accepted, err)
	}
	// A close has nothing to complain of: all of it is in the journal.
	must(t, s.Close(background))
	disk.Before = nil
	s, err = open(disk, storeDir, o)
	must(t, err)
	w.next.Seq--
	for range 100 {
		must(t, w.commit(s, false))
	}
	must(t, s.Stats().Failing)
	must(t, s.Close(background))
	if n := disk.OpenFiles(); n > 0 {
		t.Errorf("%d files are open", n)
	}
}

// skipRacing leaves out what tries thousands of states one after the other: the
// race detector finds nothing in it that the suite of the drivers and the
// writers beside sealing do not show, and takes minutes.
func skipRacing(t *testing.T) {
	t.Helper()
	if racing {
		t.Skip("tries states one after the other: nothing for the race detector")
	}
}

// TestPurgeSyncs lets the disk fail under a purge: what is said to be purged is
// durable by then, whatever the work in the background does.
func TestPurgeSyncs(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk)
	put(t, s, 1, "body")
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpSync {
			return vfs.Fault{Err: syscall.EIO}
		}
		return vfs.Fault{}
	}
	if err := s.Purge(background, notes, id(1)); !errors.Is(err, driver.ErrPoisoned) || !errors.Is(err, syscall.EIO) {
		t.Errorf("a purge that is not durable: %v", err)
	}
	if err := s.Close(background); !errors.Is(err, driver.ErrPoisoned) {
		t.Errorf("Close gave %v", err)
	}
}
