package schema

import (
	"fmt"
	"go/token"
	"slices"
)

// methods looks for collisions in the types that are generated for s.
func (c *checker) methods(s *Struct) {
	handle := c.methodSet(s.Handle())
	handle.ours("v", "OObject", "Observe", "Snapshot", "Assign")
	if s.Document() {
		handle.ours("ODocument", "Update", "View")
		if !s.hasQuery() {
			handle.ours("Query")
		}
	}
	lens := c.methodSet(s.Lens())
	lens.ours("ObjectLens")
	var paths *methodSet
	if s.Nested {
		paths = c.methodSet(s.Paths())
		if s.WithIs {
			paths.ours("Is")
		}
		if s.WithAbsent {
			paths.ours("Absent")
		}
	}
	for _, f := range s.Tagged() {
		handle.field(f)
		lens.getter(f)
		if paths != nil {
			paths.getter(f)
		}
	}
	if s.Section != nil {
		root := c.methodSet(s.Paths())
		for _, f := range s.Section.Type.Struct.Tagged() {
			root.getter(f)
		}
	}
	c.slots(s)
	c.wellKnown(s, handle)
}

// hasQuery says whether the query section of a document has the method Query,
// which no other field may have. It counts as one when it is wrong, too.
func (s *Struct) hasQuery() bool {
	return slices.ContainsFunc(s.Tagged(), func(f *Field) bool {
		return f.Tag.Name == query && f.Method() == "Query"
	})
}

// slots looks for methods that the user wrote on the state struct.
func (c *checker) slots(s *Struct) {
	for _, slot := range append(s.Slots(), "node", "handle") {
		if pos, ok := c.p.Methods[s.State()][slot]; ok {
			c.report(pos, "another name", "method %s: %s has a field of that name", slot, s.State())
		}
	}
}

// vetted are methods whose signature go vet knows and that no getter can have.
var vetted = []string{
	"GobDecode", "GobEncode", "MarshalJSON", "MarshalXML", "ReadByte", "ReadRune",
	"UnmarshalJSON", "UnmarshalXML", "UnreadByte", "UnreadRune", "WriteByte",
}

// wellKnown looks for getters that Go's own tools take for something else.
func (c *checker) wellKnown(s *Struct, handle *methodSet) {
	_, written := c.p.Methods[s.Handle()]["Error"]
	isError := written || slices.ContainsFunc(s.Tagged(), func(f *Field) bool {
		return f.Method() == "Error" && f.Type.Kind == Scalar && f.Type.Basic == "string" && f.Type.Name.Name == ""
	})
	for _, f := range s.Tagged() {
		name := f.Method()
		switch {
		case slices.Contains(vetted, name), isError && slices.Contains([]string{"Is", "As", "Unwrap"}, name):
			c.report(f.Pos, handle.propose(f), "field %s: a method %s has a meaning of its own in Go, and go vet refuses any other", f.Name, name)
		case isError && name == "Error":
			c.warn(f.Pos, "go= gives the field another method name", "field %s: its getter makes each *%s an error", f.Name, s.Handle())
		}
	}
}

// methodSet collects the methods of one generated type.
type methodSet struct {
	c     *checker
	name  string
	user  map[string]token.Position // methods that the user wrote
	taken map[string]*Field         // nil: ours
}

func (c *checker) methodSet(typ string) *methodSet {
	return &methodSet{c: c, name: typ, user: c.p.Methods[typ], taken: map[string]*Field{}}
}

// ours takes names that belong to us whatever the fields are.
func (m *methodSet) ours(names ...string) {
	slices.Sort(names)
	for _, name := range names {
		m.taken[name] = nil
		if pos, ok := m.user[name]; ok {
			m.c.report(pos, "another name", "method %s: %s has one of its own", name, m.name)
		}
	}
}

// field takes the names of all methods that a field has on a handle.
func (m *methodSet) field(f *Field) {
	m.getter(f)
	if f.Settable() {
		m.take("Set"+f.Method(), f, "its setter")
	}
	if f.Type.Kind == Optional {
		m.take("Clear"+f.Method(), f, "its method")
	}
}

// getter takes the name of the field's getter, or of what leads to it.
func (m *methodSet) getter(f *Field) {
	m.take(f.Method(), f, "the name")
}

func (m *methodSet) take(name string, f *Field, role string) {
	before, taken := m.taken[name]
	pos, written := m.user[name]
	if !written && (!taken || before == f) {
		m.taken[name] = f
		return
	}
	said, report := fmt.Sprintf("field %s: %s %s", f.Name, role, name), m.c.once(f)
	switch {
	case written:
		report(f.Pos, m.propose(f), "%s is a method of %s that is declared in %s", said, m.name, pos)
	case before == nil:
		report(f.Pos, m.propose(f), "%s is taken: %s has one of its own", said, m.name)
	default:
		report(f.Pos, m.propose(f), "%s is taken: on %s it belongs to field %s (%s)", said, m.name, before.Name, before.Pos)
	}
}

// once gives a report that says only the first collision of a field: the getter,
// the setter and the lens of one name collide together.
func (c *checker) once(f *Field) func(token.Position, string, string, ...any) {
	if c.collided[f] {
		return func(token.Position, string, string, ...any) {}
	}
	return func(pos token.Position, fix, format string, args ...any) {
		c.collided[f] = true
		c.report(pos, fix, format, args...)
	}
}

// propose gives a tag that renames the field's methods to names that are free.
func (m *methodSet) propose(f *Field) string {
	for _, ending := range []string{"Value", "Field"} {
		name := f.Name + ending
		free := true
		for _, n := range []string{name, "Set" + name, "Clear" + name} {
			_, taken := m.taken[n]
			_, written := m.user[n]
			free = free && !taken && !written
		}
		if free {
			return goTag(f, name)
		}
	}
	return "go= with another name"
}

// goTag gives the tag of f with another method name.
func goTag(f *Field, name string) string {
	tag := f.Tag.Name
	if f.Tag.Unique {
		tag += ",unique"
	}
	if f.Tag.Local {
		tag += ",local"
	}
	tag += ",go=" + name
	for _, w := range f.Tag.Was {
		tag += ",was=" + w.Name
	}
	return fmt.Sprintf("destam:%q", tag)
}
