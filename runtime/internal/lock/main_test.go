package lock

import (
	"testing"

	"github.com/destam-go/destamgen/internal/leak"
)

// TestMain holds that no goroutine is left when the tests are over.
func TestMain(m *testing.M) { leak.Main(m) }
