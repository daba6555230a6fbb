package doc

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrConflict: an Update was taken back because something that it changed
	// is not there any more.
	ErrConflict = errors.New("taken back: what it changed is gone")
	// ErrDropped: a change was dropped because what it changed is gone.
	ErrDropped = errors.New("dropped: what it changed is gone")
)

// Seal closes the open window, if there is one, and gives what waits for the
// store, oldest first. The slice is the caller's, the commits are shared.
func (d *Document) Seal() []*Pending {
	d.lock()
	d.sealWindow()
	waiting := append([]*Pending(nil), d.pending...)
	d.mu.Unlock()
	d.out.run()
	return waiting
}

// Waiting gives what was sealed and waits for the store, oldest first.
func (d *Document) Waiting() []*Pending {
	d.lock()
	defer d.mu.Unlock()
	return append([]*Pending(nil), d.pending...)
}

// sealWindow closes the window of bare setters. What Admit refuses of it is
// taken back at once.
func (d *Document) sealWindow() {
	p, err := d.seal(Cause{}, false)
	if err == nil {
		return
	}
	d.pending = append(d.pending, p)
	d.takeBack(len(d.pending)-1, err)
}

// Stored says that the store has the oldest pending commit, as version seq.
// Clean tells that nothing else waits and no window is open.
func (d *Document) Stored(p *Pending, seq uint64) (clean bool) {
	d.lock()
	defer d.mu.Unlock()
	d.base = seq
	if len(d.pending) > 0 && d.pending[0] == p {
		for _, n := range p.gone {
			n.ghost = false
		}
		d.pending[0] = nil
		d.pending = d.pending[1:]
	}
	return len(d.pending) == 0 && !d.win.open
}

// Clean tells that nothing waits for the store.
func (d *Document) Clean() bool {
	d.lock()
	defer d.mu.Unlock()
	return len(d.pending) == 0 && !d.win.open
}

// Refuse takes a pending commit back because the store will not have it: an
// Update whole, of a window of bare setters the fields that err is about. The
// later pending commits are expressed anew without it. Listeners get one
// commit of what changed in what is shown; the host gets err with the commit.
func (d *Document) Refuse(p *Pending, err error) {
	d.lock()
	d.sealWindow()
	for i := range d.pending {
		if d.pending[i] == p {
			d.takeBack(i, err)
			break
		}
	}
	d.mu.Unlock()
	d.out.run()
}

// Refusal is an error of a commit that was taken back, with what it held.
type Refusal struct {
	Err         error
	By, Because string
	Deltas      []Delta // what was taken back
}

func (e *Refusal) Error() string {
	paths := make([]string, 0, len(e.Deltas))
	for i := range e.Deltas {
		if e.Deltas[i].Renamed == nil {
			paths = append(paths, e.Deltas[i].Path().String())
		}
	}
	if len(paths) > 8 {
		paths = append(paths[:8], fmt.Sprintf("and %d more", len(paths)-8))
	}
	return fmt.Sprintf("%s taken back: %s", strings.Join(paths, ", "), e.Err)
}

func (e *Refusal) Unwrap() error { return e.Err }

// Scoped is implemented by errors that concern some fields of the query
// section only; a window of bare setters loses just these.
type Scoped interface{ Concerns(path string) bool }

// takeBack is Refuse of d.pending[i], with the window sealed and the lock
// held. Everything from i on is undone, newest first, and what stays is done
// again on what is there then.
func (d *Document) takeBack(i int, err error) {
	p := d.pending[i]
	rest := append([]*Pending(nil), d.pending[i+1:]...)
	d.still = true
	for k := len(d.pending) - 1; k >= i; k-- {
		d.invert(d.pending[k])
	}
	d.still = false
	d.orders = ordersOf(d.pending[i:])
	defer func() { d.orders = nil }()
	d.pending = d.pending[:i:i]
	lost, kept := p.deltas, []Delta(nil)
	if scoped := Scoped(nil); !p.Update && errors.As(err, &scoped) {
		lost, kept = divide(p.deltas, scoped)
	}
	d.owe(p, lost, err)
	again := *p
	again.deltas = kept
	d.orders.pass(lost, kept)
	if len(kept) > 0 {
		d.redo(&again)
	}
	for _, q := range rest {
		d.redo(q)
	}
	d.finish(Cause{Origin: TakenBack, By: p.By, Because: p.Because})
}

// owe reports what was taken back once the lock is free.
func (d *Document) owe(p *Pending, lost []Delta, err error) {
	d.owed = append(d.owed, &Refusal{Err: err, By: p.By, Because: p.Because, Deltas: lost})
}

