package doc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// change is one delta of a body, read and not made yet.
type change struct {
	n        *Node
	f        int
	op       int8
	position bool   // the key is one
	former   bool   // the place has a former name
	loose    bool   // it fits whether something is there or not
	path     string // of a place that is not known, from n; else empty
	key      pos.Key
	raw      []byte // the value of a leaf
	node     *Node  // the value, an object
	rare     *rare  // nil for what is none of it
}

// rare is what few changes have: there may be many, of a few bytes each.
type rare struct {
	value   *unknown // of an unknown place
	renamed *Renamed // of a renumbering
	leaf    *leaf    // that reads what is stored under a former name
}

// value is that of an unknown place, nil for none.
func (x *change) value() *unknown {
	if x.rare == nil {
		return nil
	}
	return x.rare.value
}

// leaf reads the value of a leaf.
func (x *change) leaf() *leaf {
	if x.former {
		return x.rare.leaf
	}
	return x.n.typ.Fields[x.f].leaf
}

// recast tells whether x is of a value that is a required object today.
func (x *change) recast() bool {
	return x.former && x.rare.leaf != nil && x.rare.leaf.object != nil && x.n.typ.Fields[x.f].Kind == Inner
}

// element tells whether x changes an element of a list.
func (x *change) element() bool { return x.op > opElement && x.op != opRenumber }

// has tells whether the slot holds something after x.
func (x *change) has() bool { return x.op != opDelete && x.op != opDelete+opElement }

// apply makes the changes of a body: deletes by the keys at its start, then
// renumberings, then inserts and modifies. All of it is read and checked
// before anything is changed.
func (d *Document) apply(c *decoder) error {
	xs, err := d.read(c)
	if err != nil {
		return err
	}
	c.know()
	for _, n := range d.make(xs) {
		d.leave(n)
	}
	return nil
}

// read reads a body and checks that it fits what is there. After an error
// nothing of it is left.
func (d *Document) read(c *decoder) ([]change, error) {
	xs, err := c.changes(c.room[:0])
	if err == nil && c.early {
		xs, err = c.again(xs)
	}
	if err == nil {
		err = c.finish()
	}
	if err == nil {
		err = d.fits(xs, c)
	}
	if err != nil {
		c.drop()
		return nil, err
	}
	return xs, nil
}

// changes reads a body.
func (c *decoder) changes(xs []change) ([]change, error) {
	n := c.r.Array()
	if n > cap(xs) {
		if n > c.r.Len()/usualDelta { // or the input says more than it has
			n = c.count(n)
		}
		xs = make([]change, 0, n)
	}
	for range n {
		at, i := len(c.input)-c.r.Len(), len(xs)
		var err error
		if xs, err = c.delta(xs); err != nil {
			return nil, err
		}
		if c.xs = xs; len(xs) > i && xs[i].n != nil && xs[i].n.typ == unknownType {
			c.vague = append(c.vague, vague{at, i})
		}
	}
	if c.r.Err() == nil && c.r.Len() > 0 {
		return nil, errTooMany(c.r.Len())
	}
	if c.r.Err() == nil && c.d.root.typ.shades() {
		return c.shaded(xs)
	}
	return xs, c.r.Err()
}

// delta reads one delta, which mostly is one change.
func (c *decoder) delta(xs []change) ([]change, error) {
	xs = append(xs, change{})
	x := &xs[len(xs)-1]
	err := c.change(x)
	if err == nil {
		err = c.r.Err()
	}
	if err == errLost {
		return xs[:len(xs)-1], c.r.Err()
	}
	if err == nil && x.recast() {
		xs, err = c.recastChange(xs)
	}
	return xs, err
}

// vague is a delta of an object whose type is not known.
type vague struct {
	at int // in the input
	x  int // what it is in xs
}

