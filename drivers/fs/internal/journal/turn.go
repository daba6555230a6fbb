package journal

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// turns is where those gather who have something to append and to write.
type turns struct {
	bringing sync.Mutex // held while what has gathered is appended; before any other lock

	spare []*visit // guarded by bringing: the memory of waiting, once that was brought

	mu      sync.Mutex
	waiting []*visit // guarded by mu: what nobody has appended yet
	now     *turn    // guarded by mu: who gathers, nil if nobody does
}

// visit is what one of those who gather brings.
type visit struct {
	append func()
	failed any // the panic of append, and where it was
}

// turn is the writing of what some gathered: one leads it, the others follow.
type turn struct {
	over chan struct{} // closed when it is over, well or not
}

// Gather has append called, which puts records into the journal, and returns
// when they are written or cannot be: Write tells. Of those who gather, one
// calls the functions of all, one after another, and writes what they brought,
// so that they wait for each other once and not for each lock on the way.
//
// A panic of append is Gather's, and nobody else's. If another one's function
// ends the goroutine that calls it, append may not have been called.
func (j *Journal) Gather(append func()) {
	v := &visit{append: append}
	t, leads := j.turns.join(v)
	j.regulars.arrived.Add(1)
	if leads {
		j.leadTurn()
	}
	<-t.over
	if v.failed != nil {
		panic(v.failed)
	}
}

// call calls append, and keeps its panic for whose it is.
func (v *visit) call() {
	defer func() {
		if p := recover(); p != nil { // the stack of then, or nobody knows where it was
			v.failed = fmt.Sprintf("%v\n\n%s", p, debug.Stack())
		}
	}()
	v.append()
}

// leadTurn waits for those who are about to come and ends the turn, also when
// what one of them brings ends the goroutine.
func (j *Journal) leadTurn() {
	defer func() { _ = j.endTurn() }() // Write gives the error to all
	j.await()
}

// join gives the turn in which a visitor is served and whether the caller leads
// it.
func (ts *turns) join(v *visit) (t *turn, leads bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.waiting = append(ts.waiting, v)
	if ts.now == nil {
		ts.now, leads = &turn{over: make(chan struct{})}, true
	}
	return ts.now, leads
}

// bring serves who waits. The caller holds bringing.
func (ts *turns) bring() {
	ts.mu.Lock()
	all := ts.waiting
	ts.waiting = ts.spare
	ts.mu.Unlock()
	ts.spare = nil // which stays so when one of them ends the goroutine
	for _, v := range all {
		v.call()
	}
	clear(all)
	ts.spare = all[:0]
}

// endTurn writes everything that has gathered, and ends the turn of those who
// gathered it, if there is one.
func (j *Journal) endTurn() error {
	j.turns.mu.Lock()
	t := j.turns.now
	j.turns.now = nil
	j.turns.mu.Unlock()
	if t != nil {
		defer close(t.over)
		j.bringAll()
	}
	return j.writeAll()
}

// bringAll returns when everything is appended that waited. Some of it may be
// in the hands of another one, who holds bringing meanwhile.
func (j *Journal) bringAll() {
	j.turns.bringing.Lock()
	defer j.turns.bringing.Unlock()
	j.turns.bring()
}

// Write returns when the batch is in the file, where the end of this process
// cannot take it away. Whoever comes first writes everything that is appended.
//
// After an error the batch may be in the file or not.
func (j *Journal) Write(no uint64) error {
	if j.written.Load() >= no {
		return nil
	}
	j.pen.Lock()
	defer j.pen.Unlock()
	return j.write(no)
}

// writeAll writes what is appended.
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
	arrived atomic.Int64 // how many gathered, so far
	brought atomic.Int64 // how many of them the last sync served that has begun
	many    atomic.Int64 // how many may come back of those who waited for the last sync
	worth   atomic.Int64 // nanoseconds: what the last sync took

	before int64 // arrived when the last sync began; guarded by press
}

// patience is how often in a row a leader lets others run and nobody comes.
const patience = 4

// await lets those arrive who are about to, and appends what they bring
// meanwhile. Who is alone does not wait. Where others keep the processors busy
// a turn may take long, and no wait for one sync less is worth more than that
// takes.
func (j *Journal) await() {
	r := &j.regulars
	if r.many.Load() < 2 {
		return
	}
	start, worth := time.Now(), time.Duration(r.worth.Load())
	arrived := r.arrived.Load()
	for idle := 0; idle < patience && time.Since(start) < worth; idle++ {
		runtime.Gosched()
		if now := r.arrived.Load(); now > arrived {
			arrived, idle = now, -1
			j.tryBring()
		}
	}
}

// tryBring appends what waits, unless another one is at it.
func (j *Journal) tryBring() {
	if j.turns.bringing.TryLock() {
		defer j.turns.bringing.Unlock()
		j.turns.bring()
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
func (r *regulars) dismiss(n int) { r.many.Store(min(int64(n), r.brought.Load())) }
