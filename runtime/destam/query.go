package destam

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// find yields what a query finds, ascending by id, until yield gives false:
// what the store has, except where this process shows something newer. It
// takes no document's lock, and holds none of its own while yield runs.
func (t *table) find(ctx context.Context, c criteria, yield func(hit) bool) error {
	f := newFinding(t)
	preds := append(f.c.preds, c.preds...)
	f.c, f.yield = c, yield
	f.c.preds = preds
	_, err := f.run(ctx)
	return err
}

// finding is one query that is running. What it was made of serves the next one,
// so that who looks for one document takes memory for that one alone.
type finding struct {
	t     *table
	c     criteria
	ours  view
	next  int  // of ours.hits
	exact bool // what the store finds needs no second look
	left  int  // to be given; 0 or less for no bound
	over  bool
	yield func(hit) bool // nil for who wants the first alone
	found hit            // that one

	// Of the page that the store is giving.
	last   ID
	n      int
	err    error
	taking func(driver.Head, error) bool // take
}

var running = sync.Pool{New: func() any {
	f := &finding{}
	f.taking = f.take
	return f
}}

// newFinding gives a query that can be run, once.
func newFinding(t *table) *finding {
	f := running.Get().(*finding)
	f.t = t
	return f
}

// run gives the first document found, the zero hit when there is none, or has
// all of them yielded. Then f is another's; it is nobody's when yield does not
// return.
func (f *finding) run(ctx context.Context) (hit, error) {
	err := f.all(ctx)
	found, preds := f.found, f.c.preds
	clear(preds)
	*f = finding{taking: f.taking, c: criteria{preds: preds[:0]}}
	running.Put(f)
	return found, err
}

func (f *finding) all(ctx context.Context) error {
	t, c := f.t, &f.c
	terms, exact, err := t.needs(ctx, c.preds)
	if err != nil {
		return err
	}
	f.left = c.limit
	f.exact = exact && !t.db.driver.Limits().Shared // then an index may be behind what it indexes
	f.ours = t.overlay.view(c, terms)
	defer f.ours.end()
	q := driver.Query{Terms: terms, After: c.after, Limit: f.few(), Peek: true}
	for {
		if err := f.page(ctx, q); err != nil || f.over {
			return err
		}
		if q.Limit == 0 || f.n < q.Limit {
			break
		}
		q.After, q.Limit = f.last, 4*q.Limit
	}
	f.before(ID{}, true)
	return nil
}

// few is how many documents the store is asked for first, 0 for all: some of
// them may have to be left out, and then it is asked for more.
func (f *finding) few() int {
	switch {
	case f.c.limit > 0 && f.exact:
		return f.c.limit + min(len(f.ours.hits), 16) + 1
	case f.c.first:
		return 2
	}
	return 0
}

// page takes what the store finds.
func (f *finding) page(ctx context.Context, q driver.Query) error {
	f.n, f.err = 0, nil
	f.t.db.driver.Find(ctx, f.t.name, q)(f.taking)
	return f.err
}

// take takes one document that the store finds, and tells whether to go on.
func (f *finding) take(head driver.Head, err error) bool {
	if err != nil {
		f.err = err
		return false
	}
	f.last, f.n = head.ID, f.n+1
	if f.before(head.ID, false); f.over {
		return false
	}
	section, masked := f.ours.instead(&f.c, head.ID)
	holds := section != nil
	if !masked {
		if section, holds = head.Section, f.exact; !holds {
			if holds, err = f.t.holdsFor(f.c.preds, section); err != nil {
				f.err = &Error{Op: "find", Table: f.t.name, ID: head.ID, Version: head.Seq, Err: err}
				return false
			}
		}
	}
	if holds {
		f.give(hit{head.ID, section})
	}
	return !f.over
}

// before gives what this process has that comes before an id, or all of it.
func (f *finding) before(id ID, all bool) {
	for ; !f.over && f.next < len(f.ours.hits); f.next++ {
		h := f.ours.hits[f.next]
		if !all && h.id.Compare(id) >= 0 {
			return
		}
		f.give(h)
	}
}

func (f *finding) give(h hit) {
	f.t.db.ids.seen(h.id)
	if f.yield == nil {
		f.found, f.over = h, true
		return
	}
	f.left--
	f.over = !f.yield(h) || f.left == 0
}

// hits is find for the predicates of a user; first says that one hit will
// mostly do.
func (t *table) hits(ctx context.Context, where []*predicate, first bool) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		goOn := true
		_, err := t.each(ctx, where, first, func(h hit) bool {
			goOn = yield(h, nil)
			return goOn
		})
		if err != nil && goOn {
			yield(hit{}, err)
		}
	}
}

// each is hits without an iterator; yield is nil for who wants the first hit
// alone, the zero hit when there is none.
func (t *table) each(ctx context.Context, where []*predicate, first bool, yield func(hit) bool) (hit, error) {
	f := newFinding(t)
	f.yield = yield
	err := f.c.add(where)
	if f.c.first = first; err == nil {
		err = t.ready(ctx)
	}
	if err != nil {
		return hit{}, err
	}
	return f.run(ctx)
}

// one gives the first hit, the zero hit when there is none.
func (t *table) one(ctx context.Context, where []*predicate) (hit, error) {
	return t.each(ctx, where, true, nil)
}

// first gives the live document of the first hit. One that is deleted between
// the query and its loading is passed over.
func (t *table) first(ctx context.Context, where []*predicate) (*live, error) {
	for h, err := range t.hits(ctx, where, true) {
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
	err = t.find(ctx, c, func(hit) bool { n++; return true })
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
