package doc

import (
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Alone is an operation that sets one small value, or puts it into a list or
// takes it out, and nothing else: the commonest by far. It is not logged but
// kept as it is, and told to listeners by value, without a commit: that
// allocates nothing.
//
// A listener may read one while it is being called.
//
// It is used for one operation after the other, and a pointer is written only
// where it differs from the one that is there: while the collector marks, which
// is most of the time where a goroutine does nothing but set, each write of a
// pointer costs as much as a call.
type Alone struct {
	other     *Alone // for the next operation, while this one is being told
	n         *Node  // that of the one before, while there is none
	l         *List  // of an element; nil for a field
	leaf      *leaf
	key       pos.Key // of the element
	f         int32
	on        bool // it keeps an operation
	had, has  bool
	several   bool // listeners hear of it
	prev, val Cell // when had; when has
	shared    unsafe.Pointer
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
func (x *Alone) Old() unsafe.Pointer {
	if !x.had {
		return nil
	}
	return x.prev.at(x.leaf)
}

// New gives the address of the value after, nil when there is none.
func (x *Alone) New() unsafe.Pointer {
	if !x.has {
		return nil
	}
	return x.val.at(x.leaf)
}

// Share keeps what a listener has made of x, for others who hear of it;
// Shared gives it, nil when there is none.
func (x *Alone) Share(p unsafe.Pointer) {
	if x.several {
		x.shared = p
	}
}

// Shared gives what was given to Share.
func (x *Alone) Shared() unsafe.Pointer { return x.shared }

// Slot tells whose field it is, and with which key it is an element of the list
// there.
func (x *Alone) Slot() (n *Node, f int32, k Key) { return x.n, x.f, x.key }

// NewDelta begins a delta of a slot that [Alone.Slot] gave.
func NewDelta(n *Node, f int32, k Key) *Delta {
	x := &Delta{Head: Head{N: n, F: f}}
	if n.typ.Fields[f].Kind == LeafList {
		x.L, x.Key = n.List(int(f)), k
	}
	return x
}

// Time is when it happened. Only a listener that is being called may ask.
func (x *Alone) Time() time.Time { return x.n.doc.out.clock.now() }

// Delta makes x a delta whose values are in cells, which must not be used for
// anything else.
func (x *Alone) Delta(to *Delta, cells *[2]Cell) {
	to.N, to.F, to.L, to.Key, to.Had, to.Has = x.n, x.f, x.l, x.key, x.had, x.has
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
		change.from = slot{x.n, x.l, x.f, x.key}
		change.to = change.from
	}
	c.changes = []Change{change}
	return c
}

// boxed is x as a delta with copies of the values.
func (x *Alone) boxed() Delta {
	y := Delta{Head: Head{N: x.n, F: x.f, Had: x.had, Has: x.has}, L: x.l, Key: x.key}
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
	if !d.lonely(n, fd.leaf) || d.tracing > len(d.digests) {
		d.spill()
		return false
	}
	x.of(n, int32(f), fd.leaf)
	p := n.ptr(f)
	if x.had = fd.Kind != OptionalLeaf || *fd.ok(p); x.had {
		x.leaf.copy(x.prev.at(x.leaf), p)
	}
	return true
}

// of makes x keep what happens to field f of n.
func (x *Alone) of(n *Node, f int32, lf *leaf) {
	if x.n != n {
		x.n = n
	}
	if x.leaf != lf {
		x.leaf = lf
	}
	x.f, x.on = f, true
}

// lonely tells whether a value of n that changes now may be all that does.
func (d *Document) lonely(n *Node, lf *leaf) bool {
	x := d.one
	return x != nil && !x.on && d.tx == nil && len(d.log) == 0 && lf != nil && lf.size != large && !n.section
}

// beginElement is begin for the i-th element of a list; had tells whether it was
// there. Digests have a slate for fields only.
func (d *Document) beginElement(l *List, i int, had bool) bool {
	lf := l.field().leaf
	if d.tracing > 0 || !d.lonely(l.owner, lf) {
		return false
	}
	x := d.one
	x.of(l.owner, l.f, lf)
	x.l, x.key = l, l.cells.Key(i)
	if x.had = had; had {
		lf.copy(x.prev.at(lf), l.cells.at(i))
	}
	return true
}

// endElement is end for the i-th element of a list; has tells whether it is there.
func (x *Alone) endElement(i int, has bool) {
	if x.has = has; has {
		x.leaf.copy(x.val.at(x.leaf), x.l.cells.at(i))
	}
}

// end keeps it as it is after.
func (x *Alone) end() {
	fd := &x.n.typ.Fields[x.f]
	p := x.n.ptr(int(x.f))
	if x.has = fd.Kind != OptionalLeaf || *fd.ok(p); x.has {
		x.leaf.copy(x.val.at(x.leaf), p)
	}
}

// spill logs the change that is kept: it is not alone, or somebody needs it as
// others are.
func (d *Document) spill() {
	x := d.one
	if x == nil || !x.on {
		return
	}
	d.log = append(d.log, x.boxed())
	x.forget()
}

// forget lets go of what x keeps, but for the object.
func (x *Alone) forget() {
	x.on = false
	if x.l != nil {
		x.l, x.key = nil, ""
	}
	if x.shared != nil {
		x.shared = nil
	}
	if x.leaf.size == texts {
		x.prev, x.val = Cell{}, Cell{}
	}
}

// idle tells whether the value is what it was.
func (x *Alone) idle() bool {
	return x.had == x.has && (!x.has || x.leaf.equal(x.prev.at(x.leaf), x.val.at(x.leaf)))
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
	var heard []*Subscription
	if d.watching > 0 {
		var ok bool
		if heard, ok = q.hearers(x); !ok {
			return false
		}
	}
	d.ops++
	if len(d.digests) > 0 {
		d.recordAlone(x)
	}
	if len(heard) == 0 || x.idle() {
		x.forget()
		d.mu.Unlock()
		return true
	}
	q.commits++
	own := q.commits
	q.running = delivering
	x.several = len(heard) > 1
	d.one = x.other
	d.mu.Unlock()
	q.tell(x, heard, own)
	return true
}

// thoseWho appends those who hear of a change of one value; false when for one
// of them that takes more than to know the field.
func thoseWho(heard, subs []*Subscription, x *Alone) (_ []*Subscription, ok bool) {
	for _, s := range subs {
		if x.l != nil && !s.lens.alike(x) {
			return heard, false
		}
		if s.meets(x) {
			heard = append(heard, s)
		}
	}
	return heard, true
}

// alike tells whether the elements of x's list are all alike to l.
func (l *Lens) alike(x *Alone) bool {
	if l.governed() {
		return false
	}
	for i := 1; i < len(l.steps); i++ {
		if l.steps[i].kind != toEach && l.steps[i-1].goes(x.n.typ, x.f) {
			return false
		}
	}
	return true
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
		return c.leads(&Delta{Head: Head{N: x.n, F: x.f, Had: x.had, Has: x.has}, L: x.l, Key: x.key})
	}
	i := len(l.steps) - 1
	if x.l != nil {
		i-- // behind it is the step to each element
	}
	return i >= 0 && l.steps[i].goes(x.n.typ, x.f) && s.reaches(x.n, i)
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
// meanwhile. Who they are is in memory of an earshot, which nobody looks for
// while a goroutine is delivering.
func (q *delivery) tell(x *Alone, heard []*Subscription, own uint64) {
	for goOn := true; len(heard) > 0; {
		if heard, goOn = q.tellSome(x, heard, own); !goOn {
			return
		}
	}
	x.forget()
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

// tellSome calls those whose turn it is, up to one that panics, and gives those
// after it. After a Goexit, which cannot be stopped, another goroutine goes on:
// then false, though nobody gets to see it.
func (q *delivery) tellSome(x *Alone, heard []*Subscription, own uint64) (rest []*Subscription, goOn bool) {
	next := 0
	defer func() {
		if goOn {
			return
		}
		left := heard[next+1:]
		if r := recover(); r != nil {
			rest, goOn = left, true
			q.d.report(&PanicError{Value: r, Stack: string(debug.Stack())})
			return
		}
		q.d.report(&PanicError{Value: "runtime.Goexit", Stack: string(debug.Stack())})
		q.d.host.Go(func() { q.tell(x, left, own) })
	}()
	for ; next < len(heard); next++ {
		if s := heard[next]; !s.off.Load() {
			s.alone(x)
		}
	}
	return nil, true
}
