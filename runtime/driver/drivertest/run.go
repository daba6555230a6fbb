package drivertest

import (
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Options tell [Run] what the store can prove. Nil options are those of a
// store that ends with its process.
type Options struct {
	// Reopen opens the store again that closed was, after its Close.
	Reopen func(t *testing.T, closed driver.Driver) driver.Driver

	// Crash opens the store again as it would be found after the power failed
	// now, while running is in use: nothing of it survives but what its Sync
	// or Purge returned for. The suite does not use running afterwards, and
	// closes it.
	Crash func(t *testing.T, running driver.Driver) driver.Driver

	// Slow is for a store that reads a whole table for every query: the suite
	// makes fewer documents, asks fewer questions and walks fewer steps.
	Slow bool

	// Seed of what is random in the suite, which prints it. 0 is 1.
	Seed uint64
}

// suite lists the tests by the behaviour that they ask for.
var suite = []struct {
	name string
	run  func(s *store)
}{
	{"Order", testOrder},
	{"Batch", testBatch},
	{"Malformed", testMalformed},
	{"LostRace", testLostRace},
	{"Idempotent", testIdempotent},
	{"UniqueTake", testUniqueTake},
	{"UniqueRelease", testUniqueRelease},
	{"UniqueRestore", testUniqueRestore},
	{"UniqueBatch", testUniqueBatch},
	{"UniqueRefused", testUniqueRefused},
	{"DeleteRestore", testDeleteRestore},
	{"Void", testVoid},
	{"VoidOnly", testVoidOnly},
	{"Renumber", testRenumber},
	{"Purge", testPurge},
	{"Log", testLog},
	{"Load", testLoad},
	{"Checkpoint", testCheckpoint},
	{"Find", testFind},
	{"FindPages", testFindPages},
	{"FindFollows", testFindFollows},
	{"FindUnlocked", testFindUnlocked},
	{"Tables", testTables},
	{"Documents", testDocuments},
	{"DocumentsPages", testDocumentsPages},
	{"Schema", testSchema},
	{"Widen", testWiden},
	{"WidenRefused", testWidenRefused},
	{"Undeclared", testUndeclared},
	{"Queries", testQueries},
	{"Walk", testWalk},
	{"Ownership", testOwnership},
	{"Results", testResults},
	{"Contention", testContention},
	{"UniqueRace", testUniqueRace},
	{"Readers", testReaders},
	{"Cancel", testCancel},
	{"Limits", testLimits},
	{"Stats", testStats},
	{"Attach", testAttach},
	{"Close", testClose},
	{"CloseRace", testCloseRace},
	{"Hold", testHold},
	{"Feed", testFeed},
	{"FeedResumed", testFeedResumed},
	{"FeedEnds", testFeedEnds},
	{"Reopen", testReopen},
	{"Durable", testDurable},
}

// Run runs the suite. Open gives a new and empty store each time; the suite
// attaches, closes and, with [Options.Reopen], opens it again. Nil options are
// good ones.
func Run(t *testing.T, open func(t *testing.T) driver.Driver, opts *Options) {
	if opts == nil {
		opts = &Options{}
	}
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			s := &store{t: t, ctx: t.Context(), d: open(t), opts: *opts}
			s.begin()
			test.run(s)
		})
	}
}
