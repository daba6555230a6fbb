package fs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/destam-go/destamgen/drivers/fs"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/internal/acceptance"
	"github.com/destam-go/destamgen/runtime/destam"
)

// The same crashes once more, seen by a program with typed documents: all
// sequences of a few operations, the power or the process gone after every
// operation of the disk, and again while the database is opened after that.
// Each document must be what it was after some operation on it, not one before
// the last that the program was told of, and queries must find what is there.

var background = context.Background()

// typed is a database in use and what its documents must be.
type typed struct {
	crashes *int
	before  func(vfs.Op) vfs.Fault // makes operations of the disk fail
	onError func(error)

	db    *destam.DB
	table *acceptance.OThingTable
	olds  []*destam.DB // of processes that were killed
	n     int          // edits so far

	mu     sync.Mutex
	disk   *vfs.Mem            // guarded by mu, as are all below
	things map[string]*history // by name
	asked  bool                // crashes are tried
	fail   error               // what a crash has shown
}

// history is what a document was after each operation on it.
type history struct {
	id       destam.ID
	states   []acceptance.Thing
	shown    []string // states as [show] gives them; empty when there is no document
	purged   bool     // nothing brings it back
	accepted int      // the last that outlives the process
	durable  int      // the last that outlives the power
}

// show gives everything that is stored of a thing.
func show(v acceptance.Thing) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// next notes what a document will be, before anybody does anything about it.
func (q *typed) next(name string, v acceptance.Thing, is bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h := q.things[name]
	s := ""
	if is {
		s = show(v)
	}
	h.states, h.shown = append(h.states, v), append(h.shown, s)
}

// told notes that the newest state is accepted, or durable.
func (q *typed) told(h *history, durable bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	h.accepted = len(h.states) - 1
	if durable {
		h.durable = h.accepted
	}
}

func (q *typed) toldAll() {
	for _, h := range q.things {
		q.told(h, true)
	}
}

// open opens the database of a disk, which is the one in use from now on.
func (q *typed) open(disk *vfs.Mem) error {
	q.mu.Lock()
	q.disk = disk
	q.mu.Unlock()
	disk.After = func(op vfs.Op) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.asked && q.fail == nil && q.disk == disk && op.Kind.Changes() {
			q.fail = q.crash(op)
		}
	}
	disk.Before = q.before
	var err error
	q.db, q.table, err = openTyped(disk, q.onError)
	return err
}

// unexpected is what is done about errors that have no caller, where nothing
// fails.
func unexpected(err error) { panic(err) }

// openTyped opens a database that stores nothing before it is asked, so that a
// run of a sequence is like the other.
func openTyped(disk *vfs.Mem, onError func(error)) (*destam.DB, *acceptance.OThingTable, error) {
	store, err := fs.OpenDisk(disk)
	if err != nil {
		return nil, nil, err
	}
	db, err := destam.Open(background, store, &destam.Options{
		Window: time.Hour, SyncEvery: time.Hour,
		OnError: onError,
	})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close(background))
	}
	return db, acceptance.ThingTable(db), nil
}

// edit is a change of a thing: of the plain one, and of the live one by setters.
type edit struct {
	plain func(v *acceptance.Thing)
	live  func(o *acceptance.OThing)
}

// edits are changes of every kind of node.
func (q *typed) edits() []edit {
	q.n++
	n := q.n
	text, owner := strings.Repeat(fmt.Sprint("text ", n, " "), 1+n%40), fmt.Sprint("owner ", n%2)
	part := acceptance.Part{Name: fmt.Sprint("part ", n), Sub: []acceptance.Part{{Name: "below"}}}
	return []edit{
		{func(v *acceptance.Thing) { v.Text = text }, func(o *acceptance.OThing) { o.SetText(text) }},
		{func(v *acceptance.Thing) { v.Query.Owner = owner }, func(o *acceptance.OThing) { o.Query().SetOwner(owner) }},
		{
			func(v *acceptance.Thing) { v.Tags = slices.Insert(slices.Clone(v.Tags), 0, text) },
			func(o *acceptance.OThing) { o.Tags().Insert(0, text) },
		},
		{
			func(v *acceptance.Thing) { v.Parts = append(v.Parts[:len(v.Parts):len(v.Parts)], part) },
			func(o *acceptance.OThing) { o.Parts().Append(part) },
		},
	}
}

