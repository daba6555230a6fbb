package doc

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// clock tells the time at half the price of [time.Now], which asks for two
// clocks: for a hundredth of a second it goes by the monotonic one alone.
type clock struct {
	begun time.Time // with a reading of the monotonic clock
	then  time.Time // the same instant as documents keep it
}

func (c *clock) now() time.Time {
	if d := time.Since(c.begun); 0 <= d && d < 10*time.Millisecond {
		return c.then.Add(d)
	}
	c.begun = time.Now()
	c.then = Instant(c.begun)
	return c.then
}

// delivery brings a document's commits to its listeners: in order, one at a
// time, without any lock held. Its fields are guarded by the document's lock.
type delivery struct {
	d             *Document
	queue         []call // from head on; one commit's calls are neighbours
	head          int
	waiting       int    // commits in queue
	running       uint32 // whether a goroutine is delivering: see busy
	commits       uint64 // made
	done          uint64 // delivered to everybody
	subscriptions uint64 // ever made
	lenses        int    // subscriptions through lenses
	near          *[earshots]earshot
	calls         []call        // memory of the commit that is being published
	clock         clock         // of who is delivering
	shape         uint64        // counts what makes all of near worth nothing
	climbs        uint64        // ascents in search of subscriptions
	ended         chan struct{} // closed when the document dies; nil when no reader waits
	settled       chan struct{} // closed and renewed when done grows; nil when nobody waits
}

// What delivery.running says.
const (
	delivering = 1 << iota // a goroutine is at it
	wanted                 // something came meanwhile, or somebody waits for its end
)

// busy tells whether a goroutine is delivering. Who finds that none is, with
// the lock, may become it, by a plain write: nobody else does, and the one that
// was has ended by an atomic one. That is how it ends without the lock when
// nobody has said by want that there is more to do.
func (q *delivery) busy() bool { return atomic.LoadUint32(&q.running) != 0 }

// want makes the goroutine that is delivering, if there is one, look again
// before it ends. The lock is held.
func (q *delivery) want() (busy bool) {
	for {
		switch was := atomic.LoadUint32(&q.running); {
		case was == 0:
			return false
		case atomic.CompareAndSwapUint32(&q.running, was, delivering|wanted):
			return true
		}
	}
}

// rest ends the delivery, with the lock: nothing waits.
func (q *delivery) rest() {
	atomic.StoreUint32(&q.running, 0)
	q.settle()
}

// call is one commit for one listener.
type call struct {
	s     *Subscription
	c     *Commit
	first uint64 // the first commit that it is made of
}

// handover is how many commits of others a goroutine delivers before a fresh
// one goes on, so that no setter is held for long.
const handover = 64

// add queues a call. One that says nothing is kept only where folding may
// need it.
func (q *delivery) add(w call) {
	if w.c.empty() && (q.head == len(q.queue) || !w.c.renumbers()) {
		return
	}
	if q.head > 0 && len(q.queue) == cap(q.queue) {
		n := copy(q.queue, q.queue[q.head:])
		clear(q.queue[n:])
		q.queue, q.head = q.queue[:n], 0
	}
	if last := len(q.queue) - 1; last < q.head || q.queue[last].c.seq != w.c.seq {
		q.waiting++
	}
	w.first = w.c.seq
	q.queue = append(q.queue, w)
}

// pop takes the next call out.
func (q *delivery) pop() {
	seq := q.queue[q.head].c.seq
	q.queue[q.head] = call{}
	if q.head++; q.head == len(q.queue) {
		q.queue, q.head = spare(q.queue), 0
	}
	if q.head == len(q.queue) || q.queue[q.head].c.seq != seq {
		q.waiting--
	}
}

func (q *delivery) backlog() int {
	if q.d.opts.Backlog > 0 {
		return q.d.opts.Backlog
	}
	return 1024
}

// bound folds what waits for each listener into one commit, when that are too
// many. What is shown must be what they lead to.
func (q *delivery) bound() {
	if q.waiting <= q.backlog() {
		return
	}
	waiting := map[*Subscription][]*Commit{}
	var calls []call // in the order of first
	for _, w := range q.queue[q.head:] {
		if w.s.off.Load() {
			continue
		}
		if waiting[w.s] == nil {
			calls = append(calls, w)
		}
		waiting[w.s] = append(waiting[w.s], w.c)
	}
	clear(q.queue)
	q.queue, q.head, q.waiting = q.queue[:0], 0, 0
	for _, w := range calls {
		if cs := waiting[w.s]; len(cs) > 1 {
			w.c = q.d.digest(cs, w.s)
		}
		if last := len(q.queue) - 1; last < 0 || q.queue[last].c.seq != w.c.seq {
			q.waiting++
		}
		q.queue = append(q.queue, w)
	}
}

