package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

var someID = driver.ID{15: 1}

// commits makes n commits of one document.
func commits(n int) []driver.Commit {
	batch := make([]driver.Commit, n)
	for i := range batch {
		batch[i] = driver.Commit{
			Table: "notes", ID: someID, Seq: uint64(i) + 1, Try: [16]byte{byte(i) + 1}, Kind: driver.KindChange,
			Time: time.Unix(int64(i), 0).UTC(), Body: fmt.Append(nil, i),
		}
	}
	batch[0].Section = []byte{0x80}
	return batch
}

// under returns a driver with faults and the one below, with a table.
func under(t *testing.T, plan drivertest.Plan) (*drivertest.Faulty, driver.Driver) {
	t.Helper()
	below := memory.Open(nil)
	if err := below.Declare(t.Context(), driver.Schema{Table: "notes"}); err != nil {
		t.Fatal(err)
	}
	return drivertest.Faults(below, plan), below
}

// stored returns how many commits the document has.
func stored(t *testing.T, d driver.Driver) int {
	t.Helper()
	n := 0
	for _, err := range d.Log(t.Context(), "notes", someID, driver.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// script calls every method once and returns the errors.
func script(ctx context.Context, d driver.Driver) []error {
	errs := []error{
		d.Attach(ctx),
		d.Declare(ctx, driver.Schema{Table: "notes"}),
	}
	for _, c := range commits(2) {
		errs = append(errs, d.Append(ctx, []driver.Commit{c})[0].Err)
	}
	_, head := d.Head(ctx, "notes", someID)
	_, load := d.Load(ctx, "notes", someID, 0)
	_, count := d.Count(ctx, "notes", nil)
	errs = append(errs, head, load, count, d.Sync(ctx), d.Checkpoint(ctx, "notes", someID, 1, []byte("x")))
	var last error
	for _, last = range d.Log(ctx, "notes", someID, driver.Range{}) {
	}
	errs, last = append(errs, last), nil
	for _, last = range d.Find(ctx, "notes", driver.Query{}) {
	}
	errs, last = append(errs, last), nil
	for _, last = range d.Tables(ctx) {
	}
	errs, last = append(errs, last), nil
	for _, last = range d.Documents(ctx, "notes", driver.ID{}) {
	}
	return append(errs, last, d.Purge(ctx, "notes", someID), d.Close(ctx))
}

// TestFaultsHitEveryCall loops as a test of a database would: k = 1, 2, 3 …
// until nothing fires any more.
func TestFaultsHitEveryCall(t *testing.T) {
	calls := len(script(t.Context(), memory.Open(nil)))
	for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
		for _, sticky := range []bool{false, true} {
			k := 1
			for ; ; k++ {
				d := drivertest.Faults(memory.Open(nil), drivertest.Plan{At: k, How: how, Sticky: sticky, Seed: uint64(k)})
				errs := script(t.Context(), d)
				if d.Calls() != calls {
					t.Fatalf("%v: %d calls were counted, want %d", how, d.Calls(), calls)
				}
				if d.Fired() == 0 {
					break
				}
				for i, err := range errs {
					hit := i+1 == k || sticky && i+1 > k
					if hit != errors.Is(err, drivertest.ErrFault) {
						t.Errorf("%v, call %d shall fail: call %d gave %v", how, k, i+1, err)
					}
					if isAppend := i == 2 || i == 3; hit && errors.Is(err, driver.ErrUnknown) != (how == drivertest.Unknown || how == drivertest.After && isAppend) {
						t.Errorf("%v, call %d gave %v", how, i+1, err)
					}
				}
				want := 1
				if sticky {
					want = calls - k + 1
				}
				if d.Fired() != want {
					t.Errorf("%v: %d calls failed, want %d", how, d.Fired(), want)
				}
			}
			if k != calls+1 {
				t.Errorf("%v: the loop ended with %d, want %d", how, k, calls+1)
			}
		}
	}
}

func TestFaultsOfAppend(t *testing.T) {
	for _, test := range []struct {
		name   string
		plan   drivertest.Plan
		failed []bool // of a batch of three
		stored int
	}{
		{"none", drivertest.Plan{Method: drivertest.Append}, []bool{false, false, false}, 3},
		{"the last before", drivertest.Plan{At: 3, Method: drivertest.Append}, []bool{false, false, true}, 2},
		{"the last after", drivertest.Plan{At: 3, Method: drivertest.Append, How: drivertest.After}, []bool{false, false, true}, 3},
		{"the second after", drivertest.Plan{At: 2, Method: drivertest.Append, How: drivertest.After}, []bool{false, true, false}, 3},
		{"the second and on, before", drivertest.Plan{At: 2, Sticky: true, Method: drivertest.Append}, []bool{false, true, true}, 1},
		{"the batch before", drivertest.Plan{At: 2, Batch: true, Method: drivertest.Append}, []bool{true, true, true}, 0},
		{"the batch after", drivertest.Plan{At: 2, Batch: true, Method: drivertest.Append, How: drivertest.After}, []bool{true, true, true}, 3},
		{"another method", drivertest.Plan{At: 1, Sticky: true, Method: drivertest.Sync}, []bool{false, false, false}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, below := under(t, test.plan)
			results := d.Append(t.Context(), commits(3))
			for i, r := range results {
				if (r.Err != nil) != test.failed[i] {
					t.Errorf("commit %d: %v", i+1, r.Err)
				}
				if unknown := errors.Is(r.Err, driver.ErrUnknown); r.Err != nil && unknown != (test.plan.How == drivertest.After) {
					t.Errorf("commit %d: %v", i+1, r.Err)
				}
			}
			if n := stored(t, below); n != test.stored {
				t.Errorf("%d commits are stored, want %d", n, test.stored)
			}
		})
	}
}

