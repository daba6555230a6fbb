package doc

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

func now() time.Time { return time.Now().UTC() }

// delivery brings a document's commits to its listeners: in order, one at a
// time, without any lock held. Its fields are guarded by the document's lock.
type delivery struct {
	d             *Document
	queue         []call
	running       bool   // a goroutine is delivering
	commits       uint64 // made
	done          uint64 // delivered to everybody
	subscriptions uint64 // ever made
	readers       []*Reader
	lenses        int           // subscriptions through lenses
	climbs        uint64        // ascents in search of those
	ended         chan struct{} // closed when the document dies; nil when no reader waits
	settled       chan struct{} // closed and renewed when done grows; nil when nobody waits
}

// call is one commit for one listener.
type call struct {
	s *Subscription
	c *Commit
}

// handover is how many commits of others a goroutine delivers before a fresh
// one goes on, so that no setter is held for long.
const handover = 64

func (q *delivery) add(s *Subscription, c *Commit) {
	if len(q.queue) >= 2*q.backlog() {
		q.foldWaiting()
	}
	q.queue = append(q.queue, call{s, c})
}

func (q *delivery) backlog() int {
	if q.d.opts.Backlog > 0 {
		return q.d.opts.Backlog
	}
	return 1024
}

// foldWaiting folds what waits for each listener into one commit.
func (q *delivery) foldWaiting() {
	waiting := map[*Subscription][]*Commit{}
	var order []*Subscription
	for _, w := range q.queue {
		if waiting[w.s] == nil {
			order = append(order, w.s)
		}
		waiting[w.s] = append(waiting[w.s], w.c)
	}
	clear(q.queue)
	q.queue = q.queue[:0]
	for _, s := range order {
		c := waiting[s][0]
		if len(waiting[s]) > 1 {
			c = q.d.digest(waiting[s])
		}
		if !c.empty() {
			q.queue = append(q.queue, call{s, c})
		}
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
	if q.running {
		d.mu.Unlock()
		return
	}
	if len(q.queue) == 0 {
		q.settle()
		d.mu.Unlock()
		return
	}
	q.running = true
	own := q.commits
	d.mu.Unlock()
	q.loop(own)
}

// loop delivers until nothing waits, or until it has delivered more of what
// others committed meanwhile than its caller should wait for.
func (q *delivery) loop(own uint64) {
	d := q.d
	for others := 0; ; {
		d.lock()
		var w call
		for len(q.queue) > 0 {
			w = q.queue[0]
			q.queue[0] = call{}
			q.queue = q.queue[1:]
			if !w.s.off {
				break
			}
			w = call{}
		}
		if w.s == nil {
			q.running, q.queue = false, nil
			q.settle()
			d.mu.Unlock()
			return
		}
		if w.c.seq > own {
			if others++; others > handover {
				q.queue = append([]call{w}, q.queue...)
				d.mu.Unlock()
				d.host.Go(func() { q.loop(^uint64(0)) })
				return
			}
		}
		if w.c.seq > 0 {
			q.done = w.c.seq - 1
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
	if len(q.queue) == 0 && !q.running {
		q.done = q.commits
	}
	if q.settled != nil {
		close(q.settled)
		q.settled = nil
	}
}

// Settle waits until everything that was committed before it is delivered.
func (d *Document) Settle(ctx context.Context) error {
	d.lock()
	want := d.out.commits
	for d.out.done < want && (d.out.running || len(d.out.queue) > 0) {
		if d.out.settled == nil {
			d.out.settled = make(chan struct{})
		}
		wait := d.out.settled
		d.mu.Unlock()
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

// report tells the host about an error that has no caller, without a lock.
func (d *Document) report(err error) { d.host.Report(d, err) }
