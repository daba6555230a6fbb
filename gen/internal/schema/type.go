package schema

import (
	"fmt"
	"strings"
)

// Kind is what a type is to the model.
type Kind uint8

// The kinds of types.
const (
	Bad      Kind = iota // nothing that can be in the model: see Problem
	Scalar               // string, bool and integers, and types named after them
	Float                // float32 and float64
	Time                 // time.Time
	Bytes                // []byte
	Object               // a struct with tags
	Optional             // a pointer
	List                 // a slice
	Map                  // a map
	Array                // an array
	Coded                // a type with a codec
)

// Type is the type of a field.
type Type struct {
	Kind   Kind
	Basic  string  // of a Scalar or Float, the predeclared type under it
	Name   Name    // the name that the type was declared with, if it has one
	Key    *Type   // of a Map
	Elem   *Type   // of an Optional, List, Map or Array
	Len    int64   // of an Array
	Struct *Struct // of an Object
	Codec  string  // of a Coded: how it is stored, such as text

	// Written is the type as Go, where a name alone does not say it: a generic
	// type with its arguments.
	Written []Piece

	Problem, Fix string // why a type is Bad and what to do
}

// Name is the name of a declared type. Path is empty for the package's own.
type Name struct {
	Path, Name string
}

// Leaf says whether values of the type are written and read whole.
func (t *Type) Leaf() bool {
	switch t.Kind {
	case Scalar, Float, Time, Bytes, Coded:
		return true
	case Array:
		return t.Elem.whole()
	}
	return false
}

// Sized says whether the type, as it is written where it is used, has the length of
// an array in it.
func (t *Type) Sized() bool {
	if t == nil || t.Name.Name != "" || len(t.Written) > 0 {
		return false
	}
	return t.Kind == Array || t.Elem.Sized()
}

// Encoded says whether the state holds the leaf in its stored form: its type has
// a codec, or is an array of what is not of a fixed size.
func (t *Type) Encoded() bool { return t.Kind == Coded || t.Kind == Array && !t.fixed() }

// fixed says whether values of the type are copied by assignment.
func (t *Type) fixed() bool {
	return t.Kind == Scalar || t.Kind == Float || t.Kind == Time || t.Kind == Array && t.Elem.fixed()
}

// bytes says whether the type is an array of bytes, which is stored as bytes.
func (t *Type) bytes() bool {
	return t.Kind == Array && t.Elem.Kind == Scalar && t.Elem.Basic == "uint8"
}

// whole says whether the type can be an element that is written and read whole:
// a leaf, or lists of leaves however deep.
func (t *Type) whole() bool {
	return t.Leaf() || t.Kind == List && t.Elem.whole()
}

// Stored gives the kind under which the type's values are stored, in the words of
// destam.lock. Names of scalar types do not matter to what is stored.
func (t *Type) Stored() string {
	switch t.Kind {
	case Scalar, Float:
		return t.Basic
	case Time:
		return "time"
	case Bytes:
		return "bytes"
	case Object:
		return "struct " + t.Struct.Name
	case Optional:
		return "optional " + t.Elem.Stored()
	case List:
		return "list " + t.Elem.Stored()
	case Map:
		return "map " + t.Key.Stored() + " " + t.Elem.Stored()
	case Array:
		return fmt.Sprintf("array %d %s", t.Len, t.Elem.Stored())
	case Coded:
		return t.Codec
	}
	return "bad"
}

// Object gives the struct that a value of the type holds, at whatever depth, or
// nil.
func (t *Type) Object() *Struct {
	for t != nil {
		if t.Kind == Object {
			return t.Struct
		}
		t = t.Elem
	}
	return nil
}

// Named gives the declared types that the type is made of, of whatever package,
// other than structs and those with a codec.
func (t *Type) Named() []*Type {
	if t == nil || t.Kind == Object || t.Kind == Coded {
		return nil
	}
	var named []*Type
	if t.Name.Name != "" && t.Kind != Time {
		named = append(named, t)
	}
	return append(append(named, t.Key.Named()...), t.Elem.Named()...)
}

// Settled says whether the type never becomes another: one of the runtime's, or of
// the standard library, as far as the path tells: the first element of others has
// a dot.
func (n Name) Settled() bool {
	first, _, _ := strings.Cut(n.Path, "/")
	return n.Path == Runtime || n.Path != "" && !strings.Contains(first, ".")
}

// problem says why a field of the type cannot be generated, and the cure.
func (t *Type) problem() (why, fix string) {
	switch t.Kind {
	case Bad:
		return t.Problem, t.Fix
	case Optional:
		return t.Elem.optionalProblem()
	case List:
		return t.Elem.elementProblem("slice")
	case Array:
		return t.Elem.elementProblem("array")
	case Map:
		if why, fix := t.Key.keyProblem(); why != "" {
			return why, fix
		}
		return t.Elem.elementProblem("map")
	}
	return "", ""
}

// optionalProblem judges what a pointer points to.
func (t *Type) optionalProblem() (why, fix string) {
	switch t.Kind {
	case Bad:
		return t.Problem, t.Fix
	case Bytes, List, Map:
		return "a pointer to a slice or map says nothing more: nil and empty are the same", "drop the pointer"
	case Optional:
		return "a pointer to a pointer has no meaning: a value is there or absent", "drop one of the two"
	}
	return "", ""
}

// elementProblem judges an element of a slice or a value of a map.
func (t *Type) elementProblem(of string) (why, fix string) {
	switch {
	case t.Kind == Bad:
		return t.Problem, t.Fix
	case t.Kind == Optional:
		return "an element of a " + of + " cannot be absent", "drop the pointer"
	case t.Kind == Map:
		return "a " + of + " of maps cannot be generated", "put the inner map into a field of a struct of its own"
	case of == "array" && !t.whole():
		return "an array of structs cannot be generated", "a slice of them"
	case t.Kind == Array:
		return t.Elem.elementProblem("array")
	case t.Kind == List && !t.whole():
		if inner, fix := t.Elem.elementProblem("slice"); inner != "" {
			return inner, fix
		}
		return "a " + of + " of slices of structs cannot be generated", "put the inner slice into a field of a struct of its own"
	}
	return "", ""
}

// keyProblem judges the key of a map.
func (t *Type) keyProblem() (why, fix string) {
	if t.Kind == Bad {
		return t.Problem, t.Fix
	}
	if t.Kind != Scalar && !t.id() || t.Basic == "bool" {
		return "the key of a map must be a string, an integer or a destam.ID", "a string key"
	}
	return "", ""
}

// id says whether the type is destam.ID, which go/types sees behind its alias.
func (t *Type) id() bool {
	return t.Name == (Name{Runtime, "ID"}) || t.Name == (Name{Driver, "ID"})
}
