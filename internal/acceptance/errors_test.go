package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/destam"
)

// What a user can do wrong with a store, or a disk can do to it, tried with
// real files. Each case wants an error that a program can tell from others,
// that tells people where and what to do, and no damage: afterwards the store
// opens and everything is there. What the generator refuses is held by the
// scripts in testdata/script; a full disk is in fulldisk_linux_test.go.

// filled makes a store with some documents in a folder, closes it and gives
// what is in it.
func filled(t *testing.T, dir string) map[destam.ID]Thing {
	t.Helper()
	db := openDB(t, dir)
	all := map[destam.ID]Thing{}
	for i := range 3 {
		v, serial := full(fmt.Sprint("thing ", i)), int64(i)
		v.Query.Serial = &serial
		o, err := ThingTable(db).Create(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		o.SetText("edited")
		stored := o.Snapshot()
		stored.Draft = nil // local
		all[o.ID()] = stored
	}
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return all
}

func openDB(t *testing.T, dir string) *destam.DB {
	t.Helper()
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := destam.Open(t.Context(), store, &destam.Options{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// unharmed opens the store and wants everything in it.
func unharmed(t *testing.T, dir string, all map[destam.ID]Thing) {
	t.Helper()
	db := openDB(t, dir)
	table := ThingTable(db)
	for id, want := range all {
		o, err := table.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		equalThings(t, "afterwards", o.Snapshot(), want)
	}
	if n, err := destam.Count(t.Context(), table); err != nil || n != len(all) {
		t.Errorf("%d documents, %v", n, err)
	}
	if err := db.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// refused wants an error of fs.Open that matches, and names all of the words.
func refused(t *testing.T, dir string, is error, words ...string) {
	t.Helper()
	store, err := fs.Open(dir, nil)
	if err == nil {
		t.Errorf("the store opens; want %v", is)
		if err := store.Close(t.Context()); err != nil {
			t.Error(err)
		}
		return
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("%v: is not %q", err, is)
	}
	for _, w := range append(words, dir) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v: does not say %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\x00") || strings.Contains(err.Error(), "%!") {
		t.Errorf("%q is not one line of text", err)
	}
}

// files gives the content of a folder by the names in it, but not LOCK, which
// says who had it open last.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(name)
		all[strings.TrimPrefix(name, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func unchanged(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	if !maps.Equal(files(t, dir), before) {
		t.Error("something in the folder was changed")
	}
}

func TestSecondProcess(t *testing.T) {
	dir, side := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "flushed")
	all := filled(t, dir)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killDir+"="+dir, killSide+"="+side)
	var says strings.Builder
	child.Stderr = &says
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for len(readSide(t, side)) == 0 { // until it has the store
		select {
		case err := <-ended:
			t.Fatalf("the child ended by itself: %v: %s", err, says.String())
		case <-time.After(time.Millisecond):
		}
	}
	refused(t, dir, fs.ErrInUse, fmt.Sprint("pid ", child.Process.Pid), "close it there first")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	db := openDB(t, dir) // the lock went with the process
	for id, want := range all {
		o, err := ThingTable(db).Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		equalThings(t, "after the other process", o.Snapshot(), want)
	}
	if err := db.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTwoDatabases(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := destam.Open(t.Context(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = destam.Open(t.Context(), store, nil)
	var e *destam.Error
	if !errors.Is(err, destam.ErrAttached) || !errors.As(err, &e) || e.Op != "open" {
		t.Errorf("a second database: %v", err)
	}
	refused(t, dir, fs.ErrInUse, "this process")
	if err := db.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err = destam.Open(t.Context(), store, nil); !errors.Is(err, destam.ErrClosed) {
		t.Errorf("a database on a closed store: %v", err)
	}
	unharmed(t, dir, all)
}

func TestNoStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "holiday.jpg"), []byte("sea"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	refused(t, dir, fs.ErrNoStore, "holiday.jpg", "choose an empty folder")
	unchanged(t, dir, before)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("something was put into a folder that is not ours: %v, %v", entries, err)
	}
}

// TestNotAFolder is how a place that nobody may write to looks for root too.
func TestNotAFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, nil)
	refused(t, filepath.Join(dir, "below"), nil)
	if b, err := os.ReadFile(dir); err != nil || string(b) != "text" {
		t.Errorf("the file says %q, %v", b, err)
	}
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("root may write everywhere, and Windows knows no such mode; see TestNotAFolder")
	}
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	modes := func(folder, file os.FileMode) {
		err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir():
				return os.Chmod(name, folder)
			}
			return os.Chmod(name, file)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	modes(0o500, 0o400)
	refused(t, dir, os.ErrPermission, "must be writable")
	modes(0o700, 0o600)
	unharmed(t, dir, all)
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(closed, "store"), os.ErrPermission, "must be writable")
}

func TestNewerFormat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	name := filepath.Join(dir, "STORE")
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(bytes.Replace(was, []byte("format 1\n"), []byte("format 2\n"), 1))
	before := files(t, dir)
	refused(t, dir, fs.ErrFormat, "format 2", "newer version")
	unchanged(t, dir, before)
	put([]byte("format 1\n"))
	refused(t, dir, fs.ErrDamaged, "STORE", "backup")
	put(was)
	unharmed(t, dir, all)
}

// segment gives the journal's file that has the documents of filled.
func segment(t *testing.T, dir string) (name string, content []byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal", "*.log"))
	if err != nil || len(names) != 1 {
		t.Fatalf("the journal has %v, %v", names, err)
	}
	content, err = os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return names[0], content
}

// TestFlippedByte flips one byte after the other of what a close has vouched
// for. Wherever it is, the store says so instead of showing something else,
// touches nothing, and opens again when the byte is back.
func TestFlippedByte(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	name, was := segment(t, dir)
	begin, end := bytes.Index(was, []byte("thing 0")), bytes.LastIndex(was, []byte("thing 2"))
	if begin < 0 || end < begin {
		t.Fatal("the documents are not in the journal")
	}
	for at := begin; at < end; at += (end - begin) / 40 {
		b := bytes.Clone(was)
		b[at] ^= 0x10
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		refused(t, dir, fs.ErrDamaged, name, "offset", "backup")
		unchanged(t, dir, before)
	}
	if err := os.WriteFile(name, was, 0o600); err != nil {
		t.Fatal(err)
	}
	unharmed(t, dir, all)
}

// TestTornTail leaves a piece of a batch behind the last one, as a power
// failure does. The store opens without being asked, and says what it set
// aside.
func TestTornTail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	name, b := segment(t, dir)
	end := len(bytes.TrimRight(b, "\x00"))
	copy(b[(end+7)&^7:], b[64:96]) // the beginning of the first batch once more
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := store.Stats().Lost
	if len(lost) != 1 || !strings.Contains(lost[0].Where, name) || !strings.Contains(lost[0].Why, "lost+found") {
		t.Errorf("set aside: %+v", lost)
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadDir(filepath.Join(dir, "lost+found")); err != nil || len(kept) != 1 {
		t.Errorf("lost+found has %v, %v", kept, err)
	}
	unharmed(t, dir, all)
}

func TestMissingJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	all := filled(t, dir)
	name, b := segment(t, dir)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	refused(t, dir, fs.ErrDamaged)
	unchanged(t, dir, before)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	unharmed(t, dir, all)
}
