package drivertest

import (
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

func testDeleteRestore(s *store) {
	a := s.create(id(1), obj("slug", "a", "owner", "ann"))
	b := s.create(id(2), obj("slug", "b", "owner", "ann"))
	a.add(driver.KindChange, nil)
	owner := []driver.Term{is("ann", "owner")}
	s.found("the owner", owner, a, b)

	a.add(driver.KindDelete, nil)
	s.found("the owner of a deleted document", owner, b)
	s.found("what is not deleted", nil, b)
	s.found("the value of a deleted document", []driver.Term{is("a", "slug")})
	a.verify() // Head says Deleted, Load and Log go on
	s.wantError(a.refuse(a.next(driver.KindDelete, nil)), driver.ErrDeleted, "a second delete")
	s.wantError(a.refuse(a.next(driver.KindChange, obj("slug", "a"))), driver.ErrDeleted, "a change")
	s.wantError(a.refuse(a.next(driver.KindRenumber, nil)), driver.ErrDeleted, "a renumbering")

	a.add(driver.KindRestore, obj("slug", "a", "owner", "eve"))
	s.found("the owner before", owner, b)
	s.found("the owner after", []driver.Term{is("eve", "owner")}, a)
	s.found("everything", nil, a, b)
	a.add(driver.KindChange, nil)
	a.verify()

	for range 3 {
		a.add(driver.KindDelete, nil)
		a.add(driver.KindRestore, obj("slug", "a", "owner", "ann"))
	}
	a.verify()
	s.found("the owner again", owner, a, b)
}

func testVoid(s *store) {
	a := s.create(id(1), obj("slug", "a", "owner", "ann"))
	b := s.create(id(2), obj("owner", "ann"))
	a.add(driver.KindVoid, nil)
	b.add(driver.KindVoid, nil)
	a.verify()
	s.found("documents whose last commit is a void", []driver.Term{is("ann", "owner")}, a, b)
	late := s.commit(a.id, 2, driver.KindChange, nil)
	err := wantType[*driver.SeqError](s, a.refuse(late), "a commit whose sequence a void has")
	if err.Row == nil || err.Row.Kind != driver.KindVoid {
		s.t.Errorf("the row is %v, want the void", err.Row)
	}
	frees := a.next(driver.KindVoid, nil)
	frees.Held = nil
	wantType[*driver.InvalidError](s, a.refuse(frees), "a void that frees a value")
	a.add(driver.KindChange, nil)
	a.add(driver.KindVoid, nil)
	a.verify()
}

func testVoidOnly(s *store) {
	nobody := &doc{s: s, id: id(1)}
	voids := []driver.Commit{s.commit(nobody.id, 1, driver.KindVoid, nil), s.commit(nobody.id, 2, driver.KindVoid, nil)}
	for _, err := range s.append(voids...) {
		s.noError(err, "a void at the beginning")
	}
	nobody.gone()
	s.found("everything", nil)
	s.sameCommits(voids, s.log(nobody.id, driver.Range{}), "Log")
	s.wantError(s.append(s.commit(nobody.id, 3, driver.KindChange, obj("slug", "a")))[0], driver.ErrNotFound, "creation after voids")
	lost := s.commit(nobody.id, 1, driver.KindChange, obj("slug", "a"))
	err := wantType[*driver.SeqError](s, s.append(lost)[0], "creation where a void is")
	if err.Have != 2 || err.Row == nil {
		s.t.Fatalf("got %+v", err)
	}
	s.sameCommits(voids[:1], []driver.Commit{*err.Row}, "the commit that has the sequence")
	s.noError(s.append(voids[0])[0], "retry of the void")
	s.create(id(2), obj("slug", "a")).verify()
}

func testRenumber(s *store) {
	a := s.create(id(1), obj("slug", "a"))
	a.add(driver.KindRenumber, nil)
	a.verify()
	s.found("a renumbered document", []driver.Term{is("a", "slug")}, a)
	b := s.create(id(2), obj())
	b.duplicate(b.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), a)
}

func testPurge(s *store) {
	ghost := &doc{s: s, id: id(7)}
	ghost.gone()
	a := s.create(id(1), obj("slug", "a", "owner", "ann"))
	b := s.create(id(2), obj("slug", "b", "owner", "ann"))
	c := s.create(id(3), obj("slug", "c", "owner", "ann"))
	for range 3 {
		a.add(driver.KindChange, nil)
	}
	s.noError(s.d.Checkpoint(s.ctx, table, a.id, 2, []byte("content")), "Checkpoint")
	c.add(driver.KindDelete, nil)

	before := time.Now()
	s.noError(s.d.Purge(s.ctx, table, a.id), "Purge")
	s.noError(s.d.Purge(s.ctx, table, c.id), "Purge of a deleted document")
	s.found("what is left", nil, b)
	s.found("the owner", []driver.Term{is("ann", "owner")}, b)
	s.found("the value of a purged document", []driver.Term{is("a", "slug")})
	for _, d := range []*doc{a, c} {
		d.gone()
		log := s.log(d.id, driver.Range{})
		if len(log) != 1 {
			s.t.Fatalf("the log of a purged document has %d commits", len(log))
		}
		row := log[0]
		if row.Try == [16]byte{} || row.Time.Before(before.Add(-time.Hour)) || row.Time.Location() != time.UTC {
			s.t.Errorf("attempt %x at %v of the purge", row.Try, row.Time)
		}
		row.Try, row.Time = [16]byte{}, time.Time{}
		s.same(driver.Commit{Table: table, ID: d.id, Seq: uint64(len(d.log)) + 1, Kind: driver.KindPurge}, row, "the purge")
		s.same(log, s.log(d.id, driver.Range{Backward: true}), "Log backwards")
		s.same(0, len(s.log(d.id, driver.Range{To: uint64(len(d.log))})), "commits before the purge")

		for _, kind := range []driver.Kind{driver.KindChange, driver.KindRestore, driver.KindVoid} {
			for _, seq := range []uint64{1, uint64(len(d.log)), uint64(len(d.log)) + 1, uint64(len(d.log)) + 2} {
				next := s.commit(d.id, seq, kind, nil)
				if kind != driver.KindVoid {
					next.Section = s.section(obj())
				}
				s.wantError(s.append(next)[0], driver.ErrNotFound, "a commit of a purged document")
			}
		}
		s.noError(s.d.Checkpoint(s.ctx, table, d.id, 1, []byte("content")), "Checkpoint of a purged document")
		d.gone()
	}
	b.add(driver.KindChange, obj("slug", "a"))
	b.verify()
}
