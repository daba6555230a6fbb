package destam

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// operand turns what a predicate compares with into a value of a query
// section: scalars of any named type, slices and arrays, plain structs with
// destam tags, pointers to these. A nil pointer asks for what is absent.
func operand(v any) (driver.Value, error) {
	switch i := v.(type) { // without reflection for the commonest
	case string, bool:
		return v, nil
	case int:
		return int64(i), nil
	}
	return operandOf(reflect.ValueOf(v))
}

func operandOf(v reflect.Value) (driver.Value, error) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(v.Uint()), nil
	case reflect.Slice, reflect.Array:
		return arrayOperand(v)
	case reflect.Struct:
		return objectOperand(v)
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return operandOf(v.Elem())
	}
	return nil, fmt.Errorf("a query cannot ask for a %s", v.Type())
}

func arrayOperand(v reflect.Value) (driver.Value, error) {
	a := make(driver.Array, v.Len())
	for i := range a {
		var err error
		if a[i], err = operandOf(v.Index(i)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// objectOperand takes the fields that have a tag, by the names that they are
// stored under.
func objectOperand(v reflect.Value) (driver.Value, error) {
	o := driver.Object{}
	for m := range members(v.Type()) {
		member, err := operandOf(v.FieldByIndex(m.index))
		if err != nil {
			return nil, err
		}
		o = append(o, driver.Member{Name: m.stored, Value: member})
	}
	return o, nil
}

// member is a field of a plain struct that has a tag.
type member struct {
	name   string // in the tag
	stored string // what it is stored under; see doc.StoredName
	index  []int
}

// members gives the fields of a struct that have a tag, in order. Those of a
// struct that is embedded without a tag are among them.
func members(t reflect.Type) iter.Seq[member] {
	return func(yield func(member) bool) { eachMember(t, nil, yield) }
}

func eachMember(t reflect.Type, within []int, yield func(member) bool) bool {
	for i := range t.NumField() {
		f, index := t.Field(i), append(slices.Clip(within), i)
		tag := f.Tag.Get("destam")
		switch name, _, _ := strings.Cut(tag, ","); {
		case name == "" && f.Anonymous && f.Type.Kind() == reflect.Struct:
			if !eachMember(f.Type, index, yield) {
				return false
			}
		case name == "" || name == "-" || f.Name == "_":
		case !yield(member{name, doc.StoredName(t, tag), index}):
			return false
		}
	}
	return true
}
