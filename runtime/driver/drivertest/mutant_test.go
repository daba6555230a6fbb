package drivertest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/driver/drivertest"
)

// mutant is a driver that breaks one rule.
type mutant struct {
	name   string
	caught string // the test of the suite that catches it
	breaks func(d driver.Driver) driver.Driver
	opts   *drivertest.Options
}

// mutantEnv names the mutant that TestSubject runs the suite on.
const mutantEnv = "DRIVERTEST_MUTANT"

// whole are drivers that break nothing, for tests of the suite that memory has
// nothing to show in.
var whole = []mutant{
	{"none, and immortal", "(Reopen|Durable)", immortality, reopened(func(d driver.Driver) driver.Driver { return d })},
	{"none, and limited", "Limits", func(d driver.Driver) driver.Driver { return limited{d, 1 << 20} }, nil},
}

// TestSubject runs the suite on a driver: on memory as it is, or on a mutant
// of it when [TestMutants] says which.
func TestSubject(t *testing.T) {
	open, opts := func(*testing.T) driver.Driver { return memory.Open(nil) }, (*drivertest.Options)(nil)
	if name := os.Getenv(mutantEnv); name != "" {
		subjects := slices.Concat(mutants, whole)
		i := slices.IndexFunc(subjects, func(m mutant) bool { return m.name == name })
		if i < 0 {
			t.Fatalf("no mutant is called %q", name)
		}
		drivertest.SetPatience(2 * time.Second)
		open = func(*testing.T) driver.Driver { return subjects[i].breaks(memory.Open(nil)) }
		opts = subjects[i].opts
	}
	drivertest.Run(t, open, opts)
}

// TestMutants proves that the suite can fail: each mutant must be caught by the
// test that is about the rule it breaks. The suite runs in a process of its
// own, for its tests shall fail.
func TestMutants(t *testing.T) {
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			out, err := runSubject(t, m.name, m.caught)
			failed := regexp.MustCompile(`(?m)^ *--- FAIL: TestSubject/`+m.caught+`\b`).MatchString(out) ||
				regexp.MustCompile(`(?m)^panic: drivertest: `).MatchString(out)
			if err == nil || !failed {
				t.Errorf("%s did not catch it: %v\n%s", m.caught, err, out)
			}
		})
	}
	t.Logf("%d mutants", len(mutants))
}

// runSubject runs one test of the suite on a mutant, in a process of its own.
func runSubject(t *testing.T, mutant, test string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestSubject$/^"+test+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), mutantEnv+"="+mutant)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), err
}

