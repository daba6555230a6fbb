package mongodb

import (
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

func TestDriver(t *testing.T) {
	if testing.Short() {
		t.Skip("the embedded server scans for every query: half a minute of processor time")
	}
	serverURI(t)
	drivertest.Run(t, func(t *testing.T) driver.Driver { return openStore(t, freshDatabase()) }, &drivertest.Options{
		// The server is another machine: when this one fails, whoever comes next
		// finds what the server has.
		Crash: func(t *testing.T, running driver.Driver) driver.Driver {
			return openStore(t, running.(*Store).opts.Database)
		},
		Slow: true, // the embedded server has no index that it uses
		Reopen: func(t *testing.T, closed driver.Driver) driver.Driver {
			return openStore(t, closed.(*Store).opts.Database)
		},
	})
}
