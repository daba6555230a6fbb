package dummy

import (
	"context"
	"crypto/rand"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Store is a [driver.Driver] and a [driver.Holder].
type Store struct {
	mu       sync.Mutex // guards everything below; never held while a consumer of an iterator runs
	attached bool
	closed   bool
	tables   map[string]*table
	live     map[driver.Doc]any
}

var (
	_ driver.Driver = (*Store)(nil)
	_ driver.Holder = (*Store)(nil)
)

// Open returns a new store without tables.
func Open() *Store {
	return &Store{tables: make(map[string]*table), live: make(map[driver.Doc]any)}
}

// enter locks the store for one call and says whether the call may go on. The
// caller unlocks in either case.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		return driver.ErrClosed
	}
	return ctx.Err()
}

// table is enter for a call about one table.
func (s *Store) table(ctx context.Context, name string) (*table, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	t := s.tables[name]
	if t == nil {
		return nil, &driver.SchemaError{Table: name, Why: "was not declared"}
	}
	return t, nil
}

// Attach implements [driver.Driver].
func (s *Store) Attach(ctx context.Context) error {
	err := s.enter(ctx)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if s.attached {
		return driver.ErrAttached
	}
	s.attached = true
	return nil
}

// Declare implements [driver.Driver].
func (s *Store) Declare(ctx context.Context, schema driver.Schema) error {
	before, merged, widened, err := s.declare(ctx, schema)
	if err != nil || !widened {
		return err
	}
	if err = driver.CheckUnique(ctx, s, merged); err == nil {
		err = driver.TakeUnique(ctx, s, merged)
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if t := s.tables[schema.Table]; t != nil {
			t.schema = before
		}
	}
	return err
}

// declare makes a schema known, and tells whether documents have to hold more
// than they did before it.
func (s *Store) declare(ctx context.Context, schema driver.Schema) (before, merged driver.Schema, widened bool, err error) {
	err = s.enter(ctx)
	defer s.mu.Unlock()
	if err != nil {
		return before, merged, false, err
	}
	if err := schema.Check(); err != nil {
		return before, merged, false, err
	}
	t := s.tables[schema.Table]
	if t == nil {
		schema.Unique = slices.Clone(schema.Unique)
		s.tables[schema.Table] = newTable(schema)
		return before, merged, false, nil
	}
	before = t.schema
	if merged, widened, err = before.Merge(schema); err != nil {
		return before, merged, false, err
	}
	t.schema = merged
	return before, merged, widened && t.any(), nil
}

// Append implements [driver.Driver].
func (s *Store) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := make([]driver.Result, len(batch))
	err := s.enter(ctx)
	defer s.mu.Unlock()
	for i := range batch {
		t := s.tables[batch[i].Table]
		switch {
		case err != nil:
			results[i].Err = err
		case t == nil:
			results[i].Err = &driver.SchemaError{Table: batch[i].Table, Why: "was not declared"}
		default:
			results[i].Err = t.append(&batch[i])
		}
	}
	return results
}

// Sync implements [driver.Driver]. There is nothing to wait for.
func (s *Store) Sync(ctx context.Context, _ ...driver.Doc) error {
	err := s.enter(ctx)
	s.mu.Unlock()
	return err
}

// Head implements [driver.Driver].
func (s *Store) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	t, err := s.table(ctx, table)
	defer s.mu.Unlock()
	if err != nil {
		return driver.Head{}, err
	}
	d, err := t.existing(id)
	if err != nil {
		return driver.Head{}, err
	}
	return d.head(), nil
}

// Load implements [driver.Driver].
func (s *Store) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	t, err := s.table(ctx, table)
	defer s.mu.Unlock()
	if err != nil {
		return driver.State{}, err
	}
	d, err := t.existing(id)
	if err != nil {
		return driver.State{}, err
	}
	return d.load(at), nil
}

