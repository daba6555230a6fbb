package doc

import (
	"context"
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Undo remembers what somebody did to a part of a document, so that it can be
// taken back step by step, the newest first, and done again. A step is a
// commit; what others have changed since in its slots is left alone.
type Undo struct {
	n     *Node
	by    string // whose commits; empty for everybody's of this process
	bound int
	sub   *Subscription

	turn chan struct{} // has one while somebody takes a step: one at a time

	mu         sync.Mutex
	over       bool      // guarded by mu; it was stopped
	done, gone []*Commit // guarded by mu; steps to be taken back, and again
}

// NewUndo begins to remember what happens in n and below, at most so many
// steps. By says whose; empty for everybody's of this process.
func (n *Node) NewUndo(by string, bound int) *Undo {
	u := &Undo{n: n, by: by, bound: max(bound, 1), turn: make(chan struct{}, 1)}
	n.doc.lock()
	n.doc.undos.Add(1)
	u.sub = n.Watch(-1, u.hear)
	n.doc.mu.Unlock()
	return u
}

// Stop ends it: nothing is left to be taken back, or done again.
func (u *Undo) Stop() {
	u.sub.Stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.over {
		u.n.doc.undos.Add(-1)
	}
	u.over, u.done, u.gone = true, nil, nil
}

// Steps says how many steps can be taken back, and how many again.
func (u *Undo) Steps() (back, again int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.done), len(u.gone)
}

// hear is the listener.
func (u *Undo) hear(c *Commit) {
	u.mu.Lock()
	defer u.mu.Unlock()
	step := c.settled() // a copy: the keys in it follow what is renumbered
	u.follow(step.renames, step)
	if u.over || c.Origin != Local || c.mark == u || c.Digested || u.by != "" && c.By != u.by || len(c.Deltas) == 0 {
		return
	}
	if len(u.done) == u.bound {
		u.done = slices.Delete(u.done, 0, 1)
	}
	step.renames = nil
	u.done = append(u.done, step)
	u.gone = nil
}

// follow brings the keys in the steps up to date; mu is held. Of a step that is
// being made, which may be nil, those are old that its slots began with.
func (u *Undo) follow(renames []Delta, made *Commit) {
	for i := range renames {
		l := renames[i].L
		var keys []pos.Key
		u.each(l, func(x *Delta) { keys = append(keys, x.start(), x.Key) })
		if made != nil {
			made.each(l, func(x *Delta) { keys = append(keys, x.start()) })
		}
		to := renames[i].Renamed().follow(keys)
		u.each(l, func(x *Delta) {
			start := to[x.start()]
			x.Key = to[x.Key]
			x.startAt(start)
		})
		if made != nil {
			made.each(l, func(x *Delta) { x.startAt(to[x.start()]) })
		}
	}
}

// each calls f with the deltas of elements of a list in all steps.
func (u *Undo) each(l *List, f func(*Delta)) {
	for _, steps := range [][]*Commit{u.done, u.gone} {
		for _, c := range steps {
			c.each(l, f)
		}
	}
}

// each calls f with the deltas of elements of a list.
func (c *Commit) each(l *List, f func(*Delta)) {
	for _, deltas := range [][]Delta{c.Deltas, c.aside} {
		for i := range deltas {
			if deltas[i].L == l {
				f(&deltas[i])
			}
		}
	}
}

// follow says which keys elements have after a renumbering. Those that are not
// there any more stay between their neighbours, in their order.
func (r *Renamed) follow(keys []pos.Key) map[pos.Key]pos.Key {
	old, now := slices.Concat(r.Old, r.beside), slices.Concat(r.New, r.beside)
	slices.Sort(old)
	slices.Sort(now) // a renumbering leaves elements in their order
	slices.Sort(keys)
	keys = slices.Compact(keys)
	to := make(map[pos.Key]pos.Key, len(keys))
	for len(keys) > 0 {
		j, ok := slices.BinarySearch(old, keys[0])
		if ok {
			to[keys[0]], keys = now[j], keys[1:]
			continue
		}
		n := 1
		var left, right pos.Key
		same := true
		if j > 0 {
			left, same = now[j-1], now[j-1] == old[j-1]
		}
		if j < len(old) {
			right, same = now[j], same && now[j] == old[j]
		}
		for n < len(keys) && (j == len(old) || keys[n] < old[j]) {
			n++
		}
		news := keys[:n]
		if !same {
			if between, ok := pos.Between(left, right, n, 64); ok {
				news = between
			}
		}
		for i, k := range keys[:n] {
			to[k] = news[i]
		}
		keys = keys[n:]
	}
	return to
}

// rekey brings the steps up to date with single elements that got other keys;
// mu is held.
func (u *Undo) rekey(deltas []Delta) {
	for i := range deltas {
		r := deltas[i].Renamed()
		is := func(k pos.Key) pos.Key {
			if k == r.Old[0] {
				return r.New[0]
			}
			return k
		}
		u.each(deltas[i].L, func(x *Delta) {
			start := is(x.start())
			x.Key = is(x.Key)
			x.startAt(start)
		})
	}
}

// Back takes the newest step back; ok is false when there is none. Again does
// the one that was taken back last again. They give the deltas that were left
// alone because others have changed their slots since.
func (u *Undo) Back(ctx context.Context, c Cause) (ok bool, skipped []Delta, err error) {
	return u.step(ctx, &u.done, &u.gone, c)
}

// Again is described with Back.
func (u *Undo) Again(ctx context.Context, c Cause) (ok bool, skipped []Delta, err error) {
	return u.step(ctx, &u.gone, &u.done, c)
}

func (u *Undo) step(ctx context.Context, from, to *[]*Commit, c Cause) (ok bool, skipped []Delta, err error) {
	if err := u.await(ctx); err != nil {
		return false, nil, err
	}
	defer func() { <-u.turn }()
	d := u.n.doc
	if err := d.Settle(ctx); err != nil { // what was done before is heard of
		return false, nil, err
	}
	u.mu.Lock()
	last := len(*from) - 1
	if last < 0 {
		u.mu.Unlock()
		return false, nil, nil
	}
	step := (*from)[last].Inverse()
	*from = slices.Delete(*from, last, last+1)
	u.mu.Unlock()
	c.mark = u
	p, err := d.Perform(step, c, false)
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		*from = append(*from, step.Inverse())
		return false, nil, err
	}
	step.Deltas = slices.DeleteFunc(step.Deltas, func(x Delta) bool {
		return slices.ContainsFunc(p.Skipped, func(y Delta) bool {
			return x.N == y.N && x.F == y.F && x.L == y.L && x.Key == y.Key && x.start() == y.start()
		})
	})
	*to = append(*to, step)
	u.rekey(p.rekeyed)
	return true, p.Skipped, nil
}

// await waits until nobody takes a step. In a listener of a step that may be
// for itself: a long wait there is reported.
func (u *Undo) await(ctx context.Context) error {
	select {
	case u.turn <- struct{}{}:
		return nil
	default:
	}
	defer u.n.doc.reportListener()()
	select {
	case u.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
