package destam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Finding is something in a store that is not as it should be.
type Finding struct {
	Table   string // empty when it concerns none, or all
	ID      ID     // zero when no single document is concerned
	Version uint64 // zero when no single version is
	Where   string // file and offset, or the like, where the driver knows
	Why     string
}

func (f Finding) String() string {
	text := f.Table
	if !f.ID.IsZero() {
		text += "/" + f.ID.String()
	}
	if f.Version > 0 {
		text += fmt.Sprintf("@%d", f.Version)
	}
	if f.Where != "" {
		text += " (" + f.Where + ")"
	}
	return text + ": " + f.Why
}

// VerifyOptions say how a store is verified; nil options are good ones.
type VerifyOptions struct {
	// Progress is told from time to time how far it is.
	Progress func(Progress)
}

// Verify reads everything that a database has in its store and yields what is
// wrong with it; nothing yielded says that all is well. Of every document,
// deleted ones too, it replays every version from the first on, and compares
// with that every checkpoint and every query section; it asks for every document
// by all that it can be found by; and it has the driver check what it keeps
// below documents: on fs every byte of every file, and every entry of every
// index. It changes nothing. An error is the last pair, and says that it could
// not go on.
//
// Tables that the program has asked for, as NoteTable(db) does, are read with their
// types, the others without: there a value of a kind that its field does not have
// is not seen, and a table whose fields have been renamed or given other types has
// checkpoints that seem to differ from what was replayed, which the finding says.
// Who wants to see all asks for all tables before. A document that was salvaged with versions lost is verified up to these, and
// from its checkpoint on. What is being changed meanwhile is verified as of some
// version.
func Verify(ctx context.Context, db *DB, opts *VerifyOptions) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		v := verifier{db: db, yield: yield}
		if opts != nil {
			v.tell = opts.Progress
		}
		if err := v.all(ctx); err != nil && !errors.Is(err, errStop) {
			placed := (*Error)(nil)
			if !errors.As(err, &placed) {
				err = &Error{Op: "verify", Table: v.at.Table, Err: err}
			}
			yield(Finding{}, err)
		}
	}
}

// verifier is a Verify that runs.
type verifier struct {
	db    *DB
	yield func(Finding, error) bool
	tell  func(Progress)
	at    Progress

	table driver.Schema
	typ   *doc.Type
}

// found yields something that is wrong.
func (v *verifier) found(id ID, version uint64, format string, args ...any) error {
	if !v.yield(Finding{Table: v.table.Table, ID: id, Version: version, Why: fmt.Sprintf(format, args...)}, nil) {
		return errStop
	}
	return nil
}

func (v *verifier) all(ctx context.Context) error {
	if err := v.db.usable(ctx); err != nil {
		return err
	}
	if c, ok := v.db.driver.(driver.Checker); ok {
		for d, err := range c.Check(ctx) {
			if err != nil {
				return err
			}
			if !v.yield(Finding{Table: d.Table, ID: d.ID, Version: d.Seq, Where: d.Where, Why: d.Why}, nil) {
				return errStop
			}
		}
	}
	var tables []driver.Schema
	for s, err := range v.db.driver.Tables(ctx) {
		if err != nil {
			return err
		}
		tables = append(tables, s)
	}
	for _, s := range tables {
		v.table, v.typ, v.at.Table = s, v.db.typeOf(s.Table), s.Table
		if err := v.db.driver.Declare(ctx, s); err != nil && !errors.Is(err, ErrReadOnly) {
			return err
		}
		if err := v.documents(ctx); err != nil {
			return err
		}
	}
	if v.tell != nil {
		v.tell(v.at)
	}
	return nil
}

// typeOf gives the type of the documents of a table: that which is in use, or else
// what the program has asked this database for. It is [doc.Untyped] when nobody has,
// and when nobody knows which of two is meant.
func (db *DB) typeOf(name string) *doc.Type {
	db.mu.Lock()
	defer db.mu.Unlock()
	if t := db.names[name]; t != nil {
		return t.typ
	}
	typ := doc.Untyped
	for _, t := range db.tables {
		switch {
		case t.name != name:
		case typ != doc.Untyped:
			return doc.Untyped
		default:
			typ = t.typ
		}
	}
	return typ
}

