package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

const (
	// markAfter is how long after the last sync the journal vouches for what
	// was synced: soon enough that little can rot unnoticed, late enough that
	// a busy store never does.
	markAfter = 10 * time.Millisecond

	// fresh is how many bytes of full journal segments stay in memory, where
	// loading what was written lately costs no system call: all that are not
	// sealed, of which the keeper sees that they are not many.
	fresh = math.MaxInt
)

// Open opens the store in a folder, or makes one in a folder that is empty or
// does not exist. Nil options are good ones.
//
// An error matches [ErrInUse], [ErrNoStore], [ErrFormat] or [ErrDamaged], or
// says what the operating system refused.
func Open(dir string, opts *Options) (*Store, error) {
	full, first, err := opts.sizes()
	if err == nil {
		dir, err = absolute(dir)
	}
	if err != nil {
		return nil, &openError{dir, err}
	}
	o := settings{Options: journal.Options{Segment: full, First: first, Memory: fresh, Idle: markAfter}, keeping: usual}
	if opts != nil {
		o.noMap = opts.NoMap
		switch {
		case opts.Keep > 0:
			o.keep = opts.Keep
		case opts.Keep < 0:
			o.keep = 0
		}
	}
	return open(vfs.OS, dir, o)
}

// settings is how a store is kept.
type settings struct {
	journal.Options
	keeping
	noMap bool
}

// usual keeps at most 32 MiB in memory that are not sealed: half of it while
// the other half is on its way.
var usual = keeping{
	freezeAt: 12 << 20, pressAt: 16 << 20, closeAt: 1 << 20, unit: 16 << 20, keep: keepFor, now: time.Now,
}

func open(f vfs.FS, dir string, o settings) (*Store, error) {
	// Looked at first and again under the lock: nothing is to be written into
	// a folder that is not ours, not even a lock.
	_, exists, err := readIdentity(f, dir)
	if err == nil && !exists {
		err = vfs.MkdirAll(f, dir)
	}
	if err != nil {
		return nil, refusal(dir, err)
	}
	lock, err := f.Lock(filepath.Join(dir, lockName), lockText())
	if err != nil {
		return nil, refusal(dir, err)
	}
	s, err := openLocked(f, dir, o)
	if err != nil {
		return nil, refusal(dir, errors.Join(err, lock.Close()))
	}
	s.lock = lock
	return s, nil
}

func openLocked(f vfs.FS, dir string, o settings) (*Store, error) {
	id, exists, err := readIdentity(f, dir)
	if err != nil {
		return nil, err
	}
	o.LostFound = filepath.Join(dir, lostName)
	if !exists {
		id = newIdentity()
		o.Store = id.store
		if err := create(f, dir, id, o.Options); err != nil {
			return nil, err
		}
	}
	o.Store = id.store
	// Whoever made the file STORE may have been killed before its name was
	// durable, and everything hangs on that.
	if err := f.SyncDir(dir); err != nil {
		return nil, err
	}
	s := &Store{fs: f, dir: dir, id: id.store, noMap: o.noMap, tables: make(map[string]*table), waiting: make(chan struct{}, mostWaiting)}
	if err := s.load(o); err != nil {
		for _, t := range s.tables {
			t.runs.drop()
		}
		return nil, err
	}
	for _, l := range s.journal.Lost() {
		s.lost = append(s.lost, driver.Lost{
			Where: fmt.Sprintf("%s at offset %d", l.File, l.Offset),
			Why:   "left by an interrupted write that was never reported as durable; kept as " + l.Kept,
			Bytes: l.Bytes,
		})
	}
	return s, nil
}

// load opens what the manifest names and replays the journal behind it.
func (s *Store) load(o settings) error {
	k := &s.keeper
	k.s, k.keeping = s, o.keeping
	k.toSeal, k.toMerge, k.quit, k.eased = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	m, numbers, err := s.loadRuns()
	if err != nil {
		return err
	}
	k.manifest = m
	o.Sealed = m.Sealed
	s.journal, err = journal.Open(s.fs, filepath.Join(s.dir, journalName), o.Options, s.replay)
	s.replayed = driver.Decoder{} // and with it the segment that it read last
	if err != nil {
		return err
	}
	if err := k.adopt(numbers); err != nil {
		return errors.Join(err, s.journal.Close())
	}
	for _, t := range s.tables {
		for _, d := range t.active.docs {
			if d.standing.Life == driver.Purged {
				k.erase.Store(true)
			}
		}
	}
	k.start()
	k.wake()
	return nil
}

