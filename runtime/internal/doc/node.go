package doc

import (
	"reflect"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// ID identifies a document, and a node within its document.
type ID = driver.ID

// Node is the header of every live object: the first field of its generated
// state. A node belongs for ever to the document that it was made in; all but
// doc, typ and id is guarded by the document's lock.
//
// The root has the id zero, as nested objects that are always there have:
// those are reached through their owner. Elements of arrays and maps and
// optional objects have ids of their own, and holders.
type Node struct {
	doc *Document
	typ *Type
	id  ID

	up   holder   // where the node is; for a required object its owner, always
	more []holder // further places that hold it

	touched  uint64 // bit f: the open window has recorded field f (the first 64)
	watchers *watchers
	bound    *Object  // the handle of the transaction that is running, if it has one
	unknown  *members // fields that this binary does not know
	fresh    uint32   // the operation that made it
	known    bool     // the store, or a commit on its way there, has its content
	section  bool     // in the query section, for ever
	stray    bool     // the open window has it among its strays; while it is read: its content has not come yet
	ghosts   uint8    // commits that took it out, and that may still be taken back
}

// holder is a slot that holds a node. A required object's holder has its
// owner and field and never changes.
type holder struct {
	n   *Node
	l   *List   // the list that has it as an element; nil for a field
	f   int32   // unknownPlace for a place that this binary does not know
	was bool    // it does not hold the node any more: the last that did
	key pos.Key // of the element
}

// local tells whether the slot is neither stored nor replicated.
func (h *holder) local() bool { return h.n.local(h.f) }

// local tells whether field f is; a place that is not known is not.
func (n *Node) local(f int32) bool { return f >= 0 && n.typ.Fields[f].Local }

// Object is what every handle begins with: a node, and the transaction that
// the handle is bound to, nil for the canonical one.
type Object struct {
	n  *Node
	tx *Tx
}

// Node gives the node behind a handle.
func (o *Object) Node() *Node { return o.n }

// Document gives the document that the node belongs to.
func (n *Node) Document() *Document { return n.doc }

// Type gives the node's type.
func (n *Node) Type() *Type { return n.typ }

// ID is zero for the root and for required objects.
func (n *Node) ID() ID { return n.id }

// Canonical gives the one handle that the node has outside transactions, as a
// pointer to the generated handle struct.
func (n *Node) Canonical() unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(n), n.typ.handleAt)
}

// ptr gives the state of field f.
func (n *Node) ptr(f int) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(n), n.typ.Fields[f].at)
}

// inner gives the required object in field f.
func (n *Node) inner(f int) *Node { return (*Node)(n.ptr(f)) }

// childAt gives the place of the optional object in field f.
func (n *Node) childAt(f int) **Node { return (**Node)(n.ptr(f)) }

// List gives the list in field f, nil when it was never used.
func (n *Node) List(f int) *List { return *(**List)(n.ptr(f)) }

// EnsureList gives the list in field f and makes it if need be.
func (n *Node) EnsureList(f int) *List {
	p := (**List)(n.ptr(f))
	if *p == nil {
		*p = newList(n, f)
	}
	return *p
}

// required tells whether n is nested in its owner for ever: it has no id of
// its own and is not the root.
func (n *Node) required() bool { return n.id.IsZero() && n.up.n != nil }

// base gives the nearest node at or above n that has an id, or the root.
func (n *Node) base() *Node {
	for n.required() {
		n = n.up.n
	}
	return n
}

// held tells whether any slot holds n. What was taken out keeps the last that
// did, so that people can be told where it was.
func (n *Node) held() bool { return n.up.n != nil && !n.up.was }

// single tells whether n and all above it are in one place, or in none.
func (n *Node) single() bool {
	for ; len(n.more) == 0; n = n.up.n {
		if !n.held() {
			return true
		}
	}
	return false
}

// holders yields the slots that hold n.
func (n *Node) holders(yield func(*holder) bool) {
	if !n.held() || !yield(&n.up) {
		return
	}
	for i := range n.more {
		if !yield(&n.more[i]) {
			return
		}
	}
}

// hold notes that a slot holds n now.
func (n *Node) hold(h holder) {
	n.doc.out.reshape(false)
	if !n.held() {
		n.up = h
		return
	}
	n.more = append(n.more, h)
}

