package lock

import (
	"sync"
	"testing"
)

// TestBrief lets goroutines count under the lock, while others read both
// numbers without it where that can be done.
func TestBrief(t *testing.T) {
	var (
		b       Brief
		n, same int
		writers sync.WaitGroup
		readers sync.WaitGroup
		over    = make(chan struct{})
	)
	const goroutines, times = 8, 20_000
	for range goroutines {
		writers.Go(func() {
			for range times {
				b.Lock()
				n++
				same++
				b.Unlock()
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for last := 0; ; {
				select {
				case <-over:
					return
				default:
				}
				count, ok := b.Peek()
				if !ok {
					continue
				}
				if x, y := n, same; b.Peeked(count) {
					if x != y || x < last {
						t.Errorf("read %d and %d after %d", x, y, last)
						return
					}
					last = x
				}
			}
		})
	}
	writers.Wait()
	close(over)
	readers.Wait()
	if n != goroutines*times || same != n {
		t.Errorf("counted %d and %d", n, same)
	}
}

// TestBriefHeld demands that nobody takes or reads what somebody has.
func TestBriefHeld(t *testing.T) {
	var b Brief
	n := 0 // guarded by b
	b.Lock()
	if b.try() {
		t.Error("the lock is taken twice")
	}
	if _, ok := b.Peek(); ok {
		t.Error("a held lock is looked behind")
	}
	got := make(chan struct{})
	go func() {
		b.Lock()
		n++
		b.Unlock()
		close(got)
	}()
	select {
	case <-got:
		t.Error("the lock is taken twice")
	default:
	}
	b.Unlock()
	<-got
	count, ok := b.Peek()
	if ok != Peeks {
		t.Errorf("Peek gives %t, and Peeks is %t", ok, Peeks)
	}
	b.Lock()
	n++
	b.Unlock()
	if ok && b.Peeked(count) {
		t.Error("a change was not noticed")
	}
}
