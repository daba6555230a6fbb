package schema

import (
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// Package is what the model needs to know of one Go package.
type Package struct {
	Name  string
	Files []*File // those with tagged structs, by name

	// Names are all package-level names, tests included and our own output
	// left out: what is generated must not take one of them.
	Names map[string]token.Position

	// Methods are those that the user wrote, by the name of their receiver's
	// type, whether that type exists yet or not.
	Methods map[string]map[string]token.Position

	// Upcasters are the functions that may read what fields were stored as.
	Upcasters []Upcaster

	// Elsewhere are the type names of files that this build leaves out. Their
	// absence says nothing about what is stored.
	Elsewhere map[string]bool

	// Parameter is what generated types call their type parameter, derived by
	// Check: D, unless the package has a type D, which it would hide.
	Parameter string
}

// File is one source file with tagged structs.
type File struct {
	Name       string // as in the folder, note.go
	Constraint string // its //go:build line, or ""
	Structs    []*Struct
	Imports    []Import // those that its structs name, by path
}

// Import is an import of the user's file. Alias is empty when the last element
// of the path is its name.
type Import struct {
	Path, Alias, Name string
}

// suffix is what the names of generated files end with.
const suffix = "_destam.go"

// Output gives the name of the file that is generated from f.
func (f *File) Output() string { return OutputOf(f.Name) }

// OutputOf gives the name of the file that is generated from the file source.
func OutputOf(source string) string {
	return strings.TrimSuffix(filepath.Base(source), ".go") + suffix
}

// Structs gives all tagged structs in the order of the source.
func (p *Package) Structs() []*Struct {
	var all []*Struct
	for _, f := range p.Files {
		all = append(all, f.Structs...)
	}
	return all
}

// Struct is one struct with destam tags.
type Struct struct {
	Name    string
	Pos     token.Position
	Generic bool
	Fields  []*Field // all of them, in the order of the source

	// The rest is derived by Check.

	Table   string // of a document
	TableAt token.Position
	Section *Field // of a document: its query section, or nil

	Nested     bool // reached inside a query section: it has paths
	Pointed    bool // reached there through a pointer: it may be absent
	WithIs     bool // its paths have Is; false when a field takes the name
	WithAbsent bool // its paths have Absent
}

// Document says whether the struct is one.
func (s *Struct) Document() bool { return s.Table != "" }

// Tagged gives the fields that are part of the model, in the order of the
// source: the index of a field is its place among them. Those of a struct that
// is embedded without a tag are among them, as Go promotes them.
func (s *Struct) Tagged() []*Field { return s.tagged(make([]*Field, 0, len(s.Fields)), nil) }

// tagged adds the fields to those of the structs around it, which are open.
func (s *Struct) tagged(to []*Field, open []*Struct) []*Field {
	if slices.Contains(open, s) {
		return to // it contains itself, which is reported by the compiler
	}
	open = append(open, s)
	for _, f := range s.Fields {
		if f.Tag.Form == NameTag {
			to = append(to, f)
		} else if f.promotes() {
			to = f.Type.Struct.tagged(to, open)
		}
	}
	return to
}

// promotes says whether the field is embedded for the fields of its struct.
func (f *Field) promotes() bool {
	return f.Embedded && f.Tag.Form == NoTag && f.Type.Kind == Object
}

// Field is one field of a struct.
type Field struct {
	Name     string // as in the source, "_" for a blank one
	Embedded bool
	Pos      token.Position
	Doc      string // the user's comment, without its slashes

	Literal   string // the whole struct tag as in the source, or ""
	LiteralAt token.Position
	Tag       Tag // derived from it by Check

	// Former says how what is stored under the names of Tag.Was is read,
	// derived by [Lock.Next].
	Former []Former

	Type   *Type
	TypeAt token.Position
	Source []Piece // the type as it is written
	Locks  string  // the type that makes copying the field a mistake, or ""
}

// Piece is a part of a type as it is written: text, or a name of an imported
// package.
type Piece struct {
	Text string
	Path string // if not empty, Text is a name of this package
}

// label begins a message about the field, if it has a name.
func (f *Field) label() string {
	if f.Name == "_" {
		return ""
	}
	return "field " + f.Name + ": "
}

// inTag gives the position of an offset into the field's tag.
func (f *Field) inTag(offset int) token.Position {
	pos := f.LiteralAt
	before := f.Literal[:min(offset, len(f.Literal))]
	pos.Offset += len(before)
	if lines := strings.Count(before, "\n"); lines > 0 {
		pos.Line += lines
		pos.Column = len(before) - strings.LastIndexByte(before, '\n')
	} else {
		pos.Column += len(before)
	}
	return pos
}

// nameAt gives the position of the tag's name.
func (f *Field) nameAt() token.Position { return f.inTag(f.Tag.NameAt) }
