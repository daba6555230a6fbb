package doc

import (
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Extension types of the stored form. They make content readable without its
// types: see docs/FORMAT.md.
const (
	extKeys = 1 // position keys, first in an array that has positions
	extNode = 2 // a node's id: alone a reference, first in an array its content
)

// encoder says how nodes are written. Without one, a node that is known is
// written as its id, and one that is new whole, after which it is known. With
// one, everything is written, as for a checkpoint; a node that is held twice
// is its id the second time.
type encoder struct{ seen map[*Node]bool }

// refers tells whether n is written as its id only.
func (e *encoder) refers(n *Node) bool {
	if e == nil {
		if n.known {
			return true
		}
		n.known = true
		n.doc.born = append(n.doc.born, n)
		return false
	}
	if len(n.more) == 0 {
		return false
	}
	seen := e.seen[n]
	e.seen[n] = true
	return seen
}

// appendObject writes the fields of n as a map of their names. Local fields
// and what is absent or empty are left out.
func (n *Node) appendObject(b []byte, e *encoder) []byte {
	at := len(b)
	b = wire.AppendMap(b, 0)
	count := 0
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		mark := len(b)
		b = wire.AppendString(b, fd.Name)
		var ok bool
		if b, ok = n.appendField(b, f, e); !ok {
			b = b[:mark]
			continue
		}
		count++
	}
	for _, u := range n.unknown {
		b = wire.AppendString(b, u.name)
		b = append(b, u.raw...)
	}
	return fixMap(b, at, count+len(n.unknown))
}

// fixMap puts the true count into the map header at b[at], which was written
// for an empty map; a large count needs more bytes.
func fixMap(b []byte, at, count int) []byte {
	if count < 16 {
		b[at] |= byte(count)
		return b
	}
	var h [5]byte
	head := wire.AppendMap(h[:0], count)
	b = append(b, head[1:]...)
	copy(b[at+len(head):], b[at+1:len(b)-len(head)+1])
	copy(b[at:], head)
	return b
}

// appendField writes what field f holds; ok is false when that is nothing.
func (n *Node) appendField(b []byte, f int, e *encoder) (_ []byte, ok bool) {
	fd := &n.typ.Fields[f]
	switch fd.Kind {
	case Leaf:
		return fd.leaf.append(b, n.ptr(f)), true
	case OptionalLeaf:
		if !*fd.ok(n.ptr(f)) {
			return b, false
		}
		return fd.leaf.append(b, n.ptr(f)), true
	case Inner:
		return n.inner(f).appendObject(b, e), true
	case Child:
		c := *n.childAt(f)
		if c == nil {
			return b, false
		}
		return c.appendNode(b, e), true
	}
	l := n.List(f)
	if l.Len() == 0 {
		return b, false
	}
	return l.append(b, e), true
}

// appendNode writes a node: its id, or all of it.
func (n *Node) appendNode(b []byte, e *encoder) []byte {
	if e.refers(n) {
		return wire.AppendExt(b, extNode, n.id[:])
	}
	b = wire.AppendArray(b, 2)
	b = wire.AppendExt(b, extNode, n.id[:])
	return n.appendObject(b, e)
}

// append writes the elements: those of an array after their keys, those of a
// map as a map.
func (l *List) append(b []byte, e *encoder) []byte {
	fd, count := l.field(), l.Len()
	if fd.keys == nil {
		b = wire.AppendArray(b, count+1)
		ks := make([]pos.Key, count)
		for i := range ks {
			ks[i] = l.cells.Key(i)
		}
		b = wire.AppendExt(b, extKeys, pos.AppendKeys(nil, ks))
	} else {
		b = wire.AppendMap(b, count)
	}
	for i := range count {
		if fd.keys != nil {
			b = fd.keys.append(b, l.cells.Key(i))
		}
		if fd.Kind == NodeList {
			b = l.Node(i).appendNode(b, e)
		} else {
			b = fd.leaf.append(b, l.cells.at(i))
		}
	}
	return b
}

// decoder reads content into new nodes. References may come before the
// content that they mean, so nodes are made when their id is first seen.
type decoder struct {
	d     *Document
	r     *wire.Reader
	depth int
	made  map[ID]*Node // new in this input; true content follows somewhere
	full  map[ID]bool  // has its content
}

// maxDepth bounds how deep objects nest in a document that is read.
const maxDepth = 1000

var (
	errDepth    = errors.New("objects nest too deeply")
	errDangling = errors.New("an object is referred to that is nowhere")
	errTwice    = errors.New("an object comes twice")
)

