package fs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// put writes a document into a store that has the table, and syncs it.
func put(t testing.TB, s *Store, n byte, body string) {
	t.Helper()
	must(t, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}}))
	h, err := s.Head(background, notes, id(n))
	if err != nil && !errors.Is(err, driver.ErrNotFound) {
		t.Fatal(err)
	}
	c := driver.Commit{
		Table: notes, ID: id(n), Seq: h.Seq + 1, Try: [16]byte{1, byte(h.Seq), n},
		Kind: driver.KindChange, Body: []byte(body), Held: h.Held,
	}
	if h.Seq == 0 {
		section := driver.Object{{Name: "slug", Value: fmt.Sprint("slug ", n)}}
		c.Section, _ = driver.AppendValue(nil, section)
		c.Held = driver.Held(section, []string{"slug"})
	}
	must(t, s.Append(background, []driver.Commit{c})[0].Err)
	must(t, s.Sync(background, driver.Doc{Table: notes, ID: id(n)}))
}

// tree lists what is in a folder, to see that a refusal changed nothing.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = os.ReadFile(name)
			name = fmt.Sprintf("%s %d %08x", name, len(b), checksum(b))
		}
		names = append(names, name)
		return err
	}))
	return names
}

// TestRefusals opens folders that cannot be opened. The error matches, names
// the folder and what can be done, and nothing in the folder changes.
func TestRefusals(t *testing.T) {
	store := func(t *testing.T, dir string) {
		s, err := Open(dir, nil)
		must(t, err)
		put(t, s, 1, "body")
		must(t, s.Close(background))
	}
	edit := func(name string, change func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			store(t, dir)
			name := filepath.Join(dir, name)
			b, err := os.ReadFile(name)
			must(t, err)
			must(t, os.WriteFile(name, change(b), 0o600))
		}
	}
	segment := filepath.Join(journalName, "0000000001.log")
	tests := []struct {
		name string
		make func(t *testing.T, dir string)
		opts *Options
		want error
		text []string // what the message tells
	}{
		{
			name: "a folder of something else",
			make: func(t *testing.T, dir string) { must(t, os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600)) },
			want: ErrNoStore, text: []string{`"thesis.tex"`, "choose an empty folder"},
		},
		{
			name: "a folder with a folder",
			make: func(t *testing.T, dir string) { must(t, os.Mkdir(filepath.Join(dir, ".git"), 0o700)) },
			want: ErrNoStore, text: []string{`".git"`},
		},
		{
			name: "a newer format",
			make: edit(storeName, func(b []byte) []byte { return []byte(strings.Replace(string(b), "format 1", "format 2", 1)) }),
			want: ErrFormat, text: []string{"format 2", "up to 1", "newer version"},
		},
		{
			name: "a newer segment",
			make: edit(segment, func(b []byte) []byte { return resealed(b, func(b []byte) { b[8] = 2 }) }),
			want: ErrFormat, text: []string{"0000000001.log", "format 2", "up to 1"},
		},
		{
			name: "a flipped bit in STORE",
			make: edit(storeName, func(b []byte) []byte { b[30] ^= 1; return b }),
			want: ErrDamaged, text: []string{storeName, "backup"},
		},
		{
			name: "a flipped bit in the journal",
			make: edit(segment, func(b []byte) []byte { b[150] ^= 1; return b }),
			want: ErrDamaged, text: []string{"0000000001.log", "offset 128", "backup"},
		},
		{
			name: "a journal that was cut",
			make: edit(segment, func(b []byte) []byte { return b[:1000] }),
			want: ErrDamaged, text: []string{"0000000001.log", "1000 bytes"},
		},
		{
			name: "a journal of another store",
			make: func(t *testing.T, dir string) {
				store(t, dir)
				other := t.TempDir()
				store(t, other)
				b, err := os.ReadFile(filepath.Join(other, segment))
				must(t, err)
				must(t, os.WriteFile(filepath.Join(dir, segment), b, 0o600))
			},
			want: ErrDamaged, text: []string{"another store"},
		},
		{
			name: "no journal",
			make: func(t *testing.T, dir string) {
				store(t, dir)
				must(t, os.Remove(filepath.Join(dir, segment)))
			},
			want: ErrDamaged, text: []string{"journal is missing", "put back", "backup"},
		},
		{
			name: "a journal without STORE",
			make: func(t *testing.T, dir string) {
				store(t, dir)
				must(t, os.Remove(filepath.Join(dir, storeName)))
			},
			want: ErrDamaged, text: []string{storeName, "backup"},
		},
		{
			name: "runs without STORE",
			make: func(t *testing.T, dir string) {
				must(t, os.Mkdir(filepath.Join(dir, runsName), 0o700))
				must(t, os.WriteFile(filepath.Join(dir, runName(1)), []byte("precious"), 0o600))
			},
			want: ErrDamaged, text: []string{"runs", storeName, "backup", "fs.Salvage"},
		},
		{
			name: "an option out of range",
			make: func(*testing.T, string) {},
			opts: &Options{SegmentSize: 100},
			text: []string{"SegmentSize", "4096"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.make(t, dir)
			before := tree(t, dir)
			_, err := Open(dir, tt.opts)
			if err == nil {
				t.Fatal("it opens")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v does not match %v", err, tt.want)
			}
			for _, text := range append(tt.text, dir) {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q does not say %q", err, text)
				}
			}
			after := tree(t, dir)
			if tt.want != ErrNoStore { // only in a store of ours may the lock have been taken
				isLock := func(s string) bool { return strings.Contains(s, lockName) }
				before, after = slices.DeleteFunc(before, isLock), slices.DeleteFunc(after, isLock)
			}
			if !slices.Equal(before, after) {
				t.Errorf("the folder changed from\n%s\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
			}
		})
	}
}

