package doc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// ErrDetached: something was written to an object that is not in its document
// any more, so it is not stored.
var ErrDetached = errors.New("written to an object that was removed from its document: not stored")

// Pending is a commit on its way to the store: frozen bytes for the driver,
// and the deltas to take it back with. The bytes do not change; a commit that
// lost its place is sealed anew.
type Pending struct {
	Time        time.Time
	By, Because string
	Update      bool   // made by Update: whole or not at all
	Body        []byte // see docs/FORMAT.md
	Section     []byte // the query section after it; nil when unchanged
	Held        any    // what Admit gave for the section

	deltas []Delta
	kept   []kept
	born   []*Node // became known by it
	gone   []*Node // ceased to be known by it; they are ghosts until it is stored

	// What happened meanwhile to objects that were outside the tree when a
	// window was sealed: not stored, but to be undone and done again with the
	// commit that took them out, should that be taken back.
	outside [][]Delta
}

// given is the body of a commit that somebody else has made, of values only. When
// all that it says has changed something here it is sealed as it is: written anew
// it would say the same.
type given struct {
	body   []byte // nil for none
	deltas int
}

// ops of deltas in the stored form.
const (
	opContent  = 0 // the whole document: the creation
	opInsert   = 1
	opModify   = 2
	opDelete   = 3
	opElement  = 4 // added to the three above: of an element of a list
	opRenumber = 8
)

// seal closes the open window into a commit; nil when nothing is left of it.
// An error is Admit's: then the commit is not pending, and the caller takes
// back what it changed. Either way the window is over. Again says that the
// commit was pending before: what is lost of it was told then.
func (d *Document) seal(c Cause, update, again bool) (*Pending, error) {
	if !d.win.open {
		return nil, nil
	}
	wasClean := len(d.pending) == 0
	p := d.newPending()
	p.Time, p.By, p.Because, p.Update = d.time.now(), c.By, c.Because, update
	strays := d.gather(p)
	section := d.encode(p)
	d.reset()
	if !p.empty() && section {
		p.Section = d.section()
		var err error
		if p.Held, err = d.host.Admit(d, p.Section); err != nil {
			return p, err
		}
	}
	if err := d.nests(p); err != nil {
		return p, err
	}
	if err := d.host.Fits(d, p); err != nil && !p.empty() {
		return p, err
	}
	if !again {
		for _, n := range strays {
			d.owe(n.detached())
		}
	}
	if p.empty() {
		d.join(p)
		return nil, nil
	}
	d.pending = append(d.pending, p)
	if wasClean && d.tx != nil {
		d.host.Dirty(d)
	}
	return p, nil
}

// newPending begins a commit of the open window, with room for one delta where
// that is all that comes to it.
func (d *Document) newPending() *Pending {
	if len(d.win.touches) != 1 {
		return new(Pending)
	}
	one := &struct {
		Pending
		room [1]Delta
	}{}
	one.deltas = one.room[:0]
	return &one.Pending
}

// empty tells whether p changes nothing.
func (p *Pending) empty() bool { return len(p.kept)+len(p.deltas) == 0 }

// join lets the newest pending commit know what happened outside the tree
// since. When there is none, the store has all, and nothing can be taken back.
func (d *Document) join(p *Pending) {
	if n := len(d.pending); n > 0 {
		last := d.pending[n-1]
		last.outside = append(last.outside, p.outside...)
		last.gone = append(last.gone, p.gone...)
		return
	}
	for _, n := range p.gone {
		n.ghosts--
	}
}

// detached is what is reported of an object that was written while it was
// outside the tree.
func (n *Node) detached() error {
	n = n.base()
	if n.up.n == nil {
		return fmt.Errorf("%w: an object of type %s that is nowhere", ErrDetached, n.typ.Name)
	}
	return fmt.Errorf("%w: %s, an object of type %s", ErrDetached, n.path(), n.typ.Name)
}

// section encodes the query section as it is.
func (d *Document) section() []byte {
	if d.root.typ.query < 0 {
		return emptySection
	}
	return d.root.inner(d.root.typ.query).AppendSection(nil)
}

var emptySection = wire.AppendMap(nil, 0)

