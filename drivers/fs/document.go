package fs

import (
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// document is what memory has of a document: where its commits are that are not
// sealed, and what decides about the next one. It is guarded by the store's
// lock; commits and checkpoints are only appended to, or replaced, so slices of
// them may be read without.
type document struct {
	standing    driver.Standing
	base        uint64          // commits up to this sequence are in older layers
	commits     []journal.Place // commits[i] has the sequence base+i+1, also of a purged document
	checkpoints []checkpoint    // ascending, of any sequence
	section     []byte          // of the newest commit that had one; never changed
	batch       uint64          // of the journal, with the newest record
}

// checkpoint is where the content of a document as of a sequence is.
type checkpoint struct {
	seq   uint64
	place journal.Place
}

// terms gives the terms by which the document is found.
func (d *document) terms() []driver.Term {
	if d.standing.Life != driver.Alive {
		return nil
	}
	terms, _ := driver.TermsIn(d.section) // no error: it was checked when it was accepted
	return terms
}

// head gives the head of a document, in memory of its own.
func (k known) head(id driver.ID) driver.Head {
	k.section, k.standing.Held = slices.Clone(k.section), slices.Clone(k.standing.Held)
	return k.owned(id)
}

// owned is head when what is known is nobody else's.
func (k known) owned(id driver.ID) driver.Head {
	return driver.Head{
		ID: id, Seq: k.standing.Seq, Section: k.section, Held: k.standing.Held,
		Deleted: k.standing.Life == driver.Deleted,
	}
}

// checkpointAt gives the place of a checkpoint, or where it would be.
func (d *document) checkpointAt(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(d.checkpoints, seq, func(c checkpoint, seq uint64) int {
		switch {
		case c.seq < seq:
			return -1
		case c.seq > seq:
			return 1
		}
		return 0
	})
}

func (d *document) addCheckpoint(c checkpoint) {
	i, _ := d.checkpointAt(c.seq)
	// A copy: a reader may have the slice.
	d.checkpoints = slices.Insert(slices.Clip(slices.Clone(d.checkpoints)), i, c)
}