// release notes that a slot does not hold n any more.
func (n *Node) release(h holder) {
	n.doc.out.reshape(false)
	last := len(n.more) - 1
	if n.up != h {
		if i := slices.Index(n.more, h); i >= 0 {
			n.more[i] = n.more[last]
			n.more[last] = holder{}
			n.more = n.more[:last]
		}
	} else if last >= 0 {
		n.up = n.more[last]
		n.more[last] = holder{}
		n.more = n.more[:last]
	} else {
		n.up.was = true
	}
	if len(n.more) == 0 {
		n.more = nil
	}
}

// Attached tells whether n is in its document's tree; stored whether it is
// there without passing through a local field.
func (n *Node) Attached() bool { return n.reaches(false) }
func (n *Node) stored() bool   { return n.reaches(true) }

func (n *Node) reaches(stored bool) bool {
	for m := n; ; m = m.up.n { // nearly always the first holder leads there
		if m == n.doc.root {
			return true
		}
		if !m.held() || stored && m.up.local() {
			break
		}
	}
	s := search{to: n.doc.root, f: -1, stored: stored}
	return s.from(n)
}

// within tells whether n is at or below a: making n hold a would be a cycle.
// It walks from n up to the root, which is short, and never down.
func (n *Node) within(a *Node) bool { return n == a || n.below(a, -1) }

// below tells whether n is below a, through field f of a unless that is -1.
func (n *Node) below(a *Node, f int32) bool {
	s := search{to: a, f: f}
	return s.from(n)
}

// shown tells the same of who watches: what is in a local field is there only
// for who names that, as field f.
func (n *Node) shown(a *Node, f int32) bool {
	s := search{to: a, f: f, stored: true}
	return s.from(n)
}

// search looks for a way up. It takes each node once: through twenty objects
// that each hold the next one twice there are a million ways.
type search struct {
	to     *Node
	f      int32          // the field of to that the way must come through; -1 for any
	stored bool           // not through local fields
	seen   map[*Node]bool // with several holders
}

func (s *search) from(n *Node) bool {
	for len(n.more) == 0 {
		h := &n.up
		switch {
		case !n.held():
			return false
		case h.n == s.to && s.f >= 0:
			return h.f == s.f
		case s.stored && h.local():
			return false
		case h.n == s.to:
			return true
		}
		n = h.n
	}
	if s.seen[n] {
		return false
	}
	if s.seen == nil {
		s.seen = map[*Node]bool{}
	}
	s.seen[n] = true
	for h := range n.holders {
		switch {
		case h.n == s.to && s.f >= 0:
			if h.f == s.f {
				return true
			}
		case s.stored && h.local():
		case h.n == s.to, s.from(h.n):
			return true
		}
	}
	return false
}

// nodes visits n and every node below it that has an id, each once.
func (n *Node) nodes(visit func(*Node)) {
	w := tour{visit: visit}
	w.to(n)
}

// tour goes down to everything below a node, to each once.
type tour struct {
	visit func(*Node)
	seen  map[*Node]bool // with several holders
}

func (w *tour) to(n *Node) {
	if len(n.more) > 0 {
		if w.seen[n] {
			return
		}
		if w.seen == nil {
			w.seen = map[*Node]bool{}
		}
		w.seen[n] = true
	}
	if !n.required() {
		w.visit(n)
	}
	for f := range n.typ.Fields {
		switch n.typ.Fields[f].Kind {
		case Inner:
			w.to(n.inner(f))
		case Child:
			if c := *n.childAt(f); c != nil {
				w.to(c)
			}
		case NodeList:
			l := n.List(f)
			for i := range l.Len() {
				w.to(l.Node(i))
			}
		}
	}
	n.unknown.objects(w.to)
}

// inSection marks n and everything below as part of the query section.
func (n *Node) inSection() {
	mark := func(m *Node) { m.section = true }
	n.inners(mark)
	n.nodes(func(m *Node) { m.inners(mark) })
}

// inners visits n and the required objects in it.
func (n *Node) inners(visit func(*Node)) {
	visit(n)
	for f := range n.typ.Fields {
		if n.typ.Fields[f].Kind == Inner {
			n.inner(f).inners(visit)
		}
	}
}

// Child gives the optional object in field f, nil when it is absent.
func (n *Node) Child(f int) *Node { return *n.childAt(f) }

// Shown gives the canonical handle, as a pointer to the generated type.
func (n *Node) Shown() any { return reflect.NewAt(n.typ.handle, n.Canonical()).Interface() }

// plain gives a copy of the object as the struct that the user wrote.
func (n *Node) plain() any {
	v := reflect.New(n.typ.plain)
	n.Snapshot(v.UnsafePointer())
	return v.Elem().Interface()
}
