package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Backup makes a copy of the store in another folder, which is empty or does
// not exist, while the store is in use. The copy has every commit that was
// accepted before the call, and none of those after some moment within it; it
// is durable when Backup returns nil, and opened like any store. After an error
// the folder holds no store.
func (s *Store) Backup(ctx context.Context, dir string) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	err := s.writable() // its files may be removed meanwhile
	if err == nil && dir == "" {
		_, err = absolute(dir)
	}
	if err == nil {
		err = s.backup(ctx, dir)
	}
	if err != nil {
		err = fmt.Errorf("back up to %q: %w", dir, err)
	}
	return err
}

func (s *Store) backup(ctx context.Context, dir string) error {
	names, err := s.fs.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("it holds %q; choose an empty folder, or one that does not exist yet", names[0])
	}
	if err := s.journal.Sync(ctx, s.journal.Last()); err != nil {
		return err
	}
	k := &s.keeper
	k.mu.Lock()
	m, journal := k.manifest, s.journal.Snapshot() // together: what is in neither is in the other
	k.holds++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		k.holds--
		k.mu.Unlock()
	}()
	for _, name := range []string{journalName, runsName} {
		if err := vfs.MkdirAll(s.fs, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, t := range m.Tables {
		for _, r := range t.Runs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.backupRun(dir, r); err != nil {
				return err
			}
		}
	}
	if err := s.fs.SyncDir(filepath.Join(dir, runsName)); err != nil {
		return err
	}
	if err := journal.Write(s.fs, filepath.Join(dir, journalName)); err != nil {
		return err
	}
	if m.Number > 0 {
		m.Gone = nil
		if err := m.Write(s.fs, dir, s.id); err != nil {
			return err
		}
	}
	// Last: a folder without it is no store.
	b, err := read(s.fs, filepath.Join(s.dir, storeName))
	if err != nil {
		return err
	}
	return vfs.WriteFile(s.fs, filepath.Join(dir, storeName), b)
}

// backupRun copies a run, which nobody changes, and syncs the copy.
func (s *Store) backupRun(dir string, ref run.Ref) error {
	name := runName(ref.Number)
	from, err := s.fs.Open(filepath.Join(s.dir, name))
	if err != nil {
		return err
	}
	to, err := s.fs.Create(filepath.Join(dir, name))
	if err != nil {
		return errors.Join(err, from.Close())
	}
	buf := make([]byte, min(ref.Size, 1<<20))
	for off := int64(0); off < ref.Size && err == nil; off += int64(len(buf)) {
		buf = buf[:min(ref.Size-off, int64(len(buf)))]
		if _, err = from.ReadAt(buf, off); err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err == nil {
			_, err = to.WriteAt(buf, off)
		}
	}
	if err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close(), from.Close())
}
