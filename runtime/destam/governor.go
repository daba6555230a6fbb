package destam

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Observer is any lens.
type Observer interface{ place() *lens }

//go:noinline
func (l *lens) place() *lens { return l }

// Tree goes to the objects that l leads to and to all those below them that
// children leads to, from each of them on:
//
//	destam.Tree(note.Observe().Tasks().Each(), func(t *TaskLens) *TaskLens { return t.Sub().Each() }).Done()
//
// is the field of every task, at any depth. An Ignore or Shallow that comes
// after begins at each of these objects, and does not keep from going down.
func Tree[L Observer](l L, children func(L) L) L {
	from := l.place()
	to, ok := from.l.Tree(children(l).place().l)
	if !ok {
		panic("destam: Tree needs the way from an object to the objects below it: a function that goes on from the lens it is given")
	}
	return governed[L](from.o, to)
}

// Ignore is l without what some lenses that go on from it lead to, and what is
// below that: it is not heard of. What is there can still be read and set.
//
//	n := note.Observe()
//	destam.Ignore(n, n.Query(), n.Tasks()).Watch(…)
func Ignore[L Observer](l L, less ...Observer) L {
	from := l.place()
	to := from.l
	for _, x := range less {
		next, ok := to.Ignore(from.l, x.place().l)
		if !ok {
			panic("destam: Ignore needs lenses that go on from the one that they are taken from, at most eight with Shallow")
		}
		to = next
	}
	return governed[L](from.o, to)
}

// Shallow is l with no more than some levels of what is below what it leads
// to: with 1 the fields of an object are heard of, but not the elements of its
// arrays, nor the fields of objects in it; with 0 nothing below. What is there
// can still be read and set.
func Shallow[L Observer](l L, levels int) L {
	from := l.place()
	to, ok := from.l.Shallow(levels)
	if !ok {
		panic("destam: a lens can be made Shallow and Ignore at most eight times")
	}
	return governed[L](from.o, to)
}

// governed gives a lens as L, which is a pointer to a struct of nothing but a
// lens.
func governed[L any](o *OObject, l *doc.Lens) L {
	if t := reflect.TypeFor[L](); t.Kind() != reflect.Pointer {
		panic(fmt.Sprintf("destam: %s is not the type of a lens: give the lens as the type that it is", t))
	}
	return begin[L](o, l)
}

// At goes to the element at an index, whichever that is: when others come or
// go before it, that is a change too.
//
//go:noinline
func (l *LeafArrayLens[T]) At(i int) *Lens[T] { return &Lens[T]{lens{l.o, index(l.l, i)}} }

// At goes to the element at an index, whichever that is: when others come or
// go before it, that is a change too.
//
//go:noinline
func (l *ArrayLens[L]) At(i int) L { return begin[L](l.o, index(l.l, i)) }

func index(l *doc.Lens, i int) *doc.Lens {
	if i < 0 {
		panic(fmt.Sprintf("destam: index %d of a lens is out of range", i))
	}
	return l.Index(i)
}

// Effect calls fn with the value as it is, before it returns, and then with
// each value that it becomes, until stop is called; ok is false while there is
// none. What fn gives back, unless nil, is called before fn is called again,
// and by stop. A value that is replaced before fn has seen it is passed over.
// When the first call panics, so does Effect, and has ended. Behind an Each it is the first value; otherwise it is as Watch.
//
//go:noinline
func (l *Lens[T]) Effect(fn func(v T, ok bool) (cleanup func())) (stop func()) {
	listening(fn != nil)
	e := &effect[T]{fn: fn}
	l.o.o.Read()
	s := l.o.o.Node().Listen(doc.Listener{
		Field: -1, Lens: l.l, Typed: true,
		Commit: func(c *doc.Commit) {
			if l.l.Many() {
				e.become(l.Get())
				return
			}
			l.changes(c, func(x Change[T]) bool { e.become(x.New, !x.Absent); return true })
		},
		Alone: func(x *doc.Alone) {
			if l.l.Many() {
				e.become(l.Get())
				return
			}
			var c Change[T]
			c.alone(x)
			e.become(c.New, !c.Absent)
		},
	})
	for p := range l.l.Values(l.o.o.Node()) {
		e.v, e.ok = l.copied(p), true
		break
	}
	e.due, e.running = true, true
	l.o.o.Done()
	stop = func() {
		s.Stop()
		e.end()
	}
	begun := false
	defer func() {
		if !begun { // fn panics, or ends the goroutine
			stop()
		}
	}()
	e.run()
	begun = true
	return stop
}

// effect is one Effect: the value that is due, and what is to be cleaned up.
// Whoever makes it due runs it, unless somebody does already, who may be below
// on the same stack.
type effect[T any] struct {
	fn func(v T, ok bool) (cleanup func())

	mu      sync.Mutex // guards all below
	v       T
	ok      bool
	due     bool // fn has not seen the value
	running bool // somebody runs fn
	over    bool
	cleanup func() // of the last call
}

func (e *effect[T]) become(v T, ok bool) {
	e.mu.Lock()
	e.v, e.ok, e.due = v, ok, true
	idle := !e.running
	e.running = true
	e.mu.Unlock()
	if idle {
		e.run()
	}
}

func (e *effect[T]) end() {
	e.mu.Lock()
	e.over = true
	idle := !e.running
	e.running = true
	e.mu.Unlock()
	if idle {
		e.run()
	}
}

// run brings fn up to date; e.running is set, and only this one runs.
func (e *effect[T]) run() {
	for {
		e.mu.Lock()
		cleanup := e.cleanup
		v, ok, call := e.v, e.ok, e.due && !e.over
		if !call && (cleanup == nil || !e.over) {
			e.running = false
			e.mu.Unlock()
			return
		}
		e.cleanup, e.due = nil, false
		e.mu.Unlock()
		e.once(cleanup, call, v, ok)
	}
}

// once cleans up and calls fn; also when that panics, the next value is seen.
func (e *effect[T]) once(cleanup func(), call bool, v T, ok bool) {
	var next func()
	done := false
	defer func() {
		e.mu.Lock()
		e.cleanup = next
		if !done {
			e.running = false
		}
		e.mu.Unlock()
	}()
	cleaned := false
	defer func() { // also when the cleanup panics
		if call {
			next = e.fn(v, ok)
		}
		done = cleaned
	}()
	if cleanup != nil {
		cleanup()
	}
	cleaned = true
}
