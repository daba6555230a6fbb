package destam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// CopyOptions say how a store is copied; nil options are good ones.
type CopyOptions struct {
	// Progress is told from time to time how far it is.
	Progress func(Progress)
}

// ErrDiffers: a document has another history at the other end.
var ErrDiffers = errors.New("another history is there already")

// Copy brings everything that one store has to another, whatever keeps either:
// all tables, and of every document, deleted ones too, the whole history as it
// is, with its checkpoints. Of a purged document it is that its id is never used
// again. Nobody needs the types of the documents. Then it reads all of it at both
// ends and compares, and makes it durable. From a store that was told to keep less
// than all history it cannot be: that is [ErrForgotten], and [Export] without
// history is the way.
//
// What it finds at the other end stays: what is of the same history is gone on
// with, so a Copy that was interrupted is begun again and takes up where it was,
// and a store that is in use can be copied, and again when nobody uses it any
// more, which takes less long. A document with another history is [ErrDiffers].
// Documents that only the other end has are left alone.
//
// Neither store is taken over: open the databases before or afterwards. Nobody
// may write to the documents at the other end meanwhile. What is written to a
// store while it is copied may be copied or not, of each document a beginning
// of its history.
//
// In commits of long ago, a unique value that another document has taken since
// may be missing among those that the commit held; nothing depends on it.
func Copy(ctx context.Context, from, to driver.Driver, opts *CopyOptions) (Progress, error) {
	switch {
	case ctx == nil:
		return Progress{}, &Error{Op: "copy", Err: errNoContext}
	case from == nil || to == nil:
		return Progress{}, &Error{Op: "copy", Err: errNoDriver}
	}
	c := newCopier(ctx, from, to, opts)
	err := c.all(ctx)
	return c.at, err
}

func newCopier(ctx context.Context, from, to driver.Driver, opts *CopyOptions) *copier {
	c := &copier{from: from, sums: make(map[string]uint64), early: make(map[driver.Doc]bool), transfer: transfer{op: "copy", to: to, wait: 10 * time.Millisecond}}
	if opts != nil {
		c.tell = opts.Progress
	}
	c.done = func(n int) {
		c.at.Commits += uint64(n)
		c.report()
	}
	c.moved = func(dup driver.DuplicateError, doc driver.Doc) error { return c.free(ctx, &dup, doc) }
	return c
}

// copier is a Copy that runs.
type copier struct {
	transfer
	from driver.Driver
	tell func(Progress)
	at   Progress
	busy []driver.Doc // that are being brought up to date for others

	sums  map[string]uint64   // by table, of what was copied
	early map[driver.Doc]bool // copied out of turn, for another
}

func (c *copier) report() {
	if c.tell != nil {
		c.tell(c.at)
	}
}

// fail gives an error of a store its place.
func (c *copier) fail(table string, err error) error {
	if placed := (*Error)(nil); err == nil || errors.As(err, &placed) {
		return err
	}
	return &Error{Op: c.op, Table: table, Err: err}
}

func (c *copier) all(ctx context.Context) error {
	var tables []driver.Schema
	for s, err := range c.from.Tables(ctx) {
		if err != nil {
			return c.fail("", err)
		}
		tables = append(tables, s)
	}
	for _, s := range tables {
		c.at.Table = s.Table
		err := c.from.Declare(ctx, s) // a store may not know before what it has of the table
		if err != nil && !errors.Is(err, ErrReadOnly) {
			return c.fail(s.Table, err)
		}
		if err := c.to.Declare(ctx, s); err != nil {
			return c.fail(s.Table, err)
		}
		if err := c.fail(s.Table, c.table(ctx, s.Table)); err != nil {
			return err
		}
	}
	if err := c.to.Sync(ctx); err != nil {
		return c.fail("", err)
	}
	for _, s := range tables {
		if err := c.fail(s.Table, c.compare(ctx, s.Table)); err != nil {
			return err
		}
	}
	c.report()
	return nil
}

