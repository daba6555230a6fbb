package fs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/drivers/fs/internal/manifest"
	"github.com/destam-go/destamgen/drivers/fs/internal/run"
	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
	"github.com/destam-go/destamgen/runtime/driver"
)

// Salvaged says what [Salvage] has saved, and what is lost.
type Salvaged struct {
	Documents   int // in any life
	Commits     int
	Checkpoints int
	Losses      []Loss
}

// Loss is something that a damaged store had and the new one has not.
type Loss struct {
	Table string    // empty where nobody can tell
	ID    driver.ID // zero where nobody can tell
	From  uint64    // the first version that is lost, 0 where nobody can tell or none is
	To    uint64    // the last
	Where string    // file and offset, where that is known
	Why   string
}

func (l Loss) String() string {
	text := l.Table
	if !l.ID.IsZero() {
		text += "/" + l.ID.String()
	}
	if l.From > 0 {
		text += fmt.Sprintf(" versions %d to %d", l.From, l.To)
	}
	if l.Where != "" {
		text += " (" + l.Where + ")"
	}
	return strings.TrimPrefix(text+": "+l.Why, ": ")
}

// Salvage makes a new store in the folder to, which is empty or does not exist,
// of what can be read of a damaged one in the folder from, and says exactly what
// it could not read. It changes nothing in from, which nobody may have open.
// What is whole is in the new store as it was, byte for byte.
//
// Of a document of which a version is lost, the versions before that are saved.
// Where a checkpoint behind the lost ones is whole, so are those after it: in
// place of what is lost the document then has versions that change nothing, and
// it is as it was from the checkpoint on.
//
// A document that was purged lately may come back when the only record of that is
// damaged, as files of before are still there for a while: see [Options.Keep].
//
// It needs about a hundred bytes of memory for each version.
func Salvage(ctx context.Context, from, to string) (*Salvaged, error) {
	for _, dir := range []*string{&from, &to} {
		var err error
		if *dir, err = absolute(*dir); err != nil {
			return nil, fmt.Errorf("salvage %q into %q: %w", from, to, err)
		}
	}
	return salvage(ctx, vfs.OS, from, to)
}

func salvage(ctx context.Context, f vfs.FS, from, to string) (*Salvaged, error) {
	x := &salvor{fs: f, dir: from, tables: make(map[string]*wreck)}
	defer x.release()
	if err := x.read(ctx); err != nil {
		return nil, fmt.Errorf("salvage %q: %w", from, err)
	}
	_, exists, err := readIdentity(f, to)
	if err == nil && exists {
		err = errors.New("it holds a store; choose an empty folder, or one that does not exist yet")
	}
	var s *Store
	if err == nil {
		s, err = open(f, to, settings{
			Options: journal.Options{Segment: segmentSize, First: firstSegment, Memory: fresh, Idle: markAfter}, keeping: usual,
		})
	}
	if err == nil {
		err = errors.Join(x.write(ctx, s), s.Close(ctx))
	}
	if err != nil {
		return &x.out, fmt.Errorf("salvage into %q: %w", to, err)
	}
	return &x.out, nil
}

// salvor is a Salvage that runs.
type salvor struct {
	fs     vfs.FS
	dir    string
	tables map[string]*wreck
	hints  []hint
	out    Salvaged
	open   []func() error // of mapped files
}

// wreck is what is left of a table.
type wreck struct {
	schema driver.Schema
	known  bool // the schema was found
	docs   map[driver.ID]*relic
}

// relic is what is left of a document. Bodies alias the files.
type relic struct {
	commits     []remain
	checkpoints []remain
	tries       []remain // of erased commits, 16 bytes each, from seq on
	top         uint64   // the newest version that anything tells of
	where, why  string   // what of it is damaged
	section     []byte   // of the newest head
	sectionSeq  uint64
}

// remain is one record.
type remain struct {
	seq  uint64
	rank int // of several with one sequence the lowest counts
	body []byte
}

// Where a record was found: what the manifest names is the truth, the journal
// is what is newer, and other runs are of before.
const (
	rankNamed = iota
	rankJournal
	rankOther
)

func (x *salvor) lose(l Loss) { x.out.Losses = append(x.out.Losses, l) }

func (x *salvor) table(name string) *wreck {
	w := x.tables[name]
	if w == nil {
		w = &wreck{schema: driver.Schema{Table: name}, docs: make(map[driver.ID]*relic)}
		x.tables[name] = w
	}
	return w
}

func (w *wreck) doc(id driver.ID) *relic {
	d := w.docs[id]
	if d == nil {
		d = &relic{}
		w.docs[id] = d
	}
	return d
}

// read reads everything that there is.
func (x *salvor) read(ctx context.Context) error {
	names, err := x.fs.List(x.dir)
	if err != nil {
		return err
	}
	if b, err := read(x.fs, filepath.Join(x.dir, storeName)); err != nil {
		x.lose(Loss{Where: storeName, Why: "it cannot be read; nothing else depends on it"})
	} else if _, err := decodeIdentity(b); errors.Is(err, ErrFormat) {
		return err
	} else if err != nil {
		x.lose(Loss{Where: storeName, Why: "it is not what was written; nothing else depends on it"})
	}
	m, err := x.manifest(names)
	if err != nil {
		return err
	}
	if err := x.runs(ctx, m); err != nil {
		return err
	}
	err = x.journal(ctx, m.Sealed)
	x.heed()
	return err
}

