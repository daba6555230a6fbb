package doc

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMutex lets goroutines count under the lock, some of them without a pause.
func TestMutex(t *testing.T) {
	var (
		m     mutex
		n     int
		group sync.WaitGroup
	)
	const goroutines, times = 8, 20_000
	for range goroutines {
		group.Go(func() {
			for range times {
				m.Lock()
				n++
				m.Unlock()
			}
		})
	}
	group.Wait()
	if n != goroutines*times {
		t.Errorf("counted %d", n)
	}
	if !m.TryLock() || m.TryLock() {
		t.Error("the lock was not free, or is taken twice")
	}
	m.Unlock()
	defer func() {
		if recover() == nil {
			t.Error("a free lock was released")
		}
	}()
	m.Unlock()
}

// TestMutexHunger demands that somebody who waits gets the lock from one who
// never leaves it free for long.
func TestMutexHunger(t *testing.T) {
	var m mutex
	m.Lock()
	got := make(chan struct{})
	go func() {
		m.Lock()
		close(got)
		m.Unlock()
	}()
	for {
		select {
		case <-got: // before that it is free for no longer than an instant
			return
		default:
			m.Unlock()
			m.Lock()
		}
	}
}

// TestPeek reads a text without the lock while others set it: it is never half
// of one and half of another.
func TestPeek(t *testing.T) {
	if !peeks {
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
