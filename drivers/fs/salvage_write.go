package fs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

// write makes documents of what was read.
func (x *salvor) write(ctx context.Context, s *Store) error {
	for _, name := range slices.Sorted(maps.Keys(x.tables)) {
		w := x.tables[name]
		if !w.known {
			w.guess()
			x.lose(Loss{Table: name, Why: fmt.Sprintf("its schema; of unique fields those are left that documents held: %q", w.schema.Unique)})
		}
		if err := s.Declare(ctx, w.schema); err != nil {
			return err
		}
		ids := slices.SortedFunc(maps.Keys(w.docs), driver.ID.Compare)
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := x.save(ctx, s, name, id, w.docs[id]); err != nil {
				return fmt.Errorf("document %v of table %q: %w", id, name, err)
			}
		}
	}
	return s.Sync(ctx)
}

// guess makes a schema of what commits say.
func (w *wreck) guess() {
	paths := make(map[string]bool)
	for _, d := range w.docs {
		for _, r := range d.commits {
			c, err := driver.DecodeCommit(r.body)
			if err != nil {
				continue
			}
			w.schema.Revision = max(w.schema.Revision, c.Schema)
			for _, term := range c.Held {
				paths[term.Path()] = true
			}
		}
	}
	w.schema.Unique = slices.Sorted(maps.Keys(paths))
}

// save writes one document.
func (x *salvor) save(ctx context.Context, s *Store, table string, id driver.ID, d *relic) error {
	d.commits, d.checkpoints, d.tries = newest(d.commits), newest(d.checkpoints), newest(d.tries)
	commits := make([]driver.Commit, 0, len(d.commits))
	for _, r := range d.commits {
		c, err := driver.DecodeCommit(r.body)
		if err != nil {
			return err // not possible: it was decoded before
		}
		commits = append(commits, c)
	}
	if n := len(commits); n > 0 && commits[n-1].Kind == driver.KindPurge {
		return x.bury(ctx, s, commits, d)
	}
	p := d.plan(commits)
	for _, gap := range p.gaps {
		why := d.why
		if why == "" {
			why = "they are nowhere"
		}
		if gap.to <= p.end {
			why += fmt.Sprintf("; the document is kept by its checkpoint of version %d", p.bridge)
		}
		x.lose(Loss{Table: table, ID: id, From: gap.from, To: gap.to, Where: d.where, Why: why})
	}
	if p.end == 0 {
		return nil
	}
	whole := x.fill(table, id, d, commits, &p)
	if err := x.append(ctx, s, whole); err != nil {
		return err
	}
	x.out.Documents++
	x.out.Commits += len(commits)
	for _, cp := range d.checkpoints {
		if cp.seq > p.end || cp.seq > p.sound && cp.seq < p.bridge {
			continue
		}
		if err := s.Checkpoint(ctx, table, id, cp.seq, cp.body); err != nil {
			return err
		}
		x.out.Checkpoints++
	}
	return nil
}

// plan says what of a document can be saved.
type plan struct {
	sound  uint64 // versions up to this are whole
	bridge uint64 // the checkpoint from which on it goes on, 0 for none
	end    uint64 // the last version that is saved
	gaps   []stretch
}

type stretch struct{ from, to uint64 }

// plan finds the last version that can be built: from the creation on, or from
// a checkpoint.
func (d *relic) plan(commits []driver.Commit) (p plan) {
	has := make(map[uint64]bool, len(commits))
	for i := range commits {
		has[commits[i].Seq] = true
	}
	for has[p.sound+1] {
		p.sound++
	}
	p.end = p.sound
	top := d.top
	for _, cp := range d.checkpoints {
		end := cp.seq
		top = max(top, end)
		for has[end+1] {
			end++
		}
		if cp.seq > p.sound && end > p.end {
			p.bridge, p.end = cp.seq, end
		}
	}
	for seq := p.sound + 1; seq <= top; seq++ {
		if has[seq] && seq <= p.end {
			continue
		}
		if n := len(p.gaps); n > 0 && p.gaps[n-1].to == seq-1 && (seq <= p.end || p.gaps[n-1].to > p.end) {
			p.gaps[n-1].to = seq
		} else {
			p.gaps = append(p.gaps, stretch{seq, seq})
		}
	}
	return p
}

