package doc

import (
	"reflect"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// header is what a slice of any type looks like in memory.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// sliceAt gives the addresses of the elements of the plain slice at p.
func (f *Field) sliceAt(p unsafe.Pointer) (n int, at func(i int) unsafe.Pointer) {
	h := (*header)(p)
	size := f.plainType.Elem().Size()
	return h.len, func(i int) unsafe.Pointer { return unsafe.Add(h.data, uintptr(i)*size) }
}

// mapAt gives the entries of the plain map at p by list key, ascending, with
// the address of a copy of each value.
func (d *Document) mapAt(f *Field, p unsafe.Pointer) (ks []pos.Key, at func(k pos.Key) unsafe.Pointer) {
	m := d.entriesAt(f, p)
	return m.keys, func(k pos.Key) unsafe.Pointer { return m.vals[k] }
}

// entries copies the plain map at p.
func (f *Field) entries(p unsafe.Pointer) entries {
	m := reflect.NewAt(f.plainType, p).Elem()
	e := entries{vals: make(map[pos.Key]unsafe.Pointer, m.Len())}
	for it := m.MapRange(); it.Next(); {
		v := reflect.New(f.plainType.Elem())
		v.Elem().Set(it.Value())
		k := f.keys.of(it.Key())
		e.vals[k] = v.UnsafePointer()
		e.keys = append(e.keys, k)
	}
	slices.Sort(e.keys)
	return e
}

// Build makes an object of type t from the plain struct at p, with everything
// below it; it is linked to nothing yet.
func (d *Document) Build(t *Type, p unsafe.Pointer) *Node {
	n := t.newNode(d, NewID())
	n.fresh = d.ops
	n.fill(p)
	return n
}

// Init gives the root its content before anybody has seen it; e is what was
// encoded of it.
func (d *Document) Init(p unsafe.Pointer, e *Encoded) {
	d.encoded = e
	d.root.fill(p)
	d.encoded = nil
	d.ops++ // nothing of it is new
}

// fill gives a new node its content without a trace.
func (n *Node) fill(p unsafe.Pointer) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		src := unsafe.Add(p, fd.plainAt)
		switch fd.Kind {
		case Leaf:
			fd.leaf.copy(n.ptr(f), n.doc.cell(fd.leaf, src))
		case OptionalLeaf:
			if v := *(*unsafe.Pointer)(src); v != nil {
				fd.leaf.copy(n.ptr(f), n.doc.cell(fd.leaf, v))
				*fd.ok(n.ptr(f)) = true
			}
		case Inner:
			n.inner(f).fill(src)
		case Child:
			if v := *(*unsafe.Pointer)(src); v != nil {
				c := n.doc.Build(fd.typ, v)
				*n.childAt(f) = c
				n.doc.link(c, holder{n: n, f: int32(f)})
			}
		case LeafList, NodeList:
			n.fillList(f, src)
		}
	}
}

func (n *Node) fillList(f int, src unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	var (
		ks []pos.Key
		at func(i int) unsafe.Pointer
	)
	if fd.keys != nil {
		var byKey func(pos.Key) unsafe.Pointer
		ks, byKey = n.doc.mapAt(fd, src)
		at = func(i int) unsafe.Pointer { return byKey(ks[i]) }
	} else {
		var count int
		if count, at = fd.sliceAt(src); count > 0 {
			ks, _ = pos.Between("", "", count, n.doc.opts.KeyBound)
		}
		if len(ks) < count {
			ks = pos.Spread(count)
		}
	}
	if len(ks) == 0 {
		return
	}
	l := n.EnsureList(f)
	l.cells.insert(0, ks)
	for i := range ks {
		if fd.Kind == NodeList {
			l.Put(i, n.doc.Build(fd.typ, at(i)))
		} else {
			fd.leaf.copy(l.cells.at(i), n.doc.cell(fd.leaf, at(i)))
		}
	}
}

