package destam

import (
	"context"
	"errors"
	"fmt"
)

// ErrDangling: a reference leads to no document: it was deleted or purged, or
// the reference was never set. It is [ErrNotFound] too.
var ErrDangling = errors.New("dangling reference")

// Ref is a typed reference to a document whose handle is *O, as a field of a
// plain struct:
//
//	Author destam.Ref[OPerson] `destam:"author"`
//
// It holds the document's id, is stored as its text, and can be compared. The
// zero Ref leads nowhere. Nothing keeps what it leads to from being deleted.
type Ref[O any] struct{ id ID }

// RefTo gives the reference to a document: RefTo(person). It panics for an
// object that is no document.
//
//go:noinline
func RefTo[O any, H interface {
	*O
	Handle
}](h H) Ref[O] {
	return Ref[O]{documentOf(h)}
}

func documentOf(h Handle) ID {
	n := given(h).Node()
	if n != n.Document().Root {
		panic(fmt.Sprintf("destam: a reference leads to a document, not to a %T in one", h))
	}
	return n.Document().ID
}

// RefID gives the reference to the document with an id.
func RefID[O any](id ID) Ref[O] { return Ref[O]{id} }

// ID is that of the document, zero for the zero Ref.
func (r Ref[O]) ID() ID { return r.id }

// IsZero tells whether the reference was never set.
func (r Ref[O]) IsZero() bool { return r.id.IsZero() }

// Load gives the document: ref.Load(ctx, PersonTable(db)). One that leads to
// none is [ErrDangling].
//
//go:noinline
func (r Ref[O]) Load(ctx context.Context, t interface {
	Get(context.Context, ID) (*O, error)
}) (*O, error) {
	if r.id.IsZero() {
		return nil, &Error{Op: "load", Err: fmt.Errorf("%w: it was never set: %w", ErrDangling, ErrNotFound)}
	}
	o, err := t.Get(ctx, r.id)
	if errors.Is(err, ErrNotFound) {
		return nil, dangling(err)
	}
	return o, err
}

// dangling says what an error of Get means for a reference.
func dangling(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		placed := *e
		placed.Op, placed.Err = "load", fmt.Errorf("%w: %w", ErrDangling, e.Err)
		return &placed
	}
	return err
}

func (r Ref[O]) String() string { return r.id.String() }

// MarshalText gives the text of the id, nothing for the zero Ref.
func (r Ref[O]) MarshalText() ([]byte, error) {
	if r.id.IsZero() {
		return nil, nil
	}
	return r.id.MarshalText()
}

// UnmarshalText reads what MarshalText writes.
func (r *Ref[O]) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = Ref[O]{}
		return nil
	}
	return r.id.UnmarshalText(text)
}
