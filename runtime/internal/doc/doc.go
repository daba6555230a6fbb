// Package doc is one live document without any storage: a tree of typed
// nodes under one lock, who watches it, and what was changed in it and is not
// stored yet.
//
// A document knows its store only as a [Host], and a commit only as bytes:
//
//	setters ──► window ──seal──► pending ──► the store
//	Update ──────────────seal──► pending ──► the store
//	                                │
//	                          refused: taken back
//
// Everything that changes a document goes through a few edits of one slot
// each (edit.go). Each edit is recorded in the open window, so that it can be
// stored, and logged when somebody watches or a transaction may have to undo
// it. Undoing, taking back and replaying are the same edits again.
//
// The state of an object is a struct that the generator wrote; its first
// field is a [Node]. The package finds the fields by their offsets (type.go),
// so that generated code needs no methods for them and nothing here is
// generic.
package doc
