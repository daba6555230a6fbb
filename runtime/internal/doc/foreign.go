package doc

import (
	"errors"
	"fmt"
)

// ErrUnfit: a commit does not fit the document that it was to be applied to.
var ErrUnfit = errors.New("the commit does not fit the document")

// Adopt makes a new document, that nobody has seen, a copy of another one, from
// what [Document.NewDigest] gave: with its ids and keys. Create seals it.
func (d *Document) Adopt(content []byte) error {
	d.loading, d.still = true, true
	d.index = map[ID]*Node{}
	defer func() { d.loading, d.still, d.index = false, false, nil }()
	c := d.decoder(content)
	if err := c.checkpoint(); err != nil {
		return corrupt(err)
	}
	c.say()
	d.ops++
	return nil
}

// Apply makes a commit, which was made on a copy of what is shown here, a
// change of this document: whole or, when it does not fit, not at all.
func (d *Document) Apply(body []byte, c Cause) (*Pending, error) {
	return d.Take(ID{}, Message{Body: body}, c)
}

// Take is Apply for a message of the digest that this document is a copy for.
// Of is what says which digest; zero for none. When a message of that digest
// was taken before, this must be the next one. An empty one says nothing.
func (d *Document) Take(of ID, m Message, c Cause) (p *Pending, err error) {
	d.lock()
	defer func() {
		waits := d.waits()
		d.mu.Unlock()
		if waits {
			d.out.run()
		}
	}()
	if d.dead != nil {
		return nil, d.dead
	}
	if last, ok := d.taken[of]; ok && m.Number != last+1 {
		return nil, ErrBehind
	}
	if len(m.Body) > 0 || of.IsZero() {
		d.sealWindow() // also because what is new here has an id, and is found by it
		if p, err = d.take(m.Body, c, nil); err != nil {
			return nil, err
		}
	}
	if !of.IsZero() {
		d.expect(of, m.Number)
	}
	return p, nil
}

// Expect says which message of a digest was taken last: 0 by a new copy, and
// the one before when one that was taken did not stay.
func (d *Document) Expect(of ID, after uint64) {
	d.lock()
	defer d.mu.Unlock()
	d.expect(of, after)
}

func (d *Document) expect(of ID, after uint64) {
	if d.taken == nil {
		d.taken = map[ID]uint64{}
	}
	d.taken[of] = after
}

// take is Apply with the lock held; from is the digest that need not hear of it.
func (d *Document) take(body []byte, c Cause, from *Digest) (p *Pending, err error) {
	d.findable()
	dec := d.decoder(body)
	defer dec.release()
	xs, err := d.read(dec)
	if err == nil {
		err = applicable(xs)
		if err != nil {
			dec.drop()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnfit, err)
	}
	if d.returns(dec.made) {
		dec.drop()
		return d.merge(d.content(), body, nil, c, from)
	}
	values := onlyValues(xs)
	if values {
		d.given = given{body, len(xs)}
	}
	// It may have to be undone: by the commit itself, when that has all of it
	// and nobody needs the log besides.
	logs := !values || d.logging() || len(d.digests) > 0
	if logs {
		d.watchless(+1)
		defer d.watchless(-1)
	}
	d.make(xs)
	p, err = d.seal(c, true, false)
	d.given = given{}
	switch {
	case err == nil:
		d.told(c, from)
		return p, nil
	case logs:
		p.unknow()
		d.rollback(0)
		d.reset()
		d.forgetLog()
	default:
		d.invert(p)
	}
	dec.drop()
	return nil, err
}

// onlyValues tells whether all that changes do is to set, insert and delete
// values that are stored.
func onlyValues(xs []change) bool {
	last := (*Node)(nil)
	for i := range xs {
		x := &xs[i]
		if x.rare != nil || x.node != nil || x.former || x.op == opRenumber || x.n.typ.Fields[x.f].leaf == nil || x.n.local(int32(x.f)) {
			return false
		}
		if x.n != last {
			if last = x.n; !x.n.stored() {
				return false
			}
		}
	}
	return true
}

// told makes what came from elsewhere, and was sealed, one commit for those who
// listen.
func (d *Document) told(c Cause, from *Digest) {
	d.sender = from
	c.Origin = Remote
	d.finish(c)
	d.sender = nil
}

// applicable refuses what this program could show and not store: changes of
// fields that it does not know.
func applicable(xs []change) error {
	for i := range xs {
		switch x := &xs[i]; {
		case x.path != "":
			return fmt.Errorf("field %s is not known to this program", x.path)
		case x.op == opContent:
			return errors.New("a second creation")
		}
	}
	return nil
}
