package doc

import (
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// A document with two writers shows its base, which the store has, and what is
// pending on it. When the store has accepted a commit of another writer, that
// is the new base, and what is pending was made on the old one. Rebase undoes
// what is pending, applies the foreign commit as any replica does, and does
// the pending ones again on what is there then: the later in stored order
// wins, slot by slot. What is sealed anew is what the store gets, so every
// replica ends equal whatever was decided here.
//
// All of it is one operation under the lock: nobody sees the base alone, and
// who listens hears only what changed in what is shown.

// rebasing is what a rebase knows while pending commits are done again.
type rebasing struct {
	removed map[*Node]bool // objects that the foreign commit took out of the document
	over    map[slot]bool  // slots that it changed, and that nothing pending was done to again
	lost    []Delta        // what it did and something pending undid, whose author had not seen it
}

// Overwritten tells that something made here took the place of what another
// writer had stored meanwhile, which its author had not seen.
type Overwritten struct {
	By, Because string   // of the commit that was overwritten
	Paths       []string // of the slots
}

func (e *Overwritten) Error() string {
	return fmt.Sprintf("changes of another writer were overwritten unseen: %s", joinFew(e.Paths))
}

// Rebase makes a commit that another writer has stored the document's newest
// version, and expresses what is pending on it anew. Listeners get one commit
// of what changed in what is shown when Deliver is called next. An error says
// that the body does not fit the newest version: then nothing has changed.
func (d *Document) Rebase(seq uint64, body []byte, c Cause) error {
	d.lock()
	defer d.mu.Unlock()
	d.sealWindow()
	waiting := d.pending
	if len(waiting) > 0 { // so that all can be undone when the body does not fit
		d.watchless(+1)
		defer d.watchless(-1)
	}
	defer func() {
		d.rebase, d.orders = nil, nil
	}()
	for _, p := range slices.Backward(waiting) {
		d.invert(p)
	}
	d.pending = nil
	dec := d.decoder(body)
	defer dec.release()
	xs, err := d.foreign(dec, waiting)
	if err != nil {
		d.unrebase(waiting)
		return corrupt(err)
	}
	d.base = seq
	for _, p := range waiting {
		d.redo(p, nil)
	}
	d.overwritten(xs, c)
	c.Origin = Remote
	d.finish(c)
	return nil
}

// Deliver brings what waits for listeners to them. It is called without any
// lock, and by those who held something that listeners may want.
func (d *Document) Deliver() { d.out.run() }

// unrebase brings back what was shown before the pending commits were undone.
func (d *Document) unrebase(waiting []*Pending) {
	d.still = true
	d.rollback(0)
	d.still = false
	d.pending = waiting
	for _, p := range waiting {
		p.know()
	}
}

// foreign applies a foreign commit to the base.
func (d *Document) foreign(c *decoder, waiting []*Pending) ([]change, error) {
	d.findable()
	d.rebase = &rebasing{removed: map[*Node]bool{}}
	if len(c.input) == 0 {
		return nil, nil
	}
	d.still = true
	defer func() { d.still = false }()
	xs, err := d.read(c)
	if err != nil {
		return nil, err
	}
	if len(waiting) > 0 {
		d.orders = ordersOf(waiting)
		d.orders.meet(waiting, xs)
		d.rebase.over = slotsOf(xs)
	}
	before := d.orders.keys()
	c.know()
	for _, n := range d.make(xs) {
		d.leave(n)
	}
	d.orders.follow(before, xs)
	return xs, nil
}

// findable makes sure that objects are found by their ids.
func (d *Document) findable() {
	if d.index != nil {
		return
	}
	d.index = map[ID]*Node{}
	d.root.nodes(func(n *Node) {
		if n.known && n != d.root {
			d.index[n.id] = n
		}
	})
}

// slotsOf gives the slots that changes are of.
func slotsOf(xs []change) map[slot]bool {
	slots := make(map[slot]bool, len(xs))
	for i := range xs {
		if x := &xs[i]; x.path == "" && x.op != opRenumber && x.op != opContent {
			slots[x.slot()] = true
		}
	}
	return slots
}

// sealedAgain notes what a pending commit that was done again overwrites.
func (r *rebasing) sealedAgain(q *Pending) {
	if r == nil || len(r.over) == 0 {
		return
	}
	q.whole()
	for i := range q.deltas {
		x := &q.deltas[i]
		if x.Renamed() != nil {
			continue
		}
		s := slot{n: x.N, l: x.L, f: x.F}
		if x.L != nil {
			if s.key = x.Key; !x.Has {
				s.key = x.start()
			}
		}
		if r.over[s] {
			delete(r.over, s) // whatever comes later saw ours
			r.lost = append(r.lost, *x)
		}
	}
}

// overwritten reports what pending commits have taken the place of, or have
// taken away with the object that it was in.
func (d *Document) overwritten(xs []change, c Cause) {
	e := &Overwritten{By: c.By, Because: c.Because}
	for i := range d.rebase.lost {
		e.Paths = append(e.Paths, d.rebase.lost[i].Path().String())
	}
	if len(d.pending) > 0 {
		for i := range xs {
			x := &xs[i]
			if x.path != "" || x.op == opContent || x.op == opRenumber || x.n.base().stored() || d.rebase.removed[x.n.base()] {
				continue
			}
			y := Delta{Head: Head{N: x.n, F: int32(x.f)}}
			if x.element() {
				y.L, y.Key = x.n.List(x.f), x.key
			}
			e.Paths = append(e.Paths, y.Path().String())
		}
	}
	if len(e.Paths) > 0 {
		d.owe(e)
	}
}

// reunited gives the deltas of a commit that is to be done again, with the
// objects that they bring. One that was taken out and brought back here may
// have been brought back by the other writer too, as a new object of the same
// id: then that one is it.
func (d *Document) reunited(deltas []Delta) []Delta {
	if d.rebase == nil {
		return deltas
	}
	cloned := false
	for i := range deltas {
		c, ok := deltas[i].Val.(*Node)
		if !ok || !deltas[i].Has || c.known {
			continue
		}
		if now := d.reunite(c); now != c {
			if !cloned {
				deltas, cloned = slices.Clone(deltas), true
			}
			deltas[i].Val = now
		}
	}
	return deltas
}

// reunite gives the object that has c's id in the document, if that is
// another: c was taken out, and another writer has brought it back. Else it
// gives c, with the same done to what is in it.
func (d *Document) reunite(c *Node) *Node {
	if d.index == nil || c.known || d.still || d.mute { // or what was there before is put back
		return c
	}
	if now := d.index[c.id]; now != nil && now.typ == c.typ {
		return now
	}
	var twins []*Node
	c.nodes(func(n *Node) {
		if now := d.index[n.id]; now != nil && now != n && now.typ == n.typ {
			twins = append(twins, n)
		}
	})
	d.still = true
	for _, n := range twins {
		now := d.index[n.id]
		for n.held() {
			h := n.up
			switch {
			case h.f == unknownPlace:
				h.n.unknown.replace(n, now)
				d.unlink(n, h)
				d.link(now, h)
			case h.l != nil:
				i, _ := h.l.Find(h.key)
				h.l.SetNode(i, now)
			default:
				h.n.SetChild(int(h.f), now)
			}
		}
	}
	d.still = false
	return c
}

// torn gives the objects that deltas which were done again have taken from
// their places, and that did not arrive where other deltas would have put
// them: half a move would lose them.
func (d *Document) torn(kept, lost []Delta) (torn map[*Node]bool) {
	for i := range lost {
		c, ok := lost[i].Val.(*Node)
		if !ok || !lost[i].Has || c.stored() {
			continue
		}
		for j := range kept {
			if kept[j].Had && kept[j].Prev == any(c) {
				if torn == nil {
					torn = map[*Node]bool{}
				}
				torn[c] = true
			}
		}
	}
	return torn
}

// moves tells whether a delta takes one of the objects from its place, or puts
// it into one.
func (x *Delta) moves(objects map[*Node]bool) bool {
	was, _ := x.Prev.(*Node)
	is, _ := x.Val.(*Node)
	return x.Had && objects[was] || x.Has && objects[is]
}

// meet adds the arrays where what a foreign commit did makes the keys in the
// pending ones mean something else: it renumbered them, or has put another
// element under a key that was allocated here too.
func (o *orders) meet(waiting []*Pending, xs []change) {
	renumbered, inserted := map[*List]bool{}, map[slot]bool{}
	for i := range xs {
		switch x := &xs[i]; {
		case x.path != "":
		case x.op == opRenumber:
			renumbered[x.n.EnsureList(x.f)] = true
		case x.op == opInsert+opElement:
			inserted[x.slot()] = true
		}
	}
	if len(renumbered) == 0 && len(inserted) == 0 {
		return
	}
	for _, p := range waiting {
		p.each(func(x *Delta) {
			if x.L != nil && !x.L.isMap() && (renumbered[x.L] || inserted[slot{n: x.N, l: x.L, f: x.F, key: x.Key}]) {
				o.add(x.L)
			}
		})
	}
}

// each visits a commit's deltas, also those outside the tree.
func (p *Pending) each(visit func(*Delta)) {
	for i := range p.deltas {
		visit(&p.deltas[i])
	}
	for _, o := range p.outside {
		for i := range o {
			visit(&o[i])
		}
	}
}

// keys gives the keys of the arrays as they are.
func (o orders) keys() map[*List][]pos.Key {
	all := make(map[*List][]pos.Key, len(o))
	for l := range o {
		for j := range l.Len() {
			all[l] = append(all[l], l.cells.Key(j))
		}
	}
	return all
}

// follow takes over what a foreign commit has done to the arrays, all of whose
// entries were there before. What it brought has no key in terms of the
// pending commits; what it renumbered keeps the one that they know.
func (o orders) follow(before map[*List][]pos.Key, xs []change) {
	for l, was := range before {
		now := make(map[pos.Key]pos.Key, len(was)) // the keys of what stays
		for _, k := range was {
			now[k] = k
		}
		touched := false
		for i := range xs {
			x := &xs[i]
			if x.path != "" || x.n != l.owner || int32(x.f) != l.f {
				continue
			}
			touched = true
			if x.op == opDelete+opElement {
				delete(now, x.key)
			}
			if x.op == opRenumber {
				for j, k := range x.rare.renamed.Old {
					now[k] = x.rare.renamed.New[j]
				}
			}
		}
		if touched {
			o[l] = merged(o[l], was, now, l)
		}
	}
}

// merged puts the entries of an array together with the elements that it has.
func merged(e order, was []pos.Key, now map[pos.Key]pos.Key, l *List) (to order) {
	next := 0
	for i, k := range was {
		at, ok := now[k]
		if !ok {
			to = append(to, orderEntry{e[i].key, false})
			continue
		}
		for next < l.Len() && l.cells.Key(next) < at {
			to = append(to, orderEntry{"", true})
			next++
		}
		to = append(to, e[i])
		next++
	}
	for ; next < l.Len(); next++ {
		to = append(to, orderEntry{"", true})
	}
	return to
}
