package doc

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// Type describes the objects that live documents make of one plain struct: it
// joins the struct that the user wrote to the struct that the generator wrote
// for its state, field by field in their common order.
type Type struct {
	Name   string // of the plain struct
	Table  string // of the document; empty for a nested object
	Fields []Field

	plain, state, handle reflect.Type
	handleAt             uintptr // of the canonical handle in the state
	query                int     // index of the query section, -1 if there is none
	codecs               sync.Once
	coded                bool              // something of it has a codec, at any depth: see hasCodecs
	byName               map[string]int    // fields by all names that they had since they are what they are
	was                  map[string]former // fields by the names that they had when they were something else
	shadows              map[string]shadow // the same, of those that were objects and are values
	ways                 sync.Once
	route                map[*Type]string // see routes
	reads                []string         // paths of what upcasters read, at any depth
	shading              bool             // there are shadows, at any depth
}

// Field is one field of a Type.
type Field struct {
	Name   string // the tag's name: what paths and JSON say
	Stored string // what content and deltas say: the first name that it had as what it is
	Kind   FieldKind
	Local  bool
	Unique bool

	at, plainAt uintptr
	leaf        *leaf        // of the value, or of the elements of Leaves
	optional    reflect.Type // Optional[T], for OptionalLeaf
	okAt        uintptr      // of Optional's presence flag
	typ         *Type        // of the nested object, or of the elements
	keys        *keys        // of a map; nil for an array
	plainType   reflect.Type
	recast      bool // of an Inner: it may have been made of a value
}

// FieldKind says how a field holds what it holds.
type FieldKind uint8

// The kinds of fields.
const (
	Leaf         FieldKind = iota // a value
	OptionalLeaf                  // a value or nothing
	Inner                         // a nested object that is always there
	Child                         // a nested object or nothing
	LeafList                      // an array or map of values
	NodeList                      // an array or map of nested objects
)

// Optional is the state of a pointer field to a leaf.
type Optional[T any] struct {
	V  T
	Ok bool
}

// Leaves is the state of an array or map of values; nil until it is used.
type Leaves struct {
	l *List //lint:ignore U1000 found by its offset, as l and n below
}

// Objects is the state of an array or map of nested objects whose state is S,
// a pointer to a generated struct.
type Objects[S any] struct {
	_ [0]S
	l *List //lint:ignore U1000 see Leaves
}

// ChildOf is the state of an optional nested object whose state is S.
type ChildOf[S any] struct {
	_ [0]S
	n *Node //lint:ignore U1000 see Leaves
}

// small tells whether a Cell has room for the field's values.
func (f *Field) small() bool { return f.leaf != nil && f.leaf.size != large && f.Kind <= OptionalLeaf }

var (
	nodeType  = reflect.TypeFor[Node]()
	codedType = reflect.TypeFor[Coded]()
)

// types remembers every Type by its state; a Type is a pure function of it.
var types struct {
	sync.Mutex
	m map[reflect.Type]*Type
}

// TypeOf gives the Type of a handle struct and its plain struct. It panics
// when the two do not belong together, which only hand-written or stale
// generated code can bring about.
func TypeOf(handle, plain reflect.Type) *Type {
	types.Lock()
	defer types.Unlock()
	v, ok := handle.FieldByName("v")
	if !ok || v.Type.Kind() != reflect.Pointer {
		panic(fmt.Sprintf("destam: %s is not a generated handle", handle))
	}
	return typeOf(v.Type.Elem(), plain)
}

// typeOf is TypeOf by the state struct, with the lock held.
func typeOf(state, plain reflect.Type) *Type {
	if t, ok := types.m[state]; ok {
		return t
	}
	t := &Type{Name: plain.Name(), plain: plain, state: state, query: -1, byName: map[string]int{}}
	if types.m == nil {
		types.m = map[reflect.Type]*Type{}
	}
	types.m[state] = t // first: a type may contain itself
	t.bindHandle()
	// Node and handle come before the fields.
	if t.addFields(plain, 0, 2) != state.NumField() {
		panic(t.stale())
	}
	return t
}

// addFields adds the fields of a plain struct that is at offset from in that of
// t, and of those that it embeds; next is the state's field for the first.
func (t *Type) addFields(plain reflect.Type, from uintptr, next int) int {
	for p := range plain.NumField() {
		pf := plain.Field(p)
		pf.Offset += from
		name, opts, _ := strings.Cut(pf.Tag.Get("destam"), ",")
		switch {
		case pf.Name == "_":
			if table, ok := strings.CutPrefix(name, "table="); ok {
				t.Table = table
			}
		case name == "" && pf.Anonymous && pf.Type.Kind() == reflect.Struct:
			next = t.addFields(pf.Type, pf.Offset, next)
		case name != "" && name != "-":
			if next >= t.state.NumField() {
				panic(t.stale())
			}
			t.addField(plain, pf, t.state.Field(next), name, opts)
			next++
		}
	}
	return next
}

func (t *Type) stale() string {
	return fmt.Sprintf("destam: the generated code of %s is not of this struct: run go generate", t.plain)
}

