package doc

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// A required object that has become a value is kept beside the document under its
// former name, as what is not known is, and kept up to date: programs of before
// write parts of it. The value is what an upcaster makes of the whole of it, where
// content has no value yet, and for each body that changes a part.

// shadow is an object that a field was.
type shadow struct {
	f, order int // as of former
	up       *upcast
	from     *values
}

// values are the fields of a plain struct that consists of values, by the names
// that they are stored under, and by those of today, as exports have them.
type values map[string]valueField

type valueField struct {
	index  []int
	leaf   *leaf   // nil for a nested struct
	nested *values // of that
}

// valuesOf makes the table of a plain struct; ok is false when it has lists, maps
// or optional structs.
func valuesOf(t reflect.Type) (v *values, ok bool) {
	v = &values{}
	return v, v.add(t, nil)
}

func (v values) add(t reflect.Type, within []int) bool {
	for i := range t.NumField() {
		sf, index := t.Field(i), append(slices.Clip(within), i)
		tag := sf.Tag.Get("destam")
		name, opts, _ := strings.Cut(tag, ",")
		switch {
		case name == "" && sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			if !v.add(sf.Type, index) {
				return false
			}
			continue
		case name == "" || name == "-" || sf.Name == "_" || slices.Contains(strings.Split(opts, ","), "local"):
			continue
		}
		f, typ, ok := valueField{index: index}, sf.Type, false
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if f.leaf, ok = leafOf(typ); !ok && sf.Type.Kind() == reflect.Struct {
			f.nested, ok = valuesOf(typ)
		}
		if !ok || f.leaf != nil && typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8 {
			return false
		}
		v[name], v[StoredName(t, tag)] = f, f
	}
	return true
}

// read reads an object's content into a zero plain struct.
func (v values) read(r *wire.Reader, p reflect.Value) {
	for range r.Map() {
		f, ok := v[string(r.View())]
		if r.Err() != nil {
			return
		}
		if !ok {
			r.Skip()
			continue
		}
		at := p.FieldByIndex(f.index)
		switch {
		case f.nested != nil:
			f.nested.read(r, at)
		case at.Kind() == reflect.Pointer:
			at.Set(reflect.New(at.Type().Elem()))
			f.leaf.decode(r, at)
		default:
			f.leaf.decode(r, at.Addr())
		}
	}
}

// addShadow makes field f known by the name of a required object that it was; it
// tells whether it can be.
func (t *Type) addShadow(f int, name string, up *upcast) bool {
	fd := &t.Fields[f]
	if fd.Kind != Leaf || fd.leaf.typ != up.to || up.from.Kind() != reflect.Struct {
		return false
	}
	from, ok := valuesOf(up.from)
	if !ok {
		return false
	}
	if t.shadows == nil {
		t.shadows = map[string]shadow{}
	}
	t.shadows[name] = shadow{f: f, order: len(t.was) + len(t.shadows), up: up, from: from}
	return true
}

// value gives what has become of an object, both in the stored form.
func (s *shadow) value(l *leaf, object []byte) ([]byte, error) {
	r := wire.NewReader(object)
	old, now := reflect.New(s.up.from), reflect.New(s.up.to)
	s.from.read(r, old.Elem())
	err := r.Err()
	if err == nil {
		err = s.up.value(old, now)
	}
	var b []byte
	if err == nil {
		b, err = l.appendPlain(nil, now.UnsafePointer())
	}
	if err != nil {
		return nil, fmt.Errorf("a former %s cannot be made a %s: %w", s.up.from, s.up.to, err)
	}
	return b, nil
}

// shadowed gives the object that the first name of a path of n was.
func (n *Node) shadowed(path string) (name string, s shadow, ok bool) {
	name, _, _ = strings.Cut(path, ".")
	s, ok = n.typ.shadows[name]
	return name, s, ok
}

// shades tells whether there are such fields in documents of type t.
func (t *Type) shades() bool {
	t.routes()
	return t.shading
}

// shade gives fields of n, whose content has been read, the values of what they
// were, where nothing newer is there.
func (c *decoder) shade(n *Node, olds []old, own map[int][]byte) {
	newest := map[int]shadow{}
	objects := map[int][]byte{}
	for name, s := range n.typ.shadows {
		u := n.unknown.get(string(wire.AppendString(nil, name)))
		_, there := own[s.f]
		if t, other := newest[s.f]; u == nil || there || other && t.order < s.order ||
			slices.ContainsFunc(olds, func(o old) bool { return o.f == s.f && o.order < s.order }) {
			continue
		}
		newest[s.f], objects[s.f] = s, u.append(nil, &encoder{refer: true})
	}
	for f, s := range newest {
		l := n.typ.Fields[f].leaf
		b, err := s.value(l, objects[f])
		if err != nil {
			c.r.Fail(err)
			return
		}
		l.read(wire.NewReader(b), n.ptr(f))
	}
}

// shaded adds to the changes of a body the values that come of those inside of
// objects that have become values.
func (c *decoder) shaded(xs []change) ([]change, error) {
	type place struct {
		n    *Node
		name string
	}
	var places []place
	for i := range xs {
		if x := &xs[i]; x.path != "" && len(x.n.typ.shadows) > 0 {
			if name, _, ok := x.n.shadowed(x.path); ok && !slices.Contains(places, place{x.n, name}) {
				places = append(places, place{x.n, name})
			}
		}
	}
	for _, p := range places {
		object, err := c.after(p.n, p.name, xs)
		if err != nil {
			return nil, err
		}
		_, s, _ := p.n.shadowed(p.name)
		y := change{n: p.n, f: s.f, op: opModify, loose: true}
		if y.raw, err = s.value(p.n.typ.Fields[s.f].leaf, object); err != nil {
			return nil, err
		}
		xs = append(xs, y)
	}
	return xs, nil
}

// after gives what is kept of n under a name, as a body leaves it.
func (c *decoder) after(n *Node, name string, xs []change) ([]byte, error) {
	key := string(wire.AppendString(nil, name))
	copied := &Node{doc: c.d, typ: unknownType, unknown: &members{}}
	if u := n.unknown.get(key); u != nil {
		copied.unknown.set(key, c.d.decoder(u.append(nil, &encoder{refer: true})).unknown())
	}
	for i := range xs {
		y := xs[i]
		if first, _, _ := strings.Cut(y.path, "."); y.n != n || first != name {
			continue
		}
		if y.n = copied; y.op > opDelete {
			return nil, errUnknownPlace // only values are in it
		}
		if err := y.fitsUnknown(); err != nil {
			return nil, err
		}
		y.alter()
	}
	if u := copied.unknown.get(key); u != nil {
		return u.append(nil, &encoder{refer: true}), nil
	}
	return wire.AppendMap(nil, 0), nil
}
