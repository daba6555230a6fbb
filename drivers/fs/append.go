package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Append implements [driver.Driver]. It waits until the accepted commits are
// written into the journal's file, where a kill -9 leaves them, and not until
// the disk has them.
func (s *Store) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := make([]driver.Result, len(batch))
	if err := s.enter(ctx); err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	defer s.leave()
	err := s.writable()
	if err == nil {
		err = s.admit(ctx)
	}
	if err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	defer s.admitted()
	c := calls.Get().(*call)
	c.store, c.batch, c.results = s, batch, results
	c.prepare()
	if c.commit() {
		c.release()
	}
	s.keeper.wake()
	return results
}

// call is a batch on its way into the journal, in memory that is used again.
type call struct {
	store   *Store
	batch   []driver.Commit
	results []driver.Result
	entries []entry
	buf     []byte // has the records of entries
	accept  func() // acceptAll
	judged  bool   // acceptAll got to its end
}

// entry is what becomes of a commit on its way into the journal.
type entry struct {
	rec   []byte // its record; nil when the commit was refused
	batch uint64 // the journal's batch that holds it
}

var calls = sync.Pool{New: func() any {
	c := new(call)
	c.accept = c.acceptAll
	return c
}}

// mostKept is how many bytes of records a call may have room for that is kept.
const mostKept = 1 << 20

// release ends a call, whose records the journal has copied.
func (c *call) release() {
	if cap(c.buf) > mostKept {
		return
	}
	clear(c.entries)
	*c = call{accept: c.accept, entries: c.entries[:0], buf: c.buf[:0]}
	calls.Put(c)
}

// errUnjudged says that whoever judged commits for many did not get to the end.
var errUnjudged = errors.New("the goroutine that was to store it with others ended on the way")

// commit has commits accepted and written, together with those of others who
// come at the same time, and tells whether all were judged.
func (c *call) commit() bool {
	j := c.store.journal
	j.Gather(c.accept)
	for i := range c.batch {
		if c.results[i].Err != nil {
			continue
		}
		err := j.Write(c.entries[i].batch)
		if err == nil && !c.judged {
			err = errUnjudged
		}
		if err != nil {
			c.results[i].Err = &unknownError{err}
		}
	}
	return c.judged
}

// mostWaiting is how many batches may be on their way into the journal at once:
// beyond that callers wait before anything is encoded for them.
const mostWaiting = 1024

