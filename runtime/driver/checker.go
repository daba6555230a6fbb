package driver

import (
	"context"
	"iter"
)

// Checker is implemented by drivers that can check what they keep below
// documents: whether the bytes are what was written, and whether every index
// has what it should have and nothing else.
type Checker interface {
	// Check reads everything that the store keeps and yields what is not as it
	// should be; it changes nothing. What is damaged is yielded and passed
	// over; an error, the last pair, says that Check could not go on. The store
	// may be in use meanwhile.
	Check(ctx context.Context) iter.Seq2[Damage, error]
}

// Damage is something in a store that is not as it should be.
type Damage struct {
	Table string // empty when it concerns none, or all
	ID    ID     // zero when no single document is concerned
	Seq   uint64 // zero when no single commit is
	Where string // file and offset, collection and row, in the driver's words
	Why   string
}
