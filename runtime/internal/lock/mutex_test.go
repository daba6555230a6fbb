package lock

import (
	"sync"
	"testing"
)

// TestMutex lets goroutines count under the lock, some of them without a pause.
func TestMutex(t *testing.T) {
	var (
		m     Mutex
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
	var m Mutex
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