// admit lets a batch in, until admitted is called, when there are not too many
// and memory has room for it. A context ends the wait.
func (s *Store) admit(ctx context.Context) error {
	select {
	case s.waiting <- struct{}{}:
	default:
		select {
		case s.waiting <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := s.keeper.admit(ctx)
	if err != nil {
		s.admitted()
	}
	return err
}

func (s *Store) admitted() { <-s.waiting }

// prepare checks and encodes commits, which takes the most time and needs no
// lock.
func (c *call) prepare() {
	const front = 128 // more than a record has besides its long parts, mostly
	size := 0
	for i := range c.batch {
		size += front + len(c.batch[i].Body) + len(c.batch[i].Section)
	}
	buf := slices.Grow(c.buf, size)
	c.entries = append(c.entries, make([]entry, len(c.batch))...)
	for i := range c.batch {
		if c.results[i].Err = c.store.check(&c.batch[i]); c.results[i].Err != nil {
			continue
		}
		start := len(buf)
		buf = appendCommit(buf, &c.batch[i])
		c.entries[i].rec = buf[start:]
		c.results[i].Err = c.store.Limits().Check(len(buf) - start - recordFront)
	}
	c.buf = buf
}

// acceptAll accepts what was not refused before.
func (c *call) acceptAll() {
	s := c.store
	var full *journal.SegmentError
	s.order.Lock()
	defer s.order.Unlock()
	for i := range c.batch {
		switch {
		case c.results[i].Err != nil:
		case full != nil:
			// To find a full disk full takes as long as to fill it: once is
			// enough for a batch.
			c.results[i].Err = full
		default:
			c.entries[i].batch, c.results[i].Err = s.accept(&c.batch[i], c.entries[i].rec)
			full, _ = errors.AsType[*journal.SegmentError](c.results[i].Err)
		}
	}
	c.judged = true
}

// check says what is wrong with a commit whatever the document is.
func (s *Store) check(c *driver.Commit) error {
	if schemas := s.schemas.Load(); schemas != nil {
		if schema, ok := (*schemas)[c.Table]; ok {
			return c.Check(schema)
		}
	}
	return undeclared(c.Table)
}

// accept judges a commit and puts its record into the journal, whose batch it
// gives. The caller holds order.
func (s *Store) accept(c *driver.Commit, rec []byte) (batch uint64, err error) {
	var failed error // of looking up who holds a value
	t, err := s.table(c.Table)
	if err != nil {
		return 0, err
	}
	k, err := t.known(c.ID)
	if err != nil {
		return 0, err
	}
	var row *driver.Commit
	if c.Seq > 0 && c.Seq <= k.standing.Seq {
		var try [16]byte
		if try, row, err = t.attempt(c.ID, c.Seq); err != nil {
			return 0, err
		}
		if try == c.Try {
			return t.batch(c.ID), nil
		}
	}
	err = k.standing.Judge(c, func(term driver.Term) (driver.ID, bool) {
		id, found, herr := t.holder(term)
		if herr != nil {
			failed = herr
		}
		return id, found
	})
	if failed != nil {
		return 0, failed
	}
	if err != nil {
		return 0, late(err, row)
	}
	p, batch, err := s.put(rec)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.add(c, k, p, batch)
	return batch, nil
}

// put puts a record into the journal. Where one segment ends and the next
// begins, what memory has may be frozen. The caller holds order.
func (s *Store) put(rec []byte) (journal.Place, uint64, error) {
	p, batch, err := s.journal.Append(rec)
	if err != nil {
		return p, batch, err
	}
	if at := p.Segment(); at != s.segment {
		s.segment = at
		if s.tail >= s.keeper.freezeAt {
			s.freeze(batch - 1)
		}
	}
	s.tail += int64(len(rec))
	s.keeper.press(s.tail)
	return p, batch, nil
}

// late adds the commit that has the sequence to an error that says so.
func late(err error, row *driver.Commit) error {
	var seq *driver.SeqError
	if row != nil && errors.As(err, &seq) {
		seq.Row = row
	}
	return err
}

// Purge implements [driver.Driver]. It hides the document at once. Its bytes
// leave the folder in the background: see the package's documentation.
func (s *Store) Purge(ctx context.Context, table string, id driver.ID) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	defer s.admitted()
	batch, err := s.purge(table, id)
	if err != nil {
		return err
	}
	err = s.journal.Sync(ctx, batch)
	s.keeper.wake()
	return err
}

func (s *Store) purge(table string, id driver.ID) (uint64, error) {
	s.order.Lock()
	defer s.order.Unlock()
	t, err := s.table(table)
	if err != nil {
		return 0, err
	}
	k, err := t.known(id)
	if err != nil {
		return 0, err
	}
	if !exists(k.standing.Life) {
		return 0, driver.ErrNotFound
	}
	c := driver.Commit{
		Table: table, ID: id, Seq: k.standing.Seq + 1, Kind: driver.KindPurge,
		Time: time.Now().Round(0).UTC(),
	}
	_, _ = rand.Read(c.Try[:]) // never fails: the program ends when it does
	return s.bury(t, k, &c)
}

// bury stores a purge, and has the bytes of the document erased. The caller
// holds s.order.
func (s *Store) bury(t *table, k known, c *driver.Commit) (batch uint64, err error) {
	p, batch, err := s.put(appendCommit(nil, c))
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.add(c, k, p, batch)
	s.keeper.erase.Store(true)
	return batch, nil
}
