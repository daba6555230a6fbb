package load

import (
	"fmt"
	"go/types"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// converter turns resolved types into those of the model.
type converter struct {
	*reader
	*library
	p       *schema.Package
	structs map[string]*schema.Struct
	names   importNames
	types   *types.Package
	written string                // the field's type in the source, for messages
	open    map[*types.Named]bool // being converted: a type may be declared from itself

	registered map[typeName]string // types that the package registers as leaves
	documents  map[string]bool     // the structs that have a table
}

// convert gives the model's type for t. What the model cannot hold comes back as
// a type that says why.
func (c *converter) convert(t types.Type) *schema.Type {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return c.basic(t)
	case *types.Named:
		return c.named(t)
	case *types.TypeParam:
		return bad("a type without parameters", "a type parameter says nothing of what is stored")
	case *types.Pointer:
		return &schema.Type{Kind: schema.Optional, Elem: c.convert(t.Elem())}
	case *types.Slice:
		if bytes := asBytes(t); bytes != nil {
			return bytes
		}
		return &schema.Type{Kind: schema.List, Elem: c.convert(t.Elem())}
	case *types.Map:
		return &schema.Type{Kind: schema.Map, Key: c.convert(t.Key()), Elem: c.convert(t.Elem())}
	case *types.Array:
		if bytes := asBytes(t); bytes != nil {
			return bytes
		}
		return &schema.Type{Kind: schema.Array, Len: t.Len(), Elem: c.convert(t.Elem())}
	case *types.Struct:
		return bad("declare the struct with a name", "a struct without a name cannot be generated")
	case *types.Interface:
		return bad("a struct with one optional field for each type that it may be, or json.RawMessage", "an interface says nothing of what it holds, so it cannot be stored")
	case *types.Chan:
		return bad(`destam:"-"`, "a channel cannot be stored")
	case *types.Signature:
		return bad(`destam:"-"`, "a function cannot be stored")
	}
	return bad("", "the type %s cannot be generated", c.written)
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

// named converts a declared type, one of another package once for many runs.
// What is registered here would make it another one.
func (c *converter) named(t *types.Named) *schema.Type {
	object := t.Obj()
	if object.Pkg() == nil {
		return bad("a string", "error is an interface, so it cannot be stored")
	}
	name := typeName{object.Pkg().Path(), object.Name()}
	if !c.stubbed[object.Pkg()] || t.TypeArgs().Len() > 0 || known[name] != nil || len(c.registered) > 0 {
		return c.found(t)
	}
	if before, ok := c.remembered(name); ok {
		found := *before.Type
		return &found
	}
	var found fact
	looked := c.looking(func() { found = fact{Type: c.found(t), Locks: c.locks(t, true, map[types.Type]bool{})} })
	if found.Type.Kind != schema.Bad {
		c.remember(name, found, looked)
	}
	return found.Type
}

// found converts a declared type by looking at it.
func (c *converter) found(t *types.Named) *schema.Type {
	object := t.Obj()
	name := schema.Name{Name: object.Name()}
	if object.Pkg() != c.types {
		name.Path = object.Pkg().Path()
	}
	if to := c.aliased(t); to != nil {
		return c.alias(t, name, to)
	}
	if (typeName{name.Path, name.Name}) == (typeName{schema.Runtime, "Ref"}) {
		if wrong := c.reference(t); wrong != nil {
			return wrong
		}
	}
	converted := c.declared(t, typeName{name.Path, name.Name})
	if converted.Kind == schema.Bad {
		return converted
	}
	if name.Path != "" && !object.Exported() {
		return bad("a type of this package", "the type %s of package %s is not exported", name.Name, name.Path)
	}
	if t.TypeArgs().Len() > 0 {
		converted.Written = c.write(nil, t)
	} else {
		converted.Name = name
	}
	c.identify(converted, t)
	return converted
}

// identify adds to a codec which type's it is. What a Ref leads to is free to
// change its Go name.
func (c *converter) identify(converted *schema.Type, t *types.Named) {
	if converted.Kind != schema.Coded {
		return
	}
	if p := t.Obj().Pkg(); p.Path() == schema.Runtime {
		converted.Codec += " " + p.Path() + "." + t.Obj().Name()
		return
	}
	converted.Codec += " " + c.spelled(t)
}

// aliased gives what an alias in another package stands for, nil for all other
// types: the type checker knows those of this package.
func (c *converter) aliased(t *types.Named) types.Type {
	name := typeName{t.Obj().Pkg().Path(), t.Obj().Name()}
	if !c.stubbed[t.Obj().Pkg()] || known[name] != nil || c.registered[name] != "" {
		return nil
	}
	object, err := c.library.lookup(name)
	if err != nil {
		return nil
	}
	if is, ok := object.(*types.TypeName); !ok || !is.IsAlias() {
		return nil
	}
	to, err := instantiated(object.Type(), t)
	if err != nil {
		return nil
	}
	if named, ok := types.Unalias(to).(*types.Named); ok {
		if further := c.aliased(named); further != nil {
			return further
		}
	}
	return types.Unalias(to)
}

// alias converts a type that another package has another name for, which is the
// one to write: that of the type itself may be out of reach.
func (c *converter) alias(t *types.Named, name schema.Name, to types.Type) *schema.Type {
	named, ok := to.(*types.Named)
	if !ok {
		return c.convert(to)
	}
	converted := c.declared(named, typeName{named.Obj().Pkg().Path(), named.Obj().Name()})
	if converted.Kind == schema.Bad {
		return converted
	}
	if converted.Name = name; t.TypeArgs().Len() > 0 {
		converted.Name, converted.Written = schema.Name{}, c.write(nil, t)
	}
	c.identify(converted, named)
	return converted
}

// declared converts a declared type without its name.
func (c *converter) declared(t *types.Named, name typeName) *schema.Type {
	if make := known[name]; make != nil && c.registered[name] == "" && c.source != FromPackages {
		return make()
	}
	switch {
	case name == typeName{"time", "Time"}:
		return &schema.Type{Kind: schema.Time}
	case c.registered[name] != "":
		return &schema.Type{Kind: schema.Coded, Codec: "registered"}
	case c.structs[name.name] != nil && name.path == "":
		s := c.structs[name.name]
		return &schema.Type{Kind: schema.Object, Struct: s}
	}
	under, err := c.underlying(t)
	if err != nil {
		return c.unknown(name, err)
	}
	switch u := under.(type) {
	case *types.Basic:
		return c.basic(u)
	case *types.Interface:
		return c.convert(u)
	case *types.Pointer:
		return bad("a pointer in the field's own type", "%s is a named pointer, which cannot be generated", name.name)
	}
	if converted := asBytes(under); converted != nil {
		return converted
	}
	if name.path == "math/big" && shape(c.method(t, "GobEncode")) != "" {
		return &schema.Type{Kind: schema.Coded, Codec: "binary"}
	}
	if codec := c.codec(t); codec != "" {
		return &schema.Type{Kind: schema.Coded, Codec: codec}
	}
	if s, ok := under.(*types.Struct); ok {
		return c.noCodec(t, name, s)
	}
	if c.open[t.Origin()] {
		return bad("a struct in between", "%s is declared from itself", name.name)
	}
	c.open[t.Origin()] = true
	defer delete(c.open, t.Origin())
	return c.convert(under)
}

// asBytes converts what is stored as bytes whatever its methods are, nil for
// other types.
func asBytes(t types.Type) *schema.Type {
	of := func(elem types.Type) bool {
		b, ok := types.Unalias(elem).Underlying().(*types.Basic)
		return ok && b.Kind() == types.Byte
	}
	switch t := t.(type) {
	case *types.Slice:
		if of(t.Elem()) {
			return &schema.Type{Kind: schema.Bytes}
		}
	case *types.Array:
		if of(t.Elem()) {
			return byteArray(t.Len())()
		}
	}
	return nil
}

// spelled gives a type as one word with whole import paths, which are left out
// for this package's own.
func (c *converter) spelled(t types.Type) string {
	text := types.TypeString(t, func(p *types.Package) string {
		if p == c.types {
			return ""
		}
		return p.Path()
	})
	return strings.ReplaceAll(text, " ", "")
}

// write gives a type as Go.
func (c *converter) write(to []schema.Piece, t types.Type) []schema.Piece {
	text := func(s string) { to = append(to, schema.Piece{Text: s}) }
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		piece := schema.Piece{Text: t.Obj().Name()}
		if p := t.Obj().Pkg(); p != nil && p != c.types {
			piece.Path = p.Path()
		}
		to = append(to, piece)
		for i := range t.TypeArgs().Len() {
			text(map[bool]string{true: "[", false: ", "}[i == 0])
			to = c.write(to, t.TypeArgs().At(i))
		}
		if t.TypeArgs().Len() > 0 {
			text("]")
		}
	case *types.Pointer:
		text("*")
		to = c.write(to, t.Elem())
	case *types.Slice:
		text("[]")
		to = c.write(to, t.Elem())
	case *types.Array:
		text(fmt.Sprintf("[%d]", t.Len()))
		to = c.write(to, t.Elem())
	case *types.Map:
		text("map[")
		to = c.write(to, t.Key())
		text("]")
		to = c.write(to, t.Elem())
	default:
		text(t.String())
	}
	return to
}

