package destam

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// ErrUnfit is the cause when a commit does not fit the document that it is
// applied to: it is of another one, was made on another state, was applied
// before, or is damaged. Nothing of it was applied.
var ErrUnfit = doc.ErrUnfit

// Digest is a window on a document for somebody who has a copy of it, in
// another process perhaps: slot by slot, what has changed since it was flushed
// last. A document may have any number of them, each for another copy. The
// document stays in memory until Stop.
type Digest struct {
	l *live
	w *doc.Digest
}

// NewDigest begins a digest of the document that h belongs to, and gives what
// the copy begins with: bytes for [Adopt].
func NewDigest(h Handle) (d *Digest, copy []byte, err error) {
	l := h.object().Node().Document().Host().(*live)
	if h.object().Tx() != nil {
		return nil, nil, l.table.err("digest", l.id, ErrInTransaction)
	}
	w, content := l.doc.NewDigest()
	return &Digest{l, w}, l.pack(packetCopy, content), nil
}

// Flush gives what leads the copy from where it was to what the document shows
// now, as one commit for [Apply], nil when it is there: each slot that differs
// once, and nothing of what came and went in between. It must reach the copy,
// and in order: the next one goes on from it.
func (d *Digest) Flush() []byte {
	body := d.w.Flush()
	if body == nil {
		return nil
	}
	return d.l.pack(packetCommit, body)
}

// Stop ends the digest. What was not flushed is gone.
func (d *Digest) Stop() { d.w.Stop() }

// Apply is [Apply] for a commit that comes from the owner of this digest's
// copy: he has it, so that it does not come back to him. When both have changed
// one slot, his commit, being applied later, wins here.
func (d *Digest) Apply(commit []byte, opts ...CommitOption) error {
	return d.l.table.err("apply", d.l.id, d.l.apply(commit, d.w, opts))
}

// Apply makes a commit that [Digest.Flush] gave for a copy a change of the
// copy: verified first, whole or not at all, and in time that grows with the
// commit only. Objects that are moved stay the objects that they were. The
// document must show what the digest's did when the commit before was flushed;
// [ErrUnfit] says that it does not. Listeners hear of it with the origin
// [Remote], and its own store gets it as it gets an Update.
func Apply(h Handle, commit []byte, opts ...CommitOption) error {
	l := h.object().Node().Document().Host().(*live)
	err := ErrInTransaction
	if h.object().Tx() == nil {
		err = l.apply(commit, nil, opts)
	}
	return l.table.err("apply", l.id, err)
}

func (l *live) apply(packet []byte, from *doc.Digest, opts []CommitOption) error {
	c, err := cause(opts)
	if err != nil {
		return err
	}
	if !l.table.db.room.wait(l.table.db.opts.MaxWait) {
		return ErrBusy
	}
	id, body, err := l.table.unpack(packetCommit, packet)
	if err == nil && id != l.id {
		err = fmt.Errorf("%w: it is of document %s", ErrUnfit, id)
	}
	if err != nil {
		return err
	}
	p, err := l.doc.Apply(body, c, from)
	if err != nil {
		l.table.claims.restore(l.claimant)
		return err
	}
	if p == nil {
		return nil
	}
	l.bytes.Add(size(p))
	l.table.db.room.add(size(p))
	if p.Section == nil {
		return nil
	}
	return l.check(p)
}

// Adopt makes a copy of a document in another table of its type, another
// process's mostly, from the bytes that [NewDigest] gave: under the same id,
// with the same objects. The copy has a history of its own, which begins here.
// A table that has a document of this id already refuses it.
//
//go:noinline
func Adopt[O, P, Q any](ctx context.Context, t *Table[O, P, Q], copy []byte) (O, error) {
	return result[O](t.t.adopts(ctx, copy))
}

func (t *table) adopts(ctx context.Context, packet []byte) (unsafe.Pointer, error) {
	err := t.ready(ctx)
	var id ID
	var content []byte
	if err == nil {
		id, content, err = t.unpack(packetCopy, packet)
	}
	if err == nil {
		if _, err = t.db.driver.Head(ctx, t.name, id); err == nil {
			err = fmt.Errorf("%w: the table has the document already", ErrUnfit)
		} else if errors.Is(err, ErrNotFound) {
			err = nil
		}
	}
	var l *live
	if err == nil {
		l = t.newLive(id)
		if err = l.doc.Adopt(content); err == nil {
			t.db.ids.seen(id)
			l, err = t.bear(ctx, l, nil, birth{})
		}
	}
	if err != nil {
		return nil, t.err("adopt", id, err)
	}
	return l.handle(), nil
}

// A packet is what travels between processes: an array of a version, its kind,
// the table, the document and the bytes.
const (
	packetVersion = 1
	packetCopy    = 1
	packetCommit  = 2
)

func (l *live) pack(kind int64, body []byte) []byte {
	b := wire.AppendArray(nil, 5)
	b = wire.AppendInt(b, packetVersion)
	b = wire.AppendInt(b, kind)
	b = wire.AppendString(b, l.table.name)
	b = wire.AppendBytes(b, l.id[:])
	return wire.AppendBytes(b, body)
}

func (t *table) unpack(kind int64, packet []byte) (id ID, body []byte, err error) {
	r := wire.NewReader(packet)
	parts, version, is := r.Array(), r.Int(), r.Int()
	if r.Err() == nil && (parts != 5 || version != packetVersion || is != kind) {
		return id, nil, fmt.Errorf("%w: version %d and kind %d of a packet are not what belongs here", ErrUnfit, version, is)
	}
	name, b := r.String(), r.View()
	if r.Err() == nil && len(b) != len(id) {
		r.Fail(errors.New("a document's id has another length"))
	}
	copy(id[:], b)
	body = r.View()
	if r.Err() == nil && r.Len() > 0 {
		r.Fail(errors.New("something follows it"))
	}
	if err := r.Err(); err != nil {
		return id, nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	if name != t.name {
		return id, nil, fmt.Errorf("%w: it is of table %q", ErrUnfit, name)
	}
	return id, body, nil
}
