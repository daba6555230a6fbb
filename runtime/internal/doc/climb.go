package doc

import "slices"

// above calls found, once, with every subscription through a lens that may
// hear of what happens in field f of n.
func (d *Document) above(n *Node, f int32, found func(*Subscription)) {
	d.out.climbs++
	a, count := ascent{typ: n.typ, f: f, lenses: true}, d.out.climbs
	a.found = func(s *Subscription) {
		if s.climb != count {
			s.climb = count
			found(s)
		}
	}
	a.any(n, f)
}

// ascent is a walk from a slot up to all that contain it, over any holder.
type ascent struct {
	typ    *Type // of the object that it begins in, and its field
	f      int32
	lenses bool                // look for subscriptions through lenses only
	found  func(*Subscription) // gets those; nil ends the walk at the first
	seen   map[*Node]bool      // with several holders
}

// any takes field f of n and what is above, and tells whether the walk ended.
func (a *ascent) any(n *Node, f int32) bool {
	if w := n.watchers; w != nil && a.at(w, f) {
		return true
	}
	if len(n.more) > 0 {
		if a.seen[n] {
			return false
		}
		if a.seen == nil {
			a.seen = map[*Node]bool{}
		}
		a.seen[n] = true
	}
	for h := range n.holders {
		if a.any(h.n, h.f) {
			return true
		}
	}
	return false
}

func (a *ascent) at(w *watchers, f int32) bool {
	for s := range w.looking(f) {
		if s.typed && !s.lens.meets(a.typ, a.f) {
			continue
		}
		if a.found == nil {
			return true
		}
		a.found(s)
	}
	return !a.lenses && slices.ContainsFunc(w.subs, func(s *Subscription) bool { return s.f < 0 || s.f == f })
}

// climb tells where objects are in a lens: at which of its places from its
// beginning; as it is now or, with a past, as it was before.
type climb struct {
	lens *Lens
	from *Node
	past *past
	memo map[rung]bool // of objects with several holders
}

// beyond is the place of all that is below what a lens leads to.
const beyond = -1

// at tells whether n is at place i of the lens.
func (c *climb) at(n *Node, i int) bool {
	if i == 0 && n == c.from {
		return true
	}
	if i == 0 && len(c.lens.loops) == 0 {
		return false
	}
	return c.remember(n, i, func(h *holder) bool { return c.came(n, h, i) })
}

// came tells whether a step to place i leads through h, which holds n.
func (c *climb) came(n *Node, h *holder, i int) bool {
	for j := range c.lens.to(i) {
		if c.lens.step(j).kind != into {
			if h.l == nil || !c.takes(c.lens.step(j), n, h) {
				continue
			}
			j--
		} else if h.l != nil {
			continue
		}
		if c.lens.step(j).goes(h.n.typ, h.f) && c.at(h.n, c.lens.place(j)) {
			return true
		}
	}
	return false
}

// takes tells whether a step to an element leads through h, then or now.
func (c *climb) takes(s *step, n *Node, h *holder) bool {
	if s.kind == toIndex && c.past != nil {
		es := c.past.elements(h.l)
		return s.index < len(es) && es[s.index].val == any(n)
	}
	return s.takes(h.l, h.key)
}

// below tells whether n is where the lens leads to, or below that. What is in
// a local field is below only for who names it.
func (c *climb) below(n *Node) bool {
	end := len(c.lens.steps)
	if c.at(n, end) {
		return true
	}
	return c.remember(n, beyond, func(h *holder) bool {
		s := &c.lens.steps[end-1]
		return h.l != nil && s.goes(h.n.typ, h.f) && c.at(h.n, end-1) || !h.local() && c.below(h.n)
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
	s := ref{x.N, x.L, x.F, x.Key, x.Had != x.Has}
	if c.lens.governed() {
		return c.lens.hears(c.from, s)
	}
	for i := range c.lens.steps {
		if !c.lens.steps[i].goes(x.N.typ, x.F) || !c.at(x.N, i) {
			continue
		}
		if x.L == nil || i+1 == len(c.lens.steps) || c.lens.steps[i+1].concerns(&s) {
			return true
		}
	}
	return !x.N.typ.Fields[x.F].Local && c.below(x.N)
}

// concerns tells whether what happened to an element may concern what the
// step leads to: behind an index also what happened before it in the array.
func (s *step) concerns(x *ref) bool {
	if s.kind != toIndex {
		return s.takes(x.l, x.key)
	}
	i, _ := x.l.Find(x.key)
	return i == s.index || i < s.index && x.shifts
}
