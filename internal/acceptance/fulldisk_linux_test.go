package acceptance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/destam"
)

// smallDisk makes a disk of the given size in a folder.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("mounting a small disk needs root and the right to mount: %v; TestFullDisk of drivers/fs simulates one", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills a real disk. Callers are told, what was acknowledged
// stays, the live documents go on, and when there is room everything is stored
// without anybody's doing.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, 16<<20)
	ballast, dir := filepath.Join(disk, "ballast"), filepath.Join(disk, "store")
	if err := os.WriteFile(ballast, make([]byte, 14<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := fs.Open(dir, &fs.Options{SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	told := &errorLog{}
	db, err := destam.Open(t.Context(), store, &destam.Options{OnError: told.add})
	if err != nil {
		t.Fatal(err)
	}
	table := ThingTable(db)
	all := map[destam.ID]*OThing{}
	text := strings.Repeat("text ", 2000)
	for err = nil; err == nil; {
		if len(all) > 1000 {
			t.Fatal("the disk does not get full")
		}
		v, serial := full(fmt.Sprint("thing ", len(all))), int64(len(all))
		v.Query.Serial, v.Text, v.Draft = &serial, text, nil
		var o *OThing
		if o, err = table.Create(t.Context(), v); err == nil {
			all[o.ID()] = o
		}
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "goes on by itself") {
		t.Errorf("Create on a full disk gives %v", err)
	}
	var edited *OThing
	for _, o := range all {
		o.SetText(strings.Repeat("edited ", 20_000))
		if edited = o; o.Flush(t.Context()) != nil {
			break
		}
	}
	if err := edited.Flush(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Flush on a full disk gives %v", err)
	}
	if !edited.Pending() || !strings.HasPrefix(edited.Text(), "edited ") {
		t.Error("what has no room is gone from the live document")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); edited.Pending(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is stored although there is room")
		}
	}
	if err := db.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, err := range told.take() {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("reported: %v", err)
		}
	}
	kept := map[destam.ID]Thing{}
	for id, o := range all {
		kept[id] = o.Snapshot()
	}
	unharmed(t, dir, kept)
}
