package doc

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unsafe"
)

// Traced is one change of one slot, as a stored commit made it. Nothing that
// happens later changes it.
type Traced struct {
	Delta
	At       Path // where the slot is after the commit; where it was before if it is gone
	Old, New any  // the plain struct of an object, JSON of what is not known; of a leaf nil: Prev and Val say it
	slot     slot
}

// Traced gives the whole of which x is the Delta, nil when it is of no stored
// commit.
func (x *Delta) Traced() *Traced {
	if x.form != formTraced {
		return nil
	}
	return (*Traced)(unsafe.Pointer(x)) // of which it is the first field
}

// PatchOp is one operation of a JSON Patch (RFC 6902).
type PatchOp struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"` // of add and replace
}

// Trace is what one stored commit did.
type Trace struct {
	Deltas []Traced
	Ops    []PatchOp // in an order in which they can be done; only if asked for
}

// Trace replays a stored commit, as Replay does, and tells what it changes;
// with patch, also how JSON of the document before becomes that of it after. A
// creation changes every slot that it fills.
func (d *Document) Trace(seq uint64, body []byte, patch bool) (Trace, error) {
	t := tracer{d: d, patch: patch}
	c := d.load(body)
	defer d.loaded()
	if len(body) == 0 {
		d.base = seq
		return t.Trace, nil
	}
	xs, err := d.read(c)
	if err != nil {
		return t.Trace, corrupt(err)
	}
	c.know()
	d.base, d.root.known = seq, true
	t.commit(xs)
	return t.Trace, t.err
}

// tracer makes changes one after the other, and notes each.
type tracer struct {
	Trace
	d     *Document
	patch bool
	gone  []*Node
	err   error
}

func (t *tracer) commit(xs []change) {
	if len(xs) == 1 && xs[0].op == opContent {
		t.created(t.d.root)
		if t.patch {
			t.Ops = []PatchOp{{Op: "add", Value: t.d.root.AppendJSON(nil)}}
		}
		return
	}
	var went, came []*change
	for i := range xs {
		switch x := &xs[i]; {
		case x.op == opRenumber:
		case x.has():
			came = append(came, x)
		default:
			went = append(went, x)
		}
	}
	t.deletes(went)
	for i := range xs {
		if x := &xs[i]; x.op == opRenumber {
			s := x.slot()
			t.make(x)
			t.Deltas = append(t.Deltas, Traced{slot: s, Delta: Delta{
				Head: Head{N: s.n, F: s.f, form: formTraced}, L: s.l, extra: &extra{renamed: x.rare.renamed},
			}})
		}
	}
	t.rest(came)
	for i := range t.Deltas {
		t.Deltas[i].finish()
	}
	for _, n := range t.gone {
		t.d.leave(n)
	}
}

// created notes the slots that a creation fills.
func (t *tracer) created(n *Node) {
	note := func(f int, l *List, i int) {
		r := Traced{slot: slot{n: n, l: l, f: int32(f)}}
		if l != nil {
			r.slot.key = l.cells.Key(i)
		}
		r.Delta = Delta{Head: Head{N: n, F: int32(f), Has: true, form: formTraced}, L: l, Key: r.slot.key}
		if l != nil {
			r.Val = l.elem(i)
		} else {
			_, r.Val = n.value(f)
		}
		r.finish()
		t.Deltas = append(t.Deltas, r)
	}
	for f := range n.typ.Fields {
		switch fd := &n.typ.Fields[f]; {
		case fd.Local:
		case fd.Kind == Inner:
			t.created(n.inner(f))
		case fd.Kind == LeafList, fd.Kind == NodeList:
			l := n.List(f)
			for i := range l.Len() {
				note(f, l, i)
			}
		case n.has(f):
			note(f, nil, 0)
		}
	}
}

// deletes makes the deletes: what is deeper first, and of a list the later
// elements first, so that each still has the path that it had before.
func (t *tracer) deletes(xs []*change) {
	type place struct {
		x            *change
		depth, index int
	}
	ps := make([]place, len(xs))
	for i, x := range xs {
		ps[i] = place{x: x, depth: len(x.n.place())}
		if x.path == "" && x.element() {
			ps[i].index, _ = x.n.List(x.f).Find(x.key)
		}
	}
	slices.SortStableFunc(ps, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.depth, a.depth), cmp.Compare(b.index, a.index))
	})
	for _, p := range ps {
		t.one(p.x)
	}
}

// rest makes inserts and modifies, first those in objects that are there: what
// is in an object that was somewhere else comes after the object.
func (t *tracer) rest(xs []*change) {
	type list struct { // elements of one list ascend, lists come as they did
		n    *Node
		f    int
		path string
	}
	first := map[list]int{}
	for i, x := range xs {
		if l := (list{x.n, x.f, x.path}); first[l] == 0 {
			first[l] = i + 1
		}
	}
	slices.SortStableFunc(xs, func(a, b *change) int {
		return cmp.Or(cmp.Compare(first[list{a.n, a.f, a.path}], first[list{b.n, b.f, b.path}]), cmp.Compare(a.key, b.key))
	})
	for len(xs) > 0 {
		var later []*change
		for _, x := range xs {
			if x.n.base().stored() {
				t.one(x)
			} else {
				later = append(later, x)
			}
		}
		if len(later) == len(xs) { // in objects that are nowhere
			t.patch = false
			for _, x := range xs {
				t.one(x)
			}
			return
		}
		xs = later
	}
}

