package destam

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// lives are the live queries of a table. A change of a query section is only
// noted where it happens, under the document's lock; a goroutine takes what was
// noted to the queries that it concerns, and so does whoever reads one of them,
// who shall see what was changed before.
//
// A query is found by one of the terms that it needs, so that a change costs by
// the section that changed, not by how many queries there are.
type lives struct {
	table *table
	count atomic.Int32 // of queries; nothing is noted while it is 0

	noted struct {
		sync.Mutex // a leaf
		of         map[ID][]byte
		order      []ID
		wake       chan struct{} // holds one token while something is noted
	}

	mu        sync.Mutex // taken before noted's; no document is locked under it
	byTerm    map[driver.Term]map[*liveQuery]bool
	all       map[*liveQuery]bool // that need no term
	members   map[ID][]*liveQuery // who has a document
	beginning map[*liveQuery]bool // those that are looking for what they find first
	stop      chan struct{}       // closed when the last query is; nil without any
}

// gather is how long changes gather before those who watch hear of them. Who
// reads sees them at once.
const gather = time.Millisecond

// show says what the section of a document is now. It may be called under the
// document's lock.
func (s *lives) show(l *live, section []byte) {
	if s.count.Load() == 0 {
		return
	}
	s.noted.Lock()
	if !l.fate.told && !l.fate.over {
		s.note(l.id, section)
	}
	s.noted.Unlock()
}

// fate is what became of a document beside what it shows itself.
type fate struct {
	told   bool   // others have deleted it, and it has not got there
	theirs []byte // its section if others have restored it since; nil if not
	over   bool   // it got there: when it is found again, it has another live document
}

// hide says that queries find a document no more, once, or find what others
// have restored. It must be in the cache still, so that nothing was told without
// it, and nobody has another one.
//
// A query that begins afterwards must not find it either among what the store
// has not: that is forgotten first.
func (s *lives) hide(l *live) {
	s.table.db.schedule.abandon(l)
	s.noted.Lock()
	defer s.noted.Unlock()
	if !l.fate.over {
		l.fate.over = true
		s.note(l.id, l.fate.theirs)
	}
}

// told says what another writer has stored of a document that somebody has, and
// that has not got there. Mostly the document shows itself what comes of it; one
// that was deleted never will.
func (s *lives) told(l *live, c *driver.Commit) {
	s.noted.Lock()
	defer s.noted.Unlock()
	switch {
	case c.Kind == driver.KindDelete, c.Kind == driver.KindPurge:
		l.fate.told, l.fate.theirs = true, nil
	case l.fate.told && c.Section != nil, c.Kind == driver.KindRestore:
		l.fate.told, l.fate.theirs = true, c.Section
	default:
		return
	}
	s.note(c.ID, l.fate.theirs)
}

// gone is hide of a document that is not in memory.
func (s *lives) gone(id ID) {
	s.noted.Lock()
	s.note(id, nil)
	s.noted.Unlock()
}

// foreign says what another writer has stored of a document that is not in
// memory.
func (s *lives) foreign(c *driver.Commit) {
	s.noted.Lock()
	defer s.noted.Unlock()
	switch {
	case c.Kind == driver.KindDelete, c.Kind == driver.KindPurge:
		s.note(c.ID, nil)
	case c.Section != nil:
		s.note(c.ID, c.Section)
	}
}

// note keeps what is to be judged; noted is locked.
func (s *lives) note(id ID, section []byte) {
	if s.count.Load() == 0 {
		return
	}
	n := &s.noted
	if n.of == nil {
		n.of = map[ID][]byte{}
	}
	if _, again := n.of[id]; !again {
		n.order = append(n.order, id)
	}
	n.of[id] = section
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// take gives what was noted.
func (s *lives) take() (order []ID, of map[ID][]byte) {
	n := &s.noted
	n.Lock()
	defer n.Unlock()
	order, of = n.order, n.of
	n.order, n.of = nil, nil
	return order, of
}

// run takes what is noted to the queries until stop is closed.
func (s *lives) run(wake, stop chan struct{}) {
	for {
		select {
		case <-wake:
		case <-stop:
			return
		}
		if !pauseUntil(stop, gather) {
			return
		}
		s.mu.Lock()
		s.settle()
		s.mu.Unlock()
	}
}

func pauseUntil(stop <-chan struct{}, wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-stop:
		return false
	}
}

// settle brings every query up to date; mu is held.
func (s *lives) settle() {
	order, of := s.take()
	for _, id := range order {
		s.judge(id, of[id])
	}
}