// again reads the deltas once more that were of objects without a type, and came
// before what says the type. The objects in them are there.
func (c *decoder) again(xs []change) ([]change, error) {
	c.rereads = true
	for _, v := range slices.Backward(c.vague) {
		if n := xs[v.x].n; c.d.index[n.id] == n {
			continue
		}
		c.own.Reset(c.input)
		c.own.Advance(v.at)
		c.r = &c.own
		more, err := c.delta(nil)
		if err != nil {
			return nil, err
		}
		xs = slices.Replace(xs, v.x, v.x+1, more...)
		c.xs = xs
	}
	c.own.Advance(c.own.Len())
	return xs, nil
}

// usualDelta is how many bytes a delta takes that is not a very short one.
const usualDelta = 16

// count counts what follows, which should be n deltas.
func (c *decoder) count(n int) int {
	r := *c.r
	for i := range n {
		if r.Skip(); r.Err() != nil {
			c.r.Fail(r.Err())
			return i
		}
	}
	return n
}

// change reads one delta with its value.
func (c *decoder) change(x *change) error {
	parts := c.r.Array()
	op := c.r.Int()
	x.op = int8(op)
	if op == opContent {
		if parts != 2 || c.d.root.known {
			return errors.New("a second creation")
		}
		c.object(c.d.root)
		return nil
	}
	if op < opInsert || op > opRenumber || op == opElement || parts != partsOf(op) {
		return fmt.Errorf("delta of kind %d with %d parts", op, parts)
	}
	if err := c.place(x, parts-1); err != nil || c.r.Err() != nil {
		return err
	}
	if x.path != "" {
		c.unknownChange(x)
		return nil
	}
	fd := &x.n.typ.Fields[x.f]
	list := fd.Kind == LeafList || fd.Kind == NodeList
	switch {
	case x.recast() && x.op <= opDelete:
		return nil // see recastChange
	case x.op == opRenumber && list && fd.keys == nil:
		n := int(min(c.r.Uint(), uint64(x.n.List(x.f).Len())))
		x.rare = &rare{renamed: c.renamed(n)}
		return nil
	case x.element() && list && fd.keys != nil:
		x.key = fd.keys.read(c.r)
	case x.element() && list:
		// Only what is inserted is kept; the others find what the list has.
		if x.key = c.position(); x.op == opInsert+opElement {
			x.key = pos.Key(strings.Clone(string(x.key)))
		}
	case x.op > opDelete || list || fd.Kind == Inner:
		return fmt.Errorf("delta of kind %d on field %s", x.op, fd.Name)
	}
	if !x.has() {
		return nil
	}
	if fd.typ != nil {
		var l *leaf
		if x.former {
			l = x.rare.leaf
		}
		x.node = c.element(x.n, x.f, x.key, l)
		return nil
	}
	rest := c.r.Len()
	x.leaf().check(c.r)
	x.raw = c.input[len(c.input)-rest : len(c.input)-c.r.Len()]
	return nil
}

// renamed reads the keys of a renumbering, which are not more than n.
func (c *decoder) renamed(n int) *Renamed {
	r := &Renamed{}
	r.Old, r.New = c.positions(n), c.positions(n)
	return r
}

// partsOf says of how many parts a delta of a kind consists.
func partsOf(op int64) int {
	switch op {
	case opRenumber:
		return 5
	case opDelete:
		return 2
	case opInsert + opElement, opModify + opElement:
		return 4
	}
	return 3
}

// position reads one position. It has the memory of the input, which nobody
// changes meanwhile: who keeps it makes a copy.
func (c *decoder) position() pos.Key {
	typ, p := c.r.Ext()
	k := pos.Key(unsafe.String(unsafe.SliceData(p), len(p)))
	if c.r.Err() == nil && (typ != extKey || !pos.Valid(k)) {
		c.r.Fail(errors.New("an invalid position"))
	}
	return k
}

// unknownChange reads the rest of a delta on an unknown place.
func (c *decoder) unknownChange(x *change) {
	if _, _, ok := x.n.shadowed(x.path); !ok {
		c.strange(x.n, x.path)
	}
	switch {
	case x.op == opRenumber:
		n := int(min(c.r.Uint(), x.elements()))
		x.rare = &rare{renamed: c.renamed(n)}
		return
	case !x.element():
	case c.r.Kind() == wire.Ext:
		x.key, x.position = pos.Key(strings.Clone(string(c.position()))), true
	default:
		x.key = pos.Key(c.r.Raw())
	}
	if x.has() {
		x.rare = &rare{value: c.unknown()}
	}
}

