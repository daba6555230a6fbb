package mongodb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/destam-go/destamgen/runtime/driver"
)

// scenario is something that a store does in several steps, each a command to
// the server.
type scenario struct {
	name  string
	setup func(p *pair)                             // by another store, which goes on living
	act   func(p *pair, s *Store) driver.Commit     // what to store; none: see do
	do    func(ctx context.Context, s *Store) error // instead of storing something
	check func(p *pair, done bool)                  // what must be there afterwards, healed; done: it said so
	steps []string                                  // the commands, the background's included, which may come earlier

	writes bool // the steps are without what only reads: how often, time decides
}

// secret is in what is purged.
const secret = "secret that is purged"

func (p *pair) body(c driver.Commit, body string) driver.Commit {
	c.Body = append([]byte{0x91, 0xa0 | byte(len(body))}, body...)
	return c
}

var (
	stepDoc   = id(1)
	stepOther = id(2)
)

func scenarios() []scenario {
	create := func(p *pair) { p.accepted(p.b, p.commit(stepDoc, 1, "v", "t")) }
	return []scenario{
		{
			name:  "create",
			act:   func(p *pair, _ *Store) driver.Commit { return p.commit(stepDoc, 1, "v", "t") },
			steps: []string{"insert notes.claims", "insert notes.log", "insert notes"},
		}, {
			name: "change", setup: create,
			act:   func(p *pair, _ *Store) driver.Commit { return p.commit(stepDoc, 2, "v", "t") },
			steps: []string{"find notes.log", "insert notes.log", "update notes"},
		}, {
			name: "take a value that was free again",
			setup: func(p *pair) {
				create(p)
				p.accepted(p.b, p.commit(stepDoc, 2, "", "t"))
			},
			act: func(p *pair, _ *Store) driver.Commit { return p.commit(stepOther, 1, "v") },
			steps: []string{"insert notes.claims", "insert notes.claims", "find notes.claims", "find notes.log",
				"insert notes.claims", "insert notes.log", "insert notes"},
		}, {
			name: "delete", setup: create,
			act: func(p *pair, _ *Store) driver.Commit {
				return driver.Commit{Table: notes, ID: stepDoc, Seq: 2, Kind: driver.KindDelete, Try: [16]byte{2}}
			},
			steps: []string{"find notes.log", "insert notes.log", "update notes"},
		}, {
			name: "restore",
			setup: func(p *pair) {
				p.accepted(p.b, p.commit(stepDoc, 1, "v"))
				p.accepted(p.b, driver.Commit{Table: notes, ID: stepDoc, Seq: 2, Kind: driver.KindDelete, Try: [16]byte{2}})
			},
			act: func(p *pair, _ *Store) driver.Commit {
				c := p.commit(stepDoc, 3, "v")
				c.Kind = driver.KindRestore
				return c
			},
			steps: []string{"find notes.log", "find notes.log", "insert notes.claims", "insert notes.claims", "find notes.claims", "find notes.log",
				"insert notes.claims", "insert notes.log", "update notes"},
		}, {
			name:   "take a value from who has stopped",
			setup:  func(p *pair) { p.claims(p.commit(stepDoc, 1, "v"), term("slug", "v")) },
			act:    func(p *pair, _ *Store) driver.Commit { return p.commit(stepOther, 1, "v") },
			steps:  []string{"insert notes.claims", "insert notes.claims", "insert notes.log", "insert notes.claims", "insert notes.log", "insert notes"},
			writes: true,
		}, {
			name: "checkpoint", setup: create,
			do: func(ctx context.Context, s *Store) error {
				return s.Checkpoint(ctx, notes, stepDoc, 1, []byte("content"))
			},
			check: func(p *pair, done bool) {
				state, err := p.b.Load(p.t.Context(), notes, stepDoc, 0)
				if err != nil || done && state.CheckpointSeq != 1 || state.CheckpointSeq == 1 && string(state.Checkpoint) != "content" {
					p.t.Errorf("loaded %+v, %v", state, err)
				}
			},
			steps: []string{"find notes.log", "insert notes.checkpoints", "find notes.log"},
		}, {
			name: "purge",
			setup: func(p *pair) {
				p.accepted(p.b, p.body(p.commit(stepDoc, 1, "v", "t"), secret))
				p.accepted(p.b, p.body(p.commit(stepDoc, 2, "v", "t"), secret))
				if err := p.b.Checkpoint(p.t.Context(), notes, stepDoc, 2, []byte(secret)); err != nil {
					p.t.Fatal(err)
				}
			},
			do:    func(ctx context.Context, s *Store) error { return s.Purge(ctx, notes, stepDoc) },
			check: checkPurge,
			steps: []string{"find notes.log", "insert notes.log", "find notes.log", "update notes.log", "delete notes.checkpoints", "update notes"},
		}, {
			name: "load", setup: create,
			do: func(ctx context.Context, s *Store) error {
				state, err := s.Load(ctx, notes, stepDoc, 0)
				if err == nil && (state.Seq != 1 || len(state.Commits) != 1) {
					return fmt.Errorf("loaded version %d with %d commits", state.Seq, len(state.Commits))
				}
				return err
			},
			steps: []string{"find notes.checkpoints", "find notes.log"},
		}, {
			name: "find", setup: create,
			do: func(ctx context.Context, s *Store) error {
				n := 0
				for _, err := range s.Find(ctx, notes, driver.Query{Terms: []driver.Term{term("slug", "v")}}) {
					if err != nil {
						return err
					}
					n++
				}
				if n != 1 {
					return fmt.Errorf("found %d documents", n)
				}
				return nil
			},
			steps: []string{"find notes"},
		},
	}
}

