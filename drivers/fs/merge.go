package fs

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// fanOut is how many runs of one level become one.
const fanOut = 4

// level gives the level of a run: each is four times the size of the one below.
func level(size, unit int64) int {
	l := 0
	for size >= fanOut*unit {
		size /= fanOut
		l++
	}
	return l
}

// pick gives the runs that are to be merged, from one to before another, none
// if they are equal. A level that has four is merged; runs below a newer one
// that is larger count as of its level, so that those of one level lie
// together.
func pick(sizes []int64, unit int64) (from, to int) {
	levels := make([]int, len(sizes))
	highest := 0
	for i := len(sizes) - 1; i >= 0; i-- {
		highest = max(highest, level(sizes[i], unit))
		levels[i] = highest
	}
	for to = len(levels); to > 0; to = from {
		from = to
		for from > 0 && levels[from-1] == levels[to-1] {
			from--
		}
		if to-from >= fanOut {
			return from, to
		}
	}
	return 0, 0
}

// mostRuns is how many runs a table may have whose runs take so many bytes: a
// level has three at rest and one more on its way to the next.
func mostRuns(bytes, unit int64) int { return fanOut * (1 + level(bytes, unit)) }

// overdue tells whether a table has more runs than it may have.
func (k *keeper) overdue() bool {
	k.s.mu.RLock()
	defer k.s.mu.RUnlock()
	for _, t := range k.s.tables {
		if len(t.runs.all) > mostRuns(int64(t.runs.bytes()), k.unit) {
			return true
		}
	}
	return false
}

// errStopped says that a merge was given up because the store is closed.
var errStopped = errors.New("the store is being closed")

// mergeAll merges until no table has anything to merge.
func (k *keeper) mergeAll() {
	k.merging.Lock()
	defer k.merging.Unlock()
	for {
		table, from, to, err := k.mergeDue()
		if err == nil && from < to {
			err = k.merge(table, from, to) // its inputs stay whole; it is tried again
		}
		if !errors.Is(err, errStopped) {
			k.state.Lock()
			k.stuck = err
			k.state.Unlock()
		}
		if err != nil || from == to {
			break
		}
	}
	k.collect()
}

// mergeDue gives the runs of a table that are to be merged.
func (k *keeper) mergeDue() (table string, from, to int, err error) {
	k.s.mu.RLock()
	all := make(map[string]*runs)
	for name, t := range k.s.tables {
		all[name] = t.runs.keep()
	}
	k.s.mu.RUnlock()
	for name, rs := range all {
		if from == to && err == nil {
			table = name
			from, to, err = rs.due(k.unit)
		}
		rs.drop()
	}
	return table, from, to, err
}

// due gives the runs of a set that are to be merged, from one to before
// another, none if they are equal.
func (rs *runs) due(unit int64) (from, to int, err error) {
	sizes := make([]int64, len(rs.all))
	for i, r := range rs.all {
		sizes[i] = r.Size
		if r.Healed() {
			return i, i + 1, nil
		}
	}
	if from, to = pick(sizes, unit); from < to {
		return from, to, nil
	}
	for i, r := range rs.all {
		if i == 0 || r.Purges == 0 || r.erased.Load() {
			continue
		}
		from, err := rs.purged(i)
		if err != nil || from < i {
			return from, i + 1, err
		}
		r.erased.Store(true) // older runs never get what they do not have
	}
	return 0, 0, nil
}

// purged gives the oldest run that has bytes of a document which the i-th run
// says is purged, i if there is none.
func (rs *runs) purged(i int) (from int, err error) {
	from = i
	err = rs.all[i].Fronts(func(h run.Head) error {
		for j := 0; j < from && h.Standing.Life == driver.Purged && h.First > 1; j++ {
			ok, err := rs.all[j].Has(h.ID)
			if err != nil {
				return err
			}
			if ok {
				from = j
			}
		}
		return nil
	})
	return from, err
}

// merge makes one run of some that follow each other. It moves history and
// changes none, but for what was purged.
func (k *keeper) merge(table string, from, to int) error {
	s := k.s
	s.mu.RLock()
	all := s.tables[table].runs.keep()
	s.mu.RUnlock()
	defer all.drop()
	inputs := all.all[from:to]
	m, err := k.build(table, func(add func(*run.Document) error) error {
		var all run.Document
		return k.zip(inputs, func(parts []*run.Document) error {
			d, err := combine(&all, parts)
			if err != nil {
				return err
			}
			return add(d)
		})
	})
	if err != nil {
		return err
	}
	if err = k.compare(inputs, m.sealedRun); err == nil {
		err = s.fs.SyncDir(filepath.Join(s.dir, runsName))
	}
	if err != nil {
		return errors.Join(err, k.discard(m))
	}
	return k.switchTo(func(mf *manifest.Manifest) (names []string) {
		for i := range mf.Tables {
			if t := &mf.Tables[i]; t.Schema.Table == table {
				t.Runs = slices.Concat(t.Runs[:from], []run.Ref{m.ref}, t.Runs[to:])
			}
		}
		for _, r := range inputs {
			names = append(names, runName(r.Number))
		}
		return names
	}, map[string]made{table: m}, func() {
		t := s.tables[table]
		old := t.runs
		t.runs = newRuns(slices.Concat(old.all[:from], []*sealedRun{m.sealedRun}, old.all[to:]))
		old.drop()
	})
}

