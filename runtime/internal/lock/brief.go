package lock

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Brief is a lock for what takes some instructions and waits for nobody. Who
// releases it only stores, which is half of what a [sync.Mutex] costs, because
// he looks for nobody who waits: of those who do, one looks again and again,
// and lets others run meanwhile. So whoever has it must call nobody's
// functions. It counts as Mutex does, see Peek. The zero Brief is free; it
// must not be copied.
type Brief struct {
	word uintptr    // held, and the count from the second bit on
	turn sync.Mutex // of those who wait
}

// Lock takes the lock.
func (b *Brief) Lock() {
	if !b.try() {
		b.wait()
	}
}

// try takes the lock if it is free: who has it made the word another one.
func (b *Brief) try() bool {
	w := atomic.LoadUintptr(&b.word) &^ held
	return atomic.CompareAndSwapUintptr(&b.word, w, w|held)
}

func (b *Brief) wait() {
	b.turn.Lock()
	for !b.try() {
		runtime.Gosched()
	}
	b.turn.Unlock()
}

// Unlock releases the lock. Only who holds it may.
func (b *Brief) Unlock() { release(&b.word) }

// Peek begins to read a value without the lock, see [Mutex.Peek].
func (b *Brief) Peek() (count uintptr, ok bool) {
	if !Peeks {
		return 0, false
	}
	w := atomic.LoadUintptr(&b.word)
	return w, w&held == 0
}

// Peeked tells whether nobody has taken the lock since Peek.
func (b *Brief) Peeked(count uintptr) bool { return atomic.LoadUintptr(&b.word) == count }
