package doc

import (
	"errors"
	"reflect"
	"slices"
	"sort"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// What a newer program has stored and this one has no fields for is kept, and
// kept up to date: the stored form tells enough about itself to apply deltas
// to it. Objects in such places are nodes like all others, and the places are
// holders like all others, so that an object is not lost which the newer
// program moved there, or has in both kinds of places.

// unknown is a value in a place that this binary does not know.
type unknown struct {
	raw     []byte   // in the stored form, without objects in it; nil for the others
	node    *Node    // an object
	members *members // an array with positions, or a map: opened because it has objects, or was changed
}

// members are the elements of an array by their position, of a map by its
// keys in the stored form, or the fields of an object likewise. The keys
// ascend, so that what is equal is written as the same bytes.
type members struct {
	array bool
	keys  []string
	vals  []*unknown
}

// unknownPlace is the field of a holder that this binary does not know.
const unknownPlace = -1

// unknownState is the state of an object that is in unknown places only, so
// that its type is not known: all its fields are unknown.
//
//lint:ignore U1000 found by offset, as all state
type unknownState struct {
	node   Node
	handle unknownHandle
}

type unknownHandle struct {
	Object
	v *unknownState //lint:ignore U1000 found by its offset
}

var unknownType = TypeOf(reflect.TypeFor[unknownHandle](), reflect.TypeFor[struct{}]())

// objects visits the objects in m, which may be nil, but not what is in them.
func (m *members) objects(visit func(*Node)) {
	if m == nil {
		return
	}
	for _, u := range m.vals {
		u.objects(visit)
	}
}

func (u *unknown) objects(visit func(*Node)) {
	if u.node != nil {
		visit(u.node)
	}
	u.members.objects(visit)
}

// replace puts object b in the place of a, wherever a is in m.
func (m *members) replace(a, b *Node) {
	if m == nil {
		return
	}
	for _, u := range m.vals {
		u.replace(a, b)
	}
}

func (u *unknown) replace(a, b *Node) {
	if u.node == a {
		u.node = b
	}
	u.members.replace(a, b)
}

// name gives the field that an object is in.
func (m *members) name(n *Node) (name string) {
	for i, u := range m.vals {
		u.objects(func(o *Node) {
			if o == n {
				name = wire.NewReader([]byte(m.keys[i])).String()
			}
		})
	}
	return name
}

// find gives the index of a key, or where it would be.
func (m *members) find(key string) (int, bool) { return slices.BinarySearch(m.keys, key) }

// get gives the value of a key, nil when there is none.
func (m *members) get(key string) *unknown {
	if m == nil {
		return nil
	}
	if i, ok := m.find(key); ok {
		return m.vals[i]
	}
	return nil
}

// set gives a key a value, nil to take it out, and gives what it had.
func (m *members) set(key string, u *unknown) (was *unknown) {
	i, ok := m.find(key)
	switch {
	case ok && u == nil:
		was = m.vals[i]
		m.keys, m.vals = slices.Delete(m.keys, i, i+1), slices.Delete(m.vals, i, i+1)
	case ok:
		was, m.vals[i] = m.vals[i], u
	case u != nil:
		m.keys, m.vals = slices.Insert(m.keys, i, key), slices.Insert(m.vals, i, u)
	}
	return was
}

func (m *members) Len() int           { return len(m.keys) }
func (m *members) Less(i, j int) bool { return m.keys[i] < m.keys[j] }
func (m *members) Swap(i, j int) {
	m.keys[i], m.keys[j] = m.keys[j], m.keys[i]
	m.vals[i], m.vals[j] = m.vals[j], m.vals[i]
}

// append writes u in the stored form.
func (u *unknown) append(b []byte, e *encoder) []byte {
	switch {
	case u.node != nil:
		return u.node.appendNode(b, e)
	case u.members == nil:
		return append(b, u.raw...)
	}
	m := u.members
	if !m.array {
		b = wire.AppendMap(b, len(m.keys))
		return m.append(b, e)
	}
	keys := make([]pos.Key, len(m.keys))
	for i, k := range m.keys {
		keys[i] = pos.Key(k)
	}
	b = wire.AppendArray(b, len(keys)+1)
	b = wire.AppendExt(b, extKeys, pos.AppendKeys(nil, keys))
	for _, v := range m.vals {
		b = v.append(b, e)
	}
	return b
}

// append writes the pairs of a map.
func (m *members) append(b []byte, e *encoder) []byte {
	for i, k := range m.keys {
		b = append(b, k...)
		b = m.vals[i].append(b, e)
	}
	return b
}

// appendSection writes u as it stands in the query section: without ids and
// positions.
func (u *unknown) appendSection(b []byte) []byte {
	switch {
	case u.node != nil:
		return u.node.AppendSection(b)
	case u.members == nil:
		return appendStripped(b, wire.NewReader(u.raw))
	case u.members.array:
		b = wire.AppendArray(b, len(u.members.keys))
	default:
		b = wire.AppendMap(b, len(u.members.keys))
	}
	for i, v := range u.members.vals {
		if !u.members.array {
			b = append(b, u.members.keys[i]...)
		}
		b = v.appendSection(b)
	}
	return b
}

// appendStripped copies one value without the positions in it.
func appendStripped(b []byte, r *wire.Reader) []byte {
	switch r.Kind() {
	case wire.Map:
		n := r.Map()
		b = wire.AppendMap(b, n)
		for range n {
			b = append(b, r.Raw()...)
			b = appendStripped(b, r)
		}
	case wire.Array:
		n := r.Array()
		if n > 0 && r.Kind() == wire.Ext {
			r.Skip()
			n--
		}
		b = wire.AppendArray(b, n)
		for range n {
			b = appendStripped(b, r)
		}
	default:
		b = append(b, r.Raw()...)
	}
	return b
}

// unknown reads a value for a place that is not known.
func (c *decoder) unknown() *unknown {
	u := c.unknownValue()
	u.own()
	return &u
}

// own lets go of the input.
func (u *unknown) own() {
	u.raw = slices.Clone(u.raw)
	if u.members != nil {
		for _, v := range u.members.vals {
			v.own()
		}
	}
}

// unknownValue reads a value whose raw parts are those of the input.
func (c *decoder) unknownValue() (u unknown) {
	if c.depth++; c.depth > maxDepth {
		c.r.Fail(errDepth)
	}
	at := len(c.input) - c.r.Len()
	probe := *c.r
	switch c.r.Kind() {
	case wire.Ext:
		if typ, _ := probe.Ext(); typ == extNode {
			u.node = c.node(nil)
		} else {
			c.r.Skip()
		}
	case wire.Array:
		n := probe.Array() - 1
		typ, keys := probe.Ext()
		switch {
		case probe.Err() == nil && typ == extNode:
			u.node = c.node(nil)
		case probe.Err() == nil && typ == extKeys:
			c.r.Array()
			c.r.Skip()
			kr := wire.NewReader(keys)
			if pos.CheckKeys(kr, n); kr.Err() == nil && kr.Len() > 0 {
				kr.Fail(errTooMany(kr.Len()))
			}
			if err := kr.Err(); err != nil {
				c.r.Fail(err)
			}
			u.members = c.elements(keys, n)
		default: // the value of a leaf: no objects
			c.r.Skip()
		}
	case wire.Map:
		n := c.r.Map()
		u.members = c.elements(nil, n)
	default:
		c.r.Skip()
	}
	c.depth--
	if c.r.Err() == nil && u.node == nil && u.members == nil {
		u.raw = c.input[at : len(c.input)-c.r.Len()]
	}
	return u
}

// elements reads the n values of an array with these keys, or of a map. It
// gives nil when there are no objects among them: then they are kept raw, and
// what may be a byte each takes no more.
func (c *decoder) elements(keys []byte, n int) (m *members) {
	begin := *c.r
	for i := range n {
		var key []byte
		if keys == nil {
			key = c.r.Raw()
		}
		u := c.unknownValue()
		if c.r.Err() != nil {
			return nil
		}
		if m == nil {
			if u.raw != nil {
				continue
			}
			m = c.begin(begin, keys, n, i)
		}
		if keys == nil {
			m.keys = append(m.keys, string(key))
		}
		v := u // not what was read in every turn
		m.vals = append(m.vals, &v)
	}
	if m != nil && !m.array {
		sort.Stable(m)
	}
	return m
}

// begin makes the members of an array or a map whose first i values, from r
// on, are without objects.
func (c *decoder) begin(r wire.Reader, keys []byte, n, i int) *members {
	m := &members{array: keys != nil}
	if m.array {
		for _, k := range pos.ReadKeys(wire.NewReader(keys), n) {
			m.keys = append(m.keys, string(k))
		}
	}
	for range i {
		if !m.array {
			m.keys = append(m.keys, string(r.Raw()))
		}
		m.vals = append(m.vals, &unknown{raw: r.Raw()})
	}
	return m
}

// open makes the members of u, an array or a map, if they are not there.
func (u *unknown) open() (*members, error) {
	if u.members != nil {
		return u.members, nil
	}
	r := wire.NewReader(u.raw)
	m := &members{}
	n := 0
	switch r.Kind() {
	case wire.Map:
		n = r.Map()
	case wire.Array:
		c := decoder{r: r}
		m.array = true
		n = r.Array() - 1
		for _, k := range c.positions(n) {
			m.keys = append(m.keys, string(k))
		}
	default:
		return nil, errUnknownPlace
	}
	for range n {
		if r.Err() != nil {
			return nil, errUnknownPlace
		}
		if !m.array {
			m.keys = append(m.keys, string(r.Raw()))
		}
		m.vals = append(m.vals, &unknown{raw: r.Raw()})
	}
	if r.Err() != nil {
		return nil, errUnknownPlace
	}
	if !m.array {
		sort.Stable(m)
	}
	u.raw, u.members = nil, m
	return m, nil
}

var errUnknownPlace = errors.New("a change inside a value that has no inside")

// adopt makes an object of unknown type, which turned up where one of type t
// belongs, an object of that type: the same with its fields known.
func (c *decoder) adopt(w *Node, t *Type) *Node {
	n := t.newNode(c.d, w.id)
	n.known = w.known
	if w.unknown != nil {
		b := wire.AppendMap(nil, len(w.unknown.keys))
		b = w.unknown.append(b, &encoder{refer: true})
		mark, r, input := len(c.links), c.r, c.input
		c.r, c.input = wire.NewReader(b), b
		c.object(n)
		err := c.r.Err()
		c.r, c.input = r, input
		if err != nil {
			c.r.Fail(err)
			return nil
		}
		if w.known {
			c.links = c.links[:mark] // they stay, whatever becomes of the rest
		}
		w.unknown.objects(func(o *Node) { o.release(holder{n: w, f: unknownPlace}) })
		w.unknown = nil
	}
	c.meant(w, n)
	for h := range w.holders {
		h.n.unknown.replace(w, n)
		n.hold(*h)
	}
	if w.section {
		n.inSection()
	}
	c.d.enter(n)
	if !n.known {
		c.made = append(c.made, n)
	}
	n.stray = w.stray
	return n
}

// meant has what was read of the input mean n where it means w.
func (c *decoder) meant(w, n *Node) {
	for i := range c.links {
		if c.links[i].n == w {
			c.links[i].n = n
		}
	}
	for i := range c.xs {
		x := &c.xs[i]
		if v := x.value(); v != nil {
			v.replace(w, n)
		}
		c.early = c.early || x.n == w
	}
}
