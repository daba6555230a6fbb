package destam

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/driver"
)

// all gathers what an iterator yields.
func all[T any](t testing.TB, seq iter.Seq2[T, error]) (vs []T) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		vs = append(vs, v)
	}
	return vs
}

// line shows a version in one line.
func line(v Version) string {
	var ds []string
	for _, d := range v.Deltas {
		ds = append(ds, d.String())
	}
	if v.Event == Created {
		ds = []string{fmt.Sprint(len(ds) > 5)}
	}
	return fmt.Sprintf("%d %s by %s: %s", v.Number, v.Event, v.By, strings.Join(ds, "; "))
}

// book writes a history with something of everything, and tells it.
func (b *base) book() (o *OCard, want []string) {
	b.t.Helper()
	o = b.create(sample())
	want = []string{"1 created by : true"}
	step := func(by, deltas string, fn func(o *OCard)) {
		b.t.Helper()
		if err := o.Update(func(o *OCard) error { fn(o); return nil }, By(by)); err != nil {
			b.t.Fatal(err)
		}
		if err := o.Flush(ctx); err != nil {
			b.t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%d changed by %s: %s", len(want)+1, by, deltas))
	}
	step("ann", `modify title: "Milk" to "Bread"`, func(o *OCard) { o.SetTitle("Bread") })
	step("bob", `delete tags.1; modify tags.0: "x" to "z"`, func(o *OCard) {
		o.Tags().Clear()
		o.Tags().Append("z")
	})
	step("ann", `delete query.slug; modify lines.0.sub.0.text: "go" to "run"`, func(o *OCard) {
		o.Query().ClearSlug()
		o.Lines().At(0).Sub().At(0).SetText("run")
	})
	step("ann", `delete lines.0`, func(o *OCard) { o.Lines().Remove(0, 1) })
	step("bob", `insert meta.x: "1"; insert lines.0: a destam.Line`, func(o *OCard) {
		o.Meta().Set("x", "1")
		o.Lines().Append(Line{Text: "new"})
	})
	return o, want
}

func TestHistory(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o, want := b.book()
		tell := func(opts ...HistoryOption) (got []string) {
			t.Helper()
			for _, v := range all(t, o.History(ctx, opts...)) {
				got = append(got, line(v))
			}
			return got
		}
		if diff := cmp.Diff(want, tell()); diff != "" {
			t.Errorf("forwards (-want +got)\n%s", diff)
		}
		back := slices.Clone(want)
		slices.Reverse(back)
		if diff := cmp.Diff(back, tell(Backwards())); diff != "" {
			t.Errorf("backwards (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(want[2:4], tell(Versions(3, 4))); diff != "" {
			t.Errorf("versions 3 to 4 (-want +got)\n%s", diff)
		}
		if got := tell(Versions(9, 0)); got != nil {
			t.Errorf("beyond the newest: %v", got)
		}
		vs := all(t, o.History(ctx))
		if diff := cmp.Diff(want[1:3], tell(Times(vs[1].Time, vs[3].Time))); diff != "" {
			t.Errorf("by times (-want +got)\n%s", diff)
		}
		if got := tell(Times(vs[5].Time.Add(time.Hour), time.Time{})); got != nil {
			t.Errorf("in the future: %v", got)
		}
		// The deltas are of plain values and of then, whatever happened since.
		gone := vs[4].Deltas[0]
		if diff := cmp.Diff(Line{Text: "buy", Sub: []Line{{Text: "run"}}}, gone.Old()); diff != "" || gone.New() != nil {
			t.Errorf("the old value (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(Line{Text: "new"}, vs[5].Deltas[1].New(), same); diff != "" {
			t.Errorf("the new value (-want +got)\n%s", diff)
		}
		for range o.History(ctx) {
			break
		}
	})
}

// TestHistoryLife is the history of a document that is deleted, restored and
// purged.
func TestHistoryLife(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o := b.create(Card{Title: "a"})
		if err := o.Delete(ctx, By("ann")); err != nil {
			t.Fatal(err)
		}
		tell := func() (got []string) {
			for _, v := range all(t, History(ctx, b.cards, o.ID(), Versions(2, 0))) {
				got = append(got, line(v))
			}
			return got
		}
		if diff := cmp.Diff([]string{"2 deleted by ann: "}, tell()); diff != "" {
			t.Errorf("deleted (-want +got)\n%s", diff)
		}
		if v := must(b.cards.At(ctx, o.ID(), 1))(t); v.Title != "a" {
			t.Errorf("a deleted document was %+v", v)
		}
		must(b.cards.Restore(ctx, o.ID(), By("bob")))(t)
		if diff := cmp.Diff([]string{"2 deleted by ann: ", "3 restored by bob: "}, tell()); diff != "" {
			t.Errorf("restored (-want +got)\n%s", diff)
		}
		if err := b.cards.Purge(ctx, o.ID()); err != nil {
			t.Fatal(err)
		}
		for _, err := range History(ctx, b.cards, o.ID()) {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("the history of a purged document: %v", err)
			}
		}
	})
}