// zip yields the documents of some runs in the order of their ids, what each
// run has of one, oldest first. What it yields is overwritten afterwards.
func (k *keeper) zip(inputs []*sealedRun, yield func(parts []*run.Document) error) error {
	type cursor struct {
		doc  run.Scratch
		more bool
		next int64
	}
	cursors := make([]cursor, len(inputs))
	advance := func(i int) (err error) {
		c := &cursors[i]
		c.next, c.more, err = inputs[i].Next(&c.doc, c.next)
		return err
	}
	for i := range cursors {
		cursors[i].next = run.First
		if err := advance(i); err != nil {
			return err
		}
	}
	var parts []*run.Document
	for {
		select {
		case <-k.quit:
			return errStopped
		default:
		}
		parts = parts[:0]
		for i := range cursors {
			c := &cursors[i]
			switch {
			case !c.more:
			case len(parts) == 0 || c.doc.ID.Compare(parts[0].ID) < 0:
				parts = append(parts[:0], &c.doc.Document)
			case c.doc.ID == parts[0].ID:
				parts = append(parts, &c.doc.Document)
			}
		}
		if len(parts) == 0 {
			return nil
		}
		id := parts[0].ID
		if err := yield(parts); err != nil {
			return err
		}
		for i := range cursors {
			if c := &cursors[i]; c.more && c.doc.ID == id {
				if err := advance(i); err != nil {
					return err
				}
			}
		}
	}
}

// combine makes one of what several runs have of a document, oldest first: in
// out, unless one run has all of it.
func combine(out *run.Document, parts []*run.Document) (*run.Document, error) {
	newest := parts[len(parts)-1]
	if len(parts) == 1 {
		return newest, nil
	}
	out.Head, out.Records = newest.Head, out.Records[:0]
	out.First = parts[0].First
	for i, p := range parts {
		if i > 0 && p.First != parts[i-1].Standing.Seq+1 {
			return nil, fmt.Errorf("%w: document %v has commits up to %d and from %d on; restore the store from a backup, or save what can be read with fs.Salvage",
				ErrDamaged, p.ID, parts[i-1].Standing.Seq, p.First)
		}
		out.Records = append(out.Records, p.Records...)
	}
	if newest.Standing.Life == driver.Purged {
		var err error
		out.Records, err = erase(out.Records, out.First)
		return out, err
	}
	sortRecords(out.Records)
	return out, nil
}

// erase leaves of the records of a purged document only their attempts, and
// the purge. They are in the order of their sequences but for checkpoints.
func erase(records []run.Record, first uint64) ([]run.Record, error) {
	tries := run.Record{Kind: run.Tries, Seq: first}
	last := len(records) - 1
	for _, r := range records[:last] {
		switch r.Kind {
		case run.Tries:
			tries.Body = append(tries.Body, r.Body...)
		case run.Commit:
			c, err := driver.DecodeCommit(r.Body)
			if err != nil {
				return nil, err
			}
			tries.Body = append(tries.Body, c.Try[:]...)
		}
	}
	return []run.Record{tries, records[last]}, nil
}

// compare reads a merged run and what it was made of, and says whether it is
// the same history, by another way than it was made: each input's record is
// looked for in what came out.
func (k *keeper) compare(inputs []*sealedRun, out *sealedRun) error {
	var documents uint64
	var d run.Scratch
	err := k.zip(inputs, func(parts []*run.Document) error {
		documents++
		id := parts[0].ID
		ok, err := out.View(id, true, func(f *run.Frame) error { return f.Read(&d) })
		if err == nil && (!ok || !moved(parts, &d.Document)) {
			err = fmt.Errorf("document %v was merged differently from what it is", id)
		}
		return err
	})
	if err == nil && documents != out.Documents {
		err = fmt.Errorf("%d documents were merged into %d", documents, out.Documents)
	}
	return err
}

// moved tells whether a document has the head of its newest part and the
// records of all, or the attempts of those that were erased.
func moved(parts []*run.Document, d *run.Document) bool {
	newest := parts[len(parts)-1]
	if d.First != parts[0].First || d.Standing.Seq != newest.Standing.Seq || d.Standing.Life != newest.Standing.Life ||
		!slices.Equal(d.Standing.Held, newest.Standing.Held) || !bytes.Equal(d.Section, newest.Section) {
		return false
	}
	purged, records, n := newest.Standing.Life == driver.Purged, d.Records, 0
	if purged {
		records = records[max(len(records)-1, 0):] // the purge
	}
	for _, p := range parts {
		for _, r := range p.Records {
			if purged && (r.Kind != run.Commit || r.Seq != d.Standing.Seq) {
				continue
			}
			i, ok := slices.BinarySearchFunc(records, r, inOrder)
			if !ok || !bytes.Equal(records[i].Body, r.Body) {
				return false
			}
			n++
		}
	}
	return purged || n == len(records)
}
