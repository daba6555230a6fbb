package destam

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Progress tells how far a [Copy], [Export], [Import] or [Verify] has come.
type Progress struct {
	Table     string // at hand
	Documents uint64 // done, in any life
	Commits   uint64 // of these; what was there already is not counted
	Skipped   uint64 // documents that were there already, and were left as they are
}

// bulkBatch and bulkBytes bound what goes to a driver at once.
const (
	bulkBatch = 512
	bulkBytes = 4 << 20
)

// sprig is a commit that is to be stored as it is.
type sprig struct {
	commit driver.Commit
	held   []driver.Term // as it was; of commit.Held a part may be left out
	final  []driver.Term // what the document holds in the end
}

// transfer brings the histories of documents to another store, as they are: the
// same ids, sequences, attempts, times, authors and bytes.
//
// Documents come one after the other, not commit by commit as they were made, so
// a commit may take a unique value that by then another document has got, and
// has already at the other end. Such a commit is stored without that value in
// Held: its document does not hold it in the end, or the other one could not.
type transfer struct {
	op    string
	to    driver.Driver
	wait  time.Duration                                 // before the first retry
	moved func(driver.DuplicateError, driver.Doc) error // brings who holds a value up to date; nil where nobody can

	batch   []sprig
	bytes   int
	without map[driver.Doc][]driver.Term // left out of Held now
	done    func(commits int)            // told how much was stored
	stored  func(*driver.Commit)         // told each commit that was; may be nil
}

func (x *transfer) err(doc driver.Doc, seq uint64, err error) error {
	if placed := (*Error)(nil); errors.As(err, &placed) {
		return err
	}
	return &Error{Op: x.op, Table: doc.Table, ID: doc.ID, Version: seq, Err: err}
}

// add stores a commit, with others, some time before flush returns.
func (x *transfer) add(ctx context.Context, c driver.Commit, final []driver.Term) error {
	x.batch = append(x.batch, sprig{c, c.Held, final})
	x.bytes += len(c.Body) + len(c.Section)
	if len(x.batch) < bulkBatch && x.bytes < bulkBytes {
		return nil
	}
	return x.flush(ctx)
}

// flush stores what was added.
func (x *transfer) flush(ctx context.Context) error {
	rest := x.batch
	x.batch, x.bytes = nil, 0
	if len(rest) == 0 {
		return nil
	}
	last := ref(&rest[len(rest)-1])
	for failed := 0; len(rest) > 0; {
		commits := make([]driver.Commit, len(rest))
		for i := range rest {
			x.hold(&rest[i])
			commits[i] = rest[i].commit
		}
		results := x.to.Append(ctx, commits)
		left, again, err := x.sift(ctx, rest, results)
		if err != nil {
			return err
		}
		if len(left) < len(rest) {
			failed = 0
			if x.done != nil {
				x.done(len(rest) - len(left))
			}
		}
		rest = left
		if again != nil {
			if failed++; failed > closeAttempts || !pause(ctx, x.wait<<min(failed-1, 6)) {
				return again
			}
		}
	}
	// The next batch may go on with this document.
	x.without = map[driver.Doc][]driver.Term{last: x.without[last]}
	return nil
}

func ref(s *sprig) driver.Doc { return driver.Doc{Table: s.commit.Table, ID: s.commit.ID} }

// hold leaves out of a commit's Held what is left out at present.
func (x *transfer) hold(s *sprig) {
	doc := ref(s)
	out := slices.DeleteFunc(slices.Clone(x.without[doc]), func(t driver.Term) bool { return !slices.Contains(s.held, t) })
	x.leave(doc, out)
	s.commit.Held = s.held
	if len(out) > 0 {
		s.commit.Held = slices.DeleteFunc(slices.Clone(s.held), func(t driver.Term) bool { return slices.Contains(out, t) })
	}
}

func (x *transfer) leave(doc driver.Doc, out []driver.Term) {
	if len(out) == 0 {
		delete(x.without, doc)
		return
	}
	if x.without == nil {
		x.without = make(map[driver.Doc][]driver.Term)
	}
	x.without[doc] = out
}

