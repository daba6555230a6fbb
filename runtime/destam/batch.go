package destam

import (
	"context"
	"fmt"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// maxBatch is how many commits of several documents go to the driver at once.
// Who flushes waits for the whole batch, and a driver gains nothing from larger
// ones.
const maxBatch = 4096

// round is what one document gives to the store at one time: commits that
// follow each other, oldest first. Mostly it is one, so there is room for that.
type round struct {
	commits []driver.Commit
	pending []*doc.Pending  // what the commits were made of; a creation and a deletion are of none
	resent  bool            // its outcome was not known
	more    bool            // there was more to store
	results []driver.Result // one for each commit, once it is done
	done    chan struct{}   // closed then; nil for a caller who asks the driver himself

	commit [1]driver.Commit
	one    [1]*doc.Pending
}

func newRound(commits ...driver.Commit) *round {
	r := &round{}
	r.commits = append(r.commit[:0], commits...)
	return r
}

// batches brings rounds to the driver. A store in this process, which has no
// other writers, is asked by whoever stores, on his own goroutine: it gathers
// what comes at once itself, and no goroutine has to be woken to ask it and to
// say what it answered. For a store elsewhere, and for a caller whose context
// may end before the store answers, another goroutine does it: one batch after
// the other, each of all the rounds that came while the one before was on its
// way. So a driver that takes its time is asked seldom and for much, and nobody
// sets a timer.
type batches struct {
	driver driver.Driver
	ctx    context.Context // of the driver's calls: not of whoever waits for one
	own    bool            // the store has no other writers

	mu      sync.Mutex
	waiting []*round      // guarded by mu
	asking  int           // guarded by mu: who asks the driver on a goroutine of his own
	ended   bool          // guarded by mu
	more    chan struct{} // holds one token while something waits, or ended
}

func newBatches(ctx context.Context, d driver.Driver) *batches {
	return &batches{driver: d, ctx: ctx, own: !d.Limits().Shared, more: make(chan struct{}, 1)}
}

// send has rounds of several documents stored and returns when their results
// are there, or with the error of ctx: then they are on their way all the same,
// and their done tells when they arrive. After end the results are [ErrClosed].
func (b *batches) send(ctx context.Context, rounds ...*round) error {
	if b.own && (ctx.Done() == nil || ctx == b.ctx) {
		b.ask(rounds)
		return nil
	}
	b.submit(rounds)
	for _, r := range rounds {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ask gives rounds to the driver on the caller's goroutine.
func (b *batches) ask(rounds []*round) {
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.asking++
	}
	b.mu.Unlock()
	if ended {
		failAll(rounds, ErrClosed)
		return
	}
	for len(rounds) > 0 {
		n := batch(rounds)
		b.append(rounds[:n])
		rounds = rounds[n:]
	}
	b.mu.Lock()
	b.asking--
	ended = b.ended
	b.mu.Unlock()
	if ended {
		b.wake()
	}
}

// submit leaves rounds to the goroutine that asks the driver for many.
func (b *batches) submit(rounds []*round) {
	for _, r := range rounds {
		r.done = make(chan struct{})
	}
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.waiting = append(b.waiting, rounds...)
	}
	b.mu.Unlock()
	if ended {
		failAll(rounds, ErrClosed)
		return
	}
	b.wake()
}

func (b *batches) wake() {
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// failAll makes err the result of every commit of rounds.
func failAll(rounds []*round, err error) {
	for _, r := range rounds {
		r.results = make([]driver.Result, len(r.commits))
		for i := range r.results {
			r.results[i].Err = err
		}
		r.finish()
	}
}

// finish tells whoever waits for the results.
func (r *round) finish() {
	if r.done != nil {
		close(r.done)
	}
}

// end makes run return once nothing waits and nobody asks.
func (b *batches) end() {
	b.mu.Lock()
	b.ended = true
	b.mu.Unlock()
	b.wake()
}

// run appends until end.
func (b *batches) run() {
	for range b.more {
		for {
			rounds, ended := b.take()
			if len(rounds) == 0 {
				if ended {
					return
				}
				break
			}
			b.append(rounds)
		}
	}
}

// take gives the rounds of the next batch; ended says that none will come any
// more and nobody asks.
func (b *batches) take() (rounds []*round, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := batch(b.waiting)
	rounds = b.waiting[:n:n]
	if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
		b.waiting = nil // or it would keep what was stored
	}
	return rounds, b.ended && b.asking == 0
}

// batch tells how many of some rounds go to the driver at once.
func batch(rounds []*round) (n int) {
	commits := 0
	for n < len(rounds) && (n == 0 || commits+len(rounds[n].commits) <= maxBatch) {
		commits += len(rounds[n].commits)
		n++
	}
	return n
}

// append asks the driver and hands out the results.
func (b *batches) append(rounds []*round) {
	all := rounds[0].commits
	if len(rounds) > 1 {
		all = make([]driver.Commit, 0, len(rounds))
		for _, r := range rounds {
			all = append(all, r.commits...)
		}
	}
	results := b.driver.Append(b.ctx, all)
	if len(results) != len(all) {
		failAll(rounds, fmt.Errorf("%w: the driver gave %d results for %d commits", ErrUnknown, len(results), len(all)))
		return
	}
	for _, r := range rounds {
		r.results, results = results[:len(r.commits)], results[len(r.commits):]
		r.finish()
	}
}
