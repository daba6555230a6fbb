package doc

import (
	"errors"
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

var (
	// ErrForeign: a node of one document was given to another.
	ErrForeign = errors.New("the object belongs to another document")
	// ErrCycle: an object would contain itself.
	ErrCycle = errors.New("the object would contain itself")
	// ErrRequired: a required object was to be linked somewhere else.
	ErrRequired = errors.New("a nested object that is always there cannot be linked or moved")
	// ErrType: a node was given where another type belongs.
	ErrType = errors.New("the object has another type")
)

// Linkable tells why n may not be held by owner, nil if it may.
func (owner *Node) Linkable(f int, n *Node) error {
	if n.doc != owner.doc {
		return ErrForeign
	}
	n = n.doc.reunite(n)
	switch {
	case n.required() || n == n.doc.root:
		return ErrRequired
	case n.typ != owner.typ.Fields[f].typ:
		return ErrType
	case owner.within(n):
		return ErrCycle
	}
	return nil
}

// SetLeaf sets a leaf field or an optional one from the value at p, copying it.
func (n *Node) SetLeaf(f int, p unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	at, p := n.ptr(f), n.doc.cell(fd.leaf, p)
	optional := fd.Kind == OptionalLeaf
	if (!optional || *fd.ok(at)) && fd.leaf.equal(at, p) {
		return
	}
	if n.Recorded(f) {
		fd.leaf.copy(at, p)
		if optional {
			*fd.ok(at) = true
		}
		return
	}
	n.Changing(f)
	fd.leaf.copy(at, p)
	if optional {
		*fd.ok(at) = true
	}
	n.Changed(f)
}

// ClearLeaf makes an optional leaf absent.
func (n *Node) ClearLeaf(f int) {
	fd := &n.typ.Fields[f]
	if !*fd.ok(n.ptr(f)) {
		return
	}
	n.Changing(f)
	fd.clear(n.ptr(f))
	n.Changed(f)
}

// clear makes the Optional at p the zero one, so that it keeps nothing alive.
func (f *Field) clear(p unsafe.Pointer) { reflect.NewAt(f.optional, p).Elem().SetZero() }

// SetChild puts c, which may be nil, into the optional field f.
func (n *Node) SetChild(f int, c *Node) {
	at := n.childAt(f)
	if c != nil {
		c = n.doc.reunite(c)
	}
	if *at == c {
		return
	}
	n.Changing(f)
	if *at != nil {
		n.doc.unlink(*at, holder{n: n, f: int32(f)})
	}
	*at = c
	if c != nil {
		n.doc.link(c, holder{n: n, f: int32(f)})
	}
	n.Changed(f)
}

func (d *Document) link(c *Node, h holder) {
	c.hold(h)
	if d.reused != nil && !d.still {
		d.distinguish(c)
	}
	if h.n.section && !c.section {
		c.inSection()
	}
}

// unlink takes one holder from c. What is below keeps its holders: a node
// that was taken out stays whole.
func (d *Document) unlink(c *Node, h holder) {
	c.release(h)
	if !c.held() && !d.still {
		d.loose++
	}
}

// set gives field f a value as [Node.value] gives them.
func (n *Node) set(f int, has bool, v any) {
	fd := &n.typ.Fields[f]
	if fd.Kind == Child {
		c, _ := v.(*Node)
		n.SetChild(f, c)
		return
	}
	if !has {
		if fd.Kind == OptionalLeaf {
			n.ClearLeaf(f)
		}
		return
	}
	n.Changing(f)
	fd.leaf.unbox(n.ptr(f), v)
	if fd.Kind == OptionalLeaf {
		*fd.ok(n.ptr(f)) = true
	}
	n.Changed(f)
}

// Open makes room for n elements at index i of an array, gives them keys, and
// records that they are there; their values are zero until the caller sets
// them with At or Put. Close completes it.
func (l *List) Open(i, n int) {
	keys, from, to, renumbered := l.cells.room(i, n, l.owner.doc.opts.KeyBound)
	if renumbered != nil {
		l.rename(from, renumbered[:to-from])
	}
	l.openKeys(i, keys)
}

// OpenKey makes room for one element of a map, at the index where its key
// belongs.
func (l *List) OpenKey(i int, k pos.Key) { l.openKeys(i, []pos.Key{k}) }

func (l *List) openKeys(i int, keys []pos.Key) {
	d := l.owner.doc
	d.spill()
	d.ask(l.owner)
	l.cells.insert(i, keys)
	d.win.came = 0
	if !l.recordable() {
		return
	}
	for _, k := range keys {
		t := d.inserted(l, k)
		if len(keys) == 1 {
			d.win.came = t + 1
		}
	}
}

// Close ends what Open or OpenKey began.
func (l *List) Close(i, n int) {
	d := l.owner.doc
	alone := n == 1 && d.logging() && d.beginElement(l, i, false)
	if alone {
		d.one.endElement(i, true)
	}
	if d.win.came > 0 {
		v := l.boxed(i, d.boxes(alone))
		if d.filled(v); !alone && d.logging() {
			d.log = append(d.log, Delta{Head: Head{N: l.owner, F: l.f, Has: true}, L: l, Key: l.cells.Key(i), Val: v})
		}
		return
	}
	for j := i; j < i+n && !alone && d.logging(); j++ {
		d.log = append(d.log, Delta{Head: Head{N: l.owner, F: l.f, Has: true}, L: l, Key: l.cells.Key(j), Val: l.elem(j)})
	}
}

// At is the address of the i-th element, until the next change.
func (l *List) At(i int) unsafe.Pointer { return l.cells.at(i) }

// Put stores a node as the i-th element, which Open made.
func (l *List) Put(i int, c *Node) {
	c = l.owner.doc.reunite(c)
	*(**Node)(l.cells.at(i)) = c
	l.owner.doc.link(c, l.holder(l.cells.Key(i)))
}

// rename gives the elements from index i on new keys.
func (l *List) rename(i int, keys []pos.Key) {
	d := l.owner.doc
	d.spill()
	if d.logging() {
		r := &Renamed{Old: make([]pos.Key, len(keys)), New: keys}
		for j := range keys {
			r.Old[j] = l.cells.Key(i + j)
		}
		d.log = append(d.log, Delta{Head: Head{N: l.owner, F: l.f}, L: l, extra: &extra{renamed: r}})
	}
	if l.recordable() {
		d.renamed(l, i, keys)
	}
	l.rekey(i, keys)
}

// rekey is rename without a trace.
func (l *List) rekey(i int, keys []pos.Key) {
	if l.field().Kind == NodeList {
		for j, k := range keys {
			was := l.holder(l.cells.Key(i + j))
			for h := range l.Node(i + j).holders {
				if *h == was {
					h.key = k
					break
				}
			}
		}
	}
	l.count++
	l.cells.Rekey(i, keys)
}

// Remove takes n elements out, from index i on.
func (l *List) Remove(i, n int) {
	d := l.owner.doc
	d.spill()
	d.ask(l.owner)
	rec, log := l.recordable(), d.logging()
	nodes := l.field().Kind == NodeList
	alone := log && n == 1 && d.beginElement(l, i, true)
	if alone {
		d.one.endElement(i, false)
		log = false
	}
	for j := i; j < i+n && (rec || log || nodes); j++ {
		k := l.cells.Key(j)
		var prev any
		if rec {
			prev = l.boxed(j, d.boxes(alone))
		} else if log {
			prev = l.elem(j)
		}
		if rec {
			d.removed(l, k, prev)
		}
		if nodes {
			d.unlink(l.Node(j), l.holder(k))
		}
		if log {
			d.log = append(d.log, Delta{Head: Head{N: l.owner, F: l.f, Had: true}, L: l, Key: k, Prev: prev})
		}
	}
	l.cells.Remove(i, n)
}

// Changing begins a change of the i-th element's value, Changed ends it.
func (l *List) Changing(i int) {
	d := l.owner.doc
	d.spill()
	d.ask(l.owner)
	log := d.logging()
	alone := log && d.beginElement(l, i, true)
	if l.recordable() {
		d.replaced(l, l.cells.Key(i), func() any { return l.boxed(i, d.boxes(alone)) })
	}
	if alone {
		return
	}
	if log {
		d.log = append(d.log, Delta{Head: Head{N: l.owner, F: l.f, Had: true}, L: l, Key: l.cells.Key(i), Prev: l.elem(i)})
	}
}

// Changed ends what Changing began.
func (l *List) Changed(i int) {
	d := l.owner.doc
	switch {
	case !d.logging():
	case d.one != nil && d.one.on:
		d.one.endElement(i, true)
	default:
		x := &d.log[len(d.log)-1]
		x.Has, x.Val = true, l.elem(i)
	}
}

// SetLeaf sets the i-th element of a list of leaves from the value at p.
func (l *List) SetLeaf(i int, p unsafe.Pointer) {
	lf := l.field().leaf
	p = l.owner.doc.cell(lf, p)
	if lf.equal(l.cells.at(i), p) {
		return
	}
	l.Changing(i)
	lf.copy(l.cells.at(i), p)
	l.Changed(i)
}

// SetNode replaces the i-th element of a list of objects.
func (l *List) SetNode(i int, c *Node) {
	c = l.owner.doc.reunite(c)
	was := l.Node(i)
	if was == c {
		return
	}
	h := l.holder(l.cells.Key(i))
	l.Changing(i)
	l.owner.doc.unlink(was, h)
	*(**Node)(l.cells.at(i)) = c
	l.owner.doc.link(c, h)
	l.Changed(i)
}

// set gives the element with key k a value, or takes it out.
func (l *List) set(k pos.Key, has bool, v any) {
	i, ok := l.Find(k)
	switch {
	case ok && !has:
		l.Remove(i, 1)
	case ok && l.field().Kind == NodeList:
		l.SetNode(i, v.(*Node))
	case ok:
		l.Changing(i)
		l.field().leaf.unbox(l.cells.at(i), v)
		l.Changed(i)
	case has:
		l.OpenKey(i, k)
		if l.field().Kind == NodeList {
			l.Put(i, v.(*Node))
		} else {
			l.field().leaf.unbox(l.cells.at(i), v)
		}
		l.Close(i, 1)
	}
}

// undo takes one logged delta back. Deltas are undone newest first.
func (d *Document) undo(x *Delta) {
	switch {
	case x.Renamed() != nil:
		if i, ok := x.L.Find(x.Renamed().New[0]); ok {
			x.L.rename(i, x.Renamed().Old)
		}
	case x.L != nil:
		x.L.set(x.Key, x.Had, x.Prev)
	default:
		x.N.set(int(x.F), x.Had, x.Prev)
	}
}

// ask notes that queries must see the section anew when n is part of it.
func (d *Document) ask(n *Node) {
	if n.section && !d.loading {
		d.asked = true
	}
}

// SetUnique is SetLeaf of a unique field. When the host refuses the value, it
// stays what it was.
func (n *Node) SetUnique(f int, p unsafe.Pointer) error {
	d := n.doc
	had, prev := n.value(f)
	n.SetLeaf(f, p)
	if !n.stored() || n.doc.still {
		return nil
	}
	if _, err := d.host.Admit(d, d.section()); err != nil {
		n.set(f, had, prev)
		return err
	}
	return nil
}

// Move takes the element at index from out and puts it back where it is the
// one at index to then. A node stays the same.
func (l *List) Move(from, to int) {
	fd := l.field()
	if fd.Kind == NodeList {
		c := l.Node(from)
		l.Remove(from, 1)
		l.Open(to, 1)
		l.Put(to, c)
	} else {
		v := fd.leaf.box(l.cells.at(from))
		l.Remove(from, 1)
		l.Open(to, 1)
		fd.leaf.unbox(l.cells.at(to), v)
	}
	l.Close(to, 1)
}

// Swap exchanges two elements. Nodes stay the same.
func (l *List) Swap(i, j int) {
	fd := l.field()
	if fd.Kind == NodeList {
		a, b := l.Node(i), l.Node(j)
		l.SetNode(i, b)
		l.SetNode(j, a)
		return
	}
	a, b := fd.leaf.box(l.cells.at(i)), fd.leaf.box(l.cells.at(j))
	if fd.leaf.same(a, b) {
		return
	}
	for _, x := range []struct {
		i int
		v any
	}{{i, b}, {j, a}} {
		l.Changing(x.i)
		fd.leaf.unbox(l.cells.at(x.i), x.v)
		l.Changed(x.i)
	}
}

// Replace puts a plain value in the place of the i-th element.
func (l *List) Replace(i int, p unsafe.Pointer) {
	if fd := l.field(); fd.Kind == NodeList {
		l.SetNode(i, l.owner.doc.Build(fd.typ, p))
	} else {
		l.SetLeaf(i, p)
	}
}

// LinkKey puts a node under a key of a map.
func (l *List) LinkKey(k Key, c *Node) { l.set(k, true, c) }
