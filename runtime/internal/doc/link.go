package doc

import (
	"errors"
	"fmt"
	"slices"
)

// A digest whose copy is written to as well is one end of a link; the digest
// at the copy is the other. Each end knows what both have agreed on, the base,
// and by how much its document is ahead of it: what was not sent yet, and at
// the copy's end also what the first has not been heard to have.
//
// One end is the first: what it sends stands. What crosses a message of its
// own was made on a base that is none any more, so it passes that over; the
// other end, when it gets the message, knows that, makes its own changes again
// on the new base, and sends them once more. So there is one order of all
// messages, as there is in a store, and both ends equal when all is sent.
//
// Making changes again is what a rebase does, and is left to it, on a document
// that nobody sees; the live one becomes what came of that. That takes as long
// as the document is large, and is needed only where both ends have changed
// what depends on each other, or messages have crossed.

// Message is what one end of a link sends to the other.
type Message struct {
	Number uint64 // of this one, from 1
	Seen   uint64 // of the newest of the other end that it was made on
	Body   []byte // the commit; empty if there is nothing but Seen to say
}

// flight is a message of the second end that the first was not heard to have.
type flight struct {
	number uint64
	body   []byte
	past   *past
}

// unanswered is how many messages an end takes before it answers although it
// has nothing to say: until it does, the other keeps them.
const unanswered = 32

// ErrBehind: a message is not the next one of a link.
var ErrBehind = fmt.Errorf("%w: a message is missing or came twice", ErrUnfit)

// Answer begins the digest at a copy for whom it was copied from, with what
// [Document.NewDigest] gave to [Document.Adopt].
func (d *Document) Answer(content []byte) (*Digest, error) {
	d.lock()
	defer d.mu.Unlock()
	if string(d.content()) != string(content) {
		return nil, fmt.Errorf("%w: the copy has changed since it was made", ErrUnfit)
	}
	w := d.newDigest()
	w.second = true
	return w, nil
}

// Send is [Digest.Flush] for an end of a link; ok is false when there is
// nothing to say.
func (w *Digest) Send() (m Message, ok bool) {
	w.d.lock()
	defer w.d.mu.Unlock()
	if w.second {
		w.settle()
	}
	past := w.past
	body := w.flush()
	if body == nil && w.takes < unanswered {
		return m, false
	}
	w.sent++
	w.takes = 0
	if w.second && body != nil {
		w.flights = append(w.flights, flight{w.sent, body, past})
	}
	return Message{Number: w.sent, Seen: w.seen, Body: body}, true
}

// settle takes everything off the slate, into the past.
func (w *Digest) settle() {
	for i := range w.slate.marks {
		m := &w.slate.marks[i]
		if m.n == nil {
			continue
		}
		x := Delta{Head: Head{N: m.n, F: m.f, Had: m.had}, Prev: m.box()}
		x.Has, x.Val = m.n.value(int(m.f))
		w.past.touch(&x)
	}
	w.slate.wipe()
}

// Receive makes a message of the other end a change of this document, as
// [Document.Apply] does: whole, or when it is no message of this link, not at
// all. What was done here since is made again on top of it, the later wins.
func (w *Digest) Receive(m Message, c Cause) (p *Pending, err error) {
	d := w.d
	d.lock()
	defer func() {
		d.mu.Unlock()
		d.out.run()
	}()
	switch {
	case d.dead != nil:
		return nil, d.dead
	case m.Number != w.heard+1 || m.Seen > w.sent:
		return nil, ErrBehind
	case !w.second && m.Seen < w.sent:
		w.heard++ // what was sent meanwhile stands, and this comes again
		return nil, nil
	}
	d.sealWindow()
	w.settle()
	ahead := slices.DeleteFunc(slices.Clone(w.flights), func(f flight) bool { return f.number <= m.Seen })
	if len(m.Body) > 0 || len(ahead) > 0 {
		if len(ahead) > 0 || !w.takesAsIs(m.Body) {
			p, err = w.retake(m.Body, ahead, c)
		} else {
			p, err = d.take(m.Body, c, w)
		}
		if err != nil {
			return nil, err
		}
	}
	w.heard, w.seen, w.flights = m.Number, m.Number, nil
	if len(m.Body) > 0 {
		w.takes++
	}
	return p, nil
}

