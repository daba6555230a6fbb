package doc

import (
	"cmp"
	"slices"
)

// Subscription is somebody who gets commits about a node or one of its lists,
// and everything below.
type Subscription struct {
	d      *Document
	n      *Node
	f      int32 // of the list or nested object watched; -1 for all of n
	lens   *Lens // that it looks through from n; nil for none
	typed  bool  // it gets the changes of what the lens leads to, not commits
	call   func(*Commit)
	reader *Reader // gets the commits in the stead of call; nil for none
	seq    uint64  // of the subscription: the order of calls
	after  uint64  // the commit it began after
	off    bool    // guarded by the document's lock

	climb   uint64   // the last ascent that found it
	hearing *hearing // of the operation that is being published
	mark    uint64   // the last commit that concerned it
	at      []int    // the deltas of it that do
}

// watchers are the subscriptions at one node.
type watchers struct {
	subs   []*Subscription
	lenses [][]*Subscription // through lenses, by the field that those begin with
	count  int               // of all
}

// of gives those that s belongs to.
func (w *watchers) of(s *Subscription) *[]*Subscription {
	if s.lens == nil {
		return &w.subs
	}
	if w.lenses == nil {
		w.lenses = make([][]*Subscription, len(s.n.typ.Fields))
	}
	return &w.lenses[s.lens.steps[0].f]
}

// Watch calls call with every later commit about n, or, with a field f of n
// that is not negative, about what is in that field. What was subscribed
// inside a transaction stays, also when that is rolled back, and begins with
// the commit after it. No call starts after Stop; the calls come one at a
// time, on any goroutine, and without any lock.
func (n *Node) Watch(f int, call func(*Commit)) *Subscription {
	d := n.doc
	if n.typ != nil && f >= 0 && n.typ.Fields[f].Kind == Inner {
		n, f = n.inner(f), -1
	}
	s := &Subscription{d: d, n: n, f: int32(f), call: call}
	s.begin()
	return s
}

// begin makes s hear of what happens next. The lock is held.
func (s *Subscription) begin() {
	d, n := s.d, s.n
	d.out.subscriptions++
	s.seq, s.after = d.out.subscriptions, d.out.commits
	if d.tx != nil && !d.tx.view {
		s.after++ // the commit that the transaction will be
	}
	if n.watchers == nil {
		n.watchers = &watchers{}
	}
	subs := n.watchers.of(s)
	*subs = append(*subs, s)
	n.watchers.count++
	if s.lens != nil {
		d.out.lenses++
	}
	d.watch(+1)
}

// Stop ends the subscription. It may be called again, from a listener too.
func (s *Subscription) Stop() {
	s.d.lock()
	defer s.d.mu.Unlock()
	s.stop()
}

// stop is Stop with the lock held.
func (s *Subscription) stop() {
	if s.off {
		return
	}
	s.off = true
	w := s.n.watchers
	subs := w.of(s)
	i := slices.Index(*subs, s)
	*subs = slices.Delete(*subs, i, i+1)
	if w.count--; w.count == 0 {
		s.n.watchers = nil
	}
	if s.lens != nil {
		s.d.out.lenses--
	}
	s.d.watch(-1)
}

// watch counts those who need commits.
func (d *Document) watch(by int) {
	was := d.watching > 0
	d.watching += by
	if is := d.watching > 0; is != was {
		d.host.Watched(d, is)
	}
}

// publish queues a commit of what was logged for everybody that it concerns.
func (d *Document) publish(c Cause) {
	if !d.concerns(false) {
		return
	}
	commit := d.commit(c)
	var room [8]call
	calls := room[:0]
	if d.watching > d.out.lenses {
		calls = d.hits(commit, calls)
	}
	if d.out.lenses > 0 && d.concerns(true) {
		calls = append(calls, d.through(commit)...)
	}
	if len(calls) == 0 {
		return
	}
	d.out.commits++
	if len(calls) > 1 {
		slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.s.seq, b.s.seq) })
	}
	for _, w := range calls {
		switch {
		case w.s.after >= commit.seq:
		case w.s.reader != nil:
			w.s.reader.put(w.c)
		default:
			d.out.add(w)
		}
	}
	d.out.bound()
}

