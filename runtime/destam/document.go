package destam

import (
	"context"
	"errors"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ODocument is embedded in the handle of every document. Its methods are
// promoted; a field of the same name wins, and handle.ODocument.Flush still
// reaches ours.
type ODocument struct{ OObject }

// ID is the document's id, for ever.
//
//go:noinline
func (o *ODocument) ID() ID { return of(&o.OObject).id }

// Version is the newest version that the store has. A version is a stored
// commit, 1 the creation; versions may skip numbers.
//
//go:noinline
func (o *ODocument) Version() uint64 { return of(&o.OObject).version.Load() }

// Pending tells whether the document shows changes that the store has not.
//
//go:noinline
func (o *ODocument) Pending() bool {
	l := of(&o.OObject)
	return l.table.db.schedule.pending(l)
}

// Flush returns when everything of the document that was changed before it is
// durable. It gives, once, the errors of what was taken back since the last
// one. When ctx ends first, storing goes on without the caller.
//
//go:noinline
func (o *ODocument) Flush(ctx context.Context) error {
	l := of(&o.OObject)
	if o.o.Tx() != nil {
		return l.table.err("flush", l.id, ErrInTransaction)
	}
	return l.flush(ctx)
}

// Delete stores what is pending, then the deletion, and returns when that is
// durable: no query finds the document any more, and its unique values are
// free. Its history stays. The handle shows the last state and changes no
// more. Deleting twice is no error.
//
//go:noinline
func (o *ODocument) Delete(ctx context.Context, opts ...CommitOption) error {
	l := of(&o.OObject)
	c, err := cause(opts)
	if o.o.Tx() != nil {
		err = ErrInTransaction
	}
	if err != nil {
		return l.table.err("delete", l.id, err)
	}
	return l.delete(ctx, c)
}

// Settle returns when everything that was committed to the handle's document
// before it has been delivered to listeners. A listener that calls it would wait
// for itself: after a second that is told to OnError, as a [LockError].
func Settle(ctx context.Context, h Handle) error {
	o := given(h)
	l := o.Node().Document().Host().(*live)
	err := ErrInTransaction
	if o.Tx() == nil {
		err = l.doc.Settle(ctx)
	}
	return l.table.err("settle", l.id, err)
}

func (l *live) ref() driver.Doc { return driver.Doc{Table: l.table.name, ID: l.id} }

func (l *live) flush(ctx context.Context) error {
	db := l.table.db
	err := db.usable(ctx)
	if err == nil {
		err = l.bring(ctx, effort{attempts: flushAttempts})
	}
	if err == nil {
		err = db.sync(ctx, l.ref())
	}
	return joined(append(db.failures.take(l.ref()), l.table.err("flush", l.id, err))...)
}

func (l *live) delete(ctx context.Context, c doc.Cause) error {
	db := l.table.db
	err := db.usable(ctx)
	if err == nil {
		err = l.bring(ctx, effort{attempts: flushAttempts, deletion: &driver.Commit{
			Table: l.table.name, ID: l.id, Kind: driver.KindDelete, Time: doc.Instant(time.Now()),
			Schema: revision, By: c.By, Because: c.Because,
		}})
	}
	if errors.Is(err, ErrDeleted) {
		err = db.sync(ctx, l.ref())
	}
	return l.table.err("delete", l.id, err)
}
