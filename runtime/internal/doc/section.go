package doc

import (
	"reflect"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// AppendSection writes the query section as a plain map, without ids and
// positions; n is the section.
func (n *Node) AppendSection(b []byte) []byte {
	at := len(b)
	b = wire.AppendMap(b, 0)
	count := 0
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		mark := len(b)
		b = wire.AppendString(b, fd.Stored)
		switch fd.Kind {
		case Inner:
			b = n.inner(f).AppendSection(b)
		case Child:
			c := *n.childAt(f)
			if c == nil {
				b = b[:mark]
				continue
			}
			b = c.AppendSection(b)
		case LeafList, NodeList:
			b = n.List(f).appendSection(b, fd)
		default:
			var ok bool
			if b, ok = n.appendField(b, f, nil); !ok {
				b = b[:mark]
				continue
			}
		}
		count++
	}
	if n.unknown != nil {
		for i, k := range n.unknown.keys {
			b = append(b, k...)
			b = n.unknown.vals[i].appendSection(b)
		}
		count += len(n.unknown.keys)
	}
	return fixMap(b, at, count)
}

func (l *List) appendSection(b []byte, fd *Field) []byte {
	b = wire.AppendArray(b, l.Len())
	for i := range l.Len() {
		if fd.Kind == NodeList {
			b = l.Node(i).AppendSection(b)
		} else {
			b = fd.leaf.append(b, l.cells.at(i))
		}
	}
	return b
}

// ReadSection reads a section, as AppendSection wrote it, into the zero plain
// struct at p.
func ReadSection(t *Type, section []byte, p unsafe.Pointer) error {
	r := wire.NewReader(section)
	readPlain(t, r, p, 0)
	return r.Err()
}

// readPlain reads a map of fields, without ids and positions, into the plain
// struct at p. What the struct does not have is passed over.
func readPlain(t *Type, r *wire.Reader, p unsafe.Pointer, depth int) {
	if depth > maxDepth {
		r.Fail(errDepth)
	}
	for range r.Map() {
		if r.Err() != nil {
			return
		}
		f, ok := t.byName[string(r.View())]
		if !ok {
			r.Skip()
			continue
		}
		fd := &t.Fields[f]
		dst := unsafe.Add(p, fd.plainAt)
		switch fd.Kind {
		case Leaf:
			fd.leaf.read(r, dst)
		case OptionalLeaf:
			v := reflect.New(fd.leaf.typ)
			fd.leaf.read(r, v.UnsafePointer())
			*(*unsafe.Pointer)(dst) = v.UnsafePointer()
		case Inner:
			readPlain(fd.typ, r, dst, depth+1)
		case Child:
			v := reflect.New(fd.typ.plain)
			readPlain(fd.typ, r, v.UnsafePointer(), depth+1)
			*(*unsafe.Pointer)(dst) = v.UnsafePointer()
		default:
			readPlainList(fd, r, dst, depth)
		}
	}
}

func readPlainList(fd *Field, r *wire.Reader, dst unsafe.Pointer, depth int) {
	to := reflect.NewAt(fd.plainType, dst).Elem()
	for range r.Array() {
		if r.Err() != nil {
			return
		}
		v := reflect.New(fd.plainType.Elem())
		if fd.Kind == NodeList {
			readPlain(fd.typ, r, v.UnsafePointer(), depth+1)
		} else {
			fd.leaf.read(r, v.UnsafePointer())
		}
		to.Set(reflect.Append(to, v.Elem()))
	}
}
