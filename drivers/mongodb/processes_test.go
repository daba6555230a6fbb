package mongodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/driver"
)

// killRounds is the environment variable that says how often TestProcesses
// kills.
const killRounds = "DESTAM_KILL_ROUNDS"

const (
	workers        = 4  // processes
	clients        = 2  // that ask each of them at once
	roundOps       = 16 // operations of a round
	databaseRounds = 5  // rounds on one database: the embedded server scans
)

// operation is what one client did, as testserver/linear reads it.
type operation struct {
	Document string
	Client   int
	Call     int64
	Return   int64
	Adds     uint64
	Saw      bool
	Sum      uint64
	Count    int

	id    destam.ID
	token string
	acked bool
}

// battle is four processes that write the same documents of one database while
// one after the other of them is killed.
type battle struct {
	t        *testing.T
	uri      string
	database string
	rng      *rand.Rand // of the test's goroutine
	began    time.Time
	workers  [workers]*process
	docs     []destam.ID

	mu     sync.Mutex
	ops    []operation
	reused map[string][]destam.ID // by name, what those who asked for it got
	client int
}

// TestProcesses lets four processes write the same documents, kills one at
// random and starts another in its place, over and over. All sequences are
// without gaps, every acknowledged commit is there exactly once, every process
// shows the same, and what each operation saw can be explained by one order.
func TestProcesses(t *testing.T) {
	rounds := 50
	if testing.Short() {
		t.Skip("kills processes for half a minute")
	}
	if text := os.Getenv(killRounds); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", killRounds, err)
		}
	}
	uri := serverURI(t)
	judge := buildJudge(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d rounds", seed, rounds)
	b := &battle{t: t, uri: uri, rng: rand.New(rand.NewPCG(seed, 0)), began: time.Now()}
	for i := range b.workers {
		b.workers[i] = startProcess(t, uri)
	}
	for round := range rounds {
		if round%databaseRounds == 0 {
			b.begin()
		}
		b.round(round)
		if round%databaseRounds == databaseRounds-1 || round == rounds-1 {
			b.verify(judge)
		}
		if t.Failed() {
			t.Fatalf("after round %d", round)
		}
	}
}

// must asks a process that is not to be killed.
func (b *battle) must(p *process, r request) answer {
	b.t.Helper()
	a, err := p.call(r)
	if err != nil {
		b.t.Fatalf("%s: %v", r.Op, err)
	}
	return a
}

// begin goes over to a new database.
func (b *battle) begin() {
	b.database = freshDatabase()
	connect(b.t, b.database) // drops it in the end
	b.docs, b.ops, b.reused = nil, nil, make(map[string][]destam.ID)
	for _, p := range b.workers {
		b.must(p, request{Op: "open", Database: b.database})
	}
	for i := range 2 {
		b.docs = append(b.docs, b.must(b.workers[i], request{Op: "create", Name: fmt.Sprint("doc ", i)}).ID)
	}
	for _, p := range b.workers {
		b.load(p)
	}
}

// load makes a process hold all documents.
func (b *battle) load(p *process) {
	for _, id := range b.docs {
		b.must(p, request{Op: "show", ID: id})
	}
}

// round lets all processes work, and kills one in the midst of it.
func (b *battle) round(n int) {
	victim := b.rng.IntN(workers)
	killAt := int64(1 + b.rng.IntN(roundOps-clients))
	var count atomic.Int64
	var wait sync.WaitGroup
	for i, p := range b.workers {
		for range clients {
			b.client++
			client, rng := b.client, rand.New(rand.NewPCG(b.rng.Uint64(), 0))
			wait.Go(func() {
				for k := count.Add(1); k <= roundOps; k = count.Add(1) {
					if k == killAt { // and somewhere in what it does then
						kill := b.workers[victim].cmd.Process.Kill
						time.AfterFunc(time.Duration(rng.Int64N(int64(20*time.Millisecond))), func() { kill() })
					}
					if !b.operate(rng, p, client, fmt.Sprintf("%d/%d/%d", n, i, k), fmt.Sprint("name ", n)) {
						return
					}
				}
			})
		}
	}
	wait.Wait()
	b.workers[victim] = startProcess(b.t, b.uri)
	b.must(b.workers[victim], request{Op: "open", Database: b.database})
	b.load(b.workers[victim])
}