// judge tells the queries that it concerns what the section of a document is.
func (s *lives) judge(id ID, section []byte) {
	var (
		v    driver.Value
		asks = map[*liveQuery]bool{}
	)
	for _, q := range s.members[id] {
		asks[q] = true
	}
	if section != nil {
		var err error
		if v, err = driver.DecodeValue(section); err != nil {
			section = nil // it will be refused when it is sealed; until then no query finds it
		} else if s.table.section != nil {
			v, _ = s.table.section.Complete(v)
		}
	}
	if section != nil {
		for _, t := range driver.Terms(v) {
			for q := range s.byTerm[t] {
				asks[q] = true
			}
		}
		for q := range s.all {
			asks[q] = true
		}
	}
	for q := range s.beginning {
		q.loading[id] = section // judged when it has begun
	}
	for q := range asks {
		switch {
		case q.loading != nil:
		case section != nil && q.meets(id, v):
			s.put(q, id, section)
		default:
			s.put(q, id, nil)
		}
	}
}

// put makes section what q has of a document, nil for nothing, and tells those
// who watch q.
func (s *lives) put(q *liveQuery, id ID, section []byte) {
	old, had := q.hits[id]
	if had == (section != nil) && bytes.Equal(old, section) {
		return
	}
	switch {
	case section == nil:
		delete(q.hits, id)
		if s.members[id] = slices.DeleteFunc(s.members[id], func(m *liveQuery) bool { return m == q }); len(s.members[id]) == 0 {
			delete(s.members, id)
		}
		q.order = nil
	case !had:
		q.hits[id] = section
		s.members[id] = append(s.members[id], q)
		q.order = nil
	default:
		q.hits[id] = section
	}
	for _, sub := range q.subs {
		sub.put(id, old, section)
	}
}

// add makes q one of the queries: from now on it is told.
func (s *lives) add(q *liveQuery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle() // what was noted before, q will find
	if s.stop == nil {
		s.stop = make(chan struct{})
		wake, stop := make(chan struct{}, 1), s.stop
		s.noted.Lock()
		s.noted.wake = wake
		s.noted.Unlock()
		s.table.db.workers.run(func() { s.run(wake, stop) })
	}
	if s.byTerm == nil {
		s.byTerm = map[driver.Term]map[*liveQuery]bool{}
		s.all = map[*liveQuery]bool{}
		s.members = map[ID][]*liveQuery{}
		s.beginning = map[*liveQuery]bool{}
	}
	if q.term == "" {
		s.all[q] = true
	} else {
		if s.byTerm[q.term] == nil {
			s.byTerm[q.term] = map[*liveQuery]bool{}
		}
		s.byTerm[q.term][q] = true
	}
	s.beginning[q] = true
	s.count.Add(1)
}

// remove ends q, with why if that is not its user's wish.
func (s *lives) remove(q *liveQuery, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(q, why)
}

func (s *lives) drop(q *liveQuery, why error) {
	if q.over {
		return
	}
	q.over, q.why = true, why
	delete(s.all, q)
	delete(s.beginning, q)
	if delete(s.byTerm[q.term], q); len(s.byTerm[q.term]) == 0 {
		delete(s.byTerm, q.term)
	}
	for id := range q.hits {
		s.members[id] = slices.DeleteFunc(s.members[id], func(m *liveQuery) bool { return m == q })
		if len(s.members[id]) == 0 {
			delete(s.members, id)
		}
	}
	for _, sub := range q.subs {
		sub.end(why)
	}
	q.subs = nil
	if s.count.Add(-1) == 0 {
		close(s.stop)
		s.stop = nil
		s.take()
	}
}

// close ends all queries.
func (s *lives) close(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, q := range slices.Collect(s.queries()) {
		s.drop(q, why)
	}
}

// liveQuery is a live query of any table; guarded by lives.mu.
type liveQuery struct {
	s       *lives
	c       criteria
	term    driver.Term       // that what it finds has; empty for none
	hits    map[ID][]byte     // what it finds, with the sections
	order   []ID              // of hits, ascending; nil when it must be made
	loading map[ID][]byte     // sections that were noted while it began; nil afterwards
	stale   bool              // what it looks for now may miss something: it looks again
	subs    []*liveSubscriber // in the order in which they came
	over    bool
	why     error // it is over, if that was not its user's wish
}

