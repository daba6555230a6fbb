package destam

import (
	"context"
	"slices"
)

// liveSubscriber is somebody who hears of what a live query finds. What waits
// for one is folded, one change a document: who is behind costs no more memory
// than the documents that changed. It is guarded by lives.mu.
type liveSubscriber struct {
	q       *liveQuery
	waiting map[ID]liveChange
	order   []ID          // of waiting, as they came
	more    chan struct{} // holds one token while something waits, or it ended
	over    bool
	why     error // it ended
}

// liveChange is what happened to one document among what a query finds: its
// section before and after, nil where it was not found.
type liveChange struct{ old, new []byte }

// subscribe hears of what happens to q from now on. When q is over that is
// nothing but why.
func (q *liveQuery) subscribe() *liveSubscriber {
	s := q.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	sub := &liveSubscriber{q: q, waiting: map[ID]liveChange{}, more: make(chan struct{}, 1)}
	if q.over {
		sub.end(q.why)
		return sub
	}
	q.subs = append(q.subs, sub)
	return sub
}

// put notes a change. What was added and is gone was never there.
func (s *liveSubscriber) put(id ID, old, new []byte) {
	if first, behind := s.waiting[id]; behind {
		old = first.old
		if old == nil && new == nil {
			delete(s.waiting, id)
			return
		}
	}
	if _, behind := s.waiting[id]; !behind {
		if len(s.order) > 2*len(s.waiting)+16 { // mostly of what came and went
			seen := map[ID]bool{}
			s.order = slices.DeleteFunc(s.order, func(id ID) bool {
				_, waits := s.waiting[id]
				again := seen[id]
				seen[id] = true
				return !waits || again
			})
		}
		s.order = append(s.order, id)
	}
	s.waiting[id] = liveChange{old, new}
	s.wake()
}

func (s *liveSubscriber) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *liveSubscriber) end(why error) {
	s.over, s.why = true, why
	s.wake()
}

// stop ends the subscription.
func (s *liveSubscriber) stop() {
	l := s.q.s
	l.mu.Lock()
	defer l.mu.Unlock()
	s.q.subs = slices.DeleteFunc(s.q.subs, func(other *liveSubscriber) bool { return other == s })
	s.waiting, s.order = nil, nil
	if !s.over {
		s.end(nil)
	}
}

// next waits for a change; ok is false when there will be none any more.
func (s *liveSubscriber) next(ctx context.Context) (id ID, c liveChange, ok bool, err error) {
	l := s.q.s
	for {
		l.mu.Lock()
		for len(s.order) > 0 {
			id := s.order[0]
			s.order = s.order[1:]
			c, is := s.waiting[id]
			if !is {
				continue
			}
			delete(s.waiting, id)
			l.mu.Unlock()
			return id, c, true, nil
		}
		over, why := s.over, s.why
		l.mu.Unlock()
		if over {
			return id, c, false, why
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return id, c, false, ctx.Err()
		}
	}
}

// watch calls fn with each change, one at a time, until stop.
func (q *liveQuery) watch(fn func(ID, liveChange)) (stop func()) {
	sub := q.subscribe()
	q.s.table.db.workers.run(func() { sub.loop(fn) })
	return sub.stop
}

// loop calls fn until the subscription is over.
func (s *liveSubscriber) loop(fn func(ID, liveChange)) {
	t := s.q.s.table
	for {
		id, c, ok, _ := s.next(context.Background())
		if !ok {
			return
		}
		t.db.guard(Error{Op: "deliver", Table: t.name, ID: id}, func() { fn(id, c) }, func() { s.loop(fn) })
	}
}
