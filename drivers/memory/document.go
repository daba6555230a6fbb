package memory

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// document is one document of a table, guarded by the store's lock. Rows and
// checkpoints never change once they are there, so they are read without it.
type document struct {
	standing    driver.Standing
	first       uint64       // sequence of rows[0]
	rows        []row        // commits, of a purged document the last
	section     []byte       // of the newest commit that had one; never changes
	checkpoints []checkpoint // ascending
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

// terms returns the terms by which the document is found.
func (d *document) terms() []driver.Term {
	if d.standing.Life != driver.Alive {
		return nil
	}
	section, _ := driver.DecodeValue(d.section) // the commit was checked
	return driver.Terms(section)
}

// between returns the rows of a range of sequences, 0 for no bound.
func (d *document) between(from, to uint64) []row {
	if to == 0 || to > d.standing.Seq {
		to = d.standing.Seq
	}
	from = max(from, d.first)
	if from > to {
		return nil
	}
	return d.rows[from-d.first : to-d.first+1 : to-d.first+1]
}

// commit returns the commit that has a sequence, nil if none has or it is
// forgotten.
func (d *document) commit(seq uint64) *driver.Commit {
	if seq < d.first || seq > d.standing.Seq {
		return nil
	}
	c := d.rows[seq-d.first].decode()
	return &c
}

// add makes a commit the newest one.
func (d *document) add(c *driver.Commit, e entry) {
	d.standing = d.standing.After(c)
	d.standing.Held = e.held // not the caller's
	d.rows = append(d.rows, e.row)
	if e.section != nil {
		d.section = e.section
	}
}

// erase forgets all but the newest commit and returns what that saves, as
// negative numbers.
func (d *document) erase() (commits, bytes int) {
	newest := len(d.rows) - 1
	for _, cp := range d.checkpoints {
		bytes -= len(cp.content)
	}
	bytes -= length(d.rows[:newest])
	*d = document{standing: d.standing, first: d.standing.Seq, rows: []row{d.rows[newest]}}
	return -newest, bytes
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

// load returns what [driver.Driver] calls so, the commits as rows.
func (d *document) load(id driver.ID, at uint64) (driver.State, []row, error) {
	if at == 0 || at > d.standing.Seq {
		at = d.standing.Seq
	}
	state := driver.State{Head: d.head(id)}
	i, found := d.checkpointAt(at)
	if !found {
		i--
	}
	if i >= 0 {
		state.Checkpoint, state.CheckpointSeq = slices.Clone(d.checkpoints[i].content), d.checkpoints[i].seq
	}
	if state.CheckpointSeq+1 < d.first {
		return driver.State{}, nil, ErrForgotten
	}
	return state, d.between(state.CheckpointSeq+1, at), nil
}

// checkpointAt returns the place of the checkpoint of a sequence, and whether
// there is one.
func (d *document) checkpointAt(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(d.checkpoints, seq, func(cp checkpoint, seq uint64) int {
		switch {
		case cp.seq < seq:
			return -1
		case cp.seq > seq:
			return 1
		}
		return 0
	})
}

// checkpoint keeps content unless there is a checkpoint of seq, and then drops
// what the history to be kept does not need. It returns what that adds.
func (d *document) checkpoint(seq uint64, content []byte, history int) (commits, bytes int) {
	i, found := d.checkpointAt(seq)
	if found || seq < d.first || seq > d.standing.Seq {
		return 0, 0
	}
	d.checkpoints = slices.Insert(slices.Clip(d.checkpoints), i, checkpoint{seq, slices.Clone(content)})
	commits, bytes = d.forget(history)
	return commits, bytes + len(content)
}

// forget drops what lies further behind the newest checkpoint than the history
// to be kept. The newest checkpoint that has so many commits between it and the
// newest one becomes the oldest, so whatever is kept can be loaded.
func (d *document) forget(history int) (commits, bytes int) {
	newest := d.checkpoints[len(d.checkpoints)-1].seq
	if history <= 0 || newest <= uint64(history) {
		return 0, 0
	}
	oldest, found := d.checkpointAt(newest - uint64(history))
	if !found {
		oldest--
	}
	if oldest < 0 {
		return 0, 0
	}
	for _, cp := range d.checkpoints[:oldest] {
		bytes -= len(cp.content)
	}
	d.checkpoints = slices.Clone(d.checkpoints[oldest:])
	if base := d.checkpoints[0].seq; base >= d.first {
		dropped := int(base - d.first + 1)
		commits, bytes = -dropped, bytes-length(d.rows[:dropped])
		d.rows = slices.Clone(d.rows[dropped:])
		d.first = base + 1
	}
	return commits, bytes
}
