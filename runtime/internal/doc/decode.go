package doc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"

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
	deepest int     // of depth
	open    int     // objects that were referred to, and whose content has not come yet
	made    []*Node // new in this input
	links   []link  // of objects that are not new: those are known
	met     []met   // what was met and is not known: see strange
	lost    bool    // something was passed over: see lose
	last    lastPlace

	own  wire.Reader // r, mostly
	room [1]change   // of the body

	xs      []change // of the body, what was read so far
	vague   []vague  // of them, those of objects whose type is not known
	early   bool     // one of these has got a type since
	rereads bool     // in again

	late []lateField
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
	c := decoders.Get().(*decoder)
	c.d = d
	c.reset(b)
	return c
}

// decoders are those that were released.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

// release gives c up, for others to use. The changes of a body may be in it.
func (c *decoder) release() {
	clear(c.late)
	*c = decoder{late: c.late[:0]}
	decoders.Put(c)
}

// reset makes c read b next. What it made of its last input is of no use to it
// any more.
func (c *decoder) reset(b []byte) {
	c.own.Reset(b)
	c.r, c.input = &c.own, b
	c.xs, c.vague, c.early, c.rereads = nil, c.vague[:0], false, false
	c.depth, c.deepest, c.open = 0, 0, 0
	c.made, c.links, c.met, c.lost, c.last = c.made[:0], c.links[:0], nil, false, lastPlace{}
}

// object reads a map of fields into n, which is new.
func (c *decoder) object(n *Node) {
	if c.depth++; c.depth > maxDepth {
		c.r.Fail(errDepth)
	}
	c.deepest = max(c.deepest, c.depth)
	var (
		formerly []old
		own      map[int][]byte // fields that are there under their own names, where it matters
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
			if _, ok := n.typ.shadows[string(name)]; !ok {
				c.strange(n, string(name))
			}
			c.keep(n, string(key))
		case w.order >= 0:
			formerly = append(formerly, old{w, string(key), c.r.Raw()})
		default:
			mark := len(c.input) - c.r.Len()
			c.field(n, f, w.leaf)
			if len(n.typ.was)+len(n.typ.shadows) > 0 {
				if own == nil {
					own = map[int][]byte{}
				}
				own[f] = c.input[mark : len(c.input)-c.r.Len()]
			}
		}
	}
	if c.r.Err() == nil {
		c.olds(n, formerly, own)
	}
	if c.r.Err() == nil && len(n.typ.shadows) > 0 {
		c.shade(n, formerly, own)
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
		if l != nil { // it was a value
			c.recast(n.inner(f), l, nil)
			return
		}
		c.object(n.inner(f))
	case Child:
		if *n.childAt(f) != nil {
			c.r.Fail(errTwice)
			return
		}
		if e := c.element(n, f, "", l); e != nil && c.link(e, holder{n: n, f: int32(f)}) {
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
	if !n.stray && isDerived(id) { // whole for those who have not got it
		c.r.Skip()
		return n
	}
	if !n.stray && n.known && n.typ == unknownType {
		// To its writer it was gone, by a field that it was made of, and comes
		// back. Nobody reads it here: see apart.
		c.lost = true
		c.r.Skip()
		return n
	}
	if !n.stray && c.rereads {
		c.r.Skip()
		return n
	}
	if !n.stray {
		c.r.Fail(errTwice)
		return nil
	}
	n.stray = false
	c.open--
	c.object(n)
	return n
}

// make makes a node that is still without content.
func (c *decoder) make(t *Type, id ID) *Node {
	if t == nil {
		t = unknownType
	}
	n := t.newNode(c.d, id)
	if cap(c.made) == 0 {
		objects := objectsIn(c.input)
		c.made = make([]*Node, 0, 1+objects/2) // half of them refer to others, mostly
		if c.d.index == nil {
			c.d.index = make(map[ID]*Node, objects)
		}
	}
	c.d.enter(n)
	c.made = append(c.made, n)
	n.stray = true
	c.open++
	return n
}

func (c *decoder) list(n *Node, f int, lf *leaf) {
	fd := &n.typ.Fields[f]
	l := n.EnsureList(f)
	if l.Len() > 0 {
		c.r.Fail(errTwice)
		return
	}
	if fd.Kind == LeafList {
		c.leaves(l, lf)
		return
	}
	// The elements come into the list when all are there: nobody meets a list
	// with holes.
	var ks []pos.Key
	var es []*Node
	if fd.keys != nil {
		ks, es = c.pairs(n, f, lf)
	} else {
		ks, es = c.nodes(fd)
	}
	if c.r.Err() != nil {
		return
	}
	l.cells.insert(0, ks)
	for i, e := range es {
		*(**Node)(l.cells.at(i)) = e
		c.link(e, l.holder(ks[i]))
	}
}

// nodes reads the positions and objects of an array.
func (c *decoder) nodes(fd *Field) (ks []pos.Key, es []*Node) {
	ks = c.positions(c.r.Array() - 1)
	es = make([]*Node, 0, min(len(ks), c.r.Len()/leastNode+1))
	for range ks {
		e := c.node(fd.typ)
		if c.r.Err() != nil {
			return nil, nil
		}
		es = append(es, e)
	}
	return ks, es
}

// leastNode is how many bytes an object takes at least: its id.
const leastNode = 18

// objectsIn is about how many objects a body has, and how many it can have.
func objectsIn(b []byte) int {
	return min(bytes.Count(b, []byte{fixExt16, extNode}), len(b)/leastNode)
}

// fixExt16 is the first byte of an id in the stored form, extNode the second.
const fixExt16 = 0xd8

// pairs reads the keys and objects of a map.
func (c *decoder) pairs(n *Node, f int, lf *leaf) (ks []pos.Key, es []*Node) {
	count := c.r.Map()
	most := min(count, c.r.Len()/leastNode+1)
	ks, es = make([]pos.Key, 0, most), make([]*Node, 0, most)
	for range count {
		k := n.typ.Fields[f].keys.read(c.r)
		if c.r.Err() != nil {
			return nil, nil
		}
		e := c.element(n, f, k, lf)
		if c.r.Err() != nil {
			return nil, nil
		}
		ks, es = append(ks, k), append(es, e)
	}
	return ascending(c, ks, es)
}

// ascending puts the keys of a map and what they hold into their order. They
// are in another where a program wrote them that does not know the map.
func ascending(c *decoder, ks []pos.Key, es []*Node) ([]pos.Key, []*Node) {
	if !slices.IsSorted(ks) {
		at := make([]int, len(ks))
		for i := range at {
			at[i] = i
		}
		slices.SortFunc(at, func(i, j int) int { return cmp.Compare(ks[i], ks[j]) })
		sorted, by := make([]pos.Key, len(ks)), make([]*Node, len(ks))
		for i, j := range at {
			sorted[i], by[i] = ks[j], es[j]
		}
		ks, es = sorted, by
	}
	for i := 1; i < len(ks); i++ {
		if ks[i] == ks[i-1] {
			c.r.Fail(errTwice)
		}
	}
	return ks, es
}

// positions reads n keys of an array, which must be valid and ascending.
func (c *decoder) positions(n int) []pos.Key {
	typ, p := c.r.Ext()
	if c.r.Err() != nil {
		return nil
	}
	if typ != extKeys || n < 0 {
		c.r.Fail(errPositions)
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
	if c.r.Err() == nil && c.open > 0 && !c.loseOpen() {
		return errDangling
	}
	return c.r.Err()
}

// know makes what was read a part of what the store has.
func (c *decoder) know() {
	c.say()
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
