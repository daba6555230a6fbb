package doc

import (
	"slices"
)

// Change is what happened to one place that a lens leads to: the value there
// before and after. Had and Has tell whether there was a place with a value,
// and whether there is one now.
type Change struct {
	Had, Has  bool
	Prev, Val any
	leaf      *leaf
	from, to  slot // by the keys before, and after; zero when the lens leads to one place
}

// moved is a value that is the same in another place: an element of a list of
// values that was renumbered, or an object that made way for another with the
// same value. Listeners need not know, but who folds changes must.
type moved struct{ from, to slot }

// Changes gives what happened to the values that the lens leads to, for a
// subscription that is typed: at most one change a place.
func (c *Commit) Changes() []Change { return c.changes }

// empty tells whether a commit says nothing.
func (c *Commit) empty() bool { return len(c.Deltas) == 0 && len(c.changes) == 0 }

// through gives what those who look through lenses hear of the operation that
// is being finished.
//
// Whoever may hear of a slot is found by walking up from it, over the holders
// that there are now. That is enough for what is gone, too: of the slots that
// lead to something that is gone, the topmost that changed is in an object
// that is where it was.
func (d *Document) through(commit *Commit) []call {
	var heard []*Subscription
	hear := func(s *Subscription, p *past) *hearing {
		if s.hearing == nil {
			s.hearing = newHearing(s, p)
			heard = append(heard, s)
		}
		return s.hearing
	}
	if d.overlooked() {
		return nil
	}
	p := d.past()
	for i := range p.slots {
		x := &p.slots[i]
		d.above(x.n, x.f, func(s *Subscription) {
			if s.typed {
				hear(s, p).slot(x)
			}
		})
	}
	for i := range commit.Deltas {
		x := &commit.Deltas[i]
		d.above(x.N, x.F, func(s *Subscription) {
			if h := hear(s, p); !s.typed && h.now.leads(x) {
				h.deltas = append(h.deltas, i)
			}
		})
	}
	for _, l := range p.lists {
		d.above(l.owner, l.f, func(s *Subscription) {
			if s.typed {
				hear(s, p).moves(l)
			}
		})
	}
	calls := make([]call, 0, len(heard))
	for _, s := range heard {
		if its := s.hearing.commit(commit); its != nil {
			calls = append(calls, call{s, its})
		}
		s.hearing = nil
	}
	return calls
}

// overlooked tells whether no lens looks to where the operation was.
func (d *Document) overlooked() bool {
	none := true
	for i := range d.log {
		x := &d.log[i]
		if i > 0 && x.N == d.log[i-1].N && x.F == d.log[i-1].F {
			continue
		}
		if d.above(x.N, x.F, func(*Subscription) { none = false }); !none {
			return false
		}
	}
	return true
}

// above calls found, once, with every subscription through a lens that begins
// with a field which holds the slots of field f of n.
func (d *Document) above(n *Node, f int32, found func(*Subscription)) {
	d.out.climbs++
	c := ascent{count: d.out.climbs, found: found}
	c.up(n, f)
}

type ascent struct {
	count uint64
	seen  map[*Node]bool // with several holders
	found func(*Subscription)
}

func (c *ascent) up(n *Node, f int32) {
	if w := n.watchers; w != nil && int(f) < len(w.lenses) {
		for _, s := range w.lenses[f] {
			if s.climb != c.count {
				s.climb = c.count
				c.found(s)
			}
		}
	}
	if len(n.more) > 0 {
		if c.seen[n] {
			return
		}
		if c.seen == nil {
			c.seen = map[*Node]bool{}
		}
		c.seen[n] = true
	}
	for h := range n.holders {
		c.up(h.n, h.f)
	}
}

// climb tells where objects are in a lens: after how many of its steps from
// its beginning; as it is now or, with a past, as it was before.
type climb struct {
	lens *Lens
	from *Node
	past *past
	memo map[rung]bool // of objects with several holders
}

// at tells whether n is where the first i steps lead to.
func (c *climb) at(n *Node, i int) bool {
	if i == 0 {
		return n == c.from
	}
	return c.remember(n, i, func(h *holder) bool {
		j := i - 1
		if h.l != nil {
			if !c.lens.steps[j].takes(h.key) {
				return false
			}
			j--
		}
		s := &c.lens.steps[j]
		return s.kind == into && s.f == h.f && c.at(h.n, j)
	})
}

// below tells whether n is where the lens leads to, or below that.
func (c *climb) below(n *Node) bool {
	end := len(c.lens.steps)
	if c.at(n, end) {
		return true
	}
	return c.remember(n, end+1, func(h *holder) bool {
		s := &c.lens.steps[end-1]
		return h.l != nil && s.kind == into && s.f == h.f && c.at(h.n, end-1) || c.below(h.n)
	})
}

