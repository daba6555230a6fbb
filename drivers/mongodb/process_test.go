package mongodb

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
)

// processVariable is the environment variable that makes this test binary a
// process which does what it is told on its standard input: see [process]. It
// holds the server's URI.
const processVariable = "DESTAM_TEST_PROCESS"

// request is one line that a process reads.
type request struct {
	N        int // of the answer
	Op       string
	Database string
	ID       destam.ID
	Token    string
	Name     string
	Version  uint64
}

// answer is one line that it writes.
type answer struct {
	N     int
	Err   string    `json:",omitempty"`
	ID    destam.ID // of what was created or found
	Sum   uint64    // of the tokens that the operation saw
	Count int
	Text  string `json:",omitempty"`
}

// worker is what a process has: a database and the documents that it holds.
type worker struct {
	uri   string
	db    *destam.DB
	store *Store
	table *acceptance.OThingTable

	mu   sync.Mutex
	held map[destam.ID]*acceptance.OThing
}

// work answers requests, several at once, until its input ends.
func work(uri string) error {
	w := &worker{uri: uri}
	out := json.NewEncoder(os.Stdout)
	var mu sync.Mutex
	in := json.NewDecoder(os.Stdin)
	for {
		var r request
		if err := in.Decode(&r); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		do := func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			a, err := w.do(ctx, &r)
			if a.N = r.N; err != nil {
				a.Err = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			out.Encode(a)
		}
		if r.Op == "open" {
			do()
		} else {
			go do()
		}
	}
}

func (w *worker) do(ctx context.Context, r *request) (a answer, err error) {
	switch r.Op {
	case "open":
		return a, w.open(ctx, r.Database)
	case "create":
		o, err := w.table.Create(ctx, acceptance.Thing{Query: acceptance.ThingQuery{Name: r.Name}})
		if err == nil {
			a.ID = o.ID()
		}
		return a, err
	case "reuse":
		o, err := w.table.Reuse(ctx, acceptance.ThingWhere.Name().Is(r.Name))
		if err == nil {
			a.ID = o.ID()
		}
		return a, err
	case "transact":
		return a, w.table.Transact(ctx, r.ID, func(o *acceptance.OThing) error {
			a.Sum, a.Count = sum(o.Snapshot().Tags)
			o.Tags().Append(r.Token)
			return nil
		}, destam.By(r.Token))
	case "update":
		o, err := w.get(ctx, r.ID)
		if err != nil {
			return a, err
		}
		if err := o.Update(func(o *acceptance.OThing) error { o.Tags().Append(r.Token); return nil }, destam.By(r.Token)); err != nil {
			return a, err
		}
		return a, o.Flush(ctx)
	case "read":
		h, err := w.store.Head(ctx, "things", r.ID)
		if err != nil {
			return a, err
		}
		plain, err := w.table.At(ctx, r.ID, h.Seq)
		a.Sum, a.Count = sum(plain.Tags)
		return a, err
	case "show":
		a.Text, err = w.show(ctx, r.ID, r.Version)
		return a, err
	}
	return a, fmt.Errorf("operation %q is not known", r.Op)
}

// open goes over to another database.
func (w *worker) open(ctx context.Context, database string) error {
	if w.db != nil {
		if err := w.db.Close(ctx); err != nil {
			return err
		}
	}
	var err error
	if w.store, err = Open(ctx, w.uri, &Options{Database: database, Grace: 100 * time.Millisecond, Poll: 100 * time.Millisecond}); err != nil {
		return err
	}
	if w.db, err = destam.Open(ctx, w.store, &destam.Options{OnConflict: func(destam.Conflict) {}, OnError: func(err error) {
		fmt.Fprintln(os.Stderr, "process", os.Getpid(), err)
	}}); err != nil {
		return err
	}
	w.table, w.held = acceptance.ThingTable(w.db), make(map[destam.ID]*acceptance.OThing)
	return nil
}

// get gives a document and holds it from then on.
func (w *worker) get(ctx context.Context, id destam.ID) (*acceptance.OThing, error) {
	o, err := w.table.Get(ctx, id)
	if err == nil {
		w.mu.Lock()
		w.held[id] = o
		w.mu.Unlock()
	}
	return o, err
}

// show gives what a live document shows when it has come to a version, which it
// must hear of by itself.
func (w *worker) show(ctx context.Context, id destam.ID, version uint64) (string, error) {
	o, err := w.get(ctx, id)
	if err != nil {
		return "", err
	}
	for o.Version() < version {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("at version %d of %d: %w", o.Version(), version, ctx.Err())
		}
	}
	return shows(o), nil
}

// shows is the whole document as text, but for what is never stored.
func shows(o *acceptance.OThing) string {
	plain := o.Snapshot()
	return fmt.Sprintf("%d %s %q", o.Version(), plain.Query.Name, plain.Tags)
}

// tokenSum is what a token adds to the sum of a document.
func tokenSum(token string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, token)
	return h.Sum64() | 1
}

func sum(tokens []string) (sum uint64, count int) {
	for _, token := range tokens {
		sum ^= tokenSum(token)
	}
	return sum, len(tokens)
}

// process is a worker in a process of its own, as the test sees it.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex
	n       int
	waiting map[int]chan answer // nil when it has ended
}

// startProcess starts one, which the test's end kills.
func startProcess(t *testing.T, uri string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(exe, "-test.run=^$"), waiting: make(map[int]chan answer)}
	p.cmd.Env = append(os.Environ(), processVariable+"="+uri)
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.listen(out)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-ended
		p.cmd.Wait()
	})
	return p
}

// listen hands out answers until there are no more.
func (p *process) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			break // it was killed while it wrote
		}
		p.mu.Lock()
		c := p.waiting[a.N]
		delete(p.waiting, a.N)
		p.mu.Unlock()
		c <- a
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.waiting {
		close(c)
	}
	p.waiting = nil
}

// errKilled says that a process has ended without an answer.
var errKilled = errors.New("the process was killed")

// call asks a process and waits for its answer.
func (p *process) call(r request) (answer, error) {
	c := make(chan answer, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.mu.Unlock()
		return answer{}, errKilled
	}
	p.n++
	r.N = p.n
	p.waiting[r.N] = c
	line, err := json.Marshal(r)
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	p.mu.Unlock()
	if err != nil {
		return answer{}, errKilled
	}
	a, ok := <-c
	switch {
	case !ok:
		return answer{}, errKilled
	case a.Err != "":
		return a, errors.New(strings.TrimSpace(a.Err))
	}
	return a, nil
}
