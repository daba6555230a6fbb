package destam

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/cache"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// Table is the documents of one type in a database: O is their handle, P the
// plain struct, Q its query section. Generated code gives one by name; there
// is one for each database, and it may be kept.
//
// Results come in order of creation. Queries see what this process has changed
// at once, stored or not.
type Table[O, P, Q any] struct {
	t table

	// Nothing but types, which TableOf reads: those of functions or arrays of
	// them would be described in every package that has tables.
	_ O
	_ *P
	_ *Q
}

// Hit is a document that a query found: its id and a copy of its query
// section, read without the rest of the document.
type Hit[Q any] struct {
	ID    ID
	Query Q
}

// TableOf gives a table by its type, a pointer to a Table, of which t is a nil
// one; what it gives points to the same type. It is for generated code.
//
//go:noinline
func TableOf(db *DB, t any) unsafe.Pointer {
	of := reflect.TypeOf(t).Elem()
	return unsafe.Pointer(db.table(of.Field(1).Type, of.Field(2).Type.Elem(), of.Field(3).Type.Elem()))
}

// Create makes a new document with the content of v. When it returns, the
// store has accepted it; Flush makes it durable. A unique value that another
// document has is [ErrTaken].
//
//go:noinline
func (t *Table[O, P, Q]) Create(ctx context.Context, v P) (O, error) {
	return result[O](t.t.creates(ctx, unsafe.Pointer(&v)))
}

// Get gives the document with an id, [ErrNotFound] when there is none or it
// is deleted. Everybody in this process gets the same one.
//
//go:noinline
func (t *Table[O, P, Q]) Get(ctx context.Context, id ID) (O, error) {
	return result[O](t.t.gets(ctx, "get", id))
}

// Find gives the first document for which all predicates hold, [ErrNotFound]
// when there is none.
//
//go:noinline
func (t *Table[O, P, Q]) Find(ctx context.Context, where ...Predicate[O]) (O, error) {
	return result[O](t.t.finds(ctx, predicates(unsafe.Pointer(&where))))
}

// Reuse gives the first document for which all predicates hold, and creates it
// when there is none, with a query section that they describe: Is sets, Has
// gives one element, Any leads to one. What cannot hold together is an error.
// Exactly one is created within a process, whoever asks; between processes
// when a unique field is among the predicates.
//
//go:noinline
func (t *Table[O, P, Q]) Reuse(ctx context.Context, where ...Predicate[O]) (O, error) {
	return result[O](t.t.reuses(ctx, predicates(unsafe.Pointer(&where))))
}

// Query gives the first hit, [ErrNotFound] when there is none.
//
//go:noinline
func (t *Table[O, P, Q]) Query(ctx context.Context, where ...Predicate[O]) (h Hit[Q], err error) {
	err = t.t.queries(ctx, predicates(unsafe.Pointer(&where)), &h.ID, unsafe.Pointer(&h.Query))
	return h, err
}

// QueryAll yields all hits; an error is the last pair. It reads as it goes, so
// a break costs nothing, and it is no snapshot: what is changed meanwhile may
// be in it or not.
//
//go:noinline
func (t *Table[O, P, Q]) QueryAll(ctx context.Context, where ...Predicate[O]) iter.Seq2[Hit[Q], error] {
	return hitsOf[Q](ctx, &t.t, predicates(unsafe.Pointer(&where)))
}

// hitsOf has the closures of QueryAll, so that a table has none of its own.
//
//go:noinline
func hitsOf[Q any](ctx context.Context, t *table, where []*predicate) iter.Seq2[Hit[Q], error] {
	return func(yield func(Hit[Q], error) bool) {
		var h, zero Hit[Q]
		t.yields(ctx, where, &h.ID, unsafe.Pointer(&h.Query), func(err error) bool {
			next := h
			h = zero
			return yield(next, err)
		})
	}
}

// Instance gives the document of a hit.
//
//go:noinline
func (t *Table[O, P, Q]) Instance(ctx context.Context, hit Hit[Q]) (O, error) {
	return result[O](t.t.gets(ctx, "instance", hit.ID))
}

// Flush returns when everything of a document is durable. It gives, once,
// the errors of what was taken back. A document that nobody has in memory has
// nothing to store.
//
//go:noinline
func (t *Table[O, P, Q]) Flush(ctx context.Context, id ID) error { return t.t.flushes(ctx, id) }