// foreignLocks are the types of the standard library that must not be copied.
var foreignLocks = map[string]map[string]bool{
	"sync": {"Cond": true, "Map": true, "Mutex": true, "Once": true, "Pool": true, "RWMutex": true, "WaitGroup": true},
	"sync/atomic": {
		"Bool": true, "Int32": true, "Int64": true, "Uint32": true, "Uint64": true, "Uintptr": true, "Value": true,
	},
}

// locks gives the name of the lock that a value of type t holds by value, or "".
// Deep, it looks into types of other packages.
func (c *converter) locks(t types.Type, deep bool, seen map[types.Type]bool) string {
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
		if c.stubbed[object.Pkg()] && t.TypeArgs().Len() == 0 {
			if before, ok := c.remembered(typeName{object.Pkg().Path(), object.Name()}); ok {
				return before.Locks
			}
		}
		if seen[object.Type().Underlying()] || known[typeName{object.Pkg().Path(), object.Name()}] != nil {
			return ""
		}
		under := t.Underlying()
		if deep {
			if u, err := c.underlying(t); err == nil {
				under = u
			}
		}
		return c.locks(under, deep, seen)
	case *types.Array:
		return c.locks(t.Elem(), deep, seen)
	case *types.Struct:
		for f := range t.Fields() {
			if lock := c.locks(f.Type(), deep, seen); lock != "" {
				return lock
			}
		}
	}
	return ""
}
