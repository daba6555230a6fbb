package destam

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Origin says where a commit came from.
type Origin = doc.Origin

// The origins of commits.
const (
	Local     = doc.Local     // made by this process
	Remote    = doc.Remote    // made elsewhere, and applied here
	TakenBack = doc.TakenBack // made by this process, refused by the store, and undone
)

// Commit is what changed together: one setter, or one Update. A slot occurs
// in it once. It has no number; the versions that the store keeps do.
type Commit struct {
	Deltas      []Delta
	Time        time.Time
	By, Because string
	Origin      Origin
	Digested    bool // folded from several commits, because the receiver was behind
}

// Op says what a delta did to its slot.
type Op uint8

// The operations of deltas.
const (
	Insert Op = iota + 1 // the slot was absent
	Modify               // it had another value
	Delete               // it is absent now
)

func (op Op) String() string {
	switch op {
	case Insert:
		return "insert"
	case Modify:
		return "modify"
	case Delete:
		return "delete"
	}
	return "no operation"
}

// Delta is one change of one slot: a field, an element of an array, or a key
// of a map. Its methods work at any time, on any goroutine, except inside an
// Update or View of the same document.
type Delta struct{ x *doc.Head }

// Op tells what happened.
func (d Delta) Op() Op {
	switch {
	case !d.x.Had:
		return Insert
	case !d.x.Has:
		return Delete
	}
	return Modify
}

// Path leads to the slot by the names in the tags, such as tasks.3.done. The
// index of an element is the present one, or where it was.
func (d Delta) Path() Path { return Path{d.x.LockedPath()} }

// String shows the delta to people, such as modify title: "a" to "b".
func (d Delta) String() string {
	s := d.Op().String() + " " + d.Path().String()
	switch d.Op() {
	case Modify:
		return fmt.Sprintf("%s: %s to %s", s, quoted(d.Old()), quoted(d.New()))
	case Insert:
		return s + ": " + quoted(d.New())
	}
	return s
}

// quoted shows a value; objects by their type only, their content may be long.
func quoted(v any) string {
	switch reflect.Indirect(reflect.ValueOf(v)).Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", v)
	case reflect.Struct:
		if _, ok := v.(fmt.Stringer); !ok {
			return fmt.Sprintf("a %T", v)
		}
	}
	return fmt.Sprint(v)
}

// Old is the value before, nil when there was none: a value of the field's Go
// type, or the handle of an object.
func (d Delta) Old() any {
	var room doc.Delta
	x := d.x.Delta(&room)
	if t := x.Traced(); t != nil && t.Old != nil {
		return t.Old
	}
	return shown(x, x.Prev)
}

// New is the value after, nil when there is none: a value of the field's Go
// type; for an object that is new in this commit its plain struct as the
// commit left it, for one that was in the document before, its handle.
func (d Delta) New() any {
	var room doc.Delta
	x := d.x.Delta(&room)
	if t := x.Traced(); t != nil && t.New != nil {
		return t.New
	}
	if p := x.Plain(); p != nil {
		return p
	}
	return shown(x, x.Val)
}

// shown gives a delta's value as users know it.
func shown(x *doc.Delta, v any) any {
	if n, ok := v.(*doc.Node); ok {
		return n.Shown()
	}
	return x.Shown(v)
}

// Path is the place of a slot in its document.
type Path struct{ p doc.Path }

func (p Path) String() string { return p.p.String() }

// Len is the number of steps.
func (p Path) Len() int { return len(p.p) }

// Step gives the i-th step: a name from a tag or a key of a map, or the index
// of an array's element, which is -1 otherwise.
func (p Path) Step(i int) (name string, index int) { return p.p[i].Name, int(p.p[i].Index) }

// Watch calls fn with every commit that changes the object or anything below
// it, from the next one on, until stop is called. The calls come one at a
// time and in order, on any goroutine and never under a lock: fn may read and
// change the document. A panic in fn is reported to Options.OnError. When more
// than a thousand commits wait, they come folded into one. The document stays
// in memory until stop.
//
//go:noinline
func (o *OObject) Watch(fn func(*Commit)) (stop func()) { return watch(o, -1, fn) }

