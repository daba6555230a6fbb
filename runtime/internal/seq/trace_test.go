package seq

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// traceFile is the editing trace of a paper by Martin Kleppmann (automerge-perf,
// from josephg/editing-traces, CC BY 4.0). It is not in this repository.
const traceFile = "../../../../shared/data/automerge-paper.json.gz"

// edit removes and inserts characters at one place.
type edit struct {
	at, removed int
	inserted    string
}

// readTrace reads the trace and the text at its end.
func readTrace(tb testing.TB) (edits []edit, text string) {
	tb.Helper()
	f, err := os.Open(traceFile)
	if errors.Is(err, fs.ErrNotExist) {
		full, _ := filepath.Abs(traceFile)
		tb.Skipf("no editing trace: get automerge-paper.json.gz from github.com/josephg/editing-traces and put it at %s", full)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	var trace struct {
		EndContent string
		Txns       []struct{ Patches [][3]any }
	}
	if err := json.NewDecoder(unzipped).Decode(&trace); err != nil {
		tb.Fatal(err)
	}
	for _, txn := range trace.Txns {
		for _, p := range txn.Patches {
			edits = append(edits, edit{int(p[0].(float64)), int(p[1].(float64)), p[2].(string)})
		}
	}
	return edits, trace.EndContent
}

// replay makes the edits in a list and calls issued for each key.
func replay(edits []edit, issued func(k pos.Key)) *List[byte] {
	l := new(List[byte])
	for _, e := range edits {
		l.Remove(e.at, e.removed)
		if e.inserted == "" {
			continue
		}
		keys, from, _, renumbered := Room(l, e.at, len(e.inserted), pos.Max)
		l.Rekey(from, renumbered)
		l.Insert(e.at, keys, []byte(e.inserted))
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
	edits, want := readTrace(t)
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
	edits, _ := readTrace(b)
	b.ReportAllocs()
	for b.Loop() {
		replay(edits, func(pos.Key) {})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(edits)), "ns/edit")
}