// TestFaultBefore asks what the commits of a batch meet that come after one
// which was not stored.
func TestFaultBefore(t *testing.T) {
	d, below := under(t, drivertest.Plan{At: 2, Method: drivertest.Append})
	batch := commits(3)
	results := d.Append(t.Context(), batch)
	var late *driver.SeqError
	if results[0].Err != nil || !errors.Is(results[1].Err, drivertest.ErrFault) || !errors.As(results[2].Err, &late) || late.Have != 1 {
		t.Errorf("got %v", results)
	}
	if n := stored(t, below); n != 1 {
		t.Errorf("%d commits are stored", n)
	}
	for i, r := range d.Append(t.Context(), batch) {
		if r.Err != nil {
			t.Errorf("retry of commit %d: %v", i+1, r.Err)
		}
	}
}

// TestFaultUnknown asks that a retry after an unknown outcome always ends well,
// that both outcomes occur, and that a seed decides which.
func TestFaultUnknown(t *testing.T) {
	landed := 0
	for seed := range uint64(40) {
		first := -1
		for range 2 {
			d, below := under(t, drivertest.Plan{At: 2, Method: drivertest.Append, How: drivertest.Unknown, Seed: seed})
			batch := commits(2)
			results := d.Append(t.Context(), batch)
			if results[0].Err != nil || !errors.Is(results[1].Err, driver.ErrUnknown) {
				t.Fatalf("got %v", results)
			}
			n := stored(t, below)
			if first >= 0 && n != first {
				t.Errorf("seed %d: %d commits are stored now, %d before", seed, n, first)
			}
			first = n
			if r := d.Append(t.Context(), batch[1:]); r[0].Err != nil || stored(t, below) != 2 {
				t.Errorf("seed %d: the retry gave %v", seed, r)
			}
		}
		landed += first - 1
	}
	if landed < 5 || landed > 35 {
		t.Errorf("of 40 commits with an unknown outcome %d were stored", landed)
	}
}

func TestFaultsOfIterators(t *testing.T) {
	sizes := make(map[int]bool)
	for _, how := range []drivertest.How{drivertest.Before, drivertest.After, drivertest.Unknown} {
		for seed := range uint64(20) {
			d, below := under(t, drivertest.Plan{At: 1, Method: drivertest.Log, How: how, Seed: seed})
			below.Append(t.Context(), commits(6))
			var seqs []uint64
			var last error
			for c, err := range d.Log(t.Context(), "notes", someID, driver.Range{}) {
				if last = err; err == nil {
					seqs = append(seqs, c.Seq)
				}
			}
			if !errors.Is(last, drivertest.ErrFault) {
				t.Errorf("%v: ended with %v", how, last)
			}
			if want := []uint64{1, 2, 3, 4, 5, 6}; !slices.Equal(seqs, want[:len(seqs)]) {
				t.Errorf("%v: got %v", how, seqs)
			}
			switch {
			case how == drivertest.Before && len(seqs) != 0, how == drivertest.After && len(seqs) != 6:
				t.Errorf("%v: got %v", how, seqs)
			case how == drivertest.Unknown:
				sizes[len(seqs)] = true
			}
			if n := stored(t, d); n != 6 {
				t.Errorf("%v: after the fault %d commits were read", how, n)
			}
		}
	}
	if len(sizes) < 3 {
		t.Errorf("iterators always ended after %v commits", sizes)
	}
}

func TestFaultWithAnErrorOfItsOwn(t *testing.T) {
	d, _ := under(t, drivertest.Plan{At: 1, Sticky: true, Err: driver.ErrPoisoned})
	if err := d.Sync(t.Context()); err != driver.ErrPoisoned {
		t.Errorf("got %v", err)
	}
	if _, err := d.Head(t.Context(), "notes", someID); err != driver.ErrPoisoned {
		t.Errorf("got %v", err)
	}
}

func TestGate(t *testing.T) {
	d, below := under(t, drivertest.Plan{})
	gate := d.Hang(drivertest.Append)
	if err := d.Sync(t.Context()); err != nil {
		t.Errorf("another method: %v", err)
	}
	done := make(chan error)
	go func() { done <- d.Append(t.Context(), commits(1))[0].Err }()
	<-gate.Arrived()
	if n := stored(t, below); n != 0 {
		t.Errorf("%d commits went through a closed gate", n)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range d.Append(canceled, commits(2)) {
		if !errors.Is(r.Err, context.Canceled) {
			t.Errorf("a canceled call at the gate: %v", r.Err)
		}
	}
	gate.Release()
	gate.Release()
	if err := <-done; err != nil || stored(t, below) != 1 {
		t.Errorf("after the release: %v", err)
	}
	if err := d.Append(t.Context(), commits(2))[1].Err; err != nil {
		t.Errorf("a call that came after the release: %v", err)
	}
}

// TestFaultyPassesTheSuite runs the suite through the wrapper without faults.
func TestFaultyPassesTheSuite(t *testing.T) {
	drivertest.Run(t, func(*testing.T) driver.Driver {
		return drivertest.Faults(memory.Open(nil), drivertest.Plan{})
	}, nil)
}
