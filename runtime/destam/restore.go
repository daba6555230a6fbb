package destam

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Restore brings a deleted document back, with its history, and returns when
// that is durable. It takes its unique values again: one that another document
// has by now is [ErrTaken]. Handles from before the deletion stay dead. A
// document that is not deleted is given as it is.
//
//go:noinline
func (t *Table[O, P, Q]) Restore(ctx context.Context, id ID, opts ...CommitOption) (O, error) {
	return result[O](t.t.restores(ctx, id, opts))
}

// Purge erases a document for ever, deleted or not, with its history, and
// frees its unique values. It returns when the document is hidden and that is
// durable; the documentation of the driver says when the bytes are gone. The
// id is never used again. What is pending is stored before, so that nothing is
// reported as lost; handles show the last state and change no more.
//
//go:noinline
func (t *Table[O, P, Q]) Purge(ctx context.Context, id ID) error {
	return t.t.purges(ctx, id)
}

func (t *table) purges(ctx context.Context, id ID) error { return t.err("purge", id, t.purge(ctx, id)) }

func (t *table) restores(ctx context.Context, id ID, opts []CommitOption) (unsafe.Pointer, error) {
	c, err := cause(opts)
	if err == nil {
		err = t.ready(ctx)
	}
	var l *live
	if err == nil {
		l, err = t.restore(ctx, id, c)
	}
	if err != nil {
		return nil, t.err("restore", id, err)
	}
	return l.handle(), nil
}

func (t *table) restore(ctx context.Context, id ID, cause doc.Cause) (*live, error) {
	who := &claimant{id: id}
	defer t.claims.drop(who)
	var restored *driver.Commit
	for {
		head, err := t.db.driver.Head(ctx, t.name, id)
		if err != nil {
			return nil, err
		}
		if head.Deleted {
			restored, err = t.revive(ctx, &head, who, cause)
			if lost := (*driver.SeqError)(nil); errors.As(err, &lost) {
				continue // somebody else was quicker
			}
		}
		if err == nil {
			err = t.db.sync(ctx, driver.Doc{Table: t.name, ID: id})
		}
		if err == nil {
			err = t.bury(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		l, err := t.get(ctx, id)
		if err == nil {
			l.appear()
			if restored != nil {
				l.stored(restored, nil)
				l.tell()
			}
		}
		if !errors.Is(err, ErrDeleted) { // as somebody found who began to load it before
			return l, err
		}
	}
}

// revive stores the restoring of a deleted document.
func (t *table) revive(ctx context.Context, head *driver.Head, who *claimant, cause doc.Cause) (*driver.Commit, error) {
	section, err := driver.DecodeValue(head.Section)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	held := driver.Held(section, t.unique)
	if err := t.claims.reserve(who, held); err != nil {
		return nil, t.refusal("restore", head.ID, err)
	}
	c := driver.Commit{
		Table: t.name, ID: head.ID, Seq: head.Seq + 1, Kind: driver.KindRestore, Time: doc.Instant(time.Now()),
		Schema: revision, By: cause.By, Because: cause.Because, Section: head.Section, Held: held,
	}
	err = t.store(ctx, c)
	if dup := (*driver.DuplicateError)(nil); errors.As(err, &dup) {
		err = t.refusal("restore", head.ID, err)
	}
	return &c, err
}

// bury takes a dead document out of the cache that is still there: whoever
// stored its deletion has not come to it yet, or is another process of which
// nothing was heard.
func (t *table) bury(ctx context.Context, id ID) error {
	l := t.cache.Peek(id)
	if l == nil {
		return nil
	}
	if t.db.shared {
		if err := l.catchUp(ctx, nil); err != nil && !errors.Is(err, ErrDeleted) {
			return err
		}
	}
	if err := l.acquire(ctx); err != nil {
		return err
	}
	ended := l.ended
	l.release()
	if ended != nil {
		t.lives.hide(l)
		l.forget()
	}
	return nil
}

// store gives the store one commit of a document that nobody shows, and
// returns when the store has accepted or refused it. A call that fails is made
// again, with the same attempt id while the outcome is not known.
func (t *table) store(ctx context.Context, c driver.Commit) error {
	c.Try = newTry()
	for failed, contests := 0, 0; ; {
		r := newRound(c)
		if err := t.db.batches.send(ctx, r); err != nil {
			return err
		}
		err := r.results[0].Err
		dup := (*driver.DuplicateError)(nil)
		switch {
		case err == nil, isOurs(err, &c):
			t.db.accepted()
			return nil
		case errors.Is(err, ErrPoisoned), errors.Is(err, ErrClosed):
			t.db.fail(err)
			return err
		case errors.As(err, &dup):
			free, again := t.mayFree(ctx, c.ID, dup, effort{attempts: flushAttempts})
			if contests++; again == nil && free && contests <= 3 {
				c.Try = newTry()
				continue
			}
			return err
		case !transient(err):
			return err
		}
		if failed++; failed >= flushAttempts || !pause(ctx, t.db.backoff(failed)) {
			return err
		}
	}
}

// transient tells whether the same commit may be accepted later.
func transient(err error) bool {
	var (
		lost    *driver.SeqError
		limit   *driver.LimitError
		invalid *driver.InvalidError
		schema  *driver.SchemaError
	)
	return !errors.As(err, &lost) && !errors.As(err, &limit) && !errors.As(err, &invalid) && !errors.As(err, &schema) &&
		!errors.Is(err, ErrReadOnly) && !errors.Is(err, ErrDeleted) && !errors.Is(err, ErrNotFound)
}

func (t *table) purge(ctx context.Context, id ID) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	l := t.cache.Peek(id)
	if l == nil {
		err := t.erase(ctx, id)
		if err == nil {
			t.lives.gone(id)
			t.loading.miss() // whoever loads it now may have what was there before
			if l = t.cache.Peek(id); l != nil {
				l.lookAgain() // or has it by now
			}
		}
		return err
	}
	if err := l.bring(ctx, effort{attempts: flushAttempts}); err != nil && !errors.Is(err, ErrDeleted) {
		return err
	}
	if err := l.acquire(ctx); err != nil {
		return err
	}
	err := t.erase(ctx, id)
	if err == nil {
		l.ended = ErrDeleted
	}
	l.release()
	if err == nil {
		l.end(ErrDeleted)
	}
	return err
}

// erase purges a document from the store. After an attempt that failed, one
// that finds nothing says that the first has erased it.
func (t *table) erase(ctx context.Context, id ID) error {
	unsure := false
	for failed := 1; ; failed++ {
		err := t.db.driver.Purge(ctx, t.name, id)
		switch {
		case err == nil, unsure && errors.Is(err, ErrNotFound):
			return nil
		case errors.Is(err, ErrPoisoned):
			t.db.fail(err)
			return err
		case !transient(err) || errors.Is(err, ErrClosed) || ctx.Err() != nil:
			return err
		}
		unsure = true
		if failed >= flushAttempts || !pause(ctx, t.db.backoff(failed)) {
			return err
		}
	}
}