// both yields the documents of a table, and what the other end has of each.
func (c *copier) both(ctx context.Context, table string) iter.Seq2[[2]driver.Entry, error] {
	return func(yield func([2]driver.Entry, error) bool) {
		there, stop := iter.Pull2(c.to.Documents(ctx, table, driver.ID{}))
		defer stop()
		has, terr, ok := there()
		for e, err := range c.from.Documents(ctx, table, driver.ID{}) {
			for err == nil && ok && terr == nil && has.ID.Compare(e.ID) < 0 {
				has, terr, ok = there()
			}
			if err == nil && ok {
				err = terr
			}
			both := [2]driver.Entry{e}
			if ok && has.ID == e.ID {
				both[1] = has
			}
			if !yield(both, err) || err != nil {
				return
			}
		}
	}
}

// table copies the documents of a table.
func (c *copier) table(ctx context.Context, table string) error {
	for both, err := range c.both(ctx, table) {
		if err != nil {
			return err
		}
		e := both[0]
		if err := c.document(ctx, driver.Doc{Table: table, ID: e.ID}, e.Standing, both[1].Standing); err != nil {
			return err
		}
		c.at.Documents++
		c.sums[table] += mark(table, e)
	}
	return c.flush(ctx)
}

// document copies one document, which has the standing at at the other end.
func (c *copier) document(ctx context.Context, doc driver.Doc, want, at driver.Standing) error {
	if c.early[doc] {
		return nil // at is from before that
	}
	if want.Life == driver.Purged {
		return c.purged(ctx, doc, want, at)
	}
	switch {
	case at.Seq == 0:
	case at.Life == driver.Purged || at.Seq > want.Seq:
		return c.err(doc, at.Seq, ErrDiffers)
	default:
		held, err := c.same(ctx, doc, at.Seq)
		if err != nil {
			return err
		}
		out, _ := driver.Taken(at.Held, held)
		c.leave(doc, out)
	}
	if at.Seq == want.Seq {
		c.at.Skipped++
	} else {
		for commit, err := range c.from.Log(ctx, doc.Table, doc.ID, driver.Range{From: at.Seq + 1, To: want.Seq}) {
			if err == nil && commit.Kind == driver.KindPurge {
				return c.err(doc, commit.Seq, errMoved)
			}
			if at.Seq++; err == nil && commit.Seq != at.Seq {
				err = c.missing(ctx, c.from, doc)
			}
			if err != nil {
				return c.err(doc, at.Seq, err)
			}
			if err := c.add(ctx, commit, want.Held); err != nil {
				return err
			}
		}
		if at.Seq != want.Seq {
			return c.err(doc, at.Seq+1, c.missing(ctx, c.from, doc))
		}
	}
	if want.Seq < 2 || want.Life == driver.Unborn {
		return nil
	}
	return c.checkpoints(ctx, doc, want.Seq)
}

var errMoved = errors.New("the store was changed while it was copied; copy it again")

// missing says why a store has not a version that it should have.
func (c *copier) missing(ctx context.Context, d driver.Driver, doc driver.Doc) error {
	err := missing(ctx, d, doc)
	if isGone(err) {
		return errMoved
	}
	return err
}

// same compares the commit that both ends have as the newest of one of them, and
// gives what it holds.
func (c *copier) same(ctx context.Context, doc driver.Doc, seq uint64) ([]driver.Term, error) {
	var tries [2][16]byte
	var held []driver.Term
	for i, d := range []driver.Driver{c.to, c.from} {
		found := false
		for commit, err := range d.Log(ctx, doc.Table, doc.ID, driver.Range{From: seq, To: seq}) {
			if err != nil {
				return nil, c.err(doc, seq, err)
			}
			tries[i], held, found = commit.Try, commit.Held, true
		}
		if !found {
			return nil, c.err(doc, seq, c.missing(ctx, d, doc))
		}
	}
	if tries[0] != tries[1] {
		return nil, c.err(doc, seq, ErrDiffers)
	}
	return held, nil
}

// purged makes a document one that was purged.
func (c *copier) purged(ctx context.Context, doc driver.Doc, want, at driver.Standing) error {
	if at.Life == driver.Purged || at.Seq >= want.Seq {
		if at.Life != driver.Purged || at.Seq != want.Seq {
			return c.err(doc, at.Seq, ErrDiffers)
		}
		c.at.Skipped++
		return nil
	}
	for tomb, err := range c.from.Log(ctx, doc.Table, doc.ID, driver.Range{From: want.Seq}) {
		if err != nil {
			return c.err(doc, want.Seq, err)
		}
		return c.bury(ctx, doc, at, tomb)
	}
	return c.err(doc, want.Seq, errMissing)
}

