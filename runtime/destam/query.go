package destam

import (
	"context"
	"errors"
	"iter"

	"github.com/destam-go/destamgen/runtime/driver"
)

// find yields what a query finds, ascending by id, until yield gives false:
// what the store has, except where this process shows something newer. It
// takes no document's lock, and holds none of its own while yield runs.
func (t *table) find(ctx context.Context, c *criteria, yield func(hit) bool) error {
	left := c.limit
	give := func(h hit) bool {
		t.db.ids.seen(h.id)
		left--
		return yield(h) && left != 0
	}
	terms, exact, err := t.needs(ctx, c.preds)
	if err != nil {
		return err
	}
	ours := t.overlay.view(c)
	q := driver.Query{Terms: terms, After: c.after}
	shared := t.db.driver.Limits().Shared // then an index may be behind what it indexes
	if c.limit > 0 && exact {
		q.Limit = c.limit + len(ours.mask) // that many may have to be left out
	}
	for head, err := range t.db.driver.Find(ctx, t.name, q) {
		if err != nil {
			return err
		}
		for len(ours.hits) > 0 && ours.hits[0].id.Compare(head.ID) < 0 {
			if !give(ours.hits[0]) {
				return nil
			}
			ours.hits = ours.hits[1:]
		}
		if ours.mask[head.ID] {
			continue
		}
		holds := exact && !shared
		if !holds {
			if holds, err = t.holdsFor(c.preds, head.Section); err != nil {
				return &Error{Op: "find", Table: t.name, ID: head.ID, Version: head.Seq, Err: err}
			}
		}
		if holds && !give(hit{head.ID, head.Section}) {
			return nil
		}
	}
	for _, h := range ours.hits {
		if !give(h) {
			return nil
		}
	}
	return nil
}

// hits is find for the predicates of a user.
func (t *table) hits(ctx context.Context, where []*predicate) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		c, err := compile(where)
		if err == nil {
			err = t.ready(ctx)
		}
		if err == nil {
			goOn := true
			err = t.find(ctx, &c, func(h hit) bool {
				goOn = yield(h, nil)
				return goOn
			})
			if !goOn {
				return
			}
		}
		if err != nil {
			yield(hit{}, err)
		}
	}
}

// first gives the live document of the first hit. One that is deleted between
// the query and its loading is passed over.
func (t *table) first(ctx context.Context, where []*predicate) (*live, error) {
	for h, err := range t.hits(ctx, where) {
		if err != nil {
			return nil, err
		}
		l, err := t.get(ctx, h.id)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDeleted) {
			continue
		}
		return l, err
	}
	return nil, ErrNotFound
}

// count counts what a query finds.
func (t *table) count(ctx context.Context, where []*predicate) (n int, err error) {
	c, err := compile(where)
	if err == nil {
		err = t.ready(ctx)
	}
	if err != nil {
		return 0, err
	}
	if c.limit == 0 && c.after.IsZero() && t.overlay.empty() {
		terms, exact, err := t.needs(ctx, c.preds)
		if err != nil || exact {
			if err == nil {
				n, err = t.db.driver.Count(ctx, t.name, terms)
			}
			return n, err
		}
	}
	err = t.find(ctx, &c, func(hit) bool { n++; return true })
	return n, err
}

// takenBy gives the first of the terms that another document than self has,
// and that one.
func (t *table) takenBy(ctx context.Context, terms []driver.Term, self ID) (*driver.DuplicateError, error) {
	for _, term := range terms {
		for head, err := range t.db.driver.Find(ctx, t.name, driver.Query{Terms: []driver.Term{term}}) {
			if err != nil {
				return nil, err
			}
			if head.ID != self && !t.overlay.frees(head.ID, term) {
				return &driver.DuplicateError{Term: term, Holder: head.ID}, nil
			}
		}
	}
	return nil, nil
}
