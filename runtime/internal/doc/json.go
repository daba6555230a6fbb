package doc

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// AppendJSON writes the object as JSON under the names of the tags: what is
// stored of it, what this program does not know included. Integers are exact,
// bytes are in base64, instants as RFC 3339 has them. JSON has no word for a
// float that is no number or infinite: those are the strings NaN, Infinity and
// -Infinity; nor for text that is no UTF-8: that is {"$bytes": base64}.
func (n *Node) AppendJSON(b []byte) []byte {
	o := jsonObject{b: append(b, '{')}
	n.appendJSON(&o)
	return append(o.b, '}')
}

func (n *Node) appendJSON(o *jsonObject) {
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		switch fd.Kind {
		case Inner:
			o.name(fd.Name)
			o.b = n.inner(f).AppendJSON(o.b)
		case Child:
			if c := *n.childAt(f); c != nil {
				o.name(fd.Name)
				o.b = c.AppendJSON(o.b)
			}
		case LeafList, NodeList:
			o.name(fd.Name)
			o.b = n.List(f).appendJSON(o.b, fd)
		default:
			if n.has(f) {
				o.name(fd.Name)
				o.b = fd.leaf.appendJSON(o.b, n.valueBytes(f))
			}
		}
	}
	if n.unknown != nil {
		n.unknown.appendJSON(o)
	}
}

// valueBytes is the stored form of the leaf in field f.
func (n *Node) valueBytes(f int) []byte { return n.typ.Fields[f].leaf.append(nil, n.ptr(f)) }

// appendJSON writes a leaf that stands in its stored form in v.
func (l *leaf) appendJSON(b, v []byte) []byte { return appendJSON(b, wire.NewReader(v)) }

func (l *List) appendJSON(b []byte, fd *Field) []byte {
	if fd.keys == nil {
		b = append(b, '[')
		for i := range l.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			b = l.elementJSON(b, fd, i)
		}
		return append(b, ']')
	}
	o := jsonObject{b: append(b, '{')}
	for i := range l.Len() {
		o.name(fd.keys.text(l.cells.Key(i)))
		o.b = l.elementJSON(o.b, fd, i)
	}
	return append(o.b, '}')
}

func (l *List) elementJSON(b []byte, fd *Field, i int) []byte {
	if fd.Kind == NodeList {
		return l.Node(i).AppendJSON(b)
	}
	return fd.leaf.appendJSON(b, fd.leaf.append(nil, l.cells.at(i)))
}

// appendJSON writes what is in a place that is not known.
func (u *unknown) appendJSON(b []byte) []byte {
	switch {
	case u.node != nil:
		return u.node.AppendJSON(b)
	case u.members == nil:
		return appendJSON(b, wire.NewReader(appendStripped(nil, wire.NewReader(u.raw))))
	case !u.members.array:
		o := jsonObject{b: append(b, '{')}
		u.members.appendJSON(&o)
		return append(o.b, '}')
	}
	b = append(b, '[')
	for i, v := range u.members.vals {
		if i > 0 {
			b = append(b, ',')
		}
		b = v.appendJSON(b)
	}
	return append(b, ']')
}

func (m *members) appendJSON(o *jsonObject) {
	for i, k := range m.keys {
		o.name(keyText(pos.Key(k)))
		o.b = m.vals[i].appendJSON(o.b)
	}
}

// keyText is the key of a map, or the name of a field, that stands in its
// stored form in k.
func keyText(k pos.Key) string {
	r := wire.NewReader([]byte(k))
	if r.Kind() == wire.String {
		return r.String()
	}
	return string(appendJSON(nil, r))
}

// jsonObject is an object that is being written.
type jsonObject struct {
	b    []byte
	more bool // it has a member already
}

// name begins a member.
func (o *jsonObject) name(name string) {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = append(appendJSONString(o.b, name), ':')
}

// appendJSON writes one stored value.
func appendJSON(b []byte, r *wire.Reader) []byte {
	switch r.Kind() {
	case wire.Bool:
		return strconv.AppendBool(b, r.Bool())
	case wire.Int:
		probe := *r
		if v := probe.Int(); probe.Err() == nil {
			*r = probe
			return strconv.AppendInt(b, v, 10)
		}
		return strconv.AppendUint(b, r.Uint(), 10)
	case wire.Float:
		return appendJSONFloat(b, r)
	case wire.String:
		s := r.String()
		if !utf8.ValidString(s) {
			b = append(b, `{"$bytes":`...)
			return append(appendBase64(b, []byte(s)), '}')
		}
		return appendJSONString(b, s)
	case wire.Bytes:
		return appendBase64(b, r.View())
	case wire.Time:
		return append(r.Time().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	case wire.Array:
		b = append(b, '[')
		for i := range r.Array() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, r)
		}
		return append(b, ']')
	case wire.Map:
		o := jsonObject{b: append(b, '{')}
		for range r.Map() {
			o.name(keyText(pos.Key(r.Raw())))
			o.b = appendJSON(o.b, r)
		}
		return append(o.b, '}')
	case wire.Ext:
		_, p := r.Ext()
		return appendBase64(b, p)
	}
	r.Skip()
	return append(b, "null"...)
}

func appendJSONFloat(b []byte, r *wire.Reader) []byte {
	v, bits, rest := float(*r)
	*r = rest
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, bits)
}

// float reads a number of either size, and gives what comes after it.
func float(r wire.Reader) (v float64, bits int, rest wire.Reader) {
	rest = r
	if v = float64(rest.Float32()); rest.Err() == nil {
		return v, 32, rest
	}
	v = r.Float64()
	return v, 64, r
}

func appendBase64(b, p []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), p), '"')
}

func appendJSONString(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string always has a text
	return append(b, text...)
}
