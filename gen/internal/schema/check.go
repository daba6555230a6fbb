package schema

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Check judges the package, fills in what follows from its tags, and gives
// everything that is wrong with it. A package with errors must not be emitted.
func Check(p *Package) Diagnostics {
	c := checker{p: p, tables: map[string]*Struct{}, collided: map[*Field]bool{}}
	for _, s := range p.Structs() {
		c.tags(s)
		if pos, ok := p.Methods[s.Name]["Lock"]; ok {
			c.report(pos, "another name", "%s has a method Lock, which makes copying it a mistake", s.Name)
		}
	}
	for _, s := range p.Structs() {
		c.shape(s)
	}
	if !p.hides() {
		for _, s := range p.Structs() {
			c.types(s)
		}
		c.sections()
	}
	c.names()
	return c.Sort()
}

type checker struct {
	Diagnostics
	p        *Package
	tables   map[string]*Struct
	collided map[*Field]bool // fields whose name was found taken
}

// tags reads the tags of a struct and judges each field on its own.
func (c *checker) tags(s *Struct) {
	if s.Generic {
		c.report(s.Pos, "a struct for each type that it is used with", "struct %s has type parameters, which cannot be generated", s.Name)
	}
	for _, f := range s.Fields {
		if f.Literal != "" {
			var problems []TagProblem
			f.Tag, problems = ParseTag(f.Literal, f.Name)
			for _, p := range problems {
				c.report(f.inTag(p.At), p.Fix, "%s%s", f.label(), p.Message)
				if at := f.LiteralAt.Offset; p.Edit != (Edit{}) {
					c.Diagnostics[len(c.Diagnostics)-1].Edit = Edit{at + p.Edit.From, at + p.Edit.To, p.Edit.Text}
				}
			}
		}
		if f.Locks != "" {
			fix := "a pointer to it, or keep it outside of the struct"
			if f.Tag.Form == NameTag {
				fix = "keep it outside of the struct"
			}
			c.report(f.TypeAt, fix, "field %s: %s is a lock, and the struct is copied", f.Name, f.Locks)
		}
		c.form(s, f)
	}
}

// form judges whether a field of this sort may have the tag that it has.
func (c *checker) form(s *Struct, f *Field) {
	blank, exported := f.Name == "_", token.IsExported(f.Name)
	switch f.Tag.Form {
	case NoTag:
		switch in := f.embeds(); {
		case in != nil && in.tabled():
			c.report(f.TypeAt, "take table= out of "+in.Name, "embedded field %s: a document cannot be part of another struct", f.Name)
		case f.promotes(): // its fields are judged where they are
		case f.Embedded && f.Type.Kind == Bad:
			c.report(f.TypeAt, either(f.Type.Fix, leaveOut), "embedded field %s: %s", f.Name, f.Type.Problem)
		case in != nil:
			c.report(f.TypeAt, fmt.Sprintf("drop the pointer, or destam:%q for an optional object", suggestName(f.Name)),
				"embedded field %s: the fields of a struct that may be absent cannot be promoted", f.Name)
		case !blank && (exported || f.Embedded):
			c.report(f.Pos, fmt.Sprintf(`destam:%q to make it part of the model, destam:"-" to leave it out`, suggestName(f.Name)),
				"field %s of %s has no destam tag", f.Name, s.Name)
		}
	case TableTag:
		if !blank {
			c.report(f.inTag(f.Tag.NameAt), fmt.Sprintf("_ struct{} `destam:\"table=%s\"`", f.Tag.Name),
				"field %s: table= belongs on a blank field", f.Name)
		}
	case NameTag:
		switch {
		case blank:
			c.report(f.nameAt(), "give the field a name", "a blank field cannot be part of the model")
		case !exported:
			fix := "leave the tag out"
			if upper := upperFirst(f.Name); token.IsExported(upper) {
				fix = upper + ", or " + fix
			}
			c.report(f.Pos, fix, "field %s has a destam tag but is not exported", f.Name)
		}
	}
}

// leaveOut is the tag of a field that is no part of the model.
const leaveOut = `destam:"-"`

// either gives two ways out, if the first does not end with the second.
func either(first, second string) string {
	if first == "" || strings.HasSuffix(first, second) {
		return cmp.Or(first, second)
	}
	return first + ", or " + second
}

// embeds gives the struct that f embeds, by a pointer or not.
func (f *Field) embeds() *Struct {
	switch t := f.Type; {
	case !f.Embedded:
	case t.Kind == Object:
		return t.Struct
	case t.Kind == Optional && t.Elem.Kind == Object:
		return t.Elem.Struct
	}
	return nil
}

// tabled says whether a struct has a tag that makes it a document, whose own
// check may be still to come.
func (s *Struct) tabled() bool {
	return slices.ContainsFunc(s.Fields, func(f *Field) bool { return strings.Contains(f.Literal, "table=") && f.Name == "_" })
}

// promoted looks for fields that have one name in Go through embedding: one
// would hide the other, or neither could be reached.
func (c *checker) promoted(s *Struct) {
	seen := map[string]*Field{}
	for _, f := range s.Tagged() {
		before := seen[f.Name]
		if before == nil {
			seen[f.Name] = f
			continue
		}
		via := slices.IndexFunc(s.Fields, func(e *Field) bool {
			return e.promotes() && slices.Contains(e.Type.Struct.Tagged(), f)
		})
		if via < 0 { // f is a field of s itself, after what it hides
			f, before = before, f
			via = slices.IndexFunc(s.Fields, func(e *Field) bool {
				return e.promotes() && slices.Contains(e.Type.Struct.Tagged(), f)
			})
		}
		if via >= 0 {
			c.collided[f], c.collided[before] = true, true
			c.report(s.Fields[via].TypeAt, "another name for one of the two", "embedded field %s: its field %s and the one at %s have one name, so one of them would be lost",
				s.Fields[via].Name, f.Name, before.Pos)
		}
	}
}

