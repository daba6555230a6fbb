package destam

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
)

// Dynamic gives the predicates of a query that is known at run time only, as
// tools have it: the values that fields of the query section must have, by
// the fields' dotted paths in the names of their tags. All must hold; an empty
// query holds for every document.
//
//	where := destam.Dynamic(notes, map[string]any{"owner": "ann", "profile.admin": true, "labels": "home"})
//	hits := notes.QueryAll(ctx, append(where, notes.Limit(50))...)
//
// Programs that know what they ask for have the typed predicates, which the
// compiler checks; here a path that the query section does not have, and a
// value that its field cannot have, match nothing, and are no error. (destamgen
// vet finds constant paths that do not exist.) Otherwise the rules are those of
// the typed predicates:
//
//   - A string, a bool or an integer is met by the very same; 1 is neither "1"
//     nor true. Any type of integer will do, and so will what JSON makes of
//     one: a float64 without a fraction, a [json.Number].
//   - A slice asked of an array is met by the whole array.
//   - Anything else asked of an array is met by some element, at any depth of
//     arrays in arrays. What could be both, the empty slice, is the whole array.
//   - A path goes through the elements of arrays by itself, or by an element []
//     where that should be said: items.sku and items.[].sku are the same. Each
//     path is judged alone, so two may be met by different elements.
//   - A map, or a plain struct, asked of an object is met by the whole object;
//     what a map leaves out is zero, as in a Go literal.
//   - nil asks for what is absent, and is met only where a field is optional.
//
// Asking for what is no data, a function or a channel, is an error of the
// query. An id is no part of the query section: [Table.Get] finds by id.
//
//go:noinline
func Dynamic[O, P, Q any](t *Table[O, P, Q], query map[string]any) []Predicate[O] {
	where := t.t.dynamic(query)
	return *(*[]Predicate[O])(unsafe.Pointer(&where)) // all look alike, a pointer
}

// dynamic makes the predicates in the order of their paths, so that what a
// query costs and says does not change from call to call.
func (t *table) dynamic(query map[string]any) []*predicate {
	var section reflect.Type
	if t.section != nil {
		section = t.section.Plain()
	}
	where := make([]*predicate, 0, len(query))
	for _, key := range slices.Sorted(maps.Keys(query)) {
		d := asker{key: key}
		where = append(where, d.ask(section, query[key]))
	}
	return where
}

// asker makes the predicate of one path.
type asker struct {
	key  string
	path []string // as far as it was followed, with the arrays on the way
}

// ask makes the predicate on a query section of type typ, nil if there is none.
func (d *asker) ask(typ reflect.Type, v any) *predicate {
	names, err := driver.SplitPath(d.key)
	if err != nil || len(names) == 0 {
		return d.nothing("%q is no path", d.key)
	}
	optional := false
	for _, name := range names {
		if typ != nil {
			typ, optional = d.follow(typ, name)
		}
	}
	if typ == nil {
		return d.nothing("the query section has no field %q", d.key)
	}
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Invalid: // nil, or a nil pointer
		if optional {
			return d.predicate(driver.OpAbsent, nil)
		}
		return d.nothing("the field %q is always there", d.key)
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return &predicate{err: fmt.Errorf("a query cannot ask for a %s, as it does at %q", value.Type(), d.key)}
	}
	return d.compare(typ, value)
}

// compare asks that what is at the path, of type typ, is v, or else that an
// element of it is.
func (d *asker) compare(typ reflect.Type, v reflect.Value) *predicate {
	if whole, ok := fit(typ, v); ok {
		return d.predicate(driver.OpIs, whole)
	}
	for isArray(typ) {
		typ = typ.Elem()
		if element, ok := fit(typ, v); ok {
			return d.predicate(driver.OpHas, element)
		}
		d.path = append(d.path, driver.Each)
	}
	return d.nothing("the field %q cannot be a %s", d.key, v.Type())
}