// documents verifies a table.
func (v *verifier) documents(ctx context.Context) error {
	last := ID{}
	for e, err := range v.db.driver.Documents(ctx, v.table.Table, ID{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if e.ID.Compare(last) <= 0 {
			if err := v.found(e.ID, 0, "the store lists it after %v", last); err != nil {
				return err
			}
		}
		last = e.ID
		if err := v.document(ctx, e); err != nil {
			return err
		}
		if v.at.Documents++; v.at.Documents%often == 0 && v.tell != nil {
			v.tell(v.at)
		}
	}
	return v.hits(ctx)
}

// hits verifies that a query for everything finds documents that are there.
func (v *verifier) hits(ctx context.Context) error {
	for h, err := range v.db.driver.Find(ctx, v.table.Table, driver.Query{}) {
		if err != nil {
			return err
		}
		now, err := standing(ctx, v.db.driver, driver.Doc{Table: v.table.Table, ID: h.ID})
		if err == nil && now.Life != driver.Alive && now.Seq <= h.Seq {
			err = v.found(h.ID, now.Seq, "queries find it, and it is not there")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replayed is a document while its log is read.
type replayed struct {
	driver.Entry
	doc         *doc.Document // nil when a version could not be read, or is lost
	lost        bool          // it goes on at the next checkpoint
	now         driver.Standing
	section     []byte   // the newest that was stored
	checkpoints []uint64 // sequences, descending
}

// document verifies one document.
func (v *verifier) document(ctx context.Context, e driver.Entry) error {
	d := v.db.driver
	r := replayed{Entry: e, doc: doc.New(v.typ, ID{}, nowhere{}, doc.Options{KeyBound: v.db.opts.tuning.keyBound})}
	span := driver.Range{To: e.Seq}
	if e.Life == driver.Purged {
		span.From = e.Seq
	} else if err := v.checkpoints(ctx, &r); err != nil {
		return err
	}
	next := max(span.From, 1)
	for c, err := range d.Log(ctx, v.table.Table, e.ID, span) {
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, ErrClosed) {
				return err
			}
			return v.found(e.ID, next, "it cannot be read: %v", err)
		}
		if c.Kind == driver.KindPurge && e.Life != driver.Purged {
			return nil // just now
		}
		if next == 1 && c.Seq > 1 && d.Limits().Forgets {
			if err := v.remember(ctx, &r, &c); err != nil {
				return err
			}
			next = c.Seq
		}
		if c.Seq != next {
			if err := v.found(e.ID, next, "it is missing; the next is %d", c.Seq); err != nil {
				return err
			}
			next, r.doc = c.Seq, nil
		}
		if err := v.commit(ctx, &r, &c); err != nil {
			return err
		}
		next++
		v.at.Commits++
	}
	switch {
	case next != e.Seq+1:
		if isGone(missing(ctx, d, driver.Doc{Table: v.table.Table, ID: e.ID})) && e.Life != driver.Purged {
			return nil // just now
		}
		return v.found(e.ID, next, "it is missing; the newest is %d", e.Seq)
	case e.Life == driver.Purged:
		return v.hidden(ctx, &r)
	}
	if err := v.forgotten(ctx, &r); err != nil {
		return err
	}
	if err := v.standing(&r); err != nil {
		return err
	}
	if e.Life != driver.Alive {
		return v.hidden(ctx, &r)
	}
	return v.findable(ctx, &r)
}

// checkpoints notes which there are.
func (v *verifier) checkpoints(ctx context.Context, r *replayed) error {
	for at := r.Seq; r.Life != driver.Unborn && at > 0; {
		state, err := v.db.driver.Load(ctx, v.table.Table, r.ID, at)
		switch {
		case isDropped(err):
			return nil // the log tells
		case err != nil && (ctx.Err() != nil || errors.Is(err, ErrClosed)):
			return err
		case err != nil:
			return v.found(r.ID, at, "it cannot be loaded: %v", err)
		case state.CheckpointSeq == 0:
			return nil
		case state.CheckpointSeq > at:
			return v.found(r.ID, at, "it is loaded from a checkpoint of %d", state.CheckpointSeq)
		}
		r.checkpoints = append(r.checkpoints, state.CheckpointSeq)
		at = state.CheckpointSeq - 1
	}
	return nil
}

// isDropped tells whether an error says that a store has let something go that it
// had before.
func isDropped(err error) bool { return isGone(err) || errors.Is(err, ErrForgotten) }

// commit verifies a version and what it leads to.
func (v *verifier) commit(ctx context.Context, r *replayed, c *driver.Commit) error {
	if c.Kind == driver.KindPurge {
		return nil
	}
	if c.Table != v.table.Table || c.ID != r.ID {
		return v.found(r.ID, c.Seq, "the store has a version of %s/%v in its place", c.Table, c.ID)
	}
	if err := c.Check(v.table); err != nil {
		if err := v.found(r.ID, c.Seq, "it is not well formed: %v", err); err != nil {
			return err
		}
	}
	if err := r.now.Judge(c, func(driver.Term) (ID, bool) { return ID{}, false }); err != nil && r.doc != nil {
		if err := v.found(r.ID, c.Seq, "it cannot follow the version before: %v", err); err != nil {
			return err
		}
	}
	r.now = r.now.After(c)
	if c.Section != nil {
		r.section = c.Section
	}
	if lost(c) {
		r.doc, r.lost = nil, true
	}
	if r.lost {
		return v.goOn(ctx, r, c.Seq)
	}
	if r.doc == nil {
		return nil
	}
	if err := r.doc.Replay(c.Seq, c.Body); err != nil {
		r.doc = nil
		return v.found(r.ID, c.Seq, "it cannot be replayed: %v", err)
	}
	if err := v.section(r, c.Seq); err != nil {
		return err
	}
	if n := len(r.checkpoints); n > 0 && r.checkpoints[n-1] <= c.Seq {
		r.checkpoints = r.checkpoints[:n-1]
		return v.checkpoint(ctx, r, c.Seq)
	}
	return nil
}

// section compares the query section with what the changes lead to.
func (v *verifier) section(r *replayed, seq uint64) error {
	if r.section == nil || r.doc == nil {
		return nil
	}
	if path, differs := r.doc.DiffersFrom(r.section); differs {
		return v.found(r.ID, seq, "its query section is not what its changes lead to, at %q%s", path, v.untyped())
	}
	return nil
}

// lost tells whether a version stands in place of one that is lost: a document
// that the fs driver's Salvage has kept by a checkpoint has such versions.
func lost(c *driver.Commit) bool {
	return c.Because == "lost" && c.By == "" && (c.Kind == driver.KindVoid || c.Kind == driver.KindChange && string(c.Body) == "\x90")
}

// goOn takes a document of which versions are lost from its checkpoint, if it has
// one of this version.
func (v *verifier) goOn(ctx context.Context, r *replayed, seq uint64) error {
	for n := len(r.checkpoints); n > 0 && r.checkpoints[n-1] <= seq; n-- {
		r.checkpoints = r.checkpoints[:n-1]
	}
	state, err := v.db.driver.Load(ctx, v.table.Table, r.ID, seq)
	if err != nil || state.CheckpointSeq != seq {
		if err == nil || isDropped(err) {
			return nil // there is none, or it was dropped meanwhile
		}
		return err
	}
	d := doc.New(v.typ, ID{}, nowhere{}, doc.Options{KeyBound: v.db.opts.tuning.keyBound})
	if err := d.Load(seq, state.Checkpoint); errors.Is(err, doc.ErrApart) {
		return nil
	} else if err != nil {
		return v.found(r.ID, seq, "its checkpoint cannot be read: %v", err)
	}
	d.Loaded()
	r.doc, r.lost = d, false
	return nil
}

// remember takes a document of which the store was told to forget what comes
// before c from the checkpoint that stands in for that.
func (v *verifier) remember(ctx context.Context, r *replayed, c *driver.Commit) error {
	r.now = driver.Standing{Seq: c.Seq - 1, Life: driver.Alive, Held: c.Held}
	if c.Kind == driver.KindRestore {
		r.now.Life = driver.Deleted
	}
	if err := v.goOn(ctx, r, c.Seq-1); err != nil || r.doc != nil {
		return err
	}
	if now, err := oldest(ctx, v.db.driver, driver.Doc{Table: v.table.Table, ID: r.ID}); err != nil || now != c.Seq {
		return err // by now it has forgotten more
	}
	return v.found(r.ID, c.Seq-1, "the store keeps nothing older, and has no checkpoint of it")
}

// forgotten takes the query section of a document from its head where the store was
// told to forget the version that set it.
func (v *verifier) forgotten(ctx context.Context, r *replayed) error {
	if r.section != nil || r.Life != driver.Alive {
		return nil
	}
	head, err := v.db.driver.Head(ctx, v.table.Table, r.ID)
	if err != nil || head.Seq != r.Seq {
		return nil // it was changed meanwhile
	}
	r.section = head.Section
	return v.section(r, r.Seq)
}

// untyped is what a difference may be in a table that is read without its type:
// the store does not say which fields have been renamed.
func (v *verifier) untyped() string {
	if v.typ != doc.Untyped {
		return ""
	}
	return "; the table was read without its type: if fields were renamed or given other types, this may be right, verify it in a program that uses the table"
}

// checkpoint compares one with what was replayed.
func (v *verifier) checkpoint(ctx context.Context, r *replayed, seq uint64) error {
	state, err := v.db.driver.Load(ctx, v.table.Table, r.ID, seq)
	if err != nil || state.CheckpointSeq != seq {
		if err == nil || isDropped(err) {
			return nil // it was dropped meanwhile
		}
		return err
	}
	path, differs, err := r.doc.Differs(state.Checkpoint)
	switch {
	case errors.Is(err, doc.ErrApart):
		return nil // of another program, whose log this one reads in its own way
	case err != nil:
		return v.found(r.ID, seq, "its checkpoint cannot be read: %v", err)
	case differs:
		return v.found(r.ID, seq, "its checkpoint is not what its versions lead to, at %q%s", path, v.untyped())
	}
	return nil
}

// standing compares what the store says of a document with what its log says.
func (v *verifier) standing(r *replayed) error {
	if r.now.Life != r.Life {
		if err := v.found(r.ID, r.Seq, "the store has it as %s, its versions lead to %s", lifeNames[r.Life], lifeNames[r.now.Life]); err != nil {
			return err
		}
	}
	if !slices.Equal(r.now.Held, r.Held) {
		if err := v.found(r.ID, r.Seq, "the store has other unique values for it than its newest version"); err != nil {
			return err
		}
	}
	if r.Life != driver.Alive || r.section == nil {
		return nil
	}
	section, err := driver.DecodeValue(r.section)
	if err != nil {
		return nil // that was found
	}
	if taken, freed := driver.Taken(driver.Held(section, v.table.Unique), r.Held); len(taken) > 0 || len(freed) > 0 {
		return v.found(r.ID, r.Seq, "the unique values that it holds are not those of its query section")
	}
	return nil
}

// hidden verifies that no query finds a document.
func (v *verifier) hidden(ctx context.Context, r *replayed) error {
	h, ok, err := v.ask(ctx, r.ID, nil)
	if err == nil && ok && h.Seq <= r.Seq {
		err = v.found(r.ID, r.Seq, "queries find it, and it is %s", lifeNames[r.Life])
	}
	return err
}

// ask runs a query that can only find one document.
func (v *verifier) ask(ctx context.Context, id ID, terms []driver.Term) (h driver.Head, ok bool, err error) {
	q := driver.Query{Terms: terms, After: id, Limit: 1}
	for i := len(q.After) - 1; i >= 0; i-- { // the id before
		if q.After[i]--; q.After[i] != 0xff {
			break
		}
	}
	for h, err := range v.db.driver.Find(ctx, v.table.Table, q) {
		return h, err == nil && h.ID == id, err
	}
	return h, false, nil
}

// findable verifies that a document is found by everything that it can be found
// by, and that nobody else holds its unique values.
func (v *verifier) findable(ctx context.Context, r *replayed) error {
	section, err := driver.DecodeValue(r.section)
	if err != nil {
		return nil // that was found
	}
	terms := driver.Terms(section)
	h, ok, err := v.ask(ctx, r.ID, terms)
	if err != nil {
		return err
	}
	if !ok {
		return v.unfound(ctx, r, terms)
	}
	if h.Seq == r.Seq && string(h.Section) != string(r.section) {
		if err := v.found(r.ID, r.Seq, "queries give another query section than its newest version has"); err != nil {
			return err
		}
	}
	for _, term := range r.Held {
		for h, err := range v.db.driver.Find(ctx, v.table.Table, driver.Query{Terms: []driver.Term{term}}) {
			if err == nil && h.ID != r.ID && slices.Contains(h.Held, term) {
				err = v.contested(ctx, r, term, h.ID)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// contested says that another document has a unique value of this one, unless this
// one has let it go meanwhile.
func (v *verifier) contested(ctx context.Context, r *replayed, term driver.Term, other ID) error {
	now, err := standing(ctx, v.db.driver, driver.Doc{Table: v.table.Table, ID: r.ID})
	if err != nil || now.Seq != r.Seq {
		return err
	}
	return v.found(r.ID, r.Seq, "its value of the unique field %s is held by %v too", term.Path(), other)
}

// unfound says by what a document is not found.
func (v *verifier) unfound(ctx context.Context, r *replayed, terms []driver.Term) error {
	now, err := standing(ctx, v.db.driver, driver.Doc{Table: v.table.Table, ID: r.ID})
	if err != nil || now.Seq != r.Seq {
		return err // it was changed meanwhile
	}
	if _, ok, err := v.ask(ctx, r.ID, nil); err != nil || !ok {
		if err == nil {
			err = v.found(r.ID, r.Seq, "no query finds it")
		}
		return err
	}
	for _, term := range terms {
		_, ok, err := v.ask(ctx, r.ID, []driver.Term{term})
		if err == nil && !ok {
			err = v.found(r.ID, r.Seq, "no query by %s finds it", term.Path())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
