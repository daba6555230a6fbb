package observe_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/examples/quickstart/notes"
	"github.com/destam-go/destamgen/runtime/destam"
	"github.com/destam-go/destamgen/runtime/observe"
)

// openNotes gives an empty table, which is closed when the test ends. Whatever
// has no caller fails the test.
func openNotes(t testing.TB) *notes.ONoteTable {
	t.Helper()
	db, err := destam.Open(t.Context(), memory.Open(nil), &destam.Options{
		OnError: func(err error) { t.Errorf("reported: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return notes.NoteTable(db)
}

func newNote(t testing.TB, n notes.Note) *notes.ONote {
	t.Helper()
	note, err := openNotes(t).Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// A lens of a document is a source as any other: what is computed from it
// follows the document, and what is set at the end goes into the document.
func TestDocumentLens(t *testing.T) {
	note := newNote(t, notes.Note{Title: "Milk"})
	upper := observe.TwoWay(note.Observe().Title(), strings.ToUpper, strings.ToLower)
	r := record(t, upper)
	doc := record(t, note.Observe().Title())
	wantGet(t, upper, "MILK")
	note.SetTitle("bread")
	note.SetTitle("BREAD") // the same, in capitals
	if !upper.Set("CHEESE") {
		t.Error("Set gives false")
	}
	if got := note.Title(); got != "cheese" {
		t.Errorf("the title is %s", got)
	}
	r.want("BREAD CHEESE")
	doc.want("bread BREAD cheese")
	if err := note.Update(func(n *notes.ONote) error {
		n.SetTitle("a")
		n.SetTitle("b")
		return nil
	}); err != nil {
		t.Error(err)
	}
	r.want("B")
	doc.want("b")
}

// Catalogue 213: what begins in a listener of a document, or after changes, begins at the
// value that there is.
func TestDocumentFollowBegins(t *testing.T) {
	note := newNote(t, notes.Note{Title: "a"})
	var late *recorder[string]
	note.Observe().Title().Watch(func(c destam.Change[string]) {
		if late == nil {
			note.SetTitle("c")
			late = record(t, note.Observe().Title())
		}
	})
	note.SetTitle("b")
	late.want("")
	note.SetTitle("d")
	late.want("d")
}

// Catalogue 221, 235: an optional field with a default that is a field of
// another document.
func TestDocumentDefault(t *testing.T) {
	note, other := newNote(t, notes.Note{}), newNote(t, notes.Note{})
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	due := observe.DefaultFrom(note.Observe().Due(), other.Observe().Due())
	r := record(t, observe.Map(due, func(t time.Time) int { return t.Day() }))
	other.SetDue(day(1))
	note.SetDue(day(2))
	other.SetDue(day(3))
	note.ClearDue()
	due.Set(day(4))
	other.ClearDue()
	r.want("1 2 3 4")
	note.ClearDue()
	r.want("-")
}

// Catalogue 218, 237, 238, 240: one list of fields of documents and of cells.
// Inside an Update each of them is a change of its own.
func TestDocumentAll(t *testing.T) {
	note := newNote(t, notes.Note{Title: "a"})
	c := observe.Mutable("b")
	all := observe.All(note.Observe().Title(), note.Observe().Query().Owner(), c)
	r := record(t, observe.Map(all, func(vs []string) string { return strings.Join(vs, ",") }))
	if err := note.Update(func(n *notes.ONote) error {
		n.SetTitle("c")
		n.Query().SetOwner("ann")
		return nil
	}); err != nil {
		t.Error(err)
	}
	all.Set([]string{"d", "bob", "e"})
	r.want("c,,b c,ann,b d,ann,b d,bob,b d,bob,e")
	if note.Title() != "d" || note.Query().Owner() != "bob" {
		t.Error("what was set did not reach the document")
	}
}

// Catalogue 79, 224: a lens into whichever document is current:
// events of that one only, and one on each switch.
func TestDocumentSwitch(t *testing.T) {
	a, b := newNote(t, notes.Note{Title: "a"}), newNote(t, notes.Note{Title: "b"})
	current := new(observe.Cell[*notes.ONote])
	title := observe.Unwrap(observe.Map(current, func(n *notes.ONote) *destam.Lens[string] {
		return n.Observe().Title()
	}))
	r := record(t, title)
	a.SetTitle("a1")
	current.Set(a)
	a.SetTitle("a2")
	b.SetTitle("b1")
	current.Set(b)
	a.SetTitle("a3")
	title.Set("b2")
	current.Clear()
	b.SetTitle("b3")
	current.Set(a)
	r.want("a1 a2 b1 b2 - a3")
	if b.Title() != "b3" {
		t.Errorf("the other title is %s", b.Title())
	}
}

// Catalogue 153, 154: a lens into whichever key of a map is selected, and its
// complement. Together they hear of every change.
func TestDocumentSwitchKey(t *testing.T) {
	note := newNote(t, notes.Note{})
	id := observe.Mutable("x")
	at := observe.Unwrap(observe.Map(id, func(k string) *destam.Lens[string] { return note.Observe().Meta().At(k) }))
	meta := observe.From(note.Meta().Snapshot, note.Meta().Watch)
	others := observe.Unwrap(observe.Map(id, func(k string) *observe.Lens[string] {
		return observe.Map(meta, func(m map[string]string) string {
			vs := []string{}
			for _, other := range slices.Sorted(maps.Keys(m)) {
				if other != k {
					vs = append(vs, m[other])
				}
			}
			return strings.Join(vs, "+")
		})
	}))
	selected, rest := record(t, at), record(t, others)
	for _, k := range []string{"a", "b", "c"} {
		note.Meta().Set(k, k+"1")
	}
	id.Set("a")
	note.Meta().Set("a", "a2")
	note.Meta().Set("b", "b2")
	at.Set("a3")
	id.Set("b")
	note.Meta().Delete("a")
	note.Meta().Delete("b")
	id.Set("a")
	selected.want("a1 a2 a3 b2 -")
	rest.want("a1 a1+b1 a1+b1+c1 b1+c1 b2+c1 a3+c1 c1")
}

// Catalogue 155, 156: of the selected element one field, on each switch, and
// when the element itself is another; and the same of those that are not
// selected.
func TestDocumentSwitchOthers(t *testing.T) {
	note := newNote(t, notes.Note{Tasks: []notes.Task{{Text: "a"}, {Text: "b"}, {Text: "c"}}})
	selected := observe.Mutable(0)
	texts := observe.Unwrap(observe.Map(selected, func(but int) *observe.Lens[string] {
		return observe.From(func() string {
			var s string
			for i, task := range note.Tasks().All() {
				if i != but {
					s += task.Text()
				}
			}
			return s
		}, note.Tasks().Watch)
	}))
	own := observe.Unwrap(observe.Map(selected, func(i int) *destam.Lens[string] { return note.Observe().Tasks().At(i).Text() }))
	r, one := record(t, texts), record(t, own)
	note.Tasks().At(0).SetText("A")
	note.Tasks().At(1).SetText("B")
	note.Tasks().At(1).SetDone(true)
	selected.Set(1)
	note.Tasks().At(1).SetText("b")
	note.Tasks().Remove(2, 1)
	note.Tasks().Splice(1, 1, notes.Task{Text: "new"})
	r.want("Bc Ac A")
	one.want("A B b new")
}

// Catalogue 219: the function is called for changes of the value, not for
// changes beside or above it that leave it.
func TestDocumentMapCalls(t *testing.T) {
	note := newNote(t, notes.Note{Query: notes.NoteQuery{Owner: "ann"}})
	calls := 0
	owner := observe.Map(note.Observe().Query().Owner(), func(s string) string { calls++; return s })
	r := record(t, owner)
	note.Query().SetOwner("bob")
	note.Query().SetSlug("x")
	note.SetTitle("y")
	note.Query().Assign(notes.NoteQuery{Owner: "bob"})
	r.want("bob")
	if calls != 2 {
		t.Errorf("called %d times, want 2", calls)
	}
}

// Catalogue 114: an array as one value, a change for each push.
func TestFrom(t *testing.T) {
	note := newNote(t, notes.Note{})
	tags := observe.From(note.Tags().Snapshot, note.Tags().Watch)
	r := record(t, tags)
	n := record(t, observe.Map(tags, func(s []string) int { return len(s) }))
	note.Tags().Append("a")
	note.Tags().Append("b")
	note.SetTitle("nothing to do with it")
	note.Tags().Set(0, "c")
	r.want("[a] [a b] [c b]")
	n.want("1 2")

	whole := record(t, observe.Map(observe.From(note.Snapshot, note.Watch), func(n notes.Note) string { return n.Title + " " + strings.Join(n.Tags, ",") }))
	note.SetTitle("x")
	note.Tags().Clear()
	whole.want("x c,b x ")
}

func TestFromFails(t *testing.T) {
	c := count(0)
	bad := observe.From(func() int { panic("oops") }, func(fn func(int)) func() {
		_, _, stop := c.Follow(func(int, bool, int, bool) { fn(0) })
		return stop
	})
	if panics(func() { bad.Watch(func(observe.Change[int]) {}) }) != "oops" {
		t.Error("no panic")
	}
	c.wantWatchers(t, 0, 1)
}

// Catalogue 170, 171, 172, 178, 180, 181, 210: one subscription to a document
// for many, in and out of objects that come and go; what else changes in those
// is not heard of.
func TestDocumentMemo(t *testing.T) {
	note := newNote(t, notes.Note{})
	m := observe.Memo(note.Observe().Query().Profile().Email())
	a, b := record(t, m), record(t, m)
	note.Query().Profile().SetEmail("x")
	note.Query().Profile().SetAdmin(true)
	note.Query().Assign(notes.NoteQuery{Profile: notes.Profile{Email: "y"}})
	note.Query().SetOwner("ann")
	a.want("x y")
	b.want("x y")
	a.stop()
	m.Set("z")
	b.want("z")

	first := record(t, observe.Memo(note.Observe().Tasks().At(0).Text()))
	note.Tasks().Append(notes.Task{Text: "a"})
	note.Tasks().At(0).SetDone(true)
	note.Tasks().At(0).SetText("b")
	note.Tasks().Remove(0, 1)
	note.Tasks().Append(notes.Task{Text: "c"})
	note.Tasks().At(0).SetText("d")
	first.want("a b - c d")
}

// Catalogue 177, 270: the selection is a field of a document; that the document
// is set to the same selection wakes nobody.
func TestDocumentSelector(t *testing.T) {
	note := newNote(t, notes.Note{Query: notes.NoteQuery{Owner: "ann"}})
	s := observe.Select(note.Observe().Query().Owner())
	ann, bob := record(t, s.At("ann")), record(t, s.At("bob"))
	note.Query().Assign(notes.NoteQuery{Owner: "ann", Labels: []string{"x"}})
	ann.want("")
	s.At("bob").Set(true)
	ann.want("false")
	bob.want("true")
	if s.At("ann").Set(false) {
		t.Error("a field that is not optional was cleared")
	}
	if got := note.Query().Owner(); got != "bob" {
		t.Errorf("the owner is %s", got)
	}
}

// Catalogue 215, 216, 217, 218: behind Each, watchers hear of every place, and a map
// and a memo of it too.
func TestDocumentEach(t *testing.T) {
	note := newNote(t, notes.Note{Tasks: []notes.Task{{Text: "a"}, {Text: "b"}}})
	each := note.Observe().Tasks().Each().Done()
	var news []string
	say := func(s string) func(observe.Change[string]) {
		return func(c observe.Change[string]) {
			news = append(news, s+" "+show(c.Old, !c.WasAbsent)+">"+show(c.New, !c.Absent))
		}
	}
	yes := observe.Map(each, func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	})
	m := observe.Memo(yes)
	stopMap, stopMemo := yes.Watch(say("map")), m.Watch(say("memo"))
	effects := 0
	stopEffect := observe.Effect(each, func(bool, bool) func() { effects++; return nil })
	note.Tasks().At(0).SetDone(true)
	note.Tasks().At(1).SetDone(true)
	note.Tasks().Remove(0, 1)
	wantGet(t, m, "yes") // the first place
	if v, ok, stop := m.Follow(func(string, bool, string, bool) {}); show(v, ok) != "yes" {
		t.Errorf("a watcher that comes later begins with %s", show(v, ok))
	} else {
		stop()
	}
	wantGet(t, observe.All[bool](each, each), "[true true]")
	note.Tasks().Insert(0, notes.Task{})
	wantGet(t, m, "no")
	stopMap()
	stopMemo()
	stopEffect()
	want := []string{
		"map no>yes", "memo no>yes", "map no>yes", "memo no>yes",
		"map yes>-", "memo yes>-", "map ->no", "memo ->no",
	}
	if diff := cmp.Diff(want, news); diff != "" {
		t.Error(diff)
	}
	if effects != 5 {
		t.Errorf("%d effects, want 5", effects)
	}
}

// Catalogue 184 to 187: waiting for a document.
func TestDocumentDefined(t *testing.T) {
	note := newNote(t, notes.Note{})
	due := note.Observe().Due()
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	go note.SetDue(when)
	got, err := observe.Defined(t.Context(), due)
	if !got.Equal(when) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := observe.Defined(ctx, due, func(t time.Time) bool { return t.Year() > 2026 }); err == nil {
		t.Error("no error")
	}
}

// Local fields are watched when they are named.
func TestDocumentLocal(t *testing.T) {
	note := newNote(t, notes.Note{})
	r := record(t, note.Observe().Typing())
	note.SetTyping(true)
	r.want("true")
}

// Many goroutines change two documents and cells and switch between them,
// while others watch and stop: each watcher's changes lead on from one to the
// next, and to what there is in the end.
func TestStorm(t *testing.T) {
	a, b := newNote(t, notes.Note{Title: "0"}), newNote(t, notes.Note{Title: "0"})
	c := observe.Mutable("0")
	which := observe.Mutable[observe.Source[string]](c)
	srcs := []observe.Source[string]{a.Observe().Title(), b.Observe().Title(), c}
	current := observe.Unwrap[string](which)
	all := observe.All(srcs...)
	joined := observe.Memo(observe.Map(all, func(vs []string) string { return strings.Join(vs, " ") }))
	optional := observe.Derive(current, func(v string, ok bool) (string, bool) { return v, ok && v > "3" })
	def := observe.DefaultFrom[string](optional, joined)
	slow := observe.Throttle(def, time.Microsecond)

	rs := []*recorder[string]{record(t, current), record(t, joined), record(t, optional), record(t, def), record(t, observe.Memo(def))}
	record(t, slow) // Get does not wait, so only its chain is held
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range 300 {
				v := string(rune('0' + r.IntN(10)))
				switch r.IntN(6) {
				case 0:
					a.SetTitle(v)
				case 1:
					b.SetTitle(v)
				case 2:
					c.Set(v)
				case 3:
					which.Set(srcs[r.IntN(3)])
				case 4:
					current.Set(v)
				case 5:
					record(t, def).stop()
				}
			}
		})
	}
	wg.Wait()
	// What others took over may still be told.
	for _, n := range []*notes.ONote{a, b} {
		if err := destam.Settle(t.Context(), n); err != nil {
			t.Error(err)
		}
	}
	for _, r := range rs {
		r.eventually()
	}
}
