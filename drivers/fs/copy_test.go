package fs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
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