// operate does one operation and notes what came of it. It gives false when
// the process was killed.
func (b *battle) operate(rng *rand.Rand, p *process, client int, token, name string) bool {
	r := request{Op: []string{"transact", "transact", "update", "update", "read", "reuse"}[rng.IntN(6)], Token: token, Name: name}
	r.ID = b.docs[rng.IntN(len(b.docs))]
	op := operation{Document: r.ID.String(), Client: client, id: r.ID, Saw: r.Op != "update", token: token}
	op.Call = int64(time.Since(b.began))
	a, err := p.call(r)
	op.Return = int64(time.Since(b.began))
	op.acked, op.Sum, op.Count = err == nil, a.Sum, a.Count
	if r.Op == "transact" || r.Op == "update" {
		op.Adds = tokenSum(token)
	}
	if err != nil && !errors.Is(err, errKilled) {
		b.t.Errorf("%s of %s: %v", r.Op, token, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Op != "reuse":
		b.ops = append(b.ops, op)
	case err == nil:
		b.reused[name] = append(b.reused[name], a.ID)
	}
	return !errors.Is(err, errKilled)
}

// verify judges all that happened on a database.
func (b *battle) verify(judge string) {
	t := b.t
	store := openStore(t, b.database)
	db, err := destam.Open(t.Context(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	table := acceptance.ThingTable(db)
	landed := make(map[string]int)
	for _, id := range b.docs {
		fresh, err := table.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var seq uint64
		for c, err := range store.Log(t.Context(), "things", id, driver.Range{}) {
			if err != nil {
				t.Fatal(err)
			}
			if seq++; c.Seq != seq {
				t.Fatalf("document %s: version %d comes after %d", id, c.Seq, seq-1)
			}
			landed[c.By]++
		}
		if seq != fresh.Version() {
			t.Errorf("document %s is at %d, its log at %d", id, fresh.Version(), seq)
		}
		for i, p := range b.workers {
			if got := b.must(p, request{Op: "show", ID: id, Version: seq}).Text; got != shows(fresh) {
				t.Errorf("process %d shows\n%s\nand not\n%s", i, got, shows(fresh))
			}
		}
	}
	b.judge(judge, landed)
	for name, ids := range b.reused {
		n, err := store.Count(t.Context(), "things", []driver.Term{term("name", name)})
		different := slices.ContainsFunc(ids, func(id destam.ID) bool { return id != ids[0] })
		if err != nil || n != 1 || different {
			t.Errorf("%q is the name of %d documents, and who reused it got %v, %v", name, n, ids, err)
		}
	}
}

// judge wants every acknowledged commit once, every other at most once, and one
// order that explains all of them. That a checker could say no is seen by a
// history that nothing explains.
func (b *battle) judge(judge string, landed map[string]int) {
	t := b.t
	var all []operation
	unanswered := 0
	for _, op := range b.ops {
		n := landed[op.token]
		switch {
		case op.Adds != 0 && (n > 1 || op.acked && n == 0):
			t.Errorf("the commit of %s is there %d times; acknowledged: %v", op.token, n, op.acked)
		case op.acked:
			all = append(all, op)
		case n == 1: // at some time after it was called
			op.Return, op.Saw = math.MaxInt64, false
			all = append(all, op)
			unanswered++
		}
	}
	t.Logf("%d operations, %d that landed unanswered", len(all), unanswered)
	if out, err := linear(judge, all); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for i := range all {
		if all[i].Saw {
			all[i].Count++
			break
		}
	}
	if out, err := linear(judge, all); err == nil {
		t.Errorf("an operation that saw what never was is explained: %s", out)
	}
}

// buildJudge builds testserver/linear.
func buildJudge(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "linear")
	build := exec.Command("go", "build", "-o", program, "./linear")
	build.Dir = "testserver"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the checker: %v: %s", err, out)
	}
	return program
}

func linear(program string, ops []operation) (string, error) {
	text, err := json.Marshal(ops)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(program)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
