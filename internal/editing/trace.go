package editing

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// file is where the trace is, beside the folder of the module.
const file = "shared/data/automerge-paper.json.gz"

// Edit removes and inserts characters at one place.
type Edit struct {
	At, Removed int
	Inserted    string
}

// Read reads the trace, and the text at its end. A test without the file is
// skipped, and says where to get it. The module's folder is root, seen from the
// package that is tested.
func Read(tb testing.TB, root string) (edits []Edit, text string) {
	tb.Helper()
	name, err := filepath.Abs(filepath.Join(root, "..", filepath.FromSlash(file)))
	if err != nil {
		tb.Fatal(err)
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("no editing trace: get automerge-paper.json.gz from github.com/josephg/editing-traces and put it at %s", name)
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
			edits = append(edits, Edit{int(p[0].(float64)), int(p[1].(float64)), p[2].(string)})
		}
	}
	return edits, trace.EndContent
}
