package lock

import (
	"sync"
	"sync/atomic"
	"time"
)

// Mutex is as fair as a [sync.Mutex], and counts how often it was released: who
// reads a value and finds the count what it was before, with nobody holding the
// lock, has read what was there, without having taken the lock (see Peek). That
// is why it is not a sync.Mutex: a getter has nothing to do but to take a lock
// and release it. The zero Mutex is free; it must not be copied.
type Mutex struct {
	word    atomic.Uint64 // held, hungry, and the count
	waiting atomic.Bool   // the one whose turn it is waits for free
	turn    sync.Mutex    // of those who wait
	free    chan struct{} // made by the first who waits: a token after a release
}

// What Mutex.word is made of.
const (
	held     = 1 << iota // somebody has it
	hungry               // nobody but the one whose turn it is may take it
	released             // once for each time
)

// hunger is how long somebody waits before nobody may push in any more.
const hunger = time.Millisecond

// TryLock takes the lock if it is free.
func (m *Mutex) TryLock() bool {
	w := m.word.Load()
	return w&(held|hungry) == 0 && m.word.CompareAndSwap(w, w|held)
}

// Lock takes the lock.
func (m *Mutex) Lock() {
	if !m.TryLock() {
		m.wait()
	}
}

// wait takes the lock in turn. That somebody waits is said before the lock is
// looked at, and looked at after it was released: no release is missed.
func (m *Mutex) wait() {
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.free == nil {
		m.free = make(chan struct{}, 1)
	}
	m.waiting.Store(true)
	for begun := time.Now(); !m.take(); <-m.free {
		if time.Since(begun) > hunger {
			m.word.Or(hungry)
			if m.take() {
				break
			}
		}
	}
	m.waiting.Store(false)
}

// take is TryLock for the one whose turn it is.
func (m *Mutex) take() bool {
	for {
		w := m.word.Load()
		if w&held != 0 {
			return false
		}
		if m.word.CompareAndSwap(w, w&^hungry|held) {
			return true
		}
	}
}

// Unlock releases the lock.
func (m *Mutex) Unlock() {
	if m.word.Add(released-held)&held != 0 {
		panic("destam: a lock was released by who did not hold it")
	}
	if m.waiting.Load() {
		select {
		case m.free <- struct{}{}:
		default: // a token is there
		}
	}
}

// Peek begins to read a value without the lock; false where that cannot be done
// (see Peeks) or somebody has it. What was read is good if Peeked says so with
// what Peek gave; until then it may be half of one value and half of another,
// and must not be looked at.
func (m *Mutex) Peek() (count uint64, ok bool) {
	if !Peeks {
		return 0, false
	}
	w := m.word.Load()
	return w, w&held == 0
}

// Peeked tells whether nobody has taken the lock since Peek.
func (m *Mutex) Peeked(count uint64) bool { return m.word.Load() == count }