// TestAsOf compares At, AtTime, Diff, Patches and Revert with snapshots that
// were taken when the versions were made, in random lives, over checkpoints.
func TestAsOf(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	onEach(t, func(t *testing.T, d driver.Driver) {
		r := rand.New(rand.NewPCG(seed, 3))
		opts := &Options{Window: time.Hour}
		opts.tuning.checkpoint, opts.tuning.keyBound = 100, 6
		b := open(t, d, opts)
		o := b.create(randomCard(r))
		states, times := []Card{o.Snapshot()}, []time.Time{time.Now()}
		for range 60 {
			before := o.Version()
			scribble(r, o)
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if o.Version() == before {
				continue
			}
			states, times = append(states, o.Snapshot()), append(times, time.Now())
		}
		live, versions := o.Snapshot(), all(t, o.History(ctx))
		for range 30 {
			i, j := r.IntN(len(states)), r.IntN(len(states))
			got := must(b.cards.At(ctx, o.ID(), uint64(i+1)))(t)
			if diff := cmp.Diff(states[i], got, same); diff != "" {
				t.Fatalf("version %d of %d (-want +got)\n%s", i+1, len(states), diff)
			}
			got, v, err := AtTime(ctx, b.cards, o.ID(), times[i])
			if diff := cmp.Diff(states[v-1], got, same); err != nil || diff != "" || v < uint64(i+1) {
				t.Fatalf("at the time of version %d: %d, %v\n%s", i+1, v, err, diff)
			}
			when := versions[i].Time
			want := versions[i].Number // clocks may stand still
			for _, later := range versions[i:] {
				if !later.Time.After(when) {
					want = later.Number
				}
			}
			if _, v, err := AtTime(ctx, b.cards, o.ID(), when); err != nil || v != want {
				t.Fatalf("at the very time of version %d: %d, %v", want, v, err)
			}
			c, err := Diff(ctx, b.cards, o.ID(), uint64(i+1), uint64(j+1))
			if equal := cmp.Equal(states[i], states[j], same); err != nil || equal && len(c.Deltas) > 0 && i == j || !equal && len(c.Deltas) == 0 {
				t.Fatalf("from %d to %d: %v, %v", i+1, j+1, c, err)
			}
		}
		if diff := cmp.Diff(live, o.Snapshot(), same); diff != "" {
			t.Fatalf("looking back changed it (-want +got)\n%s", diff)
		}
		for _, v := range []uint64{0, uint64(len(states) + 1)} {
			if _, err := b.cards.At(ctx, o.ID(), v); !errors.Is(err, ErrNotFound) {
				t.Errorf("version %d: %v", v, err)
			}
		}
		if _, _, err := AtTime(ctx, b.cards, o.ID(), times[0].Add(-time.Hour)); !errors.Is(err, ErrNotFound) {
			t.Errorf("before its creation: %v", err)
		}
		for range 10 {
			i := r.IntN(len(states))
			scribble(r, o)
			if err := o.Revert(ctx, uint64(i+1), By("ann")); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(states[i], o.Snapshot(), same); diff != "" {
				t.Fatalf("reverted to %d (-want +got)\n%s", i+1, diff)
			}
			if err := o.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			if got, _ := b.asStored(o.ID()); !cmp.Equal(states[i], got, same) {
				t.Fatalf("reverted to %d, and stored\n%s", i+1, cmp.Diff(states[i], got, same))
			}
		}
	})
}

func randomCard(r *rand.Rand) Card {
	c := sample()
	c.Query = randomQuery(r)
	return c
}

// scribble makes a few random changes.
func scribble(r *rand.Rand, o *OCard) {
	for range 1 + r.IntN(4) {
		lines := o.Lines()
		switch r.IntN(9) {
		case 0:
			o.SetTitle(fmt.Sprint(r.IntN(4)))
		case 1:
			lines.Insert(r.IntN(lines.Len()+1), Line{Text: fmt.Sprint(r.IntN(9)), Sub: []Line{{Text: "x"}}})
		case 2:
			if n := lines.Len(); n > 0 {
				lines.Remove(r.IntN(n), 1)
			}
		case 3:
			if n := lines.Len(); n > 0 {
				lines.Move(r.IntN(n), r.IntN(n))
			}
		case 4:
			if n := lines.Len(); n > 0 {
				lines.At(r.IntN(n)).Sub().Append(Line{Text: fmt.Sprint(r.IntN(9))})
			}
		case 5:
			o.Tags().Insert(r.IntN(o.Tags().Len()+1), fmt.Sprint(r.IntN(9)))
		case 6:
			if n := o.Tags().Len(); n > 0 {
				o.Tags().Remove(r.IntN(n), 1)
			}
		case 7:
			o.Meta().Set(fmt.Sprint(r.IntN(3)), fmt.Sprint(r.IntN(9)))
		case 8:
			o.Query().Assign(randomQuery(r))
		}
	}
}

