package doc

import (
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/seq"
)

// List is an array or a map: elements in the order of their keys. An array
// allocates the keys, which are positions; a map is given them. It belongs to
// one field of one node for ever.
type List struct {
	owner *Node
	f     int32
	count uint32 // how often it was renumbered, for those who keep keys
	cells cells
	win   *listWindow // what the open window has recorded of it, nil for nothing
}

// cells are a list's elements without their type. Addresses hold until the
// next insert or remove.
type cells interface {
	Len() int
	Key(i int) pos.Key
	Find(k pos.Key) (i int, ok bool)
	at(i int) unsafe.Pointer
	all(yield func(k pos.Key, p unsafe.Pointer) bool)
	keys(yield func(k pos.Key) bool)
	insert(i int, keys []pos.Key)
	Remove(i, n int)
	Rekey(i int, keys []pos.Key)
	room(i, n, max int) (keys []pos.Key, from, to int, renumbered []pos.Key)
}

// column is cells of one layout.
type column[E any] struct{ seq.List[E] }

func (c *column[E]) at(i int) unsafe.Pointer { return unsafe.Pointer(c.List.At(i)) }

func (c *column[E]) all(yield func(k pos.Key, p unsafe.Pointer) bool) {
	c.Ascend(0, func(_ int, k pos.Key, e *E) bool { return yield(k, unsafe.Pointer(e)) })
}

func (c *column[E]) keys(yield func(k pos.Key) bool) {
	c.Ascend(0, func(_ int, k pos.Key, _ *E) bool { return yield(k) })
}

func (c *column[E]) insert(i int, keys []pos.Key) {
	if len(keys) == 1 { // without a slice for the commonest case
		var zero [1]E
		c.List.Insert(i, keys, zero[:])
		return
	}
	c.List.Insert(i, keys, make([]E, len(keys)))
}

func (c *column[E]) room(i, n, max int) ([]pos.Key, int, int, []pos.Key) {
	return seq.Room(&c.List, i, n, max)
}

func newList(n *Node, f int) *List {
	l := &List{owner: n, f: int32(f)}
	if fd := &n.typ.Fields[f]; fd.Kind == NodeList {
		l.cells = new(column[*Node])
	} else {
		l.cells = fd.leaf.column()
	}
	return l
}

// field describes what l is.
func (l *List) field() *Field { return &l.owner.typ.Fields[l.f] }

// isMap tells whether the keys were given rather than allocated.
func (l *List) isMap() bool { return l.field().keys != nil }

// Len is the number of elements; a nil list has none.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return l.cells.Len()
}

// Node gives the i-th element of a list of objects.
func (l *List) Node(i int) *Node { return *(**Node)(l.cells.at(i)) }

// IndexOf gives the first index of a node.
func (l *List) IndexOf(n *Node) (i int, ok bool) {
	for h := range n.holders {
		if h.l != l || l == nil {
			continue
		}
		if j, _ := l.Find(h.key); !ok || j < i {
			i, ok = j, true
		}
	}
	return i, ok
}

// Find gives the index of a key, or where it would be.
func (l *List) Find(k pos.Key) (int, bool) {
	if l == nil {
		return 0, false
	}
	return l.cells.Find(k)
}

// holder is the slot of the element with key k.
func (l *List) holder(k pos.Key) holder {
	return holder{n: l.owner, l: l, f: l.f, key: k}
}

// Renumbered says how often the list, which may be nil, was renumbered: keys
// from before the last time mean nothing any more.
func (l *List) Renumbered() uint32 {
	if l == nil {
		return 0
	}
	return l.count
}

// KeyOf is the key of the i-th element.
func (l *List) KeyOf(i int) Key { return l.cells.Key(i) }

// Key is what a list is ordered by.
type Key = pos.Key

// Flat tells whether values of the elements' type are copied by assignment.
func (l *List) Flat() bool { return l.field().leaf.flat }

// Copy copies an element to a value of its type, sharing no memory.
func (l *List) Copy(dst, src unsafe.Pointer) { l.field().leaf.show(dst, src) }

// KeyAt stores the i-th key of a map at p, a pointer to the map's key type.
func (l *List) KeyAt(i int, p unsafe.Pointer) { l.field().keys.put(p, l.cells.Key(i)) }

// Key gives the list key of the map key at p for the map in field f.
func (n *Node) Key(f int, p unsafe.Pointer) Key { return n.typ.Fields[f].keys.at(p) }