// resealed changes the front of a segment and makes its checksum right.
func resealed(b []byte, change func([]byte)) []byte {
	change(b)
	sum := checksum(append(append([]byte(nil), b[:12]...), b[16:64]...))
	b[12], b[13], b[14], b[15] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
	return b
}

// TestFileAsFolder opens what is no folder.
func TestFileAsFolder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, nil, 0o600))
	for _, dir := range []string{name, filepath.Join(name, "store")} {
		if _, err := Open(dir, nil); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "choose a folder") {
			t.Errorf("Open(%q) gave %v", dir, err)
		}
	}
}

// TestNoFolder opens, copies and salvages what has no name: that is not the
// folder in which the program happens to be.
func TestNoFolder(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, nil)
	must(t, err)
	defer s.Close(background)
	t.Chdir(t.TempDir())
	calls := map[string]func() error{
		"Open":          func() error { _, err := Open("", nil); return err },
		"OpenReadOnly":  func() error { _, err := OpenReadOnly("", nil); return err },
		"Backup":        func() error { return s.Backup(background, "") },
		"Salvage from":  func() error { _, err := Salvage(background, "", t.TempDir()); return err },
		"Salvage in to": func() error { _, err := Salvage(background, dir, ""); return err },
	}
	for what, call := range calls {
		if err := call(); err == nil || !strings.Contains(err.Error(), "choose a folder") {
			t.Errorf("%s gave %v", what, err)
		}
	}
	if names := tree(t, "."); len(names) > 1 {
		t.Errorf("the working directory has %v", names)
	}
}

// TestChdir opens a store by a relative name and lets the program go elsewhere,
// where there is another one of that name: each keeps to its own files.
func TestChdir(t *testing.T) {
	var stores []*Store
	dirs := []string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		t.Chdir(dir)
		s, err := Open("store", &Options{SegmentSize: leastSegment})
		must(t, err)
		put(t, s, byte(i+1), "first")
		stores = append(stores, s)
	}
	for i, s := range stores {
		for range 10 {
			put(t, s, byte(i+1), strings.Repeat("more than a segment ", 100))
		}
		to := filepath.Join(t.TempDir(), "copy")
		must(t, s.Backup(background, to))
		must(t, s.Close(background))
		for _, dir := range []string{to, filepath.Join(dirs[i], "store")} {
			s, err := Open(dir, nil)
			must(t, err)
			for n := range byte(2) {
				head, _ := s.Head(background, notes, id(n+1))
				if want := map[bool]uint64{true: 11}[int(n) == i]; head.Seq != want {
					t.Errorf("store %d: document %d has %d commits, want %d", i, n, head.Seq, want)
				}
			}
			must(t, s.Close(background))
		}
	}
}

