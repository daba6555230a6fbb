package destam

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// revision is of the user's model; it grows with the schema.
const revision = 1

// effort says how hard [live.bring] tries.
type effort struct {
	attempts int            // at calls of the driver that fail; then the rest is left to the background
	deletion *driver.Commit // to be stored last; nil for none
	behind   []*live        // documents that wait for this one to free a unique value
}

// How often a driver's call that fails is made again while somebody waits. With
// the standard backoff that is 70 ms for a Flush, over a second for Close.
const (
	flushAttempts = 4
	closeAttempts = 9
)

// bring gives the store what is pending of the document, and returns when it
// is stored, or taken back because the store refused it. An error says that the
// store gave no answer, or that ctx ended: what is pending stays so and is
// tried again in the background.
func (l *live) bring(ctx context.Context, e effort) error {
	b := bringing{live: l, effort: e}
	if r := l.ready(e.deletion); r != nil {
		if done, err := b.send(ctx, r); done {
			return err
		}
	} else {
		l.doc.Seal() // without the slot: it delivers to listeners
	}
	return b.goOn(ctx)
}

// bringing is a bring that is not over.
type bringing struct {
	*live
	effort
	failed, contests int
}

// goOn sends rounds until nothing is left.
func (b *bringing) goOn(ctx context.Context) error {
	l := b.live
	for {
		l.takeBack()
		if err := l.vet(ctx); err != nil {
			return err
		}
		if err := l.acquire(ctx); err != nil {
			return err
		}
		if l.doomed.Load() != nil || l.unvetted() {
			l.release()
			continue
		}
		r, err := l.next(l.doc.Waiting(), b.deletion)
		if r == nil {
			l.release()
			l.settle()
			return err
		}
		if done, err := b.send(ctx, r); done {
			return err
		}
	}
}

// send sends a round; the slot is held, and released. Done says that nothing
// is left.
func (b *bringing) send(ctx context.Context, r *round) (done bool, err error) {
	l := b.live
	if err := l.table.db.batches.send(ctx, r); err != nil {
		l.Go(func() { l.left(r) })
		return true, err
	}
	o := l.conclude(r)
	l.release()
	return b.heed(ctx, o, !r.resent && !r.more)
}

// heed does what the outcome of a round demands, without the slot. Whole says
// that the round was all that there was.
func (b *bringing) heed(ctx context.Context, o outcome, whole bool) (done bool, err error) {
	l := b.live
	l.tell()
	if dup := o.contest(); dup != nil && b.contests < 3 {
		b.contests++
		free, err := l.table.mayFree(ctx, l.id, dup, effort{attempts: b.attempts, behind: append(slices.Clip(b.behind), l)})
		if err != nil {
			l.table.db.schedule.later(l, maxBackoff)
			return true, err
		}
		if free {
			return false, nil
		}
	}
	again, err := l.follow(ctx, o)
	if err == nil {
		return !again && whole, nil
	}
	if !again {
		return true, err
	}
	if b.failed++; b.failed >= b.attempts || !pause(ctx, l.table.db.backoff(b.failed)) {
		l.table.db.schedule.later(l, o.wait)
		return true, err
	}
	return false, nil
}

// ready makes the round of a document of which all can be sent at once: nobody
// has it locked or stores it, and no function of the program's is to be called
// before. Then the slot is held. It gives nil for others, and where nothing is
// to be stored.
func (l *live) ready(deletion *driver.Commit) *round {
	if l.table.validates || l.doomed.Load() != nil {
		return nil
	}
	select {
	case l.slot <- struct{}{}:
	default:
		return nil
	}
	var room [1]*doc.Pending
	if waiting, ok := l.doc.TrySeal(room[:0]); ok && l.doomed.Load() == nil {
		if r, _ := l.next(waiting, deletion); r != nil {
			return r
		}
	}
	l.release()
	return nil
}

// backoff is how long to wait after so many failures in a row.
func (db *DB) backoff(failed int) time.Duration {
	wait := min(db.opts.tuning.backoff<<min(failed-1, 10), maxBackoff)
	return wait/2 + mathrand.N(wait) // many that failed together shall not come again together
}

