package schema

import (
	"slices"
	"strings"
)

// sections judges the query sections of all documents and marks what is
// reached inside them.
func (c *checker) sections() {
	unique := map[*Field]bool{} // the unique fields that are inside of a section
	for _, s := range c.p.Structs() {
		if s.Section == nil {
			continue
		}
		w := sectionWalk{checker: c, document: s, unique: unique, seen: map[sectionPlace]bool{}}
		w.walk(s.Section.Type.Struct, always)
	}
	c.misplaced(unique)
	for _, s := range c.p.Structs() {
		if s.Nested {
			s.WithIs = c.unlessTaken(s, "Is")
			s.WithAbsent = s.Pointed && c.unlessTaken(s, "Absent")
		}
	}
}

// sectionWalk goes through one query section.
type sectionWalk struct {
	*checker
	document *Struct
	stack    []*Struct // from the section to where the walk is
	seen     map[sectionPlace]bool
	unique   map[*Field]bool
}

// sectionPlace is a struct of a section and how often it is there.
type sectionPlace struct {
	s *Struct
	presence
}

// presence is how often something is in a section: a unique value is there
// exactly once, as long as its document is.
type presence uint8

const (
	always presence = iota
	maybe           // below a pointer
	often           // below a list
)

// below gives the presence of what a field holds.
func (p presence) below(f *Field) presence {
	switch f.Type.Kind {
	case List, Array:
		return often
	case Optional:
		return max(p, maybe)
	}
	return p
}

func (w *sectionWalk) walk(s *Struct, p presence) {
	if w.seen[sectionPlace{s, p}] {
		return
	}
	w.seen[sectionPlace{s, p}] = true
	w.stack = append(w.stack, s)
	defer func() { w.stack = w.stack[:len(w.stack)-1] }()

	for _, f := range s.Tagged() {
		if f.Tag.Unique {
			w.unique[f] = true
		}
		if why, _ := f.Type.problem(); why != "" {
			continue // reported for what it is anywhere
		}
		if f.Tag.Local {
			w.report(f.inTag(f.Tag.LocalAt), "leave local out, or move the field out of the section",
				"field %s: the query section of %s is stored, always", f.Name, w.document.Name)
		}
		if why, fix := sectionProblem(f.Type); why != "" {
			w.report(f.TypeAt, fix, "field %s: %s in the query section of %s", f.Name, why, w.document.Name)
			continue
		}
		if f.Tag.Unique {
			w.takeUnique(f, p)
		}
		w.descend(f, p)
	}
}

// descend goes into the struct that a field holds.
func (w *sectionWalk) descend(f *Field, p presence) {
	o := f.Type.Object()
	if o == nil || o.Document() {
		return
	}
	if slices.Contains(w.stack, o) {
		w.report(f.TypeAt, "move the field out of the section", "field %s: %s contains itself, which cannot be in the query section of %s",
			f.Name, o.Name, w.document.Name)
		return
	}
	o.Nested = true
	o.Pointed = o.Pointed || f.Type.Kind == Optional
	w.walk(o, p.below(f))
}

// takeUnique judges a unique field inside of a section.
func (w *sectionWalk) takeUnique(f *Field, p presence) {
	t := f.Type
	if t.Kind == Optional {
		t = t.Elem
	}
	at, fix := f.inTag(f.Tag.UniqueAt), "leave unique out"
	switch {
	case t.Kind != Scalar:
		w.report(at, fix, "field %s: only a string, bool or integer can be unique", f.Name)
	case p == often:
		w.report(at, fix, "field %s: what is inside a list cannot be unique", f.Name)
	case p == maybe:
		w.report(at, fix+", or drop the pointer to its struct", "field %s: what is inside a struct that may be absent cannot be unique", f.Name)
	}
}

// sectionProblem says why a query section cannot hold a type that is good
// elsewhere.
func sectionProblem(t *Type) (why, fix string) {
	const elsewhere = ", or move the field out of the section"
	switch t.Kind {
	case Float:
		return t.Basic + " cannot be asked for exactly and may not be", "an integer of a smaller unit" + elsewhere
	case Scalar:
		if t.Basic == "uint" || t.Basic == "uint64" {
			return t.Basic + " may not be", "uint32 or int64" + elsewhere
		}
	case Time:
		return "time.Time may not be", "an int64 of Unix seconds" + elsewhere
	case Bytes:
		return "[]byte may not be", "a string" + elsewhere
	case Map:
		return "a map may not be", "a slice of structs with a key and a value" + elsewhere
	case Coded:
		if strings.HasSuffix(t.Codec, " "+Runtime+".Ref") {
			return "a reference may not be", "a string with the document's ID" + elsewhere
		}
		return "a type with a codec may not be", "a string" + elsewhere
	case Array:
		if t.bytes() && t.Name.Path == Runtime {
			return "destam." + t.Name.Name + " may not be", "a string with the text of it" + elsewhere
		}
		if t.bytes() {
			return "an array of bytes may not be", "a string" + elsewhere
		}
		return sectionProblem(t.Elem)
	case Optional, List:
		return sectionProblem(t.Elem)
	}
	return "", ""
}

// misplaced reports unique fields outside of a query section. The same struct
// may be inside one and elsewhere too; then unique would mean two things.
func (c *checker) misplaced(inside map[*Field]bool) {
	users := c.usersOutside()
	for _, s := range c.p.Structs() {
		for _, f := range s.Tagged() {
			if !f.Tag.Unique || f == s.Section {
				continue
			}
			at := f.inTag(f.Tag.UniqueAt)
			if !inside[f] {
				c.report(at, "move it into the query section, or leave unique out", "field %s: only fields of a query section can be unique", f.Name)
			} else if user := users[s]; user != nil {
				c.report(at, "a struct of its own for the query section", "field %s is unique, but %s is used outside of a query section too (field %s, %s)",
					f.Name, s.Name, user.Name, user.Pos)
			}
		}
	}
}

// usersOutside gives, for each struct that a document reaches without its query
// section, a field that does.
func (c *checker) usersOutside() map[*Struct]*Field {
	users := map[*Struct]*Field{}
	var walk func(s *Struct)
	walk = func(s *Struct) {
		for _, f := range s.Tagged() {
			o := f.Type.Object()
			if o == nil || f == s.Section || users[o] != nil {
				continue
			}
			users[o] = f
			walk(o)
		}
	}
	for _, s := range c.p.Structs() {
		if s.Document() {
			walk(s)
		}
	}
	return users
}

// unlessTaken says whether the paths of s can have a method of ours that a field
// may take.
func (c *checker) unlessTaken(s *Struct, name string) bool {
	for _, f := range s.Tagged() {
		if f.Method() == name {
			c.warn(f.Pos, "go= gives the field another method name",
				"field %s takes the name of the predicate %s, so a whole %s has none in queries", f.Name, name, s.Name)
			return false
		}
	}
	return true
}
