package gen_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen"
)

// write makes files in dir, given by name and text in turn.
func write(t testing.TB, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// content gives the files of a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

const note = "package p\n\ntype Note struct {\n\tTitle string `destam:\"title\"`\n}\n"

func TestReport(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/note.go", note, "b/gone.go", note)
	run := func(want gen.Report) {
		t.Helper()
		got, err := gen.Run(gen.Config{Dir: dir, Folders: []string{"./..."}})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(*got, want); d != "" {
			t.Fatalf("got and want: %s", d)
		}
	}
	a, b := filepath.Join("a", "note_destam.go"), filepath.Join("b", "gone_destam.go")
	lockA, lockB := filepath.Join("a", "destam.lock"), filepath.Join("b", "destam.lock")
	run(gen.Report{Written: []string{lockA, lockB, a, b}})
	run(gen.Report{})
	if err := os.Remove(filepath.Join(dir, "b", "gone.go")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a/note.go", strings.Replace(note, "Title string", "Title  string", 1))
	run(gen.Report{Written: []string{lockB}, Removed: []string{b}})
}

// TestNothingHalf holds that a run that cannot write everything changes nothing:
// here the folder of the second package has no room for the new file, because a
// folder has its temporary name.
func TestNothingHalf(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/note.go", note, "b/note.go", note)
	blocked := filepath.Join(dir, "b", fmt.Sprintf(".destam.lock.%d", os.Getpid()))
	if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := [2]map[string]string{content(t, filepath.Join(dir, "a")), content(t, filepath.Join(dir, "b"))}
	if _, err := gen.Run(gen.Config{Dir: dir, Folders: []string{"a", "b"}}); err == nil {
		t.Fatal("no error")
	}
	after := [2]map[string]string{content(t, filepath.Join(dir, "a")), content(t, filepath.Join(dir, "b"))}
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("before and after: %s", d)
	}
}

// TestInterrupted holds that a run which ends while it replaces files can be
// begun again: here the output's place is taken by a folder.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/note.go", note, "b/note.go", note, "b/note_destam.go/in/the.way", "")
	if _, err := gen.Run(gen.Config{Dir: dir, Folders: []string{"a", "b"}}); err == nil {
		t.Fatal("no error")
	}
	if files := content(t, filepath.Join(dir, "b")); len(files) != 2 || files["destam.lock"] == "" {
		t.Errorf("there are %v, and should be the source and its lock", files)
	}
	if err := os.RemoveAll(filepath.Join(dir, "b", "note_destam.go")); err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Run(gen.Config{Dir: dir, Folders: []string{"a", "b"}}); err != nil {
		t.Error(err)
	}
}

// documents writes n structs of ten fields, as many as the budgets are for.
func documents(n int) string {
	var b strings.Builder
	b.WriteString("package docs\n\nimport \"time\"\n\n// State is a named string enum.\ntype State string\n\n" +
		"// Addr is nested.\ntype Addr struct {\n\tStreet string `destam:\"street\"`\n\tZip int `destam:\"zip\"`\n}\n\n")
	for i := range n {
		fmt.Fprintf(&b, "// Doc%03d is a benchmark document.\ntype Doc%03d struct {\n", i, i)
		for _, f := range []string{
			"Name string", "Email *string", "Age int", "Score int64", "Active bool", "Rate float64",
			"Created time.Time", "Blob []byte", "Tags []string", "Home Addr",
		} {
			name, _, _ := strings.Cut(f, " ")
			fmt.Fprintf(&b, "\t%s `destam:%q`\n", f, strings.ToLower(name))
		}
		b.WriteString("}\n\n")
	}
	return b.String()
}

// BenchmarkRun is generating for 100 structs of ten fields: from nothing, and
// when nothing changed. The go command's own start is not in it.
func BenchmarkRun(b *testing.B) {
	source := documents(100)
	for _, state := range []string{"full", "unchanged", "check"} {
		b.Run("state="+state, func(b *testing.B) {
			dir := b.TempDir()
			write(b, dir, "docs.go", source)
			output := filepath.Join(dir, "docs_destam.go")
			if _, err := gen.Run(gen.Config{Dir: dir}); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if state == "full" {
					b.StopTimer()
					if err := os.RemoveAll(output); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if _, err := gen.Run(gen.Config{Dir: dir, Check: state == "check"}); err != nil {
					b.Fatal(err)
				}
			}
			text, err := os.ReadFile(output)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(strings.Count(string(text), "\n")), "lines")
		})
	}
}
