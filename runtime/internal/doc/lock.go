package doc

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"time"
)

// lock takes the document's lock. A long wait is reported with the stacks of
// both sides; a wait for oneself, which would never end, panics.
func (d *Document) lock() {
	if !d.mu.TryLock() {
		d.lockSlow()
	}
}

func (d *Document) lockSlow() {
	own := here()
	if own.spells(d.spelled()) {
		d.awaitSelf(own, d.patience())
		return
	}
	defer d.reportAfter(func(waited time.Duration) error {
		return &LockError{Waited: waited, Holder: "for its lock, held by " + d.holderStack(), Waiter: own.String()}
	})()
	d.mu.Lock()
}

// patience is how long somebody waits before that is told.
func (d *Document) patience() time.Duration {
	if d.opts.Patience > 0 {
		return d.opts.Patience
	}
	return time.Second
}

// reportAfter reports what say makes if over is not called for long. The
// goroutine that waits is the caller; the timer's only looks.
func (d *Document) reportAfter(say func(waited time.Duration) error) (over func()) {
	patience, ended := d.patience(), make(chan struct{})
	t := time.AfterFunc(patience, func() {
		select {
		case <-ended:
		default:
			d.report(say(patience))
		}
	})
	return func() { close(ended); t.Stop() }
}

// awaitSelf is for a goroutine that is in Update or View of this document or,
// which is next to impossible, of another with the same spelling: that one
// gets the lock when it is free.
func (d *Document) awaitSelf(own stack, patience time.Duration) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(patience / 100) {
		if d.mu.TryLock() {
			return
		}
	}
	panic(fmt.Sprintf("destam: document %s is used through an outer handle inside its own Update or View: "+
		"use the handle that the function was given\n%s", d.ID, own.String()))
}

// Within tells whether the caller is in an Update or View of one of them.
func Within(documents iter.Seq[*Document]) bool {
	numbers := here().numbers()
	if len(numbers) == 0 {
		return false
	}
	for d := range documents {
		if slices.Contains(numbers, d.spelled()) {
			if !d.mu.TryLock() {
				return true
			}
			d.mu.Unlock()
		}
	}
	return false
}

// LockError reports that somebody waited long for a document: for its lock, or
// in a listener for its listeners.
type LockError struct {
	Waited time.Duration
	Holder string // what the wait is for, with the stack of who has the lock
	Waiter string // the stack of who waits
}

func (e *LockError) Error() string {
	return fmt.Sprintf("waited over %s %s\nwaiting:\n%s", e.Waited, e.Holder, e.Waiter)
}

// holderStack is what the goroutine that is in Update or View is doing.
func (d *Document) holderStack() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	for g := range strings.SplitSeq(string(b), "\n\n") {
		if spelledIn(g) == d.spelled() {
			return "Update or View at\n" + g
		}
	}
	return "a short operation"
}

// stack is where a goroutine was.
type stack []uintptr

// here is the stack of who called what waits: lock, or Settle. There is one call
// between that and this.
func here() stack {
	s := make(stack, 64)
	for {
		if n := runtime.Callers(4, s); n < len(s) {
			return s[:n]
		}
		s = make(stack, 2*len(s))
	}
}

func (s stack) String() string {
	var b strings.Builder
	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}
