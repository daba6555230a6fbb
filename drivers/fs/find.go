package fs

import (
	"context"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// page is how many heads Find takes at once, and so how long writers wait for
// it.
const page = 64

// Find implements [driver.Driver].
func (s *Store) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		from, left, ok := q.After, q.Limit, true
		if !from.IsZero() {
			from, ok = after(from)
		}
		for ok {
			n := page
			if q.Limit > 0 {
				n = min(page, left)
			}
			var heads []driver.Head
			var err error
			heads, from, ok, err = s.find(ctx, table, q.Terms, from, n)
			if err != nil {
				yield(driver.Head{}, err)
				return
			}
			for _, h := range heads {
				if !yield(h, nil) {
					return
				}
			}
			if left -= len(heads); q.Limit > 0 && left == 0 {
				return
			}
		}
	}
}

// find gives at most n heads from an id on that have the terms, the id to go
// on from, and whether there may be more.
func (s *Store) find(ctx context.Context, table string, terms []driver.Term, from driver.ID, n int) (heads []driver.Head, next driver.ID, more bool, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, next, false, err
	}
	defer s.leave()
	for {
		s.mu.RLock()
		t, err := s.table(table)
		if err != nil {
			s.mu.RUnlock()
			return nil, next, false, err
		}
		sealed := t.runs.keep()
		s.mu.RUnlock()
		// The runs are read without the lock, and then compared with what
		// memory knows better; memory moves into a run sometimes.
		hits, last, full, err := sealed.find(terms, from, n)
		if err != nil {
			sealed.drop()
			return nil, next, false, err
		}
		s.mu.RLock()
		if t.runs != sealed {
			s.mu.RUnlock()
			sealed.drop()
			continue
		}
		heads, next, more = t.merge(terms, from, hits, last, full, n)
		s.mu.RUnlock()
		sealed.drop()
		return heads, next, more, nil
	}
}

// merge puts what memory finds between the hits of the runs, which end with
// last if they are not all, and gives the first n. The caller holds mu.
func (t *table) merge(terms []driver.Term, from driver.ID, hits []run.Head, last driver.ID, full bool, n int) (heads []driver.Head, next driver.ID, more bool) {
	hits = slices.DeleteFunc(hits, func(h run.Head) bool { return t.memory(h.ID) != nil })
	for _, h := range hits {
		k := known{h.Standing, h.Section}
		heads = append(heads, k.head(h.ID))
	}
	for _, l := range []*tail{t.active, t.frozen} {
		if l == nil {
			continue
		}
		found := 0
		l.search(terms, from, func(id driver.ID) bool {
			if full && id.Compare(last) > 0 || found == n {
				return false
			}
			if l == t.active || t.active.docs[id] == nil {
				d := l.docs[id]
				k := known{d.standing, d.section}
				heads = append(heads, k.head(id))
				found++
			}
			return true
		})
	}
	slices.SortFunc(heads, func(a, b driver.Head) int { return a.ID.Compare(b.ID) })
	if len(heads) > n {
		heads = heads[:n]
	}
	switch {
	case len(heads) == n: // whatever comes behind is behind the last of these
		next, more = after(heads[n-1].ID)
	case full:
		next, more = after(last)
	}
	return heads, next, more
}

// find gives the first n heads from an id on that have the terms, ascending, as
// the newest run that has the document knows it. Last is the id up to which
// that is all, if it is not all of all, which full tells.
func (rs *runs) find(terms []driver.Term, from driver.ID, n int) (heads []run.Head, last driver.ID, full bool, err error) {
	for i, r := range rs.all {
		found, err := r.Find(terms, from, n)
		if err != nil {
			return nil, last, false, err
		}
		if len(found) == n {
			if end := found[n-1].ID; !full || end.Compare(last) < 0 {
				last = end
			}
			full = true
		}
		for _, h := range found {
			covered, err := rs.covered(h.ID, i)
			if err != nil {
				return nil, last, false, err
			}
			if !covered {
				heads = append(heads, h)
			}
		}
	}
	if len(rs.all) > 1 {
		slices.SortFunc(heads, func(a, b run.Head) int { return a.ID.Compare(b.ID) })
	}
	if full {
		i, _ := slices.BinarySearchFunc(heads, last, func(h run.Head, id driver.ID) int { return h.ID.Compare(id) })
		for i < len(heads) && heads[i].ID == last {
			i++
		}
		heads = heads[:i]
	}
	return heads, last, full, nil
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	if n, ok, err := s.countAtOnce(ctx, table, terms); ok || err != nil {
		return n, err
	}
	count, from, more := 0, driver.ID{}, true
	for more {
		var heads []driver.Head
		var err error
		if heads, from, more, err = s.find(ctx, table, terms, from, page); err != nil {
			return 0, err
		}
		count += len(heads)
	}
	return count, nil
}

// countAtOnce counts where no document need be looked at.
func (s *Store) countAtOnce(ctx context.Context, table string, terms []driver.Term) (n int, ok bool, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, false, err
	}
	defer s.leave()
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(table)
	if err != nil || len(terms) == 0 {
		if err == nil {
			n = int(t.counts.alive)
		}
		return n, true, err
	}
	if len(terms) == 1 && t.frozen == nil && len(t.runs.all) == 0 {
		if set := t.active.found[terms[0]]; set != nil {
			n = set.len()
		}
		return n, true, nil
	}
	return 0, false, nil
}
