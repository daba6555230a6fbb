package doc

import (
	"context"
	"slices"
)

// Reader pulls a document's commits. One that falls behind gets what it
// missed folded into one commit: it holds up nobody and its memory is bounded.
type Reader struct {
	n       *Node
	f       int32
	waiting []*Commit     // guarded by the document's lock
	more    chan struct{} // holds one token while something waits
}

// NewReader begins with the commit after this call; the caller ends it with
// Close.
func (n *Node) NewReader(f int) *Reader {
	if f >= 0 && n.typ.Fields[f].Kind == Inner {
		n, f = n.inner(f), -1
	}
	d := n.doc
	r := &Reader{n: n, f: int32(f), more: make(chan struct{}, 1)}
	d.lock()
	d.out.readers = append(slices.Clip(d.out.readers), r)
	d.watch(+1)
	d.mu.Unlock()
	return r
}

// Close ends the reader.
func (r *Reader) Close() {
	d := r.n.doc
	d.lock()
	if i := slices.Index(d.out.readers, r); i >= 0 {
		d.out.readers = slices.Delete(slices.Clone(d.out.readers), i, i+1)
		d.watch(-1)
	}
	d.mu.Unlock()
}

// add gives the reader what of a commit concerns it; the lock is held.
func (r *Reader) add(c *Commit) {
	d := r.n.doc
	if r.n != d.root || r.f >= 0 {
		its := *c
		its.Deltas = nil
		for _, x := range c.Deltas {
			if x.N == r.n && (r.f < 0 || x.F == r.f) || x.N != r.n && x.N.under(r.n, r.f) {
				its.Deltas = append(its.Deltas, x)
			}
		}
		if len(its.Deltas) == 0 {
			return
		}
		if len(its.Deltas) < len(c.Deltas) {
			c = &its
		}
	}
	r.put(c)
}

// put adds a commit to what waits, whole.
func (r *Reader) put(c *Commit) {
	d := r.n.doc
	if r.waiting = append(r.waiting, c); len(r.waiting) > d.out.backlog() {
		r.waiting = []*Commit{d.digest(r.waiting)}
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// under tells whether n is below a, through field f of a unless that is -1.
func (n *Node) under(a *Node, f int32) bool {
	for h := range n.holders {
		if h.n == a && (f < 0 || h.f == f) || h.n != a && h.n.under(a, f) {
			return true
		}
	}
	return false
}

// Next waits for the next commit. It fails with the context, or with why the
// document is dead once everything is read.
func (r *Reader) Next(ctx context.Context) (*Commit, error) {
	d := r.n.doc
	for {
		d.lock()
		if len(r.waiting) > 0 {
			c := r.waiting[0]
			r.waiting[0] = nil
			r.waiting = r.waiting[1:]
			d.mu.Unlock()
			if c.empty() {
				continue
			}
			return c, nil
		}
		dead := d.dead
		if dead == nil && d.out.ended == nil {
			d.out.ended = make(chan struct{})
		}
		ended := d.out.ended
		d.mu.Unlock()
		if dead != nil {
			return nil, dead
		}
		select {
		case <-r.more:
		case <-ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
