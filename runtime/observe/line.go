package observe

import "sync"

// handover is how many tasks of others a goroutine carries out before a fresh
// one goes on, so that nobody who sets a value is held for long.
const handover = 64

// line carries tasks out in the order in which they were put, one at a time
// and without its lock. Whoever puts one when none is being carried out does
// it, and then what others have put meanwhile. A task E is resumable: when it
// panics, run is called again and goes on after what panicked.
type line[E any, P task[E]] struct {
	mu      sync.Mutex
	waiting []E // from head on
	head    int
	running bool // somebody carries out cur
	cur     E    // is that one's; here and not on its stack, which would escape
}

type task[E any] interface {
	*E
	run()
}

// put adds a task; mu is held. When it gives true, the caller unlocks and
// calls work.
func (l *line[E, P]) put(e E) bool {
	if !l.running {
		l.running, l.cur = true, e
		return true
	}
	if l.head > 0 && len(l.waiting) == cap(l.waiting) {
		n := copy(l.waiting, l.waiting[l.head:])
		clear(l.waiting[n:])
		l.waiting, l.head = l.waiting[:n], 0
	}
	l.waiting = append(l.waiting, e)
	return false
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
func (l *line[E, P]) hold() { l.running = true }

// work carries out cur and what waits. Only who made running true calls it.
func (l *line[E, P]) work() {
	for n := 0; l.try(&n); {
	}
}

// try works until nothing waits, or until a task panics; then it gives true.
func (l *line[E, P]) try(n *int) (more bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			report(v)
			more = true
			return
		}
		// The goroutine is ending. What waits is carried out on the way.
		report("runtime.Goexit")
		l.work()
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
func (l *line[E, P]) next() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var none E
	if l.head == len(l.waiting) {
		l.cur, l.running = none, false
		l.waiting, l.head = l.waiting[:0], 0
		if cap(l.waiting) > handover {
			l.waiting = nil
		}
		return false
	}
	l.cur, l.waiting[l.head] = l.waiting[l.head], none
	l.head++
	return true
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
