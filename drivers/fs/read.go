package fs

import (
	"context"
	"iter"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Head implements [driver.Driver].
func (s *Store) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	if err := s.enter(ctx); err != nil {
		return driver.Head{}, err
	}
	defer s.leave()
	c, err := s.chain(table, id)
	if err != nil {
		return driver.Head{}, err
	}
	defer c.drop()
	if !exists(c.standing.Life) {
		return driver.Head{}, driver.ErrNotFound
	}
	return c.head(id), nil
}

// Load implements [driver.Driver].
func (s *Store) Load(ctx context.Context, table string, id driver.ID, at uint64) (state driver.State, err error) {
	var p span
	err = s.state(ctx, table, id, at, &p, &state)
	return state, err
}

// state makes the state of a document in the memory of a span, which is new.
func (s *Store) state(ctx context.Context, table string, id driver.ID, at uint64, p *span, st *driver.State) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	var c chain
	var err error
	if at == 0 {
		c, err = s.layers(table, id)
	} else {
		c, err = s.chain(table, id)
	}
	if err != nil {
		return err
	}
	defer c.drop()
	p.id, p.from, p.to, p.load = id, 1, at, true
	if c.judged {
		if !exists(c.standing.Life) {
			return driver.ErrNotFound
		}
		if p.to > c.standing.Seq {
			p.to = c.standing.Seq
		}
	}
	if err := c.gather(p); err != nil {
		return err
	}
	if !exists(c.standing.Life) {
		return driver.ErrNotFound
	}
	*st = driver.State{Head: c.head(id), Checkpoint: p.content, CheckpointSeq: p.base, Commits: p.commits}
	return nil
}

// Log takes few commits at first, as some look only at the newest, and more
// with each page.
const (
	leastPage = 64
	mostPage  = 4096
)

// Log implements [driver.Driver]. Commits that are erased while it runs are
// not there any more: it ends with [driver.ErrNotFound].
func (s *Store) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		first := true
		for n := uint64(leastPage); ; n = min(2*n, mostPage) {
			commits, more, err := s.log(ctx, table, id, &r, first, n)
			first = false
			if err != nil {
				yield(driver.Commit{}, err)
				return
			}
			for i := range commits {
				if r.Backward {
					i = len(commits) - 1 - i
				}
				if !yield(commits[i], nil) {
					return
				}
			}
			if !more {
				return
			}
		}
	}
}

// log gives one page of n commits in a range, ascending, takes it out of the
// range, and tells whether there is more. The first call says what is there.
func (s *Store) log(ctx context.Context, table string, id driver.ID, r *driver.Range, first bool, n uint64) ([]driver.Commit, bool, error) {
	if err := s.enter(ctx); err != nil {
		return nil, false, err
	}
	defer s.leave()
	c, err := s.chain(table, id)
	if err != nil {
		return nil, false, err
	}
	defer c.drop()
	least := uint64(1)
	if c.standing.Life == driver.Purged {
		least = c.standing.Seq
	}
	if first {
		if r.From = max(r.From, least); r.To == 0 || r.To > c.standing.Seq {
			r.To = c.standing.Seq
		}
	}
	if r.From > r.To {
		return nil, false, nil
	}
	if r.From < least {
		return nil, false, driver.ErrNotFound
	}
	page := span{id: id, from: r.From, to: r.To}
	if r.Backward {
		page.from = max(r.From, r.To-min(r.To, n)+1)
		r.To = page.from - 1
	} else {
		page.to = min(r.To, r.From+n-1)
		r.From = page.to + 1
	}
	err = c.gather(&page)
	return page.commits, r.From <= r.To && r.To > 0, err
}
