package destam

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// flock is how many documents are stored together at most: few enough that
// the first need not wait long for the last to be sealed.
const flock = 256

// bringAll stores what is pending of all documents.
func (db *DB) bringAll(ctx context.Context, attempts int) []error {
	var errs failed
	db.bringEach(ctx, db.bringTogether(ctx, db.schedule.all(), attempts), &errs)
	return errs.list
}

// failed are the errors of many documents.
type failed struct {
	mu   sync.Mutex
	list []error // guarded by mu
}

func (f *failed) add(err error) {
	if err != nil {
		f.mu.Lock()
		f.list = append(f.list, err)
		f.mu.Unlock()
	}
}

// bringTogether stores documents that need nobody but the store, many with one
// call, and gives the others, and those of which something is left to do. It
// calls no function of the program's and waits for nothing else: so no document
// that somebody has locked, no slow listener and no refusal holds up the others.
func (db *DB) bringTogether(ctx context.Context, all []*live, attempts int) (left []errand) {
	members, rounds := make([]*live, 0, min(len(all), flock)), make([]*round, 0, min(len(all), flock))
	for len(all) > 0 && ctx.Err() == nil {
		members, rounds = members[:0], rounds[:0]
		n := min(len(all), flock)
		for _, l := range all[:n] {
			if r := l.ready(nil); r != nil {
				members, rounds = append(members, l), append(rounds, r)
			} else {
				left = append(left, newErrand(l, attempts))
			}
		}
		if all = all[n:]; len(rounds) > 0 {
			left = append(left, db.sendTogether(ctx, members, rounds, attempts)...)
		}
	}
	for _, l := range all {
		left = append(left, newErrand(l, attempts))
	}
	return left
}

// sendTogether sends the rounds of several documents. Their slots are held, and
// released.
func (db *DB) sendTogether(ctx context.Context, members []*live, rounds []*round, attempts int) (left []errand) {
	if err := db.batches.send(ctx, rounds...); err != nil {
		for i, l := range members {
			r := rounds[i]
			l.Go(func() { l.left(r) })
			left = append(left, newErrand(l, attempts))
		}
		return left
	}
	for i, l := range members {
		r := rounds[i]
		o := l.conclude(r)
		l.release()
		if whole := !r.resent && !r.more; o.stored() && whole && !l.telling.any() {
			l.settle()
		} else {
			e := newErrand(l, attempts)
			e.sent, e.outcome, e.whole = true, o, whole
			left = append(left, e)
		}
	}
	return left
}

// errand is what is left of bringing a document together with others: all of
// it, or what the outcome of its first round demands.
type errand struct {
	bringing
	sent    bool // a round was
	whole   bool // and it was all that there was
	outcome outcome
}

func newErrand(l *live, attempts int) errand {
	return errand{bringing: bringing{live: l, effort: effort{attempts: attempts}}}
}

// run does what is left.
func (e *errand) run(ctx context.Context) error {
	if !e.sent {
		return e.bring(ctx, e.effort)
	}
	if done, err := e.heed(ctx, e.outcome, e.whole); done {
		return err
	}
	return e.goOn(ctx)
}

// background is run for a document that is due.
func (e *errand) background() {
	l, db := e.live, e.table.db
	if !e.sent && len(l.slot) > 0 { // somebody is at it; what they leave is looked after then
		db.schedule.later(l, db.opts.Window)
		return
	}
	ended := true // by a listener
	defer func() {
		if ended {
			db.schedule.later(l, db.opts.Window)
		}
	}()
	// What it fails with was reported, or is that the database closes.
	_ = e.run(db.ctx)
	ended = false
}

// storeDue stores the documents that are due, each on a goroutine of its own if
// it needs more than the store. It takes a token for each.
func (db *DB) storeDue(due []*live, at chan struct{}) {
	run := func(f func()) {
		at <- struct{}{}
		db.workers.run(func() {
			defer func() { <-at }()
			f()
		})
	}
	each := func(left []errand) {
		for i := range left {
			run(left[i].background)
		}
	}
	if len(due) > 1 {
		run(func() {
			if left := db.bringTogether(db.ctx, due, 1); len(left) > 0 {
				db.workers.run(func() { each(left) }) // which waits for tokens, and has none
			}
		})
		return
	}
	for _, l := range due {
		each([]errand{newErrand(l, 1)})
	}
}

// bringEach runs errands, many at a time.
func (db *DB) bringEach(ctx context.Context, errands []errand, errs *failed) {
	var (
		next   atomic.Int64
		flocks sync.WaitGroup
		run    func(*errand)
	)
	take := func() {
		for i := next.Add(1) - 1; int(i) < len(errands); i = next.Add(1) - 1 {
			run(&errands[i])
		}
	}
	run = func(e *errand) {
		ended := true // by a listener: then another goroutine goes on, with this one first
		defer func() {
			if ended {
				again := newErrand(e.live, e.attempts)
				flocks.Go(func() { db.workers.mark(func() { run(&again); take() }) })
			}
		}()
		// Of one that is deleted meanwhile nothing is left to store.
		if err := e.run(ctx); !errors.Is(err, ErrDeleted) {
			errs.add(e.table.err("flush", e.id, err))
		}
		ended = false
	}
	for range min(len(errands), storers) {
		flocks.Go(func() { db.workers.mark(take) })
	}
	flocks.Wait()
}
