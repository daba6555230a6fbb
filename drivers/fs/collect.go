package fs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
)

// collect removes files that are not part of the store any more, when they
// have stayed as long as somebody who copies the folder may need them. That
// must not be before a manifest without them is known to be durable, or a power
// failure would bring back one that names them: so this process has written one.
func (k *keeper) collect() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holds > 0 || !slices.ContainsFunc(k.doomed, k.expired) {
		return
	}
	if !k.own && k.bug != removedUnowned {
		if k.write(k.manifest, nil) != nil {
			return // later, when the disk is better
		}
	}
	k.doomed = slices.DeleteFunc(k.doomed, func(g manifest.Gone) bool {
		if !k.expired(g) {
			return false
		}
		err := k.s.fs.Remove(filepath.Join(k.s.dir, g.Name))
		return err == nil || errors.Is(err, fs.ErrNotExist) // otherwise the next time
	})
}

func (k *keeper) expired(g manifest.Gone) bool {
	return k.now().Sub(time.Unix(g.Since, 0)) >= k.keep
}

// adopt takes over the files that are there when a store is opened: those that
// the manifest knows to be gone, and those that nothing knows, which are what a
// crash left.
func (k *keeper) adopt(numbers []uint64) error {
	s, m := k.s, &k.manifest
	k.doomed, k.next = slices.Clone(m.Gone), max(m.Next, 1)
	for _, n := range numbers {
		k.last = n
		if n < m.Number {
			k.before = n
		}
	}
	for _, n := range numbers {
		if n != m.Number && n != k.before { // above it is what is damaged
			k.doom(manifest.FileName(n))
		}
	}
	for _, name := range s.journal.Spare() {
		k.doom(filepath.Join(journalName, filepath.Base(name)))
	}
	names, err := s.fs.List(filepath.Join(s.dir, runsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	named := make(map[string]bool)
	for _, t := range m.Tables {
		for _, r := range t.Runs {
			named[runName(r.Number)] = true
		}
	}
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, ".run")
		n, nerr := strconv.ParseUint(digits, 10, 64)
		if !ok || nerr != nil || runName(n) != filepath.Join(runsName, name) || named[runName(n)] {
			continue
		}
		k.doom(runName(n))
		k.next = max(k.next, n+1)
	}
	return err
}
