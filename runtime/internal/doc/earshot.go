package doc

import (
	"cmp"
	"slices"
)

// earshot is who hears of a slot that is set alone, in the order of their
// calls. To find them takes a walk up to the root and a match of each lens on
// it, so it is kept for the slots that were set last: a set of one of those
// costs nothing but the calls. All of it is worth nothing once an object came
// or went anywhere, or a subscription did, which delivery.shape counts.
type earshot struct {
	n     *Node
	f     int32
	shape uint64
	heard []*Subscription
	path  Path // of the slot, if somebody has asked
}

// earshots is how many slots are kept, by a hash of the slot.
const earshots = 16

// earshot gives the place of a slot among those that are kept.
func (q *delivery) earshot(n *Node, f int32) *earshot {
	if q.near == nil {
		q.near = new([earshots]earshot)
	}
	return &q.near[hashed(n, f)%earshots]
}

// path gives the path to a slot: one for all who ask, as long as every object is
// where it is.
func (q *delivery) path(n *Node, f int32) Path {
	if q.near == nil {
		return n.pathTo(f)
	}
	at := q.earshot(n, f)
	if at.n != n || at.f != f || at.shape != q.shape {
		return n.pathTo(f)
	}
	if at.path == nil {
		at.path = n.pathTo(f)
	}
	return at.path
}

// reshape notes that what is kept is worth nothing. Who has stopped must not
// be held on to.
func (q *delivery) reshape(stopped bool) {
	q.shape++
	if stopped && q.near != nil {
		clear(q.near[:])
	}
}

// hearers finds, in the order of their calls, who hears of a change of one
// value; false when that takes more than a walk up. Nobody is delivering: the
// memory of who was found before is used again.
func (q *delivery) hearers(x *Alone) (heard []*Subscription, ok bool) {
	at := q.earshot(x.n, x.f)
	if at.n == x.n && at.f == x.f && at.shape == q.shape {
		return at.heard, true
	}
	at.n, at.path = nil, nil
	heard, ok = q.seek(x, at.heard[:0])
	if at.heard = heard; ok {
		at.n, at.f, at.shape = x.n, x.f, q.shape
	}
	return heard, ok
}

// seek walks up, and appends who hears of x.
func (q *delivery) seek(x *Alone, heard []*Subscription) ([]*Subscription, bool) {
	inOrder, public := true, true
	for n, f := x.n, x.f; ; n, f = n.up.n, n.up.f {
		if len(n.more) > 0 {
			return heard, false
		}
		local := n.local(f)
		if w := n.watchers; w != nil {
			before := len(heard)
			for _, s := range w.subs {
				if public && (s.f == f || s.f < 0 && !local) {
					heard = append(heard, s)
				}
			}
			ok := true
			if f >= 0 && int(f) < len(w.lenses) {
				heard, ok = thoseWho(heard, w.lenses[f], x)
			}
			if ok {
				heard, ok = thoseWho(heard, w.wild, x)
			}
			if !ok {
				return heard, false
			}
			for _, s := range heard[before:] {
				if s.alone == nil || s.after > q.commits {
					return heard, false
				}
			}
			for i := max(before, 1); i < len(heard); i++ {
				inOrder = inOrder && heard[i-1].seq < heard[i].seq
			}
		}
		public = public && !local
		if !n.held() {
			break
		}
	}
	if !inOrder {
		slices.SortFunc(heard, func(a, b *Subscription) int { return cmp.Compare(a.seq, b.seq) })
	}
	return heard, true
}
