package destam

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// gaps say whether a table has documents that were stored before the query
// section had all its fields. A required field that such a document lacks is
// its zero value to every query, as it is to every getter, but it has no term
// in the driver's index: queries that ask for a zero value must look at more
// than the index says, if there are such documents. The first query that asks
// for one looks through the table once to know.
type gaps struct {
	known atomic.Pointer[gapsKnown]
}

type gapsKnown struct {
	any  bool
	when time.Time
}

// gapsLast is how long one look is good where older programs may go on
// writing. Where nobody else writes it is good for ever.
const gapsLast = time.Minute

// needs gives the terms that documents must have for which predicates hold,
// and whether these decide.
func (t *table) needs(ctx context.Context, preds []driver.Predicate) (terms []driver.Term, exact bool, err error) {
	terms, exact = driver.Needs(preds), allExact(preds)
	if !slices.ContainsFunc(terms, t.zero) {
		return terms, exact, nil
	}
	any, err := t.hasGaps(ctx)
	if err != nil || !any {
		return terms, exact, err
	}
	return slices.DeleteFunc(terms, t.zero), false, nil
}

// zero tells whether a term is that of a required field which nobody has set.
func (t *table) zero(term driver.Term) bool {
	path, value, _ := strings.Cut(string(term), "\x00")
	if t.section == nil || value != "s" && value != "i0" && value != "b0" {
		return false
	}
	names, err := driver.SplitPath(path)
	return err == nil && t.section.Always(names)
}

func (t *table) hasGaps(ctx context.Context) (bool, error) {
	shared := t.db.driver.Limits().Shared
	if k := t.gaps.known.Load(); k != nil && (!shared || time.Since(k.when) < gapsLast) {
		return k.any, nil
	}
	k := &gapsKnown{when: time.Now()}
	for head, err := range t.db.driver.Find(ctx, t.name, driver.Query{}) {
		if err != nil {
			return false, err
		}
		v, err := driver.DecodeValue(head.Section)
		if err != nil {
			return false, &Error{Op: "find", Table: t.name, ID: head.ID, Version: head.Seq, Err: err}
		}
		if _, k.any = t.section.Complete(v); k.any {
			break
		}
	}
	t.gaps.known.Store(k)
	return k.any, nil
}

// holdsFor tells whether a stored section meets the predicates.
func (t *table) holdsFor(preds []driver.Predicate, section []byte) (bool, error) {
	if len(preds) == 0 {
		return true, nil
	}
	v, err := driver.DecodeValue(section)
	if err != nil {
		return false, err
	}
	if t.section != nil {
		v, _ = t.section.Complete(v)
	}
	return driver.Holds(preds, v), nil
}

// allExact tells whether the terms of predicates decide.
func allExact(preds []driver.Predicate) bool {
	return !slices.ContainsFunc(preds, func(p driver.Predicate) bool { return !p.Exact() })
}
