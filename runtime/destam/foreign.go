package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Conflict tells that something written here took the place of what another
// writer had stored meanwhile, and that its author had not seen. The later in
// the order of the store wins, so nothing has to be done; who must not lose an
// update reads and writes in one Transact.
type Conflict struct {
	Table       string
	ID          ID
	By, Because string   // of the commit whose changes were overwritten
	Paths       []string // of the slots
}

// catchUp takes in what other writers have stored since the document's newest
// version, and expresses what is pending here anew. First is the next commit
// if the caller has it, nil if not.
func (l *live) catchUp(ctx context.Context, first *driver.Commit) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	err := l.advance(ctx, first)
	l.release()
	defer func() { // also when a listener ends the goroutine
		switch {
		case errors.Is(err, ErrDeleted):
			l.end(err)
		case errors.Is(err, ErrCorrupt):
			l.table.db.opts.OnError(err)
			l.end(err)
		case err == nil:
			l.settle()
		}
	}()
	l.doc.Deliver() // without the slot, which listeners may want
	return err
}

// advance is catchUp with the slot held and nothing delivered. While the
// outcome of a round is not known it does nothing: that must be known first.
func (l *live) advance(ctx context.Context, first *driver.Commit) error {
	if l.ended != nil || l.unsure != nil {
		return nil
	}
	version := l.version.Load()
	if first != nil && first.Seq == version+1 {
		if err := l.takeIn(first); err != nil {
			return err
		}
		if version++; l.heard.Load() <= version {
			return nil
		}
	}
	for c, err := range l.table.db.driver.Log(ctx, l.table.name, l.id, driver.Range{From: version + 1}) {
		if err == nil && c.Kind != driver.KindPurge && c.Seq != version+1 {
			err = l.lost(&Error{Op: "load", Table: l.table.name, ID: l.id, Version: version + 1, Err: errMissing})
		}
		if err == nil {
			err = l.takeIn(&c)
		}
		if err != nil {
			return err
		}
		version = c.Seq
	}
	return nil
}

// lost makes err why nothing of the document can be stored any more.
func (l *live) lost(err error) error {
	l.ended = err
	return err
}

// takeIn makes a commit of another writer the newest version; the slot is held.
func (l *live) takeIn(c *driver.Commit) error {
	if c.Kind == driver.KindDelete || c.Kind == driver.KindPurge {
		return l.lost(ErrDeleted)
	}
	if err := l.doc.Rebase(c.Seq, c.Body, doc.Cause{By: c.By, Because: c.Because}); err != nil {
		return l.lost(&Error{Op: "load", Table: l.table.name, ID: l.id, Version: c.Seq, Err: err})
	}
	held := c.Held
	l.held.Store(&held)
	l.version.Store(c.Seq)
	l.grew(c)
	return nil
}

// hear notes that the store has a version, and sees to it that the document
// gets there. C is its commit, or nil.
func (l *live) hear(seq uint64, c *driver.Commit) {
	for was := l.heard.Load(); was < seq && !l.heard.CompareAndSwap(was, seq); was = l.heard.Load() {
	}
	if seq <= l.version.Load() || !l.hearing.CompareAndSwap(false, true) {
		return
	}
	l.Go(func() {
		defer func() { // also when a listener ended the goroutine
			l.hearing.Store(false)
			if heard := l.heard.Load(); heard > l.version.Load() && l.table.db.dead() == nil && !l.isOver(l.table.db.ctx) {
				l.hear(heard, nil) // it came in between
			}
		}()
		l.arrive(c)
	})
}

// arrive brings the document to what was heard of it.
func (l *live) arrive(next *driver.Commit) {
	db := l.table.db
	for failed := 0; l.heard.Load() > l.version.Load() && !l.isOver(db.ctx); next = nil {
		if err := l.catchUp(db.ctx, next); err == nil && l.heard.Load() <= l.version.Load() {
			return
		} else if failed++; failed == 3 && err != nil {
			db.opts.OnError(&Error{Op: "follow", Table: l.table.name, ID: l.id, Err: err})
		}
		if !db.pause(db.backoff(failed)) {
			return
		}
	}
}

// isOver tells whether nothing of the document is stored any more, or the
// outcome of a round must be known first: whoever finds out goes on.
func (l *live) isOver(ctx context.Context) bool {
	if l.acquire(ctx) != nil {
		return true
	}
	defer l.release()
	return l.ended != nil || l.unsure != nil
}

// pause waits; false when the database closes first.
func (db *DB) pause(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-db.stop:
		return false
	}
}