// elements says how many elements the array in an unknown place has.
func (x *change) elements() uint64 {
	if m, last, err := x.n.way(x.path, false); err == nil {
		if u := m.get(last); u != nil {
			if list, err := u.open(); err == nil {
				return uint64(len(list.keys))
			}
		}
	}
	return 0
}

// lastPlace is the place of the change before, with its bytes: changes of one
// list stand behind each other.
type lastPlace struct {
	raw   []byte // empty for none
	n     *Node
	f     int
	loose bool
}

// place reads a delta's place: the nearest node with an id, unless that is the
// root, and the dotted path of the field from there. If the node is not there,
// and need not be, the delta is passed over, of which so many parts are left with
// the place: errLost.
func (c *decoder) place(x *change, parts int) error {
	rest := c.input[len(c.input)-c.r.Len():]
	if s := &c.last; len(s.raw) > 0 && bytes.HasPrefix(rest, s.raw) {
		x.n, x.f, x.loose = s.n, s.f, s.loose
		c.r.Advance(len(s.raw))
		return nil
	}
	err := c.otherPlace(x, parts)
	if err == nil && c.r.Err() == nil && x.path == "" && !x.former {
		c.last = lastPlace{rest[:len(rest)-c.r.Len()], x.n, x.f, x.loose}
	}
	return err
}

// otherPlace is place where it is not that of the change before.
func (c *decoder) otherPlace(x *change, parts int) error {
	x.n = c.d.root
	if c.r.Kind() == wire.Array {
		if c.r.Array() != 2 {
			return errors.New("a place that is not an id and a path")
		}
		typ, p := c.r.Ext()
		if c.r.Err() != nil {
			return nil
		}
		if typ != extNode || len(p) != len(ID{}) {
			return errors.New("a place without an id")
		}
		if x.n = c.d.index[ID(p)]; x.n == nil || !x.n.known {
			if err := c.lose(ID(p), parts); err != nil {
				return err
			}
			return errLost
		}
	}
	if c.r.Kind() != wire.String {
		return errors.New("a place without a path")
	}
	return x.at(c.r.View())
}

// at follows a dotted path of required objects. What it does not know is left
// in x.path.
func (x *change) at(path []byte) error {
	for {
		name := path
		dot := slices.Index(path, '.')
		if dot >= 0 {
			name = path[:dot]
		}
		f, w, ok := x.n.typ.find(string(name))
		if !ok {
			if x.path = string(path); x.path == "" {
				return errors.New("a place without a path")
			}
			return nil
		}
		if dot < 0 {
			if x.f, x.former = f, w.order >= 0; x.former {
				x.rare = &rare{leaf: w.leaf}
			}
			return nil
		}
		if x.n.typ.Fields[f].Kind != Inner || w.leaf != nil {
			return fmt.Errorf("a place inside field %s", name)
		}
		// What an upcaster makes of a value may be another some day.
		x.loose = x.loose || x.n.typ.Fields[f].recast
		x.n, path = x.n.inner(f), path[dot+1:]
	}
}

// make makes changes that were found to fit, and gives the objects that slots
// do not hold any more.
func (d *Document) make(xs []change) (gone []*Node) {
	leaves := func(n *Node) {
		if n != nil {
			gone = append(gone, n)
		}
	}
	if len(xs) > 1 {
		for i := range xs {
			d.shared.left += len(xs[i].raw)
		}
		defer func() { d.shared = sharedTexts{} }()
	}
	for i := range xs {
		if x := &xs[i]; !x.has() {
			d.makeOne(x, leaves)
		}
	}
	for i := range xs {
		if x := &xs[i]; x.op == opRenumber {
			d.makeOne(x, leaves)
		}
	}
	for i := range xs {
		if x := &xs[i]; x.has() && x.op != opRenumber && x.op != opContent {
			d.makeOne(x, leaves)
		}
	}
	return gone
}

