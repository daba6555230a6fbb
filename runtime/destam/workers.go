package destam

import (
	"bytes"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/destam-go/destamgen/runtime/driver"
)

// workers are the goroutines of a database. A sync.WaitGroup would not do:
// some are begun by whoever uses a document, at any time, also while Close
// waits for the last one.
type workers struct {
	mu   sync.Mutex
	n    int                 // guarded by mu
	own  map[string]struct{} // guarded by mu: the goroutines that Close waits for
	idle chan struct{}       // guarded by mu: closed when n is 0; nil when nobody waits
}

// run runs f on a goroutine of its own.
func (w *workers) run(f func()) {
	w.mu.Lock()
	w.n++
	w.mu.Unlock()
	go func() {
		defer w.done()
		w.mark(f)
	}()
}

// mark runs f, on a goroutine that Close waits for.
func (w *workers) mark(f func()) {
	own := goroutine()
	w.mu.Lock()
	if w.own == nil {
		w.own = make(map[string]struct{})
	}
	w.own[own] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.own, own)
		w.mu.Unlock()
	}()
	f()
}

// mine tells whether this is a goroutine that Close waits for: then a
// listener, or another function of the user's, is what called us.
func (w *workers) mine() bool {
	own := goroutine()
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.own[own]
	return ok
}

// goroutine gives what the stack of this one is headed with, its number, which
// nothing else tells.
func goroutine() string {
	var b [40]byte
	head, _, _ := bytes.Cut(b[:runtime.Stack(b[:], false)], []byte(" ["))
	return string(head)
}

// guard runs fn, which is the user's. What it panics with is reported with its
// place, and stops nothing; after a Goexit, which cannot be stopped, another
// goroutine goes on with rest.
func (db *DB) guard(place Error, fn, rest func()) {
	finished := false
	defer func() {
		if finished {
			return
		}
		e := &PanicError{Value: recover(), Stack: string(debug.Stack())}
		if e.Value == nil {
			e.Value = "runtime.Goexit"
			db.workers.run(rest)
		}
		place.Err = e
		db.opts.OnError(&place)
	}()
	fn()
	finished = true
}

func (w *workers) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n--; w.n == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// wait returns when none runs.
func (w *workers) wait() {
	w.mu.Lock()
	if w.n == 0 {
		w.mu.Unlock()
		return
	}
	if w.idle == nil {
		w.idle = make(chan struct{})
	}
	idle := w.idle
	w.mu.Unlock()
	<-idle
}

// maxFailures is how many errors wait for a Flush. They were all reported;
// who never flushes must not fill the memory with them.
const maxFailures = 1024

// failures are the errors of commits that were taken back, for the next Flush
// of their document.
type failures struct {
	mu   sync.Mutex
	list []failure // guarded by mu; oldest first
}

type failure struct {
	of  driver.Doc
	err error
}

// add keeps err for the next Flush of a document. It may be called under the
// document's lock.
func (f *failures) add(l *live, err error) {
	if l.table.db.schedule.isGone(l) {
		return // nobody can flush it any more
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == maxFailures {
		f.list = slices.Delete(f.list, 0, 1)
	}
	f.list = append(f.list, failure{l.ref(), err})
}

// take gives what was kept for one document, once.
func (f *failures) take(of driver.Doc) []error {
	return f.remove(func(x failure) bool { return x.of == of })
}

// takeAll gives everything that was kept, once.
func (f *failures) takeAll() []error {
	return f.remove(func(failure) bool { return true })
}

func (f *failures) remove(of func(failure) bool) (errs []error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = slices.DeleteFunc(f.list, func(x failure) bool {
		if of(x) {
			errs = append(errs, x.err)
			return true
		}
		return false
	})
	return errs
}

// joined gives several errors as one; one as it is.
func joined(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
