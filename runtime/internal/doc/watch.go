package doc

import (
	"slices"
)

// Subscription is somebody who gets commits about a node or one of its lists,
// and everything below.
type Subscription struct {
	d     *Document
	n     *Node
	f     int32 // of the list or nested object watched; -1 for all of n
	call  func(*Commit)
	seq   uint64 // of the subscription: the order of calls
	after uint64 // the commit it began after
	off   bool   // guarded by the document's lock
}

// watchers are the subscriptions at one node.
type watchers struct{ subs []*Subscription }

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
	d.out.subscriptions++
	s.seq, s.after = d.out.subscriptions, d.out.commits
	if d.tx != nil {
		s.after++ // the commit that the transaction will be
	}
	if n.watchers == nil {
		n.watchers = &watchers{}
	}
	n.watchers.subs = append(slices.Clip(n.watchers.subs), s)
	d.watch(+1)
	return s
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
	if i := slices.Index(w.subs, s); i >= 0 {
		w.subs = slices.Delete(slices.Clone(w.subs), i, i+1)
	}
	if len(w.subs) == 0 {
		s.n.watchers = nil
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

// publish queues a commit for everybody that it concerns.
func (d *Document) publish(deltas []Delta, c Cause) {
	if len(deltas) == 0 || d.watching == 0 {
		return
	}
	d.out.commits++
	for i := range deltas {
		if c, ok := deltas[i].Val.(*Node); ok && c.fresh == d.ops {
			deltas[i].Plain = c.plain()
		}
	}
	commit := &Commit{Cause: c, Time: now(), Deltas: deltas, seq: d.out.commits}
	for _, r := range d.out.readers {
		r.add(commit)
	}
	hits := map[*Subscription][]int{}
	var order []*Subscription
	for i := range deltas {
		x := &deltas[i]
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
	slices.SortFunc(order, func(a, b *Subscription) int { return int(int64(a.seq) - int64(b.seq)) })
	for _, s := range order {
		if s.after >= commit.seq {
			continue
		}
		its := commit
		if at := hits[s]; len(at) < len(deltas) {
			own := *commit
			own.Deltas = make([]Delta, len(at))
			for j, i := range at {
				own.Deltas[j] = deltas[i]
			}
			its = &own
		}
		d.out.add(s, its)
	}
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
