package pos

import (
	"testing"

	"github.com/destam-go/destamgen/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }
