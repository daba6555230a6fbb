package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// DB is a database: the live documents of this process, over the store of a
// driver. All its methods may be used by many goroutines at once.
type DB struct {
	driver driver.Driver
	shared bool // the store has other writers
	fed    bool // and tells of them; set before anything is loaded
	opts   Options
	ctx    context.Context // of the driver's calls that nobody waits for; ends after Close
	cancel context.CancelFunc

	schedule schedule
	batches  *batches
	room     room
	workers  workers
	failures failures
	counters counters
	ids      ids
	outage   atomic.Bool   // the store accepts nothing, and that was reported
	unsynced chan struct{} // holds one token when something was accepted and not synced
	stop     chan struct{} // closed when nothing is scheduled any more

	mu     sync.Mutex
	tables map[reflect.Type]*table // guarded by mu; by handle
	names  map[string]*table       // guarded by mu; those that are in use

	over    atomic.Pointer[error] // why nothing can be done any more
	closing sync.Once
	closed  chan struct{} // closed when Close has done everything
	failure error         // of Close; set before closed is closed
}

// storers is how many documents are stored at once in the background. More
// would only wait for the driver together, each with a stack of its own.
const storers = 256

// Open makes a database over a driver and takes the driver over: Close closes
// it. A driver belongs to one database only; a second one gives [ErrAttached].
// Nil options are good ones.
func Open(ctx context.Context, d driver.Driver, opts *Options) (*DB, error) {
	err := opts.check()
	switch {
	case ctx == nil:
		err = errNoContext
	case d == nil:
		err = errNoDriver
	case err == nil:
		err = d.Attach(ctx)
	}
	if err != nil {
		return nil, &Error{Op: "open", Err: err}
	}
	db := &DB{
		driver:   d,
		shared:   d.Limits().Shared,
		opts:     opts.filled(),
		unsynced: make(chan struct{}, 1),
		stop:     make(chan struct{}),
		closed:   make(chan struct{}),
		tables:   make(map[reflect.Type]*table),
		names:    make(map[string]*table),
	}
	for _, lost := range d.Stats().Lost {
		db.opts.Logger.Warn("destam: set aside when the store was opened", "where", lost.Where, "why", lost.Why, "bytes", lost.Bytes)
	}
	db.ctx, db.cancel = context.WithCancel(context.Background())
	db.batches = newBatches(db.ctx, d)
	db.room.max = db.opts.MaxPending
	db.schedule = schedule{window: db.opts.Window, dirty: make(map[*live]struct{}), moved: make(chan struct{}, 1)}
	at := make(chan struct{}, storers)
	db.workers.run(db.batches.run)
	db.workers.run(db.syncing)
	if f, ok := d.(driver.Feed); ok && db.shared {
		db.follow(f)
	}
	db.workers.run(func() {
		db.schedule.run(db.stop, func(due []*live) { db.storeDue(due, at) })
	})
	return db, nil
}

// table gives the table of a handle's type.
func (db *DB) table(handle, plain, query reflect.Type) *table {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := db.tables[handle]
	if t == nil {
		t = newTable(db, handle, plain, query)
		db.tables[handle] = t
	}
	return t
}

// claim makes t the one that has its name: two types would be two truths about
// every document.
func (db *DB) claim(t *table) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if other := db.names[t.name]; other != nil && other != t {
		return fmt.Errorf("table %q is used with the types %s and %s", t.name, other.plain, t.plain)
	}
	db.names[t.name] = t
	return nil
}

// all gives every table.
func (db *DB) all() []*table {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Collect(maps.Values(db.tables))
}

// lives gives every document that is in memory.
func (db *DB) lives() []*live {
	var all []*live
	for _, t := range db.all() {
		all = append(all, t.cache.All()...)
	}
	return all
}

// documents are those that are in memory.
func (db *DB) documents() iter.Seq[*doc.Document] {
	return func(yield func(*doc.Document) bool) {
		for _, l := range db.lives() {
			if !yield(l.doc) {
				return
			}
		}
	}
}

// endLives ends all live queries.
func (db *DB) endLives() {
	for _, t := range db.all() {
		t.lives.close(ErrClosed)
	}
}

// dead gives why nothing can be done any more, nil if it can.
func (db *DB) dead() error {
	if err := db.over.Load(); err != nil {
		return *err
	}
	return nil
}

// usable is dead for a call with a context. One without is refused before it
// panics further down, where a driver holds its lock.
func (db *DB) usable(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return db.dead()
}

