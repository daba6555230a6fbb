package mongodb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Store is a [driver.Driver] and a [driver.Feed].
type Store struct {
	client *mongo.Client
	own    bool // Close disconnects the client
	db     *mongo.Database
	opts   Options
	clock  clock

	streams atomic.Bool // the server has change streams, as far as is known

	memory  memory
	overlay overlay

	calls      sync.WaitGroup  // that Close waits for
	background context.Context // of the projector and of feeds, until Close
	stop       context.CancelFunc
	closing    chan struct{}  // closed when Close begins
	ended      sync.WaitGroup // the projector, the healer and who renews leases

	mu       sync.Mutex // guards what follows
	attached bool
	closed   bool
	tables   map[string]*table
}

// table is a declared table. It never changes; another takes its place.
type table struct {
	schema      driver.Schema
	docs        *mongo.Collection
	log         *mongo.Collection
	checkpoints *mongo.Collection
	claims      *mongo.Collection
	lease       *lease
}

var (
	_ driver.Driver = (*Store)(nil)
	_ driver.Feed   = (*Store)(nil)
)

// Open connects to the server at a mongodb:// URI. The URI decides about pools
// and timeouts; its path, or Options.Database, names the database. The context
// bounds the connecting. Nil options are those of the zero Options.
func Open(ctx context.Context, uri string, opts *Options) (*Store, error) {
	filled := opts.filled()
	if filled.Database == "" {
		filled.Database = databaseOf(uri)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return nil, fmt.Errorf("mongodb: %w", err)
	}
	s, err := connected(ctx, client, filled)
	if err != nil {
		return nil, errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
	}
	s.own = true
	return s, nil
}

// New is Open with a client that is there already and stays connected after
// Close. Options.Database must name the database.
func New(ctx context.Context, client *mongo.Client, opts *Options) (*Store, error) {
	return connected(ctx, client, opts.filled())
}

// databaseOf gives the database that a URI names, "" for none.
func databaseOf(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	_, path, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(path, "?")
	return name
}

func connected(ctx context.Context, client *mongo.Client, opts Options) (*Store, error) {
	if opts.Database == "" {
		return nil, errors.New("mongodb: no database is named: put its name behind the host in the URI, mongodb://host/name, or into Options.Database")
	}
	s := &Store{client: client, opts: opts, tables: make(map[string]*table), closing: make(chan struct{})}
	hello, err := s.hello(ctx)
	if err != nil {
		return nil, fmt.Errorf("mongodb: database %q: %w", opts.Database, explained(err))
	}
	journaled := true
	concerns := options.Database().SetReadPreference(readpref.Primary()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journaled})
	if hello.several() {
		s.streams.Store(true)
		// A row that is rolled back later must not be built upon.
		concerns.SetReadConcern(readconcern.Majority())
	}
	s.db = client.Database(opts.Database, concerns)
	if err := s.format(ctx); err != nil {
		return nil, err
	}
	s.memory.init()
	s.overlay.init()
	s.background, s.stop = context.WithCancel(context.Background())
	s.ended.Go(s.project)
	s.ended.Go(s.heals)
	s.ended.Go(s.renews)
	return s, nil
}

// enter begins a call, which exit ends: Close waits for it.
func (s *Store) enter(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return driver.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) exit() { s.calls.Done() }

// table gives a declared table. Between enter and exit.
func (s *Store) table(name string) (*table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tables[name]; t != nil {
		return t, nil
	}
	return nil, &driver.SchemaError{Table: name, Why: "was not declared"}
}

// Attach implements [driver.Driver]. Other processes may attach to the same
// database, and other stores of this one.
func (s *Store) Attach(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.exit()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attached {
		return driver.ErrAttached
	}
	s.attached = true
	return nil
}

// Sync implements [driver.Driver]. What was accepted is durable.
func (s *Store) Sync(ctx context.Context, _ ...driver.Doc) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	s.exit()
	return nil
}

// Limits implements [driver.Driver].
func (s *Store) Limits() driver.Limits { return driver.Limits{Commit: largestCommit, Shared: true} }

// Stats implements [driver.Driver]. How many documents and commits there are,
// only the server knows. There is more in Details.
func (s *Store) Stats() driver.Stats { return driver.Stats{Durable: true} }

// Details is how a store is doing, beyond [driver.Stats].
type Details struct {
	Streams bool          // commits of others come by a change stream, as far as is known
	Waiting int           // documents that are stored, and whose rows for queries are still to be written
	Known   int           // documents whose next commit takes one trip, because they were seen lately
	Ahead   time.Duration // of the server's clock to this machine's
}

// Details tells how the store is doing. It asks nobody.
func (s *Store) Details() Details {
	return Details{
		Streams: s.streams.Load(), Waiting: s.overlay.len(), Known: s.memory.len(),
		Ahead: time.Until(s.now()).Round(time.Millisecond),
	}
}

// Collection gives the collection that holds the query sections of a table, one
// row for each document: _id is its id, q its query section under the names of
// the tags, head its version. Rows of documents that are deleted have no q. It
// is for native queries, ranges and sorting, and lags behind the log by what is
// being written; only this package may write to it.
func (s *Store) Collection(table string) *mongo.Collection { return s.db.Collection(table) }

// Close implements [driver.Driver]. It waits for the calls that are under way
// and for what the background has to write; of that the context bounds the
// wait, and the next process heals what is left.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	s.mu.Unlock()
	s.calls.Wait()
	err := s.overlay.drained(ctx)
	s.stop()
	s.ended.Wait()
	if s.own {
		err = errors.Join(err, s.client.Disconnect(context.WithoutCancel(ctx)))
	}
	return err
}