// left does the rest of a round that nobody waits for any more.
func (l *live) left(r *round) {
	<-r.done
	o := l.conclude(r)
	l.release()
	again := true // also when a listener ends the goroutine
	defer func() {
		if again {
			l.table.db.schedule.later(l, o.wait)
		}
	}()
	l.tell()
	if o.refused == nil {
		again, _ = l.follow(l.table.db.ctx, o)
	}
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// next makes the next round, of what waits for the store; the slot is held. It
// gives nil when there is nothing to store, or nothing can be stored any more:
// then the error says why.
//
// A round whose outcome is not known is sent again as it was, and nothing with
// it: what came after can only be numbered when it is known.
func (l *live) next(waiting []*doc.Pending, deletion *driver.Commit) (*round, error) {
	if l.ended != nil {
		return nil, l.ended
	}
	if l.unsure != nil {
		return l.unsure, nil
	}
	if len(waiting) == 0 && deletion == nil {
		return nil, nil
	}
	r := &round{}
	// Another writer may take the place of the first: then the second would
	// follow a commit that it was not made on.
	if n := len(waiting); n > 0 && l.table.db.shared {
		waiting, r.more = waiting[:1], n > 1 || deletion != nil
		deletion = nil
	}
	r.pending = append(r.one[:0], waiting...)
	if r.commits = r.commit[:0]; len(waiting) > 1 {
		r.commits = make([]driver.Commit, 0, len(waiting)+1)
	}
	seq, held := l.version.Load(), l.holds()
	for _, p := range waiting {
		if p.Section != nil {
			held = p.Held.([]driver.Term)
		}
		seq++
		r.commits = append(r.commits, l.commit(p, seq, held))
	}
	if deletion != nil {
		c := *deletion
		c.Seq, c.Try = seq+1, newTry()
		r.commits = append(r.commits, c)
	}
	return r, nil
}

// commit makes what the driver gets of a pending commit.
func (l *live) commit(p *doc.Pending, seq uint64, held []driver.Term) driver.Commit {
	return driver.Commit{
		Table: l.table.name, ID: l.id, Seq: seq, Try: newTry(),
		Kind: driver.KindChange, Time: doc.Instant(p.Time), Schema: revision,
		By: p.By, Because: p.Because,
		Body: p.Body, Section: p.Section, Held: held,
	}
}

// newTry makes an attempt id. It is no secret and must only never come twice:
// so it is of the generator that the runtime seeds from the system's.
func newTry() (try [16]byte) {
	binary.NativeEndian.PutUint64(try[:8], mathrand.Uint64())
	binary.NativeEndian.PutUint64(try[8:], mathrand.Uint64())
	return try
}

// outcome is what a round came to. The zero outcome is that all is stored.
type outcome struct {
	err     error
	behind  bool          // another writer was quicker
	refused *doc.Pending  // by err; nil when err is of no single commit
	again   bool          // the store gave no answer: the same later
	wait    time.Duration // before that, in the background
	report  bool          // this err is news
	ended   bool          // nothing of the document can be stored any more
	broken  bool          // nothing of the database can
}

// stored tells whether all is.
func (o *outcome) stored() bool { return o.err == nil && !o.behind }

// conclude takes the results of a round; the slot is held. Commits after one
// that is not stored are not looked at: they cannot be stored either.
func (l *live) conclude(r *round) (o outcome) {
	l.unsure = nil
	for i := range r.commits {
		c, err := &r.commits[i], r.results[i].Err
		if err != nil && !isOurs(err, c) {
			return l.judge(r, i, err)
		}
		l.accept(r, i)
		if c.Kind == driver.KindDelete {
			l.table.lives.hide(l)
			l.ended = ErrDeleted
			return outcome{err: ErrDeleted, ended: true}
		}
	}
	return outcome{}
}

// isOurs tells whether it is the commit itself that has taken its place: the
// answer was lost.
func isOurs(err error, c *driver.Commit) bool {
	lost := (*driver.SeqError)(nil)
	return errors.As(err, &lost) && lost.Row != nil && lost.Row.Try == c.Try
}

// accept notes that the store has the i-th commit of a round.
func (l *live) accept(r *round, i int) {
	c := &r.commits[i]
	if i < len(r.pending) {
		l.doc.Stored(r.pending[i], c.Seq)
	}
	if !sameTerms(l.holds(), c.Held) {
		held := c.Held // not &c.Held, which would keep the whole round in memory
		l.held.Store(&held)
	}
	l.version.Store(c.Seq)
	l.grew(c)
	l.failed, l.troubled = 0, false
	l.table.db.accepted()
	var p *doc.Pending
	if i < len(r.pending) {
		p = r.pending[i]
	}
	l.stored(c, p)
}

// sameTerms tells whether two lists of terms are one, or both empty.
func sameTerms(a, b []driver.Term) bool {
	return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b) || len(a)+len(b) == 0
}

