package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// OpenReadOnly opens a store to look at it, also one that another process has
// open, or on a disk that cannot be written to. It takes no lock and changes
// nothing. It shows what was known to be durable when it was opened, and no
// more afterwards; what would change the store gives [driver.ErrReadOnly]. That
// something is durable is known from what is written after it, at the latest 10
// ms later.
//
// The process that writes removes files ten minutes after they were replaced,
// see [Options.Keep]; where files are read and not mapped, reading a removed
// one still works for who has opened it before.
func OpenReadOnly(dir string, opts *Options) (*Store, error) {
	dir, err := absolute(dir)
	if err != nil {
		return nil, &openError{dir, err}
	}
	return openReadOnly(vfs.OS, dir, opts != nil && opts.NoMap)
}

// looks is how often OpenReadOnly looks at a store that changes under its eyes.
const looks = 10

func openReadOnly(f vfs.FS, dir string, noMap bool) (*Store, error) {
	f = vfs.Reading(f)
	var s *Store
	var err error
	for range looks {
		// What is written just now may be seen half, and what was replaced may
		// be gone: then everything is looked at again.
		s, err = look(f, dir, noMap)
		var damage *journal.DamageError
		var missing *missingError
		if err == nil || !errors.As(err, &damage) && !errors.As(err, &missing) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errRecord) {
			break
		}
	}
	if err != nil {
		return nil, refusal(dir, err)
	}
	return s, nil
}

// look opens a store once.
func look(f vfs.FS, dir string, noMap bool) (*Store, error) {
	id, exists, err := readIdentity(f, dir)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("%w: there is nothing to read", ErrNoStore)
	}
	s := &Store{fs: f, dir: dir, id: id.store, noMap: noMap, reading: true, tables: make(map[string]*table)}
	m, _, err := s.loadRuns()
	if err == nil {
		o := journal.Options{Store: id.store, Sealed: m.Sealed, Memory: math.MaxInt}
		err = journal.Read(f, filepath.Join(dir, journalName), o, s.replay)
	}
	if err != nil {
		for _, t := range s.tables {
			t.runs.drop()
		}
		return nil, err
	}
	return s, nil
}

// writable says why a call that would change the store is refused.
func (s *Store) writable() error {
	if s.reading {
		return driver.ErrReadOnly
	}
	return nil
}
