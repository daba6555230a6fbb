package doc

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/lock"
)

// TestPeek reads a text without the lock while others set it: it is never half
// of one and half of another.
func TestPeek(t *testing.T) {
	if !lock.Peeks {
		t.Skip("values are always read with the lock here: with the race detector, and on processors that change the order of loads")
	}
	d, _, _ := create(t, seedNote, 64)
	all := []string{"", "a", strings.Repeat("bc", 10), strings.Repeat("def", 1000)}
	same := map[string]bool{snapshot(d).Title: true}
	for _, s := range all {
		same[s] = true
	}
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				do(root(d), func(n *Node) { setText(n, fTitle, all[i%len(all)]) })
			}
		}
	})
	o, p := root(d), (*string)(d.root.ptr(fTitle))
	peeked := 0
	for deadline := time.Now().Add(100 * time.Millisecond); time.Now().Before(deadline); {
		count, ok := o.Peek()
		v := *p
		if !ok || !o.Peeked(count) {
			continue
		}
		if peeked++; !same[v] {
			t.Fatalf("read %d bytes that nobody has set", len(v))
		}
	}
	close(stop)
	group.Wait()
	if peeked == 0 {
		t.Error("nothing could be read")
	}
}
