package fs

import (
	"context"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Documents implements [driver.Driver].
func (s *Store) Documents(ctx context.Context, table string, from driver.ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		memory, err := s.unsealed(ctx, table)
		ok := true
		if !from.IsZero() {
			from, ok = after(from)
		}
		for err == nil && ok {
			var entries []driver.Entry
			entries, from, ok, err = s.entries(ctx, table, memory, from)
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(driver.Entry{}, err)
		}
	}
}

// unsealed gives the ids that memory has, ascending. What moves into a run
// meanwhile is found there or here.
func (s *Store) unsealed(ctx context.Context, table string) ([]driver.ID, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	s.mu.RLock()
	t, err := s.table(table)
	var ids []driver.ID
	if err == nil {
		for _, l := range []*tail{t.active, t.frozen} {
			if l == nil {
				continue
			}
			for id := range l.docs {
				ids = append(ids, id)
			}
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(ids, driver.ID.Compare)
	return slices.Compact(ids), err
}

// entries gives a page of documents from an id on, of those in memory and in
// the runs, the id to go on from, and whether there may be more.
func (s *Store) entries(ctx context.Context, table string, memory []driver.ID, from driver.ID) (entries []driver.Entry, next driver.ID, more bool, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, next, false, err
	}
	defer s.leave()
	s.mu.RLock()
	t, err := s.table(table)
	if err != nil {
		s.mu.RUnlock()
		return nil, next, false, err
	}
	sealed := t.runs.keep()
	s.mu.RUnlock()
	defer sealed.drop()

	i, _ := slices.BinarySearchFunc(memory, from, driver.ID.Compare)
	lists := [][]driver.ID{memory[i:min(i+page, len(memory))]}
	for _, r := range sealed.all {
		ids, err := r.List(from, page)
		if err != nil {
			return nil, next, false, err
		}
		lists = append(lists, ids)
	}
	var ids []driver.ID
	var last driver.ID // up to which all lists are whole, if one of them is not
	for _, list := range lists {
		ids = append(ids, list...)
		if len(list) == page && (!more || list[page-1].Compare(last) < 0) {
			last, more = list[page-1], true
		}
	}
	slices.SortFunc(ids, driver.ID.Compare)
	for _, id := range slices.Compact(ids) {
		if more && id.Compare(last) > 0 {
			break
		}
		c, err := s.chain(table, id)
		if err != nil {
			return nil, next, false, err
		}
		e := driver.Entry{ID: id, Standing: c.standing}
		e.Held = slices.Clone(e.Held)
		entries = append(entries, e)
		c.drop()
	}
	if more {
		next, more = after(last)
	}
	return entries, next, more, nil
}