// hold keeps a document for drivers that want that.
func (db *DB) hold(l *live) {
	if h, ok := db.driver.(driver.Holder); ok {
		h.Hold(driver.Doc{Table: l.table.name, ID: l.id}, l)
	}
}

// accepted notes that the store has taken something.
func (db *DB) accepted() {
	db.counters.versions.Add(1)
	if db.outage.Load() && db.outage.CompareAndSwap(true, false) {
		db.workers.run(func() { db.opts.Logger.Info("destam: the store accepts again") }) // the slot of a document is held
	}
	db.tosync()
}

// tosync has what was accepted made durable soon.
func (db *DB) tosync() {
	select {
	case db.unsynced <- struct{}{}:
	default:
	}
}

// syncing makes durable what was stored in the background, and tells when the
// store has begun to fail at what it does there.
func (db *DB) syncing() {
	told, failing := false, false
	for {
		select {
		case <-db.unsynced:
		case <-db.stop:
			return
		}
		select {
		case <-time.After(db.opts.SyncEvery):
		case <-db.stop:
			return
		}
		if err := db.sync(db.ctx); err == nil {
			told = false
		} else {
			if !told {
				db.opts.OnError(&Error{Op: "sync", Err: err})
			}
			told = true
			db.tosync() // once more
		}
		err := db.driver.Stats().Failing
		if err != nil && !failing {
			db.opts.OnError(&Error{Op: "store", Err: err})
		}
		failing = err != nil
	}
}

// sync makes documents durable, or everything.
func (db *DB) sync(ctx context.Context, docs ...driver.Doc) error {
	err := db.driver.Sync(ctx, docs...)
	if errors.Is(err, ErrPoisoned) {
		db.fail(err)
	}
	return err
}

// Flush returns when everything that was changed before it is durable. It
// gives, once, the errors of what was taken back since the last Flush.
func (db *DB) Flush(ctx context.Context) error {
	err := db.usable(ctx)
	if err != nil {
		return &Error{Op: "flush", Err: err}
	}
	errs := db.bringAll(ctx, flushAttempts)
	if len(errs) == 0 {
		if err := db.sync(ctx); err != nil {
			errs = append(errs, &Error{Op: "flush", Err: err})
		}
	}
	return joined(append(db.failures.takeAll(), errs...)...)
}

// fail makes the database useless: the store said that it is broken, or it
// was closed under us. Documents keep what they show and change no more.
func (db *DB) fail(err error) {
	if !db.over.CompareAndSwap(nil, &err) {
		return
	}
	db.opts.OnError(&Error{Op: "store", Err: err})
	db.workers.run(func() {
		for _, l := range db.lives() {
			l.doc.Kill(&Error{Op: "change", Table: l.table.name, ID: l.id, Err: err})
		}
	})
}

// Close stores everything, makes it durable and closes the driver. From its
// beginning on every operation gives [ErrClosed], and setters report it. When
// ctx ends first, closing goes on without the caller; calling Close again
// waits for it. What could not be stored is in the error, and was reported.
//
// Listeners and handlers may close their database. Where Close would wait for
// its caller, in Update and View and on a goroutine of the database's own, it
// gives [ErrSelf] at once, and closing goes on without the caller.
func (db *DB) Close(ctx context.Context) error {
	if ctx == nil {
		return &Error{Op: "close", Err: errNoContext}
	}
	self := db.workers.mine() || doc.Within(db.documents())
	db.closing.Do(func() { go db.workers.mark(db.close) })
	if self {
		return &Error{Op: "close", Err: ErrSelf}
	}
	select {
	case <-db.closed:
		return db.failure
	case <-ctx.Done():
		return &Error{Op: "close", Err: ctx.Err()}
	}
}

func (db *DB) close() {
	defer close(db.closed)
	was := ErrClosed
	broken := !db.over.CompareAndSwap(nil, &was)
	for _, l := range db.lives() {
		l.doc.Kill(&Error{Op: "change", Table: l.table.name, ID: l.id, Err: db.dead()})
	}
	db.endLives()
	close(db.stop)
	db.failures.takeAll() // they were reported
	errs := db.bringAll(db.ctx, closeAttempts)
	for _, l := range db.schedule.all() {
		l.giveUp(ErrClosed)
	}
	db.batches.end()
	db.workers.wait()
	errs = append(db.failures.takeAll(), errs...)
	if broken {
		errs = append(errs, &Error{Op: "close", Err: db.dead()})
	}
	if err := db.driver.Close(db.ctx); err != nil { // it makes durable what was accepted
		errs = append(errs, &Error{Op: "close", Err: err})
	}
	db.cancel()
	db.failure = joined(errs...)
}