// shape finds the table, the query section and names given twice.
func (c *checker) shape(s *Struct) {
	for _, f := range s.Fields {
		if f.Tag.Form == TableTag && f.Name == "_" {
			c.table(s, f)
		}
	}
	first := map[string]*Field{}
	for _, f := range s.Tagged() {
		if before := first[f.Tag.Name]; before != nil {
			c.twice(s, f, before)
			continue
		}
		first[f.Tag.Name] = f
		if s.Document() && f.Tag.Name == query {
			c.section(s, f)
		}
	}
	for _, f := range s.Fields { // what else is wrong with a tag does not hide that its name is taken
		before := first[f.Tag.Name]
		if before != nil && f.Tag.Form == BadTag && !strings.Contains(f.Literal, "table=") {
			c.twice(s, f, before)
		}
	}
	c.formerNames(s)
	c.promoted(s)
}

// formerNames looks for names that two fields claim to have had, and for those
// that another field has.
func (c *checker) formerNames(s *Struct) {
	owner := map[string]*Field{}
	for _, f := range s.Tagged() {
		owner[f.Tag.Name] = f
	}
	for _, f := range s.Tagged() {
		for _, w := range f.Tag.Was {
			if other := owner[w.Name]; other != nil && other != f {
				c.report(f.inTag(w.At), "leave it out of one of the two", "field %s: %q belongs to field %s (%s)", f.Name, w.Name, other.Name, other.nameAt())
			}
			owner[w.Name] = f
		}
	}
}

func (c *checker) table(s *Struct, f *Field) {
	if s.Document() {
		c.report(f.nameAt(), "one of the two", "%s has two tables: %q already", s.Name, s.Table)
		return
	}
	s.Table, s.TableAt = f.Tag.Name, f.nameAt()
	if other := c.tables[s.Table]; other != nil {
		c.report(s.TableAt, "another name", "the table %q is that of %s already (%s)", s.Table, other.Name, other.TableAt)
		return
	}
	c.tables[s.Table] = s
}

func (c *checker) twice(s *Struct, f, before *Field) {
	if s.Document() && f.Tag.Name == query {
		c.report(f.nameAt(), "one struct that holds both", "field %s: a document has one query section, and that is field %s (%s)",
			f.Name, before.Name, before.nameAt())
		return
	}
	c.report(f.nameAt(), "another name", "field %s: the name %q is that of field %s already (%s)",
		f.Name, f.Tag.Name, before.Name, before.nameAt())
}

// section takes the field f of a document as its query section.
func (c *checker) section(s *Struct, f *Field) {
	switch {
	case f.Type.Kind == Bad:
		return // reported with the types
	case f.Type.Kind == Optional && f.Type.Elem.Kind == Object:
		c.report(f.TypeAt, "drop the pointer", "field %s: the query section is always there", f.Name)
		return
	case f.Type.Kind != Object:
		c.report(f.nameAt(), "another name", `field %s: in a document "query" marks the query section, which must be a struct`, f.Name)
		return
	}
	if !slices.Contains(s.Fields, f) {
		c.report(f.nameAt(), "a field of the document itself", "field %s: the query section of %s is inside of a struct that it embeds", f.Name, s.Name)
		return
	}
	s.Section = f
	if f.Tag.Local {
		c.report(f.inTag(f.Tag.LocalAt), "leave local out", "field %s: the query section is stored, always", f.Name)
	}
	if len(f.Tag.Was) > 0 {
		c.report(f.inTag(f.Tag.Was[0].At), "leave it out, and fill the section from the old field where the program changes the document",
			"field %s: what was no query section has no terms, and would not be found", f.Name)
	}
	if f.Tag.Unique {
		c.report(f.inTag(f.Tag.UniqueAt), "unique on one of its fields", "field %s: the whole query section cannot be unique", f.Name)
	}
}

// types judges what the fields of a struct are, also of those whose tags are wrong.
func (c *checker) types(s *Struct) {
	for _, f := range s.Fields {
		if f.Tag.Form != NameTag && f.Tag.Form != BadTag {
			continue
		}
		if s.Generic || f.Name == "_" || f.Locks != "" {
			continue // reported, and what else is wrong with it would go with that
		}
		if why, fix := f.Type.problem(); why != "" {
			c.report(f.TypeAt, fix, "field %s: %s", f.Name, why)
			continue
		}
		if o := f.Type.Object(); o != nil && o.Document() {
			c.report(f.TypeAt, fmt.Sprintf("destam.Ref[%s], or take table= out of %s", o.Handle(), o.Name),
				"field %s: %s is a document of its own, and a document cannot be part of another struct", f.Name, o.Name)
		}
		for _, t := range append(f.Type.Named(), objectName(f.Type)...) {
			if t.Name.Path == "" && strings.Contains(" o l w db ", " "+t.Name.Name+" ") {
				c.report(f.TypeAt, "rename the type", "field %s: generated code has variables called %s, which hide the type", f.Name, t.Name.Name)
			}
		}
	}
}

// objectName gives the struct inside t as a type, if there is one.
func objectName(t *Type) []*Type {
	if o := t.Object(); o != nil {
		return []*Type{{Name: Name{Name: o.Name}}}
	}
	return nil
}
