package destam

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestForget looks back in a store that was told to keep less than all history:
// what it has is as it was, what it dropped is called by its name, and nothing
// says that anything is damaged.
func TestForget(t *testing.T) {
	store := memory.Open(&memory.Options{History: 5, Shared: true})
	opts := &Options{Window: time.Hour}
	opts.tuning.checkpoint = 32
	b := open(t, store.Share(), opts)
	slug := "it"
	o := b.create(Card{Title: "0", Query: CardQuery{Owner: "ann", Slug: &slug}})
	id := o.ID()
	want := map[uint64]Card{1: o.Snapshot()}
	for i := range 200 {
		if err := o.Update(func(o *OCard) error { o.SetCount(i + 1); return nil }, By("bob")); err != nil {
			t.Fatal(err)
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		want[o.Version()] = o.Snapshot()
		b.quiet(o)
	}
	var kept []uint64
	for _, v := range all(t, o.History(ctx)) {
		kept = append(kept, v.Number)
		if len(v.Deltas) != 1 || v.Deltas[0].Op() != Modify || v.By != "bob" {
			t.Errorf("version %d: %v by %q", v.Number, v.Deltas, v.By)
		}
	}
	if len(kept) < 5 || len(kept) > 100 || kept[len(kept)-1] != 201 {
		t.Fatalf("it keeps %d", kept)
	}
	first := kept[0]
	backwards := all(t, o.History(ctx, Backwards()))
	if n := len(backwards); n != len(kept) || backwards[n-1].Number != first {
		t.Errorf("backwards it has %d versions", n)
	}
	if vs := all(t, o.History(ctx, Versions(1, first-1))); len(vs) > 0 {
		t.Errorf("of what it dropped it has %d versions", len(vs))
	}
	for at := first - 1; at <= 201; at++ {
		if got := must(b.cards.At(ctx, id, at))(t); !cmp.Equal(got, want[at], ignoreTable) {
			t.Errorf("as of %d: %s", at, cmp.Diff(want[at], got, ignoreTable))
		}
	}
	who := must(Blame(ctx, b.cards, id))(t)
	for _, w := range who {
		if count := w.Path.String() == "count"; count != (w.Version == 201) || count != (w.By == "bob") || !count && w.Version != 0 {
			t.Errorf("blame says %+v", w)
		}
	}
	for name, call := range map[string]func() error{
		"At":     func() error { _, err := b.cards.At(ctx, id, first-2); return err },
		"AtTime": func() error { _, _, err := AtTime(ctx, b.cards, id, time.Now().Add(-time.Hour)); return err },
		"Diff":   func() error { _, err := Diff(ctx, b.cards, id, 1, 201); return err },
		"Revert": func() error { return o.Revert(ctx, 1) },
		"Undo":   func() error { return o.Undo(ctx, 2) },
		"Export": func() error { _, err := Export(ctx, b.cards, io.Discard, &ExportOptions{History: true}); return err },
		"Copy":   func() error { _, err := Copy(ctx, store, memory.Open(nil), nil); return err },
	} {
		if err := call(); !errors.Is(err, ErrForgotten) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s gave %v", name, err)
		}
	}
	if _, err := Export(ctx, b.cards, io.Discard, nil); err != nil {
		t.Errorf("without history: %v", err)
	}
	for _, change := range []func() error{
		func() error { return nil },
		func() error { return o.Undo(ctx, 201) },
		func() error { return o.Revert(ctx, all(t, o.History(ctx))[0].Number) },
		func() error { return o.Delete(ctx) },
		func() error { _, err := b.cards.Restore(ctx, id); return err },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := b.DB.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		b.quiet(o) // or a checkpoint makes it forget what is looked at
		if found := findings(t, b.DB); len(found) > 0 {
			t.Errorf("Verify found %v", found)
		}
	}
}

// TestForgetImported imports a history again into a store that has forgotten its
// beginning: what is there is the same as far as anybody knows.
func TestForgetImported(t *testing.T) {
	from := open(t, memory.Open(nil), &Options{Window: time.Hour})
	o := from.create(Card{Title: "a"})
	for i := range 100 {
		if err := o.Update(func(o *OCard) error { o.SetCount(i + 1); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	must(Export(ctx, from.cards, &text, &ExportOptions{History: true}))(t)
	opts := &Options{Window: time.Hour}
	opts.tuning.checkpoint = 32
	to := open(t, memory.Open(&memory.Options{History: 5}), opts)
	for range 2 {
		at := must(Import(ctx, to.cards, bytes.NewReader(text.Bytes()), nil))(t)
		if at.Documents != 1 {
			t.Errorf("%+v", at)
		}
		again := must(to.cards.Get(ctx, o.ID()))(t)
		for range 40 {
			again.SetCount(again.Count() + 1)
			if err := again.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			to.quiet(again)
		}
	}
	if vs := all(t, History(ctx, to.cards, o.ID())); len(vs) > 100 {
		t.Errorf("it has %d versions", len(vs))
	}
}

// TestForgetMost looks back where one version is kept, and has a checkpoint found
// that cannot stand in for the others.
func TestForgetMost(t *testing.T) {
	store := memory.Open(&memory.Options{History: 1, Shared: true})
	b := open(t, store.Share(), &Options{Window: time.Hour})
	o := b.create(Card{Title: "a"})
	for _, title := range []string{"b", "c"} {
		o.SetTitle(title)
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		seq, content, ok := o.o.Node().Document().Checkpoint()
		if !ok {
			t.Fatal("something is pending")
		}
		if err := store.Checkpoint(ctx, "cards", o.ID(), seq, content); err != nil {
			t.Fatal(err)
		}
	}
	if vs := all(t, o.History(ctx)); len(vs) != 1 || vs[0].Number != 3 {
		t.Errorf("it has %v", vs)
	}
	if found := findings(t, b.DB); len(found) > 0 {
		t.Errorf("Verify found %v", found)
	}
	w := &warped{Driver: store, state: func(s *driver.State) { s.Checkpoint = s.Checkpoint[:min(1, len(s.Checkpoint))] }}
	v := verifier{db: &DB{driver: w, opts: b.opts}, typ: b.cards.t.typ, table: driver.Schema{Table: "cards", Revision: 1}}
	var found []string
	v.yield = func(f Finding, err error) bool { found = append(found, f.String()); return true }
	if err := v.documents(ctx); err != nil || len(found) == 0 {
		t.Errorf("of a damaged checkpoint it says %v, %v", found, err)
	}
}
