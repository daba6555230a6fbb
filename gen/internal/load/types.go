package load

import (
	"fmt"
	"go/types"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// converter turns resolved types into those of the model.
type converter struct {
	*reader
	p       *schema.Package
	structs map[string]*schema.Struct
	names   importNames
	stubs   *stubs
	types   *types.Package
	written string                // the field's type in the source, for messages
	pieces  []schema.Piece        // the same, cut
	open    map[*types.Named]bool // being converted: a type may be declared from itself
}

// convert gives the model's type for t. What the model cannot hold comes back as
// a type that says why.
func (c *converter) convert(t types.Type) *schema.Type {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return c.basic(t)
	case *types.Named:
		return c.named(t)
	case *types.Pointer:
		return &schema.Type{Kind: schema.Optional, Elem: c.convert(t.Elem())}
	case *types.Slice:
		if types.Identical(t.Elem(), types.Typ[types.Byte]) {
			return &schema.Type{Kind: schema.Bytes}
		}
		return &schema.Type{Kind: schema.List, Elem: c.convert(t.Elem())}
	case *types.Map:
		return &schema.Type{Kind: schema.Map, Key: c.convert(t.Key()), Elem: c.convert(t.Elem())}
	case *types.Array:
		return bad("a slice", "arrays are not supported yet")
	case *types.Struct:
		return bad("declare the struct with a name", "a struct without a name cannot be generated")
	case *types.Interface:
		return bad("a struct with one optional field for each type that it may be", "an interface says nothing of what it holds, so it cannot be stored")
	case *types.Chan:
		return bad(`destam:"-"`, "a channel cannot be stored")
	case *types.Signature:
		return bad(`destam:"-"`, "a function cannot be stored")
	}
	return bad("", "the type %s cannot be generated", c.written)
}

func bad(fix, format string, args ...any) *schema.Type {
	return &schema.Type{Problem: fmt.Sprintf(format, args...), Fix: fix}
}

func (c *converter) basic(t *types.Basic) *schema.Type {
	switch t.Kind() {
	case types.Invalid:
		return c.missing()
	case types.Complex64, types.Complex128:
		return bad("two floats, its real and its imaginary part", "%s is no type that can be stored", t)
	case types.Uintptr, types.UnsafePointer:
		return bad(`destam:"-"`, "%s means nothing outside of this process", t)
	}
	kind := schema.Scalar
	if t.Info()&types.IsFloat != 0 {
		kind = schema.Float
	}
	return &schema.Type{Kind: kind, Basic: types.Typ[t.Kind()].Name()}
}

// missing says that a type is not known.
func (c *converter) missing() *schema.Type {
	for _, piece := range c.pieces {
		if piece.Path != "" {
			return bad(otherPackage, "the type %s: types of other packages are not supported yet", c.written)
		}
	}
	return bad("", "the type %s cannot be found", c.written)
}

// otherPackage is what to do instead of using a type of another package.
const otherPackage = `a type of this package, or destam:"-"`

// named converts a declared type.
func (c *converter) named(t *types.Named) *schema.Type {
	object := t.Obj()
	if object.Pkg() == nil {
		return bad("a string", "error is an interface, so it cannot be stored")
	}
	if t.TypeArgs().Len() > 0 {
		return bad("a type without parameters", "the type %s has type parameters, which cannot be generated", c.written)
	}
	name := schema.Name{Name: object.Name()}
	if object.Pkg() != c.types {
		name.Path = object.Pkg().Path()
		return c.foreign(t, name)
	}
	switch under := t.Underlying().(type) {
	case *types.Struct:
		return c.object(name.Name, under)
	case *types.Pointer:
		return bad("a pointer in the field's own type", "%s is a named pointer, which cannot be generated", name.Name)
	default:
		if c.open[t] {
			return bad("a struct in between", "%s is declared from itself", name.Name)
		}
		c.open[t] = true
		defer delete(c.open, t)
		converted := c.convert(under)
		converted.Name = name
		return converted
	}
}

// foreign converts a declared type of another package. Only two are known.
func (c *converter) foreign(t *types.Named, name schema.Name) *schema.Type {
	switch name {
	case schema.Name{Path: "time", Name: "Time"}:
		return &schema.Type{Kind: schema.Time, Name: name}
	case schema.Name{Path: "time", Name: "Duration"}:
		return &schema.Type{Kind: schema.Scalar, Basic: "int64", Name: name}
	}
	return bad(otherPackage,
		"type %s of package %s: types of other packages are not supported yet, but for time.Time and time.Duration", name.Name, name.Path)
}

// object converts a struct of this package.
func (c *converter) object(name string, under *types.Struct) *schema.Type {
	if s := c.structs[name]; s != nil {
		return &schema.Type{Kind: schema.Object, Name: schema.Name{Name: name}, Struct: s}
	}
	if other, ok := c.stubs.foreign[under]; ok {
		if other == "time.Time" {
			return bad("time.Time itself", "%s hides the methods of time.Time and cannot be stored as an instant", name)
		}
		return bad(otherPackage,
			"%s is declared as %s, and types of other packages are not supported yet", name, other)
	}
	for i := range under.NumFields() {
		if tag, _ := schema.ParseTag("`"+under.Tag(i)+"`", ""); tag.Form != schema.NoTag {
			return bad("write its fields out, or use the other struct", "%s takes its fields from another struct", name)
		}
	}
	return bad(`tags in `+name+`, or destam:"-"`, "the struct %s has no destam tags", name)
}

// foreignLocks are the types of the standard library that must not be copied.
var foreignLocks = map[string]map[string]bool{
	"sync": {"Cond": true, "Map": true, "Mutex": true, "Once": true, "Pool": true, "RWMutex": true, "WaitGroup": true},
	"sync/atomic": {
		"Bool": true, "Int32": true, "Int64": true, "Uint32": true, "Uint64": true, "Uintptr": true, "Value": true,
	},
}

// locks gives the name of the lock that a value of type t holds by value, or "".
func (c *converter) locks(t types.Type, seen map[types.Type]bool) string {
	if seen[t] {
		return ""
	}
	seen[t] = true
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		object := t.Obj()
		if object.Pkg() == nil {
			return ""
		}
		if foreignLocks[object.Pkg().Path()][object.Name()] {
			return object.Pkg().Name() + "." + object.Name()
		}
		if _, ok := c.p.Methods[object.Name()]["Lock"]; ok && object.Pkg() == c.types {
			return object.Name()
		}
		return c.locks(t.Underlying(), seen)
	case *types.Array:
		return c.locks(t.Elem(), seen)
	case *types.Struct:
		for f := range t.Fields() {
			if lock := c.locks(f.Type(), seen); lock != "" {
				return lock
			}
		}
	}
	return ""
}
