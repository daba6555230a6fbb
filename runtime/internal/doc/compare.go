package doc

import (
	"slices"
	"strconv"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/exact"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Untyped is the type of documents of which nothing is known: all fields are
// kept as what a newer program has stored. It is for reading stores without the
// types of their documents.
var Untyped = unknownType

// Differs loads a checkpoint and compares it with the document: the path of the
// first place that is different, where it is. What one side has not and the
// other has as zero is the same, as programs that know more fields write them.
// Nobody else has the document.
func (d *Document) Differs(content []byte) (path string, differs bool, err error) {
	other := New(d.root.typ, d.ID, d.host, d.opts)
	if err := other.Load(d.base, content); err != nil {
		return "", false, err
	}
	other.Loaded()
	path, differs = differ(d.object(), other.object(), "")
	return path, differs, nil
}

// object encodes what a checkpoint has of the document itself.
func (d *Document) object() []byte {
	return d.root.appendObject(nil, &encoder{seen: map[*Node]bool{}})
}

// DiffersFrom compares the query section of the document with one that was
// stored, in the same way. A document without a section has an empty one.
func (d *Document) DiffersFrom(section []byte) (path string, differs bool) {
	own := wire.AppendMap(nil, 0)
	switch {
	case d.root.typ.query >= 0:
		own = d.section()
	case d.root.unknown != nil:
		if u := d.root.unknown.get(string(wire.AppendString(nil, "query"))); u != nil {
			own = u.appendSection(nil)
		}
	}
	return differ(own, section, "")
}

// differ compares two values by what they say. Both were read before.
func differ(a, b []byte, path string) (string, bool) {
	x, err := exact.Parse(exact.Append(nil, wire.NewReader(a)))
	y, other := exact.Parse(exact.Append(nil, wire.NewReader(b)))
	if err != nil || other != nil {
		return path, true // not possible
	}
	return differing(x, y, path)
}

func differing(a, b exact.Value, path string) (string, bool) {
	if isZero(a) && isZero(b) {
		return "", false
	}
	switch a := a.(type) {
	case exact.Array:
		b, ok := b.(exact.Array)
		if !ok || len(a) != len(b) {
			return path, true
		}
		for i := range a {
			if at, yes := differing(a[i], b[i], under(path, strconv.Itoa(i))); yes {
				return at, true
			}
		}
		return "", false
	case exact.Object:
		b, ok := b.(exact.Object)
		if !ok {
			return path, true
		}
		return differingMembers(entriesOf(a), entriesOf(b), path)
	}
	return path, a != b
}

// differingMembers compares members by their names; what is not there is zero.
func differingMembers(a, b exact.Object, path string) (string, bool) {
	for _, m := range a {
		v, _ := b.Get(m.Name)
		if at, yes := differing(m.Value, v, under(path, m.Name)); yes {
			return at, true
		}
	}
	for _, m := range b {
		if _, ok := a.Get(m.Name); !ok && !isZero(m.Value) {
			return under(path, m.Name), true
		}
	}
	return "", false
}

// entriesOf gives the entries of a map by their keys, in whatever form it is.
func entriesOf(o exact.Object) exact.Object {
	if len(o) != 1 || o[0].Name != "$map" {
		return o
	}
	pairs, _ := o[0].Value.(exact.Array)
	var named exact.Object
	for _, p := range pairs {
		pair, _ := p.(exact.Array)
		if len(pair) != 2 {
			return o
		}
		key, err := exact.Pack(nil, pair[0])
		if err != nil {
			return o
		}
		named = append(named, exact.Member{Name: "$" + string(key), Value: pair[1]})
	}
	return named
}

// isZero tells whether a value is what a field has that nobody has set.
func isZero(v exact.Value) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case exact.Number:
		return v == "0" || v == "0.0"
	case exact.Array:
		return !slices.ContainsFunc(v, func(e exact.Value) bool { return !isZero(e) })
	case exact.Object:
		if len(v) == 1 && v[0].Name == "$time" {
			t, err := exact.Time(v[0].Value)
			return err == nil && t.Equal(time.Time{})
		}
		for _, m := range v {
			if m.Name == "$ext" || !isZero(m.Value) {
				return false
			}
		}
		return true
	}
	return false
}
