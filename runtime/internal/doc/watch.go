package doc

import (
	"cmp"
	"iter"
	"slices"
	"sync/atomic"
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
	reader *Reader      // gets the commits in the stead of call; nil for none
	seq    uint64       // of the subscription: the order of calls
	after  uint64       // the commit it began after
	alone  func(*Alone) // gets what is set alone, in the stead of call; nil when call gets it too
	off    atomic.Bool  // nothing is told any more; set with the document's lock held, but for Stop

	climb   uint64   // the last ascent that found it
	hearing *hearing // of the operation that is being published
	mark    uint64   // the last commit that concerned it
	at      []int    // the deltas of it that do
}

// watchers are the subscriptions at one node.
type watchers struct {
	subs   []*Subscription
	lenses [][]*Subscription // through lenses, by the field that those begin with
	wild   []*Subscription   // through lenses that do not begin with one field
	count  int               // of all
}

// of gives those that s belongs to.
func (w *watchers) of(s *Subscription) *[]*Subscription {
	if s.lens == nil {
		return &w.subs
	}
	if len(s.lens.steps) == 0 || len(s.lens.loops) > 0 && s.lens.loops[0].at == 0 {
		return &w.wild
	}
	if w.lenses == nil {
		w.lenses = make([][]*Subscription, len(s.n.typ.Fields))
	}
	return &w.lenses[s.lens.steps[0].f]
}

// looking yields those who look through lenses and may look into field f.
func (w *watchers) looking(f int32) iter.Seq[*Subscription] {
	return func(yield func(*Subscription) bool) {
		if f >= 0 && int(f) < len(w.lenses) {
			for _, s := range w.lenses[f] {
				if !yield(s) {
					return
				}
			}
		}
		for _, s := range w.wild {
			if !yield(s) {
				return
			}
		}
	}
}

// Listener says what somebody wants to hear of, and how he is told.
type Listener struct {
	Field int   // of the object, what is in it; -1 for all of the object
	Lens  *Lens // through which he looks from the object; nil for none
	Typed bool  // he wants the changes of the values that the lens leads to, see [Commit.Changes], whatever brought them about

	// Commit gets the commits: without a lens those about the object or field,
	// with one those with deltas on the way to its places, at them and below.
	Commit func(*Commit)
	// Alone gets, in the stead of Commit, what was set alone.
	Alone func(*Alone)
}

// Listen begins a subscription, with the next commit. What was subscribed
// inside a transaction stays, also when that is rolled back, and begins with
// the commit after it. No call starts after Stop; the calls come one at a time,
// on any goroutine, and without any lock. The lock is held.
func (n *Node) Listen(l Listener) *Subscription {
	s := &Subscription{d: n.doc, lens: l.Lens, typed: l.Typed, call: l.Commit, alone: l.Alone}
	s.n, s.f = n.part(l.Field)
	s.begin()
	if s.alone == nil {
		s.alone = func(x *Alone) { s.call(x.commit(s)) }
	}
	return s
}

// part gives what is watched for field f of n: an object that is always there
// is watched itself.
func (n *Node) part(f int) (*Node, int32) {
	if f >= 0 && n.typ.Fields[f].Kind == Inner {
		return n.inner(f), -1
	}
	return n, int32(f)
}

// Watch is Listen for commits about n, or about field f of it.
func (n *Node) Watch(f int, call func(*Commit)) *Subscription {
	return n.Listen(Listener{Field: f, Commit: call})
}

// begin makes s hear of what happens next. The lock is held.
func (s *Subscription) begin() {
	d, n := s.d, s.n
	if s.lens != nil && s.lens.empty() {
		s.lens = nil
	}
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
	d.out.reshape(false)
	if s.lens != nil {
		d.out.lenses++
	}
	d.watch(+1)
	if witness != nil {
		witness.begins(s)
	}
}

// Stop ends the subscription. It may be called again, from a listener and from
// inside an Update or View of the document too; there it is taken off the
// document when that is over.
func (s *Subscription) Stop() {
	if witness != nil {
		witness.stops(s)
	}
	if s.off.Swap(true) {
		return
	}
	d := s.d
	if !d.mu.TryLock() {
		if here().spells(d.spelled()) {
			d.host.Go(func() {
				d.mu.Lock()
				s.stop()
				d.mu.Unlock()
			})
			return
		}
		d.lock()
	}
	s.stop()
	d.mu.Unlock()
}

// stop is Stop with the lock held.
func (s *Subscription) stop() {
	w := s.n.watchers
	subs := w.of(s)
	i := slices.Index(*subs, s)
	*subs = slices.Delete(*subs, i, i+1)
	if w.count--; w.count == 0 {
		s.n.watchers = nil
	}
	s.d.out.reshape(true)
	if s.lens != nil {
		s.d.out.lenses--
	}
	s.d.watch(-1)
}

// watch counts those who need commits.
func (d *Document) watch(by int) {
	was := d.watching > 0
	d.watching += by
	if d.watching > 0 {
		d.loners()
	}
	if is := d.watching > 0; is != was && len(d.digests) == 0 {
		d.host.Watched(d, is)
	}
}

// loners makes room for what is set alone.
func (d *Document) loners() {
	if d.one == nil {
		d.one = &Alone{}
		d.one.other = &Alone{other: d.one}
	}
}

// publish queues a commit of what was logged for everybody that it concerns.
func (d *Document) publish(c Cause) {
	if !d.concerns(false) {
		return
	}
	commit := d.commit(c)
	calls := d.out.calls
	if d.watching > d.out.lenses {
		calls = d.hits(commit, calls)
	}
	if d.out.lenses == d.watching || d.out.lenses > 0 && d.concerns(true) {
		calls = d.through(commit, calls)
	}
	defer func() {
		clear(calls)
		d.out.calls = spare(calls)
	}()
	if len(calls) == 0 {
		return
	}
	d.out.commits++
	if len(calls) > 1 {
		slices.SortFunc(calls, func(a, b call) int { return cmp.Compare(a.s.seq, b.s.seq) })
	}
	for _, w := range calls {
		if witness != nil {
			witness.due(w.s, w.c)
		}
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
	own.Deltas = make([]Delta, len(at))
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
	own.Deltas = make([]Delta, len(at))
	for j, i := range at {
		own.Deltas[j] = *c.delta(i)
	}
	return &own
}
