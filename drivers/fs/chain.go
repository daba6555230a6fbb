package fs

import (
	"fmt"
	"slices"

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
	judged bool // known is what the newest layer says, or that there is none
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
			c.known, c.judged = known{d.standing, d.section}, true
		}
		c.memory = append(c.memory, layer{d.base, d.commits[:len(d.commits):len(d.commits)], d.checkpoints})
	}
	return c
}

// layers gives the layers of a document of a table, until drop is called, which
// it never is when there is an error. Of one that is sealed they do not know the
// head yet.
func (s *Store) layers(table string, id driver.ID) (chain, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.table(table)
	if err != nil {
		return chain{}, err
	}
	c := t.chain(id)
	c.runs.keep()
	return c, nil
}

// chain gives the layers of a document with its head: see layers.
func (s *Store) chain(table string, id driver.ID) (chain, error) {
	c, err := s.layers(table, id)
	if err != nil || c.judged {
		return c, err
	}
	h, _, err := c.runs.head(id)
	if err != nil {
		c.runs.drop()
		return chain{}, err
	}
	c.known, c.judged = known{h.Standing, h.Section}, true
	return c, nil
}

// head gives the head, in memory of its own.
func (c *chain) head(id driver.ID) driver.Head {
	if c.memory != nil {
		return c.known.head(id)
	}
	return c.known.owned(id) // it was read from a file
}

func (c *chain) drop() { c.runs.drop() }

// span gathers commits of a document, from the newest layer to the oldest.
type span struct {
	id       driver.ID
	from, to uint64 // sequences that are wanted; to is 0 for the newest
	low      uint64 // the oldest that is gathered, to+1 at the beginning
	commits  []driver.Commit
	decoder  driver.Decoder

	load    bool   // the newest checkpoint up to to makes from one more than its
	content []byte // of the checkpoint
	base    uint64 // its sequence, 0 for none

	fronts [][]byte // of runs, newest first: records behind what is gathered, not decoded yet
	loan   *loan    // whose memory is used; nil for memory of its own
}

// gather reads layers until nothing is missing. It judges the chain on the way
// if it must.
func (c *chain) gather(s *span) error {
	front := s.load && (s.to == 0 || c.judged && s.to == c.standing.Seq)
	s.begins(c)
	for _, p := range c.memory {
		if err := s.memory(p); err != nil || s.done() {
			return err
		}
	}
	for i := len(c.runs.all) - 1; i >= 0; i-- {
		if err := s.run(c, c.runs.all[i], !front); err != nil {
			return err
		}
		if c.judged && s.done() {
			return s.decode()
		}
	}
	if !c.judged {
		c.judged = true
		return nil // there is no such document
	}
	if s.done() {
		return s.decode()
	}
	return fmt.Errorf("%w: of document %v commits %d to %d are missing; restore the store from a backup, or save what can be read with fs.Salvage", ErrDamaged, s.id, s.from, s.low-1)
}

// begins notes what is wanted as soon as the head is known.
func (s *span) begins(c *chain) {
	if !c.judged {
		return
	}
	if s.to == 0 {
		s.to = c.standing.Seq
	}
	s.low = s.to + 1
	if s.load && !exists(c.standing.Life) {
		s.from = s.low // nothing
	}
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
	places := p.commits[from-p.base-1 : to-p.base]
	size := 0
	for _, place := range places {
		size += place.Len()
	}
	// A copy of all: whoever holds a commit shall not hold a segment.
	buf := s.room(size)
	commits := s.rows(len(places))[:len(places)]
	for i, place := range places {
		rec, err := place.Read()
		if err != nil {
			return err
		}
		start := len(buf)
		buf = append(buf, rec...)
		if err := s.decoder.Decode(buf[start+recordFront:], &commits[i]); err != nil {
			return err
		}
	}
	s.put(commits)
	return nil
}

// run takes what is wanted of all that a run has: the newest state, or the past.
func (s *span) run(c *chain, r *sealedRun, past bool) error {
	if past {
		return s.past(r)
	}
	_, err := r.View(s.id, false, func(f *run.Frame) error {
		f.Own(s.room(f.Size()))
		if !c.judged {
			h := f.Head()
			c.known, c.judged = known{h.Standing, h.Section}, true
			s.begins(c)
		}
		return s.front(f)
	})
	return err
}

// past takes what is wanted of the history in a run. Where a checkpoint is wanted
// it looks for that from the newest commit on, in steps that grow.
func (s *span) past(r *sealedRun) error {
	for n := uint64(leastPage); ; n *= 4 {
		from, to, first, base := s.from, s.low-1, s.low, s.base
		if s.load {
			from = max(from, to-min(n-1, to))
		}
		_, err := r.Part(s.id, from, to, func(f *run.Frame) error {
			first = f.First()
			return s.history(f)
		})
		if err != nil || from == s.from || s.base > base || from <= first {
			return err
		}
	}
}

// front takes the newest checkpoint of a run and what is behind it. The frame
// is in memory of its own. Only when it is known how many commits there are is
// memory taken for them.
func (s *span) front(f *run.Frame) error {
	if seq, content, ok := f.Checkpoint(); ok && seq > s.base {
		s.content = content
		s.begin(seq)
	}
	s.fronts = append(s.fronts, f.Front())
	s.low = min(s.low, max(s.from, f.First()))
	return nil
}

// decode reads the commits of the fronts.
func (s *span) decode() error {
	if len(s.fronts) == 0 {
		return nil
	}
	above := s.to + 1
	if len(s.commits) > 0 {
		above = s.commits[0].Seq
	}
	commits := s.rows(int(min(above-min(s.from, above), 1024)))
	for i := len(s.fronts) - 1; i >= 0; i-- {
		err := run.Records(s.fronts[i], func(rec run.Record) error {
			if rec.Kind != run.Commit {
				return nil
			}
			if len(commits) == cap(commits) {
				commits = slices.Grow(commits, 1)
			}
			commits = commits[:len(commits)+1] // Decode writes all of it
			c := &commits[len(commits)-1]
			if err := s.decoder.Decode(rec.Body, c); err != nil {
				return err
			}
			if c.Seq < s.from || c.Seq >= above {
				commits = commits[:len(commits)-1]
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.put(commits)
	return nil
}

// history takes what is wanted of the records of a frame.
func (s *span) history(f *run.Frame) error {
	var commits []driver.Commit
	err := f.Records(func(rec run.Record) error {
		switch {
		case rec.Kind == run.Checkpoint && s.load && rec.Seq <= s.to && rec.Seq > s.base:
			s.content = append([]byte{}, rec.Body...)
			s.begin(rec.Seq)
			commits = commits[:0]
		case rec.Kind == run.Commit && rec.Seq >= s.from && rec.Seq <= s.to && rec.Seq < s.low:
			c, err := driver.DecodeCommit(rec.Body)
			if err != nil {
				return err
			}
			commits = append(commits, c)
		}
		return nil
	})
	s.put(commits)
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
		_, err = layers.runs.all[i].Part(id, seq, seq, func(f *run.Frame) error {
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
		err = fmt.Errorf("%w: of document %v commit %d is missing; restore the store from a backup, or save what can be read with fs.Salvage", ErrDamaged, id, seq)
	}
	return try, c, err
}
