package dummy

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// document is one document of a table, guarded by the store's lock. Its
// commits never change once they are there.
type document struct {
	standing    driver.Standing
	log         []driver.Commit // all of them, of a purged document the last
	erased      [][16]byte      // attempts of the commits before log
	section     []byte          // of the newest commit that had one
	terms       []driver.Term   // of section
	checkpoints []checkpoint    // ascending
}

// checkpoint is a document's content as of a sequence.
type checkpoint struct {
	seq     uint64
	content []byte
}

// exists says whether the document was created and not purged.
func (d *document) exists() bool {
	return d.standing.Life == driver.Alive || d.standing.Life == driver.Deleted
}

// meets says whether the document is found by the terms.
func (d *document) meets(terms []driver.Term) bool {
	return d.standing.Life == driver.Alive && !slices.ContainsFunc(terms, func(term driver.Term) bool {
		_, ok := slices.BinarySearch(d.terms, term)
		return !ok
	})
}

// tried returns the attempt that has a sequence, zero if none has.
func (d *document) tried(seq uint64) (try [16]byte) {
	if seq >= 1 && seq <= uint64(len(d.erased)) {
		return d.erased[seq-1]
	}
	if c := d.row(seq); c != nil {
		return c.Try
	}
	return try
}

// row returns a copy of the commit that has a sequence, nil if none has.
func (d *document) row(seq uint64) *driver.Commit {
	first := uint64(len(d.erased)) + 1
	if seq < first || seq > d.standing.Seq {
		return nil
	}
	c := clone(&d.log[seq-first])
	return &c
}

func (d *document) add(c driver.Commit) {
	d.standing = d.standing.After(&c)
	d.log = append(d.log, c)
	if c.Section != nil {
		section, _ := driver.DecodeValue(c.Section) // the commit was checked
		d.section, d.terms = c.Section, driver.Terms(section)
	}
}

// erase forgets all but the newest commit.
func (d *document) erase() {
	newest := len(d.log) - 1
	for _, c := range d.log[:newest] {
		d.erased = append(d.erased, c.Try)
	}
	d.log = []driver.Commit{d.log[newest]}
	d.section, d.terms, d.checkpoints = nil, nil, nil
}

func (d *document) head() driver.Head {
	return driver.Head{
		ID:      d.log[0].ID,
		Seq:     d.standing.Seq,
		Section: slices.Clone(d.section),
		Held:    slices.Clone(d.standing.Held),
		Deleted: d.standing.Life == driver.Deleted,
	}
}

func (d *document) load(at uint64) driver.State {
	if at == 0 || at > d.standing.Seq {
		at = d.standing.Seq
	}
	state := driver.State{Head: d.head()}
	for _, cp := range d.checkpoints {
		if cp.seq <= at {
			state.Checkpoint, state.CheckpointSeq = slices.Clone(cp.content), cp.seq
		}
	}
	for i := range d.log[state.CheckpointSeq:at] {
		state.Commits = append(state.Commits, clone(&d.log[int(state.CheckpointSeq)+i]))
	}
	return state
}

// checkpoint keeps content unless there is a checkpoint of seq.
func (d *document) checkpoint(seq uint64, content []byte) {
	i, found := slices.BinarySearchFunc(d.checkpoints, seq, func(cp checkpoint, seq uint64) int {
		return int(int64(cp.seq - seq))
	})
	if found || seq == 0 || seq > d.standing.Seq {
		return
	}
	d.checkpoints = slices.Insert(d.checkpoints, i, checkpoint{seq, slices.Clone(content)})
}