// Changes yields the commits that change the object or anything below it,
// from the beginning of the loop on. The loop may take its time: it holds up
// nobody, and when more than a thousand commits wait they come folded into one. Breaking
// the loop ends the subscription; it ends by itself with ctx, or when the
// document is closed or deleted, with the error. What was before the loop is
// not told: [Follow] begins at a Snapshot.
//
//go:noinline
func (o *OObject) Changes(ctx context.Context) iter.Seq2[*Commit, error] { return changes(ctx, o, -1) }

// watch is Watch of an object, or of its field f.
func watch(o *OObject, f int, fn func(*Commit)) (stop func()) {
	return listen(o, toCommits(fn, doc.Listener{Field: f}))
}

// listen begins a subscription at an object.
func listen(o *OObject, l doc.Listener) (stop func()) {
	o.o.Read()
	s := o.o.Node().Listen(l)
	o.o.Done()
	return s.Stop
}

// listening demands a function to be called, where it is given: the next change
// would find out elsewhere, and again and again.
func listening(fn bool) {
	if !fn {
		panic("destam: a nil function cannot be told what changes")
	}
}

// toCommits tells fn of commits.
func toCommits(fn func(*Commit), l doc.Listener) doc.Listener {
	listening(fn != nil)
	l.Commit = func(c *doc.Commit) { fn(public(c)) }
	l.Alone = func(x *doc.Alone) { fn(single(x)) }
	return l
}

// lone is the commit of a single setter with all that it needs, in one piece.
type lone struct {
	Commit
	delta [1]Delta
	x     doc.Delta
	cells [2]doc.Cell
}

// small is lone for a number.
type small struct {
	Commit
	delta [1]Delta
	x     doc.Single
}

// single is the commit of a value that was set alone; one for all who ask.
func single(x *doc.Alone) (c *Commit) {
	if c := x.Shared(); c != nil {
		return (*Commit)(c)
	}
	if x.Small() {
		s := &small{}
		x.Single(&s.x)
		s.delta[0].x = &s.x.Head
		c, s.Deltas = &s.Commit, s.delta[:]
	} else {
		l := &lone{}
		x.Delta(&l.x, &l.cells)
		l.delta[0].x = &l.x.Head
		c, l.Deltas = &l.Commit, l.delta[:]
	}
	c.Time = x.Time()
	x.Share(unsafe.Pointer(c))
	return c
}

// changes is Changes of an object, or of its field f.
func changes(ctx context.Context, o *OObject, f int) iter.Seq2[*Commit, error] {
	return func(yield func(*Commit, error) bool) {
		if o.o.Tx() != nil {
			yield(nil, ErrInTransaction)
			return
		}
		r := o.o.Node().NewReader(f)
		defer r.Close()
		readAll(ctx, r, publicly(yield))
	}
}

// publicly yields commits as users know them.
func publicly(yield func(*Commit, error) bool) func(*doc.Commit, error) bool {
	return func(c *doc.Commit, err error) bool {
		if err != nil {
			return yield(nil, err)
		}
		return yield(public(c), nil)
	}
}

// shared is public for those who hear of single changes: one for all who ask.
func shared(c *doc.Commit) *Commit {
	if atomic.LoadPointer(&c.Shared) == nil {
		atomic.CompareAndSwapPointer(&c.Shared, nil, unsafe.Pointer(public(c)))
	}
	return (*Commit)(atomic.LoadPointer(&c.Shared))
}

// public shows a commit to users.
func public(c *doc.Commit) *Commit {
	p := &Commit{Time: c.Time, By: c.By, Because: c.Because, Origin: c.Origin, Digested: c.Digested}
	p.Deltas = make([]Delta, len(c.Deltas))
	for i := range c.Deltas {
		p.Deltas[i] = Delta{x: &c.Deltas[i].Head}
	}
	return p
}
