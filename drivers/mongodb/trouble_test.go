package mongodb

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestWrongPassword says what to look at, and not what the password is.
func TestWrongPassword(t *testing.T) {
	serverURI(t)
	g := newGateway(t)
	g.locks()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := Open(ctx, "mongodb://ann:sesame@"+g.address()+"/db?directConnection=true&serverSelectionTimeoutMS=5000", nil)
	if err == nil {
		s.Close(ctx)
		t.Fatal("it opens")
	}
	for _, word := range []string{`"db"`, "password", "authSource", "URI"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v: does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("%v: tells the password", err)
	}
}

// TestLarge refuses a commit that is too large before anything is sent, and
// stores a checkpoint that is larger than a row.
func TestLarge(t *testing.T) {
	serverURI(t)
	m := newMonitored(t, freshDatabase())
	defer m.Close(t.Context())
	p := &pair{t: t}
	large := p.commit(id(1), 1, "v")
	large.Body = make([]byte, largestCommit)
	commands := m.trips(t, func() {
		var limit *driver.LimitError
		if err := p.append(m.Store, large); !errors.As(err, &limit) || limit.Max != largestCommit {
			t.Errorf("a commit of more than %d bytes: %v", largestCommit, err)
		}
	})
	if len(commands) > 0 {
		t.Errorf("it sends %q", commands)
	}
	p.accepted(m.Store, p.commit(id(1), 1, "v")) // nothing of it is there
	content := slices.Repeat([]byte{1, 2, 3, 4}, (largestCommit+partSize/2)/4)
	if err := m.Checkpoint(t.Context(), notes, id(1), 1, content); err != nil {
		t.Fatal(err)
	}
	state, err := m.Load(t.Context(), notes, id(1), 0)
	if err != nil || !slices.Equal(state.Checkpoint, content) {
		t.Errorf("loaded a checkpoint of %d bytes, %v", len(state.Checkpoint), err)
	}
}

