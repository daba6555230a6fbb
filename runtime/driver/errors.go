package driver

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound: no such document.
	ErrNotFound = errors.New("not found")
	// ErrDeleted: the document is deleted; Restore brings it back.
	ErrDeleted = errors.New("document is deleted")
	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store is closed")
	// ErrAttached: the store belongs to a database already.
	ErrAttached = errors.New("store is in use by another database of this process")
	// ErrUnknown: the outcome of a write is not known; it may be stored or
	// not. Appending the same commit again with the same Try tells.
	ErrUnknown = errors.New("outcome unknown")
	// ErrPoisoned: a write or sync of the store failed, so what is on disk is
	// not known any more. Close the store and open it again.
	ErrPoisoned = errors.New("store failed earlier and must be opened again")
	// ErrReadOnly: the store was opened for reading only.
	ErrReadOnly = errors.New("store is read-only")
	// ErrForgotten: the version is older than the history that the store was
	// told to keep. See [Limits].
	ErrForgotten = errors.New("version is older than the history that the store keeps")
)

// SeqError says that a commit came too late or too early for its sequence.
type SeqError struct {
	Want uint64  // the sequence that the commit asked for
	Have uint64  // the document's head
	Row  *Commit // the commit that has the sequence, nil if there is none
}

func (e *SeqError) Error() string {
	return fmt.Sprintf("version %d is not the next one: the store is at %d", e.Want, e.Have)
}

// DuplicateError says that another document holds a unique value.
type DuplicateError struct {
	Term   Term
	Holder ID
}

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("value of unique field %s is taken by document %s", e.Term.Path(), e.Holder)
}

// LimitError says that something is larger than the store takes.
type LimitError struct {
	What string // "commit", "table name", …
	Size int
	Max  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s of %d bytes is larger than %d", e.What, e.Size, e.Max)
}

// SchemaError says that a table is unknown or its schema contradicts the store.
type SchemaError struct {
	Table string
	Why   string
}

func (e *SchemaError) Error() string { return fmt.Sprintf("table %q: %s", e.Table, e.Why) }
