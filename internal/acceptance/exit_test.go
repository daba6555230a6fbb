package acceptance

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/runtime/destam"
)

// exitHow is how a child of TestExit ends.
const exitHow = "DESTAM_EXIT_HOW"

// leaver sets, drops the handle, and waits until the background has stored that,
// over and over, and notes it: nobody flushes and nobody closes. Then it sets
// once more and ends.
func leaver(dir, side string) error {
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
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for g := range cap(errs) {
		wg.Go(func() { errs <- leave(ctx, table, out, fmt.Sprint(os.Getpid(), "-", g)) })
	}
	wg.Wait()
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	switch os.Getenv(exitHow) {
	case "exit":
		os.Exit(0)
	case "kill":
		fmt.Println("ready")
		select {} // what was set last is being stored, or not yet
	}
	return nil // from main
}

func leave(ctx context.Context, table *OThingTable, out *os.File, name string) error {
	o, err := table.Create(ctx, Thing{Query: ThingQuery{Name: name}})
	if err != nil {
		return err
	}
	id := o.ID()
	set := func(i int) error {
		o, err := table.Get(ctx, id)
		if err == nil {
			o.SetInt(i)
			o.SetText(strconv.Itoa(i)) // mostly in one window with the one before, else after it
		}
		return err
	}
	for i := 1; i <= 3; i++ {
		if err := set(i); err != nil {
			return err
		}
		for o.Pending() {
			runtime.Gosched()
		}
		if _, err := fmt.Fprintf(out, "%s %d 0\n", id, i); err != nil {
			return err
		}
	}
	return set(4)
}

// TestExit ends processes that do not close their database: by os.Exit, by
// returning from main, and by a kill. What was not pending any more is there,
// without a Flush; of what was, nothing is there before what was set before it. How
// long it is pending, a window and one write, TestWindow says by the clock.
func TestExit(t *testing.T) {
	for _, how := range []string{"exit", "return", "kill"} {
		t.Run(how, func(t *testing.T) {
			dir, side := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "stored")
			for round := range 3 {
				leaveWith(t, how, dir, side)
				checkLeft(t, dir, side, 8*(round+1))
			}
		})
	}
}

// leaveWith runs one child to its end.
func leaveWith(t *testing.T, how, dir, side string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killDir+"="+dir, killSide+"="+side, exitHow+"="+how)
	var stderr strings.Builder
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if how == "kill" {
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
		if err := child.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	if err := child.Wait(); err != nil && how != "kill" || stderr.Len() > 0 {
		t.Fatalf("the child gave %v and says %s", err, stderr.String())
	}
}

// checkLeft opens the store and compares it with what was noted.
func checkLeft(t *testing.T, dir, side string, documents int) {
	t.Helper()
	ctx := t.Context()
	store, err := fs.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := destam.Open(ctx, store, &destam.Options{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}()
	stored := readSide(t, side)
	if len(stored) != documents {
		t.Fatalf("%d documents were noted, want %d", len(stored), documents)
	}
	for id := range stored {
		o, err := ThingTable(db).Get(ctx, id)
		if err != nil {
			t.Fatalf("%s was stored: %v", id, err)
		}
		if i := o.Int(); i < 3 || i > 4 || o.Text() != strconv.Itoa(i) && o.Text() != strconv.Itoa(i-1) || o.Text() < "3" {
			t.Errorf("%s has %d and %q, and 3 was not pending any more", id, i, o.Text())
		}
	}
}
