package fs

import (
	"bytes"
	"fmt"
	"iter"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestKept reads mapped files in every way while what is in them is merged into
// others and they are let go, in the middle of a reader too. What was read is the
// same when all maps are gone.
func TestKept(t *testing.T) {
	s, err := open(vfs.OS, t.TempDir(), tight)
	must(t, err)
	must(t, s.Declare(background, driver.Schema{Table: notes}))
	type kept struct{ got, was []byte }
	var all []kept
	keep := func(b []byte) { all = append(all, kept{b, bytes.Clone(b)}) }
	commit := func(c *driver.Commit) {
		keep(c.Body)
		keep(c.Section)
	}
	writers := make([]*writer, 8)
	for i := range writers {
		writers[i] = newWriter(i, fmt.Appendf(nil, "body of document %d, %100d", i, i))
		must(t, writers[i].commit(s, false))
	}
	next, stop := iter.Pull2(s.Log(background, notes, writers[0].next.ID, driver.Range{}))
	defer stop()
	read := 0
	for round := range 25 {
		for _, w := range writers {
			for range 5 {
				must(t, w.commit(s, false))
			}
			must(t, s.Checkpoint(background, notes, w.next.ID, w.next.Seq, fmt.Appendf(nil, "content %100d", round)))
			st, err := s.Load(background, notes, w.next.ID, 1+w.next.Seq/2)
			must(t, err)
			keep(st.Checkpoint)
			keep(st.Section)
			for i := range st.Commits {
				commit(&st.Commits[i])
			}
			h, err := s.Head(background, notes, w.next.ID)
			must(t, err)
			keep(h.Section)
		}
		for h, err := range s.Find(background, notes, driver.Query{Peek: round%2 == 0}) {
			must(t, err)
			keep(h.Section)
		}
		for range 4 {
			if c, err, ok := next(); ok {
				must(t, err)
				if read++; c.Seq != uint64(read) {
					t.Fatalf("a reader that takes its time got commit %d behind %d", c.Seq, read-1)
				}
				commit(&c)
			}
		}
	}
	runs := s.tables[notes].runs.all
	if len(runs) == 0 || runs[len(runs)-1].Number < 10 {
		t.Errorf("little was sealed and merged: %d runs", len(runs))
	}
	must(t, s.Close(background))
	for _, k := range all {
		if !bytes.Equal(k.got, k.was) {
			t.Fatalf("%q has become %q", k.was, k.got)
		}
	}
}