// judge says what the error of the i-th commit means.
func (l *live) judge(r *round, i int, err error) outcome {
	var (
		p       *doc.Pending
		lost    *driver.SeqError
		limit   *driver.LimitError
		invalid *driver.InvalidError
		schema  *driver.SchemaError
		dup     *driver.DuplicateError
	)
	if i < len(r.pending) {
		p = r.pending[i]
	}
	switch {
	case errors.Is(err, ErrUnknown):
		l.unsure = newRound(r.commits[i:]...)
		l.unsure.pending, l.unsure.resent = r.pending[min(i, len(r.pending)):], true
		return l.trouble(err, 3)
	case errors.Is(err, ErrPoisoned), errors.Is(err, ErrClosed):
		l.ended = err
		return outcome{err: err, ended: true, broken: true}
	case errors.Is(err, ErrDeleted), errors.Is(err, ErrNotFound):
		l.ended = ErrDeleted
		return outcome{err: ErrDeleted, ended: true}
	case errors.As(err, &lost):
		if lost.Have < r.commits[i].Seq {
			l.ended = fmt.Errorf("%w: the store has version %d only, this document is newer", ErrCorrupt, lost.Have)
			return outcome{err: l.ended, ended: true}
		}
		return outcome{behind: true}
	case errors.As(err, &dup), errors.As(err, &limit), errors.As(err, &invalid), errors.As(err, &schema),
		errors.Is(err, ErrReadOnly):
		return outcome{err: err, refused: p}
	}
	return l.trouble(err, 1)
}

// trouble is the outcome when the store gave no answer. It is told once, at
// the given number of failures in a row, for a document, and as long as the
// store accepts nothing for all of them.
func (l *live) trouble(err error, tell int) outcome {
	l.failed++
	o := outcome{err: err, again: true, wait: l.table.db.backoff(l.failed)}
	if l.failed >= tell && !l.troubled && l.table.db.outage.CompareAndSwap(false, true) {
		l.troubled, o.report = true, true
	}
	return o
}

// follow does what an outcome demands, without the slot: listeners and error
// handlers run here. Again says that there is more to do: with an error
// after a wait, without one at once.
func (l *live) follow(ctx context.Context, o outcome) (again bool, err error) {
	db := l.table.db
	switch {
	case o.broken:
		db.fail(o.err)
		l.giveUp(o.err)
	case o.ended:
		l.end(o.err)
	case o.behind:
		err := l.catchUp(ctx, nil)
		return err == nil || !l.isOver(ctx), err
	case o.again:
		if o.report {
			db.opts.OnError(&Error{Op: "store", Table: l.table.name, ID: l.id, Err: o.err})
		}
		return true, o.err
	case o.refused != nil:
		err := l.refuse(ctx, o.refused, l.table.refusal("store", l.id, o.err))
		return true, err
	default:
		l.settle()
	}
	return false, o.err
}

// doom is a commit that shall be taken back, and why.
type doom struct {
	p   *doc.Pending
	err error
}