// TestReadOnly opens a folder that may not be written to. Tests may be run by
// somebody who may write everywhere, so the disk says it.
func TestReadOnly(t *testing.T) {
	for _, cause := range []error{fs.ErrPermission, vfs.ErrReadOnly} {
		for _, exists := range []bool{false, true} {
			disk := vfs.NewMem()
			if exists {
				must(t, openMem(t, disk).Close(background))
			}
			disk.Before = func(op vfs.Op) vfs.Fault {
				if op.Kind == vfs.OpLock || op.Kind.Changes() && op.Kind != vfs.OpSyncDir {
					return vfs.Fault{Err: &fs.PathError{Op: op.Kind.String(), Path: op.Name, Err: cause}}
				}
				return vfs.Fault{}
			}
			_, err := open(disk, storeDir, small)
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), "must be writable") || !strings.Contains(err.Error(), storeDir) {
				t.Errorf("exists=%v: %v", exists, err)
			}
		}
	}
}

// TestInterruptedCreation opens what a creation left that was cut short, and a
// disk's own lost+found: both are as good as an empty folder.
func TestInterruptedCreation(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, lostName), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, lockName), []byte("pid 1"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, storeName+".tmp"), []byte("dest"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, journalName), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, journalName, "next.tmp"), make([]byte, 100), 0o600))
	s, err := Open(dir, nil)
	must(t, err)
	put(t, s, 1, "body")
	must(t, s.Close(background))
}

// TestInUse opens a store a second time, in this process and beside another.
func TestInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "store")
	s, err := Open(dir, nil)
	must(t, err)
	_, err = Open(dir, nil)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "this process") {
		t.Errorf("second Open: %v", err)
	}
	must(t, s.Close(background))

	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+filepath.Dir(dir))
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, nil)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("pid ", child.Process.Pid)) {
		t.Errorf("Open beside another process: %v", err)
	}
	must(t, child.Process.Kill())
	_ = child.Wait()
	s, err = Open(dir, nil)
	must(t, err)
	must(t, s.Close(background))
}

// TestFullDisk fills the disk. What has no room is refused and certainly not
// stored; reading goes on, and so does writing when there is room.
func TestFullDisk(t *testing.T) {
	disk := vfs.NewMem()
	disk.SetCapacity(30 << 10)
	s := openMem(t, disk)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	accepted := uint64(0)
	try := func(seq uint64) error {
		c := driver.Commit{Table: notes, ID: id(1), Seq: seq, Try: [16]byte{byte(seq)}, Kind: driver.KindChange, Body: make([]byte, 1500)}
		if seq == 1 {
			c.Section = []byte{0x80}
		}
		return s.Append(background, []driver.Commit{c})[0].Err
	}
	var err error
	for err == nil {
		if err = try(accepted + 1); err == nil {
			accepted++
		}
	}
	if !vfs.Full(err) || errors.Is(err, driver.ErrUnknown) || errors.Is(err, driver.ErrPoisoned) || !strings.Contains(err.Error(), "goes on by itself") {
		t.Errorf("a full disk gives %v", err)
	}
	if err := try(accepted + 1); !vfs.Full(err) {
		t.Errorf("a disk that is still full gives %v", err)
	}
	state, err := s.Load(background, notes, id(1), 0)
	if err != nil || state.Seq != accepted || uint64(len(state.Commits)) != accepted {
		t.Errorf("a full disk shows %d of %d commits, %v", state.Seq, accepted, err)
	}
	must(t, s.Sync(background))
	disk.SetCapacity(0)
	must(t, try(accepted+1))
	must(t, s.Close(background))
	s = openMem(t, disk)
	if head, err := s.Head(background, notes, id(1)); err != nil || head.Seq != accepted+1 {
		t.Errorf("after opening again: %d, %v", head.Seq, err)
	}
	must(t, s.Close(background))
}

