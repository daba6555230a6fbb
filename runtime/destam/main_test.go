package destam

import (
	"testing"

	"github.com/destam-go/destamgen/internal/leak"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// folds witnesses every subscription of these tests.
var folds *doc.Folds

func TestMain(m *testing.M) {
	if folds = doc.NewFolds(m); !leak.Benchmarking() {
		folds.Begin()
	}
	leak.Main(folds)
}
