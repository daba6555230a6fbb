package fs

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// MaxCommit is the largest commit that a store takes, encoded.
const MaxCommit = 64 << 20

// Store is a [driver.Driver] over one folder.
//
// Its locks are taken in this order. The gate is held by every call while it
// uses files, and by Close alone. Order is held from judging a commit to
// putting it into the journal, so that what memory says is what a replay will
// say. Mu guards memory, for as long as it takes to read or change it.
type Store struct {
	fs      vfs.FS
	dir     string
	id      [16]byte // of the store
	noMap   bool
	reading bool // nothing may be changed: there is no journal, keeper and lock
	journal *journal.Journal
	keeper  keeper
	lock    io.Closer
	lost    []driver.Lost

	replayed driver.Decoder // of commits; only while the store is opened

	gate    sync.RWMutex
	closed  bool          // guarded by gate
	waiting chan struct{} // has an entry for each batch that is on its way into the journal

	order   sync.Mutex
	segment uint64 // of the journal, with the newest record; guarded by order
	tail    int64  // bytes of records in the active tails; guarded by order

	mu       sync.RWMutex
	attached bool              // guarded by mu
	tables   map[string]*table // guarded by mu; changed with order held too
	frozen   atomic.Bool       // the same, but read by anybody: frozen tails are on their way into runs
	boundary uint64            // the same as tables: the last batch of the frozen tails

	// Of tables with fields that are about to become unique, those that will
	// be; nil mostly. Guarded by mu.
	wider map[string][]string

	// schemas is what commits are checked by, without a lock, as those who come
	// would get into the way of who stores what others have sent. The map is
	// not changed but replaced, with mu held.
	schemas atomic.Pointer[map[string]driver.Schema]
}

var (
	_ driver.Driver = (*Store)(nil)
	_ driver.Lender = (*Store)(nil)
)

// enter begins a call, which ends with leave unless it gives an error.
func (s *Store) enter(ctx context.Context) error {
	s.gate.RLock()
	err := ctx.Err()
	if s.closed {
		err = driver.ErrClosed
	}
	if err != nil {
		s.gate.RUnlock()
	}
	return err
}

func (s *Store) leave() { s.gate.RUnlock() }

// table gives a table. The caller holds mu or order.
func (s *Store) table(name string) (*table, error) {
	t := s.tables[name]
	if t == nil {
		return nil, undeclared(name)
	}
	return t, nil
}

func undeclared(table string) error {
	return &driver.SchemaError{Table: table, Why: "was not declared"}
}

// define makes a table known, or its schema another. The caller holds order
// and mu, or has the store alone.
func (s *Store) define(schema driver.Schema) {
	if t := s.tables[schema.Table]; t != nil {
		t.schema = schema
	} else {
		s.tables[schema.Table] = newTable(schema)
	}
	s.publish(schema.Table)
}

// publish has commits checked by what a table's schema is now, or will be when
// fields have become unique. The caller holds mu, or has the store alone.
func (s *Store) publish(table string) {
	schema := s.tables[table].schema
	if wider, ok := s.wider[table]; ok {
		schema.Unique = wider
	}
	schemas := map[string]driver.Schema{table: schema}
	if old := s.schemas.Load(); old != nil {
		schemas = maps.Clone(*old)
		schemas[table] = schema
	}
	s.schemas.Store(&schemas)
}

// Attach implements [driver.Driver].
func (s *Store) Attach(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attached {
		return driver.ErrAttached
	}
	s.attached = true
	return nil
}

