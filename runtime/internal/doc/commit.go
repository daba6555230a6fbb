package doc

import (
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Origin says where a commit came from.
type Origin uint8

// The origins of commits.
const (
	Local     Origin = iota // made here
	Remote                  // made elsewhere and applied here
	TakenBack               // made here and refused by the store
)

// Cause is who made a commit, and why.
type Cause struct {
	Origin      Origin
	By, Because string
	mark        *Undo // that has made it
}

// Commit is what listeners get: deltas that happened together, at most one a
// slot. It is not changed any more.
//
// What happened inside objects that came with the commit, or went with it, is
// left out: whoever gets the object gets that.
type Commit struct {
	Cause
	Time     time.Time
	Deltas   []Delta
	Digested bool // folded from several, because the reader was behind
	seq      uint64
	changes  []Change // for one who looks through a lens: see hearing.go
	moved    []moved
	renames  []Delta // renumberings: nobody hears of them, but folding needs them
	settle   bool    // aside is of what went only: see settled
	aside    []Delta // of what is local, and of what was outside the tree or is, for those who watch that
	moves    bool    // slots got objects, or lost them

	Shared unsafe.Pointer // for callers, who set it by atomic operations; nil when made
}

// empty tells whether a commit says nothing.
func (c *Commit) empty() bool { return len(c.Deltas) == 0 && len(c.changes) == 0 }

// renumbers tells whether a commit says more than it tells.
func (c *Commit) renumbers() bool { return len(c.renames) > 0 || len(c.moved) > 0 }

// slot identifies what a delta changes.
type slot struct {
	n   *Node
	l   *List
	f   int32
	key pos.Key
}

// commit makes what was logged into one: at most one delta a slot.
func (d *Document) commit(c Cause) *Commit {
	if len(d.log) == 1 && d.log[0].Renamed() == nil {
		one := &struct {
			Commit
			delta [1]Delta
		}{Commit: Commit{Cause: c, Time: d.time.now(), seq: d.out.commits + 1}}
		commit := &one.Commit
		one.delta[0] = d.log[0]
		x := &one.delta[0]
		if x.idle() {
			return commit
		}
		if x.N.typ.Fields[x.F].typ != nil {
			commit.moves = true
			if c, ok := x.Val.(*Node); ok && x.Has {
				d.arrives(x, c)
			}
		}
		if !x.N.local(x.F) && x.N.stored() {
			commit.Deltas = one.delta[:]
		} else {
			commit.aside = one.delta[:]
		}
		return commit
	}
	commit := &Commit{Cause: c, Time: d.time.now(), seq: d.out.commits + 1}
	p := d.past()
	commit.renames, commit.moves = p.renames(), p.moves()
	v := view{past: p, to: d.root, f: -1}
	for i := range p.slots {
		x, ok := p.slots[i].delta()
		if !ok {
			continue
		}
		if c, ok := x.Val.(*Node); ok && x.Has {
			d.arrives(&x, c)
		}
		if v.has(x.N, x.F) && v.had(x.N, x.F) {
			commit.Deltas = append(commit.Deltas, x)
		} else {
			commit.aside = append(commit.aside, x)
		}
	}
	return commit
}

// arrives notes whether c, which a slot has got, was outside the tree before
// the operation. Then listeners get its content with it.
func (d *Document) arrives(x *Delta, c *Node) {
	x.came = c.fresh == d.ops
	if !x.came {
		v := view{past: d.past(), to: d.root, f: -1}
		x.came = !v.hadNode(c)
	}
	if x.came {
		x.bring(c.frozen())
	}
}

// frozen is the content of n as it is, nil when something in it is in several
// places: a plain struct would have that in each, a million times in twenty
// objects that hold each other twice. Its handle has to do then.
func (n *Node) frozen() any {
	shared := false
	n.nodes(func(m *Node) { shared = shared || m != n && len(m.more) > 0 })
	if shared {
		return nil
	}
	return n.plain()
}

// idle tells whether a delta changes nothing.
func (x *Delta) idle() bool {
	if !x.Had || !x.Has {
		return x.Had == x.Has
	}
	return x.same()
}

// delta is what happened to one slot; ok is false when that is nothing.
func (x *passed) delta() (_ Delta, ok bool) {
	if x.renamed {
		return Delta{}, false
	}
	y := Delta{Head: Head{N: x.n, F: x.f, Had: x.had, Has: x.has}, L: x.l, Key: x.key}
	y.startAt(x.old)
	if x.had {
		y.Prev = x.prev
	}
	if x.has {
		y.Val = x.val
	}
	return y, !y.idle()
}

// moves tells whether slots got objects, or lost them.
func (p *past) moves() bool { return p.held != nil || p.brings }

// renames gives the renumberings, one a list.
func (p *past) renames() (to []Delta) {
	var lists map[*List][]*passed
	for i := range p.slots {
		x := &p.slots[i]
		if x.l == nil || !x.had || !x.has || x.old == x.key {
			continue
		}
		if lists == nil {
			lists = map[*List][]*passed{}
		}
		lists[x.l] = append(lists[x.l], x)
	}
	for l, xs := range lists {
		slices.SortFunc(xs, func(a, b *passed) int { return strings.Compare(string(a.key), string(b.key)) })
		r := &Renamed{}
		for _, x := range xs {
			r.Old, r.New = append(r.Old, x.old), append(r.New, x.key)
		}
		if l.owner.doc.undos.Load() > 0 {
			r.beside = p.beside(l, xs)
		}
		to = append(to, Delta{Head: Head{N: l.owner, F: l.f}, L: l, extra: &extra{renamed: r}})
	}
	return to
}

// beside gives the neighbours of renumbered elements, in the order of the list,
// that were there before and kept their keys.
func (p *past) beside(l *List, xs []*passed) (ks []pos.Key) {
	stayed := func(i, step int) {
		for ; 0 <= i && i < l.Len(); i += step {
			k := l.cells.Key(i)
			x := p.find(slot{l.owner, l, l.f, k})
			switch {
			case x == nil || x.had && x.old == k:
				ks = append(ks, k)
				return
			case x.had: // another of xs
				return
			}
		}
	}
	for _, x := range xs {
		if i, ok := l.Find(x.key); ok {
			stayed(i-1, -1)
			stayed(i+1, +1)
		}
	}
	slices.Sort(ks)
	return slices.Compact(ks)
}

// view is a document as somebody sees it who watches a part of it, after an
// operation and before: all but what is in local fields that he does not name.
type view struct {
	past *past
	to   *Node // the part
	f    int32 // the field of it; -1 for all

	// fixed asks for what was in view in between, too: over slots that nobody
	// touched. Of what has moved somebody who hears of a part alone cannot
	// tell whether it was.
	fixed bool

	memo    map[*Node]bool
	last    *Node // the one that was asked for last: they come in runs
	lastHad bool
}

// has tells whether field f of n is in view, had whether it was.
func (v *view) has(n *Node, f int32) bool {
	switch {
	case n == v.to && v.f >= 0:
		return v.f == f
	case n.local(f):
		return false
	}
	return n == v.to || n.shown(v.to, v.f)
}

func (v *view) had(n *Node, f int32) bool {
	switch {
	case n == v.to && v.f >= 0:
		return v.f == f
	case n.local(f):
		return false
	case n == v.to:
		return true
	case !v.past.moves() && !v.fixed:
		return v.has(n, f)
	case n != v.last:
		v.last, v.lastHad = n, v.hadNode(n)
	}
	return v.lastHad
}

// hadNode tells whether n was in view.
func (v *view) hadNode(n *Node) (had bool) {
	if n == v.to {
		return true
	}
	if had, known := v.memo[n]; known {
		return had
	}
	if v.memo == nil {
		v.memo = map[*Node]bool{}
	}
	holders := v.past.holders
	if v.fixed {
		holders = v.past.untouched
	}
	holders(n, func(h *holder) bool {
		switch {
		case h.n == v.to && v.f >= 0:
			had = h.f == v.f
		case !h.local():
			had = h.n == v.to || v.hadNode(h.n)
		}
		return !had
	})
	v.memo[n] = had
	return had
}

// untouched yields the slots that hold n, and held it all the time.
func (p *past) untouched(n *Node, yield func(*holder) bool) {
	for h := range n.holders {
		if x := p.find(slot{h.n, h.l, h.f, h.key}); x != nil && !x.renamed {
			continue
		}
		if !yield(h) {
			return
		}
	}
}

// digest folds commits that were waiting for s into one. What is shown now is
// what they lead to. An object that was moved comes with its content, or as
// its handle: it may have been out of view meanwhile, and what happened to it
// then is in none of the commits.
func (d *Document) digest(commits []*Commit, s *Subscription) *Commit {
	if d.opts.Folded != nil {
		d.opts.Folded.Add(1)
	}
	var (
		log   []Delta
		fresh map[*Node]bool // objects whose content came with a commit
	)
	for _, c := range commits {
		log = c.unfold(log)
		for i := range c.Deltas {
			if x := &c.Deltas[i]; x.Plain() != nil {
				if fresh == nil {
					fresh = map[*Node]bool{}
				}
				fresh[x.Val.(*Node)] = true
			}
		}
	}
	last := commits[len(commits)-1]
	p := pastOf(log)
	to := &Commit{
		Cause: Cause{Origin: last.Origin}, Time: last.Time, Digested: true, seq: last.seq,
		changes: foldChanges(commits), renames: p.renames(),
	}
	v := view{past: p, to: s.n, f: s.f, fixed: true}
	for i := range p.slots {
		x, ok := p.slots[i].delta()
		if c, isNode := x.Val.(*Node); isNode && x.Has && !v.hadNode(c) {
			x.came, ok = true, true
			if fresh[c] {
				x.bring(c.frozen())
			}
		}
		if ok && v.had(x.N, x.F) {
			to.Deltas = append(to.Deltas, x)
		}
	}
	if witness != nil {
		witness.folded(s, commits, to)
	}
	return to
}

// unfold appends what a commit says in an order in which it could have
// happened: what went, by the keys before it, then renumberings, then the
// rest, by the keys after it.
func (c *Commit) unfold(log []Delta) []Delta {
	for _, x := range c.Deltas {
		if !x.Has {
			x.Key = x.start()
			log = append(log, x)
		}
	}
	log = append(log, c.renames...)
	for _, x := range c.Deltas {
		if x.Has {
			log = append(log, x)
		}
	}
	return log
}
