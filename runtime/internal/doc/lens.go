package doc

import (
	"iter"
	"slices"
	"unsafe"
)

// Lens is a way down from an object to a place below it, or to many: into a
// field, to every element of a list, to one key of a map. It belongs to a type,
// not to a document, and does not change. What it leads to is found when
// somebody asks or when something changes; nothing is kept at the places.
//
// An object that is in several of the places is one of them: whoever looks
// through the lens sees its values once.
type Lens struct {
	steps   []step
	loops   []loop   // of Tree
	filters []filter // of Ignore and Shallow
	field   *Field   // that the last steps went into; nil at the beginning
	typ     *Type    // of the objects that it leads to; nil at values and at lists
	many    bool     // it goes through every element of something
}

// step is one step of a lens.
type step struct {
	kind  stepKind
	typ   *Type // for into: whose field it is
	f     int32 // for into
	key   Key   // for toKey
	index int   // for toIndex
}

type stepKind uint8

const (
	into    stepKind = iota // a field; the first step of every lens
	toEach                  // every element of the list
	toKey                   // one key of the map
	toIndex                 // what is at one index of the array
)

// goes tells whether the step goes into field f of objects of type t.
func (s *step) goes(t *Type, f int32) bool { return s.kind == into && s.f == f && s.typ == t }

// takes tells whether the step leads to the element of l with key k.
func (s *step) takes(l *List, k Key) bool {
	switch s.kind {
	case toEach:
		return true
	case toKey:
		return s.key == k
	case toIndex:
		i, ok := l.Find(k)
		return ok && i == s.index
	}
	return false
}

// NewLens begins a lens at objects of type t.
func NewLens(t *Type) *Lens { return &Lens{typ: t} }

// next is l and one step more. Lenses share no steps.
func (l *Lens) next(s step) *Lens {
	to := *l
	to.steps = make([]step, len(l.steps)+1)
	copy(to.steps, l.steps)
	to.steps[len(l.steps)], to.typ = s, nil
	return &to
}

// Into goes into field f of the objects that l leads to.
func (l *Lens) Into(f int) *Lens {
	to := l.next(step{kind: into, typ: l.typ, f: int32(f)})
	to.field = &l.typ.Fields[f]
	if to.field.Kind == Inner || to.field.Kind == Child {
		to.typ = to.field.typ
	}
	return to
}

// Each goes to every element of the list that l leads to.
func (l *Lens) Each() *Lens {
	to := l.next(step{kind: toEach})
	to.typ, to.many = l.field.typ, true
	return to
}

// Index goes to what is at one index of the array that l leads to.
func (l *Lens) Index(i int) *Lens {
	to := l.next(step{kind: toIndex, index: i})
	to.typ = l.field.typ
	return to
}

// At goes to one key of the map that l leads to: the map key at p.
func (l *Lens) At(p unsafe.Pointer) *Lens {
	to := l.next(step{kind: toKey, key: l.field.keys.at(p)})
	to.typ = l.field.typ
	return to
}

// meets tells whether l may go into field f of objects of type t.
func (l *Lens) meets(t *Type, f int32) bool {
	for i := range l.steps {
		if l.steps[i].goes(t, f) {
			return true
		}
	}
	for i := range l.loops {
		if slices.ContainsFunc(l.loops[i].steps, func(s step) bool { return s.goes(t, f) }) {
			return true
		}
	}
	return false
}

// Many tells whether l goes through every element of a list.
func (l *Lens) Many() bool { return l.many }

// empty tells whether l leads to what it begins at.
func (l *Lens) empty() bool { return len(l.steps) == 0 && !l.governed() }

// Flat tells whether the values that l leads to are copied by assignment.
func (l *Lens) Flat() bool { return l.field.leaf.flat }

// Copy copies a value that l leads to, sharing no memory.
func (l *Lens) Copy(dst, src unsafe.Pointer) { l.field.leaf.show(dst, src) }

// Unbox copies a value of a [Change] to dst, sharing no memory.
func (l *Lens) Unbox(dst unsafe.Pointer, v any) {
	if c, ok := v.(Coded); ok {
		l.field.leaf.show(dst, unsafe.Pointer(&c))
		return
	}
	l.field.leaf.unbox(dst, v)
}

// Encode encodes what has a codec in the value at p, for Set from n.
func (l *Lens) Encode(p unsafe.Pointer) (*Encoded, error) {
	if l.field.leaf.codec == nil {
		return nil, nil
	}
	e := &Encoded{}
	return e, e.leaf(l.field.leaf, p)
}

// Values yields the addresses of the values that l leads to from n, those of
// lists in the order of the elements. The lock is held, and the addresses are
// good until the next change.
func (l *Lens) Values(n *Node) iter.Seq[unsafe.Pointer] {
	return func(yield func(unsafe.Pointer) bool) {
		w := walker{lens: l, yield: yield}
		w.walk(n, 0)
	}
}

// walker looks for what a lens leads to.
type walker struct {
	lens  *Lens
	seen  map[rung]bool // objects with several holders
	yield func(unsafe.Pointer) bool
}

