package doc

import (
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// decoder reads content into new nodes. References may come before the
// content that they mean, so nodes are made when their id is first seen.
//
// It never trusts its input. What it reads hangs together among itself only:
// nothing of the document that was there before changes, except that objects
// which were there know their new holders until [decoder.drop].
type decoder struct {
	d       *Document
	r       *wire.Reader
	input   []byte // of r
	depth   int
	deepest int          // of depth
	open    map[ID]*Node // referred to, and the content has not come yet
	made    []*Node      // new in this input
	links   []link       // of objects that are not new: those are known
}

// link is an object and a slot that holds it.
type link struct {
	n *Node
	h holder
}

// maxDepth bounds how deep objects nest in what is read. It bounds the stack,
// and is beyond what any document of a real program has.
const maxDepth = 100_000

var (
	errDepth    = errors.New("objects nest too deeply")
	errDangling = errors.New("an object is referred to that is nowhere")
	errTwice    = errors.New("something comes twice")
)

// decoder makes one for b. Objects are looked up in the document's index, and
// come into it when they are made.
func (d *Document) decoder(b []byte) *decoder {
	return &decoder{d: d, r: wire.NewReader(b), input: b}
}

// object reads a map of fields into n, which is new.
func (c *decoder) object(n *Node) {
	if c.depth++; c.depth > maxDepth {
		c.r.Fail(errDepth)
	}
	c.deepest = max(c.deepest, c.depth)
	var (
		formerly []old
		own      map[int]bool // fields that are there under their own names, where it matters
	)
	for range c.r.Map() {
		if c.r.Err() != nil {
			break
		}
		if c.r.Kind() != wire.String {
			c.r.Fail(errors.New("a field without a name"))
			break
		}
		mark := len(c.input) - c.r.Len()
		name := c.r.View()
		f, w, ok := n.typ.find(string(name))
		key := c.input[mark : len(c.input)-c.r.Len()]
		switch {
		case !ok:
			c.keep(n, string(key))
		case w.order >= 0:
			formerly = append(formerly, old{w, string(key), c.r.Raw()})
		default:
			if len(n.typ.was) > 0 {
				if own == nil {
					own = map[int]bool{}
				}
				own[f] = true
			}
			c.field(n, f, w.leaf)
		}
	}
	if c.r.Err() == nil {
		c.olds(n, formerly, own)
	}
	c.depth--
}

// keep reads a field that n does not know, under its name in the stored form.
func (c *decoder) keep(n *Node, key string) {
	u := c.unknown()
	if c.r.Err() != nil {
		return
	}
	if n.unknown == nil {
		n.unknown = &members{}
	}
	if n.unknown.set(key, u) != nil {
		c.r.Fail(errTwice)
	}
	u.objects(func(o *Node) { c.link(o, holder{n: n, f: unknownPlace}) })
}

// field reads field f; values are read with the table l.
func (c *decoder) field(n *Node, f int, l *leaf) {
	fd := &n.typ.Fields[f]
	switch fd.Kind {
	case Leaf:
		l.read(c.r, n.ptr(f))
	case OptionalLeaf:
		l.read(c.r, n.ptr(f))
		*fd.ok(n.ptr(f)) = true
	case Inner:
		c.object(n.inner(f))
	case Child:
		if *n.childAt(f) != nil {
			c.r.Fail(errTwice)
			return
		}
		if e := c.node(fd.typ); e != nil && c.link(e, holder{n: n, f: int32(f)}) {
			*n.childAt(f) = e
		}
	case LeafList, NodeList:
		c.list(n, f, l)
	}
}

// link makes a slot hold an object, unless that would contain itself.
func (c *decoder) link(e *Node, h holder) bool {
	if h.n.within(e) {
		c.r.Fail(ErrCycle)
		return false
	}
	if e.known {
		c.links = append(c.links, link{e, h})
	}
	c.d.link(e, h)
	return true
}

// node reads a node of type t, or a reference to one; nil after an error. A
// nil t is a place that is not known: any type will do.
func (c *decoder) node(t *Type) *Node {
	content := c.r.Kind() == wire.Array
	if content && c.r.Array() != 2 {
		c.r.Fail(errors.New("an object is not an id and its fields"))
	}
	typ, p := c.r.Ext()
	if c.r.Err() != nil {
		return nil
	}
	if typ != extNode || len(p) != len(ID{}) || ID(p).IsZero() {
		c.r.Fail(errors.New("an object has no id"))
		return nil
	}
	id := ID(p)
	n := c.d.index[id]
	if n == nil {
		n = c.make(t, id)
	} else if t != nil && n.typ != t {
		if n.typ != unknownType {
			c.r.Fail(fmt.Errorf("object %s is a %s where a %s belongs", id, n.typ.Name, t.Name))
			return nil
		}
		if n = c.adopt(n, t); n == nil {
			return nil
		}
	}
	if !content {
		return n
	}
	if c.open[id] != n {
		c.r.Fail(errTwice)
		return nil
	}
	delete(c.open, id)
	c.object(n)
	return n
}

// make makes a node that is still without content.
func (c *decoder) make(t *Type, id ID) *Node {
	if t == nil {
		t = unknownType
	}
	n := t.newNode(c.d, id)
	c.d.index[id] = n
	c.made = append(c.made, n)
	if c.open == nil {
		c.open = map[ID]*Node{}
	}
	c.open[id] = n
	return n
}

func (c *decoder) list(n *Node, f int, lf *leaf) {
	fd := &n.typ.Fields[f]
	l := n.EnsureList(f)
	if l.Len() > 0 {
		c.r.Fail(errTwice)
		return
	}
	if fd.keys != nil {
		c.pairs(l, lf)
		return
	}
	ks := c.positions(c.r.Array() - 1)
	if c.r.Err() != nil {
		return
	}
	if fd.Kind == LeafList {
		l.cells.insert(0, ks)
		for i := range ks {
			lf.read(c.r, l.cells.at(i))
		}
		return
	}
	// The elements come into the list when all are there: nobody meets a list
	// with holes.
	es := make([]*Node, 0, len(ks))
	for range ks {
		e := c.node(fd.typ)
		if c.r.Err() != nil {
			return
		}
		es = append(es, e)
	}
	l.cells.insert(0, ks)
	for i, e := range es {
		*(**Node)(l.cells.at(i)) = e
		c.link(e, l.holder(ks[i]))
	}
}

// pairs reads the keys and values of a map.
func (c *decoder) pairs(l *List, lf *leaf) {
	fd := l.field()
	for range c.r.Map() {
		k := fd.keys.read(c.r)
		if _, ok := l.Find(k); ok {
			c.r.Fail(errTwice)
		}
		var e *Node
		if fd.Kind == NodeList && c.r.Err() == nil {
			e = c.node(fd.typ)
		}
		if c.r.Err() != nil {
			return
		}
		i, _ := l.Find(k)
		l.cells.insert(i, []pos.Key{k})
		if e != nil {
			*(**Node)(l.cells.at(i)) = e
			c.link(e, l.holder(k))
		} else {
			lf.read(c.r, l.cells.at(i))
		}
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
	if kr.Err() == nil && kr.Len() > 0 {
		kr.Fail(errTooMany(kr.Len()))
	}
	if err := kr.Err(); err != nil {
		c.r.Fail(err)
		return nil
	}
	return ks
}

func errTooMany(n int) error { return fmt.Errorf("%d bytes too many", n) }

// finish checks that every reference has found its content.
func (c *decoder) finish() error {
	if c.r.Err() == nil && len(c.open) > 0 {
		return errDangling
	}
	return c.r.Err()
}

// know makes what was read a part of what the store has.
func (c *decoder) know() {
	c.d.nest += c.deepest
	for _, n := range c.made {
		c.d.know(n)
	}
}

// drop takes back what reading has done to the document: nothing of the input
// is used.
func (c *decoder) drop() {
	for _, x := range c.links {
		x.n.release(x.h)
	}
	for _, n := range c.made {
		delete(c.d.index, n.id)
	}
}
