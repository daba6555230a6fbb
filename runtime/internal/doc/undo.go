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

	turn sync.Mutex // held by who takes a step: one at a time

	mu         sync.Mutex
	done, gone []*Commit // guarded by mu; steps to be taken back, and again
}

// NewUndo begins to remember what happens in n and below, at most so many
// steps. By says whose; empty for everybody's of this process.
func (n *Node) NewUndo(by string, bound int) *Undo {
	u := &Undo{n: n, by: by, bound: max(bound, 1)}
	n.doc.lock()
	u.sub = n.Watch(-1, u.hear)
	n.doc.mu.Unlock()
	return u
}

// Stop ends it.
func (u *Undo) Stop() { u.sub.Stop() }

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
	u.follow(c.renames)
	if c.Origin != Local || c.mark == u || c.Digested || u.by != "" && c.By != u.by || len(c.Deltas) == 0 {
		return
	}
	if len(u.done) == u.bound {
		u.done = slices.Delete(u.done, 0, 1)
	}
	step := c.settled() // a copy: the keys in it follow what is renumbered
	for i := range step.renames {
		for j := range step.Deltas {
			if x := &step.Deltas[j]; x.L == step.renames[i].L {
				x.startAt(step.renames[i].Renamed().follow(x.start()))
			}
		}
	}
	step.renames = nil
	u.done = append(u.done, step)
	u.gone = nil
}

// follow brings the keys in the steps up to date; mu is held.
func (u *Undo) follow(renames []Delta) {
	for i := range renames {
		r := &renames[i]
		for _, steps := range [][]*Commit{u.done, u.gone} {
			for _, c := range steps {
				for _, deltas := range [][]Delta{c.Deltas, c.aside} {
					for j := range deltas {
						if x := &deltas[j]; x.L == r.L {
							start := r.Renamed().follow(x.start())
							x.Key = r.Renamed().follow(x.Key)
							x.startAt(start)
						}
					}
				}
			}
		}
	}
}

// follow gives the key that an element has after a renumbering; that of one
// which is not there any more stays between its neighbours.
func (r *Renamed) follow(k pos.Key) pos.Key {
	j, ok := slices.BinarySearch(r.Old, k)
	switch {
	case ok:
		return r.New[j]
	case j == 0 || j == len(r.Old):
		return k
	}
	if ks, ok := pos.Between(r.New[j-1], r.New[j], 1, 64); ok && len(ks) == 1 {
		return ks[0]
	}
	return r.New[j]
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
	u.turn.Lock()
	defer u.turn.Unlock()
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
	u.follow(p.rekeyed)
	return true, p.Skipped, nil
}
