package doc

import (
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Become makes the document what src is by the smallest changes, inside an
// Update: objects are matched by their ids, and one that was gone comes back
// under its old one. Local fields stay, and so do fields that this program does
// not know in objects that are there. Nobody else may use src meanwhile.
//
// With fresh, what comes back gets a new id: an object of the old one may turn
// up again while its removal is not stored.
func (d *Document) Become(src *Document, fresh bool) {
	b := becoming{d: d, fresh: fresh, have: d.byID(), made: map[*Node]*Node{}}
	b.become(src)
}

// become is Become where these objects, in the document or not, are to be used.
func (d *Document) become(src *Document, have map[ID]*Node) {
	b := becoming{d: d, linked: true, have: have, made: map[*Node]*Node{}}
	b.become(src)
}

func (b *becoming) become(src *Document) {
	d := b.d
	pairs := [][2]*Node{{d.root, src.root}}
	for id, n := range src.byID() {
		if m := b.have[id]; m != nil && m.typ == n.typ {
			pairs = append(pairs, [2]*Node{m, n})
		}
	}
	// What goes first: then what is left of the tree is a part of src's, and
	// nothing that comes can contain itself in between.
	for _, p := range pairs {
		b.strip(p[0], p[1])
	}
	for _, p := range pairs {
		b.sync(p[0], p[1])
	}
}

// byID gives the objects of a document that have ids, without the root. A local
// field may have another of an id that is stored: that one is not meant.
func (d *Document) byID() map[ID]*Node {
	all := map[ID]*Node{}
	d.root.nodes(func(n *Node) {
		if n != d.root && (all[n.id] == nil || n.stored()) {
			all[n.id] = n
		}
	})
	return all
}

type becoming struct {
	d      *Document
	fresh  bool
	linked bool            // what comes is known elsewhere by its id: another of that is made one with it
	have   map[ID]*Node    // objects of d
	made   map[*Node]*Node // by the object of src that they are made after
}

// twin gives the object of d that stands for one of src.
func (b *becoming) twin(n *Node) *Node {
	m := b.have[n.id]
	if m != nil && m.typ == n.typ {
		return m
	}
	if made := b.made[n]; made != nil {
		return made
	}
	id := n.id
	if m != nil || b.fresh {
		id = NewID()
	}
	made := n.typ.newNode(b.d, id)
	made.fresh = b.d.ops
	b.made[n] = made
	switch {
	case b.linked:
		b.have[id] = made
	case id == n.id:
		if b.d.reused == nil {
			b.d.reused = map[ID]*Node{}
		}
		b.d.reused[id] = made
	}
	b.fill(made, n)
	return made
}

// distinguish gives objects that come back a new id where another object came
// back under theirs: somebody has kept the handle of one that Become has made
// anew. The store knows neither by its id.
func (d *Document) distinguish(c *Node) {
	c.nodes(func(n *Node) {
		if other := d.reused[n.id]; other != nil && other != n && !n.known {
			n.id = NewID()
		}
	})
}

// is tells whether two objects stand for each other.
func (b *becoming) is(dst, src *Node) bool { return dst.id == src.id && dst.typ == src.typ }

// strip takes out of the slots of dst what src has not there.
func (b *becoming) strip(dst, src *Node) {
	for f := range dst.typ.Fields {
		fd := &dst.typ.Fields[f]
		if fd.Local {
			continue
		}
		switch fd.Kind {
		case Inner:
			b.strip(dst.inner(f), src.inner(f))
		case Child:
			c, want := *dst.childAt(f), *src.childAt(f)
			if c != nil && (want == nil || !b.is(c, want)) {
				dst.SetChild(f, nil)
			}
		case LeafList, NodeList:
			l, want := dst.List(f), src.List(f)
			for i := l.Len() - 1; i >= 0; i-- {
				j, ok := want.Find(l.cells.Key(i))
				if !ok || fd.Kind == NodeList && !b.is(l.Node(i), want.Node(j)) {
					l.Remove(i, 1)
				}
			}
		}
	}
}

// sync puts into the slots of dst, which was stripped, what src has there.
func (b *becoming) sync(dst, src *Node) {
	for f := range dst.typ.Fields {
		fd := &dst.typ.Fields[f]
		if fd.Local {
			continue
		}
		switch fd.Kind {
		case Leaf:
			dst.keep(f, src.ptr(f))
		case OptionalLeaf:
			if src.has(f) {
				dst.keep(f, src.ptr(f))
			} else {
				dst.ClearLeaf(f)
			}
		case Inner:
			b.sync(dst.inner(f), src.inner(f))
		case Child:
			if want := *src.childAt(f); want != nil && *dst.childAt(f) == nil {
				dst.SetChild(f, b.twin(want))
			}
		case LeafList, NodeList:
			if want := src.List(f); want.Len() > 0 {
				b.syncList(dst.EnsureList(f), want)
			}
		}
	}
}

func (b *becoming) syncList(l, want *List) {
	fd := l.field()
	for i := range want.Len() {
		k := want.cells.Key(i)
		_, ok := l.Find(k)
		switch {
		case ok && fd.Kind == LeafList:
			l.keep(i, want.cells.at(i))
		case ok:
		default:
			l.OpenKey(i, k)
			if fd.Kind == NodeList {
				l.Put(i, b.twin(want.Node(i)))
			} else {
				fd.leaf.copy(l.cells.at(i), want.cells.at(i))
			}
			l.Close(i, 1)
		}
	}
}

// keep is SetLeaf from the state of another object.
func (n *Node) keep(f int, p unsafe.Pointer) {
	fd, at := &n.typ.Fields[f], n.ptr(f)
	if n.has(f) && fd.leaf.equal(at, p) {
		return
	}
	n.Changing(f)
	fd.leaf.copy(at, p)
	if fd.Kind == OptionalLeaf {
		*fd.ok(at) = true
	}
	n.Changed(f)
}

// keep is SetLeaf from an element of another list.
func (l *List) keep(i int, p unsafe.Pointer) {
	lf := l.field().leaf
	if lf.equal(l.cells.at(i), p) {
		return
	}
	l.Changing(i)
	lf.copy(l.cells.at(i), p)
	l.Changed(i)
}

// fill gives a new object the content of src without a trace: it travels
// whole.
func (b *becoming) fill(n, src *Node) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		switch fd.Kind {
		case Leaf, OptionalLeaf:
			fd.leaf.copy(n.ptr(f), src.ptr(f))
			if fd.Kind == OptionalLeaf {
				*fd.ok(n.ptr(f)) = *fd.ok(src.ptr(f))
			}
		case Inner:
			b.fill(n.inner(f), src.inner(f))
		case Child:
			if c := *src.childAt(f); c != nil {
				t := b.twin(c)
				*n.childAt(f) = t
				b.d.link(t, holder{n: n, f: int32(f)})
			}
		case LeafList, NodeList:
			if want := src.List(f); want.Len() > 0 {
				b.fillList(n.EnsureList(f), want)
			}
		}
	}
	if src.unknown != nil {
		n.unknown = b.members(src.unknown)
		n.unknown.objects(func(o *Node) { b.d.link(o, holder{n: n, f: unknownPlace}) })
	}
}

