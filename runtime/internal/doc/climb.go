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
	if f >= 0 && int(f) < len(w.lenses) {
		for _, s := range w.lenses[f] {
			if s.typed && !s.lens.meets(a.typ, a.f) {
				continue
			}
			if a.found == nil {
				return true
			}
			a.found(s)
		}
	}
	return !a.lenses && slices.ContainsFunc(w.subs, func(s *Subscription) bool { return s.f < 0 || s.f == f })
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
		return s.goes(h.n.typ, h.f) && c.at(h.n, j)
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
		return h.l != nil && s.goes(h.n.typ, h.f) && c.at(h.n, end-1) || c.below(h.n)
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
		if !s.goes(x.N.typ, x.F) || !c.at(x.N, i) {
			continue
		}
		if x.L == nil || i+1 == len(c.lens.steps) || c.lens.steps[i+1].takes(x.Key) {
			return true
		}
	}
	return c.below(x.N)
}