// concerns tells whether anybody may listen to what the operation touched;
// with lenses, whether anybody may who looks through one.
func (d *Document) concerns(lenses bool) bool {
	for i := range d.log {
		x := &d.log[i]
		if i > 0 && x.N == d.log[i-1].N && x.F == d.log[i-1].F {
			continue // they come in runs
		}
		a := ascent{typ: x.N.typ, f: x.F, lenses: lenses}
		if a.any(x.N, x.F) {
			return true
		}
	}
	return false
}

// hits appends those who watch objects and lists, with what concerns them of a
// commit.
func (d *Document) hits(commit *Commit, calls []call) []call {
	h := hits{d: d, calls: calls}
	for i := range commit.Deltas {
		h.find(&commit.Deltas[i], i)
	}
	for i := range commit.aside {
		h.find(&commit.aside[i], len(commit.Deltas)+i)
	}
	for i := range commit.renames {
		h.find(&commit.renames[i], -1)
	}
	for i := range h.calls[len(calls):] {
		w := &h.calls[len(calls)+i]
		w.c = commit.of(w.s)
		clear(w.s.at)
		w.s.at = spare(w.s.at)
	}
	return h.calls
}

// hits looks for those who watch what a delta changes.
type hits struct {
	d     *Document
	count uint64 // of the ascent
	i     int    // of the delta
	calls []call
	seen  map[*Node]bool // with several holders
}

func (h *hits) find(x *Delta, i int) {
	h.d.out.climbs++
	h.count, h.i = h.d.out.climbs, i
	clear(h.seen)
	h.up(x.N, x.F)
}

// up takes the subscriptions of n and of everything above it that field f of n
// concerns. What is in a local field concerns those who name the field, and
// nobody above.
func (h *hits) up(n *Node, f int32) {
	for {
		local := n.local(f)
		if w := n.watchers; w != nil {
			h.take(w, f, local)
		}
		if local {
			return
		}
		if len(n.more) > 0 {
			break
		}
		if !n.held() {
			return
		}
		n, f = n.up.n, n.up.f
	}
	if h.seen[n] {
		return
	}
	if h.seen == nil {
		h.seen = map[*Node]bool{}
	}
	h.seen[n] = true
	for o := range n.holders {
		h.up(o.n, o.f)
	}
}

// take takes those of one node that hear of its field f: of a local one only
// those who name it.
func (h *hits) take(w *watchers, f int32, local bool) {
	for _, s := range w.subs {
		if s.f != f && (s.f >= 0 || local) || s.climb == h.count {
			continue
		}
		s.climb = h.count
		if s.mark != h.d.out.commits+1 {
			s.mark = h.d.out.commits + 1
			h.calls = append(h.calls, call{s: s})
		}
		if h.i >= 0 {
			s.at = append(s.at, h.i)
		}
	}
}

// of is what of c concerns s, which has found the deltas that might: the
// slots that it saw before and sees now.
func (c *Commit) of(s *Subscription) *Commit {
	if s.n == s.d.root && s.f < 0 {
		at := s.at
		for len(at) > 0 && at[len(at)-1] >= len(c.Deltas) {
			at = at[:len(at)-1] // aside: not in the tree both times
		}
		return c.only(at)
	}
	if !c.moves {
		return c.only(s.at)
	}
	at := s.at[:0]
	v := view{past: s.d.past(), to: s.n, f: s.f}
	for _, i := range s.at {
		if x := c.delta(i); v.had(x.N, x.F) {
			at = append(at, i)
		}
	}
	own := *c
	own.aside, own.Deltas = nil, make([]Delta, len(at))
	for j, i := range at {
		own.Deltas[j] = *c.delta(i)
		if x := &own.Deltas[j]; x.Has {
			n, ok := x.Val.(*Node)
			x.came = ok && !v.hadNode(n)
		}
	}
	return &own
}

// delta gives the i-th delta, those aside being counted last.
func (c *Commit) delta(i int) *Delta {
	if i < len(c.Deltas) {
		return &c.Deltas[i]
	}
	return &c.aside[i-len(c.Deltas)]
}

// only is c with some of its deltas.
func (c *Commit) only(at []int) *Commit {
	if len(at) == len(c.Deltas) && (len(at) == 0 || at[len(at)-1] == len(at)-1) {
		return c
	}
	own := *c
	own.Deltas, own.aside = make([]Delta, len(at)), nil
	for j, i := range at {
		own.Deltas[j] = *c.delta(i)
	}
	return &own
}
