package destam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/exact"
)

// past is a document whose history is imported.
type past struct {
	line     int
	doc      driver.Doc
	versions uint64
	life     driver.Life
	section  []byte        // of the newest version, if it is alive
	final    []driver.Term // what it holds in the end

	standing driver.Standing // after the versions that were read
	stored   driver.Standing // of the document that was there before
	first    uint64          // of its versions that the store still has
	before   func() (driver.Commit, error, bool)
	stop     func()
	skip     bool // it stays as it is
}

// histories reads documents with their versions up to the end, which it gives.
func (m *importer) histories(ctx context.Context) (exact.Object, error) {
	x := &transfer{op: "import", to: m.t.db.driver, wait: m.t.db.opts.tuning.backoff}
	x.done = func(n int) {
		m.at.Commits += uint64(n)
		m.report()
	}
	x.stored = m.t.db.tell
	for {
		o, err := m.next()
		if err == io.EOF {
			err = m.fail(errCutShort)
		}
		if err != nil {
			return nil, errors.Join(err, x.flush(ctx))
		}
		if end, ok := ended(o); ok {
			return end, x.flush(ctx)
		}
		if err := m.history(ctx, x, o); err != nil {
			if stored := (*Error)(nil); !errors.As(err, &stored) { // that is of lines before
				err = m.fail(err)
			}
			return nil, errors.Join(err, x.flush(ctx))
		}
	}
}

// history imports one document, of which the first line is at hand.
func (m *importer) history(ctx context.Context, x *transfer, o exact.Object) error {
	p, err := m.past(o)
	if err != nil {
		return err
	}
	m.t.db.ids.seen(p.doc.ID)
	if p.stored, err = standing(ctx, x.to, p.doc); err != nil {
		return err
	}
	if err := p.meet(ctx, x.to); err != nil {
		return err
	}
	defer p.stop()
	if p.stored.Seq > 0 && (p.stored.Life == driver.Purged) != (p.life == driver.Purged) {
		half := false
		if p.life == driver.Purged && p.stored.Seq < p.versions {
			half, err = burying(ctx, x.to, p.doc)
		}
		if err == nil && !half {
			err = m.differs(p)
		}
		if err != nil {
			return err
		}
	}
	if p.life == driver.Purged {
		err = m.tomb(ctx, x, p)
	} else {
		err = m.versions(ctx, x, p)
	}
	if err != nil {
		return err
	}
	m.read.documents++
	m.at.Documents++
	if p.skip || p.stored.Seq >= p.versions {
		m.at.Skipped++
	}
	return nil
}

// past reads the first line of a document.
func (m *importer) past(o exact.Object) (*past, error) {
	p := &past{line: m.line, doc: driver.Doc{Table: m.t.name}, stop: func() {}}
	name, err := text(o, "id")
	if err == nil {
		p.doc.ID, err = ParseID(name)
	}
	if _, has := o.Get("versions"); err != nil || !has || p.doc.ID.IsZero() {
		return nil, errNoLine
	}
	if err := only(o, "id", "versions", "life", "section"); err != nil {
		return nil, err
	}
	if p.versions, err = number(o, "versions"); err != nil {
		return nil, err
	}
	life, _ := text(o, "life")
	known := false
	for l, name := range lifeNames {
		if name == life {
			p.life, known = l, true
		}
	}
	if !known || p.versions == 0 {
		return nil, errNoLine
	}
	if p.section, err = unpack(o, "section"); err != nil || p.section == nil {
		return p, err
	}
	v, err := driver.DecodeValue(p.section)
	p.final = driver.Held(v, m.t.unique)
	return p, err
}

// meet begins to read what is there of a document.
func (p *past) meet(ctx context.Context, d driver.Driver) (err error) {
	if p.stored.Seq > 0 && p.stored.Life != driver.Purged {
		p.first, err = oldest(ctx, d, p.doc)
		p.before, p.stop = iter.Pull2(d.Log(ctx, p.doc.Table, p.doc.ID, driver.Range{From: p.first, To: p.stored.Seq}))
	}
	return err
}

