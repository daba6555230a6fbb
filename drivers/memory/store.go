package memory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Options of a store. The zero Options keep all history.
type Options struct {
	// History is how many commits behind the newest checkpoint a document
	// keeps at least; older ones are dropped with the next checkpoint, as soon
	// as another one stands in for them. 0 keeps all. What was dropped is
	// gone for History, At and Revert; a retry of a commit that was dropped
	// reads as a lost race.
	History int

	// Shared lets several databases of one process use the store at once, as
	// those of several processes use a server: see [Store.Share].
	Shared bool
}

// ErrForgotten says that a version is older than the history that is kept.
var ErrForgotten = driver.ErrForgotten

// Store is a [driver.Driver].
type Store struct {
	*data
	attached bool                // guarded by data.mu
	closed   bool                // guarded by data.mu
	declared map[string][]string // guarded by data.mu: what was unique when this store declared a table
}

// data is what the stores that share it have in common.
type data struct {
	history int
	shared  bool

	mu     sync.RWMutex // guards everything below; never held while a consumer of an iterator runs
	users  int          // stores that are not closed
	tables map[string]*table
	feed   feed
}

var (
	_ driver.Driver = (*Store)(nil)
	_ driver.Lender = (*Store)(nil)
	_ driver.Feed   = (*Store)(nil)
)

// Open returns a new store without tables. Nil options are those of the zero
// Options.
func Open(opts *Options) *Store {
	if opts == nil {
		opts = &Options{}
	}
	return &Store{declared: make(map[string][]string), data: &data{
		history: opts.History, shared: opts.Shared, users: 1,
		tables: make(map[string]*table), feed: feed{moved: make(chan struct{})},
	}}
}

// Share gives another store of the same content, for another database: each is
// attached and closed on its own, and sees what the others write. What was kept
// is let go when the last is closed. It panics unless the store was opened
// with [Options.Shared].
func (s *Store) Share() *Store {
	if !s.shared {
		panic("memory: a store that is shared is opened with Options.Shared")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	return &Store{declared: make(map[string][]string), data: s.data}
}

// enter says whether a call may go on. The store is locked.
func (s *Store) enter(ctx context.Context) error {
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

// existing is table for a call about a document that was created and not
// purged.
func (s *Store) existing(ctx context.Context, name string, id driver.ID) (*table, *document, error) {
	t, err := s.table(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	d := t.document(id)
	if d == nil || !d.exists() {
		return nil, nil, driver.ErrNotFound
	}
	return t, d, nil
}

// Attach implements [driver.Driver].
func (s *Store) Attach(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.enter(ctx); err != nil {
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
			t.schema, s.declared[schema.Table] = before, before.Unique
		}
	}
	return err
}

// declare makes a schema known, and tells whether documents have to hold more
// than they did before it.
func (s *Store) declare(ctx context.Context, schema driver.Schema) (before, merged driver.Schema, widened bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.enter(ctx); err != nil {
		return before, merged, false, err
	}
	if err := schema.Check(); err != nil {
		return before, merged, false, err
	}
	t := s.tables[schema.Table]
	if t == nil {
		schema.Unique = slices.Clone(schema.Unique)
		t = newTable(schema)
		s.tables[schema.Table] = t
	} else {
		before = t.schema
		if merged, widened, err = before.Merge(schema); err != nil {
			return before, merged, false, err
		}
		t.schema = merged
	}
	s.declared[schema.Table] = t.schema.Unique
	return before, merged, widened && t.existing > 0, nil
}

// Append implements [driver.Driver]. The commits are checked and encoded before
// the store is locked for others.
func (s *Store) Append(ctx context.Context, batch []driver.Commit) []driver.Result {
	results := make([]driver.Result, len(batch))
	var room [1]row
	rows := room[:]
	if len(batch) > len(room) {
		rows = make([]row, len(batch))
	}
	s.prepare(ctx, batch, rows, results)
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.enter(ctx)
	for i := range batch {
		switch {
		case err != nil:
			results[i].Err = err
		case results[i].Err == nil:
			t := s.tables[batch[i].Table]
			fresh := false
			fresh, results[i].Err = t.append(&batch[i], rows[i])
			if fresh && s.shared {
				s.feed.add(event{t, batch[i].ID, batch[i].Seq})
			}
		}
	}
	return results
}

// prepare makes commits ready to be stored, or says why they cannot be.
func (s *Store) prepare(ctx context.Context, batch []driver.Commit, rows []row, results []driver.Result) {
	var schema driver.Schema
	var err error
	for i := range batch {
		c := &batch[i]
		if i == 0 || c.Table != batch[i-1].Table {
			schema, err = s.schema(ctx, c.Table)
		}
		if results[i].Err = err; err != nil {
			continue
		}
		if results[i].Err = c.Check(schema); results[i].Err == nil {
			rows[i] = newRow(c)
		}
	}
}

// schema returns that of a table which this store may write. Its slice never
// changes, it is replaced.
func (s *Store) schema(ctx context.Context, name string) (driver.Schema, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, name)
	if err != nil {
		return driver.Schema{}, err
	}
	return t.schema, s.outdated(t.schema)
}

// outdated says that another store has made a field unique since this one
// declared the table: what its program stores would not say that it holds the
// value. The store is locked.
func (s *Store) outdated(schema driver.Schema) error {
	unique, ok := s.declared[schema.Table]
	if !ok || len(unique) == len(schema.Unique) {
		return nil
	}
	for _, path := range schema.Unique {
		if !slices.Contains(unique, path) {
			return &driver.SchemaError{Table: schema.Table, Why: fmt.Sprintf("field %s has become unique by another program: update this one", path)}
		}
	}
	return nil
}

// Sync implements [driver.Driver]. There is nothing to wait for.
func (s *Store) Sync(ctx context.Context, _ ...driver.Doc) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.enter(ctx)
}