// run delivers what waits, unless somebody is at it already: then that one
// takes it along. It is called without the document's lock.
func (q *delivery) run() {
	d := q.d
	d.lock()
	for owed := d.owed; len(owed) > 0; owed = d.owed {
		d.owed = nil
		d.mu.Unlock()
		for _, err := range owed {
			d.report(err)
		}
		d.lock()
	}
	if q.want() {
		d.mu.Unlock()
		return
	}
	if q.head == len(q.queue) {
		q.settle()
		d.mu.Unlock()
		return
	}
	q.running = delivering
	own := q.commits
	d.mu.Unlock()
	q.loop(own)
}

// loop delivers until nothing waits, or until it has delivered more of what
// others committed meanwhile than its caller should wait for.
func (q *delivery) loop(own uint64) {
	d := q.d
	others, last := 0, uint64(0)
	for {
		d.lock()
		for q.head < len(q.queue) && (q.queue[q.head].s.off.Load() || q.queue[q.head].c.empty()) {
			q.pop()
		}
		if q.head == len(q.queue) {
			q.rest()
			d.mu.Unlock()
			return
		}
		w := q.queue[q.head]
		if w.c.seq > own && w.c.seq != last {
			if others == handover {
				d.mu.Unlock()
				d.host.Go(func() { q.loop(^uint64(0)) })
				return
			}
			others, last = others+1, w.c.seq
		}
		q.pop()
		if q.done < w.first-1 {
			q.done = w.first - 1
			q.settle()
		}
		d.mu.Unlock()
		if !q.call(w) {
			return
		}
	}
}

// call runs one listener. A panic is reported and stops nothing. After a
// Goexit, which cannot be stopped, another goroutine goes on: then false.
func (q *delivery) call(w call) (goOn bool) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if r := recover(); r != nil {
			q.d.report(&PanicError{Value: r, Stack: string(debug.Stack())})
			goOn = true
			return
		}
		q.d.report(&PanicError{Value: "runtime.Goexit", Stack: string(debug.Stack())})
		q.d.host.Go(func() { q.loop(^uint64(0)) })
	}()
	w.s.call(w.c)
	finished = true
	return true
}

// PanicError reports a listener that did not return.
type PanicError struct {
	Value any
	Stack string
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("a listener panicked: %v\n%s", e.Value, e.Stack)
}

// settle tells those who wait how far delivery is; with nothing in the queue
// that is all.
func (q *delivery) settle() {
	if q.head == len(q.queue) && !q.busy() {
		q.done = q.commits
	}
	if q.settled != nil {
		close(q.settled)
		q.settled = nil
	}
}

// Settle waits until everything that was committed before it is delivered. In a
// listener that may be for itself: a long wait there is reported.
func (d *Document) Settle(ctx context.Context) error {
	var over func()
	d.lock()
	want := d.out.commits
	for d.out.done < want && (d.out.want() || d.out.head < len(d.out.queue)) {
		if d.out.settled == nil {
			d.out.settled = make(chan struct{})
		}
		wait := d.out.settled
		d.mu.Unlock()
		if over == nil {
			over = d.reportListener()
			defer over()
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
		d.lock()
	}
	d.mu.Unlock()
	return nil
}

// reportListener reports that its caller's caller waits for long for listeners,
// if over is not called before, and if that is in one itself.
func (d *Document) reportListener() (over func()) {
	own := here()
	if !own.delivers() {
		return func() {}
	}
	return d.reportAfter(func(waited time.Duration) error {
		return &LockError{Waited: waited, Holder: "for listeners that have not returned; the one that waits may wait for itself", Waiter: own.String()}
	})
}

// delivers tells whether a goroutine is in a listener, of whatever document.
func (s stack) delivers() bool {
	for frames, more := runtime.CallersFrames(s), true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasSuffix(f.Function, ".(*delivery).call") || strings.HasSuffix(f.Function, ".(*delivery).tellSome") {
			return true
		}
	}
	return false
}

// report tells the host about an error that has no caller, without a lock.
func (d *Document) report(err error) { d.host.Report(d, err) }
