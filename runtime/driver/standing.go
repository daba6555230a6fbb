package driver

import (
	"fmt"
	"slices"
)

// Standing is what decides about the next commit of a document: the same rules
// for every driver, kept apart from how a driver stores anything. The zero
// Standing is that of a document without commits.
type Standing struct {
	Seq  uint64 // of the newest commit of any kind, 0 for none
	Life Life
	Held []Term // by the newest commit
}

// Life is where a document is between its creation and its end.
type Life uint8

// The lives of a document.
const (
	Unborn  Life = iota // no commit, or nothing but voids
	Alive               // created, or restored
	Deleted             // hidden until it is restored
	Purged              // erased for ever: an id is never used again
)

// Judge says whether c may become the next commit: nil, or what [Result.Err]
// shall be. Holder tells which document holds a unique value.
//
// Before, the caller has asked [Commit.Check], and whether the stored commit
// at c.Seq has c's Try: then c is stored already and accepted again, whatever
// happened to the document since. Afterwards, it adds the row to a [*SeqError].
func (s Standing) Judge(c *Commit, holder func(Term) (ID, bool)) error {
	switch {
	case s.Life == Purged:
		return ErrNotFound
	case c.Seq != s.Seq+1:
		return &SeqError{Want: c.Seq, Have: s.Seq}
	}
	if err := s.follows(c); err != nil {
		return err
	}
	taken, _ := Taken(s.Held, c.Held)
	for _, term := range taken {
		if id, ok := holder(term); ok && id != c.ID {
			return &DuplicateError{Term: term, Holder: id}
		}
	}
	return nil
}

// follows says whether c's kind may come now.
func (s Standing) follows(c *Commit) error {
	if c.Kind == KindVoid {
		// A void that held less would free values that the document still has. It
		// holds more where a field has become unique.
		taken, freed := Taken(s.Held, c.Held)
		if len(freed) > 0 || len(taken) > 0 && s.Life != Alive {
			return &InvalidError{"Held", "a void holds what the commit before it holds"}
		}
		return nil
	}
	switch s.Life {
	case Unborn:
		switch {
		case c.Kind != KindChange || c.Seq != 1:
			// Whoever finds a void where its creation should be begins again
			// with a fresh id, so the first commit of a document is the first.
			return ErrNotFound
		case c.Section == nil:
			return &InvalidError{"Section", "the first commit of a document has none"}
		}
	case Alive:
		if c.Kind == KindRestore {
			return &InvalidError{"Kind", "restores a document that is not deleted"}
		}
	case Deleted:
		if c.Kind != KindRestore {
			return ErrDeleted
		}
	}
	return nil
}

// After returns the standing once c is stored. It keeps c.Held.
func (s Standing) After(c *Commit) Standing {
	next := Standing{Seq: c.Seq, Life: s.Life, Held: c.Held}
	switch c.Kind {
	case KindChange, KindRestore, KindRenumber:
		next.Life = Alive
	case KindDelete:
		next.Life = Deleted
	case KindPurge:
		next.Life = Purged
	}
	return next
}

// Taken compares what a document held before and after a commit, both
// ascending, and returns what the commit takes and what it frees, ascending. They
// may be parts of what it was given.
func Taken(before, after []Term) (taken, freed []Term) {
	if len(before) == 0 || len(after) == 0 { // as it is with what is made and what goes
		return slices.Clip(after), slices.Clip(before)
	}
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(before) == 0 || len(after) > 0 && after[0] < before[0]:
			taken = append(taken, after[0])
			after = after[1:]
		case len(after) == 0 || before[0] < after[0]:
			freed = append(freed, before[0])
			before = before[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return taken, freed
}

// InvalidError says that a commit is not well formed: a defect of the program
// that made it, not of what its user did.
type InvalidError struct {
	Field string // of [Commit]
	Why   string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("commit's %s: %s", e.Field, e.Why) }