// Log implements [driver.Driver].
func (s *Store) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		t, err := s.table(ctx, table)
		var log []driver.Commit
		if err == nil {
			log = t.log(id, r) // its commits never change, so they are copied without the lock
		}
		s.mu.Unlock()
		if err != nil {
			yield(driver.Commit{}, err)
			return
		}
		for _, c := range log {
			if err := ctx.Err(); err != nil {
				yield(driver.Commit{}, err)
				return
			}
			if !yield(clone(&c), nil) {
				return
			}
		}
	}
}

// Checkpoint implements [driver.Driver].
func (s *Store) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	t, err := s.table(ctx, table)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	if d, err := t.existing(id); err == nil {
		d.checkpoint(seq, content)
	}
	return nil
}

// Find implements [driver.Driver].
func (s *Store) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		after := q.After
		for n := 0; q.Limit <= 0 || n < q.Limit; n++ {
			t, err := s.table(ctx, table)
			var d *document
			if err == nil {
				d = t.next(after, q.Terms)
			}
			var h driver.Head
			if d != nil {
				h = d.head()
			}
			s.mu.Unlock()
			if err != nil {
				yield(driver.Head{}, err)
				return
			}
			if d == nil {
				return
			}
			after = h.ID
			if !yield(h, nil) {
				return
			}
		}
	}
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	t, err := s.table(ctx, table)
	defer s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, d := range t.docs {
		if d.meets(terms) {
			n++
		}
	}
	return n, nil
}

// Purge implements [driver.Driver]. The bytes are the collector's at once.
func (s *Store) Purge(ctx context.Context, table string, id driver.ID) error {
	t, err := s.table(ctx, table)
	defer s.mu.Unlock()
	if err != nil {
		return err
	}
	d, err := t.existing(id)
	if err != nil {
		return err
	}
	tomb := driver.Commit{
		Table: table, ID: id, Seq: d.standing.Seq + 1, Kind: driver.KindPurge, Time: time.Now().Round(0).UTC(),
	}
	rand.Read(tomb.Try[:])
	t.purge(d, tomb)
	delete(s.live, driver.Doc{Table: table, ID: id})
	return nil
}

// Tables implements [driver.Driver].
func (s *Store) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return func(yield func(driver.Schema, error) bool) {
		err := s.enter(ctx)
		var schemas []driver.Schema
		for _, name := range slices.Sorted(maps.Keys(s.tables)) {
			schema := s.tables[name].schema
			schema.Unique = slices.Clone(schema.Unique)
			schemas = append(schemas, schema)
		}
		s.mu.Unlock()
		if err != nil {
			yield(driver.Schema{}, err)
			return
		}
		for _, schema := range schemas {
			if !yield(schema, nil) {
				return
			}
		}
	}
}

// Documents implements [driver.Driver].
func (s *Store) Documents(ctx context.Context, table string, after driver.ID) iter.Seq2[driver.Entry, error] {
	return func(yield func(driver.Entry, error) bool) {
		for {
			t, err := s.table(ctx, table)
			var e driver.Entry
			ok := false
			if err == nil {
				e, ok = t.entry(after)
			}
			s.mu.Unlock()
			if err != nil {
				yield(driver.Entry{}, err)
				return
			}
			if !ok || !yield(e, nil) {
				return
			}
			after = e.ID
		}
	}
}

// Hold implements [driver.Holder].
func (s *Store) Hold(doc driver.Doc, live any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.live[doc] = live
	}
}

// Limits implements [driver.Driver]. There are none.
func (s *Store) Limits() driver.Limits { return driver.Limits{} }

// Stats implements [driver.Driver].
func (s *Store) Stats() driver.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var stats driver.Stats
	for _, t := range s.tables {
		for _, d := range t.docs {
			if d.standing.Life == driver.Alive {
				stats.Documents++
			}
			stats.Commits += uint64(len(d.log))
		}
	}
	return stats
}

// Close implements [driver.Driver]. It lets everything go.
func (s *Store) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.tables, s.live = nil, nil
	return nil
}
