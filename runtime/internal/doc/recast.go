package doc

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// A value that has become a required object is read as the object that an
// upcaster makes of it: in content as an object of the stored form, in a body as
// one change for each of the object's values. Nothing else knows of it. A
// required object has no id, and neither have its values positions, so every
// program that reads the log makes the same of it.

// recast makes objects of what was a value.
type recast struct {
	to *Type
	up *upcast
}

// recastLeaf is the table from, for values that become objects of type to.
func recastLeaf(from *leaf, to *Type, up *upcast) *leaf {
	l := *from
	l.object = &recast{to, up}
	return &l
}

// errIdentity: objects and positions that nothing stored has would be others
// each time that the document is read.
var errIdentity = errors.New("an upcaster cannot fill a slice, nor objects that are not always there: " +
	"give them nothing, and fill them where the program changes the document")

// plain reads a value of the table l and gives the plain struct that is made of
// it.
func (x *recast) plain(r *wire.Reader, l *leaf) unsafe.Pointer {
	old, now := reflect.New(x.up.from), reflect.New(x.up.to)
	l.decode(r, old)
	if r.Err() != nil {
		return nil
	}
	err := x.up.value(old, now)
	if err == nil {
		err = x.to.plainValues(now.UnsafePointer())
	}
	if err != nil {
		r.Fail(fmt.Errorf("a former %s cannot be made a %s: %w", x.up.from, x.up.to, err))
		return nil
	}
	return now.UnsafePointer()
}