// Snapshot copies the object into the plain struct at p, which is zero.
func (n *Node) Snapshot(p unsafe.Pointer) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		dst := unsafe.Add(p, fd.plainAt)
		switch fd.Kind {
		case Leaf:
			fd.leaf.show(dst, n.ptr(f))
		case OptionalLeaf:
			if *fd.ok(n.ptr(f)) {
				v := reflect.New(fd.leaf.typ)
				fd.leaf.show(v.UnsafePointer(), n.ptr(f))
				*(*unsafe.Pointer)(dst) = v.UnsafePointer()
			}
		case Inner:
			n.inner(f).Snapshot(dst)
		case Child:
			if c := *n.childAt(f); c != nil {
				v := reflect.New(fd.typ.plain)
				c.Snapshot(v.UnsafePointer())
				*(*unsafe.Pointer)(dst) = v.UnsafePointer()
			}
		case LeafList, NodeList:
			n.List(f).snapshot(reflect.NewAt(fd.plainType, dst).Elem(), fd)
		}
	}
}

// snapshot copies the elements into a plain slice or map; none is nil.
func (l *List) snapshot(to reflect.Value, fd *Field) {
	count := l.Len()
	if count == 0 {
		return
	}
	elem := func(i int, p unsafe.Pointer) {
		if fd.Kind == NodeList {
			l.Node(i).Snapshot(p)
		} else {
			fd.leaf.show(p, l.cells.at(i))
		}
	}
	if fd.keys != nil {
		to.Set(reflect.MakeMapWithSize(to.Type(), count))
		for i := range count {
			v := reflect.New(fd.plainType.Elem())
			elem(i, v.UnsafePointer())
			to.SetMapIndex(fd.keys.value(l.cells.Key(i)), v.Elem())
		}
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), count, count))
	for i := range count {
		elem(i, to.Index(i).Addr().UnsafePointer())
	}
}

// SnapshotList copies the list in field f of n to a plain slice or map at p.
func (n *Node) SnapshotList(f int, p unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	n.List(f).snapshot(reflect.NewAt(fd.plainType, p).Elem(), fd)
}

// Assign makes the object equal to the plain struct at p by the smallest
// changes. Local fields stay as they are.
func (n *Node) Assign(p unsafe.Pointer) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		n.assignField(f, unsafe.Add(p, fd.plainAt))
	}
}

func (n *Node) assignField(f int, src unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	switch fd.Kind {
	case Leaf:
		n.SetLeaf(f, src)
	case OptionalLeaf:
		if v := *(*unsafe.Pointer)(src); v != nil {
			n.SetLeaf(f, v)
		} else {
			n.ClearLeaf(f)
		}
	case Inner:
		n.inner(f).Assign(src)
	case Child:
		v, c := *(*unsafe.Pointer)(src), *n.childAt(f)
		switch {
		case v == nil:
			n.SetChild(f, nil)
		case c != nil:
			c.Assign(v)
		default:
			n.SetChild(f, n.doc.Build(fd.typ, v))
		}
	case LeafList, NodeList:
		n.AssignList(f, src)
	}
}

// AssignList makes the list in field f equal to the plain slice or map at p.
func (n *Node) AssignList(f int, p unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	if fd.keys != nil {
		n.assignMap(f, p)
		return
	}
	count, at := fd.sliceAt(p)
	if count == 0 && n.List(f).Len() == 0 {
		return
	}
	l := n.EnsureList(f)
	head := 0 // what is equal at both ends stays
	for head < count && head < l.Len() && l.equal(head, at(head)) {
		head++
	}
	tail := 0
	for tail < count-head && tail < l.Len()-head && l.equal(l.Len()-1-tail, at(count-1-tail)) {
		tail++
	}
	l.splice(head, l.Len()-head-tail, count-head-tail, func(i int) unsafe.Pointer { return at(head + i) })
}

// splice replaces n elements from i on by count plain values: those that meet
// are assigned in place, so that objects keep their identity.
func (l *List) splice(i, n, count int, at func(int) unsafe.Pointer) {
	both := min(n, count)
	for j := range both {
		l.assign(i+j, at(j))
	}
	if n > both {
		l.Remove(i+both, n-both)
	}
	if count > both {
		l.InsertPlain(i+both, count-both, func(j int) unsafe.Pointer { return at(both + j) })
	}
}

// InsertPlain inserts n plain values at index i of an array.
func (l *List) InsertPlain(i, n int, at func(int) unsafe.Pointer) {
	l.Open(i, n)
	for j := range n {
		l.Init(i+j, at(j))
	}
	l.Close(i, n)
}

