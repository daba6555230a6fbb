package drivertest

import (
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

func testLog(s *store) {
	d := s.create(id(1), obj("n", int64(0)))
	for i, kind := range []driver.Kind{
		driver.KindChange, driver.KindVoid, driver.KindRenumber, driver.KindDelete,
		driver.KindRestore, driver.KindChange, driver.KindVoid, driver.KindChange,
	} {
		var section driver.Object
		if i%2 == 0 && kind == driver.KindChange || kind == driver.KindRestore {
			section = obj("n", int64(i))
		}
		d.add(kind, section)
	}
	n := uint64(len(d.log))
	for from := range n + 3 {
		for to := range n + 3 {
			want := slices.DeleteFunc(slices.Clone(d.log), func(c driver.Commit) bool {
				return c.Seq < from || to > 0 && c.Seq > to
			})
			name := fmt.Sprintf("Log from %d to %d", from, to)
			s.sameCommits(want, s.log(d.id, driver.Range{From: from, To: to}), name)
			slices.Reverse(want)
			s.sameCommits(want, s.log(d.id, driver.Range{From: from, To: to, Backward: true}), name+" backwards")
		}
	}
	for _, backward := range []bool{false, true} {
		seen := 0
		for c, err := range s.d.Log(s.ctx, table, d.id, driver.Range{Backward: backward}) {
			s.noError(err, "Log")
			s.within("Append while Log yields", func() {
				s.create(id(100+int(s.made)), obj())
			})
			if c.ID != d.id {
				s.t.Fatalf("Log yields a commit of %s", c.ID)
			}
			if seen++; seen == 3 {
				break
			}
		}
	}
	d.verify()
	s.same(0, len(s.log(id(99), driver.Range{})), "commits of a document that never was")
}

func testLoad(s *store) {
	d := s.create(id(1), obj("n", int64(0)))
	for i := range 9 {
		d.add(driver.KindChange, nil)
		if i == 4 {
			d.add(driver.KindChange, obj("n", int64(i)))
		}
	}
	d.add(driver.KindVoid, nil)
	n := uint64(len(d.log))
	for at := range n + 3 {
		state, err := s.load(d.id, at)
		s.noError(err, "Load")
		want := d.log
		if at > 0 && at < n {
			want = d.log[:at]
		}
		s.sameCommits(want, state.Commits, fmt.Sprintf("Load at %d", at))
		s.same(d.head(), state.Head, "Head of Load")
		if state.CheckpointSeq != 0 || state.Checkpoint != nil {
			s.t.Fatalf("Load gives a checkpoint of %d that nobody stored", state.CheckpointSeq)
		}
	}
	_, err := s.load(id(2), 0)
	s.wantError(err, driver.ErrNotFound, "Load of a document that never was")
	_, err = s.load(id(2), 3)
	s.wantError(err, driver.ErrNotFound, "Load of a version of a document that never was")
}

func testCheckpoint(s *store) {
	d := s.create(id(1), obj("n", int64(0)))
	for range 9 {
		d.add(driver.KindChange, nil)
	}
	stored := map[uint64]string{}
	store := func(seq uint64, content string) {
		s.t.Helper()
		s.noError(s.d.Checkpoint(s.ctx, table, d.id, seq, []byte(content)), "Checkpoint")
		if stored[seq] == "" && seq > 0 && seq <= uint64(len(d.log)) {
			stored[seq] = content
		}
	}
	check := func() {
		s.t.Helper()
		for at := uint64(1); at <= uint64(len(d.log)); at++ {
			state, err := s.load(d.id, at)
			s.noError(err, "Load")
			newest := at
			for newest > 0 && stored[newest] == "" {
				newest--
			}
			what := fmt.Sprintf("Load at %d", at)
			s.same(newest, state.CheckpointSeq, "sequence of the checkpoint of "+what)
			s.same(stored[newest], string(state.Checkpoint), "checkpoint of "+what)
			s.sameCommits(d.log[newest:at], state.Commits, what)
		}
		d.verify()
	}
	check()
	store(4, "four")
	check()
	store(4, "another four")
	store(7, "seven")
	check()
	store(2, "two, late")
	store(99, "beyond the head")
	store(11, "just beyond the head")
	store(0, "before the beginning")
	check()
	d.add(driver.KindChange, nil)
	check() // the head is 11 now, and there is no checkpoint of it
	store(11, "eleven")
	check()
	d.add(driver.KindDelete, nil)
	store(12, "deleted")
	check()
	s.noError(s.d.Checkpoint(s.ctx, table, id(2), 1, []byte("nobody's")), "Checkpoint of a document that never was")
	(&doc{s: s, id: id(2)}).gone()
	e := s.create(id(2), obj())
	state, err := s.load(e.id, 0)
	s.noError(err, "Load")
	s.same(uint64(0), state.CheckpointSeq, "sequence of a checkpoint that was stored before the document")
}
