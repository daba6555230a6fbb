package doc

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// holding is the stack of the goroutine that is in Update or View, down from
// the call of the user's function.
type holding struct {
	pcs [24]uintptr
	n   int
}

// lock takes the document's lock. A long wait is reported with the stacks of
// both sides; a wait for oneself, which would never end, panics.
func (d *Document) lock() {
	if !d.mu.TryLock() {
		d.lockSlow()
	}
}

func (d *Document) lockSlow() {
	got := make(chan struct{})
	patience := d.opts.Patience
	if patience <= 0 {
		patience = time.Second
	}
	// The goroutine that waits is this one; the timer's only looks.
	var waiter holding
	waiter.n = runtime.Callers(2, waiter.pcs[:])
	if h := d.holder.Load(); h != nil && waiter.inside(h) {
		// Certainly ourselves, or somebody at the very same place. The latter
		// goes away: give it the time.
		deadline := time.Now().Add(patience)
		for time.Now().Before(deadline) {
			if d.mu.TryLock() {
				return
			}
			time.Sleep(patience / 100)
		}
		if d.holder.Load() == h {
			panic(fmt.Sprintf("destam: document %s is used through an outer handle inside its own Update or View: "+
				"use the handle that the function was given\n%s", d.ID, waiter.String()))
		}
	}
	t := time.AfterFunc(patience, func() {
		select {
		case <-got:
		default:
			held := "a short operation"
			if h := d.holder.Load(); h != nil {
				held = "Update or View at\n" + h.String()
			}
			d.host.Report(d, &LockError{Waited: patience, Holder: held, Waiter: waiter.String()})
		}
	})
	d.mu.Lock()
	close(got)
	t.Stop()
}

// LockError reports that somebody waited long for a document's lock.
type LockError struct {
	Waited         time.Duration
	Holder, Waiter string // stacks
}

func (e *LockError) Error() string {
	return fmt.Sprintf("waited over %s for the document's lock: held by %s\nwaiting:\n%s", e.Waited, e.Holder, e.Waiter)
}

// inside tells whether w's stack goes through the user's function that h
// holds the lock for: h's frames are the end of w's, below a call of body.
func (w *holding) inside(h *holding) bool {
	a, b := w.pcs[:w.n], h.pcs[:h.n]
	if h.n == len(h.pcs) { // cut off: compare what is there
		i := slices.Index(a, b[0])
		return i > 0 && len(a)-i <= len(b) && slices.Equal(a[i:], b[:len(a)-i])
	}
	return len(a) > len(b) && slices.Equal(a[len(a)-len(b):], b)
}

func (w *holding) String() string {
	var s strings.Builder
	frames := runtime.CallersFrames(w.pcs[:w.n])
	for {
		f, more := frames.Next()
		fmt.Fprintf(&s, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return s.String()
		}
	}
}
