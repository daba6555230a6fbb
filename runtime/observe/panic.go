package observe

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
)

// PanicError tells of a listener that did not return.
type PanicError struct {
	Value any    // what it panicked with, or "runtime.Goexit"
	Stack string // where
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("observe: a listener panicked: %v\n%s", e.Value, e.Stack)
}

var onPanic atomic.Pointer[func(*PanicError)]

// OnPanic says who hears of listeners that panic or end their goroutine, on
// whatever goroutine they were called; it is one for the whole process. Nil,
// as in the beginning, writes to [slog.Default]. Listeners that are called by
// a document are reported to that database's Options.OnError.
func OnPanic(fn func(*PanicError)) {
	if fn == nil {
		onPanic.Store(nil)
		return
	}
	onPanic.Store(&fn)
}

// report tells of a listener; it is called where it was recovered. A handler
// that panics is the last one to be asked.
func report(v any) {
	e := &PanicError{Value: v, Stack: string(debug.Stack())}
	defer func() {
		if again := recover(); again != nil {
			logged(&PanicError{Value: again, Stack: string(debug.Stack())})
		}
	}()
	if fn := onPanic.Load(); fn != nil {
		(*fn)(e)
		return
	}
	logged(e)
}

func logged(e *PanicError) {
	slog.Error("observe: a listener panicked", "value", e.Value, "stack", e.Stack)
}

// caught tells, of a listener that did not return and of what was recovered,
// whether there may be more to do. When the goroutine ends, the rest is done on
// the way.
func caught(v any, rest func()) (more bool) {
	if v != nil {
		report(v)
		return true
	}
	report("runtime.Goexit")
	rest()
	return false
}

// safely calls f and reports a panic.
func safely(f func()) {
	defer func() {
		if v := recover(); v != nil {
			report(v)
		}
	}()
	f()
}
