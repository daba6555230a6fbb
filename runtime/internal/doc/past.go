package doc

import (
	"slices"
	"strings"
)

// past is one operation as a whole: every slot that it touched, with what was
// there before it and what is there now. It is made of the raw log while the
// lock is held, and answers what the document was before.
type past struct {
	slots []passed
	here  map[slot]int    // of slots by where they are now; nil when there is one
	gone  map[*List][]int // of the elements that are gone
	held  map[*Node][]int // of the slots that held an object before
	lists []*List         // of values, renumbered

	brings bool // slots have got objects
}

// passed is one slot before and after an operation.
type passed struct {
	slot          // where it is now, or where it was when it went
	old       Key // of an element: its key before
	had, has  bool
	prev, val any
	renamed   bool // it has another key, and nothing else is known to have changed
}

// past is that of the operation that is being finished.
func (d *Document) past() *past {
	if d.was == nil {
		d.was = pastOf(d.log)
	}
	return d.was
}

// pastOf makes a log into a past.
func pastOf(log []Delta) *past {
	p := &past{slots: make([]passed, 0, len(log))}
	if len(log) > 1 {
		p.here = make(map[slot]int, len(log))
	}
	for i := range log {
		x := &log[i]
		if x.Renamed() != nil {
			p.rename(x)
		} else {
			p.touch(x)
		}
	}
	p.index()
	return p
}

// newPast is one that operations are added to; index completes it.
func newPast(size int) *past { return &past{here: make(map[slot]int, size)} }

// index finds what held which object before, and what is gone.
func (p *past) index() {
	p.held, p.gone = nil, nil
	for i := range p.slots {
		x := &p.slots[i]
		if _, ok := x.val.(*Node); ok && x.has {
			p.brings = true
		}
		if c, ok := x.prev.(*Node); ok && x.had {
			if p.held == nil {
				p.held = map[*Node][]int{}
			}
			p.held[c] = append(p.held[c], i)
		}
		if x.l != nil && x.had && !x.has {
			if p.gone == nil {
				p.gone = map[*List][]int{}
			}
			p.gone[x.l] = append(p.gone[x.l], i)
		}
	}
}

func (p *past) touch(x *Delta) {
	s := slot{x.N, x.L, x.F, x.Key}
	y := p.find(s)
	if y == nil || y.has != x.Had { // or something happened to it that is not in the log
		if p.here != nil {
			p.here[s] = len(p.slots)
		}
		p.slots = append(p.slots, passed{slot: s, old: x.Key, had: x.Had, has: x.Has, prev: x.Prev, val: x.Val})
		return
	}
	if y.renamed {
		y.prev, y.renamed = x.Prev, false
	}
	y.has, y.val = x.Has, x.Val
}

// rename follows a renumbering. An element that went before it loses its key:
// who gets that later may be elsewhere in the array, and is another slot.
func (p *past) rename(x *Delta) {
	if p.here == nil { // a renumbering that is alone
		p.here = map[slot]int{}
	}
	p.forget(x)
	moved := make([]int, len(x.Renamed().Old))
	for j, old := range x.Renamed().Old {
		s := slot{x.N, x.L, x.F, old}
		i, ok := p.here[s]
		if !ok || !p.slots[i].has {
			i = len(p.slots)
			p.slots = append(p.slots, passed{slot: s, old: old, had: true, has: true, renamed: true})
		}
		delete(p.here, s)
		moved[j] = i
	}
	for j, i := range moved {
		p.slots[i].key = x.Renamed().New[j]
		p.here[p.slots[i].slot] = i
	}
	if x.L.field().Kind == LeafList && !slices.Contains(p.lists, x.L) {
		p.lists = append(p.lists, x.L)
	}
}

// forget makes the keys of what went from an array free, where a renumbering
// of it has made the same keys mean other places.
func (p *past) forget(x *Delta) {
	r, last := x.Renamed(), len(x.Renamed().Old)-1
	from, to := min(r.Old[0], r.New[0]), max(r.Old[last], r.New[last])
	for i := range p.slots {
		y := &p.slots[i]
		if y.l == x.L && y.had && !y.has && from <= y.key && y.key <= to && p.here[y.slot] == i {
			delete(p.here, y.slot)
		}
	}
}

// find gives what happened to a slot, nil when nothing did.
func (p *past) find(s slot) *passed {
	if p.here == nil {
		if len(p.slots) > 0 && p.slots[0].slot == s {
			return &p.slots[0]
		}
		return nil
	}
	if i, ok := p.here[s]; ok {
		return &p.slots[i]
	}
	return nil
}

// value gives what field f of n held before.
func (p *past) value(n *Node, f int) (had bool, prev any) {
	if x := p.find(slot{n: n, f: int32(f)}); x != nil {
		return x.had, x.prev
	}
	return n.value(f)
}

// element is one element of a list, by the key that it had at the time.
type element struct {
	key Key
	val any
}

// elements gives what a list, which may be nil, held before, in its order.
func (p *past) elements(l *List) []element {
	var es []element
	touched := false
	for i := range l.Len() {
		k := l.cells.Key(i)
		switch x := p.find(slot{l.owner, l, l.f, k}); {
		case x == nil:
			es = append(es, element{k, l.elem(i)})
		case x.renamed:
			es, touched = append(es, element{x.old, l.elem(i)}), true
		case x.had:
			es, touched = append(es, element{x.old, x.prev}), true
		}
	}
	for _, i := range p.gone[l] {
		es, touched = append(es, element{p.slots[i].old, p.slots[i].prev}), true
	}
	if touched {
		slices.SortFunc(es, func(a, b element) int { return strings.Compare(string(a.key), string(b.key)) })
	}
	return es
}

// element gives what a list, which may be nil, held before under key k of a
// map: keys of maps never change.
func (p *past) element(l *List, k Key) (had bool, prev any) {
	if l == nil {
		return false, nil
	}
	if x := p.find(slot{l.owner, l, l.f, k}); x != nil {
		return x.had, x.prev
	}
	return l.element(k)
}

// elements gives what a list, which may be nil, holds, in its order.
func (l *List) elements() []element {
	es := make([]element, l.Len())
	for i := range es {
		es[i] = element{l.cells.Key(i), l.elem(i)}
	}
	return es
}

// element gives what a list, which may be nil, holds under key k.
func (l *List) element(k Key) (has bool, val any) {
	i, ok := l.Find(k)
	if !ok {
		return false, nil
	}
	return true, l.elem(i)
}

// holders yields the slots that held n before.
func (p *past) holders(n *Node, yield func(*holder) bool) {
	for h := range n.holders {
		x := p.find(slot{h.n, h.l, h.f, h.key})
		if x != nil && !x.renamed {
			continue // what it held before is in held
		}
		if !yield(h) {
			return
		}
	}
	for _, i := range p.held[n] {
		x := &p.slots[i]
		if !yield(&holder{n: x.n, l: x.l, f: x.f, key: x.old}) {
			return
		}
	}
}
