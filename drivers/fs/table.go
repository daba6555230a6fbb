package fs

import (
	"slices"
	"sync/atomic"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// table is the layers of a table, each newer than the next: what is in active
// is newer than what is in frozen, that is newer than what is in the runs, of
// which the last is the newest. The newest layer that has a document has its
// head; older ones have older commits of it. The fields are guarded by the
// store's lock and changed by one who holds its order too.
type table struct {
	schema driver.Schema // its slice is replaced, never changed
	active *tail
	frozen *tail // on its way into a run and not changed any more; nil if nothing is
	runs   *runs

	counts counts
	sealed manifest.Table // as of the end of frozen, or of runs if there is none
}

// counts says how many documents a table has.
type counts struct {
	existing uint64 // that were created and not purged
	alive    uint64 // that are found
	commits  uint64 // that are not purged
}

func newTable(schema driver.Schema) *table {
	return &table{schema: schema, active: newTail(), runs: newRuns(nil)}
}

// known is what decides about the next commit of a document.
type known struct {
	standing driver.Standing
	section  []byte // never changed
}

// memory gives what memory has of a document, nil if it has nothing.
func (t *table) memory(id driver.ID) *document {
	if d := t.active.docs[id]; d != nil {
		return d
	}
	if t.frozen != nil {
		return t.frozen.docs[id]
	}
	return nil
}

// known gives the head of a document, which need not be there. The caller holds
// order, and so keeps the runs from being replaced.
func (t *table) known(id driver.ID) (known, error) {
	if d := t.memory(id); d != nil {
		return known{d.standing, d.section}, nil
	}
	h, _, err := t.runs.head(id)
	return known{h.Standing, h.Section}, err
}

// batch is the journal's with the newest record of a document, 0 when all of it
// is sealed.
func (t *table) batch(id driver.ID) uint64 {
	if d := t.memory(id); d != nil {
		return d.batch
	}
	return 0
}

// holder tells which document holds a unique value. The caller holds order.
func (t *table) holder(term driver.Term) (driver.ID, bool, error) {
	if id, ok := t.active.holder(term); ok {
		return id, true, nil
	}
	if t.frozen != nil {
		if id, ok := t.frozen.holder(term); ok && t.active.docs[id] == nil {
			return id, true, nil
		}
	}
	return t.runs.holder(term, func(id driver.ID) bool { return t.memory(id) != nil })
}

// enter makes a document one of the active tail, of which k was known.
func (t *table) enter(id driver.ID, k known) *document {
	if t.frozen != nil && t.frozen.docs[id] != nil {
		k.section = slices.Clone(k.section) // else what it is a part of would outlive its tail
	}
	return t.active.enter(id, k)
}

// add is keep of a commit that somebody else may change.
func (t *table) add(c *driver.Commit, k known, p journal.Place, batch uint64) {
	own := *c
	own.Section = slices.Clone(c.Section)
	if own.Held = k.standing.Held; !slices.Equal(own.Held, c.Held) { // they are repeated with each commit
		own.Held = slices.Clone(c.Held)
	}
	t.keep(&own, k, p, batch)
}

// keep makes a commit the newest one of its document, of which k was known.
func (t *table) keep(c *driver.Commit, k known, p journal.Place, batch uint64) {
	d := t.active.docs[c.ID]
	if d == nil {
		d = t.enter(c.ID, k)
	}
	t.active.add(d, c, p, batch)
	before, after := k.standing, d.standing
	t.counts.commits++
	t.counts.existing += one(exists(after.Life)) - one(exists(before.Life))
	t.counts.alive += one(after.Life == driver.Alive) - one(before.Life == driver.Alive)
	if after.Life == driver.Purged {
		t.counts.commits -= before.Seq
	}
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// exists tells whether a document was created and not purged.
func exists(l driver.Life) bool { return l == driver.Alive || l == driver.Deleted }

// wants tells whether a checkpoint of a sequence would be one more. The caller
// holds order.
func (t *table) wants(id driver.ID, seq uint64) (k known, ok bool, err error) {
	k, err = t.known(id)
	if err != nil || !exists(k.standing.Life) || seq == 0 || seq > k.standing.Seq {
		return k, false, err
	}
	for _, l := range []*tail{t.active, t.frozen} {
		if l != nil && l.docs[id] != nil {
			if _, found := l.docs[id].checkpointAt(seq); found {
				return k, false, nil
			}
			if l.docs[id].base < seq {
				return k, true, nil // it stands behind its commit, which is not sealed
			}
		}
	}
	found, err := t.runs.checkpointAt(id, seq)
	return k, !found, err
}

// addCheckpoint notes where a checkpoint is that is one more.
func (t *table) addCheckpoint(id driver.ID, k known, seq uint64, p journal.Place, batch uint64) {
	d := t.active.docs[id]
	if d == nil {
		d = t.enter(id, k)
	}
	d.addCheckpoint(checkpoint{seq, p})
	d.batch = batch
}

// freeze makes the active tail the frozen one, of which there is none.
func (t *table) freeze() {
	if len(t.active.docs) > 0 {
		t.frozen, t.active = t.active, newTail()
	}
	t.sealed = manifest.Table{
		Schema: t.schema, Existing: t.counts.existing, Alive: t.counts.alive, Commits: t.counts.commits,
		Runs: t.sealed.Runs,
	}
}

// runs are the sealed layers of a table, oldest first. A set is not changed but
// replaced; readers keep it, and so its files, until they are done.
type runs struct {
	all   []*sealedRun
	plain []*run.Run // the same
	refs  atomic.Int64
}

// sealedRun is a run and how many sets have it.
type sealedRun struct {
	*run.Run
	refs   atomic.Int64
	erased atomic.Bool // older runs have no bytes of what this one says is purged
}

// newRuns makes a set that its table holds.
func newRuns(all []*sealedRun) *runs {
	rs := &runs{}
	rs.refs.Store(1)
	for _, r := range all {
		rs.add(r)
	}
	return rs
}

// add makes a run the newest one of a set that nobody reads yet.
func (rs *runs) add(r *sealedRun) {
	r.refs.Add(1)
	rs.all, rs.plain = append(rs.all, r), append(rs.plain, r.Run)
}

// keep is what a reader calls with the store's lock held, before it lets go of
// that.
func (rs *runs) keep() *runs {
	rs.refs.Add(1)
	return rs
}

// drop ends what keep began. The files of a run are let go when no set has it
// any more; an error of that is nobody's, as the file was only read.
func (rs *runs) drop() {
	if rs.refs.Add(-1) > 0 {
		return
	}
	for _, r := range rs.all {
		if r.refs.Add(-1) == 0 {
			_ = r.Close()
		}
	}
}

// head gives the head of a document as of the newest run that has it.
func (rs *runs) head(id driver.ID) (h run.Head, found bool, err error) {
	for i := len(rs.all) - 1; i >= 0 && !found && err == nil; i-- {
		h, found, err = rs.all[i].Head(id)
	}
	return h, found, err
}

// covered tells whether a run newer than the i-th has a document.
func (rs *runs) covered(id driver.ID, i int) (ok bool, err error) {
	for i++; i < len(rs.all) && !ok && err == nil; i++ {
		ok, err = rs.all[i].Has(id)
	}
	return ok, err
}

// holder tells which document holds a unique value, but for those that
// somebody knows better of.
func (rs *runs) holder(term driver.Term, better func(driver.ID) bool) (driver.ID, bool, error) {
	w := run.Wanted{Terms: []driver.Term{term}}
	maybe := w.Sift(rs.plain)
	for i := len(rs.all) - 1; i >= 0; i-- {
		if !maybe.Has(i) {
			continue
		}
		ids, err := rs.all[i].Holders(&w)
		if err != nil {
			return driver.ID{}, false, err
		}
		for _, id := range ids {
			covered, err := rs.covered(id, i)
			if err != nil {
				return driver.ID{}, false, err
			}
			if !covered && !better(id) {
				return id, true, nil
			}
		}
	}
	return driver.ID{}, false, nil
}

// checkpointAt tells whether a run has a checkpoint of a sequence, which stands
// behind the commit of that.
func (rs *runs) checkpointAt(id driver.ID, seq uint64) (found bool, err error) {
	for i, older := len(rs.all)-1, true; i >= 0 && older && !found && err == nil; i-- {
		rest := false // what is before the front may have it
		look := func(f *run.Frame) error {
			older = f.First() > seq
			return f.Records(func(r run.Record) error {
				if r.Kind == run.Checkpoint {
					found = found || r.Seq == seq
					rest = rest || r.Seq > seq
				}
				return nil
			})
		}
		if _, err = rs.all[i].View(id, false, look); err == nil && rest && !found {
			_, err = rs.all[i].Part(id, seq, seq, look)
		}
	}
	return found, err
}

// bytes is how much the runs take on disk.
func (rs *runs) bytes() (n uint64) {
	for _, r := range rs.all {
		n += uint64(r.Size)
	}
	return n
}
