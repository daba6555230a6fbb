package acceptance

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/destam"
)

// A child process of TestKill finds these in its environment.
const (
	killDir  = "DESTAM_KILL_DIR"
	killSide = "DESTAM_KILL_SIDE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		child := victim
		if os.Getenv(exitHow) != "" {
			child = leaver
		}
		if err := child(dir, os.Getenv(killSide)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim creates and edits things until it is killed. After each Flush it
// notes in the side file what is durable now: the id and the count.
func victim(dir, side string) error {
	ctx := context.Background()
	store, err := fs.Open(dir, nil)
	if err != nil {
		return err
	}
	db, err := destam.Open(ctx, store, nil)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(side, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	table := ThingTable(db)
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for g := range cap(errs) {
		wg.Go(func() { errs <- write(ctx, table, out, fmt.Sprint(os.Getpid(), "-", g)) })
	}
	return <-errs
}

func write(ctx context.Context, table *OThingTable, out *os.File, name string) error {
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for n := 0; ; n++ {
		o, err := table.Create(ctx, thing(r, fmt.Sprint(name, "-", n)))
		if err != nil {
			return err
		}
		for i := 1; i <= 1+r.IntN(6); i++ {
			// Text and Int belong together: one Update or one window each.
			err := o.Update(func(o *OThing) error {
				o.SetInt(i)
				o.SetText(strconv.Itoa(i))
				o.Parts().Append(part(r, 2))
				return nil
			})
			if err != nil {
				return err
			}
			o.Tags().Insert(r.IntN(o.Tags().Len()+1), "tag")
			if err := o.Flush(ctx); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, "%s %d %d\n", o.ID(), i, o.Parts().Len()); err != nil {
				return err
			}
		}
	}
}

// TestKill kills a process that writes, at random moments, and opens its
// store: without any option, with everything that was flushed, and with no
// Update in halves. DESTAM_KILL_ROUNDS sets how often (50).
func TestKill(t *testing.T) {
	rounds := 50
	if s := os.Getenv("DESTAM_KILL_ROUNDS"); s != "" {
		rounds, _ = strconv.Atoi(s)
	}
	if testing.Short() {
		rounds = 5
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d rounds", seed, rounds)
	r := rand.New(rand.NewPCG(seed, 0))
	dir, side := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "flushed")
	known := 0
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killDir+"="+dir, killSide+"="+side)
		var stderr strings.Builder
		child.Stderr = &stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		child.Process.Kill()
		child.Wait()
		if stderr.Len() > 0 {
			t.Fatalf("round %d: the child says %s", round, stderr.String())
		}
		flushed := readSide(t, side)
		check(t, dir, flushed, round)
		known = len(flushed)
	}
	t.Logf("%d documents were flushed and found", known)
	if known == 0 {
		t.Error("nothing was ever flushed: the test tests nothing")
	}
}

// readSide gives the last whole line of each id.
func readSide(t *testing.T, side string) map[destam.ID][2]int {
	t.Helper()
	f, err := os.Open(side)
	if os.IsNotExist(err) {
		return nil // killed before anything was flushed
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flushed := map[destam.ID][2]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) != 3 {
			continue // cut by the kill
		}
		id, err := destam.ParseID(words[0])
		if err != nil {
			continue
		}
		i, _ := strconv.Atoi(words[1])
		parts, _ := strconv.Atoi(words[2])
		flushed[id] = [2]int{i, parts}
	}
	return flushed
}

// check opens the store and compares it with what was flushed.
func check(t *testing.T, dir string, flushed map[destam.ID][2]int, round int) {
	t.Helper()
	ctx := t.Context()
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	db, err := destam.Open(ctx, store, &destam.Options{OnError: func(err error) { t.Errorf("round %d: %v", round, err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}()
	table := ThingTable(db)
	for id, want := range flushed {
		o, err := table.Get(ctx, id)
		if err != nil {
			t.Fatalf("round %d: %s was flushed: %v", round, id, err)
		}
		if o.Int() < want[0] || o.Parts().Len() < want[1] {
			t.Fatalf("round %d: %s was flushed with %v, and has %d and %d parts", round, id, want, o.Int(), o.Parts().Len())
		}
	}
	for hit, err := range table.QueryAll(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		o, err := table.Instance(ctx, hit)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, written := flushed[hit.ID]; written && o.Text() != strconv.Itoa(o.Int()) {
			t.Fatalf("round %d: half an Update: Int %d, Text %q", round, o.Int(), o.Text())
		}
	}
}
