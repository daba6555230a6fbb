package observe

import (
	"context"
	"sync/atomic"
)

// Effect calls fn with the value of src, now and after every change, until
// stop is called. What fn returns, if not nil, is called before the next call
// and after stop: it undoes what fn did. The first call is on the caller's
// goroutine and may panic; the others are as those of every listener. When
// stop is called while fn runs, fn's cleanup follows when it returns.
func Effect[T any](src Source[T], fn func(v T, ok bool) (cleanup func())) (stop func()) {
	var (
		line    jobs
		off     atomic.Bool
		cleanup func() // belongs to the line
	)
	clean := func() {
		if c := cleanup; c != nil {
			cleanup = nil
			safely(c)
		}
	}
	line.hold()
	v, ok, stopSrc := src.Follow(func(_ T, _ bool, now T, has bool) {
		line.post(func() {
			if !off.Load() {
				clean()
				cleanup = fn(now, has)
			}
		})
	})
	stop = func() { // a cleanup may call it again
		off.Store(true)
		stopSrc()
		line.post(clean)
	}
	begun := false
	defer func() {
		if !begun { // fn panics
			stop()
		}
		line.work()
	}()
	cleanup = fn(v, ok)
	begun = true
	return stop
}

// Defined waits until src has a value, for which each of when is true, and
// gives it. It ends with ctx, with the error of that. The functions may be
// called on other goroutines.
func Defined[T any](ctx context.Context, src Source[T], when ...func(T) bool) (T, error) {
	found := make(chan T, 1)
	offer := func(v T, ok bool) {
		for _, f := range when {
			ok = ok && f(v)
		}
		if ok {
			select {
			case found <- v:
			default: // there was one before
			}
		}
	}
	v, ok, stop := src.Follow(func(_ T, _ bool, now T, has bool) { offer(now, has) })
	defer stop()
	offer(v, ok)
	select {
	case v = <-found:
		return v, nil
	default:
	}
	select {
	case v = <-found:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
