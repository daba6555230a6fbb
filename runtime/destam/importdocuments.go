package destam

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
	"github.com/destam-go/destamgen/runtime/internal/exact"
)

// item is one document that is imported without history.
type item struct {
	line    int
	id      ID
	own     bool     // the line says which id
	try     [16]byte // of the import: the same line is the same
	content []byte   // a checkpoint
	skipped bool
	err     error
}

// named is the id that the line has, zero for none.
func (it *item) named() ID {
	if it.own {
		return it.id
	}
	return ID{}
}

// importers is how many documents are stored at once.
const importers = 64

// documents reads documents up to the end, which it gives.
func (m *importer) documents(ctx context.Context) (end exact.Object, err error) {
	var batch []*item
	size := 0
	for {
		o, err := m.next()
		if err == io.EOF {
			err = m.fail(errCutShort)
		}
		if err != nil {
			return nil, errors.Join(m.store(ctx, batch), err) // what is right is imported
		}
		if end, ok := ended(o); ok {
			return end, m.store(ctx, batch)
		}
		it, err := m.item(o)
		if err != nil {
			return nil, errors.Join(m.store(ctx, batch), m.fail(err))
		}
		m.read.documents++
		size += len(it.content)
		if batch = append(batch, it); len(batch) == often || size >= bulkBytes {
			if err := m.store(ctx, batch); err != nil {
				return nil, err
			}
			batch, size = nil, 0
		}
	}
}

// item reads the line of a document.
func (m *importer) item(o exact.Object) (*item, error) {
	it := &item{line: m.line}
	v, ok := o.Get("document")
	if !ok {
		return nil, errNoLine
	}
	if err := only(o, "id", "document"); err != nil {
		return nil, err
	}
	if name, ok := o.Get("id"); ok {
		text, _ := name.(string)
		id, err := ParseID(text)
		if err != nil || id.IsZero() {
			return nil, errors.New(`"id" is no id: it has 26 digits of base 32; without one, the document gets a new id`)
		}
		it.id, it.own = id, true
		sum := sha256.Sum256(append([]byte("destam import\n"), m.raw...))
		copy(it.try[:], sum[:])
	} else {
		it.id, it.try = m.t.db.ids.next(), newTry()
	}
	var err error
	it.content, err = m.t.typ.PackExport(v, m.t.db.opts.tuning.keyBound)
	return it, lineError(m.line, it.named(), err)
}

// store stores documents, many at a time, and gives the error of the first line
// that has one.
func (m *importer) store(ctx context.Context, batch []*item) error {
	var done sync.WaitGroup
	room := make(chan struct{}, importers)
	for _, it := range batch {
		room <- struct{}{}
		done.Go(func() {
			defer func() { <-room }()
			if it.err = ctx.Err(); it.err == nil {
				it.err = m.one(ctx, it)
			}
		})
	}
	done.Wait()
	for _, it := range batch {
		if it.err != nil {
			return lineError(it.line, it.named(), it.err)
		}
		if it.skipped {
			m.at.Skipped++
		} else {
			m.at.Commits++
		}
		m.at.Documents++
	}
	m.report()
	return nil
}

// one stores a document.
func (m *importer) one(ctx context.Context, it *item) error {
	t := m.t
	if it.own {
		t.db.ids.seen(it.id)
		switch was, err := standing(ctx, t.db.driver, driver.Doc{Table: t.name, ID: it.id}); {
		case err != nil:
			return err
		case was.Life == driver.Alive || was.Life == driver.Deleted:
			return m.existing(ctx, it, was)
		case was.Seq > 0:
			return fmt.Errorf("%w: a document of this id was purged, and its id is never used again", ErrExists)
		}
	}
	c, err := cause(m.commit())
	if err != nil {
		return err
	}
	l := t.newLive(it.id)
	if err := l.doc.Adopt(it.content); err != nil {
		return err
	}
	if err := t.validate(t.plainOf(l.doc)); err != nil {
		return err
	}
	_, err = t.bear(ctx, l, nil, birth{cause: c, try: it.try})
	return err
}

// existing is one for a document that is there.
func (m *importer) existing(ctx context.Context, it *item, was driver.Standing) error {
	t := m.t
	if m.opts.Existing == ReplaceExisting {
		return m.replace(ctx, it, was.Life == driver.Deleted)
	}
	for c, err := range t.db.driver.Log(ctx, t.name, it.id, driver.Range{From: 1, To: 1}) {
		if err != nil {
			return err
		}
		if c.Try == it.try { // it was imported before
			it.skipped = true
			return nil
		}
	}
	if m.opts.Existing == SkipExisting {
		it.skipped = true
		return nil
	}
	return ErrExists
}

// errBeyond says that a plain struct is not enough to say what is imported.
var errBeyond = errors.New("beyond a plain struct")

// replace makes a document that is there what is imported, by the smallest
// changes: an export has no ids of objects, so these stay whose place and content
// it has. Where it has such ids, for objects in several places, or fields that this
// program does not know, the document becomes what it says by those.
func (m *importer) replace(ctx context.Context, it *item, deleted bool) error {
	t := m.t
	target := t.scratch()
	if err := target.Load(1, it.content); err != nil {
		return err
	}
	target.Loaded()
	c, err := cause(m.commit())
	if err != nil {
		return err
	}
	var l *live
	if deleted {
		l, err = t.restore(ctx, it.id, c)
	} else {
		l, err = t.get(ctx, it.id)
	}
	if err != nil {
		return err
	}
	o, was := (*ODocument)(l.handle()), l.version.Load()
	plain := reflect.NewAt(t.plain, t.plainOf(target)).Interface()
	err = update(&o.OObject, func(h unsafe.Pointer) error {
		if !target.Root.Plain() || !l.doc.Root.Plain() {
			return errBeyond
		}
		Assign(&(*ODocument)(h).OObject, plain)
		return nil
	}, m.commit())
	if errors.Is(err, errBeyond) {
		err = turn(ctx, o, "import", m.commit(), func(*table, ID) (*doc.Document, error) { return target, nil })
	}
	if err == nil {
		err = l.bring(ctx, effort{attempts: flushAttempts})
	}
	it.skipped = !deleted && l.version.Load() == was // it was that already
	return err
}
