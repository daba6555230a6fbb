package destam

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestNilContext forgets the context in every call that takes one. The error
// says so, nothing panics where something is locked, and the database goes on.
func TestNilContext(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		var none context.Context
		b := open(t, d, nil)
		o := b.create(Card{Title: "a"})
		id, u := o.ID(), NewUndo(o, nil)
		defer u.Stop()
		o.SetTitle("b")
		for name, call := range map[string]func() error{
			"Open":     func() error { _, err := Open(none, d, nil); return err },
			"Create":   func() error { _, err := b.cards.Create(none, Card{}); return err },
			"Get":      func() error { _, err := b.cards.Get(none, id); return err },
			"Find":     func() error { _, err := b.cards.Find(none); return err },
			"Reuse":    func() error { _, err := b.cards.Reuse(none); return err },
			"Query":    func() error { _, err := b.cards.Query(none); return err },
			"QueryAll": func() error { return last(b.cards.QueryAll(none)) },
			"Instance": func() error { _, err := b.cards.Instance(none, Hit[CardQuery]{ID: id}); return err },
			"Live":     func() error { _, err := b.cards.Live(none); return err },
			"Transact": func() error { return b.cards.Transact(none, id, func(*OCard) error { return nil }) },
			"At":       func() error { _, err := b.cards.At(none, id, 1); return err },
			"AtTime":   func() error { _, _, err := AtTime(none, b.cards, id, time.Now()); return err },
			"Diff":     func() error { _, err := Diff(none, b.cards, id, 1, 1); return err },
			"Blame":    func() error { _, err := Blame(none, b.cards, id); return err },
			"History":  func() error { return last(o.History(none)) },
			"Patches":  func() error { return last(Patches(none, b.cards, id)) },
			"Count":    func() error { _, err := Count(none, b.cards); return err },
			"Flush":    func() error { return o.Flush(none) },
			"of table": func() error { return b.cards.Flush(none, id) },
			"of all":   func() error { return b.DB.Flush(none) },
			"Delete":   func() error { return o.Delete(none) },
			"by id":    func() error { return b.cards.Delete(none, id) },
			"Restore":  func() error { _, err := b.cards.Restore(none, id); return err },
			"Purge":    func() error { return b.cards.Purge(none, id) },
			"Revert":   func() error { return o.Revert(none, 1) },
			"Undo":     func() error { return o.Undo(none, 1) },
			"Export":   func() error { _, err := Export(none, b.cards, io.Discard, nil); return err },
			"Import":   func() error { _, err := Import(none, b.cards, &bytes.Buffer{}, nil); return err },
			"Copy":     func() error { _, err := Copy(none, d, d, nil); return err },
			"Verify":   func() error { return last(Verify(none, b.DB, nil)) },
			"Load":     func() error { _, err := RefTo(o).Load(none, b.cards); return err },
			"Close":    func() error { return b.DB.Close(none) },
		} {
			if err := call(); !errors.Is(err, errNoContext) {
				t.Errorf("%s gave %v", name, err)
			}
		}
		for name, call := range map[string]func(){
			"Settle":  func() { _ = Settle(none, o) },
			"Changes": func() { _ = last(o.Changes(none)) },
			"a step":  func() { _, _, _ = u.Undo(none) },
		} {
			if said := panics(call); said != "<nil>" && !strings.Contains(said, "nil pointer") {
				t.Errorf("%s panicked with %q", name, said)
			}
		}
		o.SetTitle("c")
		if err := o.Flush(ctx); err != nil || o.Title() != "c" {
			t.Errorf("afterwards: %v, %q", err, o.Title())
		}
	})
}

// last gives the error that a sequence ends with.
func last[T any](seq iter.Seq2[T, error]) (err error) {
	for _, err = range seq {
	}
	return err
}

// TestOptionsRefused opens with what no database can work with.
func TestOptionsRefused(t *testing.T) {
	for name, opts := range map[string]*Options{
		"Window": {Window: -1}, "SyncEvery": {SyncEvery: -1}, "MaxPending": {MaxPending: -1}, "MaxWait": {MaxWait: -1}, "Backlog": {Backlog: -1},
	} {
		d := memory.Open(nil)
		if db, err := Open(ctx, d, opts); db != nil || err == nil || !strings.Contains(err.Error(), "the option "+name+" is less than zero") {
			t.Errorf("%s: %v", name, err)
		}
		db := must(Open(ctx, d, nil))(t) // it belongs to nobody
		if err := db.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	b := open(t, memory.Open(nil), nil)
	if _, err := Import(ctx, b.cards, &bytes.Buffer{}, &ImportOptions{Existing: ReplaceExisting + 1}); !errors.Is(err, errExisting) {
		t.Errorf("Existing: %v", err)
	}
}

// TestNilDriver opens and copies what an error was dropped of.
func TestNilDriver(t *testing.T) {
	if db, err := Open(ctx, nil, nil); db != nil || !errors.Is(err, errNoDriver) {
		t.Errorf("opened %v, %v", db, err)
	}
	d := memory.Open(nil)
	for _, ends := range [][2]driver.Driver{{nil, d}, {d, nil}} {
		if _, err := Copy(ctx, ends[0], ends[1], nil); !errors.Is(err, errNoDriver) {
			t.Errorf("copied: %v", err)
		}
	}
}
