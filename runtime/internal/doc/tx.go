package doc

import (
	"errors"
	"unsafe"
)

// Tx is one Update or View that is running. Its goroutine holds the
// document's lock, so its fields need none; done is also read by whoever
// kept a handle too long.
type Tx struct {
	d     *Document
	view  bool
	done  bool
	bound []bound // the handles of this transaction, those after the full pieces
	full  [][]bound
	room  [2]bound
}

// bound is a handle of a transaction, and laid out as those that the generator
// writes are: an Object, whatever it is embedded in, and the state. So the
// handles of all types share memory. None is ever used again: who kept one too
// long must be told so for ever.
type bound struct {
	Object
	state unsafe.Pointer //lint:ignore U1000 generated code reads it, under the name v
}

// mostBound is how many handles a piece has at most.
const mostBound = 64

// errFinished and errView are what panics say about misused handles.
const (
	errFinished = "destam: handle of a finished transaction"
	errView     = "destam: a View handle cannot change anything"
)

// ErrNested: options were given to an Update inside an Update.
var ErrNested = errors.New("an Update inside an Update is part of the outer one, whose options count")

func (tx *Tx) check() {
	if tx.done {
		panic(errFinished)
	}
}

func (tx *Tx) checkWrite() {
	tx.check()
	if tx.view {
		panic(errView)
	}
}

// Tx gives the transaction that a handle is bound to, nil for none.
func (o *Object) Tx() *Tx { return o.tx }

// Handle gives the handle of n that belongs with o: bound to the same
// transaction, or the canonical one; one and the same for each node.
func (o *Object) Handle(n *Node) unsafe.Pointer {
	if o.tx == nil {
		return n.Canonical()
	}
	o.tx.check()
	return o.tx.handle(n)
}

// Inner gives the handle of the required object in field f; see Handle.
func (o *Object) Inner(f int) unsafe.Pointer { return o.Handle(o.Node().inner(f)) }

func (tx *Tx) handle(n *Node) unsafe.Pointer {
	if n.bound == nil {
		if len(tx.bound) == cap(tx.bound) {
			tx.grow()
		}
		tx.bound = append(tx.bound, bound{Object{n, tx}, unsafe.Pointer(n)})
		n.bound = &tx.bound[len(tx.bound)-1].Object
	}
	return unsafe.Pointer(n.bound)
}

// grow makes room for more handles, about as many as the transaction before
// had.
func (tx *Tx) grow() {
	if tx.bound == nil {
		tx.bound = tx.room[:0]
		return
	}
	size := tx.d.bound // are still to come of those that the one before had
	if size <= 0 {
		size = 2 * len(tx.bound)
	}
	size = min(max(4, size), mostBound)
	tx.d.bound -= size
	tx.full = append(tx.full, tx.bound)
	tx.bound = make([]bound, 0, size)
}

// Update runs fn as one commit: all of it or, when it fails, panics or ends
// its goroutine, nothing. The commit is pending when Update returns nil. An
// Update on a bound handle is a savepoint of the outer one.
func (o *Object) Update(fn func(h unsafe.Pointer) error, c Cause) (*Pending, error) {
	if o.tx != nil {
		o.tx.checkWrite()
		if c.By != "" || c.Because != "" {
			return nil, ErrNested
		}
		return nil, o.tx.savepoint(o.n, fn)
	}
	d := o.n.doc
	d.lock()
	if d.dead != nil {
		defer d.mu.Unlock()
		return nil, d.dead
	}
	p, waits, err := d.update(o.n, fn, c)
	if waits {
		d.out.run()
	}
	return p, err
}

// update is Update with the lock held; it releases it, and tells whether there
// is something to deliver.
func (d *Document) update(n *Node, fn func(unsafe.Pointer) error, c Cause) (p *Pending, waits bool, err error) {
	d.sealWindow()
	if d.log == nil { // about as much as in the one before
		d.log = logPieces.take(d.logged)
	}
	tx := &Tx{d: d}
	d.tx = tx
	next := d.out.commits + 1
	ok := false
	defer func() {
		if !ok { // an error, a panic, or Goexit: run on by themselves
			d.rollback(0)
			d.reset()
		}
		tx.end()
		d.tx = nil
		if ok {
			d.finish(c)
		} else {
			d.forgetLog()
		}
		// Also without a commit, what was subscribed inside begins with the next.
		d.out.commits = max(d.out.commits, next)
		waits = d.waits()
		d.mu.Unlock()
	}()
	if err = d.body(fn, tx.handle(n)); err != nil {
		return nil, false, err
	}
	if p, err = d.seal(c, true, false); err != nil {
		p.unknow()
		return nil, false, err
	}
	ok = true
	return p, false, nil
}

// savepoint runs fn inside the transaction and undoes its part if it fails.
func (tx *Tx) savepoint(n *Node, fn func(unsafe.Pointer) error) error {
	mark, ok := len(tx.d.log), false
	defer func() {
		if !ok {
			tx.d.rollback(mark)
		}
	}()
	err := fn(tx.handle(n))
	ok = err == nil
	return err
}

// rollback undoes what was logged since mark, newest first, by the ordinary
// edits, which leave registrations as they would anyway.
func (d *Document) rollback(mark int) {
	d.mute = true
	for i := len(d.log) - 1; i >= mark; i-- {
		d.undo(&d.log[i])
	}
	d.mute = false
	clear(d.log[mark:])
	d.log = d.log[:mark]
}

// end makes the transaction's handles useless, and lets go of what it held.
func (tx *Tx) end() {
	tx.done = true
	tx.d.bound = 0
	for _, hs := range tx.full {
		tx.d.bound += len(hs)
		unbind(hs)
	}
	tx.d.bound += len(tx.bound) - len(tx.room)
	unbind(tx.bound)
	tx.bound, tx.full = nil, nil
}

// unbind takes handles from their nodes.
func unbind(hs []bound) {
	for i := range hs {
		hs[i].n.bound = nil
	}
}

// View runs fn while nobody changes the document.
func (o *Object) View(fn func(h unsafe.Pointer) error) error {
	if o.tx != nil {
		o.tx.check()
		return fn(o.tx.handle(o.n))
	}
	d := o.n.doc
	d.lock()
	tx := &Tx{d: d, view: true}
	d.tx = tx
	defer func() {
		tx.end()
		d.tx = nil
		d.mu.Unlock()
	}()
	return d.body(fn, tx.handle(o.n))
}