// divide separates the deltas that an error is about from the others. When it
// is about none of them, all are lost: else it would come again for ever.
func divide(deltas []Delta, about Scoped) (lost, kept []Delta) {
	for _, x := range deltas {
		if x.Renamed == nil && about.Concerns(x.Path().Fields()) {
			lost = append(lost, x)
		} else {
			kept = append(kept, x)
		}
	}
	if len(lost) == 0 {
		return deltas, nil
	}
	return lost, kept
}

// invert undoes a commit, and what happened outside the tree meanwhile.
func (d *Document) invert(p *Pending) {
	for i := len(p.outside) - 1; i >= 0; i-- {
		d.invertDeltas(p.outside[i])
	}
	d.invertDeltas(p.deltas)
	p.unknow()
}

// invertDeltas undoes deltas that happened together: what came goes, what was
// renumbered gets its old keys, and what went comes back.
func (d *Document) invertDeltas(deltas []Delta) {
	for i := range deltas {
		if x := &deltas[i]; x.Renamed == nil && x.Has {
			if x.L != nil {
				x.L.set(x.Key, x.Had, x.Prev)
			} else {
				x.N.set(int(x.F), x.Had, x.Prev)
			}
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.Renamed != nil {
			d.rename(x.L, x.Renamed.New, x.Renamed.Old)
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.Renamed == nil && !x.Has {
			if x.L != nil {
				x.L.set(x.start, true, x.Prev)
			} else {
				x.N.set(int(x.F), true, x.Prev)
			}
		}
	}
}

// redo does a commit again after something before it changed, and seals it
// anew. What has no place any more is dropped and reported; an Update that
// would lose anything is lost whole.
func (d *Document) redo(p *Pending) {
	mark, before := len(d.log), d.orders.clone()
	lost := d.again(p)
	if len(lost) > 0 && p.Update {
		d.rollbackTo(mark)
		d.reset()
		d.orders = before
		d.orders.pass(p.deltas, nil)
		d.owe(p, p.deltas, ErrConflict)
		return
	}
	if len(lost) > 0 {
		d.owe(p, lost, ErrDropped)
	}
	q, err := d.seal(Cause{By: p.By, Because: p.Because}, p.Update)
	if err != nil { // refused by what is here: it goes back too
		d.pending = append(d.pending, q)
		d.takeBack(len(d.pending)-1, err)
		return
	}
	if q != nil {
		q.Time = p.Time
	}
}

// again makes a commit's changes where they still have a place: later wins.
func (d *Document) again(p *Pending) (lost []Delta) {
	lost = d.redoDeltas(p.deltas, func(x *Delta) bool {
		base := x.N.base()
		return base.stored() || p.makes(base)
	})
	for _, o := range p.outside {
		d.redoDeltas(o, func(*Delta) bool { return true })
	}
	return lost
}

// redoDeltas makes deltas that happened together again: deletes by the keys
// at their start, renumberings, then the rest. It gives those that have no
// place.
func (d *Document) redoDeltas(deltas []Delta, fits func(*Delta) bool) (lost []Delta) {
	var reordered []Delta
	deltas, reordered = d.orders.divide(deltas)
	for i := range reordered {
		if x := &reordered[i]; x.Renamed == nil && !fits(x) {
			lost = append(lost, *x)
		}
	}
	d.orders.redo(reordered, fits)
	for i := range deltas {
		x := &deltas[i]
		switch {
		case x.Renamed != nil || x.Has:
		case !fits(x):
			lost = append(lost, *x)
		case x.L != nil:
			x.L.set(x.start, false, nil)
		default:
			x.N.set(int(x.F), false, nil)
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.Renamed != nil && fits(x) {
			d.rename(x.L, x.Renamed.Old, x.Renamed.New)
		}
	}
	for i := range deltas {
		x := &deltas[i]
		if x.Renamed != nil || !x.Has {
			continue
		}
		c, isNode := x.Val.(*Node)
		switch {
		case !fits(x), isNode && x.N.within(c):
			lost = append(lost, *x)
		case x.L == nil:
			x.N.set(int(x.F), true, x.Val)
		default:
			x.L.place(x)
		}
	}
	return lost
}

// makes tells whether the commit itself brings n into the tree.
func (p *Pending) makes(n *Node) bool {
	for i := range p.deltas {
		if c, ok := p.deltas[i].Val.(*Node); ok && n.within(c) {
			return true
		}
	}
	return false
}

// place puts an element of a commit that is done again into its list. An
// array's element whose key was taken by another meanwhile gets a new one.
func (l *List) place(x *Delta) {
	i, taken := l.Find(x.Key)
	if !taken || l.isMap() || x.Had {
		l.set(x.Key, true, x.Val)
		return
	}
	l.openFor(i, x)
}
