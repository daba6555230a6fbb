package fs

import (
	"context"
	"iter"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Head implements [driver.Driver].
func (s *Store) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Head{}, err
	}
	defer s.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, err := s.document(table, id)
	if err != nil {
		return driver.Head{}, err
	}
	return d.head(id), nil
}

// Load implements [driver.Driver].
func (s *Store) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	if err := s.enter(ctx); err != nil {
		return driver.State{}, err
	}
	defer s.leave()
	s.mu.RLock()
	d, err := s.document(table, id)
	if err != nil {
		s.mu.RUnlock()
		return driver.State{}, err
	}
	state := driver.State{Head: d.head(id)}
	base, places := d.until(at)
	s.mu.RUnlock()
	if base.seq > 0 {
		state.CheckpointSeq = base.seq
		if state.Checkpoint, err = readContent(base.place); err != nil {
			return driver.State{}, err
		}
	}
	state.Commits = make([]driver.Commit, len(places))
	for i, p := range places {
		if state.Commits[i], err = readCommit(p); err != nil {
			return driver.State{}, err
		}
	}
	return state, nil
}

// Log implements [driver.Driver].
func (s *Store) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		places, err := s.log(ctx, table, id, r)
		for i := range places {
			if r.Backward {
				i = len(places) - 1 - i
			}
			var c driver.Commit
			if c, err = s.commit(ctx, places[i]); err != nil {
				break
			}
			if !yield(c, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Commit{}, err)
		}
	}
}

func (s *Store) log(ctx context.Context, table string, id driver.ID, r driver.Range) ([]journal.Place, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(table)
	if err != nil || t.docs[id] == nil {
		return nil, err
	}
	return t.docs[id].between(r), nil
}

// commit reads one commit for an iterator, which must not keep the store from
// being closed while its consumer runs.
func (s *Store) commit(ctx context.Context, p journal.Place) (driver.Commit, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Commit{}, err
	}
	defer s.leave()
	return readCommit(p)
}

// page is how many heads Find takes at once, and so how long writers wait for
// it.
const page = 64

// Find implements [driver.Driver].
func (s *Store) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		past, left := q.After, q.Limit
		for {
			n := page
			if q.Limit > 0 {
				n = min(page, left)
			}
			heads, err := s.find(ctx, table, q.Terms, past, n)
			if err != nil {
				yield(driver.Head{}, err)
				return
			}
			for _, h := range heads {
				if !yield(h, nil) {
					return
				}
				past = h.ID // the consumer's copy may be changed, this one not
			}
			left -= len(heads)
			if len(heads) < n || q.Limit > 0 && left == 0 {
				return
			}
		}
	}
}

// find gives the first n heads past an id that have the terms.
func (s *Store) find(ctx context.Context, table string, terms []driver.Term, past driver.ID, n int) ([]driver.Head, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(table)
	if err != nil {
		return nil, err
	}
	var heads []driver.Head
	t.search(terms, past, func(id driver.ID) bool {
		heads = append(heads, t.docs[id].head(id))
		return len(heads) < n
	})
	return heads, nil
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(table)
	if err != nil {
		return 0, err
	}
	return t.count(terms), nil
}
