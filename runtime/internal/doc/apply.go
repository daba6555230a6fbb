package doc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// ErrCorrupt: stored bytes do not describe a document or a change of it.
var ErrCorrupt = errors.New("stored content is damaged")

// checkpointVersion is the first element of a checkpoint.
const checkpointVersion = 1

// Checkpoint encodes the whole document as of its newest version; ok is false
// while something is pending, because the live document shows that too.
func (d *Document) Checkpoint() (seq uint64, content []byte, ok bool) {
	d.lock()
	defer d.mu.Unlock()
	if len(d.pending) > 0 || d.win.open || d.base == 0 {
		return 0, nil, false
	}
	return d.base, d.content(), true
}

func (d *Document) content() []byte {
	b := wire.AppendArray(nil, 3)
	b = wire.AppendInt(b, checkpointVersion)
	b = d.root.appendObject(b, &encoder{seen: map[*Node]bool{}})
	b = wire.AppendArray(b, len(d.later))
	for _, x := range d.later {
		b = append(b, x...)
	}
	return b
}

// Load builds a new document from a checkpoint.
func (d *Document) Load(seq uint64, content []byte) error {
	r := wire.NewReader(content)
	if n := r.Array(); n != 3 && r.Err() == nil {
		r.Fail(fmt.Errorf("a checkpoint of %d parts", n))
	}
	if v := r.Int(); v != checkpointVersion && r.Err() == nil {
		r.Fail(fmt.Errorf("checkpoint version %d is not known to this program", v))
	}
	d.still = true
	defer func() { d.still = false }()
	c := d.decoder(r)
	c.object(d.root)
	if err := c.finish(); err != nil {
		return corrupt(err)
	}
	for range r.Array() {
		if err := d.one(r.Raw()); err != nil {
			return corrupt(err)
		}
	}
	if r.Err() == nil && r.Len() > 0 {
		r.Fail(fmt.Errorf("%d bytes too many", r.Len()))
	}
	if r.Err() != nil {
		return corrupt(r.Err())
	}
	d.root.known, d.base, d.index = true, seq, nil
	return nil
}

func corrupt(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }

func (d *Document) decoder(r *wire.Reader) *decoder {
	return &decoder{d: d, r: r, made: map[ID]*Node{}, full: map[ID]bool{}}
}

// Replay applies the body of a stored commit to a document that nobody has
// seen yet, and makes it the newest version.
func (d *Document) Replay(seq uint64, body []byte) error {
	d.still = true
	defer func() { d.still = false }()
	if len(body) > 0 {
		if err := d.apply(body); err != nil {
			return corrupt(err)
		}
	}
	d.base, d.root.known = seq, true
	return nil
}

// Loaded ends a series of Replay.
func (d *Document) Loaded() { d.index = nil }

// one applies a single stored delta.
func (d *Document) one(raw []byte) error {
	return d.apply(append(wire.AppendArray(nil, 1), raw...))
}

// stored is one delta of a body, decoded as far as its place.
type stored struct {
	op    int64
	n     *Node
	f     int
	key   pos.Key
	has   bool
	value wire.Reader // at the value
	old   []pos.Key
	new   []pos.Key
}

// apply makes the changes of a body: deletes by the keys at its start, then
// renumberings, then inserts and modifies. All of it is read and checked
// before anything is changed.
func (d *Document) apply(body []byte) error {
	r := wire.NewReader(body)
	count := r.Array()
	deltas := make([]stored, 0, count)
	for range count {
		raw := r.Raw()
		if r.Err() != nil {
			return r.Err()
		}
		x, ok, err := d.parse(raw)
		if err != nil {
			return err
		}
		if !ok { // on a field that this binary does not know
			d.later = append(d.later, append([]byte(nil), raw...))
			continue
		}
		deltas = append(deltas, x)
	}
	if r.Len() > 0 {
		return fmt.Errorf("%d bytes too many", r.Len())
	}
	return d.make(deltas)
}

// parse reads one delta up to its value. Ok is false when its place is one
// that this binary does not know.
func (d *Document) parse(raw []byte) (x stored, ok bool, err error) {
	r := wire.NewReader(raw)
	parts := r.Array()
	x.op = r.Int()
	if x.op == opContent {
		x.n, x.value, x.has = d.root, *r, true
		return x, true, r.Err()
	}
	var path string
	x.n, path, err = d.place(r)
	if err != nil {
		return x, false, err
	}
	if x.n == nil {
		return x, false, nil
	}
	if x.n, x.f, ok = x.n.at(path); !ok {
		return x, false, nil
	}
	fd := &x.n.typ.Fields[x.f]
	list := fd.Kind == LeafList || fd.Kind == NodeList
	switch {
	case x.op == opRenumber && list && fd.keys == nil && parts == 5:
		c := d.decoder(r)
		n := int(min(r.Uint(), uint64(x.n.List(x.f).Len())))
		x.old, x.new = c.positions(n), c.positions(n)
		return x, true, r.Err()
	case x.op >= opInsert && x.op <= opDelete && !list && fd.Kind != Inner:
		x.has = x.op != opDelete
	case x.op >= opInsert+opElement && x.op <= opDelete+opElement && list:
		x.has = x.op != opDelete+opElement
		if fd.keys != nil {
			x.key = fd.keys.read(r)
		} else if x.key = pos.Key(r.Bytes()); r.Err() == nil && !pos.Valid(x.key) {
			r.Fail(errors.New("an invalid position"))
		}
	default:
		return x, false, fmt.Errorf("delta of kind %d on field %s", x.op, path)
	}
	x.value = *r
	return x, true, r.Err()
}

