package destam

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// ErrInvalid: the Validate method of a document's plain struct refused it. Its
// error is the cause.
var ErrInvalid = errors.New("not valid")

// FieldError is an error of a Validate method that says which field is wrong.
// Of what setters changed within a window only that field is taken back then;
// with any other error all of the window is, as it may be about anything.
// Several may be joined with [errors.Join].
type FieldError struct {
	Path string // by the names in the tags, without positions and keys: title, query.slug, tasks.text
	Err  error
}

func (e *FieldError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// validator is a plain struct that says whether it may be stored. Create,
// Update, Revert and Transact are refused before they return; what bare setters
// changed is taken back.
type validator interface{ Validate() error }

// invalidError is ErrInvalid, and the error of Validate underneath.
type invalidError struct{ err error }

func (e *invalidError) Error() string        { return ErrInvalid.Error() + ": " + e.err.Error() }
func (e *invalidError) Unwrap() error        { return e.err }
func (e *invalidError) Is(target error) bool { return target == ErrInvalid }

// Concerns makes it a [doc.Scoped]: a window of bare setters loses only the
// fields that Validate names, if it names all.
func (e *invalidError) Concerns(path string) bool { return concerns(e.err, path) }

func concerns(err error, path string) bool {
	if field, ok := err.(*FieldError); ok {
		return path == field.Path || strings.HasPrefix(path, field.Path+".")
	}
	switch w := err.(type) {
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(w.Unwrap(), func(err error) bool { return concerns(err, path) })
	case interface{ Unwrap() error }:
		if err := w.Unwrap(); err != nil {
			return concerns(err, path)
		}
	}
	return true
}

// validates tells whether the documents of a plain struct are checked.
func validates(plain reflect.Type) bool {
	return reflect.PointerTo(plain).Implements(reflect.TypeFor[validator]())
}

// validate asks the plain struct at p. It runs the user's code.
func (t *table) validate(p unsafe.Pointer) (err error) {
	if !t.validates {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = &invalidError{fmt.Errorf("its Validate panicked: %v\n%s", r, debug.Stack())}
		}
	}()
	if err := reflect.NewAt(t.plain, p).Interface().(validator).Validate(); err != nil {
		return &invalidError{err}
	}
	return nil
}

// plainOf gives a copy of a document that is locked, or that nobody else has.
func (t *table) plainOf(d *doc.Document) unsafe.Pointer {
	p := reflect.New(t.plain).UnsafePointer()
	d.Root.Snapshot(p)
	return p
}

// unchecked are the pending commits of a document that Validate has not seen,
// with the document as each of them left it. It is asked without any lock, so
// it is asked when they are about to be stored.
type unchecked struct {
	mu    sync.Mutex // a leaf
	plain map[*doc.Pending]unsafe.Pointer
}

func (u *unchecked) add(p *doc.Pending, plain unsafe.Pointer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.plain == nil {
		u.plain = map[*doc.Pending]unsafe.Pointer{}
	}
	u.plain[p] = plain
}

func (u *unchecked) remove(p *doc.Pending) {
	u.mu.Lock()
	delete(u.plain, p)
	u.mu.Unlock()
}

// first gives the first of the waiting commits that is unchecked, and forgets
// those that do not wait any more.
func (u *unchecked) first(waiting []*doc.Pending) (i int, plain unsafe.Pointer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.plain) == 0 {
		return -1, nil
	}
	for p := range u.plain {
		if !slices.Contains(waiting, p) {
			delete(u.plain, p)
		}
	}
	for i, p := range waiting {
		if plain := u.plain[p]; plain != nil {
			return i, plain
		}
	}
	return -1, nil
}

// vet asks Validate about what waits for the store, and takes back what it
// refuses.
func (l *live) vet(ctx context.Context) error {
	for l.table.validates {
		waiting := l.doc.Waiting()
		i, plain := l.unchecked.first(waiting)
		if i < 0 {
			return nil
		}
		p := waiting[i]
		err := l.table.validate(plain)
		if err == nil {
			l.unchecked.remove(p)
			continue
		}
		if err := l.refuse(ctx, p, &Error{Op: "store", Table: l.table.name, ID: l.id, Err: err}); err != nil {
			return err
		}
	}
	return nil
}

// unvetted tells whether something waits for the store that Validate has not
// seen.
func (l *live) unvetted() bool {
	if !l.table.validates {
		return false
	}
	i, _ := l.unchecked.first(l.doc.Waiting())
	return i >= 0
}