// checkPurge wants a document as it was or nothing left of it.
func checkPurge(p *pair, done bool) {
	t := p.t
	_, err := p.b.Load(t.Context(), notes, stepDoc, 0)
	if purged := errors.Is(err, driver.ErrNotFound); !purged {
		if done || err != nil {
			t.Errorf("after a purge (done %v): %v", done, err)
		}
		return
	}
	for _, c := range []string{notes, notes + ".log", notes + ".checkpoints", notes + ".claims"} {
		cursor, err := p.b.db.Collection(c).Find(t.Context(), bson.D{})
		if err != nil {
			t.Fatal(err)
		}
		var rows []bson.Raw
		if err := cursor.All(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if bytes.Contains(row, []byte(secret)) {
				t.Errorf("collection %s has what was purged: %v", c, row)
			}
		}
	}
}

// TestSteps breaks the connection in every way at every command of everything
// that a store does, and lets the process die there. What was acknowledged is
// there exactly once, what was refused is not, and another process finds or
// heals the rest: queries, unique values, what a purge has left.
func TestSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of broken connections take a quarter of a minute")
	}
	serverURI(t)
	long := os.Getenv("DESTAM_LONG") != ""
	const atOnce = 24
	room := make(chan struct{}, atOnce)
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			var wait sync.WaitGroup
			defer wait.Wait()
			run := func(at int, f fate) {
				room <- struct{}{}
				wait.Go(func() {
					defer func() { <-room }()
					newStep(t, &sc, at, f).run()
				})
			}
			run(-1, passes)
			for at := range sc.steps {
				for f := range fates {
					if reads(sc.steps[at]) && !long && f != lost && f != halfAnswer {
						continue // to die there is to die before what is written next
					}
					run(at, f)
				}
			}
		})
	}
}

// step is one run of a scenario.
type step struct {
	*pair   // b is the other store, which sees the server as it is
	sc      *scenario
	at      int // the command that something becomes of
	fate    fate
	gateway *gateway

	cancel context.CancelFunc // the context of what is done

	mu    sync.Mutex
	steps []string
}

func newStep(t *testing.T, sc *scenario, at int, f fate) *step {
	return &step{sc: sc, at: at, fate: f, pair: &pair{t: t}}
}

// failed reports what is wrong, and where.
func (x *step) failed(format string, args ...any) {
	x.t.Helper()
	where := "nothing happens"
	if x.at >= 0 {
		where = fmt.Sprintf("%s at step %d, %s", fates[x.fate], x.at, x.sc.steps[x.at])
	}
	x.t.Errorf("%s: %s", where, fmt.Sprintf(format, args...))
}

func (x *step) run() {
	t := x.t
	database := freshDatabase()
	x.gateway = newGateway(t)
	open := func(g *gateway) *Store {
		client := connect(t, database)
		if g != nil {
			client = g.client()
		}
		s, err := New(t.Context(), client, &Options{Database: database, Grace: 20 * time.Millisecond})
		if err == nil {
			err = s.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1})
		}
		if err != nil {
			x.failed("%v", err)
			return nil
		}
		return s
	}
	if x.b = open(nil); x.b == nil {
		return
	}
	defer x.b.Close(t.Context())
	var err error
	if x.log, err = x.b.table(notes); err != nil {
		x.failed("%v", err)
		return
	}
	if x.sc.setup != nil {
		x.sc.setup(x.pair)
		x.b.overlay.drained(t.Context())
	}
	if x.a = open(x.gateway); x.a == nil {
		return
	}
	done, c := x.act()
	if x.dies() {
		x.gateway.down(true) // nor does anything arrive that is on its way
	}
	x.gateway.release()
	x.verify(done, c)
}

// judge counts the commands and does to one what is to be done.
func (x *step) judge(c *command) fate {
	x.mu.Lock()
	defer x.mu.Unlock()
	name := c.name + " " + c.collection
	if x.sc.writes && reads(name) || c.collection == meta { // looking after the lease
		return passes
	}
	x.steps = append(x.steps, name)
	if len(x.steps)-1 == x.at {
		if x.fate == cancelled {
			x.cancel()
		}
		return x.fate
	}
	return passes
}