// gather folds the window's touches into p's deltas, one a slot, and gives
// the nodes that were written while they were outside and stayed there.
func (d *Document) gather(p *Pending) (strays []*Node) {
	for _, n := range d.win.strays {
		if !n.Attached() {
			strays = append(strays, n)
		}
	}
	renames := d.renames()
	if n := len(d.win.touches) - len(d.win.free) + len(renames); n > cap(p.deltas) {
		p.deltas = make([]Delta, 0, n)
	}
	var (
		last *Node // nodes come in runs
		in   bool
	)
	stored := func(n *Node) bool {
		if base := n.base(); base != last {
			// One that was linked back and is not known travels whole.
			last, in = base, base.known && base.stored()
		}
		return in
	}
	outside := d.fold(p, stored)
	for i := range d.win.touches {
		switch t := &d.win.touches[i]; {
		case t.n == nil:
		case stored(t.n):
			p.deltas = d.foldTouch(p.deltas, t)
		default:
			outside = d.foldTouch(outside, t)
		}
	}
	for _, x := range renames {
		if base := x.N.base(); base.known && base.stored() {
			p.deltas = append(p.deltas, x)
		} else {
			outside = append(outside, x)
		}
	}
	if len(outside) > 0 {
		p.outside = [][]Delta{outside}
	}
	return strays
}

// foldTouch adds the delta that leads from what t remembers to what is there.
func (d *Document) foldTouch(to []Delta, t *touch) []Delta {
	x := Delta{Head: Head{N: t.n, F: t.f, Had: t.had, Has: t.has}, L: t.l, Key: t.key}
	if t.had {
		x.Prev = t.prev
		x.startAt(t.old)
	}
	switch {
	case t.l == nil:
		x.Has, x.Val = t.n.value(int(t.f))
	case t.known:
		x.Val = t.prev
	case t.has:
		at, _ := t.l.Find(t.key)
		x.Val = t.l.boxed(at, &d.win.boxes)
	}
	if !x.Had && !x.Has || x.Had && x.Has && x.same() {
		return to
	}
	return append(to, x)
}

// same tells whether a delta's two values are equal.
func (x *Delta) same() bool {
	a, ok := x.Prev.(*Node)
	if ok {
		b, _ := x.Val.(*Node)
		return a == b
	}
	return x.N.typ.Fields[x.F].leaf.same(x.Prev, x.Val)
}

// renames gives what the window renumbered. Where nothing of that is left, an
// element that went and one that came to its place later are one slot again.
func (d *Document) renames() (to []Delta) {
	for _, l := range d.win.lists {
		if !l.win.renumbered {
			continue
		}
		if r := d.renamedIn(l); r != nil {
			to = append(to, Delta{Head: Head{N: l.owner, F: l.f}, L: l, extra: &extra{renamed: r}})
			continue
		}
		for i := range l.win.gone.all() {
			went := &d.win.touches[i]
			if _, j, ok := l.win.here.find(d.win.touches, went.old); ok && !d.win.touches[j].had {
				came := &d.win.touches[j]
				came.had, came.old, came.prev, came.known = true, went.old, went.prev, false
				*went = touch{}
			}
		}
	}
	return to
}

// renamedIn lists what the window renumbered in l: the elements that were
// there before and have another key now, in their order.
func (d *Document) renamedIn(l *List) *Renamed {
	r := &Renamed{}
	for i := range l.win.here.all() {
		if t := &d.win.touches[i]; t.had && t.old != t.key {
			r.New = append(r.New, t.key)
		}
	}
	if len(r.New) == 0 {
		return nil
	}
	slices.Sort(r.New)
	for _, k := range r.New {
		_, i, _ := l.win.here.find(d.win.touches, k)
		r.Old = append(r.Old, d.win.touches[i].old)
	}
	return r
}

// encode writes p's body, and tells whether the query section changed. New
// nodes become known here, and those that are gone unknown.
func (d *Document) encode(p *Pending) (section bool) {
	n := len(p.kept) + len(p.deltas)
	if g := d.given; g.body != nil && g.deltas == n {
		p.Body = bytes.Clone(g.body)
		return p.inSection()
	}
	b := wire.AppendArray(make([]byte, 0, usual*n), n)
	for i := range p.kept {
		x := Delta{Head: p.kept[i].Head}
		b = x.append(b, nil)
		section = section || x.N.section
	}
	for i := range p.deltas {
		x := &p.deltas[i]
		b = x.append(b, nil)
		section = section || x.N.section
	}
	p.Body = b
	d.forgetIn(p.deltas, p)
	for _, o := range p.outside {
		d.forgetIn(o, p)
	}
	p.born, d.born = d.born, nil
	return section
}

// inSection tells whether p changes the query section.
func (p *Pending) inSection() bool {
	for i := range p.kept {
		if p.kept[i].N.section {
			return true
		}
	}
	for i := range p.deltas {
		if p.deltas[i].N.section {
			return true
		}
	}
	return false
}