// TestPartOfCheckpoint stops while a checkpoint is written that is larger than a
// row: it does not count, can be written again, and a purge leaves none of it.
func TestPartOfCheckpoint(t *testing.T) {
	serverURI(t)
	p := newPair(t)
	p.accepted(p.a, p.commit(id(1), 1, "v"))
	content := make([]byte, partSize+1)
	first := part{Key: partKey(id(1), 1, 0)}
	first.Content.Data = content[:partSize]
	if _, err := p.log.checkpoints.InsertOne(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	state, err := p.b.Load(t.Context(), notes, id(1), 0)
	if err != nil || state.CheckpointSeq != 0 || len(state.Commits) != 1 {
		t.Errorf("loaded a checkpoint of version %d and %d commits, %v", state.CheckpointSeq, len(state.Commits), err)
	}
	if err := p.b.Checkpoint(t.Context(), notes, id(1), 1, content); err != nil {
		t.Fatal(err)
	}
	if state, err = p.a.Load(t.Context(), notes, id(1), 0); err != nil || len(state.Checkpoint) != len(content) {
		t.Errorf("loaded a checkpoint of %d bytes, %v", len(state.Checkpoint), err)
	}
	if err := p.a.Purge(t.Context(), notes, id(1)); err != nil {
		t.Fatal(err)
	}
	if n, err := p.log.checkpoints.EstimatedDocumentCount(t.Context()); n != 0 || err != nil {
		t.Errorf("%d rows of checkpoints are left, %v", n, err)
	}
}

// TestAttempts loses every insert: how often it is sent again is bounded.
func TestAttempts(t *testing.T) {
	serverURI(t)
	g := newGateway(t)
	database := freshDatabase()
	connect(t, database) // drops it
	s, err := New(t.Context(), g.client(), &Options{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if err := s.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	g.judges(func(c *command) fate {
		mu.Lock()
		defer mu.Unlock()
		if c.name != "insert" || c.collection != notes+".log" {
			return passes
		}
		n++
		return lost
	})
	p := &pair{t: t}
	var batch []driver.Commit
	for i := range byte(20) {
		batch = append(batch, p.commit(id(1+i), 1, ""))
	}
	for _, r := range s.Append(t.Context(), batch) {
		if !errors.Is(r.Err, driver.ErrUnknown) {
			t.Errorf("what never arrives: %v", r.Err)
		}
	}
	g.judges(nil)
	if n != attempts+1 { // all together, then one by itself
		t.Errorf("they were sent %d times", n)
	}
	for _, r := range s.Append(t.Context(), batch) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
}

// TestAway lets the server go away: what is in memory goes on, up to the bound,
// Flush says so, and all of it is stored when the server comes back.
func TestAway(t *testing.T) {
	serverURI(t)
	g := newGateway(t)
	database := freshDatabase()
	connect(t, database) // drops it
	store, err := New(t.Context(), g.client(), &Options{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []error
	db, err := destam.Open(t.Context(), store, &destam.Options{
		Window: time.Millisecond, MaxPending: 4 << 10, MaxWait: 50 * time.Millisecond,
		OnError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	table := acceptance.ThingTable(db)
	o, err := table.Create(t.Context(), acceptance.Thing{Text: "before", Query: acceptance.ThingQuery{Name: "it"}})
	if err != nil {
		t.Fatal(err)
	}
	g.down(true)
	o.SetText("while it is away")
	updates := 0
	for err = error(nil); err == nil; updates++ {
		err = o.Update(func(o *acceptance.OThing) error { o.Tags().Append(fmt.Sprint("tag ", updates)); return nil })
	}
	updates--
	if !errors.Is(err, destam.ErrBusy) || updates < 3 {
		t.Errorf("after %d Updates: %v", updates, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := o.Flush(short); err == nil {
		t.Error("Flush says that all is stored")
	}
	if found, err := table.Get(t.Context(), o.ID()); err != nil || found != o || found.Text() != "while it is away" {
		t.Errorf("the document in memory: %v, %v", found, err)
	}
	g.down(false)
	if err := o.Flush(t.Context()); err != nil {
		t.Errorf("Flush when the server is back: %v", err)
	}
	if err := o.Update(func(o *acceptance.OThing) error { o.Tags().Append("after"); return nil }); err != nil {
		t.Error(err)
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	t.Logf("told meanwhile: %v", told)
	mu.Unlock()
	again, err := destam.Open(t.Context(), openStore(t, database), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(t.Context())
	fresh, err := acceptance.ThingTable(again).Get(t.Context(), o.ID())
	if err != nil {
		t.Fatal(err)
	}
	if tags := fresh.Snapshot().Tags; fresh.Text() != "while it is away" || len(tags) != updates+1 || tags[updates] != "after" {
		t.Errorf("stored are %q and %q, of %d Updates", fresh.Text(), tags, updates)
	}
}

// TestClocks lets one process believe that it is an hour later or earlier. What
// it stores is heard when the logs are looked through, and its own time does
// not matter at all when the server tells what it is.
func TestClocks(t *testing.T) {
	serverURI(t)
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, all %v", skew, all), func(t *testing.T) { testClocks(t, skew, all) })
		}
	}
}

func testClocks(t *testing.T, skew time.Duration, all bool) {
	g := newGateway(t)
	g.skews(skew)
	database := freshDatabase()
	connect(t, database) // drops it
	opts := &Options{Database: database, Poll: 5 * time.Millisecond, reconcile: 50 * time.Millisecond}
	if all {
		opts.reconcile = time.Hour // nobody looks
	}
	var stores []*Store
	for i := range 2 {
		client := g.client()
		if i == 1 && !all {
			client = connect(t, database)
		}
		s, err := New(t.Context(), client, opts)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(t.Context())
		if err := s.Declare(t.Context(), driver.Schema{Table: notes, Unique: []string{"slug", "tag"}, Revision: 1}); err != nil {
			t.Fatal(err)
		}
		stores = append(stores, s)
	}
	if off := stores[0].Details().Ahead; (off - skew).Abs() > time.Minute {
		t.Errorf("the clock is %v ahead, want %v", off, skew)
	}
	for i, from := range stores {
		to := stores[1-i]
		p := &pair{t: t}
		next, stop := iter.Pull2(to.Feed(t.Context(), nil))
		doc := id(byte(1 + i))
		for seq := uint64(1); seq <= 3; seq++ {
			p.accepted(from, p.commit(doc, seq, ""))
			for {
				item, err, _ := next()
				if err != nil {
					t.Fatal(err)
				}
				if item.Commit.ID == doc {
					if item.Commit.Seq != seq {
						t.Errorf("version %d, want %d", item.Commit.Seq, seq)
					}
					break
				}
			}
		}
		stop()
	}
}