// checkpoints copies those of a document, the newest first.
func (c *copier) checkpoints(ctx context.Context, doc driver.Doc, seq uint64) error {
	for seq > 0 {
		state, err := c.from.Load(ctx, doc.Table, doc.ID, seq)
		if isGone(err) {
			err = errMoved
		}
		if err != nil {
			return c.err(doc, seq, err)
		}
		if state.CheckpointSeq == 0 {
			return nil
		}
		if err := c.flush(ctx); err != nil { // the commits come first
			return err
		}
		err = c.retry(ctx, doc, func() error {
			return c.to.Checkpoint(ctx, doc.Table, doc.ID, state.CheckpointSeq, state.Checkpoint)
		})
		if err != nil {
			return err
		}
		seq = state.CheckpointSeq - 1
	}
	return nil
}

// free brings the document up to date that holds a unique value at the other
// end, but not here any more.
func (c *copier) free(ctx context.Context, dup *driver.DuplicateError, doc driver.Doc) error {
	holder := driver.Doc{Table: doc.Table, ID: dup.Holder}
	want, err := standing(ctx, c.from, holder)
	if err != nil {
		return err
	}
	at, err := standing(ctx, c.to, holder)
	if err != nil {
		return err
	}
	if want.Seq == 0 || slices.Contains(want.Held, dup.Term) || slices.Contains(c.busy, holder) {
		return &takenError{dup: dup}
	}
	sub := copier{from: c.from, early: c.early, transfer: c.transfer, busy: append(slices.Clone(c.busy), doc, holder)}
	sub.batch, sub.bytes, sub.without = nil, 0, nil
	sub.moved = func(dup driver.DuplicateError, doc driver.Doc) error { return sub.free(ctx, &dup, doc) }
	if err := sub.document(ctx, holder, want, at); err != nil {
		return err
	}
	c.early[holder] = true
	return sub.flush(ctx)
}

// compare reads the documents of a table at both ends: those that were copied,
// and of a document whose history has grown since, what was copied of it.
func (c *copier) compare(ctx context.Context, table string) error {
	arrived := uint64(0)
	for both, err := range c.both(ctx, table) {
		if err != nil {
			return err
		}
		e, has := both[0], both[1]
		if has.ID != e.ID {
			continue // it came later, or the sum is another
		}
		arrived += mark(table, has)
		if err := c.compareLogs(ctx, driver.Doc{Table: table, ID: e.ID}, has.Standing, e.Standing); err != nil {
			return err
		}
	}
	if arrived != c.sums[table] {
		return errMoved
	}
	return nil
}

// mark stands for a document and the version that it has.
func mark(table string, e driver.Entry) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%x/%d/%d", table, e.ID, e.Seq, e.Life)
	return h.Sum64()
}

// compareLogs compares what was copied of a document.
func (c *copier) compareLogs(ctx context.Context, doc driver.Doc, has, want driver.Standing) error {
	if has.Life == driver.Purged || want.Life == driver.Purged {
		return nil
	}
	if has.Seq > want.Seq || has.Seq == want.Seq && (has.Life != want.Life || !slices.Equal(has.Held, want.Held)) {
		return c.err(doc, has.Seq, ErrDiffers)
	}
	first, err := oldest(ctx, c.to, doc)
	if err != nil {
		return c.err(doc, 0, err)
	}
	span := driver.Range{From: first, To: has.Seq}
	copied, stop := iter.Pull2(c.to.Log(ctx, doc.Table, doc.ID, span))
	defer stop()
	n := first - 1
	for commit, err := range c.from.Log(ctx, doc.Table, doc.ID, span) {
		if n++; err != nil {
			return c.err(doc, n, err)
		}
		if commit.Kind == driver.KindPurge {
			return nil // just now
		}
		other, err, ok := copied()
		if err != nil {
			return c.err(doc, n, err)
		}
		other.Held = commit.Held // see Copy
		if !ok || !bytes.Equal(driver.AppendCommit(nil, &commit), driver.AppendCommit(nil, &other)) {
			return c.err(doc, commit.Seq, ErrDiffers)
		}
	}
	if n == has.Seq {
		return nil
	}
	if err := missing(ctx, c.from, doc); !isGone(err) {
		return c.err(doc, n+1, err)
	}
	return nil // just now
}
