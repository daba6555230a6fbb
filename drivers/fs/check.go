package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

var _ driver.Checker = (*Store)(nil)

// Check implements [driver.Checker]. It reads every file of the store again:
// the runs with their indexes, which it makes anew and compares, the manifest,
// and the journal.
func (s *Store) Check(ctx context.Context) iter.Seq2[driver.Damage, error] {
	return func(yield func(driver.Damage, error) bool) {
		found, err := s.inspect(ctx)
		for _, d := range found {
			if !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Damage{}, err)
		}
	}
}

func (s *Store) inspect(ctx context.Context) (found []driver.Damage, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	s.mu.RLock()
	tables := make(map[string]*runs)
	for name, t := range s.tables {
		tables[name] = t.runs.keep()
	}
	s.mu.RUnlock()
	defer func() {
		for _, rs := range tables {
			rs.drop()
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		for _, r := range tables[name].all {
			if err := ctx.Err(); err != nil {
				return found, err
			}
			err := r.Check(func(id driver.ID, off int64, why string) {
				found = append(found, driver.Damage{Table: name, ID: id, Where: fmt.Sprintf("%s at offset %d", r.Name(), off), Why: why})
			})
			if err := damage(&found, name, err); err != nil {
				return found, err
			}
		}
	}
	s.checkMemory(&found)
	return found, s.checkFiles(&found)
}

// damage notes an error that says what is damaged, and gives others back.
func damage(found *[]driver.Damage, table string, err error) error {
	var sealed *run.DamageError
	var torn *journal.DamageError
	var missing *missingError
	d := driver.Damage{Table: table}
	switch {
	case errors.As(err, &sealed):
		d.Where, d.Why = fmt.Sprintf("%s at offset %d", sealed.File, sealed.Offset), sealed.Why
	case errors.As(err, &torn):
		d.Where, d.Why = fmt.Sprintf("%s at offset %d", torn.File, torn.Offset), torn.Why
	case errors.As(err, &missing):
		d.Where, d.Why = missing.file, missing.Error()
	default:
		return err
	}
	*found = append(*found, d)
	return nil
}

// checkMemory compares the indexes of what is not sealed with what it is.
func (s *Store) checkMemory(found *[]driver.Damage) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, t := range s.tables {
		for _, l := range []*tail{t.active, t.frozen} {
			if l == nil {
				continue
			}
			made := newTail()
			for id, d := range l.docs {
				made.docs[id] = d
				terms := d.terms()
				made.index(id, nil, terms)
				made.hold(id, nil, d.standing.Held, terms)
			}
			if !l.same(made) {
				*found = append(*found, driver.Damage{Table: name, Where: "memory", Why: "the index of what is not sealed is not what its documents make"})
			}
		}
	}
}

// same tells whether two tails of the same documents have the same indexes.
func (t *tail) same(other *tail) bool {
	sets := func(a, b *idSet) bool { return a.len() == b.len() && slices.Equal(a.list(), b.list()) }
	found := func(a, b hits) bool { return slices.Equal(a.list(), b.list()) }
	return sets(&t.alive, &other.alive) && maps.Equal(t.outside, other.outside) && maps.EqualFunc(t.found, other.found, found)
}

// list gives the documents of a term.
func (h hits) list() []driver.ID {
	if h.set == nil {
		return []driver.ID{h.one}
	}
	return h.set.list()
}

// list gives the ids of a set.
func (s *idSet) list() (ids []driver.ID) {
	intersect([]*idSet{s}, driver.ID{}, func(id driver.ID) bool {
		ids = append(ids, id)
		return true
	})
	return ids
}

// checkFiles reads the manifest and the journal as if the store were opened.
// What another goroutine is writing may be seen half, so it looks again before
// it believes that something is wrong.
func (s *Store) checkFiles(found *[]driver.Damage) (err error) {
	for range looks {
		if err = s.readFiles(); err == nil {
			return nil
		}
	}
	return damage(found, "", err)
}

func (s *Store) readFiles() error {
	if _, exists, err := readIdentity(s.fs, s.dir); err != nil || !exists {
		return errors.Join(&missingError{file: storeName, by: "every store"}, err)
	}
	names, err := s.fs.List(filepath.Join(s.dir, runsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	has := func(r run.Ref) bool { return slices.Contains(names, filepath.Base(runName(r.Number))) }
	m, numbers, err := manifest.Load(s.fs, s.dir, s.id, has)
	if err != nil {
		return err
	}
	if n := len(numbers); n > 0 && m.Number != numbers[n-1] {
		return &run.DamageError{File: filepath.Join(s.dir, manifest.FileName(numbers[n-1])), Why: "it is not what was written; the store works by the one before"}
	}
	for _, t := range m.Tables {
		for _, r := range t.Runs {
			if !has(r) {
				return &missingError{file: runName(r.Number), by: manifest.FileName(m.Number)}
			}
		}
	}
	return journal.Read(s.fs, filepath.Join(s.dir, journalName), journal.Options{Store: s.id, Sealed: m.Sealed},
		func(rec []byte, p journal.Place, _ uint64) error {
			if len(rec) > recordFront && rec[0] == recordCommit {
				if _, err := driver.DecodeCommit(rec[recordFront:]); err != nil {
					return &journal.DamageError{File: p.String(), Why: err.Error()}
				}
			}
			return nil
		})
}
