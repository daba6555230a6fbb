package mongodb

import (
	"iter"
	"os"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// openStore opens a store on a database.
func openStore(t testing.TB, database string) *Store {
	t.Helper()
	s, err := New(t.Context(), connect(t, database), &Options{Database: database, lease: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDetails looks at what a store tells of itself.
func TestDetails(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	before := p.a.Details()
	p.accepted(p.a, p.commit(id(1), 1, "v"))
	if err := p.a.overlay.drained(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := p.a.Details()
	next, stop := iter.Pull2(p.b.Feed(t.Context(), nil))
	defer stop()
	for {
		item, err, _ := next()
		if err != nil {
			t.Fatal(err)
		}
		if item.Commit.ID == id(1) {
			break
		}
	}
	hello, err := p.b.hello(t.Context())
	if err != nil || p.b.Details().Streams != hello.several() {
		t.Errorf("change streams: %v, of a server that says %+v, %v", p.b.Details().Streams, hello, err)
	}
	if before.Known != 0 || after.Known != 1 || after.Waiting != 0 || after.Streams != p.a.streams.Load() {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestDriver(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: half a minute of processor time")
	}
	serverURI(t)
	testDriver(t, openStore)
}

// TestDriverReplicaSet runs the suite on what looks like a replica set.
func TestDriverReplicaSet(t *testing.T) {
	serverURI(t)
	if os.Getenv("DESTAM_LONG") == "" {
		t.Skip("the suite once more takes a minute: set DESTAM_LONG=1")
	}
	g := newReplicaSet(t)
	testDriver(t, func(t testing.TB, database string) *Store {
		connect(t, database) // drops it
		s, err := New(t.Context(), g.client(), &Options{Database: database, lease: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func testDriver(t *testing.T, open func(t testing.TB, database string) *Store) {
	again := func(t *testing.T, d driver.Driver) driver.Driver { return open(t, d.(*Store).opts.Database) }
	drivertest.Run(t, func(t *testing.T) driver.Driver { return open(t, freshDatabase()) }, &drivertest.Options{
		// The server is another machine: when this one fails, whoever comes next
		// finds what the server has.
		Crash:  again,
		Slow:   true, // the embedded server has no index that it uses
		Reopen: again,
	})
}