// object reads a map of fields into n, which is new.
func (c *decoder) object(n *Node) {
	if c.depth++; c.depth > maxDepth {
		c.r.Fail(errDepth)
	}
	for range c.r.Map() {
		if c.r.Err() != nil {
			break
		}
		name := string(c.r.View())
		f, ok := n.typ.byName[name]
		if !ok || n.typ.Fields[f].Local {
			n.unknown = append(n.unknown, unknownField{name, append([]byte(nil), c.r.Raw()...)})
			continue
		}
		c.field(n, f)
	}
	c.depth--
}

func (c *decoder) field(n *Node, f int) {
	fd := &n.typ.Fields[f]
	switch fd.Kind {
	case Leaf:
		fd.leaf.read(c.r, n.ptr(f))
	case OptionalLeaf:
		fd.leaf.read(c.r, n.ptr(f))
		*fd.ok(n.ptr(f)) = true
	case Inner:
		c.object(n.inner(f))
	case Child:
		if *n.childAt(f) != nil {
			c.r.Fail(errTwice)
			return
		}
		if e := c.node(fd.typ); e != nil {
			*n.childAt(f) = e
			c.d.link(e, holder{n: n, f: int32(f)})
		}
	case LeafList, NodeList:
		c.list(n, f)
	}
}

// node reads a node or a reference to one; nil after an error.
func (c *decoder) node(t *Type) *Node {
	content := c.r.Kind() == wire.Array
	if content && c.r.Array() != 2 {
		c.r.Fail(fmt.Errorf("an object of type %s is not an id and its fields", t.Name))
	}
	typ, p := c.r.Ext()
	if c.r.Err() != nil {
		return nil
	}
	if typ != extNode || len(p) != len(ID{}) {
		c.r.Fail(fmt.Errorf("an object of type %s has no id", t.Name))
		return nil
	}
	id := ID(p)
	n := c.made[id]
	if n == nil && !content {
		n = c.d.index[id]
	}
	if n == nil {
		n = t.newNode(c.d, id)
		n.known = true
		c.made[id] = n
	}
	if n.typ != t {
		c.r.Fail(fmt.Errorf("object %s is a %s where a %s belongs", id, n.typ.Name, t.Name))
		return nil
	}
	if content {
		if c.full[id] {
			c.r.Fail(errTwice)
			return nil
		}
		c.full[id] = true
		c.object(n)
	}
	return n
}

func (c *decoder) list(n *Node, f int) {
	fd := &n.typ.Fields[f]
	l := n.EnsureList(f)
	if l.Len() > 0 {
		c.r.Fail(errTwice)
		return
	}
	if fd.keys != nil {
		for range c.r.Map() {
			k := fd.keys.read(c.r)
			if c.r.Err() != nil {
				return
			}
			i, ok := l.Find(k)
			if ok {
				c.r.Fail(errTwice)
				return
			}
			c.elem(l, i, k)
		}
		return
	}
	ks := c.positions(c.r.Array() - 1)
	if c.r.Err() != nil || len(ks) == 0 {
		return
	}
	l.cells.insert(0, ks)
	for i := range ks {
		if c.r.Err() != nil {
			l.cells.Remove(i, len(ks)-i) // no element without a value
			return
		}
		c.value(l, i)
	}
	if c.r.Err() != nil && fd.Kind == NodeList {
		l.cells.Remove(len(ks)-1, 1)
	}
}

// positions reads n keys of an array, which must be valid and ascending.
func (c *decoder) positions(n int) []pos.Key {
	typ, p := c.r.Ext()
	if c.r.Err() != nil {
		return nil
	}
	if typ != extKeys || n < 0 {
		c.r.Fail(errors.New("an array has no positions"))
		return nil
	}
	kr := wire.NewReader(p)
	ks := pos.ReadKeys(kr, n)
	if err := kr.Err(); err != nil {
		c.r.Fail(err)
		return nil
	}
	return ks
}

// elem reads one element into a new place.
func (c *decoder) elem(l *List, i int, k pos.Key) {
	l.cells.insert(i, []pos.Key{k})
	c.value(l, i)
	if c.r.Err() != nil {
		l.cells.Remove(i, 1)
	}
}

// value reads the value of an element that has its place.
func (c *decoder) value(l *List, i int) {
	fd := l.field()
	if fd.Kind != NodeList {
		fd.leaf.read(c.r, l.cells.at(i))
		return
	}
	if e := c.node(fd.typ); e != nil {
		l.Put(i, e)
	}
}

// finish checks that every reference has found its content, and indexes it.
func (c *decoder) finish() error {
	if err := c.r.Err(); err != nil {
		return err
	}
	for id, n := range c.made {
		if !c.full[id] {
			return errDangling
		}
		if c.d.index != nil {
			c.d.index[id] = n
		}
	}
	return nil
}