// fill gives the versions of a document up to the end, with others that change
// nothing where one is lost.
func (x *salvor) fill(table string, id driver.ID, d *relic, commits []driver.Commit, p *plan) []driver.Commit {
	whole := make([]driver.Commit, 0, p.end)
	var now driver.Standing
	at := time.Unix(0, 0).UTC()
	section := d.first(commits)
	for i, seq := 0, uint64(1); seq <= p.end; seq++ {
		for i < len(commits) && commits[i].Seq < seq {
			i++
		}
		found := i < len(commits) && commits[i].Seq == seq
		var c driver.Commit
		if found {
			c = commits[i]
			err := now.Judge(&c, func(driver.Term) (driver.ID, bool) { return driver.ID{}, false })
			if err != nil && !x.lead(whole, &now, &c, p.sound, section) {
				x.lose(Loss{Table: table, ID: id, From: seq, To: seq, Why: "it cannot follow what is left of the versions before it"})
				found = false
			}
		}
		if !found {
			c = driver.Commit{Table: table, ID: id, Seq: seq, Kind: driver.KindVoid, Time: at, Because: "lost", Held: now.Held}
			_, _ = rand.Read(c.Try[:]) // never fails: the program ends when it does
			if seq == 1 {
				c.Kind, c.Body, c.Section, c.Held = driver.KindChange, lostBody, section, x.held(table, section)
			}
		}
		at, now = c.Time, now.After(&c)
		whole = append(whole, c)
	}
	x.settle(table, d, whole, p)
	return whole
}

// lostBody is that of a change of nothing. By it, or a void, and the reason "lost"
// destam.Verify knows what stands in place of lost versions.
var lostBody = []byte{0x90}

// first gives the oldest query section that is left of a document.
func (d *relic) first(commits []driver.Commit) []byte {
	for i := range commits {
		if commits[i].Section != nil {
			return commits[i].Section
		}
	}
	if d.section != nil {
		return d.section
	}
	return []byte{0x80}
}

func (x *salvor) held(table string, section []byte) []driver.Term {
	v, err := driver.DecodeValue(section)
	if err != nil {
		return nil
	}
	return driver.Held(v, x.tables[table].schema.Unique)
}

// lead makes the last lost version before c one that c can follow: what was lost
// may have been a deletion or a restoring.
func (x *salvor) lead(whole []driver.Commit, now *driver.Standing, c *driver.Commit, sound uint64, section []byte) bool {
	n := len(whole)
	if n == 0 || whole[n-1].Seq <= sound || whole[n-1].Because != "lost" || whole[n-1].Seq == 1 {
		return false
	}
	last := &whole[n-1]
	switch {
	case c.Kind == driver.KindRestore && now.Life == driver.Alive:
		last.Kind, last.Held = driver.KindDelete, nil
	case now.Life == driver.Deleted && c.Kind != driver.KindRestore:
		if c.Section != nil {
			section = c.Section
		}
		last.Kind, last.Section, last.Held = driver.KindRestore, section, x.held(c.Table, section)
	case c.Kind == driver.KindVoid:
		last.Held = c.Held
	default:
		return false
	}
	now.Life, now.Held = map[driver.Kind]driver.Life{driver.KindDelete: driver.Deleted, driver.KindRestore: driver.Alive, driver.KindVoid: now.Life}[last.Kind], last.Held
	return now.Judge(c, func(driver.Term) (driver.ID, bool) { return driver.ID{}, false }) == nil
}

