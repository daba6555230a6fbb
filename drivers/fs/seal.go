package fs

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

func runName(number uint64) string { return filepath.Join(runsName, fmt.Sprintf("%010d.run", number)) }

// made is a run that no manifest names yet.
type made struct {
	ref run.Ref
	*sealedRun
}

// seal writes the frozen tails into runs and then switches to a manifest that
// names them. Before that nothing refers to the new files, after it nothing to
// the journal up to the boundary, and what is between is done again. The caller
// holds sealing.
func (k *keeper) seal() error {
	s := k.s
	s.mu.RLock()
	boundary := s.boundary
	frozen := make(map[string]*tail)
	sealed := make([]manifest.Table, 0, len(s.tables))
	for name, t := range s.tables {
		if t.frozen != nil {
			frozen[name] = t.frozen
		}
		if t.sealed.Schema.Table != "" { // not one that is younger than the boundary
			sealed = append(sealed, t.sealed)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(sealed, func(a, b manifest.Table) int { return bytes.Compare([]byte(a.Schema.Table), []byte(b.Schema.Table)) })

	added := make(map[string]made)
	var err error
	for _, t := range sealed {
		if l := frozen[t.Schema.Table]; l != nil && err == nil {
			var m made
			if m, err = k.sealTail(t.Schema.Table, l); err == nil {
				added[t.Schema.Table] = m
			}
		}
	}
	if err == nil && len(added) > 0 {
		err = s.fs.SyncDir(filepath.Join(s.dir, runsName))
	}
	if err != nil {
		for _, m := range added {
			err = errors.Join(err, k.discard(m))
		}
		return err
	}
	return k.switchTo(func(m *manifest.Manifest) []string {
		m.Sealed = boundary
		switch k.bug {
		case sealedBeyond:
			m.Sealed++
		case sealedShort:
			m.Sealed--
		}
		for i := range sealed {
			for _, old := range m.Tables {
				if old.Schema.Table == sealed[i].Schema.Table {
					sealed[i].Runs = slices.Clone(old.Runs)
				}
			}
			if a, ok := added[sealed[i].Schema.Table]; ok {
				sealed[i].Runs = append(sealed[i].Runs, a.ref)
			}
		}
		m.Tables = sealed
		return nil
	}, added, func() {
		for name, a := range added {
			t := s.tables[name]
			old := t.runs
			t.runs = newRuns(append(slices.Clone(old.all), a.sealedRun))
			old.drop()
		}
		for _, t := range s.tables {
			t.frozen = nil
		}
		s.frozen.Store(false)
	})
}

// switchTo makes another manifest the one that counts, and then memory agree
// with it. Added are the runs that it names and the one before does not; edit
// gives the files that only the one before names.
func (k *keeper) switchTo(edit func(*manifest.Manifest) []string, added map[string]made, agree func()) error {
	s := k.s
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.manifest
	m.Tables = slices.Clone(m.Tables)
	gone := edit(&m)
	if err := k.write(m, gone); err != nil {
		// It may count or not, so what it names must stay until another counts
		// that does not.
		for _, a := range added {
			k.doom(runName(a.ref.Number))
			err = errors.Join(err, a.Close())
		}
		return err
	}
	s.order.Lock()
	s.mu.Lock()
	agree()
	s.mu.Unlock()
	s.order.Unlock()
	names, err := s.journal.Release(m.Sealed)
	for _, name := range names {
		k.doom(filepath.Join(journalName, filepath.Base(name)))
	}
	return err
}

// write makes m the manifest that counts, under the next number; gone are files
// that it does not name any more. The caller holds k.mu.
func (k *keeper) write(m manifest.Manifest, gone []string) error {
	before := slices.Clone(k.doomed)
	for _, name := range gone {
		k.doom(name)
	}
	m.Number, m.Next, m.Gone = k.last+1, k.next, slices.Clone(k.doomed)
	k.last = m.Number // also after an error nobody may write it again: it may be there
	if k.bug == removedEarly {
		for _, g := range m.Gone {
			_ = k.s.fs.Remove(filepath.Join(k.s.dir, g.Name))
		}
	}
	err := m.Write(k.s.fs, k.s.dir, k.s.id)
	if err != nil {
		k.doomed, k.own = before, false
		k.doom(manifest.FileName(m.Number))
		return err
	}
	if k.before > 0 {
		k.doom(manifest.FileName(k.before))
	}
	k.before = k.manifest.Number // stays, as this one may rot
	k.manifest, k.own = m, true
	return nil
}

// doom notes that a file is not part of the store any more, by the name that it
// has in a manifest on every system. The caller holds k.mu.
func (k *keeper) doom(name string) {
	name = filepath.ToSlash(name)
	if !slices.ContainsFunc(k.doomed, func(g manifest.Gone) bool { return g.Name == name }) {
		k.doomed = append(k.doomed, manifest.Gone{Name: name, Since: k.now().Unix()})
	}
}

// sealTail writes a run of all that a tail has and compares it with that.
func (k *keeper) sealTail(table string, l *tail) (made, error) {
	ids := make([]driver.ID, 0, len(l.docs))
	for id := range l.docs {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, driver.ID.Compare)
	m, err := k.build(table, func(add func(*run.Document) error) error {
		for _, id := range ids {
			d, err := l.docs[id].seal(id)
			if err == nil {
				err = add(d)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return made{}, err
	}
	n := 0
	var d run.Scratch
	for place, more := int64(run.First), true; err == nil; n++ {
		if place, more, err = m.Next(&d, place); !more {
			break
		}
		err = l.docs[d.ID].same(&d.Document)
	}
	if err == nil && n != len(ids) {
		err = fmt.Errorf("%s has %d documents of %d", m.Name(), n, len(ids))
	}
	if err != nil {
		return made{}, errors.Join(err, k.discard(m))
	}
	return m, nil
}

// build writes a run and opens it.
func (k *keeper) build(table string, fill func(add func(*run.Document) error) error) (made, error) {
	s := k.s
	if err := vfs.MkdirAll(s.fs, filepath.Join(s.dir, runsName)); err != nil {
		return made{}, err
	}
	k.mu.Lock()
	number := k.next
	k.next++
	k.mu.Unlock()
	name := filepath.Join(s.dir, runName(number))
	w, err := run.Create(s.fs, name, number, s.id, table)
	if err != nil {
		return made{}, err
	}
	var ref run.Ref
	if err = fill(w.Add); err == nil {
		ref, err = w.Finish()
	}
	var r *run.Run
	if err == nil {
		r, err = run.Open(s.fs, name, ref, s.id, !s.noMap)
	}
	if err != nil {
		return made{}, errors.Join(err, w.Abort(), s.fs.Remove(name))
	}
	return made{ref, &sealedRun{Run: r}}, nil
}

// discard removes a run that no manifest ever named.
func (k *keeper) discard(m made) error {
	return errors.Join(m.Close(), k.s.fs.Remove(m.Name()))
}

// seal gives what a run is to have of a document of a tail.
func (d *document) seal(id driver.ID) (*run.Document, error) {
	out := &run.Document{Head: run.Head{ID: id, Standing: d.standing, First: d.base + 1, Section: d.section}}
	if d.standing.Life == driver.Purged {
		return out, d.sealPurged(out)
	}
	out.Records = make([]run.Record, 0, len(d.commits)+len(d.checkpoints))
	for i, p := range d.commits {
		b, err := body(p)
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, run.Record{Kind: run.Commit, Seq: d.base + uint64(i) + 1, Body: b})
	}
	for _, c := range d.checkpoints {
		content, err := readContent(c.place)
		if err != nil {
			return nil, err
		}
		out.Records = append(out.Records, run.Record{Kind: run.Checkpoint, Seq: c.seq, Body: content})
	}
	sortRecords(out.Records)
	return out, nil
}

// sealPurged leaves of the commits of a purged document only their attempts,
// and the purge.
func (d *document) sealPurged(out *run.Document) error {
	tries := run.Record{Kind: run.Tries, Seq: d.base + 1}
	last := len(d.commits) - 1
	for _, p := range d.commits[:last] {
		c, err := readCommit(p)
		if err != nil {
			return err
		}
		tries.Body = append(tries.Body, c.Try[:]...)
	}
	b, err := body(d.commits[last])
	if len(tries.Body) > 0 {
		out.Records = append(out.Records, tries)
	}
	out.Records = append(out.Records, run.Record{Kind: run.Commit, Seq: d.standing.Seq, Body: b})
	return err
}

// body gives a commit as the journal has it, which is as a run has it.
func body(p journal.Place) ([]byte, error) {
	b, err := p.Read()
	if err != nil {
		return nil, err
	}
	return b[recordFront:], nil
}

// sortRecords brings records into the order of a run.
func sortRecords(records []run.Record) {
	if !slices.IsSortedFunc(records, inOrder) { // as they are where there are no checkpoints
		slices.SortStableFunc(records, inOrder)
	}
}

// inOrder compares records as they stand in a run.
func inOrder(a, b run.Record) int {
	if a.Seq != b.Seq {
		return int(min(max(int64(a.Seq-b.Seq), -1), 1))
	}
	return int(a.Kind) - int(b.Kind)
}

// same compares what a run has of a document with what it was made of, by
// another way than it was made: record for record.
func (d *document) same(got *run.Document) error {
	wrong := fmt.Errorf("document %v was sealed differently from what it is", got.ID)
	if d == nil || got.Standing.Seq != d.standing.Seq || got.Standing.Life != d.standing.Life ||
		!slices.Equal(got.Standing.Held, d.standing.Held) || !bytes.Equal(got.Section, d.section) {
		return wrong
	}
	commits, checkpoints := 0, 0
	for _, r := range got.Records {
		switch r.Kind {
		case run.Commit:
			i := int(r.Seq - d.base - 1)
			if i >= len(d.commits) {
				return wrong
			}
			if b, err := body(d.commits[i]); err != nil || !bytes.Equal(b, r.Body) {
				return errors.Join(err, wrong)
			}
			commits++
		case run.Checkpoint:
			i, ok := d.checkpointAt(r.Seq)
			if !ok {
				return wrong
			}
			if b, err := readContent(d.checkpoints[i].place); err != nil || !bytes.Equal(b, r.Body) {
				return errors.Join(err, wrong)
			}
			checkpoints++
		case run.Tries:
			for i := range len(r.Body) / 16 {
				c, err := readCommit(d.commits[i])
				if err != nil || !bytes.Equal(c.Try[:], r.Body[16*i:16*i+16]) {
					return errors.Join(err, wrong)
				}
				commits++
			}
		}
	}
	if commits != len(d.commits) || checkpoints != len(d.checkpoints) {
		return wrong
	}
	return nil
}
