package destam

import (
	"context"
	"errors"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Transact runs fn on a private copy of the newest state of a document and
// stores what it changed as one commit. When somebody else was quicker it runs
// fn again on what there is then, so what fn reads is what its changes are made
// on; fn must have no other effects. Nothing is shown before the store has
// accepted it, and nothing is taken back afterwards. What is pending is stored
// before.
//
// An error of fn is given as it is, and changes nothing. Subscriptions that fn
// makes end with it. When ctx ends while the store has the commit, it may be
// accepted all the same.
//
//go:noinline
func (t *Table[O, P, Q]) Transact(ctx context.Context, id ID, fn func(O) error, opts ...CommitOption) error {
	return t.t.transact(ctx, id, function(fn), opts)
}

func (t *table) transact(ctx context.Context, id ID, fn func(unsafe.Pointer) error, opts []CommitOption) error {
	c, err := cause(opts)
	if err == nil {
		err = t.ready(ctx)
	}
	for contests := 0; err == nil; {
		var l *live
		if l, err = t.get(ctx, id); err != nil {
			break
		}
		err = l.transact(ctx, fn, c)
		freed := (*freedError)(nil)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errOwn):
			return errors.Unwrap(err)
		case errors.Is(err, errQuicker):
			err = ctx.Err()
		case errors.Is(err, ErrDeleted):
			err = t.bury(ctx, id) // the store knows whether somebody has restored it
		case errors.As(err, &freed):
			if err = ctx.Err(); contests == 3 {
				err = freed.refusal
			}
			contests++
		}
	}
	if errors.Is(err, ErrDeleted) {
		err = ErrNotFound
	}
	return t.err("transact", id, err)
}

// freedError says that a unique value was let go since the store has refused it.
// What else was stored meanwhile is not known, so the function runs again.
type freedError struct{ refusal error }

func (e *freedError) Error() string { return e.refusal.Error() }

// ownError is an error of the user's function.
type ownError struct{ err error }

var errOwn = errors.New("of the function")

func (e *ownError) Error() string        { return e.err.Error() }
func (e *ownError) Unwrap() error        { return e.err }
func (e *ownError) Is(target error) bool { return target == errOwn }

// transact is one attempt; errQuicker when somebody else stored something
// meanwhile.
func (l *live) transact(ctx context.Context, fn func(unsafe.Pointer) error, c doc.Cause) error {
	if err := l.bring(ctx, effort{attempts: flushAttempts}); err != nil {
		return err
	}
	base := l.version.Load()
	private, err := l.copyAt(ctx, base)
	if err != nil {
		return err
	}
	defer l.table.claims.restore(l.claimed.Load()) // what it claimed and nobody shows
	p, err := (*doc.Object)(private.handle()).Update(func(h unsafe.Pointer) error {
		if err := fn(h); err != nil {
			return &ownError{err}
		}
		return l.table.validate(l.table.plainOf(private.doc))
	}, c)
	if err != nil || p == nil {
		return err
	}
	if err := l.acquire(ctx); err != nil {
		return err
	}
	if l.ended != nil || l.unsure != nil || l.doomed.Load() != nil || l.version.Load() != base {
		err := l.ended
		l.release()
		if err == nil {
			err = errQuicker
		}
		return err
	}
	held := l.holds()
	if p.Section != nil {
		held = p.Held.([]driver.Term)
	}
	done := make(chan error, 1)
	l.Go(func() { l.insist(ctx, l.commit(p, base+1, held), p, c, done) })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// copyAt gives a private copy of the document as of a version: a document like
// l, whose changes concern nobody.
func (l *live) copyAt(ctx context.Context, version uint64) (*live, error) {
	t := l.table
	state, err := t.db.driver.Load(ctx, t.name, l.id, version)
	if err != nil {
		return nil, err
	}
	var c *live
	_, err = t.build(ctx, &state, func() *doc.Document {
		c = &live{table: t, id: l.id, private: true, slot: make(chan struct{}, 1)}
		if len(t.unique) > 0 {
			c.claimed.Store(l.claimant())
		}
		c.task.index = -1
		c.doc = &c.room
		c.doc.Setup(t.typ, l.id, c, doc.Options{
			KeyBound: t.db.opts.tuning.keyBound,
			Backlog:  t.db.opts.Backlog,
			Patience: t.db.opts.tuning.patience,
		})
		return c.doc
	})
	if err != nil {
		return nil, err
	}
	c.version.Store(version)
	held := l.holds()
	c.held.Store(&held)
	return c, nil
}

// insist stores a commit that the document does not show yet, and then shows
// it. The slot is held, and released: while the outcome is not known nothing
// else can be stored, so it asks until the store says so.
func (l *live) insist(ctx context.Context, c driver.Commit, p *doc.Pending, cause doc.Cause, done chan<- error) {
	err := l.insistOn(ctx, &c)
	t := l.table
	switch {
	case err == nil:
		l.version.Store(c.Seq)
		l.held.Store(&c.Held)
		l.grew(&c)
		t.db.accepted()
		l.stored(&c, p)
		if err = l.doc.Rebase(c.Seq, c.Body, cause); err != nil {
			l.ended = err
		}
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrPoisoned), errors.Is(err, ErrClosed):
		l.ended = err
	case errors.Is(err, ErrDeleted), errors.Is(err, ErrNotFound):
		l.ended, err = ErrDeleted, ErrDeleted
	}
	ended := l.ended
	l.release()
	defer func() { // also when a listener ends the goroutine
		switch {
		case errors.Is(ended, ErrPoisoned):
			t.db.fail(ended)
			l.giveUp(ended)
		case ended != nil:
			l.end(ended)
		default:
			l.settle()
		}
		done <- err
	}()
	l.doc.Deliver()
	l.tell()
	if dup := (*driver.DuplicateError)(nil); errors.As(err, &dup) {
		err = t.refusal("transact", l.id, err)
		// Without the slot: who has the value may be waiting for ours.
		free, again := t.mayFree(ctx, l.id, dup, effort{attempts: flushAttempts, behind: []*live{l}})
		if again == nil && free {
			err = &freedError{err}
		}
	}
}

func (l *live) insistOn(ctx context.Context, c *driver.Commit) error {
	t := l.table
	for failed := 0; ; {
		r := newRound(*c)
		err := t.db.batches.send(t.db.ctx, r) // which does not end before this
		if err == nil {
			err = r.results[0].Err
		}
		var (
			lost *driver.SeqError
			dup  *driver.DuplicateError
		)
		unknown := errors.Is(err, ErrUnknown)
		switch {
		case err == nil, errors.As(err, &lost) && lost.Row != nil && lost.Row.Try == c.Try:
			return nil
		case lost != nil:
			if err := l.advance(ctx, lost.Row); err != nil {
				return err
			}
			return errQuicker
		case errors.As(err, &dup):
			return dup
		case errors.Is(err, ErrPoisoned), errors.Is(err, ErrClosed), !unknown && !transient(err):
			return err
		}
		failed++
		if unknown && t.db.dead() == nil {
			pause(t.db.ctx, t.db.backoff(failed))
		} else if failed >= closeAttempts || !pause(t.db.ctx, t.db.backoff(failed)) {
			return err
		}
	}
}