func (b *becoming) fillList(l, want *List) {
	ks := make([]pos.Key, want.Len())
	for i := range ks {
		ks[i] = want.cells.Key(i)
	}
	l.cells.insert(0, ks)
	for i := range ks {
		if l.field().Kind == NodeList {
			l.Put(i, b.twin(want.Node(i)))
		} else {
			l.field().leaf.copy(l.cells.at(i), want.cells.at(i))
		}
	}
}

// members copies what is in unknown places. Nobody changes keys and bytes in
// place, so those are shared.
func (b *becoming) members(m *members) *members {
	c := &members{array: m.array, keys: append([]string(nil), m.keys...)}
	for _, u := range m.vals {
		v := &unknown{raw: u.raw}
		if u.node != nil {
			v.node = b.twin(u.node)
		}
		if u.members != nil {
			v.members = b.members(u.members)
		}
		c.vals = append(c.vals, v)
	}
	return c
}

// Difference gives what leads from one state of a document to another. Nobody
// else may use the two, and they are of no use afterwards.
func Difference(from, to *Document) []Traced {
	d := from
	before := d.byID()
	places := map[*Node]Path{}
	for _, n := range before {
		places[n] = n.place()
	}
	indexes := map[slot]Step{}
	d.root.nodes(func(n *Node) {
		n.inners(func(n *Node) {
			for f := range n.typ.Fields {
				if k := n.typ.Fields[f].Kind; k != LeafList && k != NodeList {
					continue
				}
				l := n.List(f)
				for i := range l.Len() {
					k := l.cells.Key(i)
					indexes[slot{n, l, int32(f), k}] = l.step(k)
				}
			}
		})
	})
	olds := map[*Node]any{}
	for _, n := range before {
		olds[n] = plainOf(n)
	}
	d.Become(to, false)
	var p Pending
	d.gather(&p)
	p.whole()
	ts := make([]Traced, 0, len(p.deltas))
	for _, x := range p.deltas {
		if x.Renamed() != nil {
			continue
		}
		x.form = formTraced
		t := Traced{Delta: x, slot: slot{x.N, x.L, x.F, x.Key}}
		if x.Had {
			if n, ok := x.Prev.(*Node); ok {
				t.Old = olds[n]
			}
		}
		if x.Has {
			t.finish()
		} else {
			t.At = beforePath(x.N, places)
			t.At = append(t.At, Step{Name: x.N.typ.Fields[x.F].Name, Index: -1})
			if x.L != nil {
				t.At = append(t.At, indexes[slot{x.N, x.L, x.F, x.start()}])
			}
		}
		ts = append(ts, t)
	}
	return ts
}

// beforePath gives the path that an object, or the required object in it, had.
func beforePath(n *Node, places map[*Node]Path) Path {
	if n.required() {
		return append(beforePath(n.up.n, places), Step{Name: n.up.n.typ.Fields[n.up.f].Name, Index: -1})
	}
	return append(Path(nil), places[n]...)
}

// Shown tells, inside an Update that has changed nothing yet, which version the
// store has, and whether more is shown.
func (d *Document) Shown() (base uint64, pending bool) { return d.base, len(d.pending) > 0 }