// refuse takes a pending commit back, unless the store has it by now, or may
// have it. It is certain that it is not on its way because the slot is held
// while it is marked; and it is taken back without the slot because listeners
// hear of it, who may want the slot. A Flush that comes in between takes it
// back itself.
func (l *live) refuse(ctx context.Context, p *doc.Pending, err *Error) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	if l.unsure == nil && l.ended == nil && slices.Contains(l.doc.Waiting(), p) {
		l.doomed.Store(&doom{p, err})
	}
	l.release()
	l.takeBack()
	return nil
}

// takeBack takes the doomed commit back, if there is one. Several may be at it:
// the document takes it back once, and when any of them returns it is done.
func (l *live) takeBack() {
	if d := l.doomed.Load(); d != nil {
		l.doc.Refuse(d.p, d.err)
		l.doomed.CompareAndSwap(d, nil)
	}
}

// settle ends a round after which nothing is left to do at once.
func (l *live) settle() {
	l.count()
	l.table.db.schedule.settle(l, l.doc.Clean)
	if heard := l.heard.Load(); heard > l.version.Load() {
		l.hear(heard, nil)
	}
	l.checkpoint()
}

// count brings the bytes that wait for the store up to date.
func (l *live) count() {
	var bytes int64
	if l.bytes.Load() > 0 {
		for _, p := range l.doc.Waiting() {
			bytes += size(p)
		}
	}
	l.table.db.room.add(bytes - l.bytes.Swap(bytes))
}

// size is what a pending commit counts.
func size(p *doc.Pending) int64 { return int64(len(p.Body) + len(p.Section)) }

// contest gives the duplicate that a commit was refused for, nil if it was not.
func (o *outcome) contest() *driver.DuplicateError {
	if o.err == nil {
		return nil
	}
	dup := (*driver.DuplicateError)(nil)
	errors.As(o.err, &dup)
	return dup
}

// mayFree tells whether a unique value that another document has in the store
// is free in what this process shows. Then that document was stored, and the
// commit that was refused may be sent again.
//
// Behind in e are the documents that wait for it, the asking one included.
func (t *table) mayFree(ctx context.Context, self ID, dup *driver.DuplicateError, e effort) (bool, error) {
	holder := t.cache.Peek(dup.Holder)
	if holder == nil {
		// Whoever had it may have let it go in the very same batch.
		found, err := t.takenBy(ctx, []driver.Term{dup.Term}, self)
		return err == nil && found == nil, err
	}
	if t.claims.shows(holder.claimed.Load(), dup.Term) || slices.Contains(e.behind, holder) {
		return false, nil
	}
	err := holder.bring(ctx, e)
	return err == nil, err
}

// end makes the document dead because the store has done with it: it was
// deleted, here or elsewhere, or somebody else writes it. What is pending is
// taken back, so that what is shown is what was stored, and reported.
func (l *live) end(err error) {
	if errors.Is(err, ErrDeleted) {
		l.table.lives.hide(l)
	}
	l.forget()
	l.doc.Kill(&Error{Op: "change", Table: l.table.name, ID: l.id, Err: err})
	waiting := l.doc.Seal()
	for _, p := range slices.Backward(waiting) { // the newest first: nothing has to be done again
		l.doc.Refuse(p, err)
	}
	l.count()
}

// giveUp makes the document dead because the store is broken. What is pending
// stays shown: some of it may be stored.
func (l *live) giveUp(err error) {
	l.forget()
	l.doc.Kill(&Error{Op: "change", Table: l.table.name, ID: l.id, Err: err})
	if waiting := l.doc.Seal(); len(waiting) > 0 {
		l.table.db.opts.OnError(&Error{Op: "store", Table: l.table.name, ID: l.id,
			Err: fmt.Errorf("%d commits after version %d may be lost: %w", len(waiting), l.version.Load(), err)})
	}
}

// forget takes the document out of everything that would find it.
func (l *live) forget() {
	l.table.db.schedule.abandon(l)
	l.table.claims.drop(l.claimed.Load())
	l.table.cache.Remove(l.id, l)
}
