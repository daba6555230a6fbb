package seq

import (
	"strings"
	"testing"

	"github.com/destam-go/destamgen/internal/editing"
	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// root is the folder of the module.
const root = "../../.."

// replay makes the edits in a list and calls issued for each key.
func replay(edits []editing.Edit, issued func(k pos.Key)) *List[byte] {
	l := new(List[byte])
	for _, e := range edits {
		l.Remove(e.At, e.Removed)
		if e.Inserted == "" {
			continue
		}
		keys, from, _, renumbered := Room(l, e.At, len(e.Inserted), pos.Max)
		l.Rekey(from, renumbered)
		l.Insert(e.At, keys, []byte(e.Inserted))
		for _, k := range keys {
			issued(k)
		}
		for _, k := range renumbered {
			issued(k)
		}
	}
	return l
}

// TestTrace holds the keys of real editing short: the figures are in the
// package comment of pos.
func TestTrace(t *testing.T) {
	edits, want := editing.Read(t, root)
	count, sum, longest := 0, 0, 0
	l := replay(edits, func(k pos.Key) {
		count, sum, longest = count+1, sum+len(k), max(longest, len(k))
	})
	var got strings.Builder
	keys := make([]pos.Key, 0, l.Len())
	l.Ascend(0, func(_ int, k pos.Key, e *byte) bool {
		got.WriteByte(*e)
		keys = append(keys, k)
		return true
	})
	if got.String() != want {
		t.Error("the text at the end differs")
	}
	l.check(t)
	mean := float64(sum) / float64(count)
	stored := float64(len(pos.AppendKeys(nil, keys))) / float64(len(keys))
	t.Logf("%d keys issued, mean %.2f, longest %d bytes; stored at the end %.2f bytes each", count, mean, longest, stored)
	if mean > 9 || longest > 16 || count != 182_315 {
		t.Errorf("%d keys of %.2f bytes in the mean and %d at most; want 182315 of at most 9 and 16", count, mean, longest)
	}
	if stored > 1 {
		t.Errorf("%.2f bytes for a stored key, want at most 1", stored)
	}
}

func BenchmarkTrace(b *testing.B) {
	edits, _ := editing.Read(b, root)
	b.ReportAllocs()
	for b.Loop() {
		replay(edits, func(pos.Key) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(edits)), "ns/edit")
}