func TestBlame(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o, _ := b.book()
		got := map[string]string{}
		for _, w := range must(Blame(ctx, b.cards, o.ID()))(t) {
			got[w.Path.String()] = fmt.Sprintf("%d %s", w.Version, w.By)
			if w.Time.IsZero() {
				t.Errorf("%s has no time", w.Path)
			}
		}
		for path, want := range map[string]string{
			"query.owner": "1 ", "query.items.0.sku": "1 ", "title": "2 ann", "tags.0": "3 bob", "count": "1 ",
			"lines.0": "6 bob", "lines.0.text": "6 bob", "meta.x": "6 bob", "meta.k": "1 ", "query.slug": "", "tags.1": "",
		} {
			if got[path] != want {
				t.Errorf("%s was set by %q, want %q", path, got[path], want)
			}
		}
	})
}

// TestBlameRenumbered inserts always near the middle, so that elements change their
// keys: each stays the work of who inserted it.
func TestBlameRenumbered(t *testing.T) {
	opts := &Options{Window: time.Hour}
	opts.tuning.keyBound = 6
	b := open(t, memory.Open(nil), opts)
	o := b.create(Card{})
	var authors []string
	for i := range 300 {
		at, who := len(authors)/2, fmt.Sprint("author ", i)
		if err := o.Update(func(o *OCard) error { o.Tags().Insert(at, who); return nil }, By(who)); err != nil {
			t.Fatal(err)
		}
		authors = slices.Insert(authors, at, who)
	}
	if err := o.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	renumbered := 0
	for v, err := range b.cards.t.traces(ctx, o.ID(), nil, false) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range v.trace.Deltas {
			if v.trace.Deltas[i].Renamed() != nil {
				renumbered++
			}
		}
	}
	if renumbered == 0 {
		t.Fatal("no element got another key")
	}
	var got []string
	for _, w := range must(Blame(ctx, b.cards, o.ID()))(t) {
		if strings.HasPrefix(w.Path.String(), "tags.") {
			got = append(got, w.By)
		}
	}
	if diff := cmp.Diff(authors, got); diff != "" {
		t.Errorf("after %d renumberings (-want +got)\n%s", renumbered, diff)
	}
}

