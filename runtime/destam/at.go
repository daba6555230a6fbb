package destam

import (
	"context"
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/doc"
)

// At gives a document as of a version, deleted by now or not. The live
// document is not touched.
//
//go:noinline
func (t *Table[O, P, Q]) At(ctx context.Context, id ID, version uint64) (P, error) {
	p, err := t.t.ats(ctx, id, version)
	return *(*P)(p), err
}

// ats is At for any table: it gives a plain struct, zero with an error.
func (t *table) ats(ctx context.Context, id ID, version uint64) (unsafe.Pointer, error) {
	p := reflect.New(t.plain).UnsafePointer()
	return p, t.at(ctx, id, version, p)
}

// AtTime gives a document as of a time, and the number of that version: the
// newest that was committed by then.
//
//go:noinline
func AtTime[O, P, Q any](ctx context.Context, t *Table[O, P, Q], id ID, when time.Time) (v P, version uint64, err error) {
	version, err = t.t.atTime(ctx, id, when, unsafe.Pointer(&v))
	return v, version, err
}

// Diff gives what leads from one version of a document to another, older or
// newer: the smallest commit, with objects matched by their identity. It has no
// time and no author.
//
//go:noinline
func Diff[O, P, Q any](ctx context.Context, t *Table[O, P, Q], id ID, from, to uint64) (*Commit, error) {
	return t.t.diff(ctx, id, from, to)
}

func (t *table) at(ctx context.Context, id ID, version uint64, p unsafe.Pointer) error {
	d, err := t.version(ctx, id, version)
	if err != nil {
		return t.err("at", id, err)
	}
	d.Root.Snapshot(p)
	return nil
}

// version is asOf for users: of versions that there are.
func (t *table) version(ctx context.Context, id ID, version uint64) (*doc.Document, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	if version == 0 {
		return nil, fmt.Errorf("%w: versions begin at 1", ErrNotFound)
	}
	return t.asOf(ctx, id, version)
}

func (t *table) atTime(ctx context.Context, id ID, when time.Time, p unsafe.Pointer) (uint64, error) {
	err := t.ready(ctx)
	if err == nil {
		_, err = t.db.driver.Head(ctx, t.name, id) // a purged document has none
	}
	if err != nil {
		return 0, t.err("at", id, err)
	}
	kept := uint64(0) // the oldest version whose time is known
	for c, err := range t.db.driver.Log(ctx, t.name, id, driver.Range{Backward: true}) {
		if err != nil {
			return 0, t.err("at", id, err)
		}
		kept = c.Seq
		if !c.Time.After(when) && c.Kind != driver.KindVoid {
			return c.Seq, t.at(ctx, id, c.Seq, p)
		}
	}
	if kept != 1 && t.db.driver.Limits().Forgets {
		return 0, t.err("at", id, ErrForgotten)
	}
	return 0, t.err("at", id, fmt.Errorf("%w: it was created after %s", ErrNotFound, when.Format(time.RFC3339Nano)))
}

func (t *table) diff(ctx context.Context, id ID, from, to uint64) (*Commit, error) {
	a, err := t.version(ctx, id, from)
	var b *doc.Document
	if err == nil {
		b, err = t.version(ctx, id, to)
	}
	if err != nil {
		return nil, t.err("diff", id, err)
	}
	return &Commit{Deltas: deltas(doc.Difference(a, b))}, nil
}
