package destam

import (
	"context"
	"fmt"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// maxBatch is how many commits go to the driver at once. Who flushes waits for
// the whole batch, and a driver gains nothing from larger ones.
const maxBatch = 4096

// round is what one document gives to the store at one time: commits that
// follow each other, oldest first.
type round struct {
	commits []driver.Commit
	pending []*doc.Pending  // what the commits were made of; a creation and a deletion are of none
	resent  bool            // its outcome was not known
	more    bool            // there was more to store
	results []driver.Result // one for each commit, once done is closed
	done    chan struct{}
}

func newRound(commits []driver.Commit) *round {
	return &round{commits: commits, done: make(chan struct{})}
}

// batches brings rounds to the driver: one batch after the other, each of all
// the rounds that came while the one before was on its way. So a driver that
// takes its time is asked seldom and for much, and nobody sets a timer.
type batches struct {
	driver driver.Driver
	ctx    context.Context // of the driver's calls: not of whoever waits for one

	mu      sync.Mutex
	waiting []*round      // guarded by mu
	ended   bool          // guarded by mu
	more    chan struct{} // holds one token while something waits, or ended
}

func newBatches(ctx context.Context, d driver.Driver) *batches {
	return &batches{driver: d, ctx: ctx, more: make(chan struct{}, 1)}
}

// submit takes a round; its results are there when its done is closed. It may
// be called under a lock. After end the results are ErrClosed.
func (b *batches) submit(r *round) {
	b.mu.Lock()
	ended := b.ended
	if !ended {
		b.waiting = append(b.waiting, r)
	}
	b.mu.Unlock()
	if ended {
		r.fail(ErrClosed)
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

func (r *round) fail(err error) {
	r.results = make([]driver.Result, len(r.commits))
	for i := range r.results {
		r.results[i].Err = err
	}
	close(r.done)
}

// end makes run return once nothing waits.
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

// take gives the rounds of the next batch.
func (b *batches) take() (rounds []*round, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, commits := 0, 0
	for n < len(b.waiting) && (n == 0 || commits+len(b.waiting[n].commits) <= maxBatch) {
		commits += len(b.waiting[n].commits)
		n++
	}
	rounds = b.waiting[:n:n]
	if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
		b.waiting = nil // or it would keep what was stored
	}
	return rounds, b.ended
}

func (b *batches) append(rounds []*round) {
	all := rounds[0].commits
	if len(rounds) > 1 {
		all = nil
		for _, r := range rounds {
			all = append(all, r.commits...)
		}
	}
	results := b.driver.Append(b.ctx, all)
	if len(results) != len(all) {
		for _, r := range rounds {
			r.fail(fmt.Errorf("%w: the driver gave %d results for %d commits", ErrUnknown, len(results), len(all)))
		}
		return
	}
	for _, r := range rounds {
		r.results, results = results[:len(r.commits)], results[len(r.commits):]
		close(r.done)
	}
}