// TestUndoLife refuses to take back versions that are none of fields, and says who does.
func TestUndoLife(t *testing.T) {
	b := open(t, memory.Open(nil), nil)
	o := b.create(Card{Title: "a"})
	if err := o.Delete(ctx); err != nil {
		t.Fatal(err)
	}
	o = must(b.cards.Restore(ctx, o.ID()))(t)
	for version, says := range []string{1: "delete the document", 2: "Restore takes it back", 3: "Delete takes it back"} {
		if version == 0 {
			continue
		}
		if err := o.Undo(ctx, uint64(version), Force()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// TestVoids has a version that nobody made, as Salvage and drivers leave them: no
// history shows it, and the numbers go on behind it.
func TestVoids(t *testing.T) {
	store := memory.Open(&memory.Options{Shared: true})
	b := open(t, store.Share(), &Options{Window: time.Hour})
	o := b.create(Card{Title: "a"})
	set := func(title string) {
		t.Helper()
		o.SetTitle(title)
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	set("b")
	void := driver.Commit{Table: "cards", ID: o.ID(), Seq: 3, Try: newTry(), Kind: driver.KindVoid, Time: time.Now().UTC()}
	other := store.Share()
	for _, err := range []error{
		other.Declare(ctx, driver.Schema{Table: "cards", Unique: b.cards.t.unique, Revision: revision}),
		other.Append(ctx, []driver.Commit{void})[0].Err,
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	numbers := func(opts ...HistoryOption) (ns []uint64) {
		for _, v := range all(t, o.History(ctx, opts...)) {
			ns = append(ns, v.Number)
		}
		return ns
	}
	if got, v, err := AtTime(ctx, b.cards, o.ID(), void.Time); err != nil || v != 2 || got.Title != "b" {
		t.Errorf("at the time of the void: %d, %q, %v", v, got.Title, err)
	}
	set("c")
	if got := numbers(); !slices.Equal(got, []uint64{1, 2, 4}) {
		t.Errorf("the history has %d", got)
	}
	if got := numbers(Backwards()); !slices.Equal(got, []uint64{4, 2, 1}) {
		t.Errorf("backwards it has %d", got)
	}
	if got := must(b.cards.At(ctx, o.ID(), 3))(t); got.Title != "b" {
		t.Errorf("as of the void: %q", got.Title)
	}
}

func TestUndo(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o, _ := b.book()
		want := o.Snapshot()
		undo := func(version uint64, opts ...CommitOption) {
			t.Helper()
			if err := o.Undo(ctx, version, opts...); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, o.Snapshot(), same); diff != "" {
				t.Fatalf("version %d taken back (-want +got)\n%s", version, diff)
			}
		}
		want.Title = "Milk"
		undo(2, By("cy"))
		want.Lines = append([]Line{{Text: "buy", Sub: []Line{{Text: "run"}}}}, want.Lines...)
		undo(5)
		want.Tags = []string{"x", "y"}
		undo(3)
		// Version 4 set what came back with 5, and the slug.
		want.Query.Slug, want.Lines[0].Sub[0].Text = ptr("milk"), "go"
		undo(4)
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		vs := all(t, o.History(ctx, Versions(7, 0)))
		if len(vs) != 4 || vs[0].By != "cy" || line(vs[0]) != `7 changed by cy: modify title: "Bread" to "Milk"` {
			t.Errorf("%d versions, %s", len(vs), line(vs[0]))
		}
		// What was touched since is left, unless forced.
		before := o.Version()
		err := o.Undo(ctx, 2)
		if e := (*Error)(nil); !errors.Is(err, ErrTouched) || !strings.Contains(err.Error(), "title") || !errors.As(err, &e) || e.Version != 2 {
			t.Errorf("touched since: %v", err)
		}
		o.Lines().At(1).SetText("newer")
		if err := o.Undo(ctx, 6); !errors.Is(err, ErrTouched) || !strings.Contains(err.Error(), "lines.0") {
			t.Errorf("changed inside: %v", err)
		}
		if o.Version() != before+1 || o.Pending() {
			t.Errorf("version %d after %d", o.Version(), before)
		}
		delete(want.Meta, "x")
		want.Lines = want.Lines[:1]
		undo(6, Force())
		if err := o.Undo(ctx, 1); err == nil {
			t.Error("a creation was taken back")
		}
		if err := o.Undo(ctx, 99); !errors.Is(err, ErrNotFound) {
			t.Errorf("a version that is not there: %v", err)
		}
	})
}

// TestPatches is the form of an exported history; that patches lead from one
// state to the next is tested where they are made.
func TestPatches(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, &Options{Window: time.Hour})
		o, _ := b.book()
		var got []string
		for _, p := range all(t, Patches(ctx, b.cards, o.ID())) {
			text, err := json.Marshal(p.Ops)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(text))
		}
		want := []string{
			`[{"op":"replace","path":"/title","value":"Bread"}]`,
			`[{"op":"remove","path":"/tags/1"},{"op":"replace","path":"/tags/0","value":"z"}]`,
			`[{"op":"remove","path":"/query/slug"},{"op":"replace","path":"/lines/0/sub/0/text","value":"run"}]`,
			`[{"op":"remove","path":"/lines/0"}]`,
			`[{"op":"add","path":"/meta/x","value":"1"},{"op":"add","path":"/lines/0","value":{"text":"new","sub":[]}}]`,
		}
		first := `[{"op":"add","path":"","value":{"query":{"owner":"ann","slug":"milk","labels":["home","shop"],"year":2026,` +
			`"items":[{"sku":"a","count":1},{"sku":"b","count":2}],"place":{"city":"Ulm","zip":89073},"open":true},` +
			`"title":"Milk","count":-3,"tags":["x","y"],"lines":[{"text":"buy","sub":[{"text":"go","sub":[]}]}],"meta":{"":"empty","k":"v"}}}]`
		if diff := cmp.Diff(append([]string{first}, want...), got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestRevertRefused holds that unique values apply to what comes back, and
// that handles in a transaction cannot ask.
func TestRevertRefused(t *testing.T) {
	onEach(t, func(t *testing.T, d driver.Driver) {
		b := open(t, d, nil)
		o := b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		o.Query().ClearSlug()
		if err := o.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		b.create(Card{Query: CardQuery{Slug: ptr("a")}})
		err := o.Revert(ctx, 1)
		var e *Error
		if !errors.Is(err, ErrTaken) || !errors.As(err, &e) || e.Path != "query.slug" || e.Op != "revert" {
			t.Errorf("a value that is taken: %v", err)
		}
		if s, ok := o.Query().Slug(); ok {
			t.Errorf("slug %q", s)
		}
		err = o.Update(func(o *OCard) error { return o.Revert(ctx, 1) })
		if !errors.Is(err, ErrInTransaction) {
			t.Errorf("in an Update: %v", err)
		}
	})
}
