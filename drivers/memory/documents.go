package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Documents implements [driver.Driver].
func (s *Store) Documents(ctx context.Context, table string, after driver.ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		for {
			entries, err := s.entries(ctx, table, after)
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(driver.Entry{}, err)
				return
			}
			if len(entries) < page {
				return
			}
			after = entries[len(entries)-1].ID
		}
	}
}

// entries returns the first documents after an id, a page of them.
func (s *Store) entries(ctx context.Context, table string, after driver.ID) ([]driver.Entry, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, table)
	if err != nil {
		return nil, err
	}
	var entries []driver.Entry
	t.ascend(after, func(d *document) bool {
		e := driver.Entry{ID: d.id, Standing: d.now()}
		e.Held = slices.Clone(e.Held)
		entries = append(entries, e)
		return len(entries) < page
	})
	return entries, nil
}
