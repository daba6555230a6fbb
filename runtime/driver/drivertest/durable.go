package drivertest

import (
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// testReopen closes a store and opens it again: everything is there.
func testReopen(s *store) { s.outlives(s.opts.Reopen, "Reopen", true) }

// testDurable ends a store without closing it: everything that Sync returned
// for is there.
func testDurable(s *store) { s.outlives(s.opts.Crash, "Crash", false) }

// outlives fills a store, ends it, opens it by one of the options and compares.
func (s *store) outlives(open func(*testing.T, driver.Driver) driver.Driver, option string, closing bool) {
	durable := s.d.Stats().Durable
	switch {
	case open == nil && durable:
		s.t.Fatalf("Stats say Durable; Options.%s has to show it", option)
	case open == nil:
		s.t.Skip("Stats do not say Durable: this store ends with its process, as its documentation says")
	case !durable:
		s.t.Fatalf("Options.%s is given, but Stats do not say Durable", option)
	}
	past := s.past()
	if closing {
		s.noError(s.d.Close(s.ctx), "Close")
	} else {
		past.sync()
	}
	for round := range 3 {
		s.d = open(s.t, s.d)
		s.begin()
		past.compare()
		past.goOn(round)
		if closing {
			s.noError(s.d.Close(s.ctx), "Close")
		} else {
			past.sync()
		}
	}
}

// past is what a store has to remember.
type past struct {
	s       *store
	docs    []*doc
	purged  *doc
	tomb    []driver.Commit
	voids   []driver.Commit
	content string
}

// past fills a store with a document in every state.
func (s *store) past() *past {
	p := &past{s: s, content: "content at 3"}
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: "tasks"}), "Declare")
	changed := s.create(id(1), obj("slug", "a", "owner", "ann"))
	for range 5 {
		changed.add(driver.KindChange, nil)
	}
	changed.add(driver.KindChange, obj("slug", "b", "owner", "ann"))
	s.noError(s.d.Checkpoint(s.ctx, table, changed.id, 3, []byte(p.content)), "Checkpoint")
	deleted := s.create(id(2), obj("slug", "c", "owner", "ann"))
	deleted.add(driver.KindDelete, nil)
	restored := s.create(id(3), obj("slug", "d", "owner", "eve"))
	restored.add(driver.KindDelete, nil)
	restored.add(driver.KindRestore, obj("slug", "c", "owner", "ann"))
	voided := s.create(id(4), obj("owner", "eve"))
	voided.add(driver.KindVoid, nil)
	large := s.create(id(5), obj("owner", "eve"))
	c := large.next(driver.KindChange, nil)
	c.Body = make([]byte, 300_000)
	for i := range c.Body {
		c.Body[i] = byte(i * i >> 3)
	}
	large.accept(c)
	p.docs = []*doc{changed, deleted, restored, voided, large}

	p.purged = s.create(id(6), obj("slug", "purged", "owner", "ann"))
	p.purged.add(driver.KindChange, nil)
	s.noError(s.d.Purge(s.ctx, table, p.purged.id), "Purge")
	p.tomb = s.log(p.purged.id, driver.Range{})
	p.voids = []driver.Commit{s.commit(id(7), 1, driver.KindVoid, nil)}
	s.noError(s.append(p.voids...)[0], "Append of a void")
	return p
}

// sync makes all of it durable, some by name and then everything.
func (p *past) sync() {
	p.s.t.Helper()
	p.s.noError(p.s.d.Sync(p.s.ctx, driver.Doc{Table: table, ID: p.docs[0].id}), "Sync of a document")
	p.s.noError(p.s.d.Sync(p.s.ctx), "Sync")
}

// compare fails unless everything is as it was.
func (p *past) compare() {
	s := p.s
	s.t.Helper()
	for _, d := range p.docs {
		d.verify()
		for _, c := range d.log {
			s.noError(s.append(c)[0], "retry of a commit from before")
		}
	}
	p.purged.gone()
	s.sameCommits(p.tomb, s.log(p.purged.id, driver.Range{}), "Log of the purged document")
	s.noError(s.append(p.purged.log[0])[0], "retry of a commit that was purged")
	s.wantError(s.append(p.purged.next(driver.KindChange, obj()))[0], driver.ErrNotFound, "a commit of the purged document")
	s.sameCommits(p.voids, s.log(id(7), driver.Range{}), "Log of a void")
	(&doc{s: s, id: id(7)}).gone()

	s.same([]string{table, "tasks"}, s.tables(), "Tables")
	lives := make(map[driver.ID]driver.Life)
	for e, err := range s.d.Documents(s.ctx, table, driver.ID{}) {
		s.noError(err, "Documents")
		lives[e.ID] = e.Life
	}
	want := map[driver.ID]driver.Life{p.purged.id: driver.Purged, id(7): driver.Unborn}
	for _, d := range p.docs {
		want[d.id] = driver.Alive
		if d.head().Deleted {
			want[d.id] = driver.Deleted
		}
	}
	s.same(want, lives, "lives of the documents")
	wantType[*driver.SchemaError](s, s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: unique[:1], Revision: 9}), "Declare with a unique field less")

	changed, deleted, restored := p.docs[0], p.docs[1], p.docs[2]
	everything := append([]*doc{changed}, p.docs[2:]...)
	s.found("everything", nil, everything...)
	s.found("the owner", []driver.Term{is("ann", "owner")}, changed, restored)
	deleted.duplicate(deleted.next(driver.KindRestore, obj("slug", "b")), is("b", "slug"), changed)
	deleted.duplicate(deleted.next(driver.KindRestore, obj("slug", "c")), is("c", "slug"), restored)
	state, err := s.d.Load(s.ctx, table, changed.id, 4)
	s.noError(err, "Load")
	if state.CheckpointSeq != 0 {
		s.same(uint64(3), state.CheckpointSeq, "sequence of the checkpoint")
		s.same(p.content, string(state.Checkpoint), "checkpoint")
	}
}

// goOn lets life go on after the end.
func (p *past) goOn(round int) {
	p.s.t.Helper()
	p.docs[0].add(driver.KindChange, nil)
	p.docs[0].add(driver.KindChange, obj("slug", "b", "owner", "ann", "round", int64(round)))
	p.docs = append(p.docs, p.s.create(id(100+round), obj("slug", fmt.Sprint("new ", round), "owner", "eve")))
	p.docs[3].add(driver.KindVoid, nil)
}