// manifest gives the newest manifest that is whole.
func (x *salvor) manifest(names []string) (m manifest.Manifest, err error) {
	for _, name := range slices.Backward(names) {
		if _, ok := manifest.FileNumber(name); !ok {
			continue
		}
		b, err := read(x.fs, filepath.Join(x.dir, name))
		if err == nil {
			m, err = manifest.DecodeAny(b, name)
		}
		var newer *manifest.FormatError
		if errors.As(err, &newer) {
			return m, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		if err == nil {
			break
		}
		m = manifest.Manifest{}
		x.lose(Loss{Where: name, Why: "it is not what was written; runs were taken as they are"})
	}
	for _, t := range m.Tables {
		w := x.table(t.Schema.Table)
		w.schema, w.known = t.Schema, true
	}
	return m, nil
}

// runs reads all files of runs: those that the manifest names, and others, which
// may have what is damaged in those.
func (x *salvor) runs(ctx context.Context, m manifest.Manifest) error {
	named := make(map[string]run.Ref)
	for _, t := range m.Tables {
		for _, r := range t.Runs {
			named[filepath.Base(runName(r.Number))] = r
		}
	}
	names, err := x.fs.List(filepath.Join(x.dir, runsName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name, ref := range named {
		if !slices.Contains(names, name) {
			x.lose(Loss{Table: ref.Table, Where: filepath.Join(runsName, name), Why: fmt.Sprintf("the file is missing, with %d documents", ref.Documents)})
		}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		ref, ok := named[name]
		if strings.HasSuffix(name, ".run") {
			if err := x.run(filepath.Join(runsName, name), ref, ok); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *salvor) run(name string, ref run.Ref, named bool) error {
	image, err := x.image(name)
	if err != nil {
		return err
	}
	rank := rankOther
	if named {
		rank = rankNamed
	}
	table, pieces := run.Salvage(image, ref.Data, ref.ID)
	if table == "" {
		table = ref.Table
	}
	documents := uint64(0)
	for i := range pieces {
		p := &pieces[i]
		where := fmt.Sprintf("%s at offset %d", name, p.Place)
		if t := x.piece(p, table, rank, where); t != "" && table == "" {
			table = t
		}
		if documents++; p.Why != "" && p.Head == nil {
			x.suspect(table, p, where)
		}
	}
	if named && documents < ref.Documents {
		x.lose(Loss{Table: table, Where: name, Why: fmt.Sprintf("it had %d documents and %d can be told apart", ref.Documents, documents)})
	}
	return nil
}

// piece takes over what a run has of a document, and gives its table.
func (x *salvor) piece(p *run.Piece, table string, rank int, where string) string {
	for i := range p.Records {
		r := &p.Records[i]
		if r.Kind != run.Commit {
			continue
		}
		c, err := driver.DecodeCommit(r.Body)
		if err != nil {
			p.Why = err.Error()
			continue
		}
		table = c.Table
		x.commit(&c, r.Body, rank)
	}
	if p.Head == nil || table == "" {
		return table
	}
	d := x.table(table).doc(p.Head.ID)
	d.top = max(d.top, p.Head.Standing.Seq)
	if p.Head.Section != nil && p.Head.Standing.Seq >= d.sectionSeq {
		d.section, d.sectionSeq = p.Head.Section, p.Head.Standing.Seq
	}
	for _, r := range p.Records {
		switch r.Kind {
		case run.Checkpoint:
			d.checkpoints = append(d.checkpoints, remain{r.Seq, rank, r.Body})
		case run.Tries:
			d.tries = append(d.tries, remain{r.Seq, rank, r.Body})
		}
	}
	if p.Why != "" {
		d.where, d.why = where, p.Why
	}
	return table
}

// commit takes over a commit.
func (x *salvor) commit(c *driver.Commit, body []byte, rank int) {
	d := x.table(c.Table).doc(c.ID)
	d.commits = append(d.commits, remain{c.Seq, rank, body})
	d.top = max(d.top, c.Seq)
}

// most is how many versions more than those that are known a damaged number is
// believed to tell of.
const most = 1 << 20

// suspect notes a document of which the front in a run is damaged.
func (x *salvor) suspect(table string, p *run.Piece, where string) {
	w := x.tables[table]
	if w == nil || !p.Sure && w.docs[p.ID] == nil {
		x.lose(Loss{Table: table, Where: where, Why: fmt.Sprintf("a document, perhaps %v: %s", p.ID, p.Why)})
		return
	}
	d := w.doc(p.ID)
	d.where, d.why = where, p.Why
	if p.Seq > 0 && p.Seq < d.top+most {
		d.top = max(d.top, p.Seq)
	} else {
		x.lose(Loss{Table: table, ID: p.ID, Where: where, Why: "its newest versions, nobody can tell how many: " + p.Why})
	}
}

// newest sorts records by sequence and leaves one for each.
func newest(all []remain) []remain {
	slices.SortStableFunc(all, func(a, b remain) int {
		if a.seq != b.seq {
			return int(min(max(int64(a.seq-b.seq), -1), 1))
		}
		return a.rank - b.rank
	})
	return slices.CompactFunc(all, func(a, b remain) bool { return a.seq == b.seq })
}