// place reads a delta's place: the nearest node with an id, nil when it is
// not known here, and the path from there.
func (d *Document) place(r *wire.Reader) (*Node, string, error) {
	if r.Kind() != wire.Array {
		return d.root, r.String(), r.Err()
	}
	if r.Array() != 2 {
		r.Fail(errors.New("a place that is not an id and a path"))
	}
	typ, p := r.Ext()
	path := r.String()
	if r.Err() != nil {
		return nil, "", r.Err()
	}
	if typ != extNode || len(p) != len(ID{}) {
		return nil, "", errors.New("a place without an id")
	}
	d.ensureIndex()
	n := d.index[ID(p)]
	if n == nil && !d.hasUnknown() {
		return nil, "", fmt.Errorf("object %s is not in the document", ID(p))
	}
	return n, path, nil
}

// at follows a dotted path of required objects; false when a name is unknown.
func (n *Node) at(path string) (*Node, int, bool) {
	for {
		name, rest, more := strings.Cut(path, ".")
		f, ok := n.typ.byName[name]
		if !ok || n.typ.Fields[f].Local {
			return nil, 0, false
		}
		if !more {
			return n, f, true
		}
		if n.typ.Fields[f].Kind != Inner {
			return nil, 0, false
		}
		n, path = n.inner(f), rest
	}
}

func (d *Document) ensureIndex() {
	if d.index != nil {
		return
	}
	d.index = map[ID]*Node{}
	d.root.nodes(func(n *Node) {
		if n != d.root {
			d.index[n.id] = n
		}
	})
}

// hasUnknown tells whether the document has anything that this binary does
// not know, where an unknown object may be.
func (d *Document) hasUnknown() bool {
	if len(d.later) > 0 {
		return true
	}
	found := false
	d.root.all(func(n *Node) { found = found || len(n.unknown) > 0 })
	return found
}

// all visits n and everything below it, required objects too.
func (n *Node) all(visit func(*Node)) {
	n.nodes(func(m *Node) { m.inners(visit) })
}

func (n *Node) inners(visit func(*Node)) {
	visit(n)
	for f := range n.typ.Fields {
		if n.typ.Fields[f].Kind == Inner {
			n.inner(f).inners(visit)
		}
	}
}

// make makes parsed deltas real.
func (d *Document) make(deltas []stored) error {
	d.ensureIndex()
	values := make([]any, len(deltas))
	c := d.decoder(nil)
	for i := range deltas { // every value is read before anything moves
		if x := &deltas[i]; x.has && x.op != opContent {
			if err := c.read(x, &values[i]); err != nil {
				return err
			}
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.op == opContent {
			c.r = &x.value
			c.object(d.root)
		}
	}
	if c.r != nil {
		if err := c.finish(); err != nil {
			return err
		}
	}
	if err := d.check(deltas); err != nil {
		return err
	}
	for i := range deltas {
		if x := &deltas[i]; !x.has && x.old == nil && x.op != opContent {
			if x.op > opElement {
				x.n.EnsureList(x.f).set(x.key, false, nil)
			} else {
				x.n.set(x.f, false, nil)
			}
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.old != nil {
			d.rename(x.n.EnsureList(x.f), x.old, x.new)
		}
	}
	for i := range deltas {
		if x := &deltas[i]; x.has && x.op != opContent {
			if x.op > opElement {
				x.n.EnsureList(x.f).set(x.key, true, values[i])
			} else {
				x.n.set(x.f, true, values[i])
			}
		}
	}
	return nil
}

// read reads the value of a delta.
func (c *decoder) read(x *stored, to *any) error {
	c.r = &x.value
	fd := &x.n.typ.Fields[x.f]
	if fd.typ != nil {
		if n := c.node(fd.typ); n != nil {
			*to = n
		}
	} else {
		*to = fd.leaf.readBoxed(c.r)
	}
	if c.r.Err() == nil && c.r.Len() > 0 {
		c.r.Fail(fmt.Errorf("%d bytes after a value", c.r.Len()))
	}
	return c.r.Err()
}

// check refuses deltas that do not fit what is there.
func (d *Document) check(deltas []stored) error {
	for i := range deltas {
		x := &deltas[i]
		if x.op <= opElement || x.old != nil {
			continue
		}
		_, there := x.n.List(x.f).Find(x.key)
		if x.op != opInsert+opElement && !there && !d.renames(deltas, x) {
			return fmt.Errorf("an element of %s that is not there was changed", x.n.typ.Fields[x.f].Name)
		}
	}
	return nil
}

// renames tells whether one of the deltas renumbers x's list: then its keys
// are those after that.
func (d *Document) renames(deltas []stored, x *stored) bool {
	for i := range deltas {
		if y := &deltas[i]; y.old != nil && y.n == x.n && y.f == x.f {
			return true
		}
	}
	return false
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
