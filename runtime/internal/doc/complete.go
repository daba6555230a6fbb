package doc

import (
	"reflect"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Always tells whether a query section of this type has a value at the path
// wherever it has what is around it: whether no pointer stands there. Elements
// of an array are there or not, and have what they have always.
func (t *Type) Always(path []string) bool {
	for i := 0; i < len(path); i++ {
		f, ok := t.byName[path[i]]
		if !ok {
			return false
		}
		fd := &t.Fields[f]
		elements := fd.Kind == NodeList || fd.Kind == LeafList
		if elements && i+1 < len(path) && path[i+1] == driver.Each {
			i++
		}
		if i+1 == len(path) {
			return fd.Kind == Leaf || elements
		}
		if t = fd.typ; t == nil {
			return false
		}
	}
	return false
}

// Shown gives a path of a stored query section of this type by the names in the
// tags of today.
func (t *Type) Shown(path []string) []string {
	shown := slices.Clone(path)
	for i, name := range path {
		if name == driver.Each {
			continue
		}
		f, ok := 0, false
		if t != nil {
			f, ok = t.byName[name]
		}
		if !ok {
			break
		}
		shown[i], t = t.Fields[f].Name, t.Fields[f].typ
	}
	return shown
}

// Complete gives a stored query section as it would be stored today: what the
// type has always, and an older program did not know, has its zero value. It
// tells whether anything was missing; v itself does not change.
func (t *Type) Complete(v driver.Value) (_ driver.Value, missing bool) {
	o, ok := v.(driver.Object)
	if !ok && v != nil {
		return v, false
	}
	shared := true // with v
	set := func(name string, v driver.Value) {
		if missing = true; shared {
			o, shared = append(make(driver.Object, 0, len(o)+1), o...), false
		}
		for i := range o {
			if o[i].Name == name {
				o[i].Value = v
				return
			}
		}
		o = append(o, driver.Member{Name: name, Value: v})
	}
	for i := range t.Fields {
		fd := &t.Fields[i]
		has := o.Get(fd.Stored)
		if full, lacks := fd.complete(has); lacks {
			set(fd.Stored, full)
		}
	}
	return o, missing
}

// complete is Complete of what is in a field.
func (fd *Field) complete(v driver.Value) (_ driver.Value, missing bool) {
	switch {
	case fd.Kind == Leaf && v == nil:
		return fd.leaf.zero(), true
	case fd.Kind == Inner, fd.Kind == Child && v != nil:
		return fd.typ.Complete(v)
	case fd.Kind == LeafList && v == nil, fd.Kind == NodeList && v == nil:
		return driver.Array{}, true
	case fd.Kind != NodeList:
		return v, false
	}
	array, _ := v.(driver.Array)
	for i, e := range array {
		full, lacks := fd.typ.Complete(e)
		if !lacks {
			continue
		}
		if !missing {
			array, missing = append(driver.Array(nil), array...), true
		}
		array[i] = full
	}
	return array, missing
}

// zero is the zero value of the type as a query section has it.
func (l *leaf) zero() driver.Value {
	switch l.typ.Kind() {
	case reflect.String:
		return ""
	case reflect.Bool:
		return false
	}
	return int64(0)
}
