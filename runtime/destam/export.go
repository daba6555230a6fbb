package destam

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/exact"
)

// ExportOptions say how a table is exported; nil options export the documents
// as they are.
type ExportOptions struct {
	// History exports every version of every document, deleted and purged ones
	// too, instead of the documents as they are.
	History bool

	// Progress is told from time to time how far it is.
	Progress func(Progress)
}

// Export writes the documents of a table as JSON lines, in the order of
// creation; see docs/FORMAT.md. What is pending is stored before. Without
// [ExportOptions.History] a line is a document as people write it, that is not
// deleted; with it, a line is a version, with its time, author and reason.
// [Import] reads either, and nothing is lost on the way: not the last bit of a
// number, no byte of a text that is not UTF-8, no field that this program does not
// know, not the order of a list. Without history the elements of lists get new
// identities, but for objects in several places. Local fields are not exported.
//
// A history that a store was told to keep less of is [ErrForgotten].
//
// It takes no more memory than a document, or a version. It is no snapshot: what
// is changed meanwhile may be in it or not, of each document one version. A unique
// value that goes from one document to another meanwhile may be in both, and
// Import takes the first. After an error what was written is not complete, and
// Import will say so.
//
//go:noinline
func Export[O, P, Q any](ctx context.Context, t *Table[O, P, Q], w io.Writer, opts *ExportOptions) (Progress, error) {
	return t.t.exports(ctx, w, opts)
}

const (
	exportName   = "export" // the member "destam" of the first line
	exportFormat = 1
)

// often is how many documents are between two calls of Progress.
const often = 256

func (t *table) exports(ctx context.Context, w io.Writer, opts *ExportOptions) (Progress, error) {
	if opts == nil {
		opts = &ExportOptions{}
	}
	x := exporter{t: t, w: bufio.NewWriterSize(w, 1<<16), opts: opts, at: Progress{Table: t.name}}
	err := t.ready(ctx)
	if err == nil {
		err = joined(t.db.bringAll(ctx, flushAttempts)...)
	}
	if err == nil {
		err = x.all(ctx)
	}
	return x.at, t.err("export", ID{}, err)
}