// Head implements [driver.Driver].
func (s *Store) Head(ctx context.Context, table string, id driver.ID) (driver.Head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, d, err := s.existing(ctx, table, id)
	if err != nil {
		return driver.Head{}, err
	}
	return d.head(), nil
}

// Load implements [driver.Driver]. A version older than the history that is
// kept gives [ErrForgotten].
func (s *Store) Load(ctx context.Context, table string, id driver.ID, at uint64) (driver.State, error) {
	var state driver.State
	err := s.lend(ctx, table, id, at, func(lent *driver.State, rows []row) error {
		state = *lent
		state.Section, state.Held = slices.Clone(lent.Section), slices.Clone(lent.Held)
		state.Checkpoint = slices.Clone(lent.Checkpoint)
		state.Commits = decodeAll(copied(rows))
		return nil
	})
	return state, err
}

// Lend implements [driver.Lender]: what is lent is what the store has, and what
// it will never change.
func (s *Store) Lend(ctx context.Context, table string, id driver.ID, at uint64, use func(*driver.State) error) error {
	return s.lend(ctx, table, id, at, func(state *driver.State, rows []row) error {
		state.Commits = decodeAll(rows)
		return use(state)
	})
}

// lend calls use with what a document is built from but for its commits, which
// are in the rows, and with no lock held.
func (s *Store) lend(ctx context.Context, table string, id driver.ID, at uint64, use func(*driver.State, []row) error) error {
	s.mu.RLock()
	_, d, err := s.existing(ctx, table, id)
	var state driver.State
	var rows []row
	if err == nil {
		state, rows, err = d.load(at)
	}
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	return use(&state, rows)
}

// Log implements [driver.Driver].
func (s *Store) Log(ctx context.Context, table string, id driver.ID, r driver.Range) iter.Seq2[driver.Commit, error] {
	return func(yield func(driver.Commit, error) bool) {
		s.mu.RLock()
		t, err := s.table(ctx, table)
		var rows []row
		if err == nil {
			if d := t.document(id); d != nil {
				rows = d.between(r.From, r.To)
			}
		}
		s.mu.RUnlock()
		for i := range rows {
			if err = ctx.Err(); err != nil {
				break
			}
			if r.Backward {
				i = len(rows) - 1 - i
			}
			if !yield(rows[i].decode(), nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Commit{}, err)
		}
	}
}

// Checkpoint implements [driver.Driver].
func (s *Store) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, d, err := s.existing(ctx, table, id)
	if errors.Is(err, driver.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t.resize(d.checkpoint(seq, content, s.history))
	return nil
}

// page is how many heads Find reads at once, and so how long it keeps writers
// waiting.
const page = 64

// Find implements [driver.Driver].
func (s *Store) Find(ctx context.Context, table string, q driver.Query) iter.Seq2[driver.Head, error] {
	return func(yield func(driver.Head, error) bool) {
		var room [2]driver.Head // for who looks for one document
		q := q
		for {
			size := page
			if q.Limit > 0 {
				size = min(page, q.Limit)
			}
			heads, err := s.page(ctx, table, q, room[:0], size)
			for _, h := range heads {
				if !yield(h, nil) {
					return
				}
			}
			if err != nil {
				yield(driver.Head{}, err)
				return
			}
			if len(heads) < size || q.Limit == size {
				return
			}
			q.After, q.Limit = heads[size-1].ID, max(0, q.Limit-size)
		}
	}
}

// page appends the first heads that a query finds, until there are size.
func (s *Store) page(ctx context.Context, table string, q driver.Query, heads []driver.Head, size int) ([]driver.Head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, table)
	if err != nil {
		return nil, err
	}
	t.search(q.Terms, q.After, func(d *document, sure bool) bool {
		h := d.peek()
		if !sure && !driver.HasTerms(h.Section, q.Terms) {
			return true
		}
		if !q.Peek {
			h = d.head()
		}
		heads = append(heads, h)
		return len(heads) < size
	})
	return heads, nil
}

// Count implements [driver.Driver].
func (s *Store) Count(ctx context.Context, table string, terms []driver.Term) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(ctx, table)
	if err != nil {
		return 0, err
	}
	return t.count(terms), nil
}

// Purge implements [driver.Driver]. The bytes are the collector's at once.
func (s *Store) Purge(ctx context.Context, table string, id driver.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, d, err := s.existing(ctx, table, id)
	if err != nil {
		return err
	}
	t.purge(id)
	if s.shared {
		s.feed.add(event{t, id, d.newest()})
	}
	return nil
}

// Tables implements [driver.Driver].
func (s *Store) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return func(yield func(driver.Schema, error) bool) {
		s.mu.RLock()
		err := s.enter(ctx)
		var schemas []driver.Schema
		for _, name := range slices.Sorted(maps.Keys(s.tables)) {
			schema := s.tables[name].schema
			schema.Unique = slices.Clone(schema.Unique)
			schemas = append(schemas, schema)
		}
		s.mu.RUnlock()
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

// Limits implements [driver.Driver]: commits may have any size.
func (s *Store) Limits() driver.Limits {
	return driver.Limits{Shared: s.shared, Forgets: s.history > 0}
}

// Stats implements [driver.Driver].
func (s *Store) Stats() driver.Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var stats driver.Stats
	for _, t := range s.tables {
		stats.Documents += uint64(t.alive)
		stats.Commits += t.commits
		stats.Bytes += t.bytes
	}
	return stats
}

// Close implements [driver.Driver]. The last that shares the content lets
// everything go.
func (s *Store) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.feed.wake() // those who wait must see that
	if s.users--; s.users == 0 {
		s.tables, s.feed.events = nil, nil
	}
	return nil
}
