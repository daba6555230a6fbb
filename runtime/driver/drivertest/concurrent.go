package drivertest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/destam-go/destamgen/runtime/driver"
)

// together runs do on n goroutines and waits for them. They report by
// Errorf only.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// testContention lets goroutines race for every sequence of one document:
// each commit gets one place, and the losers learn who has it.
func testContention(s *store) {
	const writers, each = 8, 25
	d := s.create(id(1), obj("slug", "a"))
	queues := make([][]driver.Commit, writers)
	for i := range queues {
		for range each {
			queues[i] = append(queues[i], d.next(driver.KindChange, nil))
		}
	}
	accepted := make([]map[uint64][16]byte, writers)
	together(writers, func(i int) {
		accepted[i] = make(map[uint64][16]byte)
		seq := uint64(2)
		for _, c := range queues[i] {
			for {
				c.Seq = seq
				err := s.d.Append(s.ctx, []driver.Commit{c})[0].Err
				var late *driver.SeqError
				if err == nil {
					accepted[i][seq] = c.Try
					seq++
					break
				}
				if !errors.As(err, &late) || late.Have < seq || late.Row == nil || late.Row.Seq != seq {
					s.t.Errorf("commit %d: %v", seq, err)
					return
				}
				seq = late.Have + 1
			}
		}
	})
	log := s.log(d.id, driver.Range{})
	s.same(1+writers*each, len(log), "number of commits")
	for n, c := range log[1:] {
		s.same(uint64(n+2), c.Seq, "sequence")
		owners := 0
		for i := range accepted {
			if try, ok := accepted[i][c.Seq]; ok && try == c.Try {
				owners++
			}
		}
		s.same(1, owners, fmt.Sprintf("writers that were told they have sequence %d", c.Seq))
	}
}

// testUniqueRace lets goroutines race for one value: one holds it, and the
// others learn who.
func testUniqueRace(s *store) {
	const racers, rounds = 8, 20
	for round := range rounds {
		section := obj("slug", fmt.Sprint("slug ", round))
		commits := make([]driver.Commit, racers)
		for i := range commits {
			commits[i] = s.commit(id(racers*round+i+1), 1, driver.KindChange, section)
		}
		errs := make([]error, racers)
		together(racers, func(i int) { errs[i] = s.d.Append(s.ctx, commits[i:i+1])[0].Err })
		var winner driver.ID
		for i, err := range errs {
			if err == nil {
				if !winner.IsZero() {
					s.t.Fatalf("%s and %s both hold a value", winner, commits[i].ID)
				}
				winner = commits[i].ID
			}
		}
		for _, err := range errs {
			if err != nil {
				got := wantType[*driver.DuplicateError](s, err, "a value that is taken")
				s.same(winner, got.Holder, "holder")
			}
		}
		heads := s.find(driver.Query{Terms: commits[0].Held})
		if len(heads) != 1 || heads[0].ID != winner {
			s.t.Fatalf("Find of the value gave %v, want %s", heads, winner)
		}
	}
}

// testReaders reads all the while that others write: whatever is seen is one
// state that was there.
func testReaders(s *store) {
	const writers, each = 3, 60
	batches := make([][][]driver.Commit, writers)
	for i := range batches {
		d := &doc{s: s, id: id(i + 1)}
		for n := range each {
			a := d.next(driver.KindChange, obj("even", n%2 == 0, "slug", fmt.Sprint(i)))
			d.log = append(d.log, a)
			b := d.next(driver.KindChange, nil)
			d.log = append(d.log, b)
			batches[i] = append(batches[i], []driver.Commit{a, b})
		}
	}
	var writing atomic.Int32
	writing.Store(writers)
	together(writers+2, func(i int) {
		if i >= writers {
			for over := false; !over; {
				over = writing.Load() == 0 // then once more
				for n := range writers {
					s.readOnce(id(n + 1))
				}
			}
			return
		}
		defer writing.Add(-1)
		for _, batch := range batches[i] {
			for _, r := range s.d.Append(s.ctx, batch) {
				if r.Err != nil {
					s.t.Errorf("Append: %v", r.Err)
					return
				}
			}
		}
	})
	s.same(writers, len(s.find(driver.Query{Terms: []driver.Term{is(false, "even")}})), "documents at the end")
}

// readOnce reads a document that is being written in every way.
func (s *store) readOnce(id driver.ID) {
	head, err := s.d.Head(s.ctx, table, id)
	if errors.Is(err, driver.ErrNotFound) {
		return
	}
	if err != nil || head.ID != id || head.Section == nil || len(head.Held) != 1 {
		s.t.Errorf("Head: %+v, %v", head, err)
	}
	state, err := s.d.Load(s.ctx, table, id, 0)
	if err != nil || state.Seq < head.Seq || uint64(len(state.Commits)) != state.Seq-state.CheckpointSeq {
		s.t.Errorf("Load: %d commits, head %d, %v; the head was %d", len(state.Commits), state.Seq, err, head.Seq)
	}
	n := uint64(0)
	for c, err := range s.d.Log(s.ctx, table, id, driver.Range{}) {
		if n++; err != nil || c.Seq != n {
			s.t.Errorf("Log: commit %d in place %d, %v", c.Seq, n, err)
			return
		}
	}
	if n < state.Seq {
		s.t.Errorf("Log ends with %d, the head was %d", n, state.Seq)
	}
	if err := s.d.Checkpoint(s.ctx, table, id, head.Seq, []byte("content")); err != nil {
		s.t.Errorf("Checkpoint: %v", err)
	}
	var last driver.ID
	for h, err := range s.d.Find(s.ctx, table, driver.Query{Terms: []driver.Term{is(true, "even")}}) {
		if err != nil || h.ID.Compare(last) <= 0 {
			s.t.Errorf("Find: %s after %s, %v", h.ID, last, err)
			return
		}
		last = h.ID
		section, err := driver.DecodeValue(h.Section)
		if err != nil || !driver.Equal(section.(driver.Object).Get("even"), true) {
			s.t.Errorf("Find: the section of %s is %v, %v", h.ID, section, err)
		}
	}
}
