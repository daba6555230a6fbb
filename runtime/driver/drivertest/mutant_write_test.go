package drivertest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// changed changes what goes in and what comes out.
type changed struct {
	driver.Driver
	ranges  func(*driver.Range)
	queries func(*driver.Query)
	commits func(*driver.Commit)
	heads   func(*driver.Head)
	results func(error) error
}

func (d *changed) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(ctx, batch)
	for i := range results {
		if d.results != nil {
			results[i].Err = d.results(results[i].Err)
		}
	}
	return results
}

func (d *changed) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	h, err := d.Driver.Head(ctx, table, id)
	if d.heads != nil {
		d.heads(&h)
	}
	return h, err
}

func (d *changed) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	if d.ranges != nil {
		d.ranges(&r)
	}
	return func(yield func(driver.Commit, error) bool) {
		for c, err := range d.Driver.Log(ctx, table, id, r) {
			if d.commits != nil {
				d.commits(&c)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}

func (d *changed) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	if d.queries != nil {
		d.queries(&q)
	}
	return d.Driver.Find(ctx, table, q)
}

// one appends a single commit.
func one(ctx context.Context, d driver.Driver, c driver.Commit) driver.Result {
	return d.Append(ctx, []driver.Commit{c})[0]
}

// each appends the commits of a batch one by one.
func each(batch []driver.Commit, one func(c driver.Commit) driver.Result) []driver.Result {
	results := make([]driver.Result, len(batch))
	for i, c := range batch {
		results[i] = one(c)
	}
	return results
}

type voidless struct{ driver.Driver }

func (d voidless) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		for c, err := range d.Driver.Log(ctx, table, id, r) {
			if c.Kind != driver.KindVoid && !yield(c, err) {
				return
			}
		}
	}
}

type gaps struct{ driver.Driver }

func (d gaps) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		r := one(ctx, d.Driver, c)
		if late := (*driver.SeqError)(nil); errors.As(r.Err, &late) && late.Want > late.Have {
			r.Err = nil
		}
		return r
	})
}

type latecomer struct{ driver.Driver }

func (d latecomer) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		r := one(ctx, d.Driver, c)
		for late := (*driver.SeqError)(nil); errors.As(r.Err, &late) && late.Want <= late.Have; {
			c.Seq = late.Have + 1
			r = one(ctx, d.Driver, c)
		}
		return r
	})
}

type impatient struct{ driver.Driver }

func (d impatient) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	var failed error
	return each(batch, func(c driver.Commit) driver.Result {
		if failed != nil {
			return driver.Result{Err: failed}
		}
		r := one(ctx, d.Driver, c)
		failed = r.Err
		return r
	})
}

type sorted struct{ driver.Driver }

func (d sorted) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := d.Driver.Append(ctx, batch)
	slices.SortStableFunc(results, func(a, b driver.Result) int {
		switch {
		case a.Err == nil && b.Err != nil:
			return -1
		case a.Err != nil && b.Err == nil:
			return 1
		}
		return 0
	})
	return results
}

// forgetful refuses attempts that it has seen, all or those of purged documents.
type forgetful struct {
	driver.Driver
	atPurge bool
	seen    map[[16]byte]bool
}

func (d *forgetful) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		if d.seen == nil {
			d.seen = make(map[[16]byte]bool)
		}
		if d.seen[c.Try] {
			if _, err := d.Head(ctx, c.Table, c.ID); !d.atPurge || err != nil {
				return driver.Result{Err: &driver.SeqError{Want: c.Seq, Have: c.Seq}}
			}
		}
		r := one(ctx, d.Driver, c)
		d.seen[c.Try] = r.Err == nil
		return r
	})
}

type credulous struct{ driver.Driver }

func (d credulous) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		r := one(ctx, d.Driver, c)
		if bad := (*driver.InvalidError)(nil); errors.As(r.Err, &bad) {
			r.Err = nil
		}
		return r
	})
}

// shared lets several documents hold one value: it stores without what is held
// and adds that again where it shows.
type shared struct {
	driver.Driver
	only driver.Kind // 0 for all
	mu   sync.Mutex
	held map[driver.ID]map[uint64][]driver.Term
}

