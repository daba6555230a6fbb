package leak

import (
	"runtime"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// TestAfter leaves no goroutine behind, and then one.
func TestAfter(t *testing.T) {
	before := runtime.NumGoroutine()
	stop := make(chan bool)
	go func() { <-stop }()
	if left := after(before + 1); left != "" {
		t.Error(left)
	}
	if testing.Short() { // it is waited for long
		close(stop)
		return
	}
	if left := after(before); !strings.Contains(left, "TestAfter") {
		t.Errorf("a goroutine that stays is told as %q", left)
	}
	close(stop)
}
