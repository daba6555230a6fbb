package drivertest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Method names a method of [driver.Driver] that can fail.
type Method string

// The methods that can fail. Any stands for all of them.
const (
	Any        Method = ""
	Attach     Method = "Attach"
	Declare    Method = "Declare"
	Append     Method = "Append"
	Sync       Method = "Sync"
	Head       Method = "Head"
	Load       Method = "Load"
	Log        Method = "Log"
	Checkpoint Method = "Checkpoint"
	Find       Method = "Find"
	Count      Method = "Count"
	Purge      Method = "Purge"
	Tables     Method = "Tables"
	Documents  Method = "Documents"
	Close      Method = "Close"
)

// How says in which way a call fails.
type How uint8

// The ways in which a call fails.
const (
	// Before fails without doing anything, and says so: a plain error.
	Before How = iota
	// After does all and loses the answer. Append says [driver.ErrUnknown],
	// for by the contract its other errors mean that nothing was stored; an
	// iterator yields everything and then a plain error.
	After
	// Unknown does all or nothing, by chance, and says driver.ErrUnknown; an
	// iterator yields the beginning of what there is and then that error.
	Unknown
)

func (h How) String() string { return [...]string{"before", "after", "unknown"}[h] }

// ErrFault is the error of a fault whose [Plan] has none of its own.
var ErrFault = errors.New("drivertest: fault on purpose")

// Plan says which call fails, and how. A test runs with At 1, 2, 3 … until
// [Faulty.Fired] says that no call failed any more: then every call of the
// test has failed once.
//
// Calls are counted when they begin, iterators when they are ranged over, and
// of a batch each commit counts as one call of Append, so that one commit in
// the middle of a batch can fail.
type Plan struct {
	At     int    // number of the call that fails, from 1; 0 for none
	Method Method // calls of what are counted
	How    How
	Sticky bool   // all counted calls after it fail as well
	Batch  bool   // a fault of Append hits the whole batch instead of a commit
	Err    error  // what the driver says; nil for [ErrFault]
	Seed   uint64 // of chance
}

// Faulty is a driver some of whose calls fail. It shows none of the optional
// interfaces of the driver below.
type Faulty struct {
	d    driver.Driver
	plan Plan

	mu     sync.Mutex
	random *rand.Rand
	calls  int
	fired  int
	gates  []*Gate // those that are closed
}

var _ driver.Driver = (*Faulty)(nil)

// Faults returns d with the faults of a plan. It fails the same calls in the
// same way each time, as far as the calls come in the same order.
func Faults(d driver.Driver, plan Plan) *Faulty {
	return &Faulty{d: d, plan: plan, random: rand.New(rand.NewPCG(plan.Seed, 1))}
}

// Calls returns how many calls were counted so far.
func (f *Faulty) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Fired returns how many calls failed on purpose so far.
func (f *Faulty) Fired() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// fault is one failure.
type fault struct {
	how   How
	lands bool // the call is made all the same
	part  int  // of an iterator with an unknown outcome: how much it yields
	err   error
}

// next counts a call and returns its fault, nil if it shall not fail.
func (f *Faulty) next(m Method) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan.Method != Any && f.plan.Method != m {
		return nil
	}
	f.calls++
	if f.plan.At == 0 || f.calls < f.plan.At || f.calls > f.plan.At && !f.plan.Sticky {
		return nil
	}
	f.fired++
	hit := &fault{how: f.plan.How, err: f.plan.Err}
	if hit.err == nil {
		hit.err = ErrFault
	}
	switch hit.how {
	case After:
		hit.lands = true
	case Unknown:
		hit.lands, hit.part = f.random.IntN(2) == 0, f.random.IntN(4)
	}
	if hit.how == Unknown || hit.how == After && m == Append {
		hit.err = fmt.Errorf("%w: %w", driver.ErrUnknown, hit.err)
	}
	return hit
}

// call makes a call that has nothing to give but its error.
func (f *Faulty) call(ctx context.Context, m Method, do func() error) error {
	if err := f.pass(ctx, m); err != nil {
		return err
	}
	hit := f.next(m)
	if hit == nil {
		return do()
	}
	if hit.lands {
		do() // what it says is lost
	}
	return hit.err
}

// ask makes a call that gives something; with an error it gives nothing.
func ask[T any](f *Faulty, ctx context.Context, m Method, do func() (T, error)) (v T, err error) {
	err = f.call(ctx, m, func() (err error) {
		v, err = do()
		return err
	})
	if err != nil {
		var nothing T
		return nothing, err
	}
	return v, nil
}

