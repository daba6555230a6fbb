package destam

import (
	"testing"

	"github.com/destam-go/destamgen/internal/leak"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// folds witnesses every subscription of these tests, but under the race
// detector: where everybody passes its lock, there would be few races to find.
var folds *doc.Folds

func TestMain(m *testing.M) {
	if folds = doc.NewFolds(m); !leak.Benchmarking() && !racing {
		folds.Begin()
	}
	leak.Main(folds)
}