// forgetIn forgets the objects that deltas took away.
func (d *Document) forgetIn(deltas []Delta, p *Pending) {
	for i := range deltas {
		if c, ok := deltas[i].Prev.(*Node); ok {
			d.forget(c, p)
		}
	}
}

// forget makes the nodes from c on unknown that are not stored any more: if
// they come back later, they travel whole.
func (d *Document) forget(c *Node, p *Pending) {
	if c.stored() {
		return
	}
	c.nodes(func(n *Node) {
		if n.known && !n.stored() {
			d.unknow(n)
			n.ghosts++
			p.gone = append(p.gone, n)
		}
	})
}

// unknow undoes what encode did to the nodes of a commit that is taken back.
func (p *Pending) unknow() {
	for _, n := range p.born {
		n.doc.unknow(n)
	}
	for _, n := range p.gone {
		n.doc.know(n)
		n.ghosts--
	}
}

// know undoes unknow.
func (p *Pending) know() {
	for _, n := range p.born {
		n.doc.know(n)
	}
	for _, n := range p.gone {
		n.doc.unknow(n)
		n.ghosts++
	}
}

// append writes one delta: its op, its place, the key of an element, and the
// new value as e says.
func (x *Delta) append(b []byte, e *encoder) []byte {
	fd := &x.N.typ.Fields[x.F]
	if x.Renamed() != nil {
		b = wire.AppendArray(b, 5)
		b = wire.AppendInt(b, opRenumber)
		b = x.appendPlace(b)
		b = wire.AppendInt(b, int64(len(x.Renamed().Old)))
		b = wire.AppendExt(b, extKeys, pos.AppendKeys(nil, x.Renamed().Old))
		return wire.AppendExt(b, extKeys, pos.AppendKeys(nil, x.Renamed().New))
	}
	op, size, key := int64(opModify), 3, x.Key
	switch {
	case !x.Had:
		op = opInsert
	case !x.Has:
		op, size, key = opDelete, 2, x.start()
	}
	if x.L != nil {
		op, size = op+opElement, size+1
	}
	b = wire.AppendArray(b, size)
	b = wire.AppendInt(b, op)
	b = x.appendPlace(b)
	if x.L != nil {
		if fd.keys != nil {
			b = fd.keys.append(b, key)
		} else {
			b = wire.AppendExt(b, extKey, []byte(key))
		}
	}
	if !x.Has {
		return b
	}
	if c, ok := x.Val.(*Node); ok {
		return c.appendNode(b, e)
	}
	if x.L != nil {
		if e == nil && fd.leaf.write != nil { // gathered just now: no need to look for it
			return fd.leaf.write(b, x.Val)
		}
		at, _ := x.L.Find(x.Key)
		return fd.leaf.append(b, x.L.cells.at(at))
	}
	return fd.leaf.append(b, x.N.ptr(int(x.F)))
}

// appendPlace writes the dotted path of the field from the nearest node with
// an id: alone when that is the root, else after the id.
func (x *Delta) appendPlace(b []byte) []byte {
	base := x.N.base()
	if base != base.doc.root {
		b = wire.AppendArray(b, 2)
		b = wire.AppendExt(b, extNode, base.id[:])
	}
	if x.N == base {
		return wire.AppendString(b, base.typ.Fields[x.F].Stored)
	}
	return wire.AppendString(b, string(x.N.appendPath(nil, x.F)))
}

// appendPath writes the path of field f from the nearest node with an id.
func (n *Node) appendPath(b []byte, f int32) []byte {
	if n.required() {
		b = append(n.up.n.appendPath(b, n.up.f), '.')
	}
	return append(b, n.typ.Fields[f].Stored...)
}

// Create seals the document's first commit: its whole content.
func (d *Document) Create(c Cause) (*Pending, error) {
	d.lock()
	defer d.mu.Unlock()
	p := &Pending{Time: time.Now(), By: c.By, Because: c.Because, Update: true, Section: d.section()}
	if d.nest = d.root.height(); d.nest > maxNest {
		return nil, ErrDepth
	}
	b := wire.AppendArray(nil, 1)
	b = wire.AppendArray(b, 2)
	b = wire.AppendInt(b, opContent)
	p.Body = d.root.appendObject(b, nil)
	d.root.known, d.born = true, nil
	var err error
	if p.Held, err = d.host.Admit(d, p.Section); err != nil {
		return nil, err
	}
	if err := d.host.Fits(d, p); err != nil {
		return nil, err
	}
	d.host.Section(d, p.Section)
	return p, nil
}