// live begins a live query.
func (t *table) live(ctx context.Context, where []*predicate) (*liveQuery, error) {
	c, err := compile(where)
	if err == nil && c.limit > 0 {
		err = errors.New("a live query has no limit: it is exactly the documents for which its predicates hold")
	}
	if err == nil {
		err = t.ready(ctx)
	}
	if err != nil {
		return nil, err
	}
	q := &liveQuery{s: &t.lives, c: c, hits: map[ID][]byte{}, loading: map[ID][]byte{}}
	if terms := driver.Needs(c.preds); len(terms) > 0 {
		q.term = rarest(t, terms)
	}
	t.lives.add(q)
	if err := q.fill(ctx); err != nil {
		t.lives.remove(q, nil)
		return nil, err
	}
	return q, nil
}

// fill looks for what q finds. Until it has, what changes waits in q.loading.
func (q *liveQuery) fill(ctx context.Context) error {
	t := q.s.table
	for {
		found := map[ID][]byte{}
		err := t.find(ctx, q.c, func(h hit) bool {
			found[h.id] = bytes.Clone(h.section) // what it is lent may be a part of something larger
			return true
		})
		if err == nil {
			err = t.db.dead()
		}
		if err != nil || q.begin(found) {
			return err
		}
	}
}

// again lets every query look anew, because commits of others were missed.
func (s *lives) again(ctx context.Context) {
	for _, q := range s.restart() {
		for failed := 1; ; failed++ {
			err := q.fill(ctx)
			if err == nil || s.table.db.dead() != nil {
				break
			}
			if failed == 3 {
				s.table.db.opts.OnError(&Error{Op: "follow", Table: s.table.name, Err: err})
			}
			if !s.table.db.pause(s.table.db.backoff(failed)) {
				return
			}
		}
	}
}

// restart makes all queries wait for what they find. One that is looking for that
// already may have looked before what was missed, and looks again by itself.
func (s *lives) restart() (all []*liveQuery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for q := range s.queries() {
		if q.loading != nil {
			q.stale = true
			continue
		}
		q.loading = map[ID][]byte{}
		s.beginning[q] = true
		all = append(all, q)
	}
	return all
}

// queries gives all queries; mu is held.
func (s *lives) queries() iter.Seq[*liveQuery] {
	return func(yield func(*liveQuery) bool) {
		for q := range s.all {
			if !yield(q) {
				return
			}
		}
		for _, qs := range s.byTerm {
			for q := range qs {
				if !yield(q) {
					return
				}
			}
		}
	}
}

// rarest guesses which of the terms the fewest documents have: not what nobody
// has set, and rather text than a number or a bool.
func rarest(t *table, terms []driver.Term) driver.Term {
	return slices.MaxFunc(terms, func(a, b driver.Term) int { return worth(t, a) - worth(t, b) })
}

func worth(t *table, term driver.Term) int {
	value := term[len(term.Path())+1:]
	switch {
	case t.zero(term), value[0] == 'b':
		return 0
	case value[0] == 'i':
		return 1
	}
	return 2
}

// begin makes what was found what q has, and then what was noted meanwhile. It
// does nothing and gives false when q has to look again.
func (q *liveQuery) begin(found map[ID][]byte) bool {
	s := q.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if q.stale && !q.over {
		q.stale = false
		clear(q.loading) // q will find it
		return false
	}
	late := q.loading
	q.loading = nil
	delete(s.beginning, q)
	if q.over {
		return true
	}
	for id := range q.hits { // when it begins again
		if _, still := found[id]; !still {
			s.put(q, id, nil)
		}
	}
	for id, section := range found {
		s.put(q, id, section)
	}
	for id, section := range late {
		var v driver.Value
		if section != nil {
			v, _ = driver.DecodeValue(section) // judge has done it before
			if s.table.section != nil {
				v, _ = s.table.section.Complete(v)
			}
		}
		if section != nil && q.meets(id, v) {
			s.put(q, id, section)
		} else {
			s.put(q, id, nil)
		}
	}
	return true
}

// meets tells whether q finds a document with a section.
func (q *liveQuery) meets(id ID, section driver.Value) bool {
	return id.Compare(q.c.after) > 0 && driver.Holds(q.c.preds, section)
}

// snapshot gives what q finds now.
func (q *liveQuery) snapshot() []hit {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.settle()
	if q.order == nil {
		q.order = make([]ID, 0, len(q.hits))
		for id := range q.hits {
			q.order = append(q.order, id)
		}
		slices.SortFunc(q.order, ID.Compare)
	}
	hits := make([]hit, len(q.order))
	for i, id := range q.order {
		hits[i] = hit{id, q.hits[id]}
	}
	return hits
}

func (q *liveQuery) len() int {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.settle()
	return len(q.hits)
}

func (q *liveQuery) has(id ID) bool {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.settle()
	_, ok := q.hits[id]
	return ok
}