var mutants = []mutant{
	{"log backwards is forwards", "Log", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, ranges: func(r *driver.Range) { r.Backward = false }}
	}, nil},
	{"log leaves out the last", "Log", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, ranges: func(r *driver.Range) {
			if r.To > 0 {
				r.To--
			}
		}}
	}, nil},
	{"log leaves out voids", "Log", func(d driver.Driver) driver.Driver { return voidless{d} }, nil},
	{"time is cut to milliseconds", "Order", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, commits: func(c *driver.Commit) { c.Time = c.Time.Truncate(time.Millisecond) }}
	}, nil},
	{"extensions are lost", "Order", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, commits: func(c *driver.Commit) { c.Ext = nil }}
	}, nil},
	{"head forgets an unchanged section", "Order", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, heads: func(h *driver.Head) {
			if h.Seq > 1 {
				h.Section = nil
			}
		}}
	}, nil},
	{"a gap is accepted", "Order", func(d driver.Driver) driver.Driver { return gaps{d} }, nil},
	{"a late commit is put at the end", "LostRace", func(d driver.Driver) driver.Driver { return latecomer{d} }, nil},
	{"a lost race does not tell the winner", "LostRace", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, results: func(err error) error {
			if late := (*driver.SeqError)(nil); errors.As(err, &late) {
				late.Row = nil
			}
			return err
		}}
	}, nil},
	{"a batch ends with a refusal", "Batch", func(d driver.Driver) driver.Driver { return impatient{d} }, nil},
	{"results are sorted", "Results", func(d driver.Driver) driver.Driver { return sorted{d} }, nil},
	{"a retry is a lost race", "Idempotent", func(d driver.Driver) driver.Driver { return &forgetful{Driver: d} }, nil},
	{"purge forgets the attempts", "Idempotent", func(d driver.Driver) driver.Driver { return &forgetful{Driver: d, atPurge: true} }, nil},
	{"nothing is checked", "Malformed", func(d driver.Driver) driver.Driver { return credulous{d} }, nil},
	{"unique is not checked", "UniqueTake", func(d driver.Driver) driver.Driver { return &shared{Driver: d} }, nil},
	{"unique is not checked at restore", "UniqueRestore", func(d driver.Driver) driver.Driver {
		return &shared{Driver: d, only: driver.KindRestore}
	}, nil},
	{"delete frees nothing", "UniqueRelease", func(d driver.Driver) driver.Driver { return &greedy{Driver: d} }, nil},
	{"a refused commit claims", "UniqueRefused", func(d driver.Driver) driver.Driver { return &greedy{Driver: d, refused: true} }, nil},
	{"deleted documents are found", "DeleteRestore", func(d driver.Driver) driver.Driver { return &haunted{Driver: d} }, nil},
	{"deleted documents are counted", "DeleteRestore", func(d driver.Driver) driver.Driver { return &haunted{Driver: d, countOnly: true} }, nil},
	{"deleted is not told", "DeleteRestore", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, heads: func(h *driver.Head) { h.Deleted = false }}
	}, nil},
	{"a void alone is a document", "VoidOnly", func(d driver.Driver) driver.Driver { return spirits{d} }, nil},
	{"purge only deletes", "Purge", func(d driver.Driver) driver.Driver { return undertaker{d} }, nil},
	{"load gives the newest", "Load", func(d driver.Driver) driver.Driver { return newest{d} }, nil},
	{"checkpoints change", "Checkpoint", func(d driver.Driver) driver.Driver { return &repainter{Driver: d} }, nil},
	{"checkpoints beyond the head", "Checkpoint", func(d driver.Driver) driver.Driver { return &repainter{Driver: d, beyond: true} }, nil},
	{"find looks at one term", "Find", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, queries: func(q *driver.Query) { q.Terms = q.Terms[:min(1, len(q.Terms))] }}
	}, nil},
	{"count looks at no term", "Find", func(d driver.Driver) driver.Driver { return counter{d} }, nil},
	{"limit is ignored", "FindPages", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, queries: func(q *driver.Query) { q.Limit = 0 }}
	}, nil},
	{"limit is one too many", "FindPages", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, queries: func(q *driver.Query) {
			if q.Limit > 0 {
				q.Limit++
			}
		}}
	}, nil},
	{"after is included", "FindPages", func(d driver.Driver) driver.Driver {
		return &changed{Driver: d, queries: func(q *driver.Query) { q.After = before(q.After) }}
	}, nil},
	{"find descends", "FindPages", func(d driver.Driver) driver.Driver { return descending{d} }, nil},
	{"find knows the first section only", "FindFollows", func(d driver.Driver) driver.Driver { return &nostalgic{Driver: d} }, nil},
	{"find misses some", "Queries", func(d driver.Driver) driver.Driver { return lossy{d} }, nil},
	{"find locks", "FindUnlocked", func(d driver.Driver) driver.Driver { return &locked{Driver: d} }, nil},
	{"tables are not sorted", "Tables", func(d driver.Driver) driver.Driver { return unsorted{d} }, nil},
	{"deleted documents are not listed", "Documents", func(d driver.Driver) driver.Driver { return selective{d, driver.Deleted} }, nil},
	{"purged documents are not listed", "Documents", func(d driver.Driver) driver.Driver { return selective{d, driver.Purged} }, nil},
	{"voids are not listed", "Documents", func(d driver.Driver) driver.Driver { return selective{d, driver.Unborn} }, nil},
	{"every table is known", "Undeclared", func(d driver.Driver) driver.Driver { return welcoming{d} }, nil},
	{"a field becomes unique on paper", "Widen", func(d driver.Driver) driver.Driver { return paper{d} }, nil},
	{"a unique field may vanish", "Schema", func(d driver.Driver) driver.Driver { return lenient{d} }, nil},
	{"commits are kept as given", "Ownership", func(d driver.Driver) driver.Driver { return &aliasing{Driver: d, given: true} }, nil},
	{"commits are given as kept", "Ownership", func(d driver.Driver) driver.Driver { return &aliasing{Driver: d} }, nil},
	{"peeking gives another section", "FindFollows", func(d driver.Driver) driver.Driver { return &peeker{Driver: d, first: true} }, nil},
	{"what was peeked at is used again", "Ownership", func(d driver.Driver) driver.Driver { return &peeker{Driver: d} }, nil},
	{"two writers get one sequence", "Contention", func(d driver.Driver) driver.Driver { return &racy{Driver: d} }, nil},
	{"two documents get one value", "UniqueRace", func(d driver.Driver) driver.Driver { return &shared{Driver: d} }, nil},
	{"load is torn", "Readers", func(d driver.Driver) driver.Driver { return torn{d} }, nil},
	{"a canceled commit is stored", "Cancel", func(d driver.Driver) driver.Driver { return deaf{d} }, nil},
	{"a long author is accepted", "Limits", func(d driver.Driver) driver.Driver { return patientReader{d} }, nil},
	{"the limit of a commit is not held", "Limits", func(d driver.Driver) driver.Driver { return limited{d, 2 << 20} }, nil},
	{"statistics are invented", "Stats", func(d driver.Driver) driver.Driver { return boaster{Driver: d, documents: 7} }, nil},
	{"two databases may attach", "Attach", func(d driver.Driver) driver.Driver { return promiscuous{d} }, nil},
	{"close does not close", "Close", func(d driver.Driver) driver.Driver { return open{d} }, nil},
	{"close lets writers in again", "CloseRace", func(d driver.Driver) driver.Driver { return &revolving{Driver: d} }, nil},
	{"nothing is held", "Hold", func(d driver.Driver) driver.Driver { return careless{d} }, nil},
	{"a feed leaves deletions out", "Feed", func(driver.Driver) driver.Driver { return gossip{Store: common(), deletions: true} }, nil},
	{"a feed leaves out what follows a token", "FeedResumed", func(driver.Driver) driver.Driver { return gossip{Store: common(), first: true} }, nil},
	{"a feed ends without a word", "FeedEnds", func(driver.Driver) driver.Driver { return gossip{Store: common(), end: true} }, nil},
	{"durable without proof", "Reopen", func(d driver.Driver) driver.Driver { return boaster{Driver: d, durable: true} }, nil},
	{"durable without proof of a crash", "Durable", func(d driver.Driver) driver.Driver { return boaster{Driver: d, durable: true} }, nil},
	{"a new store after reopening", "Reopen", func(d driver.Driver) driver.Driver { return boaster{Driver: d, durable: true} },
		&drivertest.Options{Reopen: fresh, Crash: fresh}},
	{"a new store after a crash", "Durable", func(d driver.Driver) driver.Driver { return boaster{Driver: d, durable: true} },
		&drivertest.Options{Reopen: fresh, Crash: fresh}},
	{"deleted documents are found after reopening", "Reopen", immortality, reopened(func(d driver.Driver) driver.Driver {
		return &haunted{Driver: d, deleted: []driver.ID{{7: 1, 15: 2}}}
	})},
	{"unique values are forgotten by reopening", "Reopen", immortality, reopened(func(d driver.Driver) driver.Driver { return &shared{Driver: d} })},
	{"attempts are forgotten by reopening", "Reopen", immortality, reopened(func(d driver.Driver) driver.Driver { return amnesiac{d} })},
	{"attempts are forgotten by a crash", "Durable", immortality, reopened(func(d driver.Driver) driver.Driver { return amnesiac{d} })},
	{"the last commit is lost in a crash", "Durable", immortality, reopened(func(d driver.Driver) driver.Driver { return truncated{d} })},
	{"reopens and does not say durable", "Reopen", func(d driver.Driver) driver.Driver { return d }, &drivertest.Options{Reopen: fresh}},
}

