package mongodb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// leaseTime is how long after it has looked a process takes it for granted
// that no field of a table has become unique. All processes on a database must
// agree on it: see [Store.widen].
const leaseTime = 10 * time.Second

// lease is the right to store commits by the schema of a table. A process whose
// lease is over looks at the newest schema before it stores anything, and before
// it says that something is stored which the server may have done later.
type lease struct {
	mu    sync.Mutex
	until time.Time // guarded by mu, by the clock that nobody sets
	err   error     // guarded by mu: why there is no right any more
}

// valid says why the lease does not hold, and whether it is over.
func (l *lease) valid() (err error, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err, !time.Now().Before(l.until)
}

// extend notes what was the newest schema at some time after began.
func (l *lease) extend(began time.Time, length time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := began.Add(length); until.After(l.until) {
		l.until, l.err = until, err
	}
}

// may says whether commits of a table may be stored: nil, a
// [*driver.SchemaError] when a field has become unique that this program does
// not know to be, or why that cannot be found out.
func (s *Store) may(ctx context.Context, t *table) error {
	err, over := t.lease.valid()
	if !over {
		return err
	}
	if err := s.renew(ctx, t); err != nil {
		return fmt.Errorf("table %q: look for a newer schema: %w", t.schema.Table, err)
	}
	err, _ = t.lease.valid()
	return err
}

// renew looks at the newest schema of a table.
func (s *Store) renew(ctx context.Context, t *table) error {
	began := time.Now()
	d, err := s.declared(ctx, t.schema.Table)
	if err == nil {
		t.lease.extend(began, s.opts.lease, outdated(t.schema, d))
	}
	return err
}

// renews looks at the newest schemas until the store is closed, often enough
// that no commit has to. Close waits for it.
func (s *Store) renews() {
	timer := time.NewTicker(s.opts.lease / 2)
	defer timer.Stop()
	for {
		select {
		case <-s.background.Done():
			return
		case <-timer.C:
		}
		for _, t := range s.declaredTables() {
			_ = s.renew(s.background, t) // whoever stores something tries again
		}
	}
}

// outdated compares what a program knows with the newest declaration.
func outdated(known driver.Schema, newest declaration) error {
	for _, path := range newest.Unique {
		if !slices.Contains(known.Unique, path) {
			return &driver.SchemaError{Table: known.Table, Why: fmt.Sprintf("field %s has become unique by another program: update this one", path)}
		}
	}
	if len(newest.Unique) != len(known.Unique) {
		return &driver.SchemaError{Table: known.Table, Why: "a field could not become unique, and the program that asked for it goes on: open the database again"}
	}
	return nil
}