// follow begins to read the feed of a store that has other writers: from now
// on, whatever was loaded before the reading begins.
func (db *DB) follow(f driver.Feed) {
	db.fed = true
	ctx, cancel := context.WithCancel(db.ctx)
	db.workers.run(func() {
		<-db.stop
		cancel()
	})
	feed := f.Feed(ctx, nil)
	db.workers.run(func() { db.following(ctx, f, feed) })
}

// following reads a feed until ctx ends. After an error it goes on where it
// was. Where that is not possible any more it goes on from now, and has every
// document look for itself.
func (db *DB) following(ctx context.Context, f driver.Feed, feed iter.Seq2[driver.FeedItem, error]) {
	var since driver.Token
	for failed := 0; ; {
		var failure error
		for item, err := range feed {
			if failure = err; err != nil {
				break
			}
			since, failed = item.Token, 0
			db.tell(&item.Commit)
		}
		if ctx.Err() != nil {
			return
		}
		if failed++; failed == 3 {
			db.opts.OnError(&Error{Op: "follow", Err: fmt.Errorf("what other writers do is not heard of: %w", failure)})
			since = nil
		}
		if !db.pause(db.backoff(failed)) {
			return
		}
		feed = f.Feed(ctx, since)
		if since == nil {
			db.catchUpAll()
		}
	}
}

// catchUpAll has every document, and every live query, look for what it may have
// missed.
func (db *DB) catchUpAll() {
	for _, t := range db.all() {
		t.loading.miss()
		db.workers.run(func() { t.lives.again(db.ctx) })
	}
	for _, l := range db.lives() {
		l.lookAgain()
	}
}

// lookAgain has a document look for what it may have missed.
func (l *live) lookAgain() {
	l.Go(func() {
		db := l.table.db
		if err := l.catchUp(db.ctx, nil); err != nil && !l.isOver(db.ctx) {
			db.opts.OnError(&Error{Op: "follow", Table: l.table.name, ID: l.id, Err: err})
		}
	})
}

// tell tells a document of a commit that somebody has stored, and live queries
// when nobody here has the document.
func (db *DB) tell(c *driver.Commit) {
	db.mu.Lock()
	t := db.names[c.Table]
	db.mu.Unlock()
	if t == nil {
		return
	}
	if l := t.loading.heard(t, c); l != nil && c.Seq > l.version.Load() {
		t.lives.told(l, c)
		l.hear(c.Seq, c)
	}
}

// loading are the documents of a table that are being loaded, and the newest
// version that was heard of each meanwhile: they are not in the cache yet, and
// what they were loaded from may be older.
//
// What is heard of a document that nobody has goes to live queries in the order
// of the feed. A document that comes into memory shows them what it was loaded
// from, unless something newer was heard; from then on it passes over older
// commits. Its lock, under which caches and what live queries note are leaves,
// keeps the two apart.
type loading struct {
	mu   sync.Mutex
	docs map[ID]*arrival // guarded by mu
}

type arrival struct {
	waiting int // for it to be loaded
	newest  uint64
	shown   uint64 // the version that live queries have seen by the load
	missed  bool   // something may not have been heard of
}

// miss notes that what is being loaded may be older than what was not heard of.
func (s *loading) miss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.docs {
		a.missed = true
	}
}

// begin notes that a document is being loaded; end gives what was heard of it,
// and whether that may not be all.
func (s *loading) begin(id ID) (end func() (newest uint64, missed bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.docs[id]
	if a == nil {
		if s.docs == nil {
			s.docs = make(map[ID]*arrival)
		}
		a = new(arrival)
		s.docs[id] = a
	}
	a.waiting++
	return func() (uint64, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.waiting--; a.waiting == 0 {
			delete(s.docs, id)
		}
		return a.newest, a.missed
	}
}

// loaded shows live queries what a document was loaded from, before it comes
// into the cache.
func (s *loading) loaded(l *live, section []byte) {
	if !l.table.db.fed {
		return // nobody else writes, or nobody would tell
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, version := s.docs[l.id], l.version.Load()
	if a == nil || a.newest > version {
		return
	}
	a.shown = version
	l.table.lives.show(l, section)
}

// heard notes a commit of a feed. It gives the document if somebody has it;
// otherwise live queries know.
func (s *loading) heard(t *table, c *driver.Commit) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.docs[c.ID]
	if a != nil {
		a.newest = max(a.newest, c.Seq)
	}
	l := t.cache.Peek(c.ID)
	if l == nil && (a == nil || c.Seq > a.shown) {
		t.lives.foreign(c)
	}
	return l
}
