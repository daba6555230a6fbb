package destam

import (
	"errors"
	"fmt"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// What can be asked of an error with errors.Is. The cause of an [*Error] may
// be another error too: of the driver, of the operating system, of a context.
var (
	ErrNotFound  = driver.ErrNotFound  // there is no such document
	ErrDeleted   = driver.ErrDeleted   // the document was deleted
	ErrClosed    = driver.ErrClosed    // the database is closed
	ErrReadOnly  = driver.ErrReadOnly  // the store was opened for reading only
	ErrAttached  = driver.ErrAttached  // the store belongs to another database of this process
	ErrPoisoned  = driver.ErrPoisoned  // the store failed: close the database and open it again
	ErrUnknown   = driver.ErrUnknown   // the store did not say whether it has the commit
	ErrForgotten = driver.ErrForgotten // the version is older than the history that the store was told to keep
	ErrConflict  = doc.ErrConflict     // an Update was taken back: what it changed is gone
	ErrDropped   = doc.ErrDropped      // a change was dropped: what it changed is gone
	ErrDetached  = doc.ErrDetached     // written to an object that is not in its document any more
	ErrCorrupt   = doc.ErrCorrupt      // what is stored does not describe a document
	ErrDepth     = doc.ErrDepth        // objects nest more than 30,000 deep

	// ErrTaken: another document has the value of a unique field.
	ErrTaken = errors.New("value is taken")
	// ErrSelf: closing would wait for its caller, and goes on without it.
	ErrSelf = errors.New("it would wait for its caller, a listener or handler or an Update: it goes on without; to wait, call Close elsewhere")
	// ErrBusy: too much waits for the store, and went on waiting.
	ErrBusy = errors.New("too much waits for the store")
	// ErrInTransaction: a handle of an Update or View was asked for something
	// that may wait for the store, while the document is locked.
	ErrInTransaction = errors.New("may wait for the store: use the handle outside of Update and View")
)

// errNoContext: see [DB.usable].
var errNoContext = errors.New("the context is nil: give context.Background() where nothing bounds the call")

var errNoDriver = errors.New("the driver is nil: look at the error that opening it gave")

// Error says which document, and what of it, an operation failed on.
type Error struct {
	Op      string // create, get, update, flush, …; store, load, … in the background
	Table   string // empty when no table is concerned
	ID      ID     // zero when no single document is
	Version uint64 // zero when no single version is
	Path    string // of the field by the names in the tags, such as query.slug; empty for none
	Err     error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("destam: " + e.Op)
	if e.Table != "" {
		b.WriteString(" " + e.Table)
	}
	if !e.ID.IsZero() {
		b.WriteString("/" + e.ID.String())
	}
	if e.Version != 0 {
		fmt.Fprintf(&b, "@%d", e.Version)
	}
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	return b.String() + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// PanicError is the cause when a listener panicked, or ended its goroutine.
type PanicError = doc.PanicError

// LockError is the cause when somebody waited long for a document: an Update
// or a View takes its time, and it has the stacks of both sides; or a listener
// waits, in [Settle] or in an Undo, for what waits for itself.
type LockError = doc.LockError

// RefusedError is the cause when the store refused a commit that was shown
// already, so that it was taken back.
type RefusedError struct {
	Commit *Commit // what was taken back, as it was made
	Err    error   // why
	paths  string  // of several deltas: reading them later would need the document's lock
}

func (e *RefusedError) Error() string { return "taken back: " + e.paths + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// refuse makes e the report of a refusal.
func (e *Error) refuse(r *doc.Refusal) {
	e.Op, e.Err = "store", r.Err
	if placed := (*Error)(nil); errors.As(r.Err, &placed) {
		e.Path, e.Err = placed.Path, placed.Err
	}
	shown := &RefusedError{
		Commit: public(&doc.Commit{Cause: doc.Cause{Origin: TakenBack, By: r.By, Because: r.Because}, Deltas: r.Deltas}),
		Err:    e.Err,
	}
	e.Err = shown
	if field := (*FieldError)(nil); e.Path == "" && !errors.As(e.Err, &field) {
		e.Path = r.Path
	}
	if len(r.Deltas) > 1 {
		shown.paths = r.Paths + ": "
	}
}

// takenError says who has a unique value. It is ErrTaken, and the driver's
// error underneath.
type takenError struct {
	path  string // of the field, from the document's root
	empty bool   // the value is what a field has that nobody has set
	dup   *driver.DuplicateError
}

func (e *takenError) Error() string {
	who := "document " + e.dup.Holder.String()
	if e.dup.Holder.IsZero() {
		who = "a document that is being created"
	}
	text := fmt.Sprintf("%s by %s", ErrTaken, who)
	if e.empty {
		text += ": it is the empty one, which counts as any other; make the field a pointer, so that documents may have none"
	}
	return text
}

func (e *takenError) Is(target error) bool { return target == ErrTaken }
func (e *takenError) Unwrap() error        { return e.dup }

// Concerns makes it a [doc.Scoped]: a window of bare setters loses only the
// field that is taken.
func (e *takenError) Concerns(path string) bool { return path == e.path }

// sectionError says that a query section cannot be stored because of one
// value in it.
type sectionError struct {
	path string // of the field, from the document's root, as doc.Path.Fields gives it
	err  error
}

func (e *sectionError) Error() string             { return e.err.Error() }
func (e *sectionError) Unwrap() error             { return e.err }
func (e *sectionError) Concerns(path string) bool { return path == e.path }
