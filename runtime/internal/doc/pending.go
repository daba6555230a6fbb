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

// TrySeal is Seal for who must neither wait nor call listeners. It is not ok
// when the document is locked, or has something to deliver or to report: that
// is left to Seal. What waits for the store is appended to waiting.
func (d *Document) TrySeal(waiting []*Pending) (_ []*Pending, ok bool) {
	if !d.mu.TryLock() {
		return nil, false
	}
	defer d.mu.Unlock()
	d.sealWindow()
	return append(waiting, d.pending...), !d.waits()
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
	p, err := d.seal(Cause{}, false, false)
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
			n.ghosts--
		}
		d.pending[0] = nil
		if len(d.pending) == 1 { // its place is used again
			d.pending = d.pending[:0]
		} else {
			d.pending = d.pending[1:]
		}
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
	Paths       string  // of the deltas, as they were then: reading them needs the lock
	Path        string  // if there is only one
}

func (e *Refusal) Error() string { return fmt.Sprintf("%s taken back: %s", e.Paths, e.Err) }

// joinFew shows paths to people, but not thousands.
func joinFew(paths []string) string {
	if more := len(paths) - fewPaths; more > 0 {
		paths = append(paths[:fewPaths:fewPaths], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(paths, ", ")
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
	for k := len(d.pending) - 1; k >= i; k-- {
		d.invert(d.pending[k])
	}
	d.orders = ordersOf(d.pending[i:])
	d.pending = d.pending[:i:i]
	d.redo(p, err)
	for _, q := range rest {
		d.redo(q, nil)
	}
	d.orders = nil
	d.finish(Cause{Origin: TakenBack, By: p.By, Because: p.Because})
}

// fewPaths is how many paths an error has.
const fewPaths = 8

// refused reports what was taken back once the lock is free.
func (d *Document) refused(p *Pending, lost []Delta, err error) {
	r := &Refusal{Err: err, By: p.By, Because: p.Because}
	var paths []string
	for _, x := range lost {
		if x.Renamed() != nil {
			continue
		}
		if r.Deltas = append(r.Deltas, x); len(r.Deltas) <= fewPaths {
			paths = append(paths, x.Path().String())
		}
	}
	if more := len(r.Deltas) - fewPaths; more > 0 {
		paths = append(paths, fmt.Sprintf("and %d more", more))
	}
	if len(paths) == 1 {
		r.Path = paths[0]
	}
	r.Paths = strings.Join(paths, ", ")
	d.owe(r)
}

// divide separates the deltas that an error is about from the others. Of an
// Update they are all, and when it is about none: else it would come again for
// ever.
func (p *Pending) divide(deltas []Delta, err error) (lost, kept []Delta) {
	about := Scoped(nil)
	if p.Update || !errors.As(err, &about) {
		return deltas, nil
	}
	for _, x := range deltas {
		if x.Renamed() == nil && about.Concerns(x.Path().Fields()) {
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

// invert undoes a commit, and what happened outside the tree meanwhile. It is
// not recorded: the store never hears of either.
func (d *Document) invert(p *Pending) {
	p.whole()
	d.still = true
	for i := len(p.outside) - 1; i >= 0; i-- {
		d.invertDeltas(p.outside[i])
	}
	d.invertDeltas(p.deltas)
	d.still = false
	p.unknow()
}

// invertDeltas undoes deltas that happened together: what came goes, what was
// renumbered gets its old keys, and what went comes back.
func (d *Document) invertDeltas(deltas []Delta) {
	for i := range deltas {
		if x := &deltas[i]; x.Renamed() == nil && x.Has {
			if x.L != nil {
				x.L.set(x.Key, x.Had, x.Prev)
			} else {
				x.N.set(int(x.F), x.Had, x.Prev)
			}
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.Renamed() != nil {
			d.rename(x.L, x.Renamed().New, x.Renamed().Old)
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.Renamed() == nil && !x.Has {
			if x.L != nil {
				x.L.set(x.start(), true, x.Prev)
			} else {
				x.N.set(int(x.F), true, x.Prev)
			}
		}
	}
}

// redo does a commit again, without what err is about, after something before
// it changed, and seals it anew. What has no place any more is dropped and
// reported; an Update that would lose anything is lost whole.
func (d *Document) redo(p *Pending, err error) {
	todo := p.deltas
	for {
		if err != nil {
			lost, kept := p.divide(todo, err)
			d.refused(p, lost, err)
			d.orders.pass(lost)
			if todo = kept; len(todo) == 0 {
				return
			}
		}
		before := d.orders.clone()
		todo = d.reunited(todo)
		kept, lost := d.again(p, todo)
		if torn := d.torn(kept, lost); torn != nil && !p.Update {
			d.unmake(before)
			var moves []Delta
			moves, todo = split(todo, func(x *Delta) bool { return x.moves(torn) })
			d.refused(p, moves, ErrDropped)
			d.orders.pass(moves)
			if err = nil; len(todo) == 0 {
				return
			}
			continue
		}
		if len(lost) > 0 && p.Update {
			d.unmake(before)
			d.refused(p, p.deltas, ErrConflict)
			d.orders.pass(p.deltas)
			return
		}
		if len(lost) > 0 {
			d.refused(p, lost, ErrDropped)
		}
		var q *Pending
		if q, err = d.seal(Cause{By: p.By, Because: p.Because}, p.Update, true); err == nil {
			if q != nil {
				q.Time = p.Time
				d.rebase.sealedAgain(q)
			}
			return
		}
		d.invert(q) // refused by what is here: what it is about goes back too
		d.orders = before
		d.orders.pass(lost)
		todo = kept
	}
}

// unmake undoes what is recorded in the window, which was made by again.
func (d *Document) unmake(before orders) {
	undone := &Pending{}
	d.gather(undone)
	d.invert(undone)
	d.reset()
	d.orders = before
}

// split separates the deltas that are such from the others.
func split(deltas []Delta, such func(*Delta) bool) (yes, no []Delta) {
	for i := range deltas {
		if x := &deltas[i]; such(x) {
			yes = append(yes, *x)
		} else {
			no = append(no, *x)
		}
	}
	return yes, no
}

// wentAway tells whether a foreign commit has just taken c out of the document:
// what is pending may bring it back.
func (d *Document) wentAway(c *Node) bool { return d.rebase != nil && d.rebase.removed[c] }

// again makes deltas of a commit where they still have a place: later wins. It
// tells those that have from those that have not.
func (d *Document) again(p *Pending, deltas []Delta) (kept, lost []Delta) {
	var born map[*Node]bool
	if len(p.born) > 0 {
		born = make(map[*Node]bool, len(p.born))
		for _, n := range p.born {
			born[n] = true
		}
	}
	fits := func(x *Delta) bool {
		if c, ok := x.Val.(*Node); ok && x.Has && !c.known && !born[c] && !d.wentAway(c) {
			return false // it came with a commit that was taken back
		}
		base := x.N.base()
		return base.stored() || p.makes(base)
	}
	kept, lost = d.redoDeltas(deltas, fits)
	for _, o := range p.outside {
		d.redoDeltas(o, func(*Delta) bool { return true })
	}
	return kept, lost
}

// redoDeltas makes deltas that happened together again, those that fit:
// deletes by the keys at their start, renumberings, then the rest.
func (d *Document) redoDeltas(all []Delta, fits func(*Delta) bool) (kept, lost []Delta) {
	unfit := map[int]bool{}
	again := func(i int) bool {
		x := &all[i]
		c, isNode := x.Val.(*Node)
		ok := fits(x) && !(isNode && x.Has && x.N.within(c))
		unfit[i] = !ok
		return ok
	}
	plain := d.orders.redo(all, again)
	for _, i := range plain {
		if x := &all[i]; x.Renamed() == nil && !x.Has && again(i) {
			if x.L != nil {
				x.L.set(x.start(), false, nil)
			} else {
				x.N.set(int(x.F), false, nil)
			}
		}
	}
	for _, i := range plain {
		if x := &all[i]; x.Renamed() != nil && again(i) {
			d.rename(x.L, x.Renamed().Old, x.Renamed().New)
		}
	}
	for _, i := range plain {
		if x := &all[i]; x.Renamed() == nil && x.Has && again(i) {
			if x.L != nil {
				x.L.place(x)
			} else {
				x.N.set(int(x.F), true, x.Val)
			}
		}
	}
	for i := range all {
		if unfit[i] && all[i].Renamed() == nil {
			lost = append(lost, all[i])
		} else {
			kept = append(kept, all[i])
		}
	}
	return kept, lost
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
