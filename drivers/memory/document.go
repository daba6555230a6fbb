package memory

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// document is one document of a table, guarded by the store's lock. Rows and
// checkpoints never change once they are there, so they are read without it.
//
// Most documents of a large table are created and no more: such a one has its
// row and nothing else, and what is asked of it is read from that.
type document struct {
	id    driver.ID
	row   row // the creation, while there is nothing else
	*past     // of a document that has more
}

// past is what a document has that was not only created.
type past struct {
	standing    driver.Standing
	section     []byte       // of the newest commit that had one; never changes
	first       uint64       // sequence of rows[0]
	rows        []row        // commits, the newest too; of a purged document only that
	checkpoints []checkpoint // ascending
}

// checkpoint is a document's content as of a sequence.
type checkpoint struct {
	seq     uint64
	content []byte
}

// created says whether the document has a creation and nothing else.
func (d *document) created() bool { return d.row != nil }

// now returns where the document stands; nobody may change it.
func (d *document) now() driver.Standing {
	switch {
	case d.past != nil:
		return d.standing
	case d.row == nil:
		return driver.Standing{}
	}
	return driver.Standing{Seq: 1, Life: driver.Alive, Held: d.row.head().Held}
}

// life is now's.
func (d *document) life() driver.Life {
	switch {
	case d.past != nil:
		return d.standing.Life
	case d.row == nil:
		return driver.Unborn
	}
	return driver.Alive
}

// newest returns the sequence of the newest commit.
func (d *document) newest() uint64 {
	switch {
	case d.past != nil:
		return d.standing.Seq
	case d.row == nil:
		return 0
	}
	return 1
}

// exists says whether the document was created and not purged.
func (d *document) exists() bool {
	life := d.life()
	return life == driver.Alive || life == driver.Deleted
}

// terms returns the terms by which the document is found.
func (d *document) terms() []driver.Term {
	if d.life() != driver.Alive {
		return nil
	}
	terms, _ := driver.TermsIn(d.current()) // the commit was checked
	return terms
}

// has says whether the document is found by a term.
func (d *document) has(term driver.Term) bool {
	return d.life() == driver.Alive && driver.HasTerms(d.current(), []driver.Term{term})
}

// current returns the newest section.
func (d *document) current() []byte {
	if d.created() {
		return d.row.section()
	}
	return d.section
}

// open makes the document one that can get more than its creation.
func (d *document) open() {
	if d.past != nil {
		return
	}
	d.past = &past{first: 1}
	if d.row != nil {
		h := d.row.head()
		d.standing = driver.Standing{Seq: 1, Life: driver.Alive, Held: h.Held}
		d.section, d.rows, d.row = h.Section, []row{d.row}, nil
	}
}

// between returns the rows of a range of sequences, 0 for no bound.
func (d *document) between(from, to uint64) []row {
	if newest := d.newest(); to == 0 || to > newest {
		to = newest
	}
	if d.created() {
		if from <= 1 && to == 1 {
			return []row{d.row}
		}
		return nil
	}
	if d.past == nil {
		return nil
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
	rows := d.between(seq, seq)
	if seq == 0 || len(rows) == 0 {
		return nil
	}
	c := rows[0].decode()
	return &c
}

// add makes a commit the newest one.
func (d *document) add(c *driver.Commit, r row) {
	if d.newest() == 0 && c.Kind == driver.KindChange {
		d.row = r
		return
	}
	d.open()
	held := d.standing.Held
	if !slices.Equal(held, c.Held) {
		held = r.head().Held // not the caller's
	}
	d.standing = d.standing.After(c)
	d.standing.Held = held
	d.rows = append(d.rows, r)
	if c.Section != nil {
		d.section = r.section()
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
	d.past = &past{standing: d.standing, first: d.standing.Seq, rows: []row{d.rows[newest]}}
	return -newest, bytes
}

// view returns the document's head; its slices are the document's.
func (d *document) view() driver.Head {
	if d.created() {
		return d.row.head()
	}
	h := d.peek()
	h.Held = d.standing.Held
	return h
}

// peek is view without what the document holds.
func (d *document) peek() driver.Head {
	if d.created() {
		return driver.Head{ID: d.id, Seq: 1, Section: d.row.section()}
	}
	return driver.Head{
		ID:      d.id,
		Seq:     d.standing.Seq,
		Section: d.section,
		Deleted: d.standing.Life == driver.Deleted,
	}
}

// head is view for a caller.
func (d *document) head() driver.Head {
	h := d.view()
	h.Section = slices.Clone(h.Section)
	if !d.created() { // where they were read just now
		h.Held = slices.Clone(h.Held)
	}
	return h
}

// load returns what [driver.Driver] calls so, the commits as rows; the slices
// are the document's.
func (d *document) load(at uint64) (driver.State, []row, error) {
	state := driver.State{Head: d.view()}
	if at == 0 || at > state.Seq {
		at = state.Seq
	}
	if d.created() {
		return state, []row{d.row}, nil
	}
	i, found := d.checkpointAt(at)
	if !found {
		i--
	}
	if i >= 0 {
		state.Checkpoint, state.CheckpointSeq = d.checkpoints[i].content, d.checkpoints[i].seq
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
	d.open()
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
		d.rows, d.section = slices.Clone(d.rows[dropped:]), slices.Clone(d.section) // it is in one of them
		d.first = base + 1
	}
	return commits, bytes
}
