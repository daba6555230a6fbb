package doc

import (
	"sync/atomic"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Document is one live document: a tree of nodes under one lock, what was
// changed in it and is not stored yet, and who watches it.
//
// Lock order: the document's lock, then leaves: what a Host locks inside its
// methods, and a reader's own lock. No holder of a leaf takes a document's
// lock, nobody holds two documents' locks, and no listener, driver or error
// handler runs under one.
type Document struct {
	ID   ID
	Root *Node

	host Host
	opts Options
	root *Node // Root, for the short

	mu mutex

	// Guarded by mu.
	tx      *Tx   // the transaction that is running, its goroutine holds mu
	bound   int   // how many handles the one before had, about
	dead    error // why nothing may be changed any more
	win     window
	log     []Delta   // of the operation or transaction that is running
	logged  int       // how long log was in the operation before
	one     *Alone    // in the stead of log while it is one small value; there is one when somebody watches or keeps a copy
	blind   bool      // log is without the new values of leaves: it is for undoing only
	still   bool      // changes are not recorded: the store knows them
	mute    bool      // changes are not logged: they undo what was
	ops     uint32    // counts operations and transactions; Node.fresh
	asked   bool      // the query section was touched: queries must see it
	born    []*Node   // became known while a commit is encoded
	orders  orders    // of renumbered arrays while commits are taken back
	rebase  *rebasing // while pending commits are done again on a foreign one
	tracing int       // who needs the log beside listeners: digests, and what may have to be undone
	digests []*Digest
	taken   map[ID]uint64 // by digests that this is a copy for: the newest message
	nest    int           // objects inside each other, at most
	sender  *Digest       // for the copy that what is being finished came from
	loose   int           // nodes that the open window took out of the tree, at most
	base    uint64        // the newest version that the store has
	size    int           // of the content that was encoded last
	pending []*Pending
	index   map[ID]*Node // by id; nil until something is applied
	owed    []error      // to report when the lock is free
	was     *past        // of the operation that is being finished, when somebody asks
	reused  map[ID]*Node // that came back under the id of one that was gone; see Become
	encoded *Encoded     // what the change that is running was given with Use
	given   given        // what is being applied, if it may be sealed as it is
	time    clock        // of commits
	values  wire.Reader  // of values that are being applied, one after the other
	shared  sharedTexts  // for values that are being applied together
	loading bool         // it is being read from the store, and nobody has it yet
	reading *decoder     // of what is read, until Loaded
	apart   apart        // what other programs read, and this one does not

	watching int          // subscriptions and readers; 0: no commit is built
	undos    atomic.Int32 // of the subscriptions; changed without mu, too
	out      delivery
}

// Options bound what a document does. They do not change.
type Options struct {
	KeyBound int            // longest position key in bytes
	Backlog  int            // commits that may wait for delivery before they are folded
	Patience time.Duration  // a wait for a lock longer than this is reported
	Folded   *atomic.Uint64 // counts receivers that were behind; may be nil
	Behind   *atomic.Int64  // counts readers that are; may be nil
}

// Host is the database as a document sees it. Dirty, Admit, Fits, Section,
// Owed and Watched are called with the document's lock held: they take leaf locks only
// and must not call the document or a driver.
type Host interface {
	// Dirty says that the document has something to store and had nothing.
	Dirty(d *Document)
	// Admit is asked before a change of the query section is accepted: may
	// the document hold the unique values of this section? What it gives
	// back goes with the commit, as Pending.Held. An error refuses the change.
	Admit(d *Document, section []byte) (held any, err error)
	// Fits is asked before a commit becomes pending: may a store have it? An
	// error refuses the commit as one of Admit does.
	Fits(d *Document, p *Pending) error
	// Section says what the query section is now, stored or not.
	Section(d *Document, section []byte)
	// Watched says whether anybody watches the document now.
	Watched(d *Document, yes bool)
	// Owed tells of an error that Report will tell of once the lock is free,
	// with what Owed made of it; nothing is reported if that is nil. Who waits
	// for what is stored may come in between, and must not miss it.
	Owed(d *Document, err error) error
	// Report tells of an error that has no caller. It is called without any
	// lock, and may call the document.
	Report(d *Document, err error)
	// Go runs f on a goroutine that the host waits for when it closes. It
	// may be called with or without the lock.
	Go(f func())
}

// New makes a document without content, at no version.
func New(typ *Type, id ID, host Host, opts Options) *Document {
	d := new(Document)
	d.Setup(typ, id, host, opts)
	return d
}

// Setup is New of the zero Document, which may be a part of what the host has.
func (d *Document) Setup(typ *Type, id ID, host Host, opts Options) {
	d.ID, d.host, d.opts, d.ops = id, host, opts, 1
	d.out.d = d
	d.root = typ.newNode(d, ID{})
	d.Root = d.root
}

// Kill makes every later change fail with err; what is there can be read.
func (d *Document) Kill(err error) {
	d.lock()
	if witness != nil {
		witness.dies(d)
	}
	d.dead = err
	if d.out.ended != nil {
		close(d.out.ended)
		d.out.ended = nil
	}
	d.mu.Unlock()
}

// Dead gives the error that changes fail with, nil while they do not.
func (d *Document) Dead() error {
	d.lock()
	defer d.mu.Unlock()
	return d.dead
}

// Version is the newest version that the store has; pending tells whether
// there is more here.
func (d *Document) Version() (base uint64, pending bool) {
	d.lock()
	defer d.mu.Unlock()
	return d.base, len(d.pending) > 0 || d.win.open
}

// Read begins a read through o; Done ends it.
func (o *Object) Read() {
	if o.tx == nil {
		o.n.doc.lock()
		return
	}
	o.tx.check()
}

// Done ends what Read began.
func (o *Object) Done() {
	if o.tx == nil {
		o.n.doc.mu.Unlock()
	}
}

// Write begins a change through o; when it gives true, Wrote ends it. False
// means that nothing may be changed: this was reported.
func (o *Object) Write() bool {
	err := o.TryWrite()
	if err != nil {
		o.n.doc.host.Report(o.n.doc, err)
	}
	return err == nil
}

// TryWrite is Write for those who can give the error to their caller.
func (o *Object) TryWrite() error {
	if o.tx != nil {
		o.tx.checkWrite()
		return nil
	}
	d := o.n.doc
	d.lock()
	if d.dead == nil {
		return nil
	}
	defer d.mu.Unlock()
	return d.dead
}

// Wrote ends what Write began: the changes since are one commit, which is
// delivered before Wrote returns unless a delivery is running already.
func (o *Object) Wrote() {
	d := o.n.doc
	if d.encoded != nil {
		d.encoded = nil
	}
	if o.tx != nil {
		return
	}
	if d.one != nil && d.one.on {
		if d.tellAlone() {
			return
		}
		d.spill()
	}
	if len(d.log) == 0 && !d.asked {
		d.ops++ // what was made is not new to whoever listens from now on
		d.mu.Unlock()
		return
	}
	d.finish(Cause{Origin: Local})
	waits := d.waits()
	d.mu.Unlock()
	if waits {
		d.out.run()
	}
}

// finish makes one commit for listeners of all that was logged.
func (d *Document) finish(c Cause) {
	d.spill()
	if len(d.digests) > 0 {
		d.record()
	}
	if d.watching > 0 && !d.blind { // or all who watch have begun in this very Update
		d.publish(c)
	}
	d.forgetLog()
	d.ops++
	if d.asked {
		d.asked = false
		d.host.Section(d, d.section())
	}
}

// forgetLog lets go of what was logged, and of what it kept alive.
func (d *Document) forgetLog() {
	d.logged = min(len(d.log), 1<<12)
	d.log, d.was, d.blind = logPieces.spare(d.log), nil, false
}

// waits tells whether there is something to deliver or to report when the lock
// is free.
func (d *Document) waits() bool { return d.out.head < len(d.out.queue) || len(d.owed) > 0 }

// owe reports err once the lock is free.
func (d *Document) owe(err error) {
	if err = d.host.Owed(d, err); err != nil {
		d.owed = append(d.owed, err)
	}
}

// Tell tells the host what the query section is, unless the document is dead.
func (d *Document) Tell() {
	d.lock()
	defer d.mu.Unlock()
	if d.dead == nil {
		d.host.Section(d, d.section())
	}
}

// Host gives what New was given.
func (d *Document) Host() Host { return d.host }
