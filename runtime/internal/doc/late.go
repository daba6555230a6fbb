package doc

import (
	"bytes"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// lateField is a field that a series of commits sets, each time anew: nobody
// looks between them, so only the last value is made. All of them are checked,
// where they stand, as [Document.Replay] checks them.
//
// The field is one of the root or of a required object in it: that never goes,
// and its place means the same field in each commit. Before any other commit is
// applied, late values are set.
type lateField struct {
	n     *Node
	f     int
	front []byte // of a delta that sets the field: all before the value
	raw   []byte // the last value, nil when it was made
	next  []byte // the value in the commit that is being read, nil if it has none
}

// mostLate bounds how many fields are remembered: they are looked through for
// each delta.
const mostLate = 8

// Later is Replay of one commit of a series that ends with [Document.Loaded].
// Until then nobody may look at the document, or change the bodies.
func (d *Document) Later(seq uint64, body []byte) error {
	if d.reading == nil || !d.reading.takes(body) {
		if err := d.replay(body); err != nil {
			return err
		}
	}
	d.base, d.root.known = seq, true
	return nil
}

// takes reads a body that sets late fields, or what can be one, and nothing
// else. Of any other it keeps nothing but which fields it began with.
func (c *decoder) takes(body []byte) bool {
	r := &c.own
	r.Reset(body)
	fits := true
	for range r.Array() {
		if fits = c.set(body[len(body)-r.Len():]); !fits {
			break
		}
	}
	fits = fits && r.Err() == nil && r.Len() == 0
	for i := range c.late {
		x := &c.late[i]
		if fits && x.next != nil {
			x.raw = x.next
		}
		x.next = nil
	}
	return fits
}

// set reads the delta at the front of b, which is what the decoder's own reader
// has left. It gives false for one that is not of a late field, or does not fit.
func (c *decoder) set(b []byte) bool {
	r := &c.own
	x := c.known(b)
	if x == nil {
		if x = c.learn(b); x == nil {
			return false
		}
	}
	if x.next != nil || !x.n.has(x.f) {
		return false
	}
	r.Advance(len(x.front))
	x.n.typ.Fields[x.f].leaf.check(r)
	x.next = b[len(x.front) : len(b)-r.Len()]
	return true
}

// known gives the late field that the delta at the front of b sets, nil if none
// is known by these bytes.
func (c *decoder) known(b []byte) *lateField {
	for i := range c.late {
		if x := &c.late[i]; bytes.HasPrefix(b, x.front) {
			return x
		}
	}
	return nil
}

// learn makes the field late that the delta at the front of b sets, if there is
// room and it can be. A field is known by the bytes of one place: two values of
// it that come by others would be set in the wrong order.
func (c *decoder) learn(b []byte) *lateField {
	if len(c.late) == mostLate {
		return nil
	}
	r := wire.NewReader(b)
	if r.Array() != 3 || r.Int() != opModify || r.Kind() != wire.String {
		return nil
	}
	x := change{n: c.d.root}
	if err := x.at(r.View()); err != nil || r.Err() != nil || x.path != "" || x.former || x.loose {
		return nil
	}
	if k := x.n.typ.Fields[x.f].Kind; k != Leaf && k != OptionalLeaf {
		return nil
	}
	for i := range c.late {
		if c.late[i].n == x.n && c.late[i].f == x.f {
			return nil
		}
	}
	c.late = append(c.late, lateField{n: x.n, f: x.f, front: b[:len(b)-r.Len()]})
	return &c.late[len(c.late)-1]
}

// settle sets the late fields.
func (c *decoder) settle() {
	for i := range c.late {
		if x := &c.late[i]; x.raw != nil {
			set := change{n: x.n, f: x.f, op: opModify, raw: x.raw}
			set.setField(nil) // no object leaves a field of values
			x.raw = nil
		}
	}
}
