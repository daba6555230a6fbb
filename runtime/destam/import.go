package destam

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
	"github.com/destam-go/destamgen/runtime/internal/exact"
)

// Existing says what becomes of a document that is imported and that the table
// has already.
type Existing uint8

// What may become of them.
const (
	RefuseExisting  Existing = iota // Import ends with ErrExists
	SkipExisting                    // they stay as they are
	ReplaceExisting                 // they become what is imported, as a new version, by the smallest changes
)

// ErrExists: a document that is imported is there already.
var ErrExists = errors.New("the document is there already")

// ImportOptions say how a table is imported; nil options refuse documents that
// are there already.
type ImportOptions struct {
	Existing Existing

	// By and Because are author and reason of what is imported. Versions of a
	// history have their own.
	By, Because string

	// Progress is told from time to time how far it is.
	Progress func(Progress)
}

// LineError says which line of what is imported is wrong.
type LineError struct {
	Line int    // from 1
	ID   ID     // of the document, zero for none
	Path string // of the field by the names in the tags, empty for none
	Err  error
}

func (e *LineError) Error() string {
	b := fmt.Sprintf("line %d: ", e.Line)
	if !e.ID.IsZero() {
		b += "document " + e.ID.String() + ": "
	}
	if e.Path != "" {
		b += e.Path + ": "
	}
	return b + e.Err.Error()
}

func (e *LineError) Unwrap() error { return e.Err }

// Import reads what [Export] wrote, or a person in its stead, into a table: of
// the same type, or of a later form of it. Everything is durable when it returns
// nil.
//
// Without history each line becomes a document, under its id or, when the line
// has none, a new one; Validate is asked, and unique values apply. With history
// every version comes back as it was, with its number, time, author and reason,
// and documents that are in memory become what was imported of them; unique
// values apply to what the documents hold in the end, by this program's unique
// fields.
//
// It stops at the first line that is wrong, with a [*LineError], and when the
// end is missing. What was imported before stays: mend the line, and import
// again. Documents with an id of which the same import is in the table already
// are passed over, whatever the options say, and a history that was cut short
// is gone on with.
//
//go:noinline
func Import[O, P, Q any](ctx context.Context, t *Table[O, P, Q], r io.Reader, opts *ImportOptions) (Progress, error) {
	return t.t.imports(ctx, r, opts)
}

// longestLine bounds a line: what is no export may have no lines at all.
const longestLine = 512 << 20

var (
	errNoExport  = errors.New("this is no export: the first line is not {\"destam\":\"export\", …}")
	errCutShort  = errors.New("the export ends too early: its last line, {\"end\": …}, is missing")
	errAfterEnd  = errors.New("something follows the end")
	errLong      = fmt.Errorf("the line is longer than %d bytes", longestLine)
	errNoLine    = errors.New("the line is of no kind that an export has")
	errMixed     = errors.New("a history cannot replace documents: a version that is stored stays as it is; import it with SkipExisting, or purge the documents before")
	errExisting  = errors.New("the option Existing is none of RefuseExisting, SkipExisting and ReplaceExisting")
	errOtherLife = errors.New("the versions do not lead to what the document's line says")
)

func (t *table) imports(ctx context.Context, r io.Reader, opts *ImportOptions) (Progress, error) {
	if opts == nil {
		opts = &ImportOptions{}
	}
	m := &importer{t: t, opts: opts, at: Progress{Table: t.name}, lines: lines{r: bufio.NewReaderSize(r, 1<<16)}}
	err := t.ready(ctx)
	if err == nil {
		_, err = cause(m.commit())
	}
	if err == nil && opts.Existing > ReplaceExisting {
		err = errExisting
	}
	if err == nil {
		err = m.all(ctx)
		if late := m.arrive(ctx); err == nil {
			err = late
		}
	}
	if err == nil {
		err = t.db.sync(ctx)
	}
	if err == nil && opts.Progress != nil {
		opts.Progress(m.at)
	}
	return m.at, t.err("import", ID{}, err)
}

// importer is an Import that runs.
type importer struct {
	t    *table
	opts *ImportOptions
	at   Progress
	lines
}

// commit gives the options of what is imported.
func (m *importer) commit() (opts []CommitOption) {
	if m.opts.By != "" {
		opts = append(opts, By(m.opts.By))
	}
	if m.opts.Because != "" {
		opts = append(opts, Because(m.opts.Because))
	}
	return opts
}

func (m *importer) report() {
	if m.opts.Progress != nil {
		m.opts.Progress(m.at)
	}
}

