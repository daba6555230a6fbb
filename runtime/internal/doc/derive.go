package doc

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// A value that has become an object with an id, an optional one or one of a map,
// is read as such an object, in content and in a body. Nothing stored has its id,
// and all who read the value must come to the same one, for it is in the deltas
// of what they change in the object. So it is made of the place and the value: a
// value that is set is an object, another value another one, whether it is met in
// a commit or in a checkpoint of a program that knows values only.
//
// Such a program has not got the object that a delta of it means. It passes over
// what concerns that, and its checkpoints say so: see apart.go.

// derivedMark begins the ids of objects that were made of values. No process has
// it: see NewID.
var derivedMark = [4]byte{0xde, 0x57, 0xa9, 0x0b}

// isDerived tells whether an object was made of a value.
func isDerived(id ID) bool { return [4]byte(id[:4]) == derivedMark }

// derive gives the id of what a value in field f of n becomes, in the stored
// form, under a key if it is in a map.
func (n *Node) derive(f int, key pos.Key, value []byte) (id ID) {
	b := n.base().id[:]
	if base := n.base(); base == n.doc.root {
		b = make([]byte, len(id)) // whatever the document is
	}
	b = wire.AppendBytes(nil, b)
	b = wire.AppendString(b, string(n.appendPath(nil, int32(f))))
	b = wire.AppendString(b, string(key))
	sum := sha256.Sum256(append(b, value...))
	copy(id[:], sum[:])
	copy(id[:], derivedMark[:])
	return id
}

// derive reads a value as the object that it became.
func (c *decoder) derive(n *Node, f int, key pos.Key, l *leaf) *Node {
	from := len(c.input) - c.r.Len()
	p := l.object.plain(c.r, l)
	if c.r.Err() != nil {
		return nil
	}
	id := n.derive(f, key, c.input[from:len(c.input)-c.r.Len()])
	if o := c.d.index[id]; o != nil && o.typ == l.object.to {
		return o
	}
	b := wire.AppendExt(wire.AppendArray(nil, 2), extNode, id[:])
	b, err := l.object.to.appendPlain(b, p, nil)
	if err != nil {
		c.r.Fail(err)
		return nil
	}
	r, input := c.r, c.input
	c.r, c.input = wire.NewReader(b), b
	o := c.node(l.object.to)
	err = c.r.Err()
	c.r, c.input = r, input
	if err != nil {
		c.r.Fail(err)
	}
	return o
}

// element reads an object of a map, or what became one.
func (c *decoder) element(n *Node, f int, key pos.Key, l *leaf) *Node {
	if l != nil {
		return c.derive(n, f, key, l)
	}
	return c.node(n.typ.Fields[f].typ)
}

// lostPath is among the paths of what a program does not know when it has passed
// over changes of objects that it has not got.
const lostPath = ""

// lose passes over what is left of a delta of an object that is not there, which
// has parts. It was made of a value that this program knows as such, or is in
// something that such a one holds.
func (c *decoder) lose(id ID, parts int) error {
	if !isDerived(id) && !c.d.apart.unknown[lostPath] && !c.lost {
		return fmt.Errorf("object %s is not in the document", id)
	}
	c.lost = true
	for range parts {
		c.r.Skip()
	}
	return nil
}

// loseOpen takes objects without content for ones whose content was passed over,
// if some was.
func (c *decoder) loseOpen() bool {
	if !c.lost && !c.d.apart.unknown[lostPath] {
		return false
	}
	for _, n := range c.made {
		n.stray = false
	}
	c.open = 0
	return true
}

// errLost is given for a delta that was passed over.
var errLost = errors.New("passed over")

// derives tells whether values become objects with ids in objects of type t, or
// below.
func (t *Type) derives() bool {
	for at := range t.routes() {
		for _, w := range at.was {
			if w.leaf != nil && w.leaf.object != nil && at.Fields[w.f].Kind != Inner {
				return true
			}
		}
	}
	return false
}
