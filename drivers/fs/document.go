package fs

import (
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// document is what memory has of a document: where its commits are, and what
// decides about the next one. It is guarded by the store's lock; commits and
// checkpoints are only appended to, so slices of them may be read without.
type document struct {
	standing    driver.Standing
	commits     []journal.Place // commits[i] has the sequence i+1, also of a purged document
	checkpoints []checkpoint    // ascending
	section     []byte          // of the newest commit that had one; never changed
	batch       uint64          // of the journal, with the newest record
}

// checkpoint is where the content of a document as of a sequence is.
type checkpoint struct {
	seq   uint64
	place journal.Place
}

// exists tells whether the document was created and not purged.
func (d *document) exists() bool {
	return d.standing.Life == driver.Alive || d.standing.Life == driver.Deleted
}

// terms gives the terms by which the document is found.
func (d *document) terms() []driver.Term {
	if d.standing.Life != driver.Alive {
		return nil
	}
	section, err := driver.DecodeValue(d.section)
	if err != nil {
		return nil // not possible: it was checked when it was accepted
	}
	return driver.Terms(section)
}

func (d *document) head(id driver.ID) driver.Head {
	return driver.Head{
		ID:      id,
		Seq:     d.standing.Seq,
		Section: slices.Clone(d.section),
		Held:    slices.Clone(d.standing.Held),
		Deleted: d.standing.Life == driver.Deleted,
	}
}

// until gives the newest checkpoint as of a sequence, 0 for the newest, and
// the commits after it up to there.
func (d *document) until(at uint64) (checkpoint, []journal.Place) {
	if at == 0 || at > d.standing.Seq {
		at = d.standing.Seq
	}
	i, found := d.checkpointAt(at)
	if !found {
		i--
	}
	var base checkpoint
	if i >= 0 {
		base = d.checkpoints[i]
	}
	return base, d.commits[base.seq:at:at]
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

// between gives the commits of a range that Log shows. Of a purged document
// that is the purge.
func (d *document) between(r driver.Range) []journal.Place {
	from, to := max(r.From, 1), r.To
	if to == 0 || to > d.standing.Seq {
		to = d.standing.Seq
	}
	if d.standing.Life == driver.Purged {
		from = max(from, d.standing.Seq)
	}
	if from > to {
		return nil
	}
	return d.commits[from-1 : to : to]
}