// sift gives what of a batch is not stored, and an error after which it is worth
// waiting. What follows a refused commit of its document was refused for that.
func (x *transfer) sift(ctx context.Context, batch []sprig, results []driver.Result) (left []sprig, again, err error) {
	broken := make(map[driver.Doc]bool)
	for i := range batch {
		s, err := &batch[i], results[i].Err
		doc := ref(s)
		if lost := (*driver.SeqError)(nil); errors.As(err, &lost) && lost.Row != nil && lost.Row.Try == s.commit.Try {
			err = nil // it is ourselves: the answer was lost
		}
		if err == nil {
			if x.stored != nil {
				x.stored(&s.commit)
			}
			continue
		}
		left = append(left, *s)
		if broken[doc] {
			continue
		}
		broken[doc] = true
		dup := (*driver.DuplicateError)(nil)
		switch {
		case errors.As(err, &dup) && !slices.Contains(s.final, dup.Term):
			x.leave(doc, append(x.without[doc], dup.Term))
		case errors.As(err, &dup) && x.moved != nil:
			if err := x.moved(*dup, doc); err != nil {
				return nil, nil, x.err(doc, s.commit.Seq, err)
			}
		case errors.As(err, &dup):
			return nil, nil, x.err(doc, s.commit.Seq, &takenError{dup: dup})
		case !transient(err), errors.Is(err, ErrPoisoned), errors.Is(err, ErrClosed), ctx.Err() != nil:
			return nil, nil, x.err(doc, s.commit.Seq, err)
		default:
			again = x.err(doc, s.commit.Seq, err)
		}
	}
	return left, again, nil
}

// retry makes a call that may be made again until it does not fail for a while.
func (x *transfer) retry(ctx context.Context, doc driver.Doc, call func() error) error {
	for failed := 1; ; failed++ {
		err := call()
		if err == nil {
			return nil
		}
		if !transient(err) || errors.Is(err, ErrPoisoned) || errors.Is(err, ErrClosed) || ctx.Err() != nil ||
			failed > closeAttempts || !pause(ctx, x.wait<<min(failed-1, 6)) {
			return x.err(doc, 0, err)
		}
	}
}

// emptyBody is the creation of a document without content.
var emptyBody = []byte{0x91, 0x92, 0x00, 0x80}

// bury makes an id one of a document that was purged as version seq. At the
// other end it has the standing at: what is missing until then is filled with
// voids, behind a creation of nothing. All that was added before is stored.
func (x *transfer) bury(ctx context.Context, doc driver.Doc, at driver.Standing, tomb driver.Commit) error {
	for seq := at.Seq + 1; seq < tomb.Seq; seq++ {
		c := driver.Commit{Table: doc.Table, ID: doc.ID, Seq: seq, Try: buryingTry(doc, seq), Kind: driver.KindVoid, Time: tomb.Time, Schema: tomb.Schema, Held: at.Held}
		if seq == 1 {
			c.Kind, c.Body, c.Section = driver.KindChange, emptyBody, []byte{0x80}
		}
		if err := x.add(ctx, c, at.Held); err != nil {
			return err
		}
	}
	if err := x.flush(ctx); err != nil {
		return err
	}
	unsure := false
	return x.retry(ctx, doc, func() error {
		err := x.to.Purge(ctx, doc.Table, doc.ID)
		if unsure && errors.Is(err, ErrNotFound) {
			err = nil // an attempt before has done it
		}
		unsure = true
		return err
	})
}

// buryingTry is the attempt of the versions that bury makes, by which they are
// known again.
func buryingTry(doc driver.Doc, seq uint64) (try [16]byte) {
	sum := sha256.Sum256(fmt.Appendf(nil, "destam bury\n%s/%s/%d", doc.Table, doc.ID, seq))
	copy(try[:], sum[:])
	return try
}

// burying tells whether a document is one that bury was interrupted with.
func burying(ctx context.Context, d driver.Driver, doc driver.Doc) (bool, error) {
	for c, err := range d.Log(ctx, doc.Table, doc.ID, driver.Range{Backward: true}) {
		return err == nil && c.Try == buryingTry(doc, c.Seq), err
	}
	return false, nil
}

// standing gives the standing of a document, zero if it has no commits.
func standing(ctx context.Context, d driver.Driver, doc driver.Doc) (driver.Standing, error) {
	head, err := d.Head(ctx, doc.Table, doc.ID)
	switch {
	case err == nil && head.Deleted:
		return driver.Standing{Seq: head.Seq, Life: driver.Deleted}, nil
	case err == nil:
		return driver.Standing{Seq: head.Seq, Life: driver.Alive, Held: head.Held}, nil
	case !errors.Is(err, ErrNotFound):
		return driver.Standing{}, err
	}
	for c, err := range d.Log(ctx, doc.Table, doc.ID, driver.Range{Backward: true}) {
		if err != nil {
			return driver.Standing{}, err
		}
		s := driver.Standing{Seq: c.Seq}
		if c.Kind == driver.KindPurge {
			s.Life = driver.Purged
		}
		return s, nil
	}
	return driver.Standing{}, nil
}