// exporter is an Export that runs.
type exporter struct {
	t    *table
	w    *bufio.Writer
	opts *ExportOptions
	at   Progress
	sum  uint32
	line []byte
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// lineSum stands before the checksum of a line, which is its last member.
const lineSum = `,"crc":"`

// seal writes the line that was made, an object, with a checksum of its own.
func (x *exporter) seal() error {
	x.line = x.line[:len(x.line)-1]
	sum := crc32.Checksum(x.line, castagnoli)
	x.line = fmt.Appendf(x.line, `%s%08x"}`, lineSum, sum)
	return x.end()
}

// end writes the line that was made.
func (x *exporter) end() error {
	x.line = append(x.line, '\n')
	x.sum = crc32.Update(x.sum, castagnoli, x.line)
	_, err := x.w.Write(x.line)
	if cap(x.line) > 1<<20 {
		x.line = nil
	}
	x.line = x.line[:0]
	return err
}

func (x *exporter) all(ctx context.Context) error {
	x.line = fmt.Appendf(x.line, `{"destam":%q,"format":%d,"table":%q,"history":%t,"made":`, exportName, exportFormat, x.t.name, x.opts.History)
	x.line = append(exact.AppendTime(x.line, time.Now().UTC()), '}')
	if err := x.seal(); err != nil {
		return err
	}
	for e, err := range x.t.db.driver.Documents(ctx, x.t.name, ID{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		counts := true
		if x.opts.History {
			err = x.history(ctx, e)
		} else if counts = e.Life == driver.Alive; counts {
			counts, err = x.document(ctx, e.ID)
		}
		if err != nil {
			return x.t.err("export", e.ID, err)
		}
		if counts {
			if x.at.Documents++; x.at.Documents%often == 0 && x.opts.Progress != nil {
				x.opts.Progress(x.at)
			}
		}
	}
	x.line = fmt.Appendf(x.line, `{"end":{"documents":%d,"commits":%d,"crc":"%08x"}}`, x.at.Documents, x.at.Commits, x.sum)
	if err := x.end(); err != nil {
		return err
	}
	if x.opts.Progress != nil {
		x.opts.Progress(x.at)
	}
	return x.w.Flush()
}

// document writes a document as it is, unless it is gone meanwhile.
func (x *exporter) document(ctx context.Context, id ID) (there bool, err error) {
	state, err := x.t.db.driver.Load(ctx, x.t.name, id, 0)
	if isGone(err) || err == nil && state.Deleted {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	b, err := x.t.build(ctx, &state, x.t.scratch)
	if err != nil {
		return false, err
	}
	x.line = fmt.Appendf(x.line, `{"id":"%s","document":`, id)
	x.line = append(b.doc.Root.AppendExport(x.line), '}')
	return true, x.seal()
}

func isGone(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrDeleted) }

// lifeNames names what a document may be, for people.
var lifeNames = map[driver.Life]string{
	driver.Unborn: "void", driver.Alive: "alive", driver.Deleted: "deleted", driver.Purged: "purged",
}

var kindNames = map[driver.Kind]string{
	driver.KindChange: "change", driver.KindDelete: "delete", driver.KindRestore: "restore",
	driver.KindPurge: "purge", driver.KindVoid: "void", driver.KindRenumber: "renumber",
}

// history writes all versions of a document.
func (x *exporter) history(ctx context.Context, e driver.Entry) error {
	x.line = fmt.Appendf(x.line, `{"id":"%s","versions":%d,"life":%q`, e.ID, e.Seq, lifeNames[e.Life])
	span := driver.Range{To: e.Seq}
	if e.Life == driver.Purged {
		span.From = e.Seq
	}
	if e.Life == driver.Alive {
		head, err := x.t.db.driver.Head(ctx, x.t.name, e.ID)
		if isGone(err) || err == nil && head.Seq != e.Seq {
			return x.anew(ctx, e.ID)
		}
		if err != nil {
			return err
		}
		x.line = exact.AppendSame(append(x.line, `,"section":`...), head.Section)
	}
	x.line = append(x.line, '}')
	of, first := driver.Doc{Table: x.t.name, ID: e.ID}, max(span.From, 1)
	next := first
	for c, err := range x.t.db.driver.Log(ctx, x.t.name, e.ID, span) {
		if err == nil && c.Seq != next {
			err = missing(ctx, x.t.db.driver, of)
		}
		if err == nil && next == first {
			err = x.seal()
		}
		if err != nil {
			return err
		}
		x.line = appendVersion(x.line, &c)
		if err := x.seal(); err != nil {
			return err
		}
		next++
		x.at.Commits++
	}
	if next == e.Seq+1 {
		return nil
	}
	err := missing(ctx, x.t.db.driver, of)
	if isGone(err) && next == first {
		return x.anew(ctx, e.ID)
	}
	return err
}

// anew is history for a document that was changed meanwhile: as it is now.
func (x *exporter) anew(ctx context.Context, id ID) error {
	x.line = x.line[:0]
	now, err := standing(ctx, x.t.db.driver, driver.Doc{Table: x.t.name, ID: id})
	if err != nil {
		return err
	}
	return x.history(ctx, driver.Entry{ID: id, Standing: now})
}

// appendVersion writes a commit.
func appendVersion(b []byte, c *driver.Commit) []byte {
	b = strconv.AppendUint(append(b, `{"version":`...), c.Seq, 10)
	b = fmt.Appendf(b, `,"kind":%q,"try":"%s","time":`, kindNames[c.Kind], hex.EncodeToString(c.Try[:]))
	b = exact.AppendTime(b, c.Time)
	b = strconv.AppendUint(append(b, `,"schema":`...), uint64(c.Schema), 10)
	if c.By != "" {
		b = exact.AppendString(append(b, `,"by":`...), c.By)
	}
	if c.Because != "" {
		b = exact.AppendString(append(b, `,"because":`...), c.Because)
	}
	if len(c.Ext) > 0 {
		b = append(b, `,"ext":{`...)
		for i, name := range slices.Sorted(maps.Keys(c.Ext)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(exact.AppendString(b, name), ':')
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), c.Ext[name]), '"')
		}
		b = append(b, '}')
	}
	if c.Section != nil {
		b = exact.AppendSame(append(b, `,"section":`...), c.Section)
	}
	if len(c.Body) > 0 {
		b = exact.AppendSame(append(b, `,"body":`...), c.Body)
	}
	return append(b, '}')
}
