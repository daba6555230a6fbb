package destam

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// schedule knows which documents have something that the store has not, and
// when each is to be stored. Its lock is a leaf under documents' locks; the
// locks of caches and overlays are leaves under it.
type schedule struct {
	window time.Duration

	mu    sync.Mutex
	queue queue              // guarded by mu
	dirty map[*live]struct{} // guarded by mu; they stay in memory
	moved chan struct{}      // holds one token when the head of queue changed
}

// task is what the schedule knows of one document.
type task struct {
	gen   uint64 // counts the times that it became dirty
	dirty bool   // something is not stored
	gone  bool   // deleted, or given up: nothing is scheduled any more
	due   time.Time
	index int // in queue, -1 if it is not there
}

// queue is a heap of documents, the earliest due first.
type queue []*live

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].task.due.Before(q[j].task.due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].task.index, q[j].task.index = i, j
}

func (q *queue) Push(x any) {
	l := x.(*live)
	l.task.index = len(*q)
	*q = append(*q, l)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	l := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	l.task.index = -1
	return l
}

// mark notes that l has something to store: from now on it stays in memory.
func (s *schedule) mark(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &l.task
	t.gen++
	if t.gone {
		return
	}
	if !t.dirty {
		t.dirty = true
		s.dirty[l] = struct{}{}
	}
	s.at(l, time.Now().Add(s.window))
}

// show makes a section what queries find, as long as the store has not it.
func (s *schedule) show(l *live, section []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.task.dirty && !l.task.gone {
		l.table.overlay.put(l.id, section)
	}
}

// watched notes whether somebody watches l: then it stays in memory.
func (s *schedule) watched(l *live, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if yes {
		l.table.cache.Pin(l.id, l)
	} else {
		l.table.cache.Unpin(l.id, l)
	}
}

// at schedules l, unless it is scheduled already; mu is held.
func (s *schedule) at(l *live, due time.Time) {
	if l.task.index >= 0 || l.task.gone {
		return
	}
	l.task.due = due
	heap.Push(&s.queue, l)
	if l.task.index == 0 {
		select {
		case s.moved <- struct{}{}:
		default:
		}
	}
}

// later schedules l again after a failure.
func (s *schedule) later(l *live, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at(l, time.Now().Add(wait))
}

// settle ends a round of l: when isClean says that nothing is left to store it
// may be collected; otherwise it is scheduled again.
//
// Between asking and noting the answer l may become dirty anew; gen tells.
func (s *schedule) settle(l *live, isClean func() bool) {
	s.mu.Lock()
	gen := l.task.gen
	s.mu.Unlock()
	clean := isClean()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch t := &l.task; {
	case !t.dirty || t.gone:
	case !clean:
		s.at(l, time.Now().Add(s.window))
	case t.gen == gen:
		t.dirty = false
		s.forget(l)
	}
}

// abandon makes l nothing to be stored any more. It stays dirty, which it is.
func (s *schedule) abandon(l *live) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.task.gone = true
	s.forget(l)
}

func (s *schedule) forget(l *live) {
	if i := l.task.index; i >= 0 {
		heap.Remove(&s.queue, i)
	}
	delete(s.dirty, l)
	l.table.overlay.remove(l.id)
}

// pending tells whether l shows what the store has not.
func (s *schedule) pending(l *live) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.task.dirty
}

// isGone tells whether nothing of l is stored any more.
func (s *schedule) isGone(l *live) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.task.gone
}

// all gives the documents that have something to store.
func (s *schedule) all() []*live {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*live, 0, len(s.dirty))
	for l := range s.dirty {
		all = append(all, l)
	}
	return all
}

// take gives the documents that are due, and how long it is to the next.
func (s *schedule) take(now time.Time) (due []*live, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		if wait = s.queue[0].task.due.Sub(now); wait > 0 {
			return due, wait
		}
		due = append(due, heap.Pop(&s.queue).(*live))
	}
	return due, time.Hour
}

// run calls store with the documents that are due, until stop is closed.
func (s *schedule) run(stop <-chan struct{}, store func([]*live)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.moved:
		case <-stop:
			return
		}
		due, wait := s.take(time.Now())
		if len(due) > 0 {
			store(due)
		}
		timer.Reset(wait)
	}
}

// room bounds how much may wait for the store.
type room struct {
	max   int64
	bytes atomic.Int64 // of Updates that are not stored

	mu    sync.Mutex
	freed chan struct{} // guarded by mu: closed when there is room again; nil when nobody waits
}

// add counts what came or went.
func (r *room) add(n int64) {
	if now := r.bytes.Add(n); n >= 0 || now > r.max {
		return
	}
	r.mu.Lock()
	if r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
	r.mu.Unlock()
}

// wait waits until there is room, but not for ever.
func (r *room) wait(most time.Duration) bool {
	if r.bytes.Load() <= r.max {
		return true
	}
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	for {
		r.mu.Lock()
		if r.bytes.Load() <= r.max {
			r.mu.Unlock()
			return true
		}
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		select {
		case <-freed:
		case <-timeout.C:
			return false
		}
	}
}