func (d *Document) makeOne(x *change, leaves func(*Node)) {
	switch {
	case x.path != "":
		x.alterLinked(leaves)
	case x.op == opRenumber:
		d.rename(x.n.List(x.f), x.rare.renamed.Old, x.rare.renamed.New)
	case x.element():
		x.setElement(leaves)
	default:
		x.setField(leaves)
	}
}

// alterLinked is alter with the objects linked and unlinked.
func (x *change) alterLinked(leaves func(*Node)) {
	d := x.n.doc
	d.ask(x.n)
	h := holder{n: x.n, f: unknownPlace}
	if was := x.alter(); was != nil {
		was.objects(func(n *Node) {
			d.unlink(n, h)
			leaves(n)
		})
	}
	if v := x.value(); v != nil {
		v.objects(func(n *Node) { d.link(n, h) })
	}
}

func (x *change) setField(leaves func(*Node)) {
	fd := &x.n.typ.Fields[x.f]
	switch {
	case fd.Kind == Child:
		leaves(*x.n.childAt(x.f))
		x.n.SetChild(x.f, x.node)
	case !x.has():
		x.clearLeaf()
	default:
		x.n.Changing(x.f)
		x.readTo(x.n.ptr(x.f))
		if fd.Kind == OptionalLeaf {
			*fd.ok(x.n.ptr(x.f)) = true
		}
		x.n.Changed(x.f)
	}
}

// readTo reads the value of a leaf, which was found to be one.
func (x *change) readTo(p unsafe.Pointer) {
	d := x.n.doc
	d.values.Reset(x.raw)
	if d.shared.left > 0 && !x.former {
		d.shared.read(x.leaf(), &d.values, p)
	} else {
		x.leaf().read(&d.values, p)
	}
	d.values.Reset(nil)
}

func (x *change) setElement(leaves func(*Node)) {
	l := x.n.EnsureList(x.f)
	i, ok := l.Find(x.key)
	if ok && l.field().Kind == NodeList {
		leaves(l.Node(i))
	}
	switch {
	case ok && !x.has():
		l.Remove(i, 1)
	case ok && x.node != nil:
		l.SetNode(i, x.node)
	case ok:
		l.Changing(i)
		x.readTo(l.cells.at(i))
		l.Changed(i)
	case !x.has(): // under a former name
	default:
		l.OpenKey(i, x.key)
		if x.node != nil {
			l.Put(i, x.node)
		} else {
			x.readTo(l.cells.at(i))
		}
		l.Close(i, 1)
	}
}

// leave forgets an object that a slot does not hold any more, with all below,
// unless they are somewhere else: the store has them no more.
func (d *Document) leave(c *Node) {
	if c.stored() {
		return
	}
	c.nodes(func(n *Node) {
		if n.known && !n.stored() {
			d.unknow(n)
			if d.rebase != nil {
				d.rebase.removed[n] = true
			}
		}
	})
}

// know notes that the store has a node's content, or gets it with a commit
// that is pending: then it is found by its id.
func (d *Document) know(n *Node) {
	n.known = true
	if d.index != nil && n != d.root {
		d.index[n.id] = n
	}
}

// unknow undoes know.
func (d *Document) unknow(n *Node) {
	n.known = false
	if d.index != nil && d.index[n.id] == n {
		delete(d.index, n.id)
	}
}

// rename gives the elements with the old keys the new ones: whole runs of
// neighbours where they are neighbours.
func (d *Document) rename(l *List, old, new []pos.Key) {
	for i := 0; i < len(old); {
		at, ok := l.Find(old[i])
		if !ok {
			i++
			continue
		}
		n := 1
		for i+n < len(old) && at+n < l.Len() && l.cells.Key(at+n) == old[i+n] {
			n++
		}
		l.rename(at, new[i:i+n])
		i += n
	}
}

var errNotThere = errors.New("something that is not there was changed")