// arrive brings the documents that are in memory to what was imported of them,
// also by an import that failed: who has imported sees it.
func (m *importer) arrive(ctx context.Context) error {
	for _, l := range m.t.cache.All() {
		if l.heard.Load() <= l.version.Load() {
			continue
		}
		if err := l.catchUp(ctx, nil); err != nil && !l.isOver(ctx) {
			return err
		}
	}
	return nil
}

// all reads everything.
func (m *importer) all(ctx context.Context) error {
	first, err := m.next()
	if err == io.EOF {
		return m.fail(errNoExport)
	}
	if err != nil {
		return err
	}
	history, err := m.front(first)
	if err != nil {
		return m.fail(err)
	}
	each := m.documents
	if history {
		if m.opts.Existing == ReplaceExisting {
			return errMixed
		}
		each = m.histories
	}
	end, err := each(ctx)
	if err != nil {
		return err
	}
	if err := m.compare(end); err != nil {
		return m.fail(err)
	}
	if _, err := m.next(); err != io.EOF {
		return m.fail(errAfterEnd)
	}
	return nil
}

// front reads the first line.
func (m *importer) front(o exact.Object) (history bool, err error) {
	name, _ := o.Get("destam")
	if name != exportName {
		return false, errNoExport
	}
	if err := only(o, "destam", "format", "table", "history", "made"); err != nil {
		return false, err
	}
	format, err := number(o, "format")
	switch table, _ := o.Get("table"); {
	case err != nil:
		return false, err
	case format > exportFormat:
		return false, fmt.Errorf("it has format %d, this program reads up to %d: import it with a newer version", format, exportFormat)
	case table != m.t.name:
		return false, fmt.Errorf("it is of the table %v, not %q", table, m.t.name)
	}
	with, _ := o.Get("history")
	history, _ = with.(bool)
	return history, nil
}

// compare compares what the end says of all lines with what was read.
func (m *importer) compare(end exact.Object) error {
	if err := only(end, "documents", "commits", "crc"); err != nil {
		return err
	}
	for _, count := range []struct {
		name string
		want uint64
	}{{"documents", m.read.documents}, {"commits", m.read.commits}} {
		if _, ok := end.Get(count.name); !ok {
			continue
		}
		if n, err := number(end, count.name); err != nil || n != count.want {
			return fmt.Errorf("it has %d %s, and its end says %v: lines are missing, or came to it", count.want, count.name, n)
		}
	}
	if crc, ok := end.Get("crc"); ok && crc != fmt.Sprintf("%08x", m.sum) {
		return fmt.Errorf("it is not what was exported: its checksum is %08x, and its end says %v; what was changed on purpose has no \"crc\" in its last line", m.sum, crc)
	}
	return nil
}

// lines reads lines of objects.
type lines struct {
	r    *bufio.Reader
	line int
	sum  uint32 // of what was read, without the end
	raw  []byte // of the line at hand, without its checksum
	read struct{ documents, commits uint64 }
}

// fail gives an error the line at hand.
func (l *lines) fail(err error) error { return lineError(l.line, ID{}, err) }

// lineError gives an error its place, once.
func lineError(line int, id ID, err error) error {
	var (
		there *LineError
		field *doc.ImportError
		store *Error
	)
	e := &LineError{Line: line, ID: id, Err: err}
	switch {
	case err == nil || errors.As(err, &there):
		return err
	case errors.As(err, &field):
		e.Path, e.Err = field.Path, field.Err
	case errors.As(err, &store):
		if !store.ID.IsZero() {
			e.ID = store.ID
		}
		e.Path, e.Err = store.Path, store.Err
	}
	return e
}

// next gives the next line, io.EOF when there is none. Empty lines are passed
// over.
func (l *lines) next() (exact.Object, error) {
	for {
		raw, err := l.take()
		if err != nil && (err != io.EOF || len(raw) == 0) {
			return nil, err
		}
		l.line++
		text := bytes.TrimSpace(raw)
		if len(text) == 0 {
			l.sum = crc32.Update(l.sum, castagnoli, raw)
			continue
		}
		sum := crc32.Update(l.sum, castagnoli, raw) // unseal changes it
		text, err = unseal(text)
		if err != nil {
			return nil, l.fail(err)
		}
		v, err := exact.Parse(text)
		o, ok := v.(exact.Object)
		if err == nil && !ok {
			err = errNoLine
		}
		if err != nil {
			return nil, l.fail(err)
		}
		l.raw = text
		if _, end := o.Get("end"); !end {
			l.sum = sum
		}
		return o, nil
	}
}

