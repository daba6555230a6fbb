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

// fewestFaults is what TestFaults must try at least.
const fewestFaults = 4_300

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
	if runs < fewestFaults && !racing {
		t.Errorf("%d runs, at least %d are expected", runs, fewestFaults)
	}
}

// TestFullDisk fills the disk, reads on, makes room and writes on.
func TestFullDisk(t *testing.T) {
	states := 0
	w, err := newWorld(variant{}, 0, 0, &states)
	if err != nil {
		t.Fatal(err)
	}
	w.disk.Capacity = 8000
	var full *SegmentError
	for err == nil {
		err = w.step('A')
	}
	if !errors.As(err, &full) || !vfs.Full(err) {
		t.Fatalf("a full disk gives %v", err)
	}
	for range 3 {
		if err := w.step('A'); !errors.As(err, &full) {
			t.Fatalf("a disk that is still full gives %v", err)
		}
	}
	if err := w.step('s'); err != nil {
		t.Fatalf("sync on a full disk: %v", err)
	}
	w.disk.Capacity = 0
	if err := w.step('A'); err != nil {
		t.Fatalf("append when there is room again: %v", err)
	}
	if err := w.step('c'); err != nil {
		t.Fatal(err)
	}
	if len(w.m.sent) < 5 {
		t.Errorf("only %d records", len(w.m.sent))
	}
	if err := w.closeFaulty(); err != nil {
		t.Error(err)
	}
}
