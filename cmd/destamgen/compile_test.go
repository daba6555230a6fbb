package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/destam-go/destamgen"

// TestStaleDoesNotCompile holds the guards: whatever changes in a struct after
// its output was written, the compiler's first message says what to do.
func TestStaleDoesNotCompile(t *testing.T) {
	const before = `package p

import "example.com/user/FOLDER/kinds"

type Status string

type Note struct {
	Title  string   ` + "`destam:\"title\" json:\"title\"`" + `
	Labels []string ` + "`destam:\"labels\"`" + `
	Status Status   ` + "`destam:\"status\"`" + `
	Level  kinds.Level ` + "`destam:\"level\"`" + `
	Grid   [size]int   ` + "`destam:\"grid\"`" + `
	Rows   map[string][2][kinds.Size]byte ` + "`destam:\"rows\"`" + `
	left   int
}

const size = 4
`
	const kinds = "package kinds\n\ntype Level int8\n\nconst Size = 16\n"
	changes := map[string][2]string{
		"a field renamed":             {"Title  string", "Head   string"},
		"a field added":               {"left   int", "left   int\n\tright int"},
		"a field gone":                {"\tleft   int\n", ""},
		"another type":                {"Title  string", "Title  int"},
		"another order":               {"left   int\n", "left, a int\n"},
		"another name in the tag":     {`destam:"title"`, `destam:"head"`},
		"an option in the tag":        {`destam:"title"`, `destam:"title,local"`},
		"a tag of another package":    {`json:"title"`, `json:"head"`},
		"another type under the name": {"Status string", "Status int"},
		"another in another package":  {"Level int8", "Level string"},
		"a constant length":           {"size = 4", "size = 8"},
		"one of another package":      {"Size = 16", "Size = 17"},
	}
	dir := userModule(t)
	want := map[string]string{}
	for what, change := range changes {
		folder := strings.ReplaceAll(what, " ", "_")
		files := map[string]string{"p.go": strings.ReplaceAll(before, "FOLDER", folder), "kinds/kinds.go": kinds}
		if err := os.MkdirAll(filepath.Join(dir, folder, "kinds"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if status := command([]string{filepath.Join(dir, folder)}, os.Stderr, os.Stderr); status != exitGood {
			t.Fatalf("destamgen: exit status %d", status)
		}
		changed := false
		for name, text := range files {
			after := strings.Replace(text, change[0], change[1], 1)
			changed = changed || after != text
			if err := os.WriteFile(filepath.Join(dir, folder, name), []byte(after), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if !changed {
			t.Fatalf("%s changes nothing", what)
		}
		want["# example.com/user/"+folder] = what
	}
	message := regexp.MustCompile(`Note_changed_run_go_generate|\*?Status|kinds\.Level`)
	out := goFails(t, dir, "build", "./...")
	for part := range strings.SplitSeq("\n"+out, "\n# ") {
		head, rest, _ := strings.Cut(part, "\n")
		first, _, _ := strings.Cut(rest, "\n")
		if what, ok := want["# "+head]; ok && message.MatchString(first) {
			delete(want, "# "+head)
		} else if ok {
			t.Errorf("%s: the first message is %q", what, first)
		}
	}
	for _, what := range want {
		t.Errorf("%s: stale output compiles, or its first message says nothing", what)
	}
}

// TestGoGenerate runs go generate in a module of a user's, which has models and
// nothing yet that imports the runtime, and vets what came of it.
func TestGoGenerate(t *testing.T) {
	dir := userModule(t)
	const note = "package notes\n\n//go:generate go tool destamgen\n\ntype Note struct {\n" +
		"\t_     struct{} `destam:\"table=notes\"`\n\tTitle string   `destam:\"title\"`\n}\n"
	path := filepath.Join(dir, "deep", "notes", "note.go")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(note), 0o644); err != nil {
		t.Fatal(err)
	}
	goCommand(t, dir, "generate", "./...")
	goCommand(t, dir, "vet", "./...")
	for _, name := range []string{"note_destam.go", "destam.lock"} {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil {
			t.Error(err)
		}
	}

	wrong := strings.Replace(note, "title\"", "title,unike\"", 1)
	if err := os.WriteFile(path, []byte(wrong), 0o644); err != nil {
		t.Fatal(err)
	}
	out := goFails(t, dir, "generate", "./...")
	if want := "note.go:7:32: field Title: unknown option \"unike\" (fix: unique)\n"; !strings.HasPrefix(out, want) {
		t.Errorf("go generate says %q, want %q first", out, want)
	}
}

// userModule makes a module in an empty folder that uses this tree, with the
// requirements of this tree, so that nothing has to be looked up.
func userModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(string(text), "module "+module, "module example.com/user", 1) +
		"\nrequire " + module + " v0.0.0\n\nreplace " + module + " => " + root + "\n"
	if tool := "\ntool " + module + "/cmd/destamgen\n"; !strings.Contains(mod, tool) {
		mod += tool
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"go.mod": mod, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goCommand runs the go command in dir.
func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := run(dir, args...); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// goFails runs the go command in dir, which must exit with an error, and gives
// what it said.
func goFails(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := run(dir, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("go %s: %v, want a failure\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func run(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