// settle gives the last lost version the query section that the document has
// now, if no later one has it.
func (x *salvor) settle(table string, d *relic, whole []driver.Commit, p *plan) {
	if p.bridge == 0 || d.section == nil || p.end < d.sectionSeq {
		return
	}
	for i := len(whole) - 1; i >= 0; i-- {
		c := &whole[i]
		if c.Section != nil && c.Because != "lost" {
			return
		}
		if c.Kind == driver.KindVoid && c.Because == "lost" && c.Seq > p.sound {
			c.Kind, c.Body, c.Section, c.Held = driver.KindChange, lostBody, d.section, x.held(table, d.section)
			for j := i + 1; j < len(whole); j++ {
				if whole[j].Kind == driver.KindVoid || whole[j].Section == nil && whole[j].Kind == driver.KindChange {
					whole[j].Held = c.Held
				}
			}
			return
		}
	}
}

// append stores the versions of one document. Documents come one after the
// other, so one may take a unique value that another has got since: see the
// transfer of histories in runtime/destam.
func (x *salvor) append(ctx context.Context, s *Store, commits []driver.Commit) error {
	final := slices.Clone(commits[len(commits)-1].Held)
	var out []driver.Term // left out of Held now
	for i := 0; i < len(commits); {
		n := min(len(commits), i+256)
		batch := slices.Clone(commits[i:n])
		for j := range batch {
			out = slices.DeleteFunc(out, func(t driver.Term) bool { return j == 0 && !slices.Contains(batch[0].Held, t) })
			batch[j].Held = slices.DeleteFunc(slices.Clone(batch[j].Held), func(t driver.Term) bool { return slices.Contains(out, t) })
		}
		for j, r := range s.Append(ctx, batch) {
			if r.Err == nil {
				i++
				continue
			}
			var dup *driver.DuplicateError
			if !errors.As(r.Err, &dup) {
				return fmt.Errorf("version %d: %w", batch[j].Seq, r.Err)
			}
			out = append(out, dup.Term)
			if slices.Contains(final, dup.Term) {
				c := &batch[j]
				x.lose(Loss{Table: c.Table, ID: c.ID, Where: "", Why: fmt.Sprintf("its value of the unique field %s, which document %v has too by what is left of that", dup.Term.Path(), dup.Holder)})
			}
			break
		}
	}
	return nil
}

// bury writes a document that was purged: of its versions the attempts are
// known, and its last commit.
func (x *salvor) bury(ctx context.Context, s *Store, commits []driver.Commit, d *relic) error {
	tomb := &commits[len(commits)-1]
	tries := make(map[uint64][16]byte)
	for _, r := range d.tries {
		for i := range len(r.body) / 16 {
			tries[r.seq+uint64(i)] = [16]byte(r.body[16*i:])
		}
	}
	for i := range commits {
		tries[commits[i].Seq] = commits[i].Try
	}
	batch := make([]driver.Commit, 0, tomb.Seq)
	for seq := uint64(1); seq < tomb.Seq; seq++ {
		c := driver.Commit{Table: tomb.Table, ID: tomb.ID, Seq: seq, Kind: driver.KindVoid, Time: tomb.Time, Try: tries[seq]}
		if c.Try == [16]byte{} {
			_, _ = rand.Read(c.Try[:]) // never fails: the program ends when it does
		}
		if seq == 1 {
			c.Kind, c.Body, c.Section = driver.KindChange, lostBody, []byte{0x80}
		}
		batch = append(batch, c)
	}
	if len(batch) == 0 {
		return nil
	}
	if err := x.append(ctx, s, batch); err != nil {
		return err
	}
	x.out.Documents++
	x.out.Commits++
	_, err := s.tomb(*tomb)
	return err
}

// tomb stores a purge as it was.
func (s *Store) tomb(c driver.Commit) (uint64, error) {
	s.order.Lock()
	defer s.order.Unlock()
	t, err := s.table(c.Table)
	if err != nil {
		return 0, err
	}
	k, err := t.known(c.ID)
	if err != nil {
		return 0, err
	}
	return s.bury(t, k, &c)
}
