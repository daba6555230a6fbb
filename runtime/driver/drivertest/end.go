package drivertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"weak"

	"github.com/destam-go/destamgen/runtime/driver"
)

// testCancel calls with a context that has ended: each call does all or
// nothing, and says which.
func testCancel(s *store) {
	d := s.create(id(1), obj("slug", "a"))
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	canceled := func(err error, doing string) bool {
		s.t.Helper()
		if err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("%s: got %v, want nil or %v", doing, err, context.Canceled)
		}
		return err != nil
	}
	for range 5 {
		batch := []driver.Commit{d.next(driver.KindChange, nil), s.commit(id(int(2+s.made)), 1, driver.KindChange, obj("all", true))}
		results := s.d.Append(ended, batch)
		if len(results) != len(batch) {
			s.t.Fatalf("Append of %d commits gave %d results", len(batch), len(results))
		}
		for i, r := range results {
			head, err := s.d.Head(s.ctx, table, batch[i].ID)
			landed := err == nil && head.Seq == batch[i].Seq
			switch unknown := errors.Is(r.Err, driver.ErrUnknown); {
			case unknown:
				s.noError(s.append(batch[i])[0], "retry of a commit whose outcome is unknown")
				landed = true
			case canceled(r.Err, "Append") && landed:
				s.t.Fatal("a commit that was refused is there")
			case r.Err == nil && !landed:
				s.t.Fatal("a commit that was accepted is not there")
			}
			if landed && i == 0 {
				d.log = append(d.log, batch[0])
			}
		}
		d.verify()
	}
	canceled(s.d.Declare(ended, driver.Schema{Table: table, Unique: unique, Revision: 1}), "Declare")
	canceled(s.d.Sync(ended), "Sync")
	_, err := s.d.Head(ended, table, d.id)
	canceled(err, "Head")
	_, err = s.d.Load(ended, table, d.id, 0)
	canceled(err, "Load")
	_, err = collect(s, s.d.Log(ended, table, d.id, driver.Range{}))
	canceled(err, "Log")
	_, err = collect(s, s.d.Find(ended, table, driver.Query{}))
	canceled(err, "Find")
	_, err = s.d.Count(ended, table, nil)
	canceled(err, "Count")
	_, err = collect(s, s.d.Tables(ended))
	canceled(err, "Tables")
	_, err = collect(s, s.d.Documents(ended, table, driver.ID{}))
	canceled(err, "Documents")
	canceled(s.d.Checkpoint(ended, table, d.id, 1, []byte("content")), "Checkpoint")
	d.verify()
	if purged := !canceled(s.d.Purge(ended, table, d.id), "Purge"); purged {
		d.gone()
	} else {
		d.verify()
	}
}

func testLimits(s *store) {
	limits := s.d.Limits()
	if limits != s.d.Limits() {
		s.t.Error("the limits change")
	}
	d := s.create(id(1), obj("slug", "a"))
	long := d.next(driver.KindChange, nil)
	long.By = string(make([]byte, driver.MaxBy+1))
	wantType[*driver.LimitError](s, d.refuse(long), "a long author")
	long = d.next(driver.KindChange, obj("text", string(make([]byte, driver.MaxSection))))
	wantType[*driver.LimitError](s, d.refuse(long), "a large query section")
	if limits.Commit == 0 {
		return
	}
	if limits.Commit < 1<<20 {
		s.t.Errorf("the largest commit is %d bytes, less than a megabyte", limits.Commit)
	}
	large := d.next(driver.KindChange, obj("slug", "b"))
	large.Body = make([]byte, limits.Commit)
	small := s.commit(id(2), 1, driver.KindChange, obj("slug", "b"))
	errs := s.append(large, small)
	wantType[*driver.LimitError](s, errs[0], "a commit over the limit")
	s.noError(errs[1], "a small commit beside it")
	d.verify()
	fits := d.next(driver.KindChange, nil)
	fits.Body = make([]byte, limits.Commit-4096)
	d.accept(fits)
	d.verify()
}

func testStats(s *store) {
	a := s.create(id(1), obj())
	b := s.create(id(2), obj())
	a.add(driver.KindChange, nil)
	b.add(driver.KindDelete, nil)
	stats := s.d.Stats()
	if stats.Documents != 0 && stats.Documents != 1 {
		s.t.Errorf("%d documents instead of 1", stats.Documents)
	}
	if stats.Commits != 0 && stats.Commits != 4 {
		s.t.Errorf("%d commits instead of 4", stats.Commits)
	}
	if len(stats.Lost) != 0 {
		s.t.Errorf("a new store lost %v", stats.Lost)
	}
	s.noError(s.d.Sync(s.ctx), "Sync")
	s.noError(s.d.Sync(s.ctx, driver.Doc{Table: table, ID: a.id}, driver.Doc{Table: table, ID: id(9)}), "Sync")
	if stats := s.d.Stats(); stats.Durable && stats.Unsynced > 0 {
		s.t.Errorf("after Sync %d bytes are not durable", stats.Unsynced)
	}
	if _, ok := s.d.(driver.Feed); s.d.Limits().Shared && !ok {
		s.t.Error("other processes may write, but the driver feeds nobody with what they do")
	}
}