// retake goes back to the base, applies a body there, and makes what was ahead
// of it again.
func (w *Digest) retake(body []byte, ahead []flight, c Cause) (*Pending, error) {
	bodies, base, err := w.rewind(ahead)
	if err != nil {
		return nil, err
	}
	return w.d.merge(base, body, bodies, c, w)
}

// takesAsIs tells whether a body can be applied to what is shown, because
// nothing that was not sent yet has to do with it.
func (w *Digest) takesAsIs(body []byte) bool {
	p := w.past
	if len(p.slots) == 0 {
		return true
	}
	d := w.d
	d.findable()
	dec := d.decoder(body)
	defer dec.release()
	xs, err := d.read(dec)
	if err != nil {
		return false // it may fit the base
	}
	defer dec.drop()
	p.index()
	if p.held != nil || len(dec.links) > 0 || d.returns(dec.made) {
		return false // something went, which xs may be about, or comes that may be elsewhere
	}
	f := flushing{past: p, root: d.root, moves: p.moves()}
	slots, lists, renumbered := map[slot]bool{}, map[*List]bool{}, map[*List]bool{}
	for i := range p.slots {
		x := &p.slots[i]
		if c, ok := x.val.(*Node); ok && x.has && f.had(c) {
			return false
		}
		slots[x.slot], lists[x.l] = true, true
		if x.renamed || x.had && x.old != x.key {
			renumbered[x.l] = true
		}
	}
	for i := range xs {
		x := &xs[i]
		s := x.slot()
		switch {
		case x.path != "" || x.op == opContent || slots[s]:
			return false
		case x.node != nil && x.node.known:
			return false
		case s.l != nil && (renumbered[s.l] || x.op == opRenumber && lists[s.l]):
			return false
		case x.op != opRenumber && x.n.typ.Fields[x.f].typ != nil && x.op != opInsert && x.op != opInsert+opElement:
			return false
		}
	}
	return true
}

