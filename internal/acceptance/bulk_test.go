package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/destam"
)

// lived fills a table with things that were changed, deleted, restored and
// purged, and gives the ids of all but the purged.
func lived(t *testing.T, table *OThingTable, r *rand.Rand) (ids []destam.ID) {
	t.Helper()
	for i := range 14 {
		o := must(table.Create(t.Context(), thing(r, fmt.Sprint("thing ", i))))(t)
		for range r.IntN(6) {
			v := thing(r, o.Query().Name())
			v.Query.Serial = o.Snapshot().Query.Serial
			err := o.Update(func(o *OThing) error { o.Assign(v); return nil }, destam.By("ann"), destam.Because("\x01 ü"))
			if err != nil {
				t.Fatal(err)
			}
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		switch id := o.ID(); r.IntN(8) {
		case 0:
			if err := table.Purge(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			continue
		case 1:
			err = o.Delete(t.Context())
		case 2:
			if err = o.Delete(t.Context()); err == nil {
				_, err = table.Restore(t.Context(), id, destam.By("eve"))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, o.ID())
	}
	return ids
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func exported(t *testing.T, table *OThingTable, history bool) string {
	t.Helper()
	var b bytes.Buffer
	must(destam.Export(t.Context(), table, &b, &destam.ExportOptions{History: history}))(t)
	return b.String()
}

// lines gives an export without its first line, which has the time, and
// without the last, which has a sum of that.
func lines(text string) []string {
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := range all {
		if strings.Contains(all[i], `"kind":"purge"`) { // made when it was imported
			all[i] = "purge"
		}
	}
	return all[1 : len(all)-1]
}

// alive gives all things that a table finds.
func alive(t *testing.T, table *OThingTable) map[destam.ID]Thing {
	t.Helper()
	all := map[destam.ID]Thing{}
	for hit, err := range table.QueryAll(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[hit.ID] = must(table.Instance(t.Context(), hit))(t).Snapshot()
	}
	return all
}

// TestExportImport brings random documents from every driver to every driver:
// as they are, and with every version of their history.
func TestExportImport(t *testing.T) {
	for from := range stores {
		for to := range stores {
			t.Run(from+" to "+to, func(t *testing.T) {
				db := open(t, from)
				source := ThingTable(db.DB)
				ids := lived(t, source, rand.New(rand.NewPCG(6, uint64(len(from)))))
				want := alive(t, source)
				sound(t, db.DB)

				plain := exported(t, source, false)
				target := open(t, to)
				table := ThingTable(target.DB)
				at := must(destam.Import(t.Context(), table, strings.NewReader(plain), nil))(t)
				if at.Documents != uint64(len(want)) || at.Skipped != 0 {
					t.Errorf("imported: %+v, want %d documents", at, len(want))
				}
				sameThings(t, "imported", want, alive(t, table))
				if diff := cmp.Diff(lines(plain), lines(exported(t, table, false))); diff != "" {
					t.Errorf("exported again (-want +got):\n%s", diff)
				}
				if to == "fs" {
					if err := target.DB.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					target.again(t)
					sameThings(t, "opened again", want, alive(t, ThingTable(target.DB)))
				}

				full := exported(t, source, true)
				restored := open(t, to)
				past := ThingTable(restored.DB)
				must(destam.Import(t.Context(), past, strings.NewReader(full), nil))(t)
				sameThings(t, "imported with history", want, alive(t, past))
				sameHistories(t, ids, source, past)
				if diff := cmp.Diff(lines(full), lines(exported(t, past, true))); diff != "" {
					t.Errorf("exported with history again (-want +got):\n%s", diff)
				}
				for range 2 { // both are there already
					at := must(destam.Import(t.Context(), past, strings.NewReader(full), nil))(t)
					if at.Commits != 0 || at.Skipped != at.Documents {
						t.Errorf("imported once more: %+v", at)
					}
				}
				goesOn(t, past)
				sound(t, target.DB)
				sound(t, restored.DB)
			})
		}
	}
}

// sound verifies a whole store.
func sound(t *testing.T, db *destam.DB) {
	t.Helper()
	for f, err := range destam.Verify(t.Context(), db, nil) {
		t.Errorf("%v, %v", f, err)
	}
}

func sameThings(t *testing.T, what string, want, got map[destam.ID]Thing) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%s: %d things, want %d", what, len(got), len(want))
	}
	for id := range want {
		equalThings(t, fmt.Sprintf("%s: %v", what, id), got[id], want[id])
	}
}

// sameHistories compares every version of every document.
func sameHistories(t *testing.T, ids []destam.ID, want, got *OThingTable) {
	t.Helper()
	for _, id := range ids {
		there := slices.Collect(versions(t, got, id))
		for i, v := range slices.Collect(versions(t, want, id)) {
			if i >= len(there) {
				t.Fatalf("%v: version %d is missing", id, v.Number)
			}
			w := there[i]
			if v.Number != w.Number || v.Event != w.Event || !v.Time.Equal(w.Time) || v.By != w.By || v.Because != w.Because || len(v.Deltas) != len(w.Deltas) {
				t.Fatalf("%v: version %d is %+v, want %+v", id, v.Number, w, v)
			}
			equalThings(t, fmt.Sprintf("%v as of version %d", id, v.Number),
				must(got.At(t.Context(), id, v.Number))(t), must(want.At(t.Context(), id, v.Number))(t))
		}
	}
}

func versions(t *testing.T, table *OThingTable, id destam.ID) func(func(destam.Version) bool) {
	return func(yield func(destam.Version) bool) {
		for v, err := range destam.History(t.Context(), table, id) {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(v) {
				return
			}
		}
	}
}

// goesOn works with what was imported: names are taken, documents change, and a
// purged id stays dead.
func goesOn(t *testing.T, table *OThingTable) {
	t.Helper()
	for id, v := range alive(t, table) {
		if _, err := table.Create(t.Context(), Thing{Query: ThingQuery{Name: v.Query.Name}}); !errors.Is(err, destam.ErrTaken) {
			t.Fatalf("a name that is taken: %v", err)
		}
		o := must(table.Get(t.Context(), id))(t)
		before := o.Version()
		o.SetText("on it goes")
		if err := o.Flush(t.Context()); err != nil || o.Version() != before+1 {
			t.Fatalf("version %d after %d, %v", o.Version(), before, err)
		}
		if err := table.Purge(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf(`{"destam":"export","format":1,"table":"things"}
{"id":"%s","document":{"text":"again"}}
{"end":{}}`, id)
		if _, err := destam.Import(t.Context(), table, strings.NewReader(line), nil); !errors.Is(err, destam.ErrExists) {
			t.Fatalf("an id that was purged: %v", err)
		}
		return
	}
}

// TestImportExisting imports what is there already, in every way.
func TestImportExisting(t *testing.T) {
	each(t, func(t *testing.T, db *opened) {
		r := rand.New(rand.NewPCG(9, 9))
		table := ThingTable(db.DB)
		lived(t, table, r)
		text := exported(t, table, false)
		then := alive(t, table)
		changed := map[destam.ID]Thing{}
		i := 0
		for id := range then {
			o := must(table.Get(t.Context(), id))(t)
			if i++; i%3 == 0 {
				if err := o.Delete(t.Context()); err != nil {
					t.Fatal(err)
				}
				continue
			}
			o.SetText("changed")
			changed[id] = o.Snapshot()
		}
		_, err := destam.Import(t.Context(), table, strings.NewReader(text), nil)
		var line *destam.LineError
		if !errors.Is(err, destam.ErrExists) || !errors.As(err, &line) || line.Line != 2 || line.ID.IsZero() {
			t.Errorf("refused: %v", err)
		}
		at, err := destam.Import(t.Context(), table, strings.NewReader(text), &destam.ImportOptions{Existing: destam.SkipExisting})
		if err != nil || at.Skipped != uint64(len(then)) || at.Commits != 0 {
			t.Errorf("skipped: %+v, %v", at, err)
		}
		sameThings(t, "skipped", changed, alive(t, table))
		at, err = destam.Import(t.Context(), table, strings.NewReader(text),
			&destam.ImportOptions{Existing: destam.ReplaceExisting, By: "eve", Because: "back"})
		if err != nil || at.Skipped != 0 {
			t.Errorf("replaced: %+v, %v", at, err)
		}
		sameThings(t, "replaced", then, alive(t, table))
		for id := range then {
			var last destam.Version
			for v := range versions(t, table, id) {
				last = v
			}
			if last.By != "eve" || last.Because != "back" {
				t.Fatalf("the newest version is %+v", last)
			}
		}
		full := exported(t, table, true)
		if _, err := destam.Import(t.Context(), table, strings.NewReader(full), &destam.ImportOptions{Existing: destam.ReplaceExisting}); err == nil {
			t.Error("a history replaced documents")
		}
		other := strings.NewReplacer(`"try":"0`, `"try":"1`, `"try":"1`, `"try":"0`).Replace(full)
		other = regexp.MustCompile(`,"crc":"[0-9a-f]{8}"(}+\n)`).ReplaceAllString(other, "$1")
		_, err = destam.Import(t.Context(), table, strings.NewReader(other), nil)
		if !errors.Is(err, destam.ErrExists) || !errors.Is(err, destam.ErrDiffers) {
			t.Errorf("another history: %v", err)
		}
		before := exported(t, table, true)
		if _, err := destam.Import(t.Context(), table, strings.NewReader(other), &destam.ImportOptions{Existing: destam.SkipExisting}); err != nil {
			t.Errorf("another history, skipped: %v", err)
		}
		if diff := cmp.Diff(lines(before), lines(exported(t, table, true))); diff != "" {
			t.Errorf("what was skipped was changed (-was +is):\n%s", diff)
		}
	})
}

// TestImportReplaces imports what was exported over what is there: what is as it was
// makes no version, and what was edited in the text changes that and nothing else,
// so that objects and lists keep what they are.
func TestImportReplaces(t *testing.T) {
	each(t, func(t *testing.T, db *opened) {
		r := rand.New(rand.NewPCG(10, 9))
		table := ThingTable(db.DB)
		lived(t, table, r)
		before, text := exported(t, table, true), exported(t, table, false)
		there := len(alive(t, table))
		replace := &destam.ImportOptions{Existing: destam.ReplaceExisting}
		at, err := destam.Import(t.Context(), table, strings.NewReader(text), replace)
		if err != nil || at.Skipped != uint64(there) || at.Commits != 0 {
			t.Errorf("unchanged: %+v, %v", at, err)
		}
		if diff := cmp.Diff(lines(before), lines(exported(t, table, true))); diff != "" {
			t.Errorf("unchanged (-was +is):\n%s", diff)
		}
		o := must(table.Create(t.Context(), Thing{Text: "one", Parts: []Part{{Name: "first"}, {Name: "second"}}, Query: ThingQuery{Name: "edited"}}))(t)
		part := o.Parts().At(1)
		edited := strings.Replace(exported(t, table, false), `"name":"second"`, `"name":"third"`, 1)
		edited = regexp.MustCompile(`,"crc":"[0-9a-f]{8}"(}+\n)`).ReplaceAllString(edited, "$1")
		if _, err := destam.Import(t.Context(), table, strings.NewReader(edited), replace); err != nil {
			t.Fatal(err)
		}
		if o.Parts().At(1) != part || part.Name() != "third" || o.Version() != 2 {
			t.Errorf("edited: version %d, %q", o.Version(), part.Name())
		}
		for v := range versions(t, table, o.ID()) {
			if v.Number == 2 && fmt.Sprint(v.Deltas) != `[modify parts.1.name: "second" to "third"]` {
				t.Errorf("edited: %v", v.Deltas)
			}
		}
	})
}

// TestImportDamaged damages an export in every line, in many ways: it is
// refused with the number of the line, and what is mended is imported whole.
func TestImportDamaged(t *testing.T) {
	source := ThingTable(open(t, "memory").DB)
	lived(t, source, rand.New(rand.NewPCG(3, 3)))
	want := alive(t, source)
	for _, history := range []bool{false, true} {
		text := exported(t, source, history)
		all := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
		r := rand.New(rand.NewPCG(4, 4))
		for n := range all {
			if n%19 > 1 && n < len(all)-1 { // in the long run it is the same
				continue
			}
			for what, edit := range map[string]func(string) string{
				"cut in half": func(s string) string { return s[:len(s)/2] + "\n" },
				"missing":     func(string) string { return "" },
				"twice":       func(s string) string { return strings.TrimSuffix(s, "\n") + "\n" + s },
				"a bit":       func(s string) string { i := r.IntN(len(s) - 1); return s[:i] + string(s[i]^1<<r.IntN(7)) + s[i+1:] },
				"a zero":      func(s string) string { i := r.IntN(len(s)); return s[:i] + "\x00" + s[i:] },
			} {
				damaged := slices.Clone(all)
				if damaged[n] = edit(all[n]); damaged[n] == all[n] {
					continue
				}
				db := open(t, "memory")
				table := ThingTable(db.DB)
				_, err := destam.Import(t.Context(), table, strings.NewReader(strings.Join(damaged, "")), nil)
				var line *destam.LineError
				if !errors.As(err, &line) {
					t.Fatalf("history %v, line %d, %s: %v", history, n+1, what, err)
				}
				if line.Line < n || line.Line > len(all)+1 {
					t.Errorf("history %v, line %d, %s: it is said to be line %d: %v", history, n+1, what, line.Line, err)
				}
				db.DB.Close(context.Background())
			}
		}
		// Mended, and imported again where it stopped.
		for n := 2; n < len(all)-1; n += 5 {
			db := open(t, "memory")
			table := ThingTable(db.DB)
			if _, err := destam.Import(t.Context(), table, strings.NewReader(strings.Join(all[:n], "")), nil); err == nil {
				t.Fatal("an export without an end was imported")
			}
			must(destam.Import(t.Context(), table, strings.NewReader(text), nil))(t)
			sameThings(t, "mended", want, alive(t, table))
			db.DB.Close(context.Background())
		}
	}
}

// TestImportRefused refuses what is no export of this table.
func TestImportRefused(t *testing.T) {
	const first = `{"destam":"export","format":1,"table":"things"}` + "\n"
	for _, test := range []struct {
		text, why string
		line      int
	}{
		{"", "no export", 0},
		{"\n\n", "no export", 2},
		{"hello\n", "no value begins here", 1},
		{`{"destam":"notes"}`, "no export", 1},
		{`{"destam":"export","format":2,"table":"things"}`, "newer version", 1},
		{`{"destam":"export","format":1,"table":"others"}`, "of the table others", 1},
		{first, "last line", 1},
		{first + `{"end":{}}` + "\n" + `{"end":{}}`, "follows the end", 3},
		{first + `{"end":{"documents":1}}`, "lines are missing", 2},
		{first + `{"document":{}}` + "\n" + `{"end":{"documents":0}}`, "lines are missing", 3},
		{first + `{"end":{"crc":"00000000"}}`, "not what was exported", 2},
		{first + `{"docment":{}}`, "no kind", 2},
		{first + `{"id":"x","document":{}}`, "no id", 2},
		{first + `{"document":[]}`, "an object is expected", 2},
		{first + `{"document":{"titel":1}}`, "titel: no field", 2},
		{first + `{"document":{"flag":1}}`, "flag: it has another form", 2},
		{first + `{"document":{}}` + "\n" + `{"document":{}}` + "\n" + `{"end":{}}`, "taken", 3},
	} {
		_, err := destam.Import(t.Context(), ThingTable(open(t, "memory").DB), strings.NewReader(test.text), nil)
		var line *destam.LineError
		if !errors.As(err, &line) || !strings.Contains(err.Error(), test.why) || line.Line != test.line && test.why != "taken" {
			t.Errorf("%q: %v", test.text, err)
		}
	}
	var at *destam.Error
	_, err := destam.Import(t.Context(), ThingTable(open(t, "memory").DB), broken{}, nil)
	if !errors.As(err, &at) || !errors.Is(err, io.ErrClosedPipe) || at.Op != "import" || at.Table != "things" {
		t.Errorf("a reader that fails: %v", err)
	}
	_, err = destam.Export(t.Context(), ThingTable(open(t, "memory").DB), broken{}, nil)
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error)  { return 0, io.ErrClosedPipe }
func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestBulkCancel ends the context in the middle, at many places; what was
// interrupted is done when it is begun again.
func TestBulkCancel(t *testing.T) {
	source := ThingTable(open(t, "memory").DB)
	lived(t, source, rand.New(rand.NewPCG(8, 8)))
	want := alive(t, source)
	for _, history := range []bool{false, true} {
		text := exported(t, source, history)
		for n := 0; n < len(text); n += len(text)/9 + 1 {
			ctx, cancel := context.WithCancel(t.Context())
			table := ThingTable(open(t, "memory").DB)
			_, err := destam.Import(ctx, table, io.MultiReader(strings.NewReader(text[:n]), ending{cancel}, strings.NewReader(text[n:])), nil)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("history %v, at byte %d: %v", history, n, err)
			}
			must(destam.Import(t.Context(), table, strings.NewReader(text), nil))(t)
			sameThings(t, "begun again", want, alive(t, table))
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := destam.Export(ctx, source, ending{cancel}, &destam.ExportOptions{History: history}); !errors.Is(err, context.Canceled) {
			// So little is written at once that nobody looks at ctx afterwards.
			if len(text) > 1<<17 {
				t.Errorf("export: %v", err)
			}
		}
		cancel()
		if _, err := destam.Export(ctx, source, io.Discard, &destam.ExportOptions{History: history}); !errors.Is(err, context.Canceled) {
			t.Errorf("export after the end of its context: %v", err)
		}
	}
}

// ending ends a context when it is used.
type ending struct{ cancel func() }

func (e ending) Read([]byte) (int, error)    { e.cancel(); return 0, io.EOF }
func (e ending) Write(p []byte) (int, error) { e.cancel(); return len(p), nil }