// remember tells whether any holder of n will do.
func (c *climb) remember(n *Node, i int, does func(*holder) bool) (ok bool) {
	if known, has := c.memo[rung{n, i}]; has {
		return known
	}
	check := func(h *holder) bool {
		ok = does(h)
		return !ok
	}
	several := len(n.more) > 0
	if c.past == nil {
		n.holders(check)
	} else {
		c.past.holders(n, check)
		several = several || c.past.held[n] != nil
	}
	if several {
		if c.memo == nil {
			c.memo = map[rung]bool{}
		}
		c.memo[rung{n, i}] = ok
	}
	return ok
}

// leads tells whether the slot of a delta is on the way to what the lens
// leads to, is that, or is below that.
func (c *climb) leads(x *Delta) bool {
	for i, s := range c.lens.steps {
		if s.kind != into || s.f != x.F || !c.at(x.N, i) {
			continue
		}
		if x.L == nil || i+1 == len(c.lens.steps) || c.lens.steps[i+1].takes(x.Key) {
			return true
		}
	}
	return c.below(x.N)
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
	steps := h.s.lens.steps
	for i := range steps {
		end := i + 1
		if steps[i].kind != into || steps[i].f != x.f {
			continue
		}
		if x.l != nil {
			if end == len(steps) || !steps[end].takes(x.key) {
				continue
			}
			end++
		}
		if !h.now.at(x.n, i) || !h.was.at(x.n, i) {
			continue
		}
		if k := x.n.typ.Fields[x.f].Kind; k == Child || k == NodeList {
			h.objects(object(x.had, x.prev), object(x.has, x.val), end)
		} else {
			h.value(h.past.before(x), x.slot, x.had, x.prev, x.has, x.val)
		}
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

// objects takes in that object b made way for object a, either may be nil,
// after the i-th step of the lens. The values that the steps from there lead
// to are compared pair by pair: elements of arrays by their order, those of
// maps by their key. An object that is still there, or was there before, did
// not go or come.
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
	f := h.s.lens.steps[i].f
	one := b
	if b == nil {
		one = a
	}
	switch kind := one.typ.Fields[f].Kind; kind {
	case Inner:
		h.objects(b.innerOf(f), a.innerOf(f), i+1)
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
			h.objects(object(had, prev), object(has, val), i+1)
		} else {
			h.value(slot{n: b, f: f}, slot{n: a, f: f}, had, prev, has, val)
		}
	default:
		h.lists(b.listOf(f), a.listOf(f), i+1)
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

// lists takes in that list b made way for list a; the i-th step is the one to
// their elements.
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
			h.objects(object(had, be.val), object(has, ae.val), i+1)
			return
		}
		h.value(b.slot(be.key), a.slot(ae.key), had, be.val, has, ae.val)
	}
	if s := &h.s.lens.steps[i]; s.kind == toKey {
		had, prev := h.past.element(b, s.key)
		has, val := a.element(s.key)
		pair(element{s.key, prev}, element{s.key, val}, had, has)
		return
	}
	bs, as := h.past.elements(b), a.elements()
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

// idle tells whether nothing changed.
func (x *Change) idle() bool {
	if !x.Had || !x.Has {
		return x.Had == x.Has
	}
	return x.leaf.same(x.Prev, x.Val)
}

// foldChanges makes one change a place, the first old value and the last new
// one, of those of several commits.
func foldChanges(commits []*Commit) []Change {
	var out []Change
	here := map[slot]int{} // of out, by where the place is, or was when it went
	for _, c := range commits {
		folded := make([]int, len(c.changes)) // where they are in out
		for j, x := range c.changes {
			at := x.from
			if !x.Had {
				at = x.to
			}
			i, ok := here[at]
			if ok && out[i].Has == x.Had {
				delete(here, at)
				out[i].Has, out[i].Val, out[i].to = x.Has, x.Val, x.to
			} else {
				i = len(out)
				out = append(out, x)
			}
			folded[j] = i
		}
		followMoves(here, out, c.moved)
		for j, x := range c.changes {
			if !x.Has {
				here[x.from] = folded[j]
			}
		}
		for j, x := range c.changes { // last: what is there hides what is gone
			if x.Has {
				here[x.to] = folded[j]
			}
		}
	}
	return slices.DeleteFunc(out, func(x Change) bool { return x.idle() })
}

// followMoves moves folded changes to where their values are now.
func followMoves(here map[slot]int, out []Change, moves []moved) {
	kept := make([]int, len(moves))
	for j, m := range moves {
		i, ok := here[m.from]
		if !ok || !out[i].Has {
			i = -1
		} else {
			delete(here, m.from)
		}
		kept[j] = i
	}
	for j, m := range moves {
		if i := kept[j]; i >= 0 {
			out[i].to = m.to
			here[m.to] = i
		}
	}
}
