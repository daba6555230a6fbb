package doc

import "bytes"

// lateField is a field that a series of commits sets, each time anew: nobody
// looks between them, so only the last value is made. All of them are checked,
// where they stand, as [Document.Replay] checks them.
//
// The field is one of the root or of a required object in it: that never goes,
// and its place means the same field in each commit. Before any other commit is
// applied, late values are set.
type lateField struct {
	front []byte // of a delta that sets the field: all before the value
	set   change // the last one that did; its raw is nil when it was made
	next  []byte // the value in the commit that is being read, nil if it has none
}

// mostLate bounds how many fields are remembered: they are looked through for
// each delta.
const mostLate = 8

// Later is Replay of one commit of a series that ends with [Document.Loaded].
// Until then nobody may look at the document, or change the bodies.
func (d *Document) Later(seq uint64, body []byte) error {
	if d.reading == nil || !d.reading.repeats(body) {
		if err := d.replay(body, true); err != nil {
			return err
		}
	}
	d.base, d.root.known = seq, true
	return nil
}

// repeats reads a body that sets nothing but fields that commits before it have
// set. Of any other it reads nothing.
func (c *decoder) repeats(body []byte) bool {
	if len(c.late) == 0 {
		return false
	}
	r := &c.d.values
	r.Reset(body)
	fits := true
	for range r.Array() {
		if fits = c.set(body[len(body)-r.Len():]); !fits {
			break
		}
	}
	fits = fits && len(body) > 0 && r.Err() == nil && r.Len() == 0
	r.Reset(nil)
	for i := range c.late {
		x := &c.late[i]
		if fits && x.next != nil {
			x.set.raw = x.next
		}
		x.next = nil
	}
	return fits
}

// set reads the delta at the front of b, which is what the reader of values has
// left. It gives false for one that is not of a late field, or does not fit.
func (c *decoder) set(b []byte) bool {
	r := &c.d.values
	for i := range c.late {
		x := &c.late[i]
		if !bytes.HasPrefix(b, x.front) {
			continue
		}
		if x.next != nil || !x.set.n.has(x.set.f) {
			return false
		}
		r.Advance(len(x.front))
		x.set.leaf().check(r)
		x.next = b[len(x.front) : len(b)-r.Len()]
		return true
	}
	return false
}

// learn remembers the fields that the body has set which was applied last.
func (c *decoder) learn() {
	r := &c.d.values
	r.Reset(c.input)
	r.Array()
	start := len(c.input) - r.Len() // of the delta, if nothing was passed over before it
	for i := 0; i < len(c.xs) && len(c.late) < mostLate; i++ {
		x := &c.xs[i]
		if x.raw == nil || x.loose { // or an upcaster has made it: see recastChange
			continue
		}
		value := cap(c.input) - cap(x.raw) // where raw begins in the input
		front := c.input[start:value]
		start = value + len(x.raw)
		if x.op == opModify && x.rare == nil && x.n.base() == c.d.root && !c.knows(x) && c.plain(front) {
			c.late = append(c.late, lateField{front: front, set: *x})
			c.late[len(c.late)-1].set.raw = nil
		}
	}
}

// plain tells whether b, which ends before the value of a delta that sets a
// field, begins with that delta.
func (c *decoder) plain(b []byte) bool {
	r := &c.d.values
	r.Reset(b)
	r.Array()
	r.Skip()
	r.Skip()
	one := r.Err() == nil && r.Len() == 0
	r.Reset(nil)
	return one
}

// knows tells whether the field that x sets is remembered, by whatever name: two
// values of one field would be set in the wrong order.
func (c *decoder) knows(x *change) bool {
	for i := range c.late {
		if set := &c.late[i].set; set.n == x.n && set.f == x.f {
			return true
		}
	}
	return false
}

// settle sets the late fields.
func (c *decoder) settle() {
	for i := range c.late {
		if x := &c.late[i].set; x.raw != nil {
			x.setField(nil) // no object leaves a field of values
			x.raw = nil
		}
	}
}
