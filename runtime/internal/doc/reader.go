package doc

import "context"

// Reader pulls a document's commits. One that falls behind gets what it
// missed folded into one commit: it holds up nobody and its memory is bounded.
type Reader struct {
	s       *Subscription
	waiting []*Commit     // guarded by the document's lock
	more    chan struct{} // holds one token while something waits
	behind  bool          // guarded by the document's lock: something was folded, and not all is read since
}

// NewReader reads what [Node.Watch] would tell, from the commit after this
// call on; the caller ends it with Close.
func (n *Node) NewReader(f int) *Reader {
	s := &Subscription{d: n.doc}
	s.n, s.f = n.part(f)
	return newReader(s)
}

// NewReaderLocked reads what field f of n, all of n for -1, or a value that l
// leads to from n, becomes after what it is now: the lock is held, so that the
// caller sees what that is. The caller ends it with Close. L is nil for the
// commits about n.
func (n *Node) NewReaderLocked(f int, l *Lens) *Reader {
	s := &Subscription{d: n.doc, lens: l, typed: l != nil}
	s.n, s.f = n.part(f)
	return newReaderLocked(s)
}

// newReader begins s as a reader.
func newReader(s *Subscription) *Reader {
	s.d.lock()
	r := newReaderLocked(s)
	s.d.mu.Unlock()
	return r
}

func newReaderLocked(s *Subscription) *Reader {
	r := &Reader{s: s, more: make(chan struct{}, 1)}
	s.reader = r
	s.begin()
	return r
}

// Close ends the reader.
func (r *Reader) Close() {
	r.s.Stop()
	d := r.s.d
	d.lock()
	r.lag(false)
	d.mu.Unlock()
}

// lag notes whether the reader is behind; the lock is held.
func (r *Reader) lag(behind bool) {
	if n := r.s.d.opts.Behind; n != nil && behind != r.behind {
		if behind {
			n.Add(1)
		} else {
			n.Add(-1)
		}
	}
	r.behind = behind
}

// put adds a commit to what waits; the lock is held. One that says nothing is
// kept only where folding may need it.
func (r *Reader) put(c *Commit) {
	if c.empty() && (len(r.waiting) == 0 || !c.renumbers()) {
		return
	}
	d := r.s.d
	if r.waiting = append(r.waiting, c); len(r.waiting) > d.out.backlog() {
		all := d.digest(r.waiting, r.s)
		clear(r.waiting)
		r.waiting = append(r.waiting[:0], all)
		r.lag(true)
	}
	select {
	case r.more <- struct{}{}:
	default:
	}
}

// Next waits for the next commit. It fails with the context, or with why the
// document is dead once everything is read.
func (r *Reader) Next(ctx context.Context) (*Commit, error) {
	d := r.s.d
	for {
		d.lock()
		if len(r.waiting) > 0 {
			c := r.waiting[0]
			r.waiting[0] = nil
			r.waiting = r.waiting[1:]
			if len(r.waiting) == 0 {
				r.lag(false)
			}
			d.mu.Unlock()
			if c.empty() {
				continue
			}
			if witness != nil {
				witness.reads(r.s, c)
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
