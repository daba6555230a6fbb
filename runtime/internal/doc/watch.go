package doc

import (
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
	*subs = append(slices.Clip(*subs), s)
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

// StopIn is Stop inside a transaction of the document.
func (s *Subscription) stop() {
	if s.off {
		return
	}
	s.off = true
	w := s.n.watchers
	subs := w.of(s)
	i := slices.Index(*subs, s)
	*subs = slices.Delete(slices.Clone(*subs), i, i+1)
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
	if len(d.out.readers) == 0 && !d.concerns(false) {
		return
	}
	deltas := d.fold(d.log)
	for i := range deltas {
		if c, ok := deltas[i].Val.(*Node); ok && c.fresh == d.ops {
			deltas[i].Plain = c.plain()
		}
	}
	commit := &Commit{Cause: c, Time: now(), Deltas: deltas, seq: d.out.commits + 1}
	var calls []call
	if d.watching > d.out.lenses {
		calls = d.hits(commit)
	}
	if d.out.lenses > 0 && d.concerns(true) {
		calls = append(calls, d.through(commit)...)
	}
	if len(deltas) == 0 && len(calls) == 0 {
		return
	}
	d.out.commits++
	for _, r := range d.out.readers {
		if len(deltas) > 0 {
			r.add(commit)
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return int(int64(a.s.seq) - int64(b.s.seq)) })
	for _, w := range calls {
		switch {
		case w.s.after >= commit.seq:
		case w.s.reader != nil:
			w.s.reader.put(w.c)
		default:
			d.out.add(w.s, w.c)
		}
	}
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

// hits gives those who watch objects and lists what concerns them of a commit.
func (d *Document) hits(commit *Commit) []call {
	hits := map[*Subscription][]int{}
	var order []*Subscription
	for i := range commit.Deltas {
		x := &commit.Deltas[i]
		x.N.hit(x.F, func(s *Subscription) {
			at := hits[s]
			if len(at) > 0 && at[len(at)-1] == i {
				return // through a second holder
			}
			if at == nil {
				order = append(order, s)
			}
			hits[s] = append(at, i)
		})
	}
	calls := make([]call, len(order))
	for j, s := range order {
		calls[j] = call{s, commit.only(hits[s])}
	}
	return calls
}

// only is c with some of its deltas.
func (c *Commit) only(at []int) *Commit {
	if len(at) == len(c.Deltas) {
		return c
	}
	own := *c
	own.Deltas = make([]Delta, len(at))
	for j, i := range at {
		own.Deltas[j] = c.Deltas[i]
	}
	return &own
}

// hit calls found with the subscriptions that a change of field f of n
// concerns: those of n and of everything above it.
func (n *Node) hit(f int32, found func(*Subscription)) {
	if n.watchers != nil {
		for _, s := range n.watchers.subs {
			if s.f < 0 || s.f == f {
				found(s)
			}
		}
	}
	for h := range n.holders {
		h.n.hit(h.f, found)
	}
}