// reached tells whether the process came so far before its time was over.
func (x *step) reached() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.steps) > x.at
}

// reads tells whether a command changes nothing.
func reads(command string) bool { return strings.HasPrefix(command, "find") }

// dies tells whether the process is to die.
func (x *step) dies() bool {
	return x.fate == diesBefore || x.fate == diesAfter || x.fate == diesDelayed
}

// act does what is to be done, and tells whether it says that it is done.
func (x *step) act() (done bool, c driver.Commit) {
	ctx, cancel := context.WithTimeout(x.t.Context(), 20*time.Second)
	defer cancel()
	defer func() {
		patience := 20 * time.Second
		if x.dies() {
			patience = time.Millisecond
		}
		ctx, cancel := context.WithTimeout(x.t.Context(), patience)
		defer cancel()
		if err := x.a.Close(ctx); err != nil && !x.dies() {
			x.failed("Close: %v", err)
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if x.at < 0 && !slices.Equal(slices.Sorted(slices.Values(x.steps)), slices.Sorted(slices.Values(x.sc.steps))) {
			x.failed("the steps are %q", x.steps)
		}
	}()
	if x.dies() { // it has no time to find out
		ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
	}
	x.cancel = cancel
	x.gateway.judges(x.judge)
	var err error
	if x.sc.do != nil {
		err = x.sc.do(ctx, x.a)
		for again := 0; err != nil && again < 3 && !x.dies() && x.fate != cancelled; again++ {
			err = x.sc.do(ctx, x.a)
			if x.sc.name == "purge" && errors.Is(err, driver.ErrNotFound) {
				err = nil // the time before
			}
		}
	} else {
		c = x.sc.act(x.pair, x.a)
		err = x.a.Append(ctx, []driver.Commit{c})[0].Err
		for again := 0; err != nil && again < 3 && !x.dies() && x.fate != cancelled; again++ {
			err = x.a.Append(ctx, []driver.Commit{c})[0].Err
		}
	}
	switch {
	case x.fate == cancelled && x.at >= x.background():
	case x.fate == cancelled:
		if !errors.Is(err, context.Canceled) && !errors.Is(err, driver.ErrUnknown) {
			x.failed("%v", err)
		}
	case err != nil && !x.dies():
		x.failed("%v", err)
	}
	return err == nil, c
}

// verify looks at what is there with the eyes of another process.
func (x *step) verify(done bool, c driver.Commit) {
	ctx := x.t.Context()
	if x.sc.check != nil {
		x.sc.check(x.pair, done)
	}
	if err := x.b.heal(ctx, x.log); err != nil {
		x.failed("heal: %v", err)
	}
	if c.ID.IsZero() {
		return
	}
	var seq uint64
	landed := 0
	for row, err := range x.b.Log(ctx, notes, c.ID, driver.Range{}) {
		if seq++; err != nil || row.Seq != seq {
			x.failed("the log gives version %d after %d, %v", row.Seq, seq-1, err)
			return
		}
		if row.Try == c.Try {
			landed++
		}
	}
	switch {
	case done && landed != 1, landed > 1:
		x.failed("the commit is there %d times, done: %v", landed, done)
		return
	case x.fate == diesAfter && x.at == x.commits() && x.reached() && landed != 1:
		x.failed("what the server has done is not there")
		return
	}
	x.verifyQueries(c, landed == 1)
}

// background is the first step that nobody waits for.
func (x *step) background() int {
	if i := slices.IndexFunc(x.sc.steps, func(name string) bool { return name == "insert notes" || name == "update notes" }); i >= 0 {
		return i
	}
	return len(x.sc.steps)
}

// commits is the step that decides.
func (x *step) commits() int {
	at := -1
	for i, name := range x.sc.steps {
		if name == "insert notes.log" {
			at = i
		}
	}
	return at
}

// verifyQueries wants a document found by its values if it has them, and the
// values free for others if it has not.
func (x *step) verifyQueries(c driver.Commit, landed bool) {
	ctx := x.t.Context()
	holds := landed && c.Kind != driver.KindDelete || !landed && x.sc.name != "create" && x.sc.name != "restore" && c.ID == stepDoc
	for range 2 {
		n, err := x.b.Count(ctx, notes, []driver.Term{term("slug", "v")})
		if want := map[bool]int{true: 1}[holds]; err != nil || n != want {
			x.failed("queries find %d documents, %v; the document has its value: %v", n, err, holds)
		}
		if !holds {
			break
		}
		if err := x.b.overlay.drained(ctx); err != nil { // and then as it is stored
			x.failed("%v", err)
		}
	}
	contender := x.commit(id(9), 1, "v")
	err := x.append(x.b, contender)
	var dup *driver.DuplicateError
	switch {
	case holds && (!errors.As(err, &dup) || dup.Holder != c.ID):
		x.failed("another document takes the value: %v", err)
	case !holds && err != nil:
		x.failed("no other document can take the value: %v", err)
	}
}