// rung is an object at a place of a lens.
type rung struct {
	n *Node
	i int
}

// walk goes on from place i; false ends the walk.
func (w *walker) walk(n *Node, i int) bool {
	if len(n.more) > 0 || len(w.lens.loops) > 0 { // there may be several ways
		if w.seen[rung{n, i}] {
			return true
		}
		if w.seen == nil {
			w.seen = map[rung]bool{}
		}
		w.seen[rung{n, i}] = true
	}
	for s := range w.lens.from(i) {
		if !w.step(n, s) {
			return false
		}
	}
	return true
}

// step takes step i from n, and the one to elements with it.
func (w *walker) step(n *Node, i int) bool {
	f := int(w.lens.step(i).f)
	fd, next := &n.typ.Fields[f], w.lens.after(i)
	switch fd.Kind {
	case Leaf:
		return w.yield(n.ptr(f))
	case OptionalLeaf:
		return !*fd.ok(n.ptr(f)) || w.yield(n.ptr(f))
	case Inner:
		return w.walk(n.inner(f), next)
	case Child:
		c := *n.childAt(f)
		return c == nil || w.walk(c, next)
	}
	l := n.List(f)
	from, to := 0, l.Len()
	switch s := w.lens.step(next); s.kind {
	case toKey:
		at, ok := l.Find(s.key)
		if !ok {
			return true
		}
		from, to = at, at+1
	case toIndex:
		if s.index >= to {
			return true
		}
		from, to = s.index, s.index+1
	}
	next = w.lens.after(next)
	for j := from; j < to; j++ {
		if fd.Kind == NodeList && !w.walk(l.Node(j), next) || fd.Kind == LeafList && !w.yield(l.cells.at(j)) {
			return false
		}
	}
	return true
}

// Set sets the value that l, which does not go through every element of
// anything, leads to from n, to a copy of the one at p. An absent optional
// value and an absent key of a map of values are places too. It gives false
// when an object on the way is absent, and when a unique value is refused.
func (l *Lens) Set(n *Node, p unsafe.Pointer) bool {
	e, ok := l.end(n)
	if !ok {
		return false
	}
	fd := &e.n.typ.Fields[e.f]
	switch {
	case fd.Kind == LeafList && e.at >= 0:
		e.n.List(e.f).SetLeaf(e.at, p)
	case fd.Kind == LeafList:
		e.n.EnsureList(e.f).PutPlain(e.key, p)
	case fd.Unique:
		return e.n.SetUnique(e.f, p) == nil
	default:
		e.n.SetLeaf(e.f, p)
	}
	return true
}

// Clear makes the value that l leads to from n absent: an optional one, or one
// under a key of a map. It gives false when the value cannot be, and when an
// object on the way is absent.
func (l *Lens) Clear(n *Node) bool {
	e, ok := l.end(n)
	if !ok {
		return false
	}
	switch fd := &e.n.typ.Fields[e.f]; {
	case fd.Kind == LeafList && fd.keys == nil, fd.Kind == Leaf:
		return false
	case fd.Kind == LeafList && e.at >= 0:
		e.n.List(e.f).Remove(e.at, 1)
	case fd.Kind == OptionalLeaf:
		e.n.ClearLeaf(e.f)
	}
	return true
}

// lensEnd is where a lens leads to: a field, or an element of the list in it.
type lensEnd struct {
	n   *Node
	f   int
	at  int // of an element; -1 for a key of a map that is not there
	key Key
}

// end is where l leads to from n; ok is false when something on the way is
// absent, or there is no such element.
func (l *Lens) end(n *Node) (e lensEnd, ok bool) {
	for i := 0; ; i++ {
		f := int(l.steps[i].f)
		fd := &n.typ.Fields[f]
		switch fd.Kind {
		case Leaf, OptionalLeaf:
			return lensEnd{n: n, f: f}, true
		case Inner:
			n = n.inner(f)
			continue
		case Child:
			if n = *n.childAt(f); n == nil {
				return e, false
			}
			continue
		}
		i++
		list, at, key := n.List(f), l.steps[i].index, l.steps[i].kind == toKey
		there := at < list.Len()
		if key {
			at, there = list.Find(l.steps[i].key)
		}
		switch {
		case fd.Kind == NodeList && there:
			n = list.Node(at)
		case fd.Kind == LeafList && there:
			return lensEnd{n, f, at, l.steps[i].key}, true
		case fd.Kind == LeafList && key:
			return lensEnd{n, f, -1, l.steps[i].key}, true
		default:
			return e, false
		}
	}
}

// Through is Listen for what happens to what l leads to from n.
func (n *Node) Through(l *Lens, typed bool, call func(*Commit)) *Subscription {
	return n.Listen(Listener{Field: -1, Lens: l, Typed: typed, Commit: call})
}

// NewLensReader reads what [Node.Through] would tell, from the commit after
// this call on; the caller ends it with Close.
func (n *Node) NewLensReader(l *Lens, typed bool) *Reader {
	return newReader(&Subscription{d: n.doc, n: n, f: -1, lens: l, typed: typed})
}
