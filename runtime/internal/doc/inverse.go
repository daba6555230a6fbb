package doc

import (
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Inverse gives the commit that takes c back, made right after c.
func (c *Commit) Inverse() *Commit {
	to := &Commit{Cause: Cause{Origin: c.Origin, By: c.By, Because: c.Because}, Time: c.Time, Digested: c.Digested, settle: true}
	for _, x := range c.Deltas {
		to.Deltas = append(to.Deltas, x.inverse())
	}
	for _, x := range c.settled().aside {
		to.aside = append(to.aside, x.inverse())
	}
	for _, x := range c.renames {
		x.extra = &extra{renamed: &Renamed{Old: x.Renamed().New, New: x.Renamed().Old}}
		to.renames = append(to.renames, x)
	}
	return to
}

// settled gives a copy of c that can be made again: with what was written into
// objects before they went, which comes back with them. Who went where is known
// right after c only.
func (c *Commit) settled() *Commit {
	to := *c
	to.Deltas, to.renames = slices.Clone(c.Deltas), slices.Clone(c.renames)
	if c.settle || len(c.aside) == 0 {
		return &to
	}
	to.aside = c.inWhatWent()
	to.settle = true
	return &to
}

// inWhatWent gives the deltas that are aside because they are of what went:
// of an object that a slot lost, of what was below it, and of what was taken
// out of there before it went, which nothing but these deltas leads to now.
func (c *Commit) inWhatWent() (in []Delta) {
	var went []*Node
	for i := range c.Deltas {
		if n, ok := c.Deltas[i].Prev.(*Node); ok && c.Deltas[i].Had {
			went = append(went, n)
		}
	}
	taken := make([]bool, len(c.aside))
	for more := true; more; {
		more = false
		for i := range c.aside {
			x := &c.aside[i]
			if taken[i] || !slices.ContainsFunc(went, x.N.within) {
				continue
			}
			taken[i] = true
			if n, ok := x.Prev.(*Node); ok && x.Had {
				went, more = append(went, n), true
			}
		}
	}
	for i := range c.aside {
		if taken[i] {
			in = append(in, c.aside[i])
		}
	}
	return in
}

func (x Delta) inverse() Delta {
	x.Had, x.Has = x.Has, x.Had
	x.Prev, x.Val = x.Val, x.Prev
	if x.extra != nil {
		was := x.Key
		x.Key, x.extra = x.start(), nil
		x.startAt(was)
	}
	x.came = false
	return x
}

// Performed is what came of [Document.Perform].
type Performed struct {
	Pending *Pending // nil when nothing was left of it
	Skipped []Delta  // that do not fit any more
	rekeyed []Delta  // elements that had to get other keys, as renumberings
}

// Perform makes the deltas of a commit of this document, as a change of its
// own: one that was taken back once more, or the inverse of one. Strict asks
// that each slot holds what the delta says it had, and makes nothing if one
// does not; otherwise those that do not are skipped. Either way an element
// comes back where it was, between the ones that are left.
func (d *Document) Perform(c *Commit, cause Cause, strict bool) (Performed, error) {
	d.lock()
	defer func() {
		d.mu.Unlock()
		d.out.run()
	}()
	if d.dead != nil {
		return Performed{}, d.dead
	}
	d.sealWindow()
	d.watchless(+1) // it may have to be undone
	defer d.watchless(-1)
	m := performing{d: d, strict: strict, commit: c.settled()}
	err := m.make()
	if err == nil {
		m.Pending, err = d.seal(cause, true, false)
		if err != nil {
			m.Pending.unknow()
		}
	}
	if err != nil {
		d.rollback(0)
		d.reset()
		d.forgetLog()
		return Performed{}, err
	}
	d.finish(cause)
	return m.Performed, nil
}

// performing is a commit that is being made.
type performing struct {
	Performed
	d      *Document
	commit *Commit
	strict bool
	kept   map[*List]*Renamed // renumberings that could not be made
}

func (m *performing) make() error {
	var todo []*Delta
	for i := range m.commit.Deltas {
		x := &m.commit.Deltas[i]
		if err := m.fits(x); err != nil {
			if m.strict {
				return fmt.Errorf("%w: %s", err, x.Path())
			}
			m.Skipped = append(m.Skipped, *x)
			continue
		}
		todo = append(todo, x)
	}
	for _, x := range todo {
		if !x.Has {
			m.delete(x)
		}
	}
	for i := range m.commit.aside {
		m.aside(&m.commit.aside[i])
	}
	for i := range m.commit.renames {
		m.rename(&m.commit.renames[i])
	}
	for _, x := range todo {
		if !x.Has {
			continue
		}
		c, ok := x.Val.(*Node)
		if ok && x.N.within(c) {
			if m.strict {
				return fmt.Errorf("%w: %s", ErrCycle, x.Path())
			}
			m.Skipped = append(m.Skipped, *x)
			continue
		}
		m.put(x)
	}
	return nil
}

// fits tells why a delta cannot be made, nil if it can.
func (m *performing) fits(x *Delta) error {
	if x.N.doc != m.d {
		return ErrForeign
	}
	if base := x.N.base(); !base.Attached() && !m.brings(base) {
		return ErrUnfit
	}
	var has bool
	var v any
	switch {
	case x.L == nil:
		has, v = x.N.value(int(x.F))
	case x.Had:
		has, v = x.L.element(x.start())
	case x.L.isMap():
		has, v = x.L.element(x.Key)
	}
	if has != x.Had || has && !(&Delta{Head: Head{N: x.N, F: x.F}, Prev: v, Val: x.Prev}).same() {
		return ErrUnfit
	}
	return nil
}

// brings tells whether the commit brings n into the tree.
func (m *performing) brings(n *Node) bool {
	for i := range m.commit.Deltas {
		x := &m.commit.Deltas[i]
		if c, ok := x.Val.(*Node); ok && x.Has && n.within(c) {
			return true
		}
	}
	return false
}

// aside makes a delta in an object that comes back, which is still what it was
// when it went.
func (m *performing) aside(x *Delta) {
	has, v := false, any(nil)
	if x.L == nil {
		has, v = x.N.value(int(x.F))
	} else if x.Had || x.L.isMap() {
		k := x.Key
		if x.Had {
			k = x.start()
		}
		has, v = x.L.element(k)
	}
	c, ok := x.Val.(*Node)
	if has != x.Had || has && !(&Delta{Head: Head{N: x.N, F: x.F}, Prev: v, Val: x.Prev}).same() || ok && x.Has && x.N.within(c) {
		return
	}
	if x.Has {
		m.put(x)
	} else {
		m.delete(x)
	}
}

func (m *performing) delete(x *Delta) {
	if x.L != nil {
		x.L.set(x.start(), false, nil)
	} else {
		x.N.set(int(x.F), false, nil)
	}
}

// rename makes a renumbering, if the elements are still those that it was of
// and it leaves them in their order.
func (m *performing) rename(x *Delta) {
	r, l := x.Renamed(), x.L
	after := make([]pos.Key, 0, l.Len())
	next := 0
	for i := range l.Len() {
		k := l.cells.Key(i)
		if next < len(r.Old) && r.Old[next] == k {
			k = r.New[next]
			next++
		}
		after = append(after, k)
	}
	if next == len(r.Old) && slices.IsSorted(after) && len(slices.Compact(after)) == l.Len() {
		m.d.rename(l, r.Old, r.New)
		return
	}
	if m.kept == nil {
		m.kept = map[*List]*Renamed{}
	}
	m.kept[l] = r
}

// put makes a delta whose slot has something afterwards.
func (m *performing) put(x *Delta) {
	if x.L == nil {
		x.N.set(int(x.F), true, x.Val)
		return
	}
	kept := m.kept[x.L]
	switch {
	case x.Had && kept != nil:
		x.L.set(x.start(), true, x.Val)
		return
	case x.Had || x.L.isMap():
		x.L.set(x.Key, true, x.Val)
		return
	}
	i, taken := x.L.Find(x.Key)
	switch {
	case kept != nil:
		i = kept.index(x.L, x.Key)
	case !taken:
		x.L.set(x.Key, true, x.Val)
		return
	}
	x.L.openFor(i, x)
	if k := x.L.cells.Key(i); k != x.Key {
		m.rekeyed = append(m.rekeyed, Delta{Head: Head{N: x.N, F: x.F}, L: x.L, extra: &extra{renamed: &Renamed{Old: []pos.Key{x.Key}, New: []pos.Key{k}}}})
	}
}

// index is where in l the element with a key belongs, which is one in terms of
// a renumbering that was not made: behind the next smaller one that it is of,
// or before the next greater one.
func (r *Renamed) index(l *List, k pos.Key) int {
	j, _ := slices.BinarySearch(r.New, k)
	for i := j - 1; i >= 0; i-- {
		if at, ok := l.Find(r.Old[i]); ok {
			return at + 1
		}
	}
	for i := j; i < len(r.Old); i++ {
		if at, ok := l.Find(r.Old[i]); ok {
			return at
		}
	}
	at, _ := l.Find(k)
	return at
}