// immortal is a store in memory that outlives Close, as far as one can tell.
type immortal struct{ driver.Driver }

func (immortal) Attach(context.Context) error { return nil }
func (immortal) Close(context.Context) error  { return nil }

func (d immortal) Stats() driver.Stats {
	stats := d.Driver.Stats()
	stats.Durable = true
	return stats
}

func immortality(d driver.Driver) driver.Driver { return immortal{d} }

// reopened gives the store back that was closed, or crashed, with a rule broken.
func reopened(breaks func(driver.Driver) driver.Driver) *drivertest.Options {
	again := func(_ *testing.T, d driver.Driver) driver.Driver { return breaks(d) }
	return &drivertest.Options{Reopen: again, Crash: again}
}

// TestWhole proves that the tests of durability and of limits can pass.
func TestWhole(t *testing.T) {
	for _, m := range whole {
		out, err := runSubject(t, m.name, m.caught)
		passed := regexp.MustCompile(`(?m)^ *--- PASS: TestSubject/` + m.caught).MatchString(out)
		if err != nil || !passed || strings.Contains(out, "--- SKIP") {
			t.Errorf("%s: %v\n%s", m.name, err, out)
		}
	}
}

func fresh(*testing.T, driver.Driver) driver.Driver {
	return boaster{Driver: memory.Open(nil), durable: true}
}
