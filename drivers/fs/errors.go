package fs

import (
	"errors"
	"fmt"

	"github.com/destam-go/destamgen/runtime/driver"
)

var (
	// ErrInUse says that a store is open already, in this process or another.
	ErrInUse = errors.New("store is in use")
	// ErrNoStore says that a folder holds something else than a store.
	ErrNoStore = errors.New("folder is not a store")
	// ErrFormat says that a store was written by a newer version of this
	// program.
	ErrFormat = errors.New("format of the store is newer than this program")
	// ErrDamaged says that the disk does not have what it promised to keep:
	// restore a [Store.Backup], or save what can be read with [Salvage].
	ErrDamaged = errors.New("store is damaged")
)

// openError says why a folder was not opened.
type openError struct {
	dir string
	err error
}

func (e *openError) Error() string { return fmt.Sprintf("open store %q: %v", e.dir, e.err) }

func (e *openError) Unwrap() error { return e.err }

// missingError says that a file is not there that the store is made of.
type missingError struct{ file, by string }

func (e *missingError) Error() string {
	return fmt.Sprintf("%s is missing, which %s names; when this is a copy, copy the store again or use Backup, otherwise restore the store from a backup, or save what can be read with fs.Salvage", e.file, e.by)
}

// unknownError is the failure of a write, told to those whose commits were on
// their way. It matches [driver.ErrUnknown].
type unknownError struct{ err error }

func (e *unknownError) Error() string { return fmt.Sprintf("%v: %v", driver.ErrUnknown, e.err) }

func (e *unknownError) Unwrap() []error { return []error{driver.ErrUnknown, e.err} }
