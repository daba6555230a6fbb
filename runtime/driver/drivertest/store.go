package drivertest

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/runtime/driver"
)

// table is where most tests work; unique are its unique fields.
const table = "notes"

var unique = []string{"profile.email", "slug"}

// store is the store under test, with what makes commits for it.
type store struct {
	t    *testing.T
	ctx  context.Context
	d    driver.Driver
	opts Options

	made uint64 // commits made so far: no two are equal
}

// begin takes the store over and declares the table.
func (s *store) begin() {
	s.t.Helper()
	s.noError(s.d.Attach(s.ctx), "Attach")
	s.declare()
	d := s.d
	s.t.Cleanup(func() {
		s.sound(d)
		// A store that crashed owes nobody a clean end.
		if err := d.Close(context.WithoutCancel(s.ctx)); err != nil && d == s.d {
			s.t.Errorf("Close: %v", err)
		}
	})
}

func (s *store) declare() {
	s.t.Helper()
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: unique, Revision: 1}), "Declare")
}

// random returns the source of chance for one test.
func (s *store) random() *rand.Rand {
	seed := max(s.opts.Seed, 1)
	s.t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// fewer gives how many of something a test makes.
func (s *store) fewer(n, slow int) int {
	if s.opts.Slow {
		return slow
	}
	return n
}

func (s *store) noError(err error, doing string) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", doing, err)
	}
}

// wantError fails unless err is want or wraps it.
func (s *store) wantError(err, want error, doing string) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Errorf("%s: got %v, want %v", doing, err, want)
	}
}

// wantType fails unless err is a T, which it returns.
func wantType[T error](s *store, err error, doing string) (target T) {
	s.t.Helper()
	if !errors.As(err, &target) {
		s.t.Fatalf("%s: got %v, want a %T", doing, err, target)
	}
	return target
}

// same fails unless got is want. Empty and nil are the same, except where
// [store.sameCommit] asks.
func (s *store) same(want, got any, what string) {
	s.t.Helper()
	if reflect.DeepEqual(want, got) {
		return // cmp takes a hundred times as long
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		s.t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// sameCommits fails unless got are the commits want, to the last detail.
func (s *store) sameCommits(want, got []driver.Commit, what string) {
	s.t.Helper()
	s.same(normal(want), normal(got), what)
	for i := range want {
		if (want[i].Section == nil) != (got[i].Section == nil) {
			s.t.Fatalf("%s: section of commit %d: want %v, got %v", what, want[i].Seq, want[i].Section, got[i].Section)
		}
		if got[i].Time.Location() != time.UTC {
			s.t.Fatalf("%s: time of commit %d is in %v", what, want[i].Seq, got[i].Time.Location())
		}
	}
}

// normal makes what is empty nil, so that equal commits are equal at a glance.
func normal(commits []driver.Commit) []driver.Commit {
	commits = slices.Clone(commits)
	for i := range commits {
		c := &commits[i]
		if len(c.Body) == 0 {
			c.Body = nil
		}
		if len(c.Held) == 0 {
			c.Held = nil
		}
		if len(c.Ext) == 0 {
			c.Ext = nil
		}
	}
	return commits
}

// id makes the n-th id; ids ascend with n.
func id(n int) (id driver.ID) {
	binary.BigEndian.PutUint64(id[:8], 1)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// section encodes a query section of names and values in turn.
func (s *store) section(o driver.Object) []byte {
	s.t.Helper()
	b, err := driver.AppendValue(nil, o)
	s.noError(err, "AppendValue")
	return b
}

// obj makes an object of names and values in turn.
func obj(pairs ...any) driver.Object {
	o := driver.Object{}
	for i := 0; i < len(pairs); i += 2 {
		o = append(o, driver.Member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return o
}

// is is the term of a scalar at a place.
func is(v driver.Value, path ...string) driver.Term { return driver.TermOf(path, v) }

// append appends a batch and returns what became of each commit.
func (s *store) append(batch ...driver.Commit) []error {
	s.t.Helper()
	results := s.d.Append(s.ctx, batch)
	if len(results) != len(batch) {
		s.t.Fatalf("Append of %d commits gave %d results", len(batch), len(results))
	}
	errs := make([]error, len(results))
	for i := range results {
		errs[i] = results[i].Err
	}
	return errs
}

// collect takes everything that an iterator yields, and the error at its end.
func collect[T any](s *store, seq iter.Seq2[T, error]) ([]T, error) {
	s.t.Helper()
	var all []T
	var failed error
	for v, err := range seq {
		if failed != nil {
			s.t.Fatalf("after the error %v another pair was yielded: %v, %v", failed, v, err)
		}
		if failed = err; err == nil {
			all = append(all, v)
		}
	}
	return all, failed
}

// log reads a document's commits.
func (s *store) log(id driver.ID, r driver.Range) []driver.Commit {
	s.t.Helper()
	commits, err := collect(s, s.d.Log(s.ctx, table, id, r))
	s.noError(err, "Log")
	return commits
}

// find runs a query.
func (s *store) find(q driver.Query) []driver.Head {
	s.t.Helper()
	heads, err := collect(s, s.d.Find(s.ctx, table, q))
	s.noError(err, "Find")
	return heads
}

// found fails unless a query finds exactly these documents, in Find and Count.
func (s *store) found(what string, terms []driver.Term, want ...*doc) {
	s.t.Helper()
	var heads []driver.Head
	for _, d := range want {
		heads = append(heads, d.head())
	}
	s.same(heads, s.find(driver.Query{Terms: terms}), "Find of "+what)
	peeked := s.find(driver.Query{Terms: terms, Peek: true})
	for i := range min(len(peeked), len(heads)) {
		if peeked[i].Held == nil {
			heads[i].Held = nil // which may be left out
		}
	}
	s.same(heads, peeked, "Find that peeks at "+what)
	n, err := s.d.Count(s.ctx, table, terms)
	s.noError(err, "Count of "+what)
	if n != len(want) {
		s.t.Fatalf("Count of %s: got %d, want %d", what, n, len(want))
	}
}

// patience is how long something may take that can only wait for itself if it
// takes longer.
var patience = time.Minute

// within ends the test binary, with all stacks, when do waits for itself.
func (s *store) within(what string, do func()) {
	wait := patience
	if s.opts.Slow {
		wait *= 5
	}
	watchdog := time.AfterFunc(wait, func() {
		panic("drivertest: " + what + " waits for ever: is a lock held while a consumer runs?")
	})
	defer watchdog.Stop()
	do()
}
