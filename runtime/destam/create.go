package destam

import (
	"context"
	"errors"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// creates makes a document of the plain struct at p and stores it.
func (t *table) creates(ctx context.Context, p unsafe.Pointer) (unsafe.Pointer, error) {
	err := t.ready(ctx)
	var l *live
	if err == nil {
		l, err = t.create(ctx, p, nil)
	}
	if err != nil {
		return nil, t.err("create", ID{}, err)
	}
	return l.handle(), nil
}

// nobody gives an error of a document that never came to be without its id:
// who looks for that finds nothing. Where the store may have the document all
// the same, the id stays.
func nobody(err error) error {
	if e, ok := err.(*Error); ok && !errors.Is(err, ErrUnknown) {
		placed := *e
		placed.ID = ID{}
		return &placed
	}
	return err
}

// create makes a document for which the predicates hold, or none.
func (t *table) create(ctx context.Context, p unsafe.Pointer, preds []driver.Predicate) (*live, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.validate(p); err != nil {
		return nil, err
	}
	e, err := t.typ.Encode(p)
	if err != nil {
		return nil, err
	}
	l := t.newLive(t.db.ids.next())
	l.doc.Init(p, e)
	return t.bear(ctx, l, preds, birth{})
}

// birth says more about a creation: who makes it, and the attempt by which it
// is known again, zero for a new one.
type birth struct {
	cause doc.Cause
	try   [16]byte
}

// bear stores the creation of a document that has its content.
func (t *table) bear(ctx context.Context, l *live, preds []driver.Predicate, b birth) (*live, error) {
	if len(t.unique) > 0 {
		l.claimant().unborn = true
	}
	l.unborn.Store(true)
	first, err := l.doc.Create(b.cause)
	if err == nil {
		err = contradiction(preds, first.Section)
	}
	if err != nil {
		t.claims.drop(l.claimed.Load())
		return nil, nobody(err)
	}
	// In the cache before anybody can find it, so that nobody loads another;
	// whoever has it early waits for the slot.
	t.cache.Add(l.id, l)
	c := l.commit(first, 1, first.Held.([]driver.Term))
	if b.try != [16]byte{} {
		c.Try = b.try
	}
	if err := l.born(ctx, c); err != nil {
		return nil, err
	}
	if err := t.db.dead(); err != nil { // it came after those that are there were told
		l.doc.Kill(&Error{Op: "change", Table: t.name, ID: l.id, Err: err})
	}
	return l, nil
}

// born stores the first commit of a document whose slot is held. When it
// fails, the document is dead.
func (l *live) born(ctx context.Context, c driver.Commit) error {
	for failed, contests := 0, 0; ; {
		r := newRound(c)
		if err := l.table.db.batches.send(ctx, r); err != nil {
			// It is on its way. If it arrives it is a document like others.
			l.Go(func() {
				<-r.done
				if o := l.conclude(r); o.err != nil {
					l.stillborn(o.err)
				} else {
					l.settleNew()
				}
			})
			return &Error{Op: "create", Table: l.table.name, ID: l.id, Err: err}
		}
		o := l.conclude(r)
		if o.err == nil {
			l.settleNew()
			return nil
		}
		if dup := o.contest(); dup != nil && contests < 3 {
			contests++
			free, err := l.table.mayFree(ctx, l.id, dup, effort{attempts: flushAttempts, behind: []*live{l}})
			if free {
				c.Try = newTry()
				continue
			}
			if err != nil {
				o.err = err
			}
		}
		if o.report {
			l.table.db.opts.OnError(&Error{Op: "create", Table: l.table.name, ID: l.id, Err: o.err})
		}
		if failed++; !o.again || failed >= flushAttempts || !pause(ctx, l.table.db.backoff(failed)) {
			l.stillborn(o.err)
			return nobody(l.table.refusal("create", l.id, o.err))
		}
	}
}

// settleNew lets a document go that the store has now.
func (l *live) settleNew() {
	l.size.Store(l.since.Swap(0))
	l.after.Store(0)
	l.table.claims.born(l.claimed.Load())
	l.appear()
	l.table.db.hold(l)
	l.release()
	l.tell()
	l.settle()
}

// appear tells live queries of a document that the store has now.
func (l *live) appear() {
	l.unborn.Store(false)
	if l.table.lives.count.Load() > 0 {
		l.doc.Tell()
	}
}

// stillborn makes a document dead that the store has not, or may have without
// anybody knowing.
func (l *live) stillborn(err error) {
	if l.ended == nil {
		l.ended = err
	}
	l.release()
	if errors.Is(err, ErrPoisoned) || errors.Is(err, ErrClosed) {
		l.table.db.fail(err)
	}
	l.end(err)
}