// loadRuns opens what the manifest names, and gives it and the numbers of all
// manifests. The caller drops the runs of the tables when there is an error.
func (s *Store) loadRuns() (manifest.Manifest, []uint64, error) {
	names, err := s.fs.List(filepath.Join(s.dir, runsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return manifest.Manifest{}, nil, err
	}
	m, numbers, err := manifest.Load(s.fs, s.dir, s.id, func(r run.Ref) bool {
		return slices.Contains(names, filepath.Base(runName(r.Number)))
	})
	if err != nil {
		return m, nil, err
	}
	for _, mt := range m.Tables {
		t := newTable(mt.Schema)
		t.counts = counts{existing: mt.Existing, alive: mt.Alive, commits: mt.Commits}
		s.tables[mt.Schema.Table] = t
		s.publish(mt.Schema.Table)
		for _, ref := range mt.Runs {
			r, err := run.Open(s.fs, filepath.Join(s.dir, runName(ref.Number)), ref, s.id, !s.noMap)
			if errors.Is(err, fs.ErrNotExist) {
				err = &missingError{file: runName(ref.Number), by: manifest.FileName(m.Number)}
			}
			if err != nil {
				return m, nil, err
			}
			// In the set at once, for the caller to close.
			t.runs.add(&sealedRun{Run: r})
		}
	}
	return m, numbers, nil
}

// create makes an empty store. The file STORE comes last: a folder without it
// was never handed out, so whatever an interrupted create left may be made
// again.
func create(f vfs.FS, dir string, id identity, o journal.Options) error {
	for _, name := range []string{journalName, runsName} {
		if err := vfs.MkdirAll(f, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := journal.Create(f, filepath.Join(dir, journalName), o); err != nil {
		return err
	}
	return vfs.WriteFile(f, filepath.Join(dir, storeName), id.encode())
}

// lockText is what people find in the file LOCK.
func lockText() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("pid %d\nhost %s\nsince %s\n", os.Getpid(), host, time.Now().Format(time.RFC3339))
}

// refusal puts the folder, and what can be done, before the cause.
func refusal(dir string, err error) error {
	var held *vfs.LockedError
	var damage *journal.DamageError
	var newer *journal.FormatError
	var sealed *run.DamageError
	var missing *missingError
	var newerRun *run.FormatError
	var newerManifest *manifest.FormatError
	var commit *driver.FormatError
	switch {
	case errors.As(err, &held):
		who := "another process"
		if held.Here {
			who = "this process"
		} else if text := strings.Join(strings.Fields(held.Holder), " "); text != "" {
			who = text
		}
		err = fmt.Errorf("%w by %s; a store belongs to one process at a time, close it there first", ErrInUse, who)
	case errors.Is(err, journal.ErrMissing):
		err = fmt.Errorf("%w: %w: the folder %s has no segments; put back the files NNNNNNNNNN.log that belong there, restore the store from a backup, or save what can be read with fs.Salvage",
			ErrDamaged, err, journalName)
	case errors.Is(err, syscall.ENOTDIR):
		err = fmt.Errorf("it, or something above it, is a file; choose a folder, or a name that does not exist yet: %w", err)
	case errors.As(err, &damage), errors.As(err, &sealed), errors.As(err, &missing):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	case errors.As(err, &newer), errors.As(err, &newerRun), errors.As(err, &newerManifest), errors.As(err, &commit) && commit.Newer:
		err = fmt.Errorf("%w: %w", ErrFormat, err)
	case errors.Is(err, errRecord), commit != nil:
		err = fmt.Errorf("%w: %w; restore the store from a backup, or save what can be read with fs.Salvage", ErrDamaged, err)
	case vfs.Forbidden(err):
		err = fmt.Errorf("the folder must be writable: %w", err)
	}
	return &openError{dir, err}
}
