package schema

import (
	"go/token"
	"slices"
)

// The names that are generated for a struct Note. Those of an unexported struct
// are the same as if it were exported.

// Handle gives the name of the live struct, ONote.
func (s *Struct) Handle() string { return "O" + upperFirst(s.Name) }

// State gives the name of what the handles of one node share, oNote.
func (s *Struct) State() string { return "o" + upperFirst(s.Name) }

// Lens gives the name of the type that observes, NoteLens.
func (s *Struct) Lens() string { return upperFirst(s.Name) + "Lens" }

// Paths gives the name of the type that leads into the query section, NotePaths.
func (s *Struct) Paths() string { return upperFirst(s.Name) + "Paths" }

// Where gives the name of the variable that queries begin with, NoteWhere.
func (s *Struct) Where() string { return upperFirst(s.Name) + "Where" }

// TableFunc gives the name of the function that gives the table, NoteTable.
func (s *Struct) TableFunc() string { return upperFirst(s.Name) + "Table" }

// TableType gives the name of the table's type, ONoteTable.
func (s *Struct) TableType() string { return "O" + upperFirst(s.Name) + "Table" }

// Method gives the name of the field's methods: its own, or what go= says.
func (f *Field) Method() string {
	if f.Tag.Go != "" {
		return f.Tag.Go
	}
	return f.Name
}

// Settable says whether the field has a setter. What is an object, a list or a
// map is changed through itself.
func (f *Field) Settable() bool { return f.Type.Leaf() || f.Type.Kind == Optional }

// Slots gives the names of the fields of the state struct, in the order of
// Tagged.
func (s *Struct) Slots() []string {
	taken := map[string]bool{"node": true, "handle": true}
	var slots []string
	for _, f := range s.Tagged() {
		name := lowerFirst(f.Name)
		for taken[name] || token.IsKeyword(name) {
			name += "_"
		}
		taken[name] = true
		slots = append(slots, name)
	}
	return slots
}

// declared gives the package-level names that are generated for s.
func (s *Struct) declared() []string {
	names := []string{s.Handle(), s.State(), s.Lens()}
	if s.Document() {
		names = append(names, s.TableType(), s.TableFunc())
	}
	if s.Section != nil {
		names = append(names, s.Where())
	}
	if s.Section != nil || s.Nested {
		names = append(names, s.Paths())
	}
	return names
}

// predeclared are the names of the language that generated code means by their
// usual meaning.
var predeclared = []string{
	"any", "bool", "byte", "error", "float32", "float64", "int", "int8", "int16", "int32", "int64",
	"nil", "rune", "string", "uint", "uint8", "uint16", "uint32", "uint64",
}

// hides says whether the package declares a name of the language that generated
// code needs. Then nothing is known of types, since each may be another one.
func (p *Package) hides() bool {
	return slices.ContainsFunc(predeclared, func(name string) bool {
		_, ok := p.Names[name]
		return ok
	})
}

// names looks for collisions, in the package and in each generated type.
func (c *checker) names() {
	for _, name := range predeclared {
		if pos, ok := c.p.Names[name]; ok {
			c.report(pos, "another name", "the package declares %s, which hides the predeclared one that generated code needs", name)
		}
	}
	if pos, ok := c.p.Names[Key]; ok {
		c.report(pos, "another name", "the package declares %s, which is how generated code calls the package that it imports", Key)
	}
	for c.p.Parameter = "D"; c.taken(c.p.Parameter); {
		c.p.Parameter += "oc"
	}
	c.declarations()
	c.imports()
}

// taken says whether the package declares a name.
func (c *checker) taken(name string) bool {
	_, ok := c.p.Names[name]
	return ok
}

// declarations looks for collisions between package-level names.
func (c *checker) declarations() {
	owner := map[string]*Struct{}
	for _, s := range c.p.Structs() {
		for _, name := range s.declared() {
			if pos, ok := c.p.Names[name]; ok {
				c.report(s.Pos, "rename one of the two", "struct %s: the name %s is generated for it, but declared in %s", s.Name, name, pos)
			} else if other := owner[name]; other != nil {
				c.report(s.Pos, "rename one of the two", "struct %s: the name %s is generated for it and for struct %s (%s)", s.Name, name, other.Name, other.Pos)
			} else {
				owner[name] = s
			}
		}
		c.methods(s)
	}
}

// imports looks for an import that generated code would take for the runtime,
// or for one of its variables.
func (c *checker) imports() {
	for _, f := range c.p.Files {
		for _, i := range f.Imports {
			if i.Name == "o" || i.Name == "l" || i.Name == "w" {
				c.report(f.Structs[0].Pos, "import it under another name", "%s imports %s as %s, which is what generated code calls its variables", f.Name, i.Path, i.Name)
			}
			if slices.Contains(predeclared, i.Name) {
				c.report(f.Structs[0].Pos, "import it under another name", "%s imports %s as %s, which hides the predeclared one that generated code needs", f.Name, i.Path, i.Name)
			}
			if i.Name == Key && i.Path != Runtime {
				c.report(f.Structs[0].Pos, "import it under another name", "%s imports %s as %s, which is how generated code calls the package that it imports", f.Name, i.Path, Key)
			}
		}
	}
}

// Runtime is the import path of the package that generated code calls.
const Runtime = "github.com/destam-go/destamgen/runtime/destam"

// Driver is the import path of the package that the runtime's ID is of.
const Driver = "github.com/destam-go/destamgen/runtime/driver"
