package doc

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// spot names a slot in every copy of a document: the object that has it by
// its id, the field by its path from there, and the element by its key.
type spot struct {
	id    ID
	field string
	key   pos.Key
}

func (x *Traced) spot() spot {
	base := x.N.base()
	p := spot{id: base.id, key: x.slot.key}
	if x.F == unknownPlace {
		p.field = "\x00" // and the path is in the key
		return p
	}
	p.field = string(x.N.appendPath(nil, x.F))
	return p
}

// Touches are the slots that stored commits touched, and the arrays that they
// renumbered.
type Touches map[spot]bool

// Add takes in what a commit did.
func (t Touches) Add(tr Trace) {
	for i := range tr.Deltas {
		x := &tr.Deltas[i]
		p := x.spot()
		if x.Renamed() != nil {
			p.key = renumbered
		}
		t[p] = true
	}
}

// renumbered is no key of any element.
const renumbered = pos.Key("\x00renumbered")

// touched tells whether any slot of the object is among them, or of what is
// below it.
func (t Touches) touched(n *Node) bool {
	ids := map[ID]bool{}
	n.nodes(func(m *Node) { ids[m.id] = true })
	for p := range t {
		if ids[p.id] {
			return true
		}
	}
	return false
}

// UndoVersion takes back in d, a copy of a document as it is, what one of its
// commits did: done tells what, before is the document as it was then, later
// what was touched since. It gives the paths of what it leaves as it is: what
// was touched since, unless forced, and what has no place any more; and those of
// what d has no fields for. Nobody else may use d and before.
func (d *Document) UndoVersion(done Trace, before *Document, later Touches, force bool) (left, unknown []Path) {
	d.still = true
	defer func() { d.still = false }()
	u := undoing{
		becoming: becoming{d: d, have: d.byID(), made: map[*Node]*Node{}},
		then:     before.byID(), before: before, later: later, force: force,
	}
	var puts []undone
	for i := range done.Deltas {
		x := &done.Deltas[i]
		if x.Renamed() != nil {
			continue
		}
		if x.F == unknownPlace {
			unknown = append(unknown, x.At)
			continue
		}
		now, was, ok := u.find(x)
		if !ok || !u.mayUndo(x, now) {
			left = append(left, x.At)
			continue
		}
		if had := u.take(x, now, was); had {
			puts = append(puts, undone{now, was, x.At})
		}
	}
	for _, p := range puts {
		if !u.put(p.now, p.was) {
			left = append(left, p.at)
		}
	}
	return left, unknown
}

type undone struct {
	now, was slot
	at       Path
}

type undoing struct {
	becoming
	then   map[ID]*Node // objects of before
	before *Document
	later  Touches
	force  bool
}

// find gives the slot of a change in the document as it is, and as it was.
func (u *undoing) find(x *Traced) (now, was slot, ok bool) {
	base := x.N.base()
	a, b := u.have[base.id], u.then[base.id]
	if base.id.IsZero() {
		a, b = u.d.root, u.before.root
	}
	if a == nil || b == nil || a.typ != base.typ || b.typ != base.typ {
		return now, was, false
	}
	at := func(n *Node) slot {
		for _, f := range x.N.inside(base) {
			n = n.inner(f)
		}
		s := slot{n: n, f: x.F, key: x.slot.key}
		if x.L != nil {
			s.l = n.EnsureList(int(x.F))
		}
		return s
	}
	return at(a), at(b), true
}

// inside gives the fields that lead from base to n, a required object in it.
func (n *Node) inside(base *Node) (fs []int) {
	for ; n != base; n = n.up.n {
		fs = append(fs, int(n.up.f))
	}
	slices.Reverse(fs)
	return fs
}

// mayUndo tells whether nobody has touched since what a change made.
func (u *undoing) mayUndo(x *Traced, now slot) bool {
	p := x.spot()
	list := p
	list.key = renumbered
	if x.L != nil && !x.L.isMap() && u.later[list] {
		return false // its keys mean other elements now
	}
	if u.force {
		return true
	}
	if u.later[p] && !x.leftArray() {
		return false
	}
	c, ok := x.Val.(*Node)
	if !ok || !x.Has {
		return true
	}
	here := u.have[c.id]
	return here == nil || !u.comes(c) || !u.later.touched(here)
}

// leftArray tells whether x took an element out of an array. What has its key
// since then is another element: the two can stand beside each other.
func (x *Traced) leftArray() bool { return x.L != nil && !x.L.isMap() && !x.Has }

// comes tells whether an object was not there before.
func (u *undoing) comes(c *Node) bool { return u.then[c.id] == nil }

// take takes out of a slot what was not there before, and tells whether there
// was something else.
func (u *undoing) take(x *Traced, now, was slot) (had bool) {
	if now.l == nil {
		f := int(now.f)
		had = was.n.has(f)
		switch now.n.typ.Fields[f].Kind {
		case Child:
			now.n.SetChild(f, nil)
		case OptionalLeaf:
			now.n.ClearLeaf(f)
		}
		return had
	}
	_, had = was.l.Find(was.key)
	if i, ok := now.l.Find(now.key); ok && !x.leftArray() {
		now.l.Remove(i, 1)
	}
	return had
}

// put puts into a slot what was there before; false when it has no place.
func (u *undoing) put(now, was slot) bool {
	f := int(now.f)
	fd := &now.n.typ.Fields[f]
	if fd.typ == nil && now.l == nil {
		now.n.keep(f, was.n.ptr(f))
		return true
	}
	if now.l == nil {
		c := u.twin(*was.n.childAt(f))
		if now.n.Linkable(f, c) != nil {
			return false
		}
		now.n.SetChild(f, c)
		return true
	}
	j, _ := was.l.Find(was.key)
	var c *Node
	if fd.typ != nil {
		if c = u.twin(was.l.Node(j)); now.n.Linkable(f, c) != nil {
			return false
		}
	}
	i, taken := now.l.Find(now.key)
	switch {
	case taken && now.l.isMap():
		return false
	case taken:
		now.l.Open(i, 1)
	default:
		now.l.OpenKey(i, now.key)
	}
	if c != nil {
		now.l.Put(i, c)
	} else {
		fd.leaf.copy(now.l.cells.at(i), was.l.cells.at(j))
	}
	now.l.Close(i, 1)
	return true
}
