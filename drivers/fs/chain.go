package fs

import (
	"fmt"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/runtime/driver"
)

// chain is what all layers have of a document, taken at one moment. It is read
// without the store's lock.
type chain struct {
	known
	memory []layer // newest first
	runs   *runs
}

// layer is what a tail has of a document.
type layer struct {
	base        uint64
	commits     []journal.Place
	checkpoints []checkpoint
}

// chain gives the layers of a document, which need not be there. The caller
// holds mu, or order, and reads the chain before it lets go of that or keeps
// the runs.
func (t *table) chain(id driver.ID) chain {
	c := chain{runs: t.runs}
	for _, l := range []*tail{t.active, t.frozen} {
		if l == nil || l.docs[id] == nil {
			continue
		}
		d := l.docs[id]
		if c.memory == nil {
			c.known = known{d.standing, d.section}
		}
		c.memory = append(c.memory, layer{d.base, d.commits[:len(d.commits):len(d.commits)], d.checkpoints})
	}
	return c
}

// chain gives the layers of a document of a table, until drop is called, which
// it never is when there is an error.
func (s *Store) chain(table string, id driver.ID) (chain, error) {
	s.mu.RLock()
	t, err := s.table(table)
	if err != nil {
		s.mu.RUnlock()
		return chain{}, err
	}
	c := t.chain(id)
	c.runs.keep()
	s.mu.RUnlock()
	if c.memory != nil {
		return c, nil
	}
	h, _, err := c.runs.head(id)
	if err != nil {
		c.runs.drop()
	}
	c.known = known{h.Standing, h.Section}
	return c, err
}

func (c *chain) drop() { c.runs.drop() }

// span gathers commits of a document, from the newest layer to the oldest.
type span struct {
	id       driver.ID
	from, to uint64 // sequences that are wanted
	low      uint64 // the oldest that is gathered, to+1 at the beginning
	commits  []driver.Commit

	load    bool   // the newest checkpoint up to to makes from one more than its
	content []byte // of the checkpoint
	base    uint64 // its sequence, 0 for none
}

// gather reads layers until nothing is missing.
func (c *chain) gather(s *span) error {
	s.low = s.to + 1
	for _, p := range c.memory {
		if err := s.memory(p); err != nil || s.done() {
			return err
		}
	}
	front := s.load && s.to == c.standing.Seq
	for i := len(c.runs.all) - 1; i >= 0; i-- {
		if err := s.run(c.runs.all[i], !front); err != nil || s.done() {
			return err
		}
	}
	if s.done() {
		return nil
	}
	return fmt.Errorf("%w: of document %v commits %d to %d are missing; restore the store from a backup", ErrDamaged, s.id, s.from, s.low-1)
}

func (s *span) done() bool { return s.low <= s.from }

// begin notes a checkpoint; what is gathered already and not behind it is
// dropped by keep.
func (s *span) begin(seq uint64) { s.base, s.from = seq, seq+1 }

// put puts commits before those that are gathered, ascending ones.
func (s *span) put(commits []driver.Commit) {
	for len(commits) > 0 && commits[0].Seq < s.from {
		commits = commits[1:]
	}
	for len(s.commits) > 0 && s.commits[0].Seq < s.from {
		s.commits = s.commits[1:]
	}
	if len(commits) == 0 {
		return
	}
	s.low = commits[0].Seq
	if len(s.commits) > 0 {
		commits = append(commits, s.commits...)
	}
	s.commits = commits
}

func (s *span) memory(p layer) error {
	for i := len(p.checkpoints) - 1; s.load && i >= 0; i-- {
		c := p.checkpoints[i]
		if c.seq > s.to || c.seq <= s.base {
			continue
		}
		var err error
		if s.content, err = readContent(c.place); err != nil {
			return err
		}
		s.begin(c.seq)
		break
	}
	from, to := max(s.from, p.base+1), min(s.to, s.low-1, p.base+uint64(len(p.commits)))
	if from > to {
		s.put(nil)
		return nil
	}
	commits := make([]driver.Commit, 0, to-from+1)
	for _, place := range p.commits[from-p.base-1 : to-p.base] {
		c, err := readCommit(place)
		if err != nil {
			return err
		}
		commits = append(commits, c)
	}
	s.put(commits)
	return nil
}

func (s *span) run(r *sealedRun, whole bool) error {
	_, err := r.View(s.id, whole, func(f *run.Frame) error {
		commits := make([]driver.Commit, 0, min(f.Len(), 1024))
		err := f.Records(func(rec run.Record) error {
			switch {
			case rec.Kind == run.Checkpoint && s.load && rec.Seq <= s.to && rec.Seq > s.base:
				s.content = append([]byte{}, rec.Body...)
				s.begin(rec.Seq)
				commits = commits[:0]
			case rec.Kind == run.Commit && (!whole || rec.Seq >= s.from && rec.Seq <= s.to && rec.Seq < s.low):
				c, err := driver.DecodeCommit(rec.Body)
				if err != nil {
					return err
				}
				if c.Seq >= s.from && c.Seq < s.low {
					commits = append(commits, c)
				}
			}
			return nil
		})
		s.put(commits)
		return err
	})
	return err
}

// attempt gives the attempt of a commit that a document has or had, and the
// commit unless it was erased. The caller holds order.
func (t *table) attempt(id driver.ID, seq uint64) (try [16]byte, c *driver.Commit, err error) {
	layers := t.chain(id)
	for _, p := range layers.memory {
		if seq > p.base {
			row, err := readCommit(p.commits[seq-p.base-1])
			return row.Try, &row, err
		}
	}
	found := false
	for i := len(layers.runs.all) - 1; i >= 0 && !found && err == nil; i-- {
		_, err = layers.runs.all[i].View(id, true, func(f *run.Frame) error {
			return f.Records(func(r run.Record) error {
				switch {
				case r.Kind == run.Commit && r.Seq == seq:
					row, err := driver.DecodeCommit(r.Body)
					try, c, found = row.Try, &row, true
					return err
				case r.Kind == run.Tries && seq >= r.Seq && seq-r.Seq < uint64(len(r.Body)/16):
					copy(try[:], r.Body[(seq-r.Seq)*16:])
					found = true
				}
				return nil
			})
		})
	}
	if err == nil && !found {
		err = fmt.Errorf("%w: of document %v commit %d is missing; restore the store from a backup", ErrDamaged, id, seq)
	}
	return try, c, err
}
