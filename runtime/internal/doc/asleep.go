package doc

import (
	"errors"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// asleep are the elements of a list of values that was read and that nobody has
// asked for yet: checked, in the stored form, in which an element may take a
// byte where a list needs forty. Whoever needs more than their number wakes them.
type asleep struct {
	l   *List
	raw []byte // the whole list, of nobody else
	n   int
}

// leaves reads the elements of a list of values.
func (c *decoder) leaves(l *List, lf *leaf) {
	fd := l.field()
	from := c.r.Len()
	n := c.checkLeaves(fd, lf)
	if c.r.Err() != nil || n == 0 {
		return
	}
	at := len(c.input) - from
	raw := c.input[at : len(c.input)-c.r.Len()]
	if lf == fd.leaf {
		l.cells = &asleep{l: l, raw: CloneBytes(raw), n: n}
		return
	}
	if err := l.fill(lf, raw); err != nil { // a user's function makes them what they are today
		c.r.Fail(err)
	}
}

// checkLeaves passes over a list of values, and gives how many there are.
func (c *decoder) checkLeaves(fd *Field, lf *leaf) (n int) {
	if fd.keys != nil {
		return c.checkPairs(fd, lf)
	}
	n = c.r.Array() - 1
	typ, p := c.r.Ext()
	if c.r.Err() == nil && (typ != extKeys || n < 0) {
		c.r.Fail(errPositions)
	}
	if c.r.Err() != nil {
		return 0
	}
	kr := wire.NewReader(p)
	pos.CheckKeys(kr, n)
	if kr.Err() == nil && kr.Len() > 0 {
		kr.Fail(errTooMany(kr.Len()))
	}
	if err := kr.Err(); err != nil {
		c.r.Fail(err)
	}
	for range n {
		if lf.check(c.r); c.r.Err() != nil {
			return 0
		}
	}
	return n
}

// checkPairs is checkLeaves for a map. Its keys ascend, unless a program wrote
// them that does not know the map.
func (c *decoder) checkPairs(fd *Field, lf *leaf) (n int) {
	n = c.r.Map()
	begin, ascend := *c.r, true
	var last mapKey
	for i := range n {
		k := fd.keys.next(c.r)
		ascend = ascend && (i == 0 || last.compare(k) < 0)
		lf.check(c.r)
		if last = k; c.r.Err() != nil {
			return 0
		}
	}
	if !ascend && pairsOf(fd, &begin, n) == nil {
		c.r.Fail(errTwice)
	}
	return n
}

// pairsOf gives where the pairs of a map begin, in the order of their keys, nil
// when two have the same.
func pairsOf(fd *Field, r *wire.Reader, n int) (at []int32) {
	begin, all := *r, r.Len()
	at = make([]int32, n)
	for i := range at {
		at[i] = int32(all - r.Len())
		r.Skip()
		r.Skip()
	}
	key := func(at int32) mapKey {
		k := begin
		k.Advance(int(at))
		return fd.keys.next(&k)
	}
	slices.SortFunc(at, func(a, b int32) int { return key(a).compare(key(b)) })
	for i := 1; i < n; i++ {
		if key(at[i-1]).compare(key(at[i])) == 0 {
			return nil
		}
	}
	return at
}

var errPositions = errors.New("an array has no positions")

// fill reads what was checked into the list, which is empty.
func (l *List) fill(lf *leaf, raw []byte) error {
	fd := l.field()
	l.cells = fd.leaf.column()
	c := decoder{d: l.owner.doc, r: wire.NewReader(raw), input: raw}
	if fd.keys == nil {
		ks := c.positions(c.r.Array() - 1)
		l.cells.insert(0, ks)
		if lf != fd.leaf {
			for i := range ks {
				lf.read(c.r, l.cells.at(i))
			}
			return c.r.Err()
		}
		shared := sharedTexts{left: c.r.Len()}
		for i := range ks {
			shared.read(lf, c.r, l.cells.at(i))
		}
		return c.r.Err()
	}
	n := c.r.Map()
	begin := *c.r
	at := pairsOf(fd, c.r, n)
	ks := make([]pos.Key, n)
	for i := range ks {
		r := begin
		r.Advance(int(at[i]))
		ks[i] = fd.keys.read(&r)
	}
	l.cells.insert(0, ks)
	for i := range ks {
		r := begin
		r.Advance(int(at[i]))
		r.Skip()
		if lf.read(&r, l.cells.at(i)); r.Err() != nil {
			return r.Err()
		}
	}
	return nil
}

// wake makes the elements what they are in memory. The lock is held, or nobody
// has the document yet.
func (a *asleep) wake() cells {
	if err := a.l.fill(a.l.field().leaf, a.raw); err != nil {
		panic("destam: a list that was read once cannot be read again: " + err.Error()) // a bug of ours, or of a codec
	}
	return a.l.cells
}

func (a *asleep) Len() int                        { return a.n }
func (a *asleep) Key(i int) pos.Key               { return a.wake().Key(i) }
func (a *asleep) Find(k pos.Key) (i int, ok bool) { return a.wake().Find(k) }
func (a *asleep) at(i int) unsafe.Pointer         { return a.wake().at(i) }
func (a *asleep) keys(yield func(k pos.Key) bool) { a.wake().keys(yield) }
func (a *asleep) all(yield func(k pos.Key, p unsafe.Pointer) bool) {
	a.wake().all(yield)
}
func (a *asleep) insert(i int, keys []pos.Key) { a.wake().insert(i, keys) }
func (a *asleep) Remove(i, n int)              { a.wake().Remove(i, n) }
func (a *asleep) Rekey(i int, keys []pos.Key)  { a.wake().Rekey(i, keys) }
func (a *asleep) room(i, n, max int) ([]pos.Key, int, int, []pos.Key) {
	return a.wake().room(i, n, max)
}