// Delete stores what is pending of a document, then its deletion, and returns
// when that is durable: no query finds it any more, and its unique values are
// free. Its history stays. Deleting twice is no error.
//
//go:noinline
func (t *Table[O, P, Q]) Delete(ctx context.Context, id ID, opts ...CommitOption) error {
	return t.t.deletes(ctx, id, opts)
}

// After limits a query to the documents that come after an id.
//
//go:noinline
func (t *Table[O, P, Q]) After(id ID) Predicate[O] {
	return Predicate[O]{&predicate{page: true, after: id}}
}

// Limit limits a query to the first n documents.
//
//go:noinline
func (t *Table[O, P, Q]) Limit(n int) Predicate[O] { return Predicate[O]{limit(n)} }

// Count counts the documents of a table for which all predicates hold.
//
//go:noinline
func Count[O, P, Q any](ctx context.Context, t *Table[O, P, Q], where ...Predicate[O]) (int, error) {
	return t.t.counts(ctx, predicates(unsafe.Pointer(&where)))
}

func limit(n int) *predicate {
	if n <= 0 {
		return &predicate{err: fmt.Errorf("a limit of %d documents asks for none", n)}
	}
	return &predicate{page: true, limit: n}
}

// predicates takes the type from the []Predicate[O] at p: all Predicates look
// alike, a pointer. So what every table does is compiled once.
func predicates(p unsafe.Pointer) []*predicate { return *(*[]*predicate)(p) }

// result gives a handle its type.
func result[O any](h unsafe.Pointer, err error) (O, error) { return *(*O)(unsafe.Pointer(&h)), err }

// table is a Table of any type.
type table struct {
	db    *DB
	name  string
	typ   *doc.Type
	plain reflect.Type

	section   *doc.Type           // of the query section; nil without one
	field     reflect.StructField // of the plain struct that has it
	fieldName string
	unique    []string // ascending
	validates bool     // the plain struct has a Validate method

	cache   cache.Cache[ID, live]
	loading loading
	overlay overlay
	claims  claims
	gaps    gaps
	lives   lives
	hooks   hooks

	declare  chan struct{}         // held by whoever declares the table
	declared atomic.Pointer[error] // what that came to, for ever; nil before
	reusing  chan struct{}         // held by whoever creates for Reuse
}

// spread mixes the parts of an id that differ: its time, its counter, and what
// tells processes apart.
func spread(id ID) uint64 {
	return (binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])) * 0x9e3779b97f4a7c15
}

// newTable makes the table of a handle, a plain struct and its query section.
// Generated code always has three that belong together.
func newTable(db *DB, handle, plain, query reflect.Type) *table {
	t := &new(Table[unsafe.Pointer, struct{}, struct{}]).t // as large as any Table
	t.db, t.plain = db, plain
	t.declare, t.reusing = make(chan struct{}, 1), make(chan struct{}, 1)
	t.lives.table, t.validates = t, validates(plain)
	t.cache.Spread = spread
	t.typ = doc.TypeOf(handle.Elem(), plain)
	if t.name = t.typ.Table; t.name == "" {
		panic(fmt.Sprintf("destam: %s is no document: it has no table", plain))
	}
	t.unique = slices.Sorted(slices.Values(t.typ.Unique()))
	f, ok := t.typ.Query()
	if !ok {
		return t
	}
	t.section, t.fieldName = t.typ.Nested(f), t.typ.Fields[f].Name
	if t.section.Plain() != query {
		panic(fmt.Sprintf("destam: the query section of %s is %s, not %s", plain, t.section.Plain(), query))
	}
	for i := range plain.NumField() {
		name, _, _ := strings.Cut(plain.Field(i).Tag.Get("destam"), ",")
		if name == t.fieldName && plain.Field(i).Type == query {
			t.field = plain.Field(i)
		}
	}
	return t
}

// ready declares the table at its first use, and says why it cannot be used.
func (t *table) ready(ctx context.Context) error {
	if err := t.db.usable(ctx); err != nil {
		return err
	}
	if err := t.declared.Load(); err != nil {
		return *err
	}
	select {
	case t.declare <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.declare }()
	if err := t.declared.Load(); err != nil {
		return *err
	}
	err := t.db.claim(t)
	final := err != nil
	if err == nil {
		err = t.db.driver.Declare(ctx, driver.Schema{Table: t.name, Unique: t.unique, Revision: revision})
		var (
			schema *driver.SchemaError
			limit  *driver.LimitError
		)
		// Other errors may pass: of ctx, of the disk.
		final = err == nil || errors.As(err, &schema) || errors.As(err, &limit)
	}
	if final {
		t.declared.Store(&err)
	}
	return err
}