// PutPlain gives the map's element with key k a plain value.
func (l *List) PutPlain(k pos.Key, p unsafe.Pointer) {
	i, ok := l.Find(k)
	if ok {
		l.Replace(i, p)
		return
	}
	l.OpenKey(i, k)
	l.Init(i, p)
	l.Close(i, 1)
}

// Init gives an element that was just opened its first value.
func (l *List) Init(i int, p unsafe.Pointer) {
	if fd := l.field(); fd.Kind == NodeList {
		l.Put(i, l.owner.doc.Build(fd.typ, p))
	} else {
		fd.leaf.copy(l.cells.at(i), l.owner.doc.cell(fd.leaf, p))
	}
}

// assign makes the i-th element equal to a plain value.
func (l *List) assign(i int, p unsafe.Pointer) {
	if l.field().Kind == NodeList {
		l.Node(i).Assign(p)
	} else {
		l.SetLeaf(i, p)
	}
}

func (n *Node) assignMap(f int, p unsafe.Pointer) {
	fd := &n.typ.Fields[f]
	ks, at := n.doc.mapAt(fd, p)
	l := n.List(f)
	for i := l.Len() - 1; i >= 0; i-- {
		if _, ok := slices.BinarySearch(ks, l.cells.Key(i)); !ok {
			l.Remove(i, 1)
		}
	}
	if len(ks) == 0 {
		return
	}
	l = n.EnsureList(f)
	for _, k := range ks {
		if i, ok := l.Find(k); ok {
			l.assign(i, at(k))
		} else {
			l.PutPlain(k, at(k))
		}
	}
}

// equal tells whether the i-th element equals a plain value.
func (l *List) equal(i int, p unsafe.Pointer) bool {
	if fd := l.field(); fd.Kind != NodeList {
		return fd.leaf.equal(l.cells.at(i), l.owner.doc.cell(fd.leaf, p))
	}
	return l.Node(i).equal(p)
}

// equal tells whether the object equals the plain struct at p, local fields
// aside.
func (n *Node) equal(p unsafe.Pointer) bool {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		src := unsafe.Add(p, fd.plainAt)
		same := true
		switch {
		case fd.Local:
		case fd.Kind == Leaf:
			same = fd.leaf.equal(n.ptr(f), n.doc.cell(fd.leaf, src))
		case fd.Kind == OptionalLeaf:
			v, has := *(*unsafe.Pointer)(src), *fd.ok(n.ptr(f))
			same = has == (v != nil) && (!has || fd.leaf.equal(n.ptr(f), n.doc.cell(fd.leaf, v)))
		case fd.Kind == Inner:
			same = n.inner(f).equal(src)
		case fd.Kind == Child:
			v, c := *(*unsafe.Pointer)(src), *n.childAt(f)
			same = (c != nil) == (v != nil) && (c == nil || c.equal(v))
		default:
			same = n.equalAll(f, src)
		}
		if !same {
			return false
		}
	}
	return true
}

func (n *Node) equalAll(f int, p unsafe.Pointer) bool {
	fd, l := &n.typ.Fields[f], n.List(f)
	if fd.keys == nil {
		count, at := fd.sliceAt(p)
		if count != l.Len() {
			return false
		}
		for i := range count {
			if !l.equal(i, at(i)) {
				return false
			}
		}
		return true
	}
	ks, at := n.doc.mapAt(fd, p)
	if len(ks) != l.Len() {
		return false
	}
	for i, k := range ks {
		if l.cells.Key(i) != k || !l.equal(i, at(k)) {
			return false
		}
	}
	return true
}

// Plain tells whether a plain struct says all that there is of an object: neither
// it nor anything below it has a field that this program does not know, or stands
// in several places. The document is locked, or nobody else's.
func (n *Node) Plain() bool {
	if len(n.more) > 0 || n.unknown != nil && len(n.unknown.keys) > 0 {
		return false
	}
	for f := range n.typ.Fields {
		switch n.typ.Fields[f].Kind {
		case Inner:
			if !n.inner(f).Plain() {
				return false
			}
		case Child:
			if c := *n.childAt(f); c != nil && !c.Plain() {
				return false
			}
		case NodeList:
			l := n.List(f)
			for i := range l.Len() {
				if !l.Node(i).Plain() {
					return false
				}
			}
		}
	}
	return true
}