// step does one operation: what, and on which document. One that makes no sense
// ends the sequence.
func (q *typed) step(letter string) (senseless bool, err error) {
	name := letter[1:]
	h := q.things[name]
	is := h != nil && h.shown[len(h.shown)-1] != ""
	switch letter[0] {
	case 'c':
		if h == nil {
			h = &history{states: make([]acceptance.Thing, 1), shown: []string{""}}
			q.mu.Lock()
			q.things[name] = h
			q.mu.Unlock()
		}
		if is {
			return true, nil
		}
		q.n++
		v := acceptance.Thing{Query: acceptance.ThingQuery{Name: name, Owner: fmt.Sprint("owner ", q.n%2)}, Text: fmt.Sprint("made ", q.n)}
		q.next(name, v, true)
		o, err := q.table.Create(background, v)
		if err != nil {
			return false, err
		}
		h.id, h.purged = o.ID(), false
		q.told(h, false)
	case 'r':
		if h == nil || is || h.purged {
			return true, nil
		}
		v := h.states[len(h.states)-1]
		q.next(name, v, true)
		if _, err := q.table.Restore(background, h.id); err != nil {
			return false, err
		}
		q.told(h, false)
	case 'f':
		if !is {
			return true, nil
		}
		if err := q.table.Flush(background, h.id); err != nil {
			return false, err
		}
		q.told(h, true)
	case 'x':
		if err := q.db.Close(background); err != nil {
			return false, err
		}
		q.toldAll()
		return false, q.open(q.disk)
	case '!':
		return false, q.kill()
	default:
		if !is {
			return true, nil
		}
		return false, q.change(letter[0], name, h)
	}
	return false, nil
}

// change does what needs a document that is there.
func (q *typed) change(what byte, name string, h *history) error {
	v := h.states[len(h.states)-1]
	switch what {
	case 'd':
		q.next(name, v, false)
		if err := q.table.Delete(background, h.id); err != nil {
			return err
		}
		q.told(h, false)
		return nil
	case 'p':
		q.next(name, v, false)
		h.purged = true
		if err := q.table.Purge(background, h.id); err != nil {
			return err
		}
		q.told(h, true)
		return nil
	}
	o, err := q.table.Get(background, h.id)
	if err != nil {
		return err
	}
	all := q.edits()
	switch what {
	case 'e': // bare setters; what is stored of them may end after any
		for _, e := range all {
			e.plain(&v)
			q.next(name, v, true)
			e.live(o)
		}
	case 'u':
		for _, e := range all {
			e.plain(&v)
		}
		q.next(name, v, true)
		err = o.Update(func(o *acceptance.OThing) error {
			for _, e := range all {
				e.live(o)
			}
			return nil
		})
	}
	if err == nil && show(o.Snapshot()) != show(v) {
		err = fmt.Errorf("%q shows %s instead of %s", name, show(o.Snapshot()), show(v))
	}
	return err
}

// kill ends the process and lets the next one begin with what there is.
func (q *typed) kill() error {
	q.olds = append(q.olds, q.db)
	q.db = nil
	q.mu.Lock()
	disk := q.disk.Kill()
	q.mu.Unlock()
	if err := q.open(disk); err != nil {
		return err
	}
	found, err := read(q.table)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.compare(found, func(name string, h *history, i int) error {
		if i < h.accepted {
			return fmt.Errorf("%q is as after operation %d, %d were accepted", name, i, h.accepted)
		}
		h.states, h.shown = h.states[:i+1], h.shown[:i+1]
		h.accepted, h.durable = i, i // opening makes durable what it shows
		return nil
	})
}

// read gives every document by its name, found by a query.
func read(table *acceptance.OThingTable) (map[string]string, error) {
	found := map[string]string{}
	owners := 0
	for hit, err := range table.QueryAll(background) {
		if err != nil {
			return nil, err
		}
		o, err := table.Instance(background, hit)
		if err != nil {
			return nil, err
		}
		v := o.Snapshot()
		if v.Query.Owner != hit.Query.Owner || v.Query.Name != hit.Query.Name {
			return nil, fmt.Errorf("a query gives %+v for %+v", hit.Query, v.Query)
		}
		found[v.Query.Name] = show(v)
		for _, err := range table.QueryAll(background, acceptance.ThingWhere.Owner().Is(v.Query.Owner), acceptance.ThingWhere.Name().Is(v.Query.Name)) {
			if err != nil {
				return nil, err
			}
			owners++
		}
	}
	if owners != len(found) {
		return nil, fmt.Errorf("%d documents, %d by their owners and names", len(found), owners)
	}
	return found, nil
}