// unseal compares a line with its checksum, if it has one, and gives it without
// that: what is damaged is refused before anything is made of it.
func unseal(text []byte) ([]byte, error) {
	const digits = 8
	at := len(text) - len(lineSum) - digits - len(`"}`)
	if at < 0 || !bytes.HasPrefix(text[at:], []byte(lineSum)) || !bytes.HasSuffix(text, []byte(`"}`)) {
		return text, nil
	}
	said, sum := text[at+len(lineSum):][:digits], crc32.Checksum(text[:at], castagnoli)
	if string(said) != fmt.Sprintf("%08x", sum) {
		return nil, fmt.Errorf("it is not what was exported: its checksum is %08x, and its end says %q; a line that was changed on purpose has no \"crc\"", sum, said)
	}
	return append(text[:at], '}'), nil
}

// take reads one line, its end included.
func (l *lines) take() (line []byte, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if line = append(line, part...); err != bufio.ErrBufferFull {
			return line, err
		}
		if len(line) > longestLine {
			l.line++
			return nil, l.fail(errLong)
		}
	}
}

// ended tells whether a line is the last, and gives what it says.
func ended(o exact.Object) (exact.Object, bool) {
	v, _ := o.Get("end")
	end, ok := v.(exact.Object)
	return end, ok && len(o) == 1
}

// only says which member a line has that it should not have: what is written
// wrong shall not be passed over.
func only(o exact.Object, names ...string) error {
	for _, m := range o {
		if !slices.Contains(names, m.Name) {
			return fmt.Errorf("%q is none of %s", m.Name, strings.Join(names, ", "))
		}
	}
	return nil
}

// number gives a member that is an integer and not negative.
func number(o exact.Object, name string) (uint64, error) {
	v, _ := o.Get(name)
	text, _ := v.(exact.Number)
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no integer", name)
	}
	return n, nil
}

// text gives a member that is a text, empty when it is not there.
func text(o exact.Object, name string) (string, error) {
	v, ok := o.Get(name)
	s, is := v.(string)
	if ok && !is {
		return "", fmt.Errorf("%q is no text", name)
	}
	return s, nil
}

// unpack gives the msgpack of a member, nil when it is not there.
func unpack(o exact.Object, name string) ([]byte, error) {
	v, ok := o.Get(name)
	if !ok {
		return nil, nil
	}
	var b []byte
	var err error
	if whole, is := v.(exact.Object); is && len(whole) == 1 && whole[0].Name == "$msgpack" {
		b, err = exact.Bytes(whole[0].Value)
	} else {
		b, err = exact.Pack([]byte{}, v)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return b, nil
}

// version reads the line of a commit. Table, ID and Held are not in it.
func version(o exact.Object) (c driver.Commit, err error) {
	if err := only(o, "version", "kind", "try", "time", "schema", "by", "because", "ext", "section", "body"); err != nil {
		return c, err
	}
	if c.Seq, err = number(o, "version"); err != nil {
		return c, err
	}
	name, _ := text(o, "kind")
	for kind, known := range kindNames {
		if known == name {
			c.Kind = kind
		}
	}
	if c.Kind == 0 {
		return c, fmt.Errorf("kind %q is unknown", name)
	}
	try, _ := text(o, "try")
	if n, err := hex.Decode(c.Try[:], []byte(try[:min(len(try), 2*len(c.Try))])); err != nil || n != len(c.Try) || len(try) != 2*n {
		return c, errors.New(`"try" is not 32 hexadecimal digits`)
	}
	made, _ := o.Get("time")
	if c.Time, err = exact.Time(made); err != nil {
		return c, fmt.Errorf("time: %w", err)
	}
	schema, err := number(o, "schema")
	if c.Schema = uint32(schema); err != nil || uint64(c.Schema) != schema {
		return c, errors.New(`"schema" is no revision`)
	}
	if c.By, err = text(o, "by"); err != nil {
		return c, err
	}
	if c.Because, err = text(o, "because"); err != nil {
		return c, err
	}
	if c.Body, err = unpack(o, "body"); err != nil {
		return c, err
	}
	if c.Section, err = unpack(o, "section"); err != nil {
		return c, err
	}
	return c, extensions(o, &c)
}

func extensions(o exact.Object, c *driver.Commit) error {
	v, ok := o.Get("ext")
	if !ok {
		return nil
	}
	ext, ok := v.(exact.Object)
	if !ok {
		return errors.New(`"ext" is no object`)
	}
	c.Ext = make(map[string][]byte, len(ext))
	for _, m := range ext {
		b, err := exact.Bytes(m.Value)
		if err != nil {
			return fmt.Errorf("ext: %w", err)
		}
		c.Ext[m.Name] = b
	}
	return nil
}