func (d *shared) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	return each(batch, func(c driver.Commit) driver.Result {
		r := one(ctx, d.Driver, c)
		if taken := (*driver.DuplicateError)(nil); !errors.As(r.Err, &taken) || d.only != 0 && c.Kind != d.only {
			return r
		}
		if d.held == nil {
			d.held = make(map[driver.ID]map[uint64][]driver.Term)
		}
		if d.held[c.ID] == nil {
			d.held[c.ID] = make(map[uint64][]driver.Term)
		}
		d.held[c.ID][c.Seq], c.Held = c.Held, nil
		return one(ctx, d.Driver, c)
	})
}

func (d *shared) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	h, err := d.Driver.Head(ctx, table, id)
	d.mu.Lock()
	defer d.mu.Unlock()
	if held := d.held[id][h.Seq]; held != nil {
		h.Held = held
	}
	return h, err
}

// greedy keeps values that should be free: those of deleted documents, or those
// that a refused commit wanted.
type greedy struct {
	driver.Driver
	refused bool
	kept    map[driver.Term]driver.ID
}

func (d *greedy) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	if d.kept == nil {
		d.kept = make(map[driver.Term]driver.ID)
	}
	return each(batch, func(c driver.Commit) driver.Result {
		for _, term := range c.Held {
			if holder, ok := d.kept[term]; ok && holder != c.ID {
				return driver.Result{Err: &driver.DuplicateError{Term: term, Holder: holder}}
			}
		}
		h, _ := d.Head(ctx, c.Table, c.ID)
		r := one(ctx, d.Driver, c)
		if d.refused && r.Err != nil {
			for _, term := range c.Held {
				d.kept[term] = c.ID
			}
		}
		if !d.refused && c.Kind == driver.KindDelete {
			for _, term := range h.Held {
				d.kept[term] = c.ID
			}
		}
		return r
	})
}

// haunted shows deleted documents.
type haunted struct {
	driver.Driver
	countOnly bool
	deleted   []driver.ID
}

func (d *haunted) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	for _, c := range batch {
		if c.Kind == driver.KindDelete {
			d.deleted = append(d.deleted, c.ID)
		}
	}
	return d.Driver.Append(ctx, batch)
}

func (d *haunted) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		for h, err := range d.Driver.Find(ctx, table, q) {
			if !yield(h, err) {
				return
			}
		}
		for _, id := range d.deleted {
			if h, err := d.Head(ctx, table, id); !d.countOnly && err == nil && h.Deleted && !yield(h, nil) {
				return
			}
		}
	}
}

func (d *haunted) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	n, err := d.Driver.Count(ctx, table, terms)
	return n + len(d.deleted), err
}

type spirits struct{ driver.Driver }

func (d spirits) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	h, err := d.Driver.Head(ctx, table, id)
	for c := range d.Log(ctx, table, id, driver.Range{Backward: true}) {
		return driver.Head{ID: id, Seq: c.Seq}, nil
	}
	return h, err
}

type undertaker struct{ driver.Driver }

func (d undertaker) Purge(ctx context.Context, table string, id driver.ID) error {
	h, err := d.Head(ctx, table, id)
	if err != nil || h.Deleted {
		return err
	}
	return one(ctx, d.Driver, driver.Commit{
		Table: table, ID: id, Seq: h.Seq + 1, Try: [16]byte{1}, Kind: driver.KindDelete, Time: time.Now().UTC(),
	}).Err
}

// amnesiac does not know the attempts of commits that it has.
type amnesiac struct{ driver.Driver }

func (d amnesiac) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		if h, err := d.Head(ctx, c.Table, c.ID); err == nil && c.Seq <= h.Seq {
			return driver.Result{Err: &driver.SeqError{Want: c.Seq, Have: h.Seq}}
		}
		return one(ctx, d.Driver, c)
	})
}

// limited says that it takes commits of a megabyte, and takes what it takes.
type limited struct {
	driver.Driver
	takes int
}

func (limited) Limits() driver.Limits { return driver.Limits{Commit: 1 << 20} }

func (d limited) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	return each(batch, func(c driver.Commit) driver.Result {
		limits := driver.Limits{Commit: d.takes}
		if err := limits.Check(len(driver.AppendCommit(nil, &c))); err != nil {
			return driver.Result{Err: err}
		}
		return one(ctx, d.Driver, c)
	})
}