// Declare implements [driver.Driver].
func (s *Store) Declare(ctx context.Context, schema driver.Schema) error {
	wider, err := s.declares(ctx, schema, false)
	if err != nil || wider == nil {
		return err
	}
	// What the documents that are there hold is in the journal before the
	// schema is: after a crash in between, the field is not unique yet.
	if err = driver.CheckUnique(ctx, s, *wider); err == nil {
		err = driver.TakeUnique(ctx, s, *wider)
	}
	if err == nil {
		_, err = s.declares(ctx, *wider, true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wider, schema.Table)
	s.publish(schema.Table)
	return err
}

// declares stores a schema. One that makes fields unique which documents may
// have is given back unless it is taken: commits may be by it from then on.
func (s *Store) declares(ctx context.Context, schema driver.Schema, taken bool) (wider *driver.Schema, err error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	batch, wider, err := s.declare(schema, taken)
	if err != nil || batch == 0 {
		return wider, err
	}
	return nil, s.journal.Write(batch)
}

// declare puts a schema into the journal if it says anything new, and gives
// the batch.
func (s *Store) declare(schema driver.Schema, taken bool) (batch uint64, wider *driver.Schema, err error) {
	if err := schema.Check(); err != nil {
		return 0, nil, err
	}
	s.order.Lock()
	defer s.order.Unlock()
	schema.Unique = slices.Clone(schema.Unique)
	if t := s.tables[schema.Table]; t != nil {
		merged, widened, err := t.schema.Merge(schema)
		switch {
		case err != nil:
			return 0, nil, err
		case merged.Revision == t.schema.Revision && slices.Equal(merged.Unique, t.schema.Unique):
			return 0, nil, nil
		case widened && t.counts.existing > 0 && !taken && !s.reading:
			s.mu.Lock()
			if s.wider == nil {
				s.wider = make(map[string][]string)
			}
			s.wider[schema.Table] = merged.Unique
			s.publish(schema.Table)
			s.mu.Unlock()
			return 0, &merged, nil
		}
		schema = merged
	}
	if !s.reading { // who only reads may know more fields and tables than are there
		if _, batch, err = s.put(appendSchema(nil, schema)); err != nil {
			return 0, nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.define(schema)
	return batch, nil, nil
}

// Sync implements [driver.Driver]. Of those who wait for the disk one leads, who
// waits for it also when ctx ends meanwhile.
func (s *Store) Sync(ctx context.Context, docs ...driver.Doc) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.reading {
		return nil // what it shows is durable
	}
	var batch uint64
	if len(docs) == 0 {
		batch = s.journal.Last()
	}
	s.mu.RLock()
	for _, doc := range docs {
		if t := s.tables[doc.Table]; t != nil {
			batch = max(batch, t.batch(doc.ID))
		}
	}
	s.mu.RUnlock()
	return s.journal.Sync(ctx, batch)
}

// Checkpoint implements [driver.Driver].
func (s *Store) Checkpoint(ctx context.Context, table string, id driver.ID, seq uint64, content []byte) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if err := s.writable(); err != nil {
		return err
	}
	rec := appendCheckpoint(nil, table, id, seq, content)
	if len(rec) > journal.MaxRecord {
		return &driver.LimitError{What: "checkpoint", Size: len(content), Max: journal.MaxRecord - len(rec) + len(content)}
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	defer s.admitted()
	batch, err := s.checkpoint(table, id, seq, rec)
	if err != nil || batch == 0 {
		return err
	}
	err = s.journal.Write(batch)
	s.keeper.wake()
	return err
}

func (s *Store) checkpoint(table string, id driver.ID, seq uint64, rec []byte) (uint64, error) {
	s.order.Lock()
	defer s.order.Unlock()
	t, err := s.table(table)
	if err != nil {
		return 0, err
	}
	k, ok, err := t.wants(id, seq)
	if err != nil || !ok {
		return 0, err
	}
	p, batch, err := s.put(rec)
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.addCheckpoint(id, k, seq, p, batch)
	return batch, nil
}

// Tables implements [driver.Driver].
func (s *Store) Tables(ctx context.Context) iter.Seq2[driver.Schema, error] {
	return func(yield func(driver.Schema, error) bool) {
		if err := s.enter(ctx); err != nil {
			yield(driver.Schema{}, err)
			return
		}
		s.mu.RLock()
		var schemas []driver.Schema
		for _, name := range slices.Sorted(maps.Keys(s.tables)) {
			schema := s.tables[name].schema
			schema.Unique = slices.Clone(schema.Unique)
			schemas = append(schemas, schema)
		}
		s.mu.RUnlock()
		s.leave()
		for _, schema := range schemas {
			if !yield(schema, nil) {
				return
			}
		}
	}
}

// Limits implements [driver.Driver].
func (s *Store) Limits() driver.Limits { return driver.Limits{Commit: MaxCommit} }

// Stats implements [driver.Driver]. Bytes are those of the journal and the runs.
func (s *Store) Stats() driver.Stats {
	stats := driver.Stats{Durable: true, Lost: slices.Clone(s.lost)}
	if !s.reading {
		stats.Bytes = uint64(s.journal.Size())
		stats.Unsynced = uint64(s.journal.Unsynced())
		stats.Failing = s.keeper.failing()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tables {
		stats.Documents += t.counts.alive
		stats.Commits += t.counts.commits
		stats.Bytes += t.runs.bytes()
	}
	return stats
}

// Close implements [driver.Driver]. The folder is free when it returns, also
// with an error; one that matches [driver.ErrPoisoned] says that not everything
// that was accepted is durable.
func (s *Store) Close(context.Context) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if !s.reading {
		s.keeper.stop()
		err = s.journal.Close()
	}
	for _, t := range s.tables {
		t.runs.drop()
	}
	if s.reading {
		return nil
	}
	return errors.Join(err, s.lock.Close())
}
