package fs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/runtime/driver"
)

// keeping says when the work in the background is done.
type keeping struct {
	freezeAt int64         // bytes of records in memory from which on the end of a segment freezes them
	pressAt  int64         // the same from which on appending waits while others are frozen
	closeAt  int64         // the same from which on Close seals
	unit     int64         // the size of a run of the lowest level
	keep     time.Duration // how long files stay that are not part of the store any more
	inline   bool          // nothing runs in the background: who wakes the keeper does its work
	now      func() time.Time
	bug      mutant
}

// keeper is the work that nobody waits for: it seals what memory has, merges
// runs, and removes files. Two goroutines do it, so that a long merge holds up
// no seal; Close ends both. Its lock comes before those of the store.
type keeper struct {
	keeping
	s *Store

	pressed atomic.Bool // appending waits: set with the store's order held
	erase   atomic.Bool // memory has a purged document, whose bytes are to go

	toSeal, toMerge chan struct{} // of one
	quit            chan struct{}
	ended           sync.WaitGroup

	sealing, merging sync.Mutex // each is done by one at a time

	mu       sync.Mutex
	manifest manifest.Manifest // guarded by mu: the one that counts
	own      bool              // guarded by mu: this process wrote it, so it is known to be durable
	last     uint64            // guarded by mu: the highest number of a manifest that may be there
	before   uint64            // guarded by mu: the number of the one before manifest, 0 for none
	doomed   []manifest.Gone   // guarded by mu: files to remove, some of which manifest knows
	next     uint64            // guarded by mu: the number of the next run
	holds    int               // guarded by mu: how many copies are being made, for which files stay

	state sync.Mutex
	err   error         // guarded by state: of the last seal, nil if it went well
	stuck error         // guarded by state: of the last merge, nil if it went well
	eased chan struct{} // guarded by state: closed when a seal ended, well or not
}

// SealError says that what was written could not be sealed, most likely because
// the disk is full, and that memory takes no more before it is. Nothing is lost.
type SealError struct{ Err error }

func (e *SealError) Error() string {
	return fmt.Sprintf("what was written cannot be sealed: %v; nothing is lost, reading goes on, writing goes on by itself when this is over", e.Err)
}

// Unwrap returns the cause.
func (e *SealError) Unwrap() error { return e.Err }

// start begins the work.
func (k *keeper) start() {
	if k.inline {
		return
	}
	for _, loop := range []struct {
		wake chan struct{}
		work func()
	}{{k.toSeal, k.sealAll}, {k.toMerge, k.mergeAll}} {
		k.ended.Go(func() {
			tick := time.NewTicker(min(max(k.keep/4, 10*time.Millisecond), time.Minute))
			defer tick.Stop()
			for {
				select {
				case <-k.quit:
					return
				case <-loop.wake:
				case <-tick.C:
				}
				loop.work()
			}
		})
	}
}

// wake tells the keeper that there may be something to do. Nobody holds a lock
// of the store here.
func (k *keeper) wake() {
	if k.inline {
		k.sealAll()
		k.mergeAll()
		return
	}
	if k.s.frozen.Load() || k.pressed.Load() {
		poke(k.toSeal)
	}
}

// poke wakes whoever waits at a channel of one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake
	}
}

// press makes appending wait when memory has too much. The caller holds order.
func (k *keeper) press(tail int64) {
	if tail >= k.pressAt && !k.pressed.Load() {
		k.pressed.Store(true)
	}
}

// admit lets a batch in, which is when memory has room for it.
func (k *keeper) admit(ctx context.Context) error {
	for k.pressed.Load() {
		k.state.Lock()
		eased := k.eased
		k.state.Unlock()
		if k.inline {
			k.sealAll()
		} else {
			poke(k.toSeal)
			select {
			case <-eased:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		k.state.Lock()
		err := k.err
		k.state.Unlock()
		if err != nil && k.pressed.Load() {
			return &SealError{err}
		}
	}
	return nil
}

// ease tells those who wait how a seal ended.
func (k *keeper) ease(err error) {
	k.state.Lock()
	defer k.state.Unlock()
	k.err = err
	close(k.eased)
	k.eased = make(chan struct{})
}

// sealAll seals until there is nothing to seal.
func (k *keeper) sealAll() {
	k.sealing.Lock()
	defer k.sealing.Unlock()
	for {
		err := k.freezeDue()
		frozen := k.s.frozen.Load()
		if err == nil && frozen {
			err = k.seal()
		}
		k.ease(err)
		if err != nil || !frozen {
			break
		}
		switch {
		case k.inline:
		case k.overdue():
			k.mergeAll() // who writes faster than runs are merged waits for it
		default:
			poke(k.toMerge)
		}
	}
	k.collect()
}

// freezeDue freezes what memory has when the end of a segment would come too
// late for it.
func (k *keeper) freezeDue() error {
	s := k.s
	s.order.Lock()
	defer s.order.Unlock()
	if s.frozen.Load() || !k.pressed.Load() && !k.erase.Load() {
		return nil
	}
	last, err := s.journal.Cut()
	if errors.Is(err, driver.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	s.freeze(last)
	return nil
}

// freeze makes the active tails the frozen ones, if there are none; last is the
// newest batch that they have, which the journal has ended. The caller holds
// order.
func (s *Store) freeze(last uint64) {
	if s.frozen.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tables {
		t.freeze()
	}
	s.frozen.Store(true)
	s.boundary, s.tail = last, 0
	s.keeper.pressed.Store(false)
	s.keeper.erase.Store(false)
}

// failing is the work that went wrong when it was last tried, nil if none did.
func (k *keeper) failing() error {
	k.state.Lock()
	defer k.state.Unlock()
	switch {
	case k.err != nil:
		return &SealError{k.err}
	case k.stuck != nil:
		return fmt.Errorf("runs cannot be merged: %w; nothing is lost, and it is tried again", k.stuck)
	}
	return nil
}

// stop ends the work, and seals when there is so much in memory that the next
// Open would take long. Nobody else uses the store any more. That sealing fails
// is no reason to say that Close did: all of it is in the journal, and failing
// tells.
func (k *keeper) stop() {
	close(k.quit)
	k.ended.Wait()
	s := k.s
	if s.journal.Sync(context.Background(), s.journal.Last()) != nil {
		return // Close of the journal says it
	}
	k.sealing.Lock()
	defer k.sealing.Unlock()
	var err error
	if s.frozen.Load() {
		err = k.seal()
	}
	if err == nil && s.tail >= k.closeAt {
		s.freeze(s.journal.Last())
		err = k.seal()
	}
	k.collect()
	if err != nil {
		k.ease(err)
	}
}
