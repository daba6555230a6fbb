package mongodb

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Append implements [driver.Driver]. Commits that have nothing to do with each
// other go to the server together.
func (s *Store) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := make([]driver.Result, len(batch))
	if err := s.enter(ctx); err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	defer s.exit()
	g := &group{}
	var away error // nobody asks a server for the rest that did not answer
	for i := range batch {
		c := &batch[i]
		t, err := s.table(c.Table)
		if err == nil {
			err = c.Check(t.schema)
		}
		if err == nil && away != nil {
			err = away
		}
		if err == nil {
			err = s.mayStore(ctx, t, c)
		}
		if err != nil {
			results[i].Err, away = err, silent(err)
			continue
		}
		if g.table != t || g.docs[c.ID] || len(g.sends) >= mostSent {
			s.send(ctx, g)
			g = newGroup(t)
		}
		x := &send{c: c, err: &results[i].Err}
		if s.prepare(ctx, t, x); x.done {
			away = silent(results[i].Err)
			continue
		}
		if !g.admits(x) {
			s.send(ctx, g)
			g = newGroup(t)
			if s.prepare(ctx, t, x); x.done {
				away = silent(results[i].Err)
				continue
			}
		}
		g.add(x)
	}
	s.send(ctx, g)
	return results
}

// mostSent bounds a group, so that what it claims does not wait longer than
// others wait for a claim.
const mostSent = 500

// group is commits of different documents of one table that may be stored in
// any order.
type group struct {
	table *table
	sends []*send
	docs  map[driver.ID]bool
	moved map[driver.Term]bool // unique values that any of them takes or frees
	bytes int
}

func newGroup(t *table) *group {
	return &group{table: t, docs: make(map[driver.ID]bool), moved: make(map[driver.Term]bool)}
}

// send is one commit on its way.
type send struct {
	c      *driver.Commit
	before known
	row    *row
	taken  []driver.Term
	freed  []driver.Term
	err    *error // the result
	done   bool   // with it
}

// end gives the result.
func (x *send) end(err error) { *x.err, x.done = err, true }

// admits tells whether a commit may be stored before, with or after the group:
// no unique value passes from one to the other, and one insert can carry both.
func (g *group) admits(x *send) bool {
	for _, terms := range [][]driver.Term{x.taken, x.freed} {
		for _, term := range terms {
			if g.moved[term] {
				return false
			}
		}
	}
	return len(g.sends) == 0 || g.bytes+len(x.row.Commit.Data) <= largestCommit
}

func (g *group) add(x *send) {
	g.sends = append(g.sends, x)
	g.docs[x.c.ID] = true
	g.bytes += len(x.row.Commit.Data)
	for _, terms := range [][]driver.Term{x.taken, x.freed} {
		for _, term := range terms {
			g.moved[term] = true
		}
	}
}

// prepare judges a commit by what is known of its document, and makes its row.
// It is done with what is stored already or cannot be stored.
func (s *Store) prepare(ctx context.Context, t *table, x *send) {
	c := x.c
	k, ok := s.memory.get(driver.Doc{Table: c.Table, ID: c.ID})
	if !ok && c.Seq == 1 {
		k, ok = known{}, true // if somebody was here before, the insert will tell
	}
	if !ok || k.Seq != c.Seq-1 {
		var err error
		if k, err = s.look(ctx, t, c.ID); err != nil {
			x.end(err)
			return
		}
	}
	if k.Seq >= c.Seq {
		x.end(s.lost(ctx, t, c, k))
		return
	}
	if err := k.Judge(c, func(driver.Term) (driver.ID, bool) { return driver.ID{}, false }); err != nil {
		x.end(err)
		return
	}
	x.before, x.row = k, s.newRow(c, k)
	x.taken, x.freed = driver.Taken(k.Held, c.Held)
	if err := s.Limits().Check(len(x.row.Commit.Data)); err != nil {
		x.end(err)
	}
}

// lost is the result of a commit whose sequence is taken: nil if it is the
// commit itself that has it.
func (s *Store) lost(ctx context.Context, t *table, c *driver.Commit, k known) error {
	r, err := t.at(ctx, rowKey(c.ID, c.Seq))
	switch {
	case err != nil:
		return err
	case r != nil && r.sentAs(c.Try):
		return nil
	case k.Life == driver.Purged:
		return driver.ErrNotFound
	}
	lost := &driver.SeqError{Want: c.Seq, Have: k.Seq}
	if r != nil && r.Kind != gone {
		winner, err := r.commit(driver.Doc{Table: c.Table, ID: c.ID})
		if err != nil {
			return err
		}
		lost.Row = &winner
	}
	return lost
}