// TestPoison lets a sync fail once. Nothing is accepted any more, what was on
// its way is unknown, reading goes on, and opening again tells.
func TestPoison(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk)
	put(t, s, 1, "kept")
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpWrite {
			return vfs.Fault{Err: syscall.EIO, Short: 10}
		}
		return vfs.Fault{}
	}
	next := func(seq uint64) driver.Commit {
		return driver.Commit{
			Table: notes, ID: id(1), Seq: seq, Try: [16]byte{9, byte(seq)}, Kind: driver.KindChange, Body: []byte("lost"),
			Held: []driver.Term{"slug\x00sslug 1"},
		}
	}
	err := s.Append(background, []driver.Commit{next(2)})[0].Err
	if !errors.Is(err, driver.ErrUnknown) || !errors.Is(err, driver.ErrPoisoned) || !errors.Is(err, syscall.EIO) {
		t.Errorf("the commit on its way: %v", err)
	}
	disk.Before = nil
	// The same attempt again is not stored because memory has it.
	if err := s.Append(background, []driver.Commit{next(2)})[0].Err; !errors.Is(err, driver.ErrUnknown) || !errors.Is(err, driver.ErrPoisoned) {
		t.Errorf("the commit sent again: %v", err)
	}
	for what, err := range map[string]error{
		"Append":     s.Append(background, []driver.Commit{next(3)})[0].Err,
		"Sync":       s.Sync(background),
		"Checkpoint": s.Checkpoint(background, notes, id(1), 1, nil),
		"Purge":      s.Purge(background, notes, id(1)),
		"Declare":    s.Declare(background, driver.Schema{Table: "other"}),
	} {
		if !errors.Is(err, driver.ErrPoisoned) || errors.Is(err, driver.ErrUnknown) {
			t.Errorf("%s on a poisoned store: %v", what, err)
		}
	}
	if _, err := s.Load(background, notes, id(1), 1); err != nil {
		t.Errorf("Load on a poisoned store: %v", err)
	}
	if err := s.Close(background); !errors.Is(err, driver.ErrPoisoned) {
		t.Errorf("Close of a poisoned store: %v", err)
	}
	s = openMem(t, disk)
	if head, err := s.Head(background, notes, id(1)); err != nil || head.Seq != 1 {
		t.Errorf("after opening again: %+v, %v", head, err)
	}
	must(t, s.Append(background, []driver.Commit{next(2)})[0].Err)
	must(t, s.Close(background))
}

// TestTornTail opens a store whose last write was torn. It opens by itself,
// and tells.
func TestTornTail(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk)
	put(t, s, 1, "kept")
	c := driver.Commit{Table: notes, ID: id(2), Seq: 1, Try: [16]byte{7}, Kind: driver.KindChange, Body: make([]byte, 3000), Section: []byte{0x80}}
	for i := range c.Body {
		c.Body[i] = 7
	}
	must(t, s.Append(background, []driver.Commit{c})[0].Err)
	picks := 0
	torn := disk.Cut(vfs.Cut{Pick: func(n int) int { // all but the middle sector
		if picks++; picks == 3 {
			return 0
		}
		return n - 1
	}})
	s2, err := open(torn, storeDir, small)
	must(t, err)
	if _, err := s2.Head(background, notes, id(2)); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("the torn commit: %v", err)
	}
	lost := s2.Stats().Lost
	if len(lost) != 1 || lost[0].Bytes < 2000 || !strings.Contains(lost[0].Where, "0000000001.log at offset") || !strings.Contains(lost[0].Why, lostName) {
		t.Errorf("lost: %+v", lost)
	}
	must(t, s2.Close(background))
	s2, err = open(torn, storeDir, small)
	must(t, err)
	if lost := s2.Stats().Lost; len(lost) != 0 {
		t.Errorf("lost once more: %+v", lost)
	}
	must(t, s2.Close(background))
	must(t, s.Close(background))
}

