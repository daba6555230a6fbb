package schema_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen/internal/load"
	"github.com/destam-go/destamgen/gen/internal/schema"
)

// next gives the text of the lock after generating for the structs, or what is
// wrong: warnings are the business of scripts.
func next(t *testing.T, lock, structs string) (string, schema.Diagnostics) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte("package p\n\n"+structs), 0o644); err != nil {
		t.Fatal(err)
	}
	folder, err := load.Read(dir, "", load.FromSource)
	if err != nil {
		t.Fatal(err)
	}
	if wrong, _ := append(folder.Wrong, schema.Check(folder.Package)...).Split(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var text []byte
	if lock != "" {
		text = []byte(lock)
	}
	l, ds := schema.ParseLock("destam.lock", text)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	after, ds := l.Next(folder.Package)
	if wrong, _ := ds.Split(); len(wrong) > 0 {
		return "", wrong
	}
	return after.String(), nil
}

// fields writes a struct with tagged fields: "title string".
func fields(name string, fields ...string) string {
	s := "type " + name + " struct {\n"
	for _, f := range fields {
		tag, typ, _ := strings.Cut(f, " ")
		s += strings.ToUpper(tag[:1]) + tag[1:] + " " + typ + " `destam:\"" + tag + "\"`\n"
	}
	return s + "}\n\n"
}

func document(table string, s string) string {
	return strings.Replace(s, "{\n", "{\n_ struct{} `destam:\"table="+table+"\"`\n", 1)
}

// TestLockFollows holds what a lock says of structs that are renamed, split and
// joined: what counts is where something is stored.
func TestLockFollows(t *testing.T) {
	const task = "Note.task struct Task\nTask.text string\ntable notes Note\n"
	for _, c := range []struct {
		name   string
		before string // fields of the document that was generated first
		after  string
		want   string // lines of the lock then
		wrong  string // or a part of the message
	}{
		{
			"a struct renamed",
			document("notes", fields("Note", "task Task")) + fields("Task", "text string"),
			document("notes", fields("Note", "task Todo")) + fields("Todo", "text string"),
			"Note.task struct Todo\nTodo.text string\ntable notes Note\n", "",
		},
		{
			"renamed and another kind",
			document("notes", fields("Note", "task Task")) + fields("Task", "text string"),
			document("notes", fields("Note", "task Todo")) + fields("Todo", "text int"),
			"", `"text" was string and is int now`,
		},
		{
			"a new struct takes the name",
			document("notes", fields("Note", "task Task")) + fields("Task", "text string"),
			document("notes", fields("Note", "task Todo", "new Task")) + fields("Todo", "text string") + fields("Task", "text int"),
			"Note.new struct Task\nNote.task struct Todo\nTask.text int\nTodo.text string\ntable notes Note\n", "",
		},
		{
			"split in two",
			document("notes", fields("Note", "a Task", "b Task")) + fields("Task", "text string", "old int"),
			document("notes", fields("Note", "a A", "b B")) + fields("A", "text string") + fields("B", "text string", "old int"),
			"A.old int retired\nA.text string\nB.old int\nB.text string\nNote.a struct A\nNote.b struct B\ntable notes Note\n", "",
		},
		{
			"joined from two",
			document("notes", fields("Note", "a A", "b []B")) + fields("A", "x string") + fields("B", "y int"),
			document("notes", fields("Note", "a C", "b []C")) + fields("C", "x string", "y int"),
			"C.x string\nC.y int\nNote.a struct C\nNote.b list struct C\ntable notes Note\n", "",
		},
		{
			"joined, and they contradict",
			document("notes", fields("Note", "a A", "b []B")) + fields("A", "x string") + fields("B", "x int"),
			document("notes", fields("Note", "a C", "b []C")) + fields("C", "x string"),
			"", `"x" was int and is string now`,
		},
		{
			"recursive, renamed",
			document("notes", fields("Note", "tree Tree")) + fields("Tree", "sub []Tree"),
			document("notes", fields("Note", "tree Node")) + fields("Node", "sub []Node"),
			"Node.sub list struct Node\nNote.tree struct Node\ntable notes Note\n", "",
		},
		{
			"a struct of no document, by its name",
			fields("Task", "text string"),
			fields("Task", "text bool"),
			"", `"text" was string and is bool now`,
		},
		{
			"the document renamed",
			document("notes", fields("Note", "task Task")) + fields("Task", "text string"),
			document("notes", fields("Memo", "task Task")) + fields("Task", "text string"),
			strings.ReplaceAll(task, "Note", "Memo"), "",
		},
		{
			"everything gone",
			document("notes", fields("Note", "task Task")) + fields("Task", "text string"),
			fields("Other", "x int"),
			"Note.task struct Task retired\nOther.x int\nTask.text string retired\ntable notes Note retired\n", "",
		},
		{
			"optional is another kind",
			fields("Note", "title string"),
			fields("Note", "title *string"),
			"", `"title" was string and is optional string now`,
		},
		{
			"a named type is not",
			fields("Note", "title string", "made []int"),
			fields("Note", "title Text", "made Ints") + "type Text string\n\ntype Ints []int\n",
			"Note.made list int\nNote.title string\n", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			lock, ds := next(t, "", c.before)
			if len(ds) > 0 {
				t.Fatal(ds)
			}
			got, ds := next(t, lock, c.after)
			if c.wrong != "" {
				if len(ds) != 1 || !strings.Contains(ds[0].Message, c.wrong) {
					t.Fatalf("said %v, want %q", ds, c.wrong)
				}
				return
			}
			if len(ds) > 0 {
				t.Fatal(ds)
			}
			var lines []string
			for line := range strings.Lines(got) {
				if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "destam.lock") {
					lines = append(lines, line)
				}
			}
			if d := cmp.Diff(strings.Join(lines, ""), c.want); d != "" {
				t.Errorf("got and want: %s", d)
			}
		})
	}
}