// compare calls fn with each document and the newest of its states that it may
// be found in. The caller holds mu.
func (q *typed) compare(found map[string]string, fn func(name string, h *history, i int) error) error {
	for name := range found {
		if q.things[name] == nil {
			return fmt.Errorf("found %q, which nobody made", name)
		}
	}
	for name, h := range q.things {
		i := len(h.shown) - 1
		for i >= 0 && h.shown[i] != found[name] {
			i--
		}
		if i < 0 {
			return fmt.Errorf("%q was never %q", name, found[name])
		}
		if err := fn(name, h, i); err != nil {
			return err
		}
	}
	return nil
}

// crash opens what a crash would leave now. The caller holds mu.
func (q *typed) crash(op vfs.Op) error {
	rng := rand.New(rand.NewPCG(uint64(op.N), 5))
	for i, c := range []vfs.Cut{{Pick: vfs.Drop}, {Pick: vfs.Random(rng, 0.5), Stale: true}} {
		if err := q.crashed(q.disk.Cut(c), durably); err != nil {
			return fmt.Errorf("power cut %d after %v: %w", i, op, err)
		}
	}
	if err := q.crashed(q.disk.Kill(), acceptedly); err != nil {
		return fmt.Errorf("kill after %v: %w", op, err)
	}
	return nil
}

func durably(h *history) int    { return h.durable }
func acceptedly(h *history) int { return h.accepted }

// crashed opens a disk, with a crash after every operation of that.
func (q *typed) crashed(disk *vfs.Mem, need func(*history) int) error {
	var again error
	disk.After = func(op vfs.Op) {
		if again != nil || !op.Kind.Changes() {
			return
		}
		if err := q.shows(disk.Cut(vfs.Cut{Pick: vfs.Random(rand.New(rand.NewPCG(uint64(op.N), 6)), 0.5)}), durably); err != nil {
			again = fmt.Errorf("power cut after %v of the opening: %w", op, err)
		} else if err := q.shows(disk.Kill(), need); err != nil {
			again = fmt.Errorf("kill after %v of the opening: %w", op, err)
		}
	}
	store, err := fs.OpenDisk(disk) // what follows is not the opening
	disk.After = nil
	if err == nil {
		err = store.Close(background)
	}
	if err == nil {
		err = q.shows(disk, need)
	}
	return errors.Join(err, again)
}

// shows opens a database for the last time.
func (q *typed) shows(disk *vfs.Mem, need func(*history) int) error {
	*q.crashes++
	db, table, err := openTyped(disk, unexpected)
	if err != nil {
		return err
	}
	found, err := read(table)
	if err == nil {
		err = q.compare(found, func(name string, h *history, i int) error {
			if i < need(h) {
				return fmt.Errorf("%q is as after operation %d, the program was told of %d", name, i, need(h))
			}
			return nil
		})
	}
	return errors.Join(err, db.Close(background))
}

// run does a sequence and tells whether its end makes sense. Crashes within the
// operations before the last are those of shorter sequences.
func (q *typed) run(ops []string) (senseless bool, err error) {
	if err := q.open(vfs.NewMem()); err != nil {
		return false, err
	}
	for i, letter := range ops {
		q.mu.Lock()
		q.asked = i == len(ops)-1
		q.mu.Unlock()
		if senseless, err = q.step(letter); senseless || err != nil {
			break
		}
	}
	q.mu.Lock()
	q.asked = false
	err = errors.Join(err, q.fail)
	q.mu.Unlock()
	for _, db := range append(q.olds, q.db) {
		err = errors.Join(err, db.Close(background))
	}
	return senseless, err
}

