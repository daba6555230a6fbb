package observe

import (
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/internal/lock"
)

// handover is how many tasks of others a goroutine carries out before a fresh
// one goes on, so that nobody who sets a value is held for long.
const handover = 64

// line carries tasks out in the order in which they were put, one at a time
// and without its lock. Whoever puts one when none is being carried out does
// it, and then what others have put meanwhile. A task E is resumable: when it
// panics, run is called again and goes on after what panicked.
type line[E any, P task[E]] struct {
	mu      lock.Brief
	waiting []E // from head on
	head    int
	running uint32 // whether somebody carries out cur: see want
	cur     E      // is that one's; here and not on its stack, which would escape
}

// What line.running says.
const (
	working = 1 << iota // somebody carries out cur
	wanted              // something came meanwhile
)

// want makes whoever carries out tasks, if there is one, look again before it
// ends. mu is held. Who finds that there is none may become it by a plain
// write: nobody else does, and the one that was has ended by an atomic one.
// That is how it ends without the lock when nobody has called want.
func (l *line[E, P]) want() (busy bool) {
	for {
		switch was := atomic.LoadUint32(&l.running); {
		case was == 0:
			return false
		case was&wanted != 0 || atomic.CompareAndSwapUint32(&l.running, was, working|wanted):
			return true
		}
	}
}

type task[E any] interface {
	*E
	run()
}

// put adds a task; mu is held. When it gives true, the caller unlocks and
// calls work.
func (l *line[E, P]) put(e E) bool {
	at, mine := l.place()
	*at = e
	return mine
}

// place is put for a task that the caller writes there itself.
func (l *line[E, P]) place() (at *E, mine bool) {
	if atomic.LoadUint32(&l.running) == 0 {
		l.running = working
		return &l.cur, true
	}
	return l.queue()
}

func (l *line[E, P]) queue() (at *E, mine bool) {
	if !l.want() {
		l.running = working
		return &l.cur, true
	}
	if l.head > 0 && len(l.waiting) == cap(l.waiting) {
		n := copy(l.waiting, l.waiting[l.head:])
		clear(l.waiting[n:])
		l.waiting, l.head = l.waiting[:n], 0
	}
	var none E
	l.waiting = append(l.waiting, none)
	return &l.waiting[len(l.waiting)-1], false
}

// post puts a task and carries it out.
func (l *line[E, P]) post(e E) {
	l.mu.Lock()
	mine := l.put(e)
	l.mu.Unlock()
	if mine {
		l.work()
	}
}

// hold lets tasks wait until work is called. It is for a line that nobody has
// used yet.
func (l *line[E, P]) hold() { l.running = working }

// work carries out cur and what waits. Only who has made the line run calls it.
func (l *line[E, P]) work() {
	for n := 0; l.try(&n); {
	}
}

// try works until nothing waits, or until a task panics; then it gives true.
func (l *line[E, P]) try(n *int) (more bool) {
	returned := false
	defer func() {
		if !returned {
			more = caught(recover(), l.work)
		}
	}()
	for {
		P(&l.cur).run()
		if !l.next() {
			break
		}
		if *n++; *n == handover {
			go l.work()
			break
		}
	}
	returned = true
	return false
}

// next takes the next task; false ends the work.
func (l *line[E, P]) next() (more bool) {
	var none E
	l.cur = none
	if atomic.CompareAndSwapUint32(&l.running, working, 0) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	more = l.head < len(l.waiting)
	if more {
		l.cur, l.waiting[l.head] = l.waiting[l.head], none
		l.head++
	}
	if l.head < len(l.waiting) {
		return true
	}
	if l.waiting, l.head = l.waiting[:0], 0; cap(l.waiting) > handover {
		l.waiting = nil
	}
	if more { // and cur is all that is wanted
		l.running = working
	} else {
		atomic.StoreUint32(&l.running, 0)
	}
	return more
}

// job is a task that is not resumable.
type job func()

func (j *job) run() {
	if f := *j; f != nil {
		*j = nil
		f()
	}
}

// jobs is the line of a subscription that hears from several sides.
type jobs = line[job, *job]
