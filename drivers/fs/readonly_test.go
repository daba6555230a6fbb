package fs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestOpenReadOnly looks at stores: closed ones, beside who writes, and when
// the last write is not known to be durable. Nothing in the folder changes.
func TestOpenReadOnly(t *testing.T) {
	for _, name := range []string{"clean", "killed", "torn", "sealed"} {
		dir := t.TempDir()
		copyTree(t, filepath.Join("testdata", "store-1-"+name), dir)
		before := tree(t, dir)
		s, err := OpenReadOnly(dir, nil)
		must(t, err)
		if head, err := s.Head(background, notes, id(1)); err != nil || head.Seq < 5 {
			t.Errorf("%s: %d, %v", name, head.Seq, err)
		}
		c := driver.Commit{Table: notes, ID: id(9), Seq: 1, Try: [16]byte{1}, Kind: driver.KindChange, Section: []byte{0x80}}
		for what, err := range map[string]error{
			"Append":     s.Append(background, []driver.Commit{c})[0].Err,
			"Checkpoint": s.Checkpoint(background, notes, id(1), 1, nil),
			"Purge":      s.Purge(background, notes, id(1)),
			"Backup":     s.Backup(background, filepath.Join(dir, "copy")),
		} {
			if !errors.Is(err, driver.ErrReadOnly) {
				t.Errorf("%s: %s gave %v", name, what, err)
			}
		}
		// A program with more tables and fields can read with its own.
		for _, schema := range []driver.Schema{{Table: "other"}, {Table: notes, Revision: 100, Unique: []string{"later", "slug"}}} {
			must(t, s.Declare(background, schema))
		}
		if _, err := s.Head(background, "other", id(1)); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("%s: a table that is not there gave %v", name, err)
		}
		must(t, s.Sync(background))
		must(t, s.Close(background))
		if after := tree(t, dir); !slices.Equal(before, after) {
			t.Errorf("%s: the folder changed from %v to %v", name, before, after)
		}
	}
	if _, err := OpenReadOnly(t.TempDir(), nil); !errors.Is(err, ErrNoStore) {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestReadBeside looks at a store again and again while it is written to,
// sealed and merged: each look shows a beginning of what was written that has
// all that was durable before, but for the marks that are not written yet.
func TestReadBeside(t *testing.T) {
	dir := t.TempDir()
	// A reader that is slower than ten merges would find what it is about to
	// open removed, if nothing were kept for a while.
	kept := hasty
	kept.keep = time.Minute
	s, err := open(vfs.OS, dir, kept)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	w := newWriter(1, make([]byte, 2000))
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 600 && err == nil; i++ {
			err = w.commit(s, true)
		}
		done <- err
	}()
	last := uint64(0)
	for writing := true; writing; {
		select {
		case err := <-done:
			must(t, err)
			writing = false
		default:
		}
		r, err := OpenReadOnly(dir, nil)
		must(t, err)
		state, err := r.Load(background, notes, w.next.ID, 0)
		if err != nil && !errors.Is(err, driver.ErrNotFound) {
			var undeclared *driver.SchemaError
			if !errors.As(err, &undeclared) {
				t.Fatal(err)
			}
		}
		if state.Seq < last || uint64(len(state.Commits)) != state.Seq {
			t.Fatalf("%d commits of %d after %d were seen", len(state.Commits), state.Seq, last)
		}
		last = state.Seq
		must(t, r.Close(background))
	}
	must(t, s.Close(background))
	r, err := OpenReadOnly(dir, nil)
	must(t, err)
	if head, err := r.Head(background, notes, w.next.ID); err != nil || head.Seq != 600 {
		t.Errorf("after the close it shows %d, %v", head.Seq, err)
	}
	must(t, r.Close(background))
}

// TestReading holds that what only reads changes nothing, whatever it tries.
func TestReading(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, []byte("text"), 0o400))
	f := vfs.Reading(vfs.OS)
	_, created := f.Create(name + "2")
	_, locked := f.Lock(name, "text")
	for _, err := range []error{created, locked, f.Rename(name, name+"2"), f.Remove(name), f.Mkdir(name + "3"), f.SyncDir(filepath.Dir(name))} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Error(err)
		}
	}
	r, err := f.Open(name)
	must(t, err)
	if _, err := r.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file that is read is written to")
	}
	must(t, r.Close())
}

// TestReadOnlyShowsDurable holds what a look at a store in use may show: what a
// later header says is durable, and nothing that a power failure could take.
func TestReadOnlyShowsDurable(t *testing.T) {
	disk := vfs.NewMem()
	s := openMem(t, disk) // writes no marks
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	w := newWriter(1, []byte("body"))
	shown := func() uint64 {
		r, err := openReadOnly(disk, storeDir, true)
		must(t, err)
		defer r.Close(background)
		head, err := r.Head(background, notes, w.next.ID)
		if err != nil && !errors.Is(err, driver.ErrNotFound) {
			t.Fatal(err)
		}
		return head.Seq
	}
	for n := range uint64(5) {
		must(t, w.commit(s, true))
		must(t, w.commit(s, false)) // its header vouches for the one before it
		if got, want := shown(), 2*n+1; got != want {
			t.Errorf("%d commits are shown, want %d: the last is only written", got, want)
		}
	}
	must(t, s.Close(background))
	if got := shown(); got != 10 {
		t.Errorf("after the close %d commits are shown", got)
	}
}

// TestReadOnlyLooksAgain lets the runs that a look is about to open be merged and
// removed under its eyes: it looks again.
func TestReadOnlyLooksAgain(t *testing.T) {
	disk := vfs.NewMem()
	s, err := open(disk, storeDir, tight)
	must(t, err)
	for len(s.tables) == 0 || len(s.tables[notes].runs.all) < 2 {
		put(t, s, 1, strings.Repeat("until there are several runs ", 30))
	}
	want := dump(t, s)
	merged := false
	disk.Before = func(op vfs.Op) vfs.Fault {
		if op.Kind == vfs.OpOpen && strings.HasSuffix(op.Name, ".run") && !merged {
			merged = true
			must(t, s.keeper.merge(notes, 0, len(s.tables[notes].runs.all)))
			s.keeper.collect()
		}
		return vfs.Fault{}
	}
	must(t, s.journal.Sync(background, s.journal.Last()))
	s.journal.Mark()
	r, err := openReadOnly(disk, storeDir, true)
	must(t, err)
	if got := dump(t, r); got != want || !merged {
		t.Errorf("merged=%v, and the look shows\n%sinstead of\n%s", merged, got, want)
	}
	must(t, errors.Join(r.Close(background), s.Close(background)))
}