// TestLockMerge holds that two branches merge: the lines of both, in whatever
// order and with doubles, are a lock that generating for both leaves as it would
// have become in one branch.
func TestLockMerge(t *testing.T) {
	base, _ := next(t, "", document("notes", fields("Note", "a int", "b string")))
	ours, _ := next(t, base, document("notes", fields("Note", "a int", "c bool")))
	theirs, _ := next(t, base, document("notes", fields("Note", "a int", "b string", "d Part"))+fields("Part", "x int"))
	both := document("notes", fields("Note", "a int", "c bool", "d Part")) + fields("Part", "x int")

	want, ds := next(t, ours, both)
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	head, _, _ := strings.Cut(base, "\n")
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		merged := append(strings.Split(ours, "\n")[1:], strings.Split(theirs, "\n")[1:]...)
		random.Shuffle(len(merged), func(i, j int) { merged[i], merged[j] = merged[j], merged[i] })
		got, ds := next(t, head+"\n"+strings.Join(merged, "\n"), both)
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		if d := cmp.Diff(got, want); d != "" {
			t.Fatalf("got and want: %s", d)
		}
	}
}

// TestLockText holds that a lock is its text: sorted lines that read back the
// same.
func TestLockText(t *testing.T) {
	text, _ := next(t, "", document("notes", fields("Note", "z int", "a map[string][][]int", "m *Part"))+fields("Part", "x []byte"))
	l, ds := schema.ParseLock("destam.lock", []byte(text))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if d := cmp.Diff(l.String(), text); d != "" {
		t.Errorf("read back, got and want: %s", d)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines = lines[slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Note") }):]; !slices.IsSorted(lines) {
		t.Errorf("not sorted: %q", lines)
	}
	if crlf, ds := schema.ParseLock("destam.lock", []byte(strings.ReplaceAll(text, "\n", "\r\n"))); len(ds) > 0 || crlf.String() != text {
		t.Errorf("with the line ends of Windows: %v", ds)
	}
}

// FuzzParseLock holds that no text breaks the parser, and that the text of what
// it accepts says the same.
func FuzzParseLock(f *testing.F) {
	for _, seed := range []string{
		"", "destam.lock 1\n", "destam.lock 1\nNote.title string\ntable notes Note\n", "destam.lock 1\r\n# x\r\nNote.a map string list struct B retired\r\n",
		"destam.lock 1\nNote.a int local retired\nNote.a string\nNote.b struct local local\nNote.c string now retired\nNote.d struct retired now local retired\n",
		"destam.lock 1\n<<<<<<< a\n", "destam.lock 2\n", "destam.lock 1\nNote.a optional\ntable x\ntable  retired\n.x int\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, ds := schema.ParseLock("destam.lock", []byte(text))
		if len(ds) > 0 {
			return
		}
		once := l.String()
		if once == "" {
			return
		}
		again, ds := schema.ParseLock("destam.lock", []byte(once))
		if len(ds) > 0 || again.String() != once {
			t.Fatalf("%q reads as %q, and that is refused: %v", text, once, ds)
		}
	})
}
