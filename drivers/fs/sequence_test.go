package fs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Nearly every bug that was ever found in what stores do about crashes needs
// three operations at most. So all sequences of that many are tried, with a
// crash after every operation of the disk, and another one after every
// operation of the disk while the store is opened again.

// letters are the operations of sequences and the documents that they are done
// to, as in the scripts of TestCrash.
var letters = []string{"c1", "u1", "d1", "r1", "v1", "p1", "k1", "c2", "t2", "ff", "xx", "!!"}

// beginnings are what sequences are done after.
var beginnings = [][]string{{"t1"}, {"t1", "c1", "u1", "ff", "u1"}}

// sequence is a store that a few operations are done to.
type sequence struct {
	*history
	t       testing.TB
	disk    *vfs.Mem
	store   *Store
	letter  string // being done
	last    bool   // crashes within those before it are those of shorter sequences
	crashes *int
	fail    error // what a crash has shown
}

// run does a sequence of operations and tells whether the last one was refused.
func (q *sequence) run(ops []string) (refused bool, err error) {
	if err := q.open(vfs.NewMem()); err != nil {
		return false, err
	}
	for i, letter := range ops {
		q.letter, q.last = letter, i == len(ops)-1
		if refused, err = q.step(); err == nil {
			err = q.fail
		}
		if refused || err != nil {
			break
		}
	}
	q.last = false
	return refused, errors.Join(err, q.store.Close(background))
}

func (q *sequence) open(disk *vfs.Mem) (err error) {
	q.disk = disk
	disk.After = func(op vfs.Op) {
		if q.last && q.fail == nil && op.Kind.Changes() {
			q.fail = q.crash(op)
		}
	}
	q.store, err = open(disk, storeDir, inline)
	return err
}

// step does one operation. What the oracle refuses the store must refuse too.
func (q *sequence) step() (refused bool, err error) {
	switch q.letter {
	case "ff":
		if err = q.store.Sync(background); err == nil {
			q.durable = len(q.states) - 1
		}
	case "xx":
		if err = q.store.Close(background); err == nil {
			q.durable = len(q.states) - 1
			err = q.open(q.disk)
		}
	case "!!":
		err = q.open(q.disk.Kill())
	default:
		do := q.operation(q.letter[0], q.letter[1])
		if want := do(q.oracle); want != nil {
			q.last = false
			if do(q.store) == nil {
				err = fmt.Errorf("the store does what should give %w", want)
			}
			return true, err
		}
		q.states = append(q.states, dump(q.t, q.oracle)) // first: a crash may come within
		if err = do(q.store); err == nil && q.letter[0] == 'p' {
			q.durable = len(q.states) - 1
		}
	}
	if err == nil {
		err = q.check(q.t, q.store, len(q.states)-1)
	}
	return false, err
}

// crash opens what a crash would leave now.
func (q *sequence) crash(op vfs.Op) error {
	rng := rand.New(rand.NewPCG(uint64(op.N), 3))
	for i, c := range []vfs.Cut{{Pick: vfs.Drop}, {Pick: vfs.Keep}, {Pick: vfs.Random(rng, 0.5), Stale: true}} {
		if err := q.crashed(q.disk.Cut(c), q.durable); err != nil {
			return fmt.Errorf("power cut %d after %v: %w", i, op, err)
		}
	}
	written := len(q.states) - 1
	switch q.letter {
	case "ff", "xx", "!!":
	default:
		written-- // it is going on
	}
	if err := q.crashed(q.disk.Kill(), max(written, q.durable)); err != nil {
		return fmt.Errorf("kill after %v: %w", op, err)
	}
	return nil
}

// crashed opens a disk, with a crash after every operation of that. The disk
// must show what was there after so many operations or more.
func (q *sequence) crashed(disk *vfs.Mem, need int) error {
	var again error
	disk.After = func(op vfs.Op) {
		if again != nil || !op.Kind.Changes() {
			return
		}
		rng := rand.New(rand.NewPCG(uint64(op.N), 4))
		for i, c := range []vfs.Cut{{Pick: vfs.Drop}, {Pick: vfs.Random(rng, 0.5)}} {
			if err := q.shows(disk.Cut(c), q.durable); err != nil {
				again = fmt.Errorf("power cut %d after %v of the opening: %w", i, op, err)
				return
			}
		}
		if err := q.shows(disk.Kill(), need); err != nil {
			again = fmt.Errorf("kill after %v of the opening: %w", op, err)
		}
	}
	if err := q.shows(disk, need); err != nil {
		return err
	}
	return again
}

// shows opens a disk for the last time.
func (q *sequence) shows(disk *vfs.Mem, need int) error {
	*q.crashes++
	s, err := open(disk, storeDir, inline)
	disk.After = nil
	if err != nil {
		return err
	}
	return errors.Join(q.check(q.t, s, need), s.Close(background))
}

// TestSequences runs every sequence of two operations, or of three in the long
// mode.
func TestSequences(t *testing.T) {
	length, fewest := 2, 100_000
	switch {
	case racing:
		length, fewest = 1, 500
	case os.Getenv("DESTAM_LONG") != "":
		length, fewest = 3, 1_200_000
	}
	crashes, done := 0, 0
	for _, beginning := range beginnings {
		var try func(ops []string, more int)
		try = func(ops []string, more int) {
			for _, letter := range letters {
				ops := append(ops[:len(ops):len(ops)], letter)
				q := &sequence{history: newHistory(t), t: t, crashes: &crashes}
				refused, err := q.run(ops)
				if err != nil {
					t.Fatalf("%v: %v", ops, err)
				}
				if done++; more > 1 && !refused {
					try(ops, more-1)
				}
			}
		}
		try(beginning, length)
	}
	t.Logf("%d sequences of at most %d operations, %d crash states", done, length, crashes)
	if crashes < fewest {
		t.Errorf("%d crash states, at least %d are expected", crashes, fewest)
	}
}
