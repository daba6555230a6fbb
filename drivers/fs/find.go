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
			heads, from, ok, err = s.find(ctx, table, &q, from, n)
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

// find gives at most n heads from an id on that have the terms of q, the id to go
// on from, and whether there may be more.
func (s *Store) find(ctx context.Context, table string, q *driver.Query, from driver.ID, n int) (heads []driver.Head, next driver.ID, more bool, err error) {
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
		hits, last, full, err := sealed.find(q, from, n)
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
		heads, next, more = t.merge(q, from, hits, last, full, n)
		s.mu.RUnlock()
		sealed.drop()
		return heads, next, more, nil
	}
}

// merge puts what memory finds between the hits of the runs, which end with
// last if they are not all, and gives the first n. The caller holds mu.
func (t *table) merge(q *driver.Query, from driver.ID, hits []run.Head, last driver.ID, full bool, n int) (heads []driver.Head, next driver.ID, more bool) {
	heads = make([]driver.Head, 0, len(hits))
	for _, h := range hits {
		if t.memory(h.ID) == nil {
			heads = append(heads, known{h.Standing, h.Section}.owned(h.ID))
		}
	}
	sealed := len(heads)
	for _, l := range []*tail{t.active, t.frozen} {
		if l == nil {
			continue
		}
		found := 0
		l.search(q.Terms, from, func(id driver.ID) bool {
			if full && id.Compare(last) > 0 || found == n {
				return false
			}
			if l == t.active || t.active.docs[id] == nil {
				d := l.docs[id]
				k := known{d.standing, d.section}
				if q.Peek { // memory never writes into a section that it has
					k.standing.Held = nil
					heads = append(heads, k.owned(id))
				} else {
					heads = append(heads, k.head(id))
				}
				found++
			}
			return true
		})
	}
	if len(heads) > sealed {
		slices.SortFunc(heads, func(a, b driver.Head) int { return a.ID.Compare(b.ID) })
	}
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

// find gives the first n heads from an id on that have the terms: see pickHits.
func (rs *runs) find(q *driver.Query, from driver.ID, n int) (heads []run.Head, last driver.ID, full bool, err error) {
	return pickHits(rs, n, func(r *sealedRun, hits []run.Head) ([]run.Head, error) {
		return r.Find(hits, q.Terms, from, n, q.Peek)
	}, func(h *run.Head) driver.ID { return h.ID })
}

// match gives the ids of what find finds.
func (rs *runs) match(terms []driver.Term, from driver.ID, n int) (ids []driver.ID, last driver.ID, full bool, err error) {
	return pickHits(rs, n, func(r *sealedRun, hits []driver.ID) ([]driver.ID, error) {
		return r.Match(hits, terms, from, n)
	}, func(id *driver.ID) driver.ID { return *id })
}

// pickHits gives what the runs of a set find, ascending, each as the newest run
// that has the document knows it. Find appends the first n hits of a run. Last
// is the id up to which that is all, if it is not all of all, which full tells.
func pickHits[T any](rs *runs, n int, find func(*sealedRun, []T) ([]T, error), id func(*T) driver.ID) (hits []T, last driver.ID, full bool, err error) {
	for i, r := range rs.all {
		had := len(hits)
		if hits, err = find(r, hits); err != nil {
			return nil, last, false, err
		}
		found := hits[had:]
		if len(found) == n {
			if end := id(&found[n-1]); !full || end.Compare(last) < 0 {
				last = end
			}
			full = true
		}
		hits = hits[:had]
		for j := range found {
			covered, err := rs.covered(id(&found[j]), i)
			if err != nil {
				return nil, last, false, err
			}
			if !covered {
				hits = append(hits, found[j])
			}
		}
	}
	if len(rs.all) > 1 {
		slices.SortFunc(hits, func(a, b T) int { return id(&a).Compare(id(&b)) })
	}
	if full {
		i, _ := slices.BinarySearchFunc(hits, last, func(h T, last driver.ID) int { return id(&h).Compare(last) })
		for i < len(hits) && id(&hits[i]) == last {
			i++
		}
		hits = hits[:i]
	}
	return hits, last, full, nil
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	if n, ok, err := s.countAtOnce(ctx, table, terms); ok || err != nil {
		return n, err
	}
	count, from, more := 0, driver.ID{}, true
	for more {
		var some int
		var err error
		if some, from, more, err = s.count(ctx, table, terms, from); err != nil {
			return 0, err
		}
		count += some
	}
	return count, nil
}

// counted is how many sealed documents Count looks at at once.
const counted = 4096

// count counts a page of the documents from an id on that have the terms, and
// gives the id to go on from, and whether there may be more: see find.
func (s *Store) count(ctx context.Context, table string, terms []driver.Term, from driver.ID) (count int, next driver.ID, more bool, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, next, false, err
	}
	defer s.leave()
	for {
		s.mu.RLock()
		t, err := s.table(table)
		if err != nil {
			s.mu.RUnlock()
			return 0, next, false, err
		}
		sealed := t.runs.keep()
		s.mu.RUnlock()
		ids, last, full, err := sealed.match(terms, from, counted)
		if err != nil {
			sealed.drop()
			return 0, next, false, err
		}
		s.mu.RLock()
		same := t.runs == sealed
		if same {
			count = t.count(terms, from, ids, last, full)
		}
		s.mu.RUnlock()
		sealed.drop()
		if !same {
			continue // memory moved into a run
		}
		if full {
			next, more = after(last)
		}
		return count, next, more, nil
	}
}

// count counts hits of the runs that memory knows no better, and what memory
// finds among them. The caller holds mu.
func (t *table) count(terms []driver.Term, from driver.ID, hits []driver.ID, last driver.ID, full bool) (n int) {
	for _, id := range hits {
		if t.memory(id) == nil {
			n++
		}
	}
	for _, l := range []*tail{t.active, t.frozen} {
		if l == nil {
			continue
		}
		l.search(terms, from, func(id driver.ID) bool {
			if full && id.Compare(last) > 0 {
				return false
			}
			if l == t.active || t.active.docs[id] == nil {
				n++
			}
			return true
		})
	}
	return n
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
