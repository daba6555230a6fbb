package doc

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/exact"
	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Members of an exported object that are no fields. Names in tags do not begin
// so.
const (
	memberID      = "$id"      // of an object that is in several places
	memberRef     = "$ref"     // alone: such an object, once more
	memberUnknown = "$unknown" // fields that the program had no tags for, exactly
)

// AppendExport writes the object as JSON under the names of the tags, as people
// write it: what is stored of it, so that [Type.PackExport] of the same type
// gives an object that is equal. Bytes are in base64, instants as RFC 3339 has
// them, a float that is no number or infinite is a text; whatever JSON has no
// word for, and what a codec wrote, is as package exact has it. Positions, and
// ids of objects that are in one place, are not kept.
func (n *Node) AppendExport(b []byte) []byte {
	x := exporter{e: &encoder{seen: map[*Node]bool{}}}
	return x.object(b, n)
}

type exporter struct{ e *encoder }

func (x *exporter) object(b []byte, n *Node) []byte {
	o := jsonObject{b: append(b, '{')}
	x.members(&o, n)
	return append(o.b, '}')
}

// node writes an object that is an element or optional.
func (x *exporter) node(b []byte, n *Node) []byte {
	o := jsonObject{b: append(b, '{')}
	switch refers := x.e.refers(n); {
	case refers:
		o.name(memberRef)
		o.b = exact.AppendString(o.b, n.id.String())
		return append(o.b, '}')
	case len(n.more) > 0:
		o.name(memberID)
		o.b = exact.AppendString(o.b, n.id.String())
	}
	x.members(&o, n)
	return append(o.b, '}')
}

func (x *exporter) members(o *jsonObject, n *Node) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		switch fd.Kind {
		case Inner:
			o.name(fd.Name)
			o.b = x.object(o.b, n.inner(f))
		case Child:
			if c := *n.childAt(f); c != nil {
				o.name(fd.Name)
				o.b = x.node(o.b, c)
			}
		case LeafList, NodeList:
			if l := n.List(f); l.Len() > 0 {
				o.name(fd.Name)
				o.b = x.list(o.b, l, fd)
			}
		default:
			if n.has(f) {
				o.name(fd.Name)
				o.b = fd.leaf.export(o.b, n.valueBytes(f))
			}
		}
	}
	if n.unknown != nil && len(n.unknown.keys) > 0 {
		o.name(memberUnknown)
		o.b = x.unknown(o.b, n.unknown)
	}
}

// unknown writes the fields that are not known.
func (x *exporter) unknown(b []byte, m *members) []byte {
	o := jsonObject{b: append(b, '{')}
	for i, key := range m.keys {
		o.name(keyText(pos.Key(key)))
		o.b = exact.AppendSame(o.b, m.vals[i].append(nil, x.e))
	}
	return append(o.b, '}')
}

func (x *exporter) list(b []byte, l *List, fd *Field) []byte {
	if fd.keys == nil {
		b = append(b, '[')
		for i := range l.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = x.element(b, l, fd, i)
		}
		return append(b, ']')
	}
	if !plainKeys(l, fd) {
		b = append(b, `{"$map":[`...)
		for i := range l.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = exact.Append(append(b, '['), wire.NewReader(fd.keys.append(nil, l.cells.Key(i))))
			b = append(x.element(append(b, ','), l, fd, i), ']')
		}
		return append(b, "]}"...)
	}
	o := jsonObject{b: append(b, '{')}
	for i := range l.Len() {
		o.name(fd.keys.text(l.cells.Key(i)))
		o.b = x.element(o.b, l, fd, i)
	}
	return append(o.b, '}')
}

// plainKeys tells whether the keys of a map may be names of an object.
func plainKeys(l *List, fd *Field) bool {
	for i := range l.Len() {
		if name := fd.keys.text(l.cells.Key(i)); !utf8.ValidString(name) || strings.HasPrefix(name, "$") {
			return false
		}
	}
	return true
}

func (x *exporter) element(b []byte, l *List, fd *Field, i int) []byte {
	if fd.Kind == NodeList {
		return x.node(b, l.Node(i))
	}
	return fd.leaf.export(b, fd.leaf.append(nil, l.cells.at(i)))
}

// export writes a leaf that stands in its stored form in v.
func (l *leaf) export(b, v []byte) []byte {
	if l.codec != nil {
		return exact.AppendSame(b, v)
	}
	return exportValue(b, wire.NewReader(v))
}

// exportValue writes a value without a codec.
func exportValue(b []byte, r *wire.Reader) []byte {
	switch r.Kind() {
	case wire.Bytes:
		return appendBase64(b, r.View())
	case wire.Time:
		return exact.AppendTime(b, r.Time())
	case wire.Float:
		return exportFloat(b, r)
	case wire.Array:
		b = append(b, '[')
		for i := range r.Array() {
			if i > 0 {
				b = append(b, ',')
			}
			b = exportValue(b, r)
		}
		return append(b, ']')
	}
	return exact.Append(b, r)
}

func exportFloat(b []byte, r *wire.Reader) []byte {
	v, bits, rest := float(*r)
	if exact.IsFinite(v) {
		*r = rest
		return strconv.AppendFloat(b, v, 'g', -1, bits)
	}
	word := ""
	switch {
	case math.IsInf(v, 1):
		word = `"Infinity"`
	case math.IsInf(v, -1):
		word = `"-Infinity"`
	case bits == 64 && math.Float64bits(v) == math.Float64bits(math.NaN()):
		word = `"NaN"`
	default: // a NaN that says more
		return exact.Append(b, r)
	}
	*r = rest
	return append(b, word...)
}