// plainValues tells why the plain struct at p does not consist of values.
func (t *Type) plainValues(p unsafe.Pointer) (err error) {
	for i := range t.Fields {
		fd := &t.Fields[i]
		switch {
		case fd.Local || fd.valued():
		case fd.Kind == Inner:
			err = fd.typ.plainValues(unsafe.Add(p, fd.plainAt))
		default:
			v := reflect.NewAt(fd.plainType, unsafe.Add(p, fd.plainAt)).Elem()
			if fd.Kind == Child && !v.IsNil() || fd.Kind != Child && v.Len() > 0 {
				err = fmt.Errorf("field %s: %w", fd.Name, errIdentity)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recasts tells whether an upcaster can make what a field holds of values.
func (f *Field) recasts() bool {
	return f.Kind == Inner || f.Kind == Child || f.Kind == NodeList && f.keys != nil
}

// valued tells whether a field holds values that nothing but their names and
// keys tells apart.
func (f *Field) valued() bool {
	return f.Kind == Leaf || f.Kind == OptionalLeaf || f.Kind == LeafList && f.keys != nil
}

// recast reads a former value as the object n. Of an object that is there
// already, own in the stored form, it is only what that lacks.
func (c *decoder) recast(n *Node, l *leaf, own []byte) {
	p := l.object.plain(c.r, l)
	if c.r.Err() != nil {
		return
	}
	b, err := n.typ.appendPlain(nil, p, own)
	if err != nil {
		c.r.Fail(err)
		return
	}
	r, input := c.r, c.input
	c.r, c.input = wire.NewReader(b), b
	c.object(n)
	err = c.r.Err()
	c.r, c.input = r, input
	if err != nil {
		c.r.Fail(err)
	}
}

// appendPlain writes the values of a plain struct as the object that it would
// become, but for those that own has.
func (t *Type) appendPlain(b []byte, p unsafe.Pointer, own []byte) ([]byte, error) {
	had := t.members(own)
	at, count := len(b), 0
	b = wire.AppendMap(b, 0)
	for f := range t.Fields {
		fd := &t.Fields[f]
		its, has := had[f]
		if fd.Local || has && fd.Kind != Inner || fd.Kind != Inner && !fd.valued() {
			continue
		}
		src, mark := unsafe.Add(p, fd.plainAt), len(b)
		b = wire.AppendString(b, fd.Stored)
		before := len(b)
		var err error
		switch fd.Kind {
		case Inner:
			b, err = fd.typ.appendPlain(b, src, its)
		case LeafList:
			b, err = fd.appendPlainMap(b, src)
		default:
			if v := fd.present(src); v != nil {
				b, err = fd.leaf.appendPlain(b, v)
			}
		}
		if err != nil {
			return nil, err
		}
		if len(b) == before { // absent
			b = b[:mark]
			continue
		}
		count++
	}
	return fixMap(b, at, count), nil
}

// present gives the address of the value of a plain leaf, nil for none.
func (f *Field) present(src unsafe.Pointer) unsafe.Pointer {
	if f.Kind == OptionalLeaf {
		return *(*unsafe.Pointer)(src)
	}
	return src
}

// appendPlain writes a plain value as the stored form of what it would become.
func (l *leaf) appendPlain(b []byte, p unsafe.Pointer) ([]byte, error) {
	if l.codec == nil {
		return l.append(b, p), nil
	}
	c, err := l.codec.value(reflect.NewAt(l.typ, p))
	return l.append(b, unsafe.Pointer(&c)), err
}

// appendPlainMap writes a plain map of values, nothing for an empty one.
func (f *Field) appendPlainMap(b []byte, src unsafe.Pointer) ([]byte, error) {
	m := f.entries(src)
	if len(m.keys) == 0 {
		return b, nil
	}
	b = wire.AppendMap(b, len(m.keys))
	for _, k := range m.keys {
		var err error
		if b, err = f.leaf.appendPlain(f.keys.append(b, k), m.vals[k]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// members gives the fields that are there of an object in the stored form, which
// was read before.
func (t *Type) members(raw []byte) map[int][]byte {
	if raw == nil {
		return nil
	}
	r, had := wire.NewReader(raw), map[int][]byte{}
	for range r.Map() {
		f, _, ok := t.find(string(r.View()))
		if v := r.Raw(); ok {
			had[f] = v
		}
	}
	return had
}

// partial tells whether an object in the stored form lacks what a program that
// knows its type always writes: then one that does not know it has kept what it
// heard of, the changes of another program, and the rest is still in the value
// that the object was made of.
func (t *Type) partial(raw []byte) bool {
	had := t.members(raw)
	for f := range t.Fields {
		fd := &t.Fields[f]
		its, has := had[f]
		if !fd.Local && (fd.Kind == Leaf && !has || fd.Kind == Inner && (!has || fd.typ.partial(its))) {
			return true
		}
	}
	return false
}

// recastChange puts the changes of an object's values in the place of the last
// one of xs, which is of the value that the object was.
func (c *decoder) recastChange(xs []change) ([]change, error) {
	x := xs[len(xs)-1]
	l := x.rare.leaf
	p := reflect.New(l.object.up.to).UnsafePointer() // of nothing: zero
	if x.has() {
		if p = l.object.plain(c.r, l); c.r.Err() != nil {
			return nil, c.r.Err()
		}
	}
	return x.n.inner(x.f).changesTo(xs[:len(xs)-1], p)
}

// changesTo adds the changes that give n the values of the plain struct at p.
func (n *Node) changesTo(xs []change, p unsafe.Pointer) (_ []change, err error) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		src := unsafe.Add(p, fd.plainAt)
		switch {
		case fd.Local:
		case fd.Kind == Inner:
			xs, err = n.inner(f).changesTo(xs, src)
		case fd.Kind == LeafList && fd.keys != nil:
			xs, err = n.List(f).changesTo(xs, fd, n, f, src)
		case fd.valued():
			xs, err = n.changeTo(xs, f, opModify, "", fd.present(src))
		}
		if err != nil {
			return nil, err
		}
	}
	return xs, nil
}

// changesTo adds the changes that make l, the map in field f of n, which may be
// nil, equal to the plain map at src.
func (l *List) changesTo(xs []change, fd *Field, n *Node, f int, src unsafe.Pointer) (_ []change, err error) {
	m := fd.entries(src)
	for i := range l.Len() {
		if k := l.cells.Key(i); m.vals[k] == nil {
			if xs, err = n.changeTo(xs, f, opModify+opElement, k, nil); err != nil {
				return nil, err
			}
		}
	}
	for _, k := range m.keys {
		if xs, err = n.changeTo(xs, f, opModify+opElement, k, m.vals[k]); err != nil {
			return nil, err
		}
	}
	return xs, nil
}

// changeTo adds the change of one slot to the plain value at p, nil for none.
func (n *Node) changeTo(xs []change, f, op int, k pos.Key, p unsafe.Pointer) ([]change, error) {
	fd := &n.typ.Fields[f]
	x := change{n: n, f: f, op: int8(op), key: k, loose: true}
	if p == nil {
		x.op += opDelete - opModify
		return append(xs, x), nil
	}
	var err error
	x.raw, err = fd.leaf.appendPlain(nil, p)
	return append(xs, x), err
}