// one makes a change and notes it.
func (t *tracer) one(x *change) {
	r := Traced{slot: x.slot()}
	r.Delta = Delta{Head: Head{N: x.n, F: int32(x.f), form: formTraced}, L: r.slot.l, Key: x.key}
	if x.path != "" {
		r.F, r.L = unknownPlace, nil
	}
	if r.Prev = x.held(); r.Prev != nil {
		r.Had, r.Old = true, plainOf(r.Prev)
	}
	var steps Path
	whole := x.container()
	if !x.has() {
		steps = x.steps()
		r.At = append(x.n.place(), steps...)
	}
	t.make(x)
	if r.Val = x.held(); r.Val != nil {
		r.Has = true
		steps = x.steps()
		r.At = steps // finish puts the object's path before it
	}
	if r.Had || r.Has {
		t.op(&r, x, steps, whole)
		t.Deltas = append(t.Deltas, r)
	}
}

func (t *tracer) make(x *change) {
	t.d.makeOne(x, func(n *Node) {
		if n != nil {
			t.gone = append(t.gone, n)
		}
	})
}

// op notes a change as operations: one for each place of its object. An array
// or map that is not known is there or not, so that it is written whole; was
// is what it was.
func (t *tracer) op(r *Traced, x *change, steps Path, was *unknown) {
	if !t.patch {
		return
	}
	o := PatchOp{Op: "replace"}
	had, has, value := r.Had, r.Has, x.json
	if x.path != "" && x.element() {
		is := x.container()
		steps, had, has = steps[:len(steps)-1], was != nil, is != nil
		value = func() []byte { return is.appendJSON(nil) }
	}
	switch {
	case !has:
		o.Op = "remove"
	case !had:
		o.Op = "add"
	}
	if has {
		o.Value = value()
	}
	routes, err := x.n.routes(nil, 0)
	if err != nil {
		t.err = err
	}
	for _, route := range routes {
		o.Path = append(route, steps...).Pointer()
		t.Ops = append(t.Ops, o)
	}
}

// finish gives a change its path and its value as the whole commit left them.
func (r *Traced) finish() {
	if !r.Has {
		return
	}
	if r.F == unknownPlace {
		r.At = append(r.N.place(), r.At...)
	} else {
		r.At = append(r.N.place(), Step{Name: r.N.typ.Fields[r.F].Name, Index: -1})
		if r.L != nil {
			r.At = append(r.At, r.L.step(r.Key))
		}
	}
	r.New = plainOf(r.Val)
}

// plainOf gives an object, or what is not known, as users know it who are not
// to touch the document; nil for a leaf, which is its own value.
func plainOf(v any) any {
	switch v := v.(type) {
	case *Node:
		if v.typ == unknownType {
			return json.RawMessage(v.AppendJSON(nil))
		}
		return v.plain()
	case *unknown:
		return json.RawMessage(v.appendJSON(nil))
	}
	return nil
}

// held gives what is in the slot of a change, nil for nothing.
func (x *change) held() any {
	if x.path != "" {
		if u := x.present(); u != nil {
			return u
		}
		return nil
	}
	if x.element() {
		if l := x.n.List(x.f); l != nil {
			if i, ok := l.Find(x.key); ok {
				return l.elem(i)
			}
		}
		return nil
	}
	_, v := x.n.value(x.f)
	return v
}

// container gives the unknown array or map that a change is of an element of.
func (x *change) container() *unknown {
	if x.path == "" || !x.element() {
		return nil
	}
	m, last, _ := x.n.way(x.path, false)
	return m.get(last)
}

// json gives what is in the slot of a change as JSON.
func (x *change) json() []byte {
	if x.path != "" {
		return x.present().appendJSON(nil)
	}
	fd := &x.n.typ.Fields[x.f]
	switch {
	case x.element():
		l := x.n.List(x.f)
		i, _ := l.Find(x.key)
		return l.elementJSON(nil, fd, i)
	case fd.Kind == Child:
		return (*x.n.childAt(x.f)).AppendJSON(nil)
	}
	return fd.leaf.appendJSON(nil, x.n.valueBytes(x.f))
}

// steps lead from the object of a change to its slot, as it is.
func (x *change) steps() Path {
	if x.path == "" {
		p := Path{{Name: x.n.typ.Fields[x.f].Name, Index: -1}}
		if x.element() {
			p = append(p, x.n.List(x.f).step(x.key))
		}
		return p
	}
	var p Path
	for name := range strings.SplitSeq(x.path, ".") {
		p = append(p, Step{Name: name, Index: -1})
	}
	if !x.element() {
		return p
	}
	s := Step{Index: -1, elem: true}
	if !x.position {
		s.Name = keyText(x.key)
	} else if m, last, _ := x.n.way(x.path, false); m != nil {
		s.Index = 0
		if u := m.get(last); u != nil {
			list, _ := u.open()
			i, _ := list.find(string(x.key))
			s.Index = int32(i)
		}
	}
	return append(p, s)
}
