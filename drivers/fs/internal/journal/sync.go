package journal

import (
	"context"
	"time"
)

// round is one sync of the disk and those who wait for it: one leads it, the
// others follow. All but the channel is guarded by the journal's mu.
type round struct {
	over   chan struct{} // closed when it is over, well or not
	begun  bool          // target is set
	target uint64        // it makes batches up to this number durable
	size   int           // how many wait for it, its leader too
}

func newRound() *round { return &round{over: make(chan struct{}), size: 1} }

// Sync returns when the batch and all before it are durable. Whoever finds no
// sync running leads one, for everything written so far. Of those who come
// while it runs and whom it does not serve, the first leads the next, when it is
// over and those are back who can be, and the others follow. A context that ends
// leaves the batch to others; who leads a sync that has begun waits for the disk.
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
		r, before, leads := j.join(no)
		j.mu.Unlock()
		if !leads {
			if err := wait(ctx, r.over); err != nil || j.o.bug == ackedEarly {
				return err
			}
			continue
		}
		if before != nil {
			if err := wait(ctx, before.over); err != nil {
				j.leave(r)
				return err
			}
		}
		j.lead(r)
	}
}

// join gives the round that makes a written batch durable and whether the
// caller leads it, then also the one before it, if that is not over. The
// caller holds mu.
func (j *Journal) join(no uint64) (r, before *round, leads bool) {
	switch {
	case j.round == nil:
		j.round = newRound()
		return j.round, nil, true
	case !j.round.begun || no <= j.round.target || j.o.bug == ackedEarly:
		r = j.round
	case j.later == nil:
		j.later = newRound()
		return j.later, j.round, true
	default:
		r = j.later
	}
	r.size++
	return r, nil, false
}

// wait returns when c is closed. Most contexts never end, and to wait for one
// thing is cheaper than for two.
func wait(ctx context.Context, c <-chan struct{}) error {
	ended := ctx.Done()
	if ended == nil {
		<-c
		return nil
	}
	select {
	case <-c:
		return nil
	case <-ended:
		return ctx.Err()
	}
}

// leave gives a round up that its leader will not lead. Its followers look for
// another.
func (j *Journal) leave(r *round) {
	j.mu.Lock()
	if j.later == r {
		j.later = nil
		j.mu.Unlock()
		close(r.over) // nobody leads after it yet
		return
	}
	j.mu.Unlock()
	j.conclude(r) // its turn has come meanwhile
}

// conclude lets a round go and the next one come.
func (j *Journal) conclude(r *round) {
	j.mu.Lock()
	j.round, j.later = j.later, nil
	j.regulars.dismiss(r.size)
	j.mu.Unlock()
	close(r.over)
}

// lead syncs the active segment and then ends the round, also when it panics.
// What was written before the sync began is durable after it, and no more: the
// number is taken first. So it waits for those who are about to come, and writes
// what they bring.
func (j *Journal) lead(r *round) {
	defer j.conclude(r)
	j.await()
	if j.endTurn() != nil {
		return // those who wait find an error in j.err
	}
	j.press.Lock()
	defer j.press.Unlock()
	j.mu.Lock()
	seg, target, bytes := j.seg, j.written.Load(), j.bytes.written
	r.begun, r.target = true, target
	j.regulars.serve()
	left := target <= j.durable // the segment was, and synced on the way
	j.mu.Unlock()
	start := time.Now()
	if left || j.syncSegment(seg) != nil {
		return
	}
	j.regulars.worth.Store(int64(time.Since(start)))
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
