package fs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// childDir is the environment variable that makes this test binary a process
// that writes into the store of that folder until it is killed.
const childDir = "DESTAM_TEST_CHILD"

// killRounds is the environment variable that says how often TestKill kills.
const killRounds = "DESTAM_KILL_ROUNDS"

const writers = 64

// child writes into a store with many goroutines. What it was told goes into
// side files, a line each: which commit was accepted, which is durable.
func child(dir string) {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(3)
	}
	s, err := open(vfs.OS, filepath.Join(dir, "store"), hasty)
	if err != nil {
		fail(err)
	}
	if err := s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}, Revision: 1}); err != nil {
		fail(err)
	}
	var wg sync.WaitGroup
	for w := range writers {
		side, err := os.OpenFile(filepath.Join(dir, fmt.Sprint("told", w)), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			fail(err)
		}
		if _, err := side.WriteString("\n"); err != nil { // ends a line that a kill has cut
			fail(err)
		}
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				if err := childCommits(s, w, n, side); err != nil {
					fail(err)
				}
			}
		})
	}
	os.Stdout.WriteString("writing\n")
	wg.Wait()
}

// hasty are settings that seal and merge all the time, so that a kill finds
// the store in the middle of that.
var hasty = settings{
	Options: journal.Options{First: 64 << 10, Segment: 64 << 10, Memory: fresh, Idle: markAfter},
	keeping: keeping{freezeAt: 32 << 10, pressAt: 256 << 10, closeAt: 64 << 10, unit: 64 << 10, now: time.Now},
}

// childCommits makes a few commits of a document of its own, syncs them, and
// tells.
func childCommits(s *Store, w int, n uint64, side *os.File) error {
	id := driver.ID{0: 1, 1: byte(w)}
	binary.BigEndian.PutUint64(id[8:], uint64(time.Now().UnixNano()))
	for seq := uint64(1); seq <= 1+n%4; seq++ {
		c := killCommit(id, seq)
		if r := s.Append(background, []driver.Commit{c})[0]; r.Err != nil {
			return r.Err
		}
		if _, err := fmt.Fprintf(side, "accepted %v %d\n", id, seq); err != nil {
			return err
		}
	}
	if err := s.Sync(background, driver.Doc{Table: notes, ID: id}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(side, "durable %v %d\n", id, 1+n%4)
	return err
}

// killCommit is the commit that a document has at a sequence: its bytes are
// told by these alone.
func killCommit(id driver.ID, seq uint64) driver.Commit {
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(id[8:]), seq))
	body := make([]byte, 0, 1600)
	for n := 20 + rng.IntN(1500); len(body) < n; {
		body = binary.BigEndian.AppendUint64(body, rng.Uint64())
	}
	c := driver.Commit{
		Table: notes, ID: id, Seq: seq, Kind: driver.KindChange, Body: body,
		Time: time.Unix(int64(seq), 0).UTC(), Held: []driver.Term{driver.Term("slug\x00s" + id.String())},
	}
	copy(c.Try[:], id[:])
	c.Try[0] = byte(seq)
	if seq == 1 {
		c.Section, _ = driver.AppendValue(nil, driver.Object{{Name: "slug", Value: id.String()}})
	}
	return c
}

// TestKill kills a process that writes, over and over, and opens its store
// without any option: everything that it was told is accepted is there, to the
// byte, and so are the commits of all rounds before.
func TestKill(t *testing.T) {
	rounds := 200
	switch {
	case testing.Short() || racing:
		rounds = 5
	case os.Getenv("DESTAM_LONG") != "":
		rounds = 1000
	}
	if n, err := strconv.Atoi(os.Getenv(killRounds)); err == nil {
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d rounds", seed, rounds)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	total, lost := 0, 0
	for round := range rounds {
		for range 1 + rng.IntN(2) { // some children find what another left
			killChild(t, dir, time.Duration(rng.IntN(60_000))*time.Microsecond)
		}
		s, err := Open(filepath.Join(dir, "store"), nil)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		total = verifyTold(t, dir, s)
		lost += len(s.Stats().Lost)
		must(t, s.Close(background))
		if round%10 == 9 && round < rounds-1 {
			must(t, os.RemoveAll(dir)) // so that the store does not outgrow the test
			must(t, os.Mkdir(dir, 0o700))
		}
	}
	t.Logf("%d commits in the last store, %d torn tails", total, lost)
	if total == 0 {
		t.Error("nothing was written")
	}
}

// killChild runs a child and kills it a while after it began to write.
func killChild(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("child: %v: %s", err, stderr.String())
	}
	time.Sleep(after)
	must(t, cmd.Process.Kill())
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() == 3 {
		t.Fatalf("child ended by itself: %v: %s", err, stderr.String())
	}
}

// toldOf reads a line of a side file.
func toldOf(line string) (id driver.ID, seq uint64, err error) {
	words := strings.Fields(line)
	if len(words) != 3 {
		return id, 0, fmt.Errorf("told %q, want three words", line)
	}
	if id, err = driver.ParseID(words[1]); err != nil {
		return id, 0, err
	}
	seq, err = strconv.ParseUint(words[2], 10, 64)
	return id, seq, err
}

// verifyTold looks for every commit that a child was told of.
func verifyTold(t *testing.T, dir string, s *Store) int {
	t.Helper()
	must(t, s.Declare(background, driver.Schema{Table: notes, Unique: []string{"slug"}, Revision: 1}))
	type told struct{ accepted, durable uint64 }
	heard := map[driver.ID]told{}
	for w := range writers {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint("told", w)))
		must(t, err)
		lines := strings.Split(string(b), "\n")
		for i, line := range lines[:len(lines)-1] { // the last may be cut
			id, seq, err := toldOf(line)
			if line == "" || err != nil && lines[i+1] == "" {
				continue // cut too: the next child began after it
			}
			must(t, err)
			h := heard[id]
			if strings.HasPrefix(line, "durable") {
				h.durable = seq
			} else {
				h.accepted = seq
			}
			heard[id] = h
		}
	}
	total := 0
	for id, h := range heard {
		var seq uint64
		for c, err := range s.Log(background, notes, id, driver.Range{}) {
			must(t, err)
			seq++
			if want := killCommit(id, seq); !reflect.DeepEqual(c, want) {
				t.Fatalf("document %v, commit %d is not what was sent", id, seq)
			}
		}
		if seq < max(h.accepted, h.durable) {
			t.Fatalf("document %v has %d commits, %d were accepted and %d durable", id, seq, h.accepted, h.durable)
		}
		total += int(seq)
	}
	return total
}