// err gives an error its place, once.
func (t *table) err(op string, id ID, err error) error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		placed := *e
		placed.Op = op
		return &placed
	}
	return &Error{Op: op, Table: t.name, ID: id, Err: err}
}

// path gives a path of the stored query section as one of the document, by the
// names in the tags and without the elements of arrays, as doc.Path.Fields has it.
func (t *table) path(section string) string {
	names, err := driver.SplitPath(section)
	if err != nil { // nothing that a section has
		return t.fieldName
	}
	names = slices.DeleteFunc(t.section.Shown(names), func(name string) bool { return name == driver.Each })
	return strings.Join(append([]string{t.fieldName}, names...), ".")
}

// refusal gives the cause of a refused commit as users know it.
func (t *table) refusal(op string, id ID, err error) *Error {
	e := &Error{Op: op, Table: t.name, ID: id, Err: err}
	var (
		dup   *driver.DuplicateError
		value *driver.ValueError
	)
	switch {
	case errors.As(err, &dup):
		e.Path = t.path(dup.Term.Path())
		e.Err = &takenError{path: e.Path, empty: t.zero(dup.Term), dup: dup}
	case errors.As(err, &value):
		e.Path = t.path(value.Path)
		e.Err = &sectionError{path: e.Path, err: errors.New(value.Why)}
	}
	return e
}

// decode decodes a hit's section into the plain struct at p.
func (t *table) decode(h hit, p unsafe.Pointer) error {
	if t.section == nil {
		return nil
	}
	if err := doc.ReadSection(t.section, h.section, p); err != nil {
		return &Error{Op: "query", Table: t.name, ID: h.id, Err: fmt.Errorf("%w: %w", ErrCorrupt, err)}
	}
	return nil
}

func (t *table) gets(ctx context.Context, op string, id ID) (unsafe.Pointer, error) {
	err := t.ready(ctx)
	var l *live
	if err == nil {
		l, err = t.get(ctx, id)
	}
	if errors.Is(err, ErrDeleted) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, t.err(op, id, err)
	}
	return l.handle(), nil
}

func (t *table) finds(ctx context.Context, where []*predicate) (unsafe.Pointer, error) {
	l, err := t.first(ctx, where)
	if err != nil {
		return nil, t.err("find", ID{}, err)
	}
	return l.handle(), nil
}

func (t *table) queries(ctx context.Context, where []*predicate, id *ID, q unsafe.Pointer) error {
	found, err := t.one(ctx, where)
	if err == nil && found.id.IsZero() {
		err = ErrNotFound
	}
	if err == nil {
		*id = found.id
		err = t.decode(found, q)
	}
	return t.err("query", ID{}, err)
}

func (t *table) yields(ctx context.Context, where []*predicate, id *ID, q unsafe.Pointer, yield func(error) bool) {
	for h, err := range t.hits(ctx, where, false) {
		*id = h.id
		if err == nil {
			err = t.decode(h, q)
		}
		if !yield(t.err("query", ID{}, err)) || err != nil {
			return
		}
	}
}

func (t *table) counts(ctx context.Context, where []*predicate) (int, error) {
	n, err := t.count(ctx, where)
	return n, t.err("count", ID{}, err)
}

func (t *table) flushes(ctx context.Context, id ID) error {
	err := t.ready(ctx)
	if err != nil {
		return t.err("flush", id, err)
	}
	if l := t.cache.Peek(id); l != nil {
		return l.flush(ctx)
	}
	ref := driver.Doc{Table: t.name, ID: id}
	err = t.db.sync(ctx, ref)
	return joined(append(t.db.failures.take(ref), t.err("flush", id, err))...)
}

func (t *table) deletes(ctx context.Context, id ID, opts []CommitOption) error {
	c, err := cause(opts)
	if err == nil {
		err = t.ready(ctx)
	}
	var l *live
	if err == nil {
		l, err = t.get(ctx, id)
	}
	switch {
	case errors.Is(err, ErrDeleted):
		err = t.db.sync(ctx, driver.Doc{Table: t.name, ID: id})
	case err == nil:
		return l.delete(ctx, c)
	}
	return t.err("delete", id, err)
}