// follow goes from a type to what name leads to, through the elements of
// arrays if need be, and tells whether that may be absent. The type is nil
// when nothing is there.
func (d *asker) follow(typ reflect.Type, name string) (to reflect.Type, optional bool) {
	if name == driver.Each {
		if !isArray(typ) {
			return nil, false
		}
		d.path = append(d.path, driver.Each)
		return typ.Elem(), false
	}
	for isArray(typ) {
		typ = typ.Elem()
		d.path = append(d.path, driver.Each)
	}
	if typ.Kind() != reflect.Struct {
		return nil, false
	}
	for m := range members(typ) {
		if m.name != name {
			continue
		}
		d.path = append(d.path, m.stored)
		if to = typ.FieldByIndex(m.index).Type; to.Kind() == reflect.Pointer {
			return to.Elem(), true
		}
		return to, false
	}
	return nil, false
}

func (d *asker) predicate(op driver.Op, v driver.Value) *predicate {
	return &predicate{asks: driver.Predicate{Path: d.path, Op: op, Value: v}}
}

// nothing makes a predicate that no section meets. It asks for a field of no
// name, which no tag can give, and so every index knows at once that there is
// none.
func (d *asker) nothing(why string, args ...any) *predicate {
	return &predicate{
		asks: driver.Predicate{Path: []string{""}, Op: driver.OpIs, Value: true},
		none: fmt.Errorf(why, args...),
	}
}

func isArray(t reflect.Type) bool { return t.Kind() == reflect.Slice || t.Kind() == reflect.Array }

// fit gives v as a value that a field of type typ can have, ok false when it
// can have no such value.
func fit(typ reflect.Type, v reflect.Value) (value driver.Value, ok bool) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if typ.Kind() == reflect.Pointer {
		if !v.IsValid() {
			return nil, true
		}
		typ = typ.Elem()
	}
	if !v.IsValid() {
		return nil, false
	}
	switch typ.Kind() {
	case reflect.String:
		return v.String(), v.Kind() == reflect.String && v.Type() != reflect.TypeFor[json.Number]()
	case reflect.Bool:
		return v.Kind() == reflect.Bool && v.Bool(), v.Kind() == reflect.Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return integer(v)
	case reflect.Slice, reflect.Array:
		return fitArray(typ, v)
	case reflect.Struct:
		return fitObject(typ, v)
	}
	return nil, false
}

// integer gives a number that has no fraction.
func integer(v reflect.Value) (driver.Value, bool) {
	switch {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), v.Uint() <= math.MaxInt64
	case v.CanFloat():
		// 1<<63 is the first float above every int64.
		f := v.Float()
		return int64(f), f == math.Trunc(f) && -1<<63 <= f && f < 1<<63
	case v.Type() == reflect.TypeFor[json.Number]():
		n, err := json.Number(v.String()).Int64()
		return n, err == nil
	}
	return nil, false
}

func fitArray(typ reflect.Type, v reflect.Value) (driver.Value, bool) {
	if !isArray(v.Type()) || typ.Kind() == reflect.Array && typ.Len() != v.Len() {
		return nil, false
	}
	array := make(driver.Array, v.Len())
	for i := range array {
		var ok bool
		if array[i], ok = fit(typ.Elem(), v.Index(i)); !ok {
			return nil, false
		}
	}
	return array, true
}

// fitObject takes a map or a plain struct, of the same type or one with the
// same names, for an object.
func fitObject(typ reflect.Type, v reflect.Value) (driver.Value, bool) {
	said := map[string]reflect.Value{}
	switch {
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		for k, m := range v.Seq2() {
			said[k.String()] = m
		}
	case v.Kind() == reflect.Struct:
		for m := range members(v.Type()) {
			said[m.name] = v.FieldByIndex(m.index)
		}
		if len(said) == 0 {
			return nil, false // no struct of ours
		}
	default:
		return nil, false
	}
	object := driver.Object{}
	for m := range members(typ) {
		of := typ.FieldByIndex(m.index).Type
		value, ok := said[m.name]
		if delete(said, m.name); !ok {
			value = reflect.Zero(of)
		}
		fitting, ok := fit(of, value)
		if !ok {
			return nil, false
		}
		object = append(object, driver.Member{Name: m.stored, Value: fitting})
	}
	return object, len(said) == 0
}
