package doc

import (
	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Extension types of the stored form. They make content readable without its
// types: see docs/FORMAT.md.
const (
	extKeys = 1 // position keys, first in an array that has positions
	extNode = 2 // a node's id: alone a reference, first in an array its content
	extKey  = 3 // one position key, in a delta
)

// encoder says how nodes are written. Without one, a node that is known is
// written as its id, and one that is new whole, after which it is known. With
// one, everything is written, as for a checkpoint; a node that is held twice
// is its id the second time. With refer, every node is its id only.
type encoder struct {
	seen  map[*Node]bool
	refer bool
	knows func(*Node) bool // what a copy has is written as its id, the rest once
}

// refers tells whether n is written as its id only.
func (e *encoder) refers(n *Node) bool {
	if e == nil {
		if n.known {
			return true
		}
		n.doc.know(n)
		n.doc.born = append(n.doc.born, n)
		return false
	}
	if e.knows != nil && e.knows(n) {
		return true
	}
	if e.refer || len(n.more) == 0 {
		return e.refer
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
		b = wire.AppendString(b, fd.Stored)
		var ok bool
		if b, ok = n.appendField(b, f, e); !ok {
			b = b[:mark]
			continue
		}
		count++
	}
	if n.unknown != nil {
		b = n.unknown.append(b, e)
		count += len(n.unknown.keys)
	}
	return fixMap(b, at, count)
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
	if e == nil && n.known && isDerived(n.id) { // others may not have it
		b = wire.AppendExt(wire.AppendArray(b, 2), extNode, n.id[:])
		return n.appendObject(b, &encoder{refer: true})
	}
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
		b = wire.AppendExt(b, extKeys, pos.AppendAll(nil, l.cells.keys))
	} else {
		b = wire.AppendMap(b, count)
	}
	for k, p := range l.cells.all {
		if fd.keys != nil {
			b = fd.keys.append(b, k)
		}
		if fd.Kind == NodeList {
			b = (*(**Node)(p)).appendNode(b, e)
		} else {
			b = fd.leaf.append(b, p)
		}
	}
	return b
}