// runFaulty does a script until something fails, with the k-th operation of the
// disk of a kind failing, of any kind if it is 0, and tells whether that came.
// What the program was told must be true for the next one.
func (q *typed) runFaulty(script []string, kind vfs.Kind, k int, sticky bool) (fired bool, err error) {
	var count atomic.Int64
	var came atomic.Bool
	q.onError = func(error) {} // those of the fault
	if err := q.open(vfs.NewMem()); err != nil {
		return false, err
	}
	q.before = func(op vfs.Op) vfs.Fault {
		if kind != 0 && op.Kind != kind {
			return vfs.Fault{}
		}
		if n := int(count.Add(1)); n < k || n > k && !sticky {
			return vfs.Fault{}
		}
		came.Store(true)
		return vfs.Fault{Err: syscall.EIO, Short: 100}
	}
	for _, letter := range append([]string{"x"}, script...) { // opened again, with the fault
		senseless := false
		if senseless, err = q.step(letter); err != nil {
			break
		}
		if senseless {
			return false, fmt.Errorf("%q makes no sense here", letter)
		}
	}
	fired = came.Load()
	if err != nil && (!fired || !errors.Is(err, syscall.EIO)) {
		return fired, err
	}
	last := q.disk.Kill()
	cuts := []*vfs.Mem{q.disk.Cut(vfs.Cut{Pick: vfs.Drop}), q.disk.Cut(vfs.Cut{Pick: vfs.Keep})}
	if q.db != nil {
		_ = q.db.Close(background) // stores what it can, elsewhere
	}
	for _, db := range q.olds {
		_ = db.Close(background)
	}
	for i, disk := range cuts {
		if err := q.shows(disk, durably); err != nil {
			return fired, fmt.Errorf("power cut %d: %w", i, err)
		}
	}
	if err := q.shows(last, acceptedly); err != nil {
		return fired, fmt.Errorf("kill: %w", err)
	}
	return fired, nil
}

// TestTypedSequences runs every sequence of two operations, or of three in the
// long mode, on typed documents.
func TestTypedSequences(t *testing.T) {
	letters := []string{"ca", "cb", "ea", "ua", "ub", "fa", "da", "ra", "pa", "x", "!"}
	beginnings := [][]string{{}, {"ca", "ua", "fa", "ua", "ea"}, {"ca", "ua", "da"}}
	length, fewest := 2, 30_000
	switch {
	case fs.Racing:
		length, fewest = 1, 900
	case os.Getenv("DESTAM_LONG") != "":
		length, fewest = 3, 300_000
	}
	crashes, done := 0, 0
	for _, beginning := range beginnings {
		var try func(ops []string, more int)
		try = func(ops []string, more int) {
			for _, letter := range letters {
				ops := append(ops[:len(ops):len(ops)], letter)
				q := &typed{crashes: &crashes, onError: unexpected, things: map[string]*history{}}
				senseless, err := q.run(ops)
				if err != nil {
					t.Fatalf("%v: %v", ops, err)
				}
				if done++; more > 1 && !senseless {
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

// TestTypedFaults lets every k-th operation of the disk fail under typed
// documents, until none is left to fail, once and from then on.
func TestTypedFaults(t *testing.T) {
	script := []string{"ca", "ua", "fa", "ea", "cb", "fa", "ub", "x", "ea", "fa", "da", "fb", "!", "ra", "ub", "pb", "cb", "ua", "x"}
	kinds, fewest := []vfs.Kind{0, vfs.OpWrite, vfs.OpSync}, 300
	if fs.Racing {
		kinds, fewest = kinds[2:], 10
	}
	runs, crashes := 0, 0
	for _, kind := range kinds {
		for _, sticky := range []bool{false, true} {
			for k := 1; ; k++ {
				runs++
				q := &typed{crashes: &crashes, things: map[string]*history{}}
				var fired bool
				var err error
				// With a clock of its own: what failed is tried again after a while.
				synctest.Test(t, func(*testing.T) { fired, err = q.runFaulty(script, kind, k, sticky) })
				if err != nil {
					t.Fatalf("operation %d of kind %d fails, sticky=%v: %v", k, kind, sticky, err)
				}
				if !fired {
					break
				}
			}
		}
	}
	t.Logf("%d runs with a fault, %d states", runs, crashes)
	if runs < fewest {
		t.Errorf("%d runs, at least %d are expected", runs, fewest)
	}
}
