package memory_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// change makes a commit of a document; the section may be nil.
func change(id driver.ID, seq uint64, section []byte) driver.Commit {
	c := driver.Commit{
		Table: "notes", ID: id, Seq: seq, Kind: driver.KindChange,
		Time: time.Unix(int64(seq), 0).UTC(), Body: fmt.Append(nil, "body ", seq), Section: section,
	}
	binary.BigEndian.PutUint64(c.Try[:], seq)
	return c
}

// grow opens a store with one document of n commits.
func grow(t testing.TB, history, n int) (*memory.Store, driver.ID) {
	t.Helper()
	s, id := memory.Open(&memory.Options{History: history}), driver.ID{15: 1}
	if err := s.Declare(t.Context(), driver.Schema{Table: "notes"}); err != nil {
		t.Fatal(err)
	}
	batch := []driver.Commit{change(id, 1, []byte{0x80})}
	for seq := range n - 1 {
		batch = append(batch, change(id, uint64(seq)+2, nil))
	}
	for _, r := range s.Append(t.Context(), batch) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return s, id
}

// oldest returns the first sequence in the log.
func oldest(t *testing.T, s *memory.Store, id driver.ID) uint64 {
	t.Helper()
	for c, err := range s.Log(t.Context(), "notes", id, driver.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		return c.Seq
	}
	return 0
}

func TestHistoryIsBounded(t *testing.T) {
	type checkpoint struct {
		seq    uint64
		oldest uint64 // sequence in the log afterwards
	}
	for _, test := range []struct {
		history     int
		checkpoints []checkpoint
	}{
		{0, []checkpoint{{10, 1}, {50, 1}, {100, 1}}},
		// What is dropped has a checkpoint that stands in for it.
		{10, []checkpoint{{20, 1}, {25, 1}, {30, 21}, {34, 21}, {35, 26}, {100, 36}}},
		{1, []checkpoint{{10, 1}, {11, 11}, {50, 12}, {51, 51}}},
		{1000, []checkpoint{{50, 1}, {100, 1}}},
		// A late checkpoint is none that history is counted from.
		{10, []checkpoint{{60, 1}, {20, 21}, {45, 46}, {30, 46}}},
	} {
		s, id := grow(t, test.history, 100)
		stored := map[uint64]bool{}
		for _, cp := range test.checkpoints {
			if err := s.Checkpoint(t.Context(), "notes", id, cp.seq, fmt.Append(nil, cp.seq)); err != nil {
				t.Fatal(err)
			}
			stored[cp.seq] = true
			first := oldest(t, s, id)
			if first != cp.oldest {
				t.Errorf("history %d, checkpoint %d: the log begins with %d, want %d", test.history, cp.seq, first, cp.oldest)
			}
			for at := uint64(1); at <= 100; at++ {
				state, err := s.Load(t.Context(), "notes", id, at)
				if at+1 < first {
					if !errors.Is(err, memory.ErrForgotten) {
						t.Fatalf("history %d, checkpoint %d: Load at %d: got %v", test.history, cp.seq, at, err)
					}
					continue
				}
				if err != nil || state.CheckpointSeq+uint64(len(state.Commits)) != at || state.CheckpointSeq > 0 && !stored[state.CheckpointSeq] {
					t.Fatalf("history %d, checkpoint %d: Load at %d: checkpoint %d and %d commits, %v",
						test.history, cp.seq, at, state.CheckpointSeq, len(state.Commits), err)
				}
			}
		}
		if head, err := s.Head(t.Context(), "notes", id); err != nil || head.Seq != 100 || head.Section == nil {
			t.Errorf("history %d: Head: %+v, %v", test.history, head, err)
		}
		if err := s.Append(t.Context(), []driver.Commit{change(id, 101, nil)})[0].Err; err != nil {
			t.Error(err)
		}
	}
}

