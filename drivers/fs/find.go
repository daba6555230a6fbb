package fs

import (
	"context"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// page is how many heads Find takes at once of each run and tail, and so how long
// writers wait for it.
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
			for i := range heads {
				if !yield(heads[i], nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
		}
	}
}

// find gives heads from an id on that have the terms of q, n at most of each run
// and tail but at least n if there are so many, the id to go on from, and whether
// there may be more.
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
		hits, until, err := sealed.find(q, from, n)
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
		heads, until = t.merge(q, from, hits, until, n)
		s.mu.RUnlock()
		sealed.drop()
		if until.cut {
			next, more = after(until.last)
		}
		return heads, next, more, nil
	}
}

// end says how far several lists of hits are whole: up to the last id of the one
// that ends first, if any of them was cut.
type end struct {
	cut  bool
	last driver.ID
}

// at notes that a list was cut behind an id.
func (e *end) at(id driver.ID) {
	if !e.cut || id.Compare(e.last) < 0 {
		e.cut, e.last = true, id
	}
}

// before tells whether the end comes before an id.
func (e *end) before(id driver.ID) bool { return e.cut && id.Compare(e.last) > 0 }

// merge puts what memory finds between the hits of the runs. The caller holds mu.
func (t *table) merge(q *driver.Query, from driver.ID, hits []run.Head, until end, n int) ([]driver.Head, end) {
	heads := make([]driver.Head, 0, len(hits))
	for i := range hits {
		if h := &hits[i]; t.memory(h.ID) == nil {
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
			if until.before(id) {
				return false
			}
			if l == t.frozen && t.active.docs[id] != nil {
				return true
			}
			d := l.docs[id]
			k := known{d.standing, d.section}
			if q.Peek { // memory never writes into a section that it has
				k.standing.Held = nil
				heads = append(heads, k.owned(id))
			} else {
				heads = append(heads, k.head(id))
			}
			if found++; found == n {
				until.at(id)
			}
			return found < n
		})
	}
	if len(heads) > sealed {
		slices.SortFunc(heads, func(a, b driver.Head) int { return a.ID.Compare(b.ID) })
	}
	for len(heads) > 0 && until.before(heads[len(heads)-1].ID) {
		heads = heads[:len(heads)-1]
	}
	return heads, until
}

// find gives the first n heads of each run from an id on that have the terms: see
// pickHits.
func (rs *runs) find(q *driver.Query, from driver.ID, n int) (heads []run.Head, until end, err error) {
	w := run.Wanted{Terms: q.Terms}
	return pickHits(rs, &w, n, func(r *sealedRun, hits []run.Head) ([]run.Head, error) {
		return r.Find(hits, &w, from, n, q.Peek)
	}, func(h *run.Head) driver.ID { return h.ID })
}

// match gives the ids of what find finds.
func (rs *runs) match(terms []driver.Term, from driver.ID, n int) (ids []driver.ID, until end, err error) {
	w := run.Wanted{Terms: terms}
	return pickHits(rs, &w, n, func(r *sealedRun, hits []driver.ID) ([]driver.ID, error) {
		return r.Match(hits, &w, from, n)
	}, func(id *driver.ID) driver.ID { return *id })
}

// pickHits gives what the runs of a set find, ascending, each as the newest run
// that has the document knows it, and how far that is all. Find appends the first
// n hits of a run.
func pickHits[T any](rs *runs, w *run.Wanted, n int, find func(*sealedRun, []T) ([]T, error), id func(*T) driver.ID) (hits []T, until end, err error) {
	maybe := w.Sift(rs.plain)
	sorted := true
	for i, r := range rs.all {
		if !maybe.Has(i) {
			continue
		}
		had := len(hits)
		if hits, err = find(r, hits); err != nil {
			return nil, until, err
		}
		found := hits[had:]
		if len(found) == n {
			until.at(id(&found[n-1]))
		}
		hits = hits[:had]
		for j := range found {
			covered, err := rs.covered(id(&found[j]), i)
			if err != nil {
				return nil, until, err
			}
			if !covered {
				hits = append(hits, found[j])
			}
		}
		sorted = sorted && (had == 0 || had == len(hits) || id(&hits[had-1]).Compare(id(&hits[had])) < 0)
	}
	if !sorted {
		slices.SortFunc(hits, func(a, b T) int { return id(&a).Compare(id(&b)) })
	}
	for len(hits) > 0 && until.before(id(&hits[len(hits)-1])) {
		hits = hits[:len(hits)-1]
	}
	return hits, until, nil
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
		ids, until, err := sealed.match(terms, from, counted)
		if err != nil {
			sealed.drop()
			return 0, next, false, err
		}
		s.mu.RLock()
		same := t.runs == sealed
		if same {
			count = t.count(terms, from, ids, until)
		}
		s.mu.RUnlock()
		sealed.drop()
		if !same {
			continue // memory moved into a run
		}
		if until.cut {
			next, more = after(until.last)
		}
		return count, next, more, nil
	}
}

// count counts hits of the runs that memory knows no better, and what memory
// finds among them. The caller holds mu.
func (t *table) count(terms []driver.Term, from driver.ID, hits []driver.ID, until end) (n int) {
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
			if until.before(id) {
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
		return t.active.count(terms[0]), true, nil
	}
	return 0, false, nil
}
