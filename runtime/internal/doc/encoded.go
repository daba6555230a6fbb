package doc

import (
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Encoded are the values with codecs in a plain value that a document is about
// to be changed by. They are encoded before the document is locked, since that
// runs user code, and since a value that cannot be encoded refuses the change
// as a whole. A nil Encoded has none.
type Encoded struct {
	first place // without a map for the commonest, a single one
	cell  Coded
	cells map[place]*Coded
	maps  map[unsafe.Pointer]entries // copies of plain maps, so that their values stay where they are
}

// place is where a plain value is. Values without a size may share an address.
type place struct {
	l *leaf
	p unsafe.Pointer
}

// entries are those of a plain map.
type entries struct {
	keys []pos.Key
	vals map[pos.Key]unsafe.Pointer
}

// Encode encodes what the plain struct at p has.
func (t *Type) Encode(p unsafe.Pointer) (*Encoded, error) {
	if !t.hasCodecs() {
		return nil, nil
	}
	e := &Encoded{}
	return e, e.object(t, p)
}

// EncodeField encodes what the plain value at p has, for field f: a value, not
// a pointer to it, or a whole list.
func (t *Type) EncodeField(f int, p unsafe.Pointer) (*Encoded, error) {
	fd := &t.Fields[f]
	if !fd.hasCodecs() {
		return nil, nil
	}
	e := &Encoded{}
	switch fd.Kind {
	case LeafList, NodeList:
		return e, e.list(fd, p)
	case Inner, Child:
		return e, e.object(fd.typ, p)
	}
	return e, e.leaf(fd.leaf, p)
}

// EncodeElements encodes what the n plain values from p on have, elements of
// the list in field f.
func (t *Type) EncodeElements(f int, p unsafe.Pointer, n int) (*Encoded, error) {
	fd := &t.Fields[f]
	if !fd.hasCodecs() {
		return nil, nil
	}
	e := &Encoded{}
	for i := range n {
		if err := e.element(fd, unsafe.Add(p, uintptr(i)*fd.plainType.Elem().Size())); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// hasCodecs tells whether something of the type has a codec, at any depth.
func (t *Type) hasCodecs() bool {
	t.codecs.Do(func() { t.coded = t.reachesCodec(map[*Type]bool{}) })
	return t.coded
}

func (t *Type) reachesCodec(seen map[*Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.typ != nil && f.typ.reachesCodec(seen) || f.typ == nil && f.leaf.codec != nil {
			return true
		}
	}
	return false
}

func (f *Field) hasCodecs() bool {
	if f.typ != nil {
		return f.typ.hasCodecs()
	}
	return f.leaf.codec != nil
}

func (e *Encoded) object(t *Type, p unsafe.Pointer) error {
	for i := range t.Fields {
		fd := &t.Fields[i]
		at := unsafe.Add(p, fd.plainAt)
		var err error
		switch fd.Kind {
		case Leaf:
			err = e.leaf(fd.leaf, at)
		case OptionalLeaf:
			if v := *(*unsafe.Pointer)(at); v != nil {
				err = e.leaf(fd.leaf, v)
			}
		case Inner:
			err = e.object(fd.typ, at)
		case Child:
			if v := *(*unsafe.Pointer)(at); v != nil {
				err = e.object(fd.typ, v)
			}
		default:
			err = e.list(fd, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Encoded) list(fd *Field, p unsafe.Pointer) error {
	if !fd.hasCodecs() {
		return nil
	}
	if fd.keys != nil {
		if e.maps == nil {
			e.maps = map[unsafe.Pointer]entries{}
		}
		m := fd.entries(p)
		e.maps[p] = m
		for _, v := range m.vals {
			if err := e.element(fd, v); err != nil {
				return err
			}
		}
		return nil
	}
	n, at := fd.sliceAt(p)
	for i := range n {
		if err := e.element(fd, at(i)); err != nil {
			return err
		}
	}
	return nil
}

func (e *Encoded) element(fd *Field, p unsafe.Pointer) error {
	if fd.Kind == NodeList {
		return e.object(fd.typ, p)
	}
	return e.leaf(fd.leaf, p)
}

func (e *Encoded) leaf(l *leaf, p unsafe.Pointer) error {
	if l.codec == nil {
		return nil
	}
	c, err := l.codec.value(reflect.NewAt(l.typ, p))
	if err != nil {
		return err
	}
	if e.first.l == nil {
		e.first, e.cell = place{l, p}, c
		return nil
	}
	if e.cells == nil {
		e.cells = map[place]*Coded{}
	}
	e.cells[place{l, p}] = &c
	return nil
}

// Use gives a change, which Write has begun, what was encoded for it.
func (o *Object) Use(e *Encoded) { o.n.doc.encoded = e }

// cell gives a plain value as the document keeps it: itself, or what was
// encoded of it.
func (d *Document) cell(l *leaf, p unsafe.Pointer) unsafe.Pointer {
	if l.codec == nil {
		return p
	}
	e := d.encoded
	if e == nil {
		panic("destam: a value was not encoded before the document was locked") // a bug of ours
	}
	if e.first == (place{l, p}) {
		return unsafe.Pointer(&e.cell)
	}
	return unsafe.Pointer(e.cells[place{l, p}])
}

// entriesAt gives the entries of the plain map at p.
func (d *Document) entriesAt(f *Field, p unsafe.Pointer) entries {
	if d.encoded != nil {
		if m, ok := d.encoded.maps[p]; ok {
			return m
		}
	}
	return f.entries(p)
}

// Coded gives the state of field f, a value with a codec; ok is false when it
// is optional and absent. The lock is held.
func (n *Node) Coded(f int) (c Coded, ok bool) {
	fd := &n.typ.Fields[f]
	p := n.ptr(f)
	return *(*Coded)(p), fd.Kind != OptionalLeaf || *fd.ok(p)
}

// Show decodes a state of field f to the value at p. It needs no lock.
func (t *Type) Show(f int, c Coded, p unsafe.Pointer) {
	t.Fields[f].leaf.show(p, unsafe.Pointer(&c))
}

// Shown gives one of a delta's values as users know it, but for objects.
func (x *Delta) Shown(v any) any {
	c, ok := v.(Coded)
	if !ok {
		return v
	}
	l := x.N.typ.Fields[x.F].leaf
	p := reflect.New(l.typ)
	l.show(p.UnsafePointer(), unsafe.Pointer(&c))
	return p.Elem().Interface()
}

// Coded tells whether field f is a value with a codec, or a list of such.
func (t *Type) Coded(f int) bool { return t.Fields[f].leaf != nil && t.Fields[f].leaf.codec != nil }

// Report tells the host of an error: at once, or when the transaction that o
// is bound to has released the lock.
func (o *Object) Report(err error) {
	d := o.n.doc
	if o.tx != nil {
		o.tx.checkWrite()
		d.owed = append(d.owed, err)
		return
	}
	d.host.Report(d, err)
}
