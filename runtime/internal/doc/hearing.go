package doc

// through gives what those who look through lenses hear of the operation that
// is being finished.
//
// Whoever may hear of a slot is found by walking up from it, over the holders
// that there are now. That is enough for what is gone, too: of the slots that
// lead to something that is gone, the topmost that changed is in an object
// that is where it was.
func (d *Document) through(commit *Commit, calls []call) []call {
	if one, ok := d.throughOne(commit, calls); ok {
		return one
	}
	p := d.past()
	var heard []*Subscription
	hear := func(s *Subscription) *hearing {
		if s.hearing == nil {
			s.hearing = newHearing(s, p)
			heard = append(heard, s)
		}
		return s.hearing
	}
	for i := range p.slots {
		x := &p.slots[i]
		d.above(x.n, x.f, func(s *Subscription) {
			if s.typed {
				hear(s).slot(x)
			}
		})
	}
	for i := range len(commit.Deltas) + len(commit.aside) {
		x := commit.delta(i)
		d.above(x.N, x.F, func(s *Subscription) {
			if s.typed {
				return
			}
			h := hear(s)
			if h.now.leads(x) && (i < len(commit.Deltas) || h.was.leads(x)) { // not in what has come
				h.deltas = append(h.deltas, i)
			}
		})
	}
	for _, l := range p.lists {
		d.above(l.owner, l.f, func(s *Subscription) {
			if s.typed {
				hear(s).moves(l)
			}
		})
	}
	for _, s := range heard {
		if its := s.hearing.commit(commit); its != nil {
			calls = append(calls, call{s: s, c: its})
		}
		s.hearing = nil
	}
	return calls
}

// throughOne is through for the operations that there are most of in an array:
// one value came, went or changed, in an object that is in one place, and all
// who may hear of it want to know just that. False when it takes more.
func (d *Document) throughOne(commit *Commit, calls []call) (_ []call, ok bool) {
	x := &d.log[0]
	if len(d.log) > 1 || x.L == nil || x.Renamed() != nil || x.L.field().Kind != LeafList || !x.N.single() {
		return nil, false
	}
	ok = true
	before := len(calls)
	d.above(x.N, x.F, func(s *Subscription) {
		l := s.lens
		last := len(l.steps) - 1
		if ok = ok && s.typed && !l.governed() && last > 0 && l.steps[last].kind != toIndex; !ok {
			return
		}
		if !l.steps[last].takes(x.L, x.Key) || !l.steps[last-1].goes(x.N.typ, x.F) || !s.reaches(x.N, last-1) {
			return
		}
		y := Change{Had: x.Had, Has: x.Has, Prev: x.Prev, Val: x.Val, leaf: l.field.leaf}
		if l.many {
			y.from = slot{x.N, x.L, x.F, x.Key}
			y.to = y.from
		}
		if y.idle() {
			return
		}
		own := commit // the first has it to himself
		if len(calls) > 0 {
			own = new(Commit)
			*own = *commit
		}
		own.changes = []Change{y}
		calls = append(calls, call{s: s, c: own})
	})
	if !ok {
		commit.changes = nil
		clear(calls[before:])
		return nil, false
	}
	return calls, true
}

// hearing is what one subscription hears of one operation.
type hearing struct {
	s          *Subscription
	past       *past
	now, was   climb
	gone, came map[rung]bool // objects that are dealt with
	changes    []Change
	moved      []moved
	deltas     []int // of the commit
}

func newHearing(s *Subscription, p *past) *hearing {
	return &hearing{
		s: s, past: p,
		now: climb{lens: s.lens, from: s.n},
		was: climb{lens: s.lens, from: s.n, past: p},
	}
}

// commit is what the subscription gets of the whole commit, nil for nothing.
// Those that are typed can look at all of it.
func (h *hearing) commit(whole *Commit) *Commit {
	switch {
	case !h.s.typed && len(h.deltas) > 0:
		return whole.only(h.deltas)
	case len(h.changes) == 0 && len(h.moved) == 0:
		return nil
	}
	own := *whole
	own.changes, own.moved = h.changes, h.moved
	return &own
}

// moves notes the elements of a list of values that were renumbered.
func (h *hearing) moves(l *List) {
	for i := range h.past.slots {
		if x := &h.past.slots[i]; x.l == l && x.had && x.has && x.old != x.key {
			h.moved = append(h.moved, moved{h.past.before(x), x.slot})
		}
	}
}

// slot takes in what happened to one slot. What happened in an object that
// was not in the same place of the lens before, or is not any more, is left
// to the slot above that brought it there or took it away.
func (h *hearing) slot(x *passed) {
	if x.renamed {
		return
	}
	l := h.s.lens
	if len(l.filters) > 0 && !l.hears(h.s.n, ref{x.n, x.l, x.f, x.key, x.had != x.has}) {
		return
	}
	for i := range l.steps {
		h.step(x, i)
	}
	for j := range l.loops {
		for i := range l.loops[j].steps {
			h.step(x, loopBase*(j+1)+i)
		}
	}
}