// differs is for a document that is there with another history.
func (m *importer) differs(p *past) error {
	if p.skip = m.opts.Existing == SkipExisting; p.skip {
		return nil
	}
	return fmt.Errorf("%w: %w at version %d", ErrExists, ErrDiffers, p.standing.Seq)
}

// version reads the line of the next version of a document.
func (m *importer) version(p *past, seq uint64) (driver.Commit, error) {
	o, err := m.next()
	if err == io.EOF {
		err = m.fail(errCutShort)
	}
	if err != nil {
		return driver.Commit{}, err
	}
	if _, ok := o.Get("version"); !ok {
		return driver.Commit{}, fmt.Errorf("version %d of document %s, of %d, is missing", seq, p.doc.ID, p.versions)
	}
	c, err := version(o)
	if err == nil && c.Seq != seq {
		err = fmt.Errorf("it is version %d of document %s, and %d is the next", c.Seq, p.doc.ID, seq)
	}
	c.Table, c.ID = p.doc.Table, p.doc.ID
	m.read.commits++
	return c, err
}

// versions imports the versions of a document that was not purged.
func (m *importer) versions(ctx context.Context, x *transfer, p *past) error {
	for seq := uint64(1); seq <= p.versions; seq++ {
		c, err := m.version(p, seq)
		if err != nil {
			return err
		}
		if c.Kind == driver.KindPurge {
			return errOtherLife
		}
		if err := m.hold(p, &c); err != nil {
			return err
		}
		switch {
		case p.skip, seq < p.first:
		case seq <= p.stored.Seq:
			err = m.known(x, p, &c)
		default:
			err = x.add(ctx, c, p.final)
		}
		if err != nil {
			return err
		}
	}
	if p.standing.Life != p.life {
		return lineError(p.line, p.doc.ID, errOtherLife)
	}
	return nil
}

// hold finds out what a commit holds, and checks that it may be the next one.
func (m *importer) hold(p *past, c *driver.Commit) error {
	switch {
	case c.Kind == driver.KindDelete:
	case c.Section == nil:
		c.Held = p.standing.Held
	default:
		v, err := driver.DecodeValue(c.Section)
		if err != nil {
			return err
		}
		c.Held = driver.Held(v, m.t.unique)
	}
	if err := c.Check(driver.Schema{Table: m.t.name, Unique: m.t.unique}); err != nil {
		return err
	}
	if err := p.standing.Judge(c, func(driver.Term) (ID, bool) { return ID{}, false }); err != nil {
		return fmt.Errorf("it cannot follow the version before: %w", err)
	}
	p.standing = p.standing.After(c)
	return nil
}

// known compares a version with the one that is there.
func (m *importer) known(x *transfer, p *past, c *driver.Commit) error {
	stored, err, ok := p.before()
	if err == nil && !ok {
		err = errMissing
	}
	if err != nil {
		return err
	}
	if stored.Try != c.Try {
		return m.differs(p)
	}
	if c.Seq == p.stored.Seq {
		out, _ := driver.Taken(stored.Held, c.Held)
		x.leave(p.doc, out)
	}
	return nil
}

// tomb imports a document that was purged.
func (m *importer) tomb(ctx context.Context, x *transfer, p *past) error {
	c, err := m.version(p, p.versions)
	if err != nil {
		return err
	}
	switch {
	case c.Kind != driver.KindPurge:
		return errOtherLife
	case p.skip:
		return nil
	case p.stored.Life != driver.Purged:
		return x.bury(ctx, p.doc, p.stored, driver.Commit{Seq: c.Seq, Time: c.Time.Round(0).UTC(), Schema: c.Schema})
	case p.stored.Seq != c.Seq:
		return m.differs(p)
	}
	return nil
}
