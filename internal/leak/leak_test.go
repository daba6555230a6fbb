package leak

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// TestAfter leaves no goroutine behind, and then one.
func TestAfter(t *testing.T) {
	before := runtime.NumGoroutine()
	stop := make(chan bool)
	go func() { <-stop }()
	if left := after(before+1, time.Minute); left != "" {
		t.Error(left)
	}
	if left := after(before, time.Millisecond); !strings.Contains(left, "TestAfter") {
		t.Errorf("a goroutine that stays is told as %q", left)
	}
	close(stop)
	if left := after(before, time.Minute); left != "" {
		t.Error(left)
	}
}
