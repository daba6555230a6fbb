package destam

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ErrUnfit is the cause when a commit does not fit the document that it is
// applied to: it is of another one, was made on another state, was applied
// before, or is damaged. Nothing of it was applied.
var ErrUnfit = doc.ErrUnfit

// ErrBehind is the cause when a commit is not the next one of a digest: one
// before it is missing, or it came before. It is an [ErrUnfit], too.
var ErrBehind = doc.ErrBehind

// Digest is a window on a document for somebody who has a copy of it, in
// another process perhaps: slot by slot, what has changed since it was flushed
// last. A document may have any number of them, each for another copy. The
// document stays in memory until Stop.
//
// Where the copy is written to as well, each side has a digest: this one from
// [NewDigest], the copy's from [Answer]. What one gives is applied with the
// other's Apply, and both sides end equal, whatever is on its way when. Where
// both have changed one slot, the side of [NewDigest] gives the order; the later
// change wins on both sides.
type Digest struct {
	l    *live
	w    *doc.Digest
	link ID
	side int64
}

// NewDigest begins a digest of the document that h belongs to, and gives what
// the copy begins with: bytes for [Adopt].
func NewDigest(h Handle) (d *Digest, copy []byte, err error) {
	l := given(h).Node().Document().Host().(*live)
	if h.object().Tx() != nil {
		return nil, nil, l.table.err("digest", l.id, ErrInTransaction)
	}
	w, content := l.doc.NewDigest()
	d = &Digest{l, w, doc.NewID(), sideFirst}
	return d, l.pack(packet{kind: packetCopy, body: content, link: d.link}), nil
}

// Answer begins the digest at a copy for where it was copied from, with the
// bytes that [NewDigest] gave there and that it was adopted from. It must be
// called before anything changes in the copy.
func Answer(h Handle, copy []byte) (*Digest, error) {
	l := given(h).Node().Document().Host().(*live)
	err := ErrInTransaction
	var p packet
	if h.object().Tx() == nil {
		p, err = l.table.unpack(packetCopy, copy)
	}
	if err == nil {
		err = p.of(l)
	}
	var w *doc.Digest
	if err == nil {
		w, err = l.doc.Answer(p.body)
	}
	if err != nil {
		return nil, l.table.err("digest", l.id, err)
	}
	return &Digest{l, w, p.link, sideSecond}, nil
}

// Flush gives what leads the other side from where it was to what the document
// shows now, as one commit for Apply, nil when it is there: each slot that
// differs once, and nothing of what came and went in between. It must reach the
// other side, and in order: the next one goes on from it.
//
// Who gets much and has nothing to say gives a commit that changes nothing now
// and then, so that the other side need not remember what it has sent.
func (d *Digest) Flush() []byte {
	m, ok := d.w.Send()
	if !ok {
		return nil
	}
	return d.l.pack(packet{kind: packetCommit, body: m.Body, link: d.link, side: d.side, number: m.Number, seen: m.Seen})
}

// Stop ends the digest. What was not flushed is gone.
func (d *Digest) Stop() { d.w.Stop() }

// Apply is [Apply] for a commit of the digest at the other side: it does not
// come back to that. What was done here, and was not there when the commit was
// made, is done again on top of it, slot by slot; what has no place any more,
// because it was in something that is gone, is reported to OnError as
// [ErrDropped]. When commits of both sides cross, the one from the side of
// [Answer] changes nothing, and comes again with what that side gives next.
//
// It takes as long as the commit is large; where it meets something that was
// not flushed here yet, or has crossed another, as long as the document is.
func (d *Digest) Apply(commit []byte, opts ...CommitOption) error {
	return d.l.table.err("apply", d.l.id, d.l.apply(commit, d, opts))
}

// Apply makes a commit that [Digest.Flush] gave for a copy a change of the
// copy: verified first, whole or not at all, and in time that grows with the
// commit only. Objects that are moved stay the objects that they were. The
// document must show what the digest's did when the commit before was flushed;
// [ErrUnfit] says that it does not. When a commit of the digest was applied
// since the copy was made or loaded, this must be the next one, or it is
// [ErrBehind]. Listeners hear of it with the origin [Remote], and its own store
// gets it as it gets an Update.
func Apply(h Handle, commit []byte, opts ...CommitOption) error {
	l := given(h).Node().Document().Host().(*live)
	err := ErrInTransaction
	if h.object().Tx() == nil {
		err = l.apply(commit, nil, opts)
	}
	return l.table.err("apply", l.id, err)
}

func (l *live) apply(packet []byte, from *Digest, opts []CommitOption) error {
	c, err := cause(opts)
	if err != nil {
		return err
	}
	if !l.table.db.room.wait(l.table.db.opts.MaxWait) {
		return ErrBusy
	}
	m, err := l.table.unpack(packetCommit, packet)
	if err == nil {
		err = m.of(l)
	}
	if err != nil {
		return err
	}
	var p *doc.Pending
	switch {
	case from == nil:
		p, err = l.doc.Take(m.link, doc.Message{Number: m.number, Body: m.body}, c)
	case m.link != from.link || m.side == from.side:
		return fmt.Errorf("%w: it is not from the other side of this digest", ErrUnfit)
	default:
		p, err = from.w.Receive(doc.Message{Number: m.number, Seen: m.seen, Body: m.body}, c)
	}
	if err != nil {
		l.table.claims.restore(l.claimed.Load())
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
	err = l.check(p)
	if err != nil && from == nil {
		l.doc.Expect(m.link, m.number-1) // it was taken back, and may come again
	}
	return err
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

func (t *table) adopts(ctx context.Context, copy []byte) (unsafe.Pointer, error) {
	err := t.ready(ctx)
	var p packet
	if err == nil {
		p, err = t.unpack(packetCopy, copy)
	}
	id := p.id
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
		if err = l.doc.Adopt(p.body); err == nil {
			l.doc.Expect(p.link, 0)
			t.db.ids.seen(id)
			l, err = t.bear(ctx, l, nil, birth{})
		}
	}
	if err != nil {
		return nil, t.err("adopt", id, err)
	}
	return l.handle(), nil
}
