package destam

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

func equalCards(t *testing.T, what string, a, b *OCard) {
	t.Helper()
	if diff := cmp.Diff(a.Snapshot(), b.Snapshot(), same, cmp.FilterPath(blank, cmp.Ignore())); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// TestReplica keeps a copy of a document in another database by digests, and
// sends back what is done there.
func TestReplica(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		here, there := open(t, d, &Options{Window: time.Hour}), open(t, memory.Open(nil), &Options{Window: time.Hour})
		a := here.create(sample())
		a.SetTitle("not stored yet")
		out, first, err := NewDigest(a)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Stop()
		b := must(Adopt(ctx, there.cards, first))(t)
		if b.ID() != a.ID() || b.Version() != 1 {
			t.Errorf("adopted as %s, version %d", b.ID(), b.Version())
		}
		equalCards(t, "adopted", a, b)
		if out.Flush() != nil {
			t.Error("nothing has changed")
		}
		back, err := Answer(b, first)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Stop()
		var heard []*Commit
		defer b.Watch(func(c *Commit) { heard = append(heard, c) })()

		a.SetTitle("one")
		a.SetTitle("two")
		a.Lines().Append(Line{Text: "new", Sub: []Line{{Text: "in it"}}})
		a.Query().SetOwner("bob")
		line := b.Lines().At(0)
		if err := back.Apply(out.Flush(), By("ann")); err != nil {
			t.Fatal(err)
		}
		equalCards(t, "applied", a, b)
		if len(heard) != 1 || heard[0].Origin != Remote || heard[0].By != "ann" || len(heard[0].Deltas) != 3 {
			t.Errorf("heard %+v", heard)
		}
		if b.Lines().At(0) != line || back.Flush() != nil {
			t.Error("an object was made anew, or there is an echo")
		}
		if got := there.ids(CardWhere.Owner().Is("bob")); len(got) != 1 {
			t.Errorf("found %v", got)
		}

		b.Lines().At(1).Sub().At(0)
		b.SetCount(5)
		b.Lines().Move(1, 0)
		if err := out.Apply(back.Flush()); err != nil {
			t.Fatal(err)
		}
		equalCards(t, "applied back", a, b)
		if out.Flush() != nil {
			t.Error("there is an echo")
		}
		if err := errors.Join(a.Flush(ctx), b.Flush(ctx)); err != nil {
			t.Fatal(err)
		}
		if b.Version() < 2 {
			t.Errorf("version %d", b.Version())
		}
	})
}