// send stores the commits of a group: first all claims, then all rows.
func (s *Store) send(ctx context.Context, g *group) {
	if len(g.sends) == 0 {
		return
	}
	s.claimAll(ctx, g)
	var sends []*send
	var rows []*row
	for _, x := range g.sends {
		if !x.done {
			sends, rows = append(sends, x), append(rows, x.row)
		}
	}
	if len(rows) == 0 {
		return
	}
	_, err := g.table.log.InsertMany(ctx, rows, options.InsertMany().SetOrdered(false))
	failed, certain := failures(err)
	var away error // the rest may be there, but the server does not say
	for i, x := range sends {
		switch code, bad := failed[i]; {
		case away != nil:
			x.end(away)
		case certain && !bad:
			x.end(s.accept(ctx, g.table, x.c, x.before))
		case certain && code != duplicate:
			x.end(err)
		default:
			x.end(s.insert(ctx, g.table, x.c, x.before))
			if !certain && errors.Is(*x.err, driver.ErrUnknown) {
				away = *x.err
			}
		}
	}
}

// failures reads the error of an unordered insert of many: the codes of those
// rows that were refused, and whether the others are certainly there.
func failures(err error) (failed map[int]int, certain bool) {
	if err == nil {
		return nil, true
	}
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil || transient(bulk) {
		return nil, false
	}
	failed = make(map[int]int)
	for _, e := range bulk.WriteErrors {
		failed[e.Index] = e.Code
	}
	return failed, true
}

// insert stores one commit by its row, whatever became of earlier attempts.
// What is known before is of the sequence before it.
func (s *Store) insert(ctx context.Context, t *table, c *driver.Commit, before known) error {
	winner, err := t.insert(ctx, s.newRow(c, before))
	switch {
	case err != nil:
		return err
	case winner == nil || winner.sentAs(c.Try):
		return s.accept(ctx, t, c, before)
	}
	k, err := s.look(ctx, t, c.ID)
	if err != nil {
		return err
	}
	return s.lost(ctx, t, c, k)
}

// insert inserts a row, again and again while the outcome is not known. It
// gives the row that has its key already, be it the same.
func (t *table) insert(ctx context.Context, r *row) (winner *row, err error) {
	maybe, began := false, time.Now() // an attempt may have done it
	for attempt := 0; ; attempt++ {
		_, err := t.log.InsertOne(ctx, r)
		switch {
		case err == nil:
			return nil, nil
		case mongo.IsDuplicateKeyError(err):
			if winner, err = t.at(ctx, r.Key); err == nil && winner != nil {
				return winner, nil
			}
			// It rolls back, or is not for all to see yet: what it is will show.
			if err == nil {
				err = errors.New("the row that has its sequence cannot be read")
			}
		case refused(err) && !maybe:
			return nil, err
		default:
			maybe = true
		}
		if attempt+1 >= attempts || time.Since(began) > patience || pause(ctx, attempt) != nil {
			return nil, unknown(err)
		}
	}
}

// mayStore is may for a commit that was perhaps sent before: when a field has
// become unique meanwhile, and the commit is there all the same, nobody can say
// that it counts.
func (s *Store) mayStore(ctx context.Context, t *table, c *driver.Commit) error {
	err := s.may(ctx, t)
	if outdated := (*driver.SchemaError)(nil); !errors.As(err, &outdated) {
		return err
	}
	if r, e := t.at(ctx, rowKey(c.ID, c.Seq)); e != nil || r != nil && r.sentAs(c.Try) {
		return unknown(err)
	}
	return err
}

// accept notes that a commit is stored. What the server did after the lease was
// over counts only if it is renewed.
func (s *Store) accept(ctx context.Context, t *table, c *driver.Commit, before known) error {
	if err := s.may(ctx, t); err != nil {
		return unknown(err)
	}
	doc := driver.Doc{Table: c.Table, ID: c.ID}
	k := before.after(c)
	s.memory.put(doc, k)
	if k.Life == driver.Unborn {
		return nil // nothing but a void
	}
	return s.overlay.add(doc, k)
}