// TestStatsFollow compares the statistics with what is there.
func TestStatsFollow(t *testing.T) {
	s, id := grow(t, 5, 40)
	check := func(doing string, documents, commits, bytes uint64) {
		t.Helper()
		stats := s.Stats()
		if stats.Documents != documents || stats.Commits != commits || stats.Durable {
			t.Errorf("%s: %+v, want %d documents and %d commits", doing, stats, documents, commits)
		}
		if (bytes == 0) != (stats.Bytes == 0) || stats.Bytes > bytes {
			t.Errorf("%s: %d bytes, want some and at most %d", doing, stats.Bytes, bytes)
		}
	}
	check("at first", 1, 40, 40*400)
	before := s.Stats().Bytes
	if err := s.Checkpoint(t.Context(), "notes", id, 20, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats().Bytes; after != before+1000 {
		t.Errorf("a checkpoint of 1000 bytes took %d", after-before)
	}
	if err := s.Checkpoint(t.Context(), "notes", id, 30, nil); err != nil {
		t.Fatal(err)
	}
	check("with history bounded", 1, 20, before*6/10+1000)
	if err := s.Purge(t.Context(), "notes", id); err != nil {
		t.Fatal(err)
	}
	check("after a purge", 0, 1, 400)
}

func TestDriverWithBoundedHistory(t *testing.T) {
	// The suite's documents have few commits, so all of it is kept.
	drivertest.Run(t, func(t *testing.T) driver.Driver { return memory.Open(&memory.Options{History: 1000}) }, nil)
}

// fill opens a store with n documents, each with a slug of its own, one of a
// hundred owners, and a flag.
func fill(b *testing.B, n int) *memory.Store {
	b.Helper()
	s := memory.Open(nil)
	if err := s.Declare(b.Context(), driver.Schema{Table: "notes", Unique: []string{"slug"}}); err != nil {
		b.Fatal(err)
	}
	batch := make([]driver.Commit, 0, 1000)
	for i := range n {
		section := driver.Object{
			{Name: "slug", Value: fmt.Sprint("slug ", i)},
			{Name: "owner", Value: fmt.Sprint("owner ", i%100)},
			{Name: "done", Value: i%2 == 0},
		}
		bytes, err := driver.AppendValue(nil, section)
		if err != nil {
			b.Fatal(err)
		}
		c := change(number(i), 1, bytes)
		c.Held = driver.Held(section, []string{"slug"})
		if batch = append(batch, c); len(batch) == cap(batch) || i == n-1 {
			for _, r := range s.Append(b.Context(), batch) {
				if r.Err != nil {
					b.Fatal(r.Err)
				}
			}
			batch = batch[:0]
		}
	}
	return s
}

func number(i int) (id driver.ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(i)+1)
	return id
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		s := fill(b, n)
		for _, bench := range []struct {
			name  string
			terms []driver.Term
		}{
			{"one", []driver.Term{"slug\x00sslug 500"}},
			{"first-of-owner", []driver.Term{"owner\x00sowner 7"}},
			{"first-of-two-terms", []driver.Term{"owner\x00sowner 7", "done\x00b0"}},
			{"none-of-two-terms", []driver.Term{"owner\x00sowner 7", "done\x00b1"}},
		} {
			b.Run(fmt.Sprintf("terms=%s/n=%d", bench.name, n), func(b *testing.B) {
				ctx := context.Background()
				b.ReportAllocs()
				for b.Loop() {
					for _, err := range s.Find(ctx, "notes", driver.Query{Terms: bench.terms, Limit: 1}) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := fill(b, 1)
	ctx := context.Background()
	seq := uint64(1)
	b.ReportAllocs()
	for b.Loop() {
		seq++
		c := change(number(0), seq, nil)
		c.Held = []driver.Term{"slug\x00sslug 0"}
		if err := s.Append(ctx, []driver.Commit{c})[0].Err; err != nil {
			b.Fatal(err)
		}
	}
}
