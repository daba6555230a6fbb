package doc

import (
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"
)

// Alone is an operation that sets one small value, and nothing else: the
// commonest by far. It is not logged but kept as it is, and told to listeners
// by value, without a commit: that allocates nothing.
//
// A listener may read one while it is being called.
type Alone struct {
	n         *Node
	f         int32
	had, has  bool
	leaf      *leaf
	prev, val Cell
	old, new  unsafe.Pointer // to these, nil where there was or is no value

	// Shared is for listeners that make something of it which serves all.
	Shared unsafe.Pointer
}

// Cell has room for any small value.
type Cell struct {
	text   *byte  // with the length in number, as a string is laid out
	number uint64 // else a number
}

// size says which part of a Cell the values of a type go into.
type size uint8

const (
	large   size = iota // none
	numbers             // number: up to eight bytes without pointers
	texts               // text
)

// at is the place of a value in the cell.
func (c *Cell) at(l *leaf) unsafe.Pointer {
	if l.size == texts {
		return unsafe.Pointer(c)
	}
	return unsafe.Pointer(&c.number)
}

// Old gives the address of the value before, nil when there was none; New that
// of the value after.
func (x *Alone) Old() unsafe.Pointer { return x.old }

// New gives the address of the value after, nil when there is none.
func (x *Alone) New() unsafe.Pointer { return x.new }

// Slot tells whose field it is.
func (x *Alone) Slot() (n *Node, f int32) { return x.n, x.f }

// Time is when it happened. Only a listener that is being called may ask.
func (x *Alone) Time() time.Time { return x.n.doc.out.clock.now() }

// Delta makes x a delta whose values are in cells, which must not be used for
// anything else.
func (x *Alone) Delta(to *Delta, cells *[2]Cell) {
	to.N, to.F, to.Had, to.Has = x.n, x.f, x.had, x.has
	cells[0], cells[1] = x.prev, x.val
	if x.had {
		to.Prev = x.leaf.in(cells[0].at(x.leaf))
	}
	if x.has {
		to.Val = x.leaf.in(cells[1].at(x.leaf))
	}
}

// in gives the value at p, which does not change, in an interface, without
// copying it.
func (l *leaf) in(p unsafe.Pointer) any {
	v := l.none
	(*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1] = p
	return v
}

// commit makes x a commit like others, for one subscription.
func (x *Alone) commit(s *Subscription) *Commit {
	c := &Commit{Time: x.Time()}
	y := x.boxed()
	if !s.typed {
		c.Deltas = []Delta{y}
		return c
	}
	change := Change{Had: x.had, Has: x.has, Prev: y.Prev, Val: y.Val, leaf: x.leaf}
	if s.lens.many {
		change.from = slot{n: x.n, f: x.f}
		change.to = change.from
	}
	c.changes = []Change{change}
	return c
}

// boxed is x as a delta with copies of the values.
func (x *Alone) boxed() Delta {
	y := Delta{N: x.n, F: x.f, Had: x.had, Has: x.has}
	if x.had {
		y.Prev = x.leaf.box(x.prev.at(x.leaf))
	}
	if x.has {
		y.Val = x.leaf.box(x.val.at(x.leaf))
	}
	return y
}

// begin keeps field f of n as it is before a change; false when that has to be
// logged.
func (d *Document) begin(n *Node, f int, fd *Field) bool {
	x := d.one
	if x == nil || d.tx != nil || d.tracing > len(d.digests) || len(d.log) > 0 || x.n != nil || fd.leaf == nil || fd.leaf.size == large || n.section {
		d.spill()
		return false
	}
	p := n.ptr(f)
	x.n, x.f, x.leaf, x.had = n, int32(f), fd.leaf, fd.Kind != OptionalLeaf || *fd.ok(p)
	if x.old = nil; x.had {
		x.old = x.prev.at(x.leaf)
		x.leaf.copy(x.old, p)
	}
	return true
}

// end keeps it as it is after.
func (x *Alone) end() {
	fd := &x.n.typ.Fields[x.f]
	p := x.n.ptr(int(x.f))
	x.has, x.new = fd.Kind != OptionalLeaf || *fd.ok(p), nil
	if x.has {
		x.new = x.val.at(x.leaf)
		x.leaf.copy(x.new, p)
	}
}

