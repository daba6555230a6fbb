package journal

import "context"

// round is one sync of the disk and those who wait for it.
type round struct {
	done    chan struct{}
	waiting bool // guarded by the journal's mu: somebody does
}

// Sync returns when the batch and all before it are durable. Whoever finds no
// sync running starts one, for everything written so far; those who come while
// it runs wait for it, and one of them starts the next. A context that ends
// leaves the batch to others.
func (j *Journal) Sync(ctx context.Context, no uint64) error {
	if err := j.Write(no); err != nil {
		return err
	}
	for {
		j.mu.Lock()
		if j.durable >= no {
			j.mu.Unlock()
			return nil
		}
		if j.err != nil {
			defer j.mu.Unlock()
			return j.err
		}
		r := j.round
		if r == nil {
			r = &round{done: make(chan struct{})}
			j.round = r
			j.mu.Unlock()
			j.lead(r)
			continue
		}
		r.waiting = true
		j.mu.Unlock()
		if err := r.wait(ctx); err != nil || j.o.bug == ackedEarly {
			return err
		}
	}
}

// wait returns when the round is over. Most contexts never end, and to wait for
// one thing is cheaper than for two.
func (r *round) wait(ctx context.Context) error {
	ended := ctx.Done()
	if ended == nil {
		<-r.done
		return nil
	}
	select {
	case <-r.done:
		return nil
	case <-ended:
		return ctx.Err()
	}
}

// lead syncs the active segment and then lets the others of the round go,
// also when it panics. What was written before the sync began is durable
// after it, and no more: the number is taken first.
func (j *Journal) lead(r *round) {
	defer func() {
		j.mu.Lock()
		j.round = nil
		j.crowd.Store(r.waiting)
		j.mu.Unlock()
		close(r.done)
	}()
	j.press.Lock()
	defer j.press.Unlock()
	j.mu.Lock()
	seg, target, bytes := j.seg, j.written.Load(), j.bytes.written
	j.mu.Unlock()
	if j.syncSegment(seg) != nil {
		return // those who wait find it in j.err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.o.bug == lateTarget {
		target = j.written.Load()
	}
	j.settled(target, bytes)
}

// syncSegment syncs a segment unless the journal is poisoned, and poisons it
// when that fails. The caller holds press: of two syncs of a file at once only
// one would be told of an error, and the other would acknowledge what is lost.
func (j *Journal) syncSegment(s *segment) (err error) {
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	j.mu.Unlock()
	serr := errPanic
	defer func() {
		if serr != nil {
			err = j.poison("sync", s.name, serr)
		}
	}()
	serr = s.file.Sync()
	return nil
}

// settled notes that batches up to target are durable. The caller holds mu.
func (j *Journal) settled(target uint64, bytes int64) {
	j.durable = max(j.durable, target)
	j.bytes.durable = max(j.bytes.durable, bytes)
	if j.idle != nil && !j.closed {
		j.idle.Reset(j.o.Idle)
	}
}

// mark writes an empty batch that vouches for the others, if they are all
// durable and no header says so yet. The last one of a journal may use the
// room that every segment keeps for it.
func (j *Journal) mark(last bool) error {
	j.pen.Lock()
	defer j.pen.Unlock()
	j.mu.Lock()
	due := j.err == nil && j.start == j.end && j.durable == j.no-1 && j.vouched < j.durable
	if !due || !last && (j.closed || !j.room(0)) {
		j.mu.Unlock()
		return nil
	}
	no := j.no
	j.end += batchHeader
	j.mu.Unlock()
	return j.write(no)
}

// Mark writes the idle mark. It is called by a timer when nothing was synced
// for a while, and does nothing when it is not its time after all. Whoever
// appends next hears of an error.
func (j *Journal) Mark() {
	j.order.Lock()
	defer j.order.Unlock()
	_ = j.mark(false)
}
