package fs

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestLongLog reads a history of several pages, most of it sealed in several
// runs, in both directions and from and to places of every kind.
func TestLongLog(t *testing.T) {
	const n = 1500
	s := openMem(t, vfs.NewMem())
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	w := newWriter(1, []byte("body"))
	checkpoints := map[uint64]string{}
	for i := range uint64(n) {
		must(t, w.commit(s, false))
		if i%170 == 9 {
			checkpoints[i] = fmt.Sprint("content as of ", i)
			must(t, s.Checkpoint(background, notes, w.next.ID, i, []byte(checkpoints[i])))
		}
	}
	for _, r := range []driver.Range{{}, {From: 64}, {From: 65, To: 1400}, {To: 193}, {From: 700, To: 700}, {From: 1499}} {
		first, last := max(r.From, 1), r.To
		if last == 0 {
			last = n
		}
		for _, r.Backward = range []bool{false, true} {
			next, step := first, uint64(1)
			if r.Backward {
				next, step = last, ^uint64(0)
			}
			seen := uint64(0)
			for c, err := range s.Log(background, notes, w.next.ID, r) {
				must(t, err)
				if c.Seq != next {
					t.Fatalf("%+v: commit %d where %d is expected", r, c.Seq, next)
				}
				next += step
				seen++
			}
			if seen != last-first+1 {
				t.Errorf("%+v: %d commits", r, seen)
			}
		}
	}
	for at := uint64(1); at <= n; at += 13 {
		base := at
		for base > 0 && checkpoints[base] == "" {
			base--
		}
		state, err := s.Load(background, notes, w.next.ID, at)
		must(t, err)
		if state.CheckpointSeq != base || string(state.Checkpoint) != checkpoints[base] || len(state.Commits) != int(at-base) {
			t.Fatalf("as of %d: a checkpoint of %d and %d commits, want %d", at, state.CheckpointSeq, len(state.Commits), base)
		}
		for i, c := range state.Commits {
			if c.Seq != base+uint64(i)+1 {
				t.Fatalf("as of %d: commit %d where %d belongs", at, c.Seq, base+uint64(i)+1)
			}
		}
	}
	must(t, s.Close(background))
}

// BenchmarkPage takes a page of 64 commits in the middle of a sealed history,
// backwards: what it costs should not be a matter of how long that is.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint("commits=", n), func(b *testing.B) {
			dir := b.TempDir()
			s, err := Open(dir, nil)
			must(b, err)
			must(b, s.Declare(background, driver.Schema{Table: notes}))
			w := newWriter(1, make([]byte, 80))
			batch := make([]driver.Commit, 0, 1000)
			for i := range n {
				w.next.Seq++
				binary.BigEndian.PutUint64(w.next.Try[:], w.next.Seq)
				batch = append(batch, w.next)
				if w.next.Section = nil; len(batch) == cap(batch) || i == n-1 {
					for _, r := range s.Append(background, batch) {
						must(b, r.Err)
					}
					batch = batch[:0]
				}
			}
			must(b, s.Checkpoint(background, notes, w.next.ID, uint64(n), make([]byte, 400)))
			for i := range 10_000 { // enough for the store to be sealed
				must(b, newWriter(2+i, make([]byte, 100)).commit(s, false))
			}
			must(b, s.Close(background))
			s, err = Open(dir, nil)
			must(b, err)
			if s.tables[notes].memory(w.next.ID) != nil {
				b.Fatal("it is not sealed")
			}
			for b.Loop() {
				left := leastPage
				for _, err := range s.Log(background, notes, w.next.ID, driver.Range{To: uint64(n / 2), Backward: true}) {
					must(b, err)
					if left--; left == 0 {
						break
					}
				}
			}
			must(b, s.Close(background))
		})
	}
}
