package destam

import (
	"fmt"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// list is what the views of arrays and maps have in common: the object that
// has the list, and the field that it is in. It is a value and allocates
// nothing; the list itself is made when something is first put into it.
type list struct {
	o *OObject
	f int
}

// read locks and gives the list, which may be nil; done unlocks.
func (v list) read() *doc.List {
	v.o.o.Read()
	return v.o.o.Node().List(v.f)
}

func (v list) done() { v.o.o.Done() }

// readAt is read for the i-th element, which must be there.
func (v list) readAt(i int) *doc.List {
	l := v.read()
	if n := l.Len(); uint(i) >= uint(n) {
		v.done()
		panic(outOfRange(i, n))
	}
	return l
}

func outOfRange(i, n int) string {
	return fmt.Sprintf("destam: index %d is out of range: the array has %d elements", i, n)
}

// write locks for a change; ok is false when nothing may be changed.
func (v list) write() (l *doc.List, ok bool) {
	if !v.o.o.Write() {
		return nil, false
	}
	return v.o.o.Node().EnsureList(v.f), true
}

func (v list) wrote() { v.o.o.Wrote() }

// writeAt is write for n elements from index i on, which must be there.
func (v list) writeAt(i, n int) (l *doc.List, ok bool) {
	if l, ok = v.write(); ok && (i < 0 || n < 0 || n > l.Len()-i) {
		count := l.Len()
		v.wrote()
		if n == 1 {
			panic(outOfRange(i, count))
		}
		panic(fmt.Sprintf("destam: %d elements from index %d on are out of range: the array has %d elements", n, i, count))
	}
	return l, ok
}

// open is write with room made for n elements at index i; i below 0 is the end.
func (v list) open(i, n int) (l *doc.List, at int, ok bool) {
	if l, ok = v.write(); !ok {
		return nil, 0, false
	}
	if i < 0 {
		i = l.Len()
	}
	if i > l.Len() {
		count := l.Len()
		v.wrote()
		panic(outOfRange(i, count))
	}
	l.Open(i, n)
	return l, i, true
}

func (v list) len() int {
	n := v.read().Len()
	v.done()
	return n
}

// splice replaces n elements from index i on by the m plain values at p, each
// size bytes, by the smallest deltas that keep the positions: what is in both
// is replaced where it differs, what is over is taken out or put in. Before
// that it calls taken, with the list.
func (v list) splice(i, n, m int, p unsafe.Pointer, size uintptr, taken func(*doc.List)) {
	e, ok := v.encode(p, m)
	if !ok {
		return
	}
	l, ok := v.writeAt(i, n)
	if !ok {
		return
	}
	v.o.o.Use(e)
	taken(l)
	at := func(j int) unsafe.Pointer { return unsafe.Add(p, uintptr(j)*size) }
	both := min(n, m)
	for j := range both {
		l.Replace(i+j, at(j))
	}
	if n > both {
		l.Remove(i+both, n-both)
	}
	if m > both {
		l.InsertPlain(i+both, m-both, func(j int) unsafe.Pointer { return at(both + j) })
	}
	v.wrote()
}

func (v list) remove(i, n int) {
	if l, ok := v.writeAt(i, n); ok {
		l.Remove(i, n)
		v.wrote()
	}
}

func (v list) clear() {
	if l, ok := v.write(); ok {
		l.Remove(0, l.Len())
		v.wrote()
	}
}

func (v list) move(from, to int) {
	l, ok := v.writeAt(from, 1)
	if !ok {
		return
	}
	if n := l.Len(); uint(to) >= uint(n) {
		v.wrote()
		panic(outOfRange(to, n))
	}
	if from != to {
		l.Move(from, to)
	}
	v.wrote()
}

func (v list) swap(i, j int) {
	l, ok := v.writeAt(i, 1)
	if !ok {
		return
	}
	if n := l.Len(); uint(j) >= uint(n) {
		v.wrote()
		panic(outOfRange(j, n))
	}
	if i != j {
		l.Swap(i, j)
	}
	v.wrote()
}

// snapshot copies the list to the plain slice or map at p.
func (v list) snapshot(p unsafe.Pointer) {
	v.o.o.Read()
	v.o.o.Node().SnapshotList(v.f, p)
	v.done()
}

// assign makes the list equal to the plain slice or map at p.
func (v list) assign(p unsafe.Pointer) {
	e, err := v.o.o.Node().Type().EncodeField(v.f, p)
	if !refused(v.o, err) && v.o.o.Write() {
		v.o.o.Use(e)
		v.o.o.Node().AssignList(v.f, p)
		v.wrote()
	}
}

// insertPlain inserts n plain structs, the first of them at p, each size
// bytes, at index i.
func (v list) insertPlain(i, n int, p unsafe.Pointer, size uintptr) {
	e, ok := v.encode(p, n)
	if !ok {
		return
	}
	l, i, ok := v.open(i, n)
	if !ok {
		return
	}
	v.o.o.Use(e)
	for j := range n {
		l.Init(i+j, unsafe.Add(p, uintptr(j)*size))
	}
	l.Close(i, n)
	v.wrote()
}

// encode encodes what the n plain elements from p on have with codecs; ok is
// false when that failed and was reported.
func (v list) encode(p unsafe.Pointer, n int) (e *doc.Encoded, ok bool) {
	e, err := v.o.o.Node().Type().EncodeElements(v.f, p, n)
	return e, !refused(v.o, err)
}

// coded tells whether the elements are values with a codec.
func (v list) coded() bool { return v.o.o.Node().Type().Coded(v.f) }

// set replaces the i-th element by the plain value at p.
func (v list) set(i int, p unsafe.Pointer) {
	e, ok := v.encode(p, 1)
	if !ok {
		return
	}
	if l, ok := v.writeAt(i, 1); ok {
		v.o.o.Use(e)
		l.Replace(i, p)
		v.wrote()
	}
}

// link puts a live object of the same document at index i.
func (v list) link(i int, h *doc.Object) error {
	l, err := v.linkable(h)
	if err != nil {
		return err
	}
	defer v.wrote()
	if n := l.Len(); i < 0 || i > n {
		panic(outOfRange(i, n))
	}
	l.Open(i, 1)
	l.Put(i, h.Node())
	l.Close(i, 1)
	return nil
}

// linkable locks for a change that puts a live object into the list; without
// an error, wrote ends it.
func (v list) linkable(h *doc.Object) (*doc.List, error) {
	if err := v.o.o.TryWrite(); err != nil {
		return nil, fail(v.o, "link", err)
	}
	n := v.o.o.Node()
	if err := n.Linkable(v.f, h.Node()); err != nil {
		v.wrote()
		return nil, fail(v.o, "link", err)
	}
	return n.EnsureList(v.f), nil
}

// handles gives the handles of all elements of a list of objects.
func handles[O any](v list) []O {
	l := v.read()
	hs := make([]O, l.Len())
	for i := range hs {
		hs[i] = as[O](v.o.o.Handle(l.Node(i)))
	}
	v.done()
	return hs
}
