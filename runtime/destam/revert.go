package destam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ErrTouched: what a version did cannot be taken back, because later versions
// changed the same fields, or because another program made some of it, in fields
// that this one does not know.
var ErrTouched = errors.New("not all of it can be taken back")

// Force makes [ODocument.Undo] take back what it can.
func Force() CommitOption { return CommitOption{force: true} }

// Revert makes the document what it was as of a version: an Update by the
// smallest changes, so that history only grows. Objects are matched by their
// identity, and one that was gone comes back; local fields stay, as do fields
// that this program does not know. Unique values apply. What is pending is
// stored before.
//
//go:noinline
func (o *ODocument) Revert(ctx context.Context, version uint64, opts ...CommitOption) error {
	return turn(ctx, o, "revert", opts, func(t *table, id ID) (*doc.Document, error) {
		return t.version(ctx, id, version)
	})
}

// Undo takes back what one version did, and leaves what later ones did. When
// these changed the same fields, or the version some that this program does not
// know, nothing happens, and the error is [ErrTouched] with the paths; with
// [Force] it takes back all of the version that still has a place. It is an Update, and can be undone itself. What is pending is
// stored before.
//
//go:noinline
func (o *ODocument) Undo(ctx context.Context, version uint64, opts ...CommitOption) error {
	force := false
	for _, opt := range opts {
		force = force || opt.force
	}
	return turn(ctx, o, "undo", opts, func(t *table, id ID) (*doc.Document, error) {
		return t.without(ctx, id, version, force)
	})
}

// turn makes the document what to gives, which is asked when nothing is
// pending. It is no method for the reason that fail gives.
func turn(ctx context.Context, o *ODocument, op string, opts []CommitOption, to func(*table, ID) (*doc.Document, error)) error {
	l := of(&o.OObject)
	if o.o.Tx() != nil {
		return l.table.err(op, l.id, ErrInTransaction)
	}
	for tries := 0; ; tries++ {
		err := l.table.db.usable(ctx)
		if err == nil {
			err = l.bring(ctx, effort{attempts: flushAttempts})
		}
		var target *doc.Document
		base := l.version.Load()
		if err == nil {
			target, err = to(l.table, l.id)
		}
		if err == nil {
			err = update(&o.OObject, func(unsafe.Pointer) error {
				// Somebody else may have been quicker. Who is always quicker
				// shall not keep us from it.
				now, pending := l.doc.Shown()
				if (pending || now != base) && tries < 8 {
					return errQuicker
				}
				l.doc.Become(target, pending)
				return nil
			}, opts)
		}
		if !errors.Is(err, errQuicker) {
			return l.table.err(op, l.id, err)
		}
	}
}

var errQuicker = errors.New("the document was changed meanwhile")

// without gives a document as it is but for what one version did.
func (t *table) without(ctx context.Context, id ID, version uint64, force bool) (*doc.Document, error) {
	s, err := t.span(ctx, id, nil)
	if err != nil {
		return nil, err
	}
	switch {
	case version < 1 || version > s.to:
		return nil, t.noVersion(id, version, s.to)
	case version == 1:
		return nil, errors.New("the creation cannot be taken back: delete the document")
	case version < s.from:
		return nil, ErrForgotten
	}
	before, err := t.asOf(ctx, id, version-1)
	if err != nil {
		return nil, err
	}
	var (
		done  doc.Trace
		later = doc.Touches{}
		now   *doc.Document
	)
	err = t.walk(ctx, id, version, s.to, false, func(c *driver.Commit, d *doc.Document, tr doc.Trace) error {
		if now = d; c.Seq == version {
			done = tr
			switch c.Kind {
			case driver.KindDelete:
				return errors.New("a deletion changes no field: Restore takes it back")
			case driver.KindRestore:
				return errors.New("a restoring changes no field: Delete takes it back")
			}
		} else {
			later.Add(tr)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	left, unknown := now.UndoVersion(done, before, later, force)
	if force || len(left)+len(unknown) == 0 {
		return now, nil
	}
	var why []string
	if len(left) > 0 {
		why = append(why, "later versions changed "+listed(left))
	}
	if len(unknown) > 0 {
		why = append(why, "this program does not know "+listed(unknown))
	}
	return nil, &Error{Op: "undo", Table: t.name, ID: id, Version: version,
		Err: fmt.Errorf("%w: %s (with Force the rest is undone)", ErrTouched, strings.Join(why, "; "))}
}

// listed writes paths one behind the other.
func listed(paths []doc.Path) string {
	texts := make([]string, len(paths))
	for i, p := range paths {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}
