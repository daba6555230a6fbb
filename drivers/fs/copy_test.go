package fs

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestCopy copies the folder of a store that is in use file by file, in any
// order, while between any two of them documents are written, sealed and
// merged. The copy shows what the store showed at some moment since copying
// began.
func TestCopy(t *testing.T) {
	skipRacing(t)
	kinds := []string{"MANIFEST", journalName, runsName}
	orders := [][]string{
		{kinds[0], kinds[1], kinds[2]}, {kinds[0], kinds[2], kinds[1]}, {kinds[1], kinds[0], kinds[2]},
		{kinds[1], kinds[2], kinds[0]}, {kinds[2], kinds[0], kinds[1]}, {kinds[2], kinds[1], kinds[0]},
	}
	for _, order := range orders {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			dir, to := t.TempDir(), t.TempDir()
			o := tight
			o.keep = 10 * time.Minute
			h := newHistory(t)
			s, err := open(vfs.OS, dir, o)
			must(t, err)
			write := func(script string) {
				for i := 0; i+1 < len(script); i += 2 {
					do := h.operation(script[i], script[i+1])
					must(t, do(h.oracle))
					must(t, do(s))
					h.states = append(h.states, dump(t, h.oracle))
				}
			}
			write("t1c1c2c3u1u2u3k1u1u2u3u1u2u3u1u2u3u1u2u3u1u2k3u1u2u3u1")
			must(t, s.Sync(background))
			before := len(h.states) - 1
			copyFile := func(name string) {
				b, err := os.ReadFile(filepath.Join(dir, name))
				must(t, err)
				must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o700))
				must(t, os.WriteFile(filepath.Join(to, name), b, 0o600))
			}
			copyFile(storeName)
			for _, kind := range order {
				names, err := filepath.Glob(filepath.Join(dir, kind+"*"))
				must(t, err)
				if kind != "MANIFEST" {
					names, err = filepath.Glob(filepath.Join(dir, kind, "*.[lr][ou][gn]"))
					must(t, err)
				}
				slices.Sort(names)
				for _, name := range names { // the list is made first, as programs that copy do
					rel, err := filepath.Rel(dir, name)
					must(t, err)
					copyFile(rel)
					write("u1u2k2u3u1u2")
				}
				write("u1u2u3u1u2u3u1u2k1u3u1u2u3u1u2u3")
			}
			must(t, os.MkdirAll(filepath.Join(to, runsName), 0o700))
			c, err := open(vfs.OS, to, o)
			must(t, err)
			if err := h.check(t, c, before); err != nil {
				t.Error(err)
			}
			must(t, c.Close(background))
			must(t, s.Close(background))
		})
	}
}

// TestCopyProgram lets the system's own cp copy the folder of a store over and
// over, while eight write, seal and merge: 20 times, 1,000 in the long mode.
// Every copy has what was durable before, and of each document a beginning; or
// it is refused, and says that it is to be copied again.
func TestCopyProgram(t *testing.T) {
	program, err := exec.LookPath("cp")
	if err != nil {
		t.Skip("this system has no program cp")
	}
	rounds := 1
	if os.Getenv("DESTAM_LONG") != "" {
		rounds = 50
	}
	refused := 0
	for range rounds {
		refused += copyBeside(t, program, 20)
	}
	t.Logf("%d of %d copies were refused", refused, 20*rounds)
	if refused > 10*rounds {
		t.Errorf("%d of %d copies were refused", refused, 20*rounds)
	}
}

// copyBeside copies a store so many times while it is in use, and gives how many
// copies are refused.
func copyBeside(t *testing.T, program string, copies int) (refused int) {
	base := t.TempDir()
	dir, to := filepath.Join(base, "store"), filepath.Join(base, "copy")
	o := hasty
	o.keep = 10 * time.Minute
	s, err := open(vfs.OS, dir, o)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer func() {
		stop.Store(true)
		wg.Wait()
		must(t, errors.Join(s.Close(background), os.RemoveAll(base)))
	}()
	durable := make([]atomic.Uint64, 8)
	for i := range durable {
		wg.Go(func() {
			for w := newWriter(i, make([]byte, 100+300*i)); !stop.Load(); durable[i].Store(w.next.Seq) {
				if err := w.commit(s, true); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range copies {
		least := make([]uint64, len(durable))
		for i := range durable {
			least[i] = durable[i].Load()
		}
		// What is being made when cp lists it may have its name when cp comes.
		if out, err := exec.Command(program, "-r", dir, to).CombinedOutput(); err != nil && !strings.Contains(string(out), ".tmp") {
			t.Fatalf("cp: %v: %s", err, out)
		}
		c, err := Open(to, nil)
		if errors.Is(err, ErrDamaged) && strings.Contains(err.Error(), "copy it again") {
			refused++
		} else {
			must(t, err)
			for i, least := range least {
				state, err := c.Load(background, notes, newWriter(i, nil).next.ID, 0)
				if err != nil && least > 0 || state.Seq < least || uint64(len(state.Commits)) != state.Seq {
					t.Errorf("writer %d has %d commits of %d, %v; %d were durable before", i, len(state.Commits), state.Seq, err, least)
				}
			}
			must(t, c.Close(background))
		}
		must(t, os.RemoveAll(to))
	}
	return refused
}