// TestFlippedBits flips each bit of a closed store's journal, one at a time.
// It refuses to open, or everything is there.
func TestFlippedBits(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk)
	for n := byte(1); n < 4; n++ {
		put(t, s, n, "body")
		put(t, s, n, "another body")
	}
	must(t, newWriter(1, []byte("synced by the close alone")).commit(s, false))
	want := dump(t, s)
	must(t, s.Close(background))
	name := filepath.Join(storeDir, journalName, "0000000001.log")
	whole, err := read(disk, name)
	must(t, err)
	refused := 0
	for off := range bytes.TrimRight(whole, "\x00") {
		b := append([]byte(nil), whole...)
		b[off] ^= 1 << (off % 8)
		c := disk.Cut(vfs.Cut{Pick: vfs.Keep})
		must(t, c.Remove(name))
		f, err := c.Create(name)
		must(t, err)
		_, err = f.WriteAt(b, 0)
		must(t, errors.Join(err, f.Close()))
		s, err := open(c, storeDir, small)
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrFormat) {
			refused++
			continue
		}
		must(t, err)
		if got := dump(t, s); got != want {
			t.Fatalf("byte %d: the store shows\n%s", off, got)
		}
		must(t, s.Close(background))
	}
	if refused < 500 {
		t.Errorf("%d flips were noticed", refused)
	}
}

// TestLeaks opens and closes stores, well and with errors, and counts.
func TestLeaks(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	files := openFiles(t)
	for i := range 20 {
		dir := t.TempDir()
		s, err := Open(dir, nil)
		must(t, err)
		put(t, s, 1, strings.Repeat("body", 200_000)) // prepares a segment
		if _, err := Open(dir, nil); err == nil {
			t.Fatal("it opens twice")
		}
		must(t, s.Close(background))
		must(t, os.WriteFile(filepath.Join(dir, journalName, fmt.Sprintf("%010d.log", 90+i)), []byte("no segment"), 0o600))
		if _, err := Open(dir, nil); !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	}
	for i := 0; runtime.NumGoroutine() > goroutines && i < 5000; i++ {
		time.Sleep(time.Millisecond) // a goroutine that has ended is counted until it is gone
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d before", n, files)
	}
}

// openFiles counts what this process has open, where the system tells.
func openFiles(t *testing.T) int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		t.Log("open files are counted where there is /proc; goroutines everywhere")
		return 0
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return len(names)
}

// TestOptions holds what options become.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		opts  *Options
		keep  time.Duration
		size  int
		first int
	}{
		{nil, 10 * time.Minute, 16 << 20, 1 << 20},
		{&Options{}, 10 * time.Minute, 16 << 20, 1 << 20},
		{&Options{Keep: time.Hour, SegmentSize: 1 << 20}, time.Hour, 1 << 20, 1 << 20},
		{&Options{Keep: -1, SegmentSize: 4096}, 0, 4096, 4096},
	} {
		full, first, err := tt.opts.sizes()
		must(t, err)
		s, err := Open(t.TempDir(), tt.opts)
		must(t, err)
		if s.keeper.keep != tt.keep || full != tt.size || first != tt.first {
			t.Errorf("%+v: files stay for %v, segments have %d bytes and the first %d", tt.opts, s.keeper.keep, full, first)
		}
		if size := s.Stats().Bytes; size != uint64(tt.first) {
			t.Errorf("%+v: a new store takes %d bytes", tt.opts, size)
		}
		must(t, s.Close(background))
	}
}

// TestCloseHolds opens a store while it is being closed: it is in use until all
// of it is on the disk.
func TestCloseHolds(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	must(t, newWriter(1, []byte("body")).commit(s, false))
	syncs := 0
	disk.During = func(op vfs.Op) {
		syncs++
		if _, err := open(disk, storeDir, small); !errors.Is(err, ErrInUse) {
			t.Errorf("while %v: %v", op, err)
		}
	}
	must(t, s.Close(background))
	if disk.During = nil; syncs == 0 {
		t.Error("nothing was synced")
	}
	must(t, openMem(t, disk).Close(background))
}
