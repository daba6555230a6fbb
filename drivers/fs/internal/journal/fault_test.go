package journal

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// fault says which operation of the file system fails, and how.
type fault struct {
	k      int  // the k-th that matches, from 1
	kind   int  // 0 for any operation, otherwise a vfs.Kind
	sticky bool // and all after it
	late   bool // it had its effect
	short  int  // bytes that a write has written
	err    error
}

func (f fault) String() string {
	if f.err == nil {
		return "nothing fails"
	}
	return fmt.Sprintf("operation %d of kind %d fails, sticky=%v late=%v short=%d: %v", f.k, f.kind, f.sticky, f.late, f.short, f.err)
}

var faults = []fault{
	{},
	{sticky: true},
	{late: true},
	{short: 60},
	{short: 600},
	{kind: int(vfs.OpSync)},
	{kind: int(vfs.OpSync), sticky: true},
	{kind: int(vfs.OpSync), late: true},
	{kind: int(vfs.OpWrite), err: vfs.ErrFull},
	{kind: int(vfs.OpWrite), err: vfs.ErrFull, sticky: true, short: 512},
	{kind: int(vfs.OpSyncDir)},
	{kind: int(vfs.OpRename), late: true},
	{kind: int(vfs.OpCreate), err: vfs.ErrFull, sticky: true},
	{kind: int(vfs.OpRead)},
}

// runFaulty runs a script with a fault and tells whether it came up. The
// script goes on whatever an operation says; what it says is held against what
// is found in the end, by the next process and after a power failure.
func runFaulty(v variant, script string, f fault, states *int) (fired bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("script %q, %v: panic: %v", script, f, p)
		}
	}()
	w, err := newWorld(v, 0, 0, states)
	if err != nil {
		return false, err
	}
	if f.err == nil {
		f.err = syscall.EIO
	}
	count := 0
	w.before = func(op vfs.Op) vfs.Fault {
		if f.kind != 0 && op.Kind != vfs.Kind(f.kind) {
			return vfs.Fault{}
		}
		if count++; count < f.k || count > f.k && !f.sticky {
			return vfs.Fault{}
		}
		fired = true
		return vfs.Fault{Err: f.err, Late: f.late, Short: f.short}
	}
	w.disk.Before = w.before
	for i := range script {
		if err := w.stepFaulty(script[i]); err != nil {
			return fired, fmt.Errorf("script %q, %v, operation %d: %w", script, f, i, err)
		}
	}
	w.disk.Before = nil
	for i, c := range cuts(4, uint64(f.k)) {
		if err := w.verify(w.disk.Cut(c), w.m.durable, w.m.durable, 0); err != nil {
			return fired, fmt.Errorf("script %q, %v, power cut %d: %w", script, f, i, err)
		}
	}
	if err := w.verify(w.disk.Kill(), w.m.written, w.m.durable, 0); err != nil {
		return fired, fmt.Errorf("script %q, %v, kill: %w", script, f, err)
	}
	return fired, w.closeFaulty()
}

// stepFaulty runs an operation that may fail, and fails itself when the error
// is not one that it may give.
func (w *world) stepFaulty(op byte) error {
	err := w.step(op)
	if err == nil {
		if w.poisoned && (op == 'a' || op == 'A' || op == 'O') {
			return errors.New("a poisoned journal took a record")
		}
		return nil
	}
	if op == 'c' || op == 'k' || op == 'p' {
		// The process is over, or did not begin. Another one starts on a disk
		// that works, with the page cache as it is.
		before := w.before
		w.before = nil
		err := w.reopen(w.disk.Kill())
		w.before, w.disk.Before = before, before
		return err
	}
	var full *SegmentError
	switch {
	case errors.Is(err, driver.ErrPoisoned):
		w.poisoned = true
	case !errors.As(err, &full):
		return fmt.Errorf("unexpected error: %w", err)
	case w.poisoned:
		return fmt.Errorf("poisoned, and yet: %w", err)
	}
	return nil
}

// closeFaulty closes whatever the journal has become: files must not leak.
func (w *world) closeFaulty() error {
	_ = w.j.Close()
	if n := w.disk.OpenFiles(); n != 0 {
		return fmt.Errorf("%d files open after close", n)
	}
	return nil
}

// fewestFaults and fewestFaultStates are what TestFaults must try and see at
// least.
const fewestFaults, fewestFaultStates = 5_300, 26_000