// each ranges over an iterator.
func each[T any](f *Faulty, ctx context.Context, m Method, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var nothing T
		if err := f.pass(ctx, m); err != nil {
			yield(nothing, err)
			return
		}
		hit := f.next(m)
		if hit == nil {
			seq(yield)
			return
		}
		if hit.how != Before {
			n := 0
			for v, err := range seq {
				if err != nil || hit.how == Unknown && n == hit.part {
					break
				}
				if n++; !yield(v, nil) {
					return
				}
			}
		}
		yield(nothing, hit.err)
	}
}

// Attach implements [driver.Driver].
func (f *Faulty) Attach(ctx context.Context) error {
	return f.call(ctx, Attach, func() error { return f.d.Attach(ctx) })
}

// Declare implements [driver.Driver].
func (f *Faulty) Declare(ctx context.Context, s driver.Schema) error {
	return f.call(ctx, Declare, func() error { return f.d.Declare(ctx, s) })
}

// Append implements [driver.Driver]. Commits that fail before anything happened
// are not part of the batch that the driver below sees.
func (f *Faulty) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := make([]driver.Result, len(batch))
	if err := f.pass(ctx, Append); err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	var passed []driver.Commit
	var places []int
	for i, hit := range f.hits(len(batch)) {
		if hit != nil {
			results[i].Err = hit.err
		}
		if hit == nil || hit.lands {
			passed, places = append(passed, batch[i]), append(places, i)
		}
	}
	for i, r := range f.d.Append(ctx, passed) {
		if results[places[i]].Err == nil {
			results[places[i]] = r
		}
	}
	return results
}

// hits returns the faults of the commits of a batch.
func (f *Faulty) hits(n int) []*fault {
	hits := make([]*fault, n)
	var one *fault
	for i := range hits {
		if hits[i] = f.next(Append); hits[i] != nil && one == nil {
			one = hits[i]
		}
	}
	if f.plan.Batch && one != nil {
		for i := range hits {
			hits[i] = one
		}
	}
	return hits
}

// Sync implements [driver.Driver].
func (f *Faulty) Sync(ctx context.Context, docs ...driver.Doc) error {
	return f.call(ctx, Sync, func() error { return f.d.Sync(ctx, docs...) })
}

// Head implements [driver.Driver].
func (f *Faulty) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	return ask(f, ctx, Head, func() (driver.Head, error) { return f.d.Head(ctx, table, id) })
}

// Load implements [driver.Driver].
func (f *Faulty) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	return ask(f, ctx, Load, func() (driver.State, error) { return f.d.Load(ctx, table, id, at) })
}

// Log implements [driver.Driver].
func (f *Faulty) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return each(f, ctx, Log, f.d.Log(ctx, table, id, r))
}

// Checkpoint implements [driver.Driver].
func (f *Faulty) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	return f.call(ctx, Checkpoint, func() error { return f.d.Checkpoint(ctx, table, id, seq, content) })
}

// Find implements [driver.Driver].
func (f *Faulty) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return each(f, ctx, Find, f.d.Find(ctx, table, q))
}

// Count implements [driver.Driver].
func (f *Faulty) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	return ask(f, ctx, Count, func() (int, error) { return f.d.Count(ctx, table, terms) })
}

// Purge implements [driver.Driver].
func (f *Faulty) Purge(ctx context.Context, table string, id driver.ID) error {
	return f.call(ctx, Purge, func() error { return f.d.Purge(ctx, table, id) })
}

// Tables implements [driver.Driver].
func (f *Faulty) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return each(f, ctx, Tables, f.d.Tables(ctx))
}

// Documents implements [driver.Driver].
func (f *Faulty) Documents(ctx context.Context, table string, after driver.ID) iter.Seq2[driver.Entry, error] {
	return each(f, ctx, Documents, f.d.Documents(ctx, table, after))
}

// Limits implements [driver.Driver]. It never fails.
func (f *Faulty) Limits() driver.Limits { return f.d.Limits() }

// Stats implements [driver.Driver]. It never fails.
func (f *Faulty) Stats() driver.Stats { return f.d.Stats() }

// Close implements [driver.Driver].
func (f *Faulty) Close(ctx context.Context) error {
	return f.call(ctx, Close, func() error { return f.d.Close(ctx) })
}
