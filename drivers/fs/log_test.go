package fs

import (
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
	for range n {
		must(t, w.commit(s, false))
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
	must(t, s.Close(background))
}