func TestFaults(t *testing.T) {
	states, runs := 0, 0
	for _, s := range part(scripts) {
		for _, f := range faults {
			for f.k = 1; ; f.k++ {
				runs++
				fired, err := runFaulty(variant{}, s, f, &states)
				if err != nil {
					t.Error(err)
					break
				}
				if !fired {
					break
				}
			}
		}
	}
	t.Logf("%d runs with a fault, %d crash states", runs, states)
	if (runs < fewestFaults || states < fewestFaultStates) && !racing {
		t.Errorf("%d runs and %d crash states, at least %d and %d are expected", runs, states, fewestFaults, fewestFaultStates)
	}
}

// fewestFull is what TestFullDisk must see at least.
const fewestFull = 20_000

// TestFullDisk runs scripts on disks of every size up to one that has room for
// all. What has no room is refused and certainly not stored, and the journal
// goes on by itself when there is room; a crash on the way loses nothing.
func TestFullDisk(t *testing.T) {
	states, step := 0, int64(1000)
	if long() {
		step = 100
	}
	for _, s := range part(scripts) {
		for capacity := int64(2500); ; capacity += step {
			full, err := runFull(s, capacity, &states)
			if err != nil {
				t.Error(err)
			}
			if err != nil || !full {
				break
			}
		}
	}
	t.Logf("%d crash states on full disks", states)
	if states < fewestFull && !racing {
		t.Errorf("%d crash states, at least %d are expected", states, fewestFull)
	}
}

// runFull runs a script on a disk that holds so many bytes and tells whether it
// was too small.
func runFull(script string, capacity int64, states *int) (full bool, err error) {
	w, err := newWorld(variant{}, 3, 0, states)
	if err != nil {
		return false, err
	}
	w.roomy = true
	w.disk.SetCapacity(capacity)
	fail := func(i int, err error) (bool, error) {
		return full, fmt.Errorf("script %q, %d bytes, operation %d: %w", script, capacity, i, err)
	}
	for i := range script {
		err := w.step(script[i])
		if err == nil {
			err = w.fail
		}
		if err == nil {
			continue
		}
		if !vfs.Full(err) || errors.Is(err, driver.ErrPoisoned) {
			return fail(i, err)
		}
		full = true
		if script[i] == 'k' || script[i] == 'p' { // it was not opened; its disk is as it was
			w.disk.SetCapacity(0)
			if err := w.reopen(w.disk.Kill()); err != nil {
				return fail(i, err)
			}
			w.disk.SetCapacity(capacity)
		}
	}
	if err := w.step('s'); err != nil {
		return fail(len(script), err)
	}
	had := len(w.m.sent)
	w.disk.SetCapacity(0)
	for _, op := range []byte("AAsAc") {
		if err := w.step(op); err != nil {
			return fail(len(script), fmt.Errorf("when there was room again: %w", err))
		}
	}
	if len(w.m.sent) != had+3 {
		return fail(len(script), fmt.Errorf("%d records, %d before there was room", len(w.m.sent), had))
	}
	if w.fail != nil {
		return fail(len(script), w.fail)
	}
	return full, w.closeFaulty()
}

// TestOpenOnFullDisk opens after a kill where there is room for what was
// written and for no more: everything can be read, and writing goes on when
// there is space.
func TestOpenOnFullDisk(t *testing.T) {
	const size, pages = 1 << 16, 8192
	disk := vfs.NewMem()
	o := variant{}.options()
	o.First, o.Segment = size, size
	j := openNew(t, disk, o)
	sent := model{sent: [][]byte{record(1, 5000)}}
	_, no, err := j.Append(sent.sent[0])
	if err == nil {
		err = j.Write(no)
	}
	if err != nil {
		t.Fatal(err)
	}
	disk = disk.Kill()
	disk.SetCapacity(size + pages)
	var found [][]byte
	j, err = Open(disk, journalDir, o, func(rec []byte, _ Place, _ uint64) error {
		found = append(found, rec)
		return nil
	})
	if err == nil {
		err = sent.isPrefix(found, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	disk.SetCapacity(pages) // what was copied is gone
	var full *SegmentError
	if _, _, err := j.Append(record(2, 5000)); !errors.As(err, &full) {
		t.Fatalf("an append on a full disk: %v", err)
	}
	disk.SetCapacity(0)
	for n := 2; n < 40; n++ {
		sent.sent = append(sent.sent, record(n, 5000))
		if _, _, err := j.Append(sent.sent[n-1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Sync(t.Context(), j.Last()); err != nil {
		t.Fatal(err)
	}
	if err := reread(variant{}, disk.Cut(vfs.Cut{Pick: vfs.Drop}), sent, len(sent.sent)); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
