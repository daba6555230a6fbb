package doc

import (
	"testing"

	"github.com/destam-go/destamgen/internal/leak"
)

// folds witnesses every subscription of these tests, but under the race
// detector: where everybody passes its lock, there would be few races to find.
var folds *Folds

func TestMain(m *testing.M) {
	if folds = NewFolds(m); !leak.Benchmarking() && !racing {
		folds.Begin()
	}
	leak.Main(folds)
}

// checkFolds fails when somebody was told of some documents, or of all, what does
// not lead to what they show.
func checkFolds(t testing.TB, what string, of ...*Document) {
	t.Helper()
	folds.Check(func(wrong string) { t.Errorf("%s: %s", what, wrong) }, of...)
	if t.Failed() {
		t.FailNow()
	}
}