// merge makes a body, on a base, what the document shows, and other bodies
// anew on that. For the digest w, which may be nil, what is ahead then is that.
func (d *Document) merge(base, body []byte, bodies [][]byte, c Cause, w *Digest) (*Pending, error) {
	now, then, host, err := d.rehearse(base, body, bodies, c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	d.watchless(+1)
	defer d.watchless(-1)
	have := map[ID]*Node{} // what is in local fields only is not one of them
	d.root.nodes(func(n *Node) {
		if n.stored() {
			have[n.id] = n
		}
	})
	d.departed(func(n *Node) {
		if have[n.id] == nil {
			have[n.id] = n
		}
	})
	d.become(then, have)
	agreed := len(d.log)
	d.become(now, have)
	p, err := d.seal(c, true, true)
	if err != nil {
		p.unknow()
		d.rollback(0)
		d.reset()
		d.forgetLog()
		return nil, err
	}
	for _, err := range host.owed {
		d.owe(err)
	}
	if w != nil {
		w.past, w.kept = newPast(0), 0
		w.record(d.log[agreed:])
	}
	d.told(c, w)
	return p, nil
}

// departed visits the objects that are not here any more, and that some copy
// still has: when they come back they must be the same, or the copy would get
// another object of their id.
func (d *Document) departed(visit func(*Node)) {
	of := func(p *past) {
		for i := range p.slots {
			x := &p.slots[i]
			if n, ok := x.prev.(*Node); ok && x.had && !n.stored() {
				n.nodes(func(n *Node) {
					if !n.stored() {
						visit(n)
					}
				})
			}
		}
	}
	for _, w := range d.digests {
		of(w.past)
		for i := range w.flights {
			of(w.flights[i].past)
		}
	}
}

// returns tells whether one of the objects that were read is one that has
// departed.
func (d *Document) returns(made []*Node) (yes bool) {
	if len(made) == 0 || len(d.digests) == 0 {
		return false
	}
	d.departed(func(n *Node) { yes = yes || slices.ContainsFunc(made, func(m *Node) bool { return m.id == n.id }) })
	return yes
}

// rewind gives the base, encoded, and what leads from there to what is shown,
// commit by commit. The document is what it was when it is done.
func (w *Digest) rewind(ahead []flight) (bodies [][]byte, base []byte, err error) {
	d := w.d
	d.watchless(+1)
	defer func() {
		d.rollback(0)
		d.reset()
		d.forgetLog()
		d.watchless(-1)
	}()
	back := func(p *past) error {
		m := performing{d: d, strict: true, commit: d.folded(p).Inverse()}
		if err := m.make(); err != nil {
			return fmt.Errorf("destam: what was done since the last message cannot be undone: %w", err) // a bug of ours
		}
		return nil
	}
	for _, f := range ahead {
		bodies = append(bodies, f.body)
	}
	if unsent := w.body(w.past, nil); unsent != nil {
		bodies = append(bodies, unsent)
	}
	if err := back(w.past); err != nil {
		return nil, nil, err
	}
	for _, f := range slices.Backward(ahead) {
		if err := back(f.past); err != nil {
			return nil, nil, err
		}
	}
	return bodies, d.content(), nil
}

// folded makes all of a past one commit, right after its last operation: with
// what was done to objects that are outside of the document, which may be in it
// when more is undone.
func (d *Document) folded(p *past) *Commit {
	p.index()
	c := &Commit{renames: p.renames(), settle: true}
	v := view{past: p, to: d.root, f: -1}
	for i := range p.slots {
		x, ok := p.slots[i].delta()
		switch {
		case !ok:
		case v.has(x.N, x.F) && v.had(x.N, x.F):
			c.Deltas = append(c.Deltas, x)
		default:
			c.aside = append(c.aside, x)
		}
	}
	return c
}

// rehearse applies a body to the base and makes the others anew on that, in
// documents that nobody else has: now is what comes of it all, then the base
// with the body alone.
func (d *Document) rehearse(base, body []byte, bodies [][]byte, c Cause) (now, then *Document, host *rehearsal, err error) {
	load := func(h Host) (*Document, error) {
		e := New(d.root.typ, d.ID, h, Options{KeyBound: d.opts.KeyBound})
		err := e.Load(1, base)
		return e, err
	}
	host = &rehearsal{}
	if now, err = load(host); err != nil {
		return nil, nil, nil, err
	}
	if then, err = load(host); err != nil {
		return nil, nil, nil, err
	}
	for _, b := range bodies {
		p, err := now.Apply(b, Cause{})
		if err != nil {
			return nil, nil, nil, fmt.Errorf("what was done here: %w", err)
		}
		if p != nil {
			p.Update = false // what has no place any more goes alone
		}
	}
	if len(body) > 0 {
		if err := then.Replay(2, body); err != nil {
			return nil, nil, nil, fmt.Errorf("what was done elsewhere: %w", err)
		}
	}
	return now, then, host, now.Rebase(2, body, c)
}

// rehearsal is the host of a document that nobody has: it keeps what would
// have been told of.
type rehearsal struct{ owed []error }

// Dirty is of [Host], as all that follow.
func (*rehearsal) Dirty(*Document) {}

// Admit takes anything: the document that it is for is asked.
func (*rehearsal) Admit(*Document, []byte) (any, error) { return nil, nil }

// Fits takes anything, likewise.
func (*rehearsal) Fits(*Document, *Pending) error { return nil }

// Section does nothing.
func (*rehearsal) Section(*Document, []byte) {}

// Watched does nothing.
func (*rehearsal) Watched(*Document, bool) {}

// Owed keeps the error, without the objects, which nobody shall have.
func (h *rehearsal) Owed(_ *Document, err error) error {
	if r := (*Refusal)(nil); errors.As(err, &r) {
		r.Deltas = nil
	}
	h.owed = append(h.owed, err)
	return nil
}

// Report does nothing: Owed has kept it.
func (*rehearsal) Report(*Document, error) {}

// Go runs f.
func (*rehearsal) Go(f func()) { f() }
