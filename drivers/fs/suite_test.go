package fs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// homes remembers where the stores of a suite are, which the suite knows only
// as drivers.
type homes[T any] struct {
	mu sync.Mutex
	at map[driver.Driver]T
}

func (h *homes[T]) put(d driver.Driver, home T) driver.Driver {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at == nil {
		h.at = make(map[driver.Driver]T)
	}
	h.at[d] = home
	return d
}

func (h *homes[T]) of(d driver.Driver) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[d]
}

// TestDriver runs the suite on the machine's file system. The power cannot be
// cut there; a copy of the folder is what another process would find now.
func TestDriver(t *testing.T) {
	var dirs homes[string]
	open := func(t *testing.T, dir string) driver.Driver {
		s, err := Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		return dirs.put(s, dir)
	}
	drivertest.Run(t, func(t *testing.T) driver.Driver { return open(t, t.TempDir()) }, &drivertest.Options{
		Reopen: func(t *testing.T, closed driver.Driver) driver.Driver { return open(t, dirs.of(closed)) },
		Crash: func(t *testing.T, running driver.Driver) driver.Driver {
			dir := t.TempDir()
			copyTree(t, dirs.of(running), dir)
			return open(t, dir)
		},
	})
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		// A manifest that is being written is renamed while we look: the store
		// may lack it, as it may lack any file that ends in .tmp.
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(name, ".tmp") {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		if e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		b, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(name, ".tmp") {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// small are settings with which little data goes through everything.
var small = settings{
	Options: journal.Options{First: 4096, Segment: 16 << 10, Memory: 32 << 10},
	keeping: keeping{freezeAt: 3 << 10, pressAt: 24 << 10, closeAt: 8 << 10, unit: 4 << 10, now: time.Now},
}

// storeDir is where stores are on a disk in memory.
const storeDir = "/data/store"

func openMem(t testing.TB, disk *vfs.Mem) *Store {
	t.Helper()
	s, err := open(disk, storeDir, small)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDriverInMemory runs the suite on a disk that loses what was not synced,
// with small segments.
func TestDriverInMemory(t *testing.T) {
	var disks homes[*vfs.Mem]
	open := func(t *testing.T, disk *vfs.Mem) driver.Driver { return disks.put(openMem(t, disk), disk) }
	drivertest.Run(t, func(t *testing.T) driver.Driver { return open(t, vfs.NewMem()) }, &drivertest.Options{
		Reopen: func(t *testing.T, closed driver.Driver) driver.Driver { return open(t, disks.of(closed)) },
		Crash: func(t *testing.T, running driver.Driver) driver.Driver {
			return open(t, disks.of(running).Cut(vfs.Cut{Pick: vfs.Drop}))
		},
	})
}