func testAttach(s *store) {
	s.wantError(s.d.Attach(s.ctx), driver.ErrAttached, "a second Attach")
	s.create(id(1), obj()).verify()
}

func testClose(s *store) {
	d := s.create(id(1), obj("slug", "a"))
	limits := s.d.Limits()
	s.noError(s.d.Close(s.ctx), "Close")
	s.noError(s.d.Close(s.ctx), "a second Close")
	closed := func(err error, doing string) {
		s.t.Helper()
		s.wantError(err, driver.ErrClosed, doing+" after Close")
	}
	closed(s.d.Attach(s.ctx), "Attach")
	closed(s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: unique, Revision: 1}), "Declare")
	for _, err := range s.append(d.next(driver.KindChange, nil), s.commit(id(2), 1, driver.KindChange, obj())) {
		closed(err, "Append")
	}
	closed(s.d.Sync(s.ctx), "Sync")
	_, err := s.d.Head(s.ctx, table, d.id)
	closed(err, "Head")
	_, err = s.d.Load(s.ctx, table, d.id, 0)
	closed(err, "Load")
	_, err = collect(s, s.d.Log(s.ctx, table, d.id, driver.Range{}))
	closed(err, "Log")
	closed(s.d.Checkpoint(s.ctx, table, d.id, 1, []byte("content")), "Checkpoint")
	_, err = collect(s, s.d.Find(s.ctx, table, driver.Query{}))
	closed(err, "Find")
	_, err = s.d.Count(s.ctx, table, nil)
	closed(err, "Count")
	closed(s.d.Purge(s.ctx, table, d.id), "Purge")
	_, err = collect(s, s.d.Tables(s.ctx))
	closed(err, "Tables")
	_, err = collect(s, s.d.Documents(s.ctx, table, driver.ID{}))
	closed(err, "Documents")
	if s.d.Limits() != limits {
		s.t.Error("Close changed the limits")
	}
	s.d.Stats()
}

// testCloseRace closes while others write: whoever comes too late is told.
func testCloseRace(s *store) {
	const writers = 4
	commits := make([][]driver.Commit, writers)
	for i := range commits {
		d := &doc{s: s, id: id(i + 1)}
		for range 200 {
			d.log = append(d.log, d.next(driver.KindChange, obj("slug", fmt.Sprint(i))))
		}
		commits[i] = d.log
	}
	started, closed := make(chan struct{}, writers), make(chan struct{})
	together(writers+1, func(i int) {
		if i == writers {
			for range writers {
				<-started
			}
			if err := s.d.Close(s.ctx); err != nil {
				s.t.Errorf("Close: %v", err)
			}
			close(closed)
			return
		}
		refused := false
		for n, c := range commits[i] {
			if n == len(commits[i])-10 {
				<-closed
			}
			err := s.d.Append(s.ctx, []driver.Commit{c})[0].Err
			if n == 0 {
				started <- struct{}{}
			}
			switch {
			case err == nil && refused:
				s.t.Error("a commit was accepted after another was told that the store is closed")
			case err != nil && !errors.Is(err, driver.ErrClosed):
				s.t.Errorf("Append: %v", err)
			}
			refused = refused || err != nil
		}
		if !refused {
			s.t.Error("commits were accepted after Close had returned")
		}
	})
	_, err := s.d.Head(s.ctx, table, id(1))
	s.wantError(err, driver.ErrClosed, "Head after Close")
}

// testHold asks a driver that holds live documents whether it does.
func testHold(s *store) {
	holder, ok := s.d.(driver.Holder)
	if !ok {
		s.t.Skip("this driver does not hold live documents, and need not")
	}
	type live [64]byte
	refs := make([]weak.Pointer[live], 10)
	for i := range refs {
		doc := &live{}
		refs[i] = weak.Make(doc)
		holder.Hold(driver.Doc{Table: table, ID: id(i + 1)}, doc)
	}
	let := weak.Make(&live{})
	for range 3 {
		runtime.GC()
	}
	if let.Value() != nil {
		s.t.Fatal("the collector did not run")
	}
	for i := range refs {
		if refs[i].Value() == nil {
			s.t.Fatalf("document %d is gone", i+1)
		}
	}
	runtime.KeepAlive(holder)
}