// bindHandle finds the canonical handle in the state, and checks that all
// handles are laid out as [bound] is.
func (t *Type) bindHandle() {
	if t.state.NumField() < 2 || t.state.Field(0).Type != nodeType {
		panic(t.stale())
	}
	h := t.state.Field(1)
	v, ok := h.Type.FieldByName("v")
	if !ok || v.Type != reflect.PointerTo(t.state) || h.Type.Field(0).Offset != 0 ||
		v.Offset != unsafe.Offsetof(bound{}.state) || h.Type.Size() != unsafe.Sizeof(bound{}) {
		panic(t.stale())
	}
	t.handle, t.handleAt = h.Type, h.Offset
}

func (t *Type) addField(plain reflect.Type, pf, sf reflect.StructField, name, opts string) {
	names, others := formerNames(plain, opts)
	f := Field{Name: name, Stored: name, at: sf.Offset, plainAt: pf.Offset, plainType: pf.Type}
	for o := range strings.SplitSeq(opts, ",") {
		switch o {
		case "local":
			f.Local = true
		case "unique":
			f.Unique = true
		}
	}
	pt, st := pf.Type, sf.Type
	var ok bool
	switch {
	case st == reflect.TypeFor[Leaves]():
		f.Kind = LeafList
		if pt.Kind() == reflect.Map {
			f.keys = keysOf(pt.Key())
		}
		f.leaf, ok = elementOf(pt.Elem())
	case st.Kind() == reflect.Struct && st.NumField() == 2 && st.Field(0).Name == "_" && st.PkgPath() == nodeType.PkgPath():
		elem := st.Field(0).Type.Elem().Elem()
		f.Kind = Child
		if st.Field(1).Type == reflect.TypeFor[*List]() {
			f.Kind = NodeList
			if pt.Kind() == reflect.Map {
				f.keys = keysOf(pt.Key())
			}
		}
		f.typ, ok = typeOf(elem, pt.Elem()), true
	case st.Kind() == reflect.Struct && st.NumField() > 0 && st.Field(0).Type == nodeType:
		f.Kind, f.typ, ok = Inner, typeOf(st, pt), true
	case pt.Kind() == reflect.Pointer:
		f.Kind, f.optional = OptionalLeaf, st
		if okf, has := st.FieldByName("Ok"); has {
			f.okAt = okf.Offset
			v, _ := st.FieldByName("V")
			f.leaf, ok = leafOf(pt.Elem())
			ok = ok && (f.leaf.codec != nil) == (v.Type == codedType)
		}
	default:
		f.Kind = Leaf
		f.leaf, ok = leafOf(pt)
		ok = ok && (f.leaf.codec != nil) == (st == codedType)
	}
	if !ok {
		panic(fmt.Sprintf("destam: field %s of %s has a type that documents cannot hold, or whose codec is gone: run go generate", pf.Name, t.plain))
	}
	if name == "query" && t.Table != "" && f.Kind == Inner {
		t.query = len(t.Fields)
	}
	t.byName[name] = len(t.Fields)
	for _, f.Stored = range names {
		t.byName[f.Stored] = len(t.Fields)
	}
	t.Fields = append(t.Fields, f)
	for _, was := range others {
		t.addFormer(plain, len(t.Fields)-1, was)
	}
}

// Query gives the index of the query section, ok false if there is none.
func (t *Type) Query() (f int, ok bool) { return t.query, t.query >= 0 }

// Nested gives the type of the objects in field f, nil for leaves.
func (t *Type) Nested(f int) *Type { return t.Fields[f].typ }

// Plain is the struct that the user wrote.
func (t *Type) Plain() reflect.Type { return t.plain }

// Unique gives the dotted paths, as they are stored, of the unique fields of the
// query section.
func (t *Type) Unique() []string {
	if t.query < 0 {
		return nil
	}
	return t.Fields[t.query].typ.unique("", nil)
}

func (t *Type) unique(prefix string, to []string) []string {
	for i := range t.Fields {
		f := &t.Fields[i]
		switch {
		case f.Unique:
			to = append(to, prefix+f.Stored)
		case f.Kind == Inner:
			to = f.typ.unique(prefix+f.Stored+".", to)
		}
	}
	return to
}

// newNode makes the state of one object, not linked to anything.
func (t *Type) newNode(d *Document, id ID) *Node {
	p := reflect.New(t.state).UnsafePointer()
	return t.initNode(d, p, id)
}

// initNode prepares the zero state at p, nested objects included.
func (t *Type) initNode(d *Document, p unsafe.Pointer, id ID) *Node {
	n := (*Node)(p)
	n.doc, n.typ, n.id = d, t, id
	*(*bound)(unsafe.Add(p, t.handleAt)) = bound{Object{n: n}, p}
	for i := range t.Fields {
		if f := &t.Fields[i]; f.Kind == Inner {
			c := f.typ.initNode(d, unsafe.Add(p, f.at), ID{})
			c.up = holder{n: n, f: int32(i)}
			if n.section || i == t.query {
				c.inSection()
			}
		}
	}
	return n
}
