package journal

import (
	"runtime"
	"sync/atomic"
	"time"
)

// turn is the writing of one batch and those who wait for it: one leads it, the
// others follow.
type turn struct {
	no   uint64        // the batch
	over chan struct{} // closed when it is over, well or not
}

// Write returns when the batch is in the file, where the end of this process
// cannot take it away. Whoever comes first writes everything that has
// gathered; the others wait for that.
//
// After an error the batch may be in the file or not.
func (j *Journal) Write(no uint64) error {
	if j.written.Load() >= no {
		return nil
	}
	j.regulars.arrived.Add(1)
	switch t, leads := j.turnOf(no); {
	case leads:
		defer close(t.over)
		j.regulars.await()
	case t.no == no:
		<-t.over
	}
	if j.written.Load() >= no {
		return nil
	}
	j.pen.Lock()
	defer j.pen.Unlock()
	return j.write(no)
}

// turnOf gives the turn of a batch, or of a later one, and whether the caller
// leads it.
func (j *Journal) turnOf(no uint64) (t *turn, leads bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.turn == nil || j.turn.no < no {
		j.turn, leads = &turn{no: no, over: make(chan struct{})}, true
	}
	return j.turn, leads
}

// writeAll writes what has gathered.
func (j *Journal) writeAll() error {
	j.pen.Lock()
	defer j.pen.Unlock()
	j.mu.Lock()
	no := j.gathered()
	j.mu.Unlock()
	return j.write(no)
}

// regulars are those who commit over and over: a sync lets them go, and what
// they bring next can share a write and the next sync, when that does not begin
// before they are back. Nobody sleeps for them. Who leads a write or a sync
// steps behind those who can run now, as long as that brings anybody; when all
// of those are at something else it costs a few turns of the scheduler.
type regulars struct {
	arrived atomic.Int64 // how many had something to write, so far
	brought atomic.Int64 // how many of them the last sync served that has begun
	due     atomic.Int64 // what arrived will be when those are back who waited for the last sync
	worth   atomic.Int64 // nanoseconds: half of what the last sync took

	before int64 // arrived when the last sync began; guarded by press
}

// patience is how often in a row a leader lets others run and nobody comes.
const patience = 4

// await lets those arrive who are due. Where others keep the processors busy a
// turn may take long, and no wait for one sync less is worth more than that
// takes.
func (r *regulars) await() {
	arrived := r.arrived.Load()
	if arrived >= r.due.Load() {
		return
	}
	start, worth := time.Now(), time.Duration(r.worth.Load())
	for idle := 0; idle < patience && time.Since(start) < worth; idle++ {
		runtime.Gosched()
		now := r.arrived.Load()
		if now >= r.due.Load() {
			return
		}
		if now > arrived {
			arrived, idle = now, -1
		}
	}
}

// serve notes that a sync begins. The caller holds press.
func (r *regulars) serve() {
	arrived := r.arrived.Load()
	r.brought.Store(arrived - r.before)
	r.before = arrived
}

// dismiss notes that a sync is over for which so many waited. Fewer come back
// when few wrote for all of them, or one wrote over and over.
func (r *regulars) dismiss(n int) {
	r.due.Store(r.arrived.Load() + min(int64(n), r.brought.Load()))
}