// step takes in what happened to a slot that step i may lead into.
func (h *hearing) step(x *passed, i int) {
	l := h.s.lens
	if !l.step(i).goes(x.n.typ, x.f) {
		return
	}
	at, next := l.place(i), l.after(i)
	if x.l != nil {
		s := l.step(next)
		if s.kind != toIndex && !s.takes(x.l, x.key) || !h.now.at(x.n, at) || !h.was.at(x.n, at) {
			return
		}
		if s.kind == toIndex {
			h.index(x.l, next)
			return
		}
		next = l.after(next)
	} else if !h.now.at(x.n, at) || !h.was.at(x.n, at) {
		return
	}
	if k := x.n.typ.Fields[x.f].Kind; k == Child || k == NodeList {
		h.objects(object(x.had, x.prev), object(x.has, x.val), next)
	} else {
		h.value(h.past.before(x), x.slot, x.had, x.prev, x.has, x.val)
	}
}

// index takes in that something happened in an array that the lens looks into
// at one index, by step i; whatever happened, once.
func (h *hearing) index(l *List, i int) {
	if first(&h.came, l.owner, -2-i) {
		h.lists(l, l, i)
	}
}

// before is a slot by its key before the operation.
func (p *past) before(x *passed) slot { return slot{x.n, x.l, x.f, x.old} }

// object gives the object that is the value of a slot.
func object(has bool, v any) *Node {
	if !has {
		return nil
	}
	return v.(*Node)
}

// objects takes in that object b made way for object a, either may be nil, at
// place i of the lens. The values that the steps from there lead to are
// compared pair by pair: elements of arrays by their order, those of maps by
// their key. An object that is still there, or was there before, did not go or
// come.
func (h *hearing) objects(b, a *Node, i int) {
	if b != nil && (h.now.at(b, i) || !first(&h.gone, b, i)) {
		b = nil
	}
	if a != nil && (h.was.at(a, i) || !first(&h.came, a, i)) {
		a = nil
	}
	if b == nil && a == nil {
		return
	}
	for s := range h.s.lens.from(i) {
		h.inside(b, a, s)
	}
}

// inside takes in what step i leads to in b, and in a.
func (h *hearing) inside(b, a *Node, i int) {
	l := h.s.lens
	f, next, one := l.step(i).f, l.after(i), b
	if b == nil {
		one = a
	}
	switch kind := one.typ.Fields[f].Kind; kind {
	case Inner:
		h.objects(b.innerOf(f), a.innerOf(f), next)
	case Leaf, OptionalLeaf, Child:
		var (
			had, has  bool
			prev, val any
		)
		if b != nil {
			had, prev = h.past.value(b, int(f))
		}
		if a != nil {
			has, val = a.value(int(f))
		}
		if kind == Child {
			h.objects(object(had, prev), object(has, val), next)
		} else {
			h.value(slot{n: b, f: f}, slot{n: a, f: f}, had, prev, has, val)
		}
	default:
		h.lists(b.listOf(f), a.listOf(f), next)
	}
}

// first tells whether n is new in a set, and adds it.
func first(set *map[rung]bool, n *Node, i int) bool {
	if (*set)[rung{n, i}] {
		return false
	}
	if *set == nil {
		*set = map[rung]bool{}
	}
	(*set)[rung{n, i}] = true
	return true
}

// innerOf and listOf are inner and List of an object that may be nil.
func (n *Node) innerOf(f int32) *Node {
	if n == nil {
		return nil
	}
	return n.inner(int(f))
}

func (n *Node) listOf(f int32) *List {
	if n == nil {
		return nil
	}
	return n.List(int(f))
}

// lists takes in that list b made way for list a; step i is the one to their
// elements.
func (h *hearing) lists(b, a *List, i int) {
	one := b
	if b == nil {
		one = a
	}
	if one == nil {
		return
	}
	pair := func(be, ae element, had, has bool) {
		if one.field().Kind == NodeList {
			h.objects(object(had, be.val), object(has, ae.val), h.s.lens.after(i))
			return
		}
		h.value(b.slot(be.key), a.slot(ae.key), had, be.val, has, ae.val)
	}
	s := h.s.lens.step(i)
	if s.kind == toKey {
		had, prev := h.past.element(b, s.key)
		has, val := a.element(s.key)
		pair(element{s.key, prev}, element{s.key, val}, had, has)
		return
	}
	bs, as := h.past.elements(b), a.elements()
	if s.kind == toIndex {
		bs, as = only(bs, s.index), only(as, s.index)
	}
	for len(bs) > 0 || len(as) > 0 {
		had, has := len(bs) > 0, len(as) > 0
		if had && has && one.isMap() && bs[0].key != as[0].key {
			had = bs[0].key < as[0].key
			has = !had
		}
		var be, ae element
		if had {
			be, bs = bs[0], bs[1:]
		}
		if has {
			ae, as = as[0], as[1:]
		}
		pair(be, ae, had, has)
	}
}

// only is the i-th element alone, if there is one.
func only(es []element, i int) []element {
	if i >= len(es) {
		return nil
	}
	return es[i : i+1]
}

// slot is the slot of an element; the list may be nil.
func (l *List) slot(k Key) slot {
	if l == nil {
		return slot{}
	}
	return slot{l.owner, l, l.f, k}
}

// value takes in what happened to one place.
func (h *hearing) value(from, to slot, had bool, prev any, has bool, val any) {
	if !h.s.lens.many {
		from, to = slot{}, slot{}
	}
	x := Change{Had: had, Has: has, leaf: h.s.lens.field.leaf, from: from, to: to}
	if had {
		x.Prev = prev
	}
	if has {
		x.Val = val
	}
	switch {
	case !x.idle():
		h.changes = append(h.changes, x)
	case had && from != to:
		h.moved = append(h.moved, moved{from, to})
	}
}