// TestReplicaRefuses gives a copy what is not for it: nothing changes.
func TestReplicaRefuses(t *testing.T) {
	here, there := open(t, memory.Open(nil), nil), open(t, memory.Open(nil), nil)
	a, other := here.create(sample()), here.create(Card{})
	memo := must(MemoTable(here.DB).Create(ctx, Memo{}))(t)
	out, first, _ := NewDigest(a)
	elsewhere, _, _ := NewDigest(other)
	memos, ofMemo, _ := NewDigest(memo)
	b := must(Adopt(ctx, there.cards, first))(t)
	a.SetTitle("a")
	a.Meta().Set("new", "v")
	once := out.Flush()
	if err := Apply(b, once); err != nil {
		t.Fatal(err)
	}
	other.SetTitle("other")
	memo.SetText("memo")
	for what, commit := range map[string][]byte{
		"twice": once, "of another document": elsewhere.Flush(), "of another table": memos.Flush(),
		"a copy": first, "nothing": nil, "garbage": []byte("garbage"), "cut off": once[:len(once)-3],
	} {
		var e *Error
		if err := Apply(b, commit); !errors.Is(err, ErrUnfit) || !errors.As(err, &e) || e.Op != "apply" || e.ID != b.ID() {
			t.Errorf("%s: %v", what, err)
		}
		equalCards(t, what, a, b)
	}
	for what, copy := range map[string][]byte{"twice": first, "of another table": ofMemo, "a commit": once, "nothing": nil} {
		if _, err := Adopt(ctx, there.cards, copy); !errors.Is(err, ErrUnfit) {
			t.Errorf("adopted %s: %v", what, err)
		}
	}
	copied := func() []byte {
		_, p, err := NewDigest(here.create(Card{}))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if _, err := Answer(must(Adopt(ctx, there.cards, copied()))(t), copied()); !errors.Is(err, ErrUnfit) {
		t.Errorf("answered for another document of the same content: %v", err)
	}
	if err := a.View(func(v *OCard) error {
		if err := Apply(v, once); !errors.Is(err, ErrInTransaction) {
			t.Errorf("in a transaction: %v", err)
		}
		if _, _, err := NewDigest(v); !errors.Is(err, ErrInTransaction) {
			t.Errorf("in a transaction: %v", err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestReplicaDamaged changes each byte of what travels: nothing of it is taken
// for a name or a value that this program does not know, or for another text.
func TestReplicaDamaged(t *testing.T) {
	here, there := open(t, memory.Open(nil), nil), open(t, memory.Open(nil), nil)
	a := here.create(sample())
	out, first, _ := NewDigest(a)
	flipped := func(p []byte, use func(what string, p []byte)) {
		for i := range p {
			for _, bits := range []byte{1, 0x80, 0xff} {
				p[i] ^= bits
				use(fmt.Sprintf("byte %d with %x", i, bits), p)
				p[i] ^= bits
			}
		}
	}
	flipped(first, func(what string, p []byte) {
		if _, err := Adopt(ctx, there.cards, p); !errors.Is(err, ErrUnfit) {
			t.Fatalf("adopted, %s: %v", what, err)
		}
	})
	b := must(Adopt(ctx, there.cards, first))(t)
	a.SetTitle("a")
	a.Meta().Set("new", "v")
	commit := out.Flush()
	flipped(commit, func(what string, p []byte) {
		if err := Apply(b, p); !errors.Is(err, ErrUnfit) {
			t.Fatalf("applied, %s: %v", what, err)
		}
	})
	if err := Apply(b, commit); err != nil {
		t.Fatal(err)
	}
	equalCards(t, "in the end", a, b)
}

// TestReplicaMisses gives a copy commits that would fit, but not in their order:
// one is missing, or comes twice. It is refused until the right one comes.
func TestReplicaMisses(t *testing.T) {
	here, there := open(t, memory.Open(nil), nil), open(t, memory.Open(nil), nil)
	a := here.create(sample())
	out, first, _ := NewDigest(a)
	b := must(Adopt(ctx, there.cards, first))(t)
	commit := func(title string) []byte { a.SetTitle(title); return out.Flush() }
	one, two, three := commit("1"), commit("2"), commit("3")
	for _, step := range []struct {
		commit []byte
		err    error
		title  string
	}{
		{two, ErrBehind, sample().Title}, {one, nil, "1"}, {one, ErrBehind, "1"}, {three, ErrBehind, "1"}, {two, nil, "2"}, {three, nil, "3"},
	} {
		if err := Apply(b, step.commit); !errors.Is(err, step.err) || b.Title() != step.title {
			t.Errorf("%v, and the title is %q, want %v and %q", err, b.Title(), step.err, step.title)
		}
	}
	again, _, _ := NewDigest(a) // another one counts for itself
	a.SetTitle("4")
	if err := Apply(b, again.Flush()); err != nil {
		t.Error(err)
	}
	equalCards(t, "in the end", a, b)
}

// TestReplicaTaken gives a copy a value that another document of its table has,
// which nobody has loaded: the same commit may come again when it is free.
func TestReplicaTaken(t *testing.T) {
	here, there := open(t, memory.Open(nil), nil), open(t, memory.Open(nil), nil)
	holder := there.stored(Card{Query: CardQuery{Slug: ptr("a")}})
	a := here.create(sample())
	out, first, _ := NewDigest(a)
	b := must(Adopt(ctx, there.cards, first))(t)
	if err := a.Query().SetSlug("a"); err != nil {
		t.Fatal(err)
	}
	commit := out.Flush()
	if err := Apply(b, commit); !errors.Is(err, ErrTaken) {
		t.Fatalf("applied: %v", err)
	}
	if err := there.cards.Delete(ctx, holder); err != nil {
		t.Fatal(err)
	}
	if err := Apply(b, commit); err != nil {
		t.Error(err)
	}
	equalCards(t, "in the end", a, b)
}

// TestDigestStays keeps a document in memory that somebody has a copy of.
func TestDigestStays(t *testing.T) {
	here := open(t, memory.Open(nil), nil)
	a := here.create(sample())
	id := a.ID()
	d, _, _ := NewDigest(a)
	a = nil
	runtime.GC()
	runtime.GC()
	must(here.cards.Get(ctx, id))(t).SetTitle("still the same")
	if d.Flush() == nil {
		t.Error("it was another one")
	}
	d.Stop()
}

// TestUndoSteps takes back what one author did, and stores it.
func TestUndoSteps(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(sample())
		u := NewUndo(o, &UndoOptions{Author: "ann"})
		defer u.Stop()
		change := func(by string, fn func(o *OCard)) {
			t.Helper()
			if err := o.Update(func(o *OCard) error { fn(o); return nil }, By(by)); err != nil {
				t.Fatal(err)
			}
		}
		change("ann", func(o *OCard) { o.SetTitle("ann"); o.SetCount(1) })
		change("bob", func(o *OCard) { o.SetTitle("bob") })
		change("ann", func(o *OCard) { o.Lines().Clear() })
		ok, skipped, err := u.Undo(ctx)
		if !ok || len(skipped) > 0 || err != nil || o.Lines().Len() != 1 || o.Lines().At(0).Sub().Len() != 1 {
			t.Errorf("%v, %v, %v: %+v", ok, skipped, err, o.Snapshot())
		}
		ok, skipped, err = u.Undo(ctx, Because("mistake"))
		if !ok || len(skipped) != 1 || skipped[0].Path().String() != "title" || err != nil || o.Title() != "bob" || o.Count() != -3 {
			t.Errorf("%v, %v, %v: %+v", ok, skipped, err, o.Snapshot())
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for v, err := range o.History(ctx, Backwards()) {
			if err != nil || v.By != "ann" || v.Because != "mistake" {
				t.Errorf("it is by %q because of %q, %v", v.By, v.Because, err)
			}
			break
		}
		if ok, _, _ := u.Undo(ctx); ok {
			t.Error("a step too many")
		}
		if back, again := u.Steps(); back != 0 || again != 2 {
			t.Errorf("%d and %d steps", back, again)
		}
		if ok, _, err := u.Redo(ctx); !ok || err != nil || o.Count() != 1 || o.Title() != "bob" {
			t.Errorf("redo: %v, %v: %+v", ok, err, o.Snapshot())
		}
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	})
}