// spill logs the change that is kept: it is not alone, or somebody needs it as
// others are.
func (d *Document) spill() {
	x := d.one
	if x == nil || x.n == nil {
		return
	}
	d.log = append(d.log, x.boxed())
	x.forget()
}

// forget lets go of what x keeps.
func (x *Alone) forget() {
	x.n, x.Shared = nil, nil
	x.prev, x.val = Cell{}, Cell{}
}

// idle tells whether the value is what it was.
func (x *Alone) idle() bool {
	return x.had == x.has && (!x.has || x.leaf.equal(x.old, x.new))
}

// tellAlone makes the change that is kept a commit of its own and delivers it.
// It is called with the lock, and releases it; false, with the lock held, when
// the commit has to be made as others are: somebody is delivering, or somebody
// listens who needs more.
func (d *Document) tellAlone() bool {
	x, q := d.one, &d.out
	if q.busy() || q.head < len(q.queue) || len(d.owed) > 0 || d.asked {
		return false
	}
	if d.watching > 0 && !q.hearers(x) {
		return false
	}
	d.ops++
	if len(d.digests) > 0 {
		d.recordAlone(x)
	}
	if len(q.heard) == 0 || x.idle() {
		q.heard = nil
		x.forget()
		d.mu.Unlock()
		return true
	}
	q.commits++
	own := q.commits
	q.running = delivering
	d.one, q.told = q.told, x
	d.mu.Unlock()
	q.tell(own)
	return true
}

// thoseWho appends those who hear of a change of one value.
func thoseWho(heard, subs []*Subscription, x *Alone) []*Subscription {
	for _, s := range subs {
		if s.meets(x) {
			heard = append(heard, s)
		}
	}
	return heard
}

// meets tells whether a subscription through a lens hears of a change of one
// value, in an object that is in one place only.
func (s *Subscription) meets(x *Alone) bool {
	l := s.lens
	if l.governed() {
		if s.typed && l.field != &x.n.typ.Fields[x.f] {
			return false
		}
		return l.hears(s.n, ref{n: x.n, f: x.f})
	}
	if !s.typed {
		c := climb{lens: l, from: s.n}
		return c.leads(&Delta{N: x.n, F: x.f})
	}
	i := len(l.steps) - 1
	return l.steps[i].goes(x.n.typ, x.f) && s.reaches(x.n, i)
}

// reaches tells whether step i of a lens that is not governed begins at n, which
// is in one place only, as all above it.
func (s *Subscription) reaches(n *Node, i int) bool {
	l := s.lens
	for ; i > 0; n = n.up.n {
		h := &n.up
		if !n.held() {
			return false
		}
		if i--; h.l != nil {
			if !l.steps[i].takes(h.l, h.key) || i == 0 {
				return false
			}
			i--
		}
		if !l.steps[i].goes(h.n.typ, h.f) {
			return false
		}
	}
	return n == s.n
}

// tell calls those who were found, and goes on with what was committed
// meanwhile.
func (q *delivery) tell(own uint64) {
	for q.next < len(q.heard) {
		if !q.tellSome(own) {
			return
		}
	}
	q.told.forget()
	q.heard, q.next = nil, 0
	if atomic.CompareAndSwapUint32(&q.running, delivering, 0) {
		return // nothing came, and nobody waits: so without the lock
	}
	d := q.d
	d.lock()
	if q.head == len(q.queue) {
		q.rest()
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	q.loop(own)
}

// tellSome calls those whose turn it is, up to one that panics. After a
// Goexit, which cannot be stopped, another goroutine goes on: then false,
// though nobody gets to see it.
func (q *delivery) tellSome(own uint64) (goOn bool) {
	defer func() {
		if goOn {
			return
		}
		q.next++
		if r := recover(); r != nil {
			goOn = true
			q.d.report(&PanicError{Value: r, Stack: string(debug.Stack())})
			return
		}
		q.d.report(&PanicError{Value: "runtime.Goexit", Stack: string(debug.Stack())})
		q.d.host.Go(func() { q.tell(own) })
	}()
	for x := q.told; q.next < len(q.heard); q.next++ {
		if s := q.heard[q.next]; !s.off.Load() {
			s.alone(x)
		}
	}
	return true
}
