package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestVetArguments(t *testing.T) {
	for _, c := range []struct {
		args, want []string
	}{
		{nil, nil},
		{[]string{"-check", "./..."}, nil},
		{[]string{"folder"}, nil},
		{[]string{"vet"}, []string{"."}},
		{[]string{"vet", "-fix"}, []string{"-fix", "."}},
		{[]string{"vet", "-json", "./..."}, []string{"-json", "./..."}},
		{[]string{"vet", "help"}, []string{"help"}},
		{[]string{"-V=full"}, []string{"-V=full"}},
		{[]string{"-flags"}, []string{"-flags"}},
		{[]string{"-destamtag", "/tmp/vet.cfg"}, []string{"-destamtag", "/tmp/vet.cfg"}},
	} {
		got, ok := vetArguments(c.args)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v, want %q", c.args, got, ok, c.want)
		}
	}
}

// TestVetTool has go vet run the command over what is as it should be: the
// examples, and packages that have never heard of us. (In the long mode the
// test of gen/internal/vet does so with all of the standard library.)
func TestVetTool(t *testing.T) {
	tool := builtTool(t)
	patterns := []string{"./examples/...", "errors", "context", "text/template", "go/types"}
	cmd := exec.Command("go", append([]string{"vet", "-vettool=" + tool}, patterns...)...)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// TestVet runs destamgen vet in a user's module, as go vet's tool and by itself.
func TestVet(t *testing.T) {
	tool := builtTool(t)
	dir := userModule(t)
	const note = "package notes\n\ntype Note struct {\n\t_     struct{} `destam:\"table=notes\"`\n\tTitle string   `destam:\"title,lokal\"`\n}\n"
	right := strings.Replace(note, "lokal", "local", 1)
	path := filepath.Join(dir, "notes", "note.go")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(path, right)
	if status := command([]string{filepath.Dir(path)}, os.Stderr, os.Stderr); status != exitGood {
		t.Fatalf("destamgen: exit status %d", status)
	}
	write(filepath.Join(dir, "use", "use.go"), `package use

import (
	"github.com/destam-go/destamgen/runtime/destam"

	"example.com/user/notes"
)

func Use(note *notes.ONote, heard func(*destam.Commit)) error {
	note.Watch(heard)
	return note.Update(func(n *notes.ONote) error {
		note.SetTitle("x")
		return nil
	})
}
`)
	wants := []string{"use.go:10:2: the stop function of Watch is dropped", "use.go:12:3: note is used inside its own Update"}
	vets(t, dir, 3, wants, tool, "vet", "./...")
	vets(t, dir, 1, wants, "go", "vet", "-vettool="+tool, "./...")
	vets(t, dir, 3, wants[:1], tool, "vet", "-destamstop", "./...")
	vets(t, dir, 0, nil, tool, "vet", "-fix", "-destamouter", "./use")
	vets(t, dir, 3, wants[:1], tool, "vet", "./use")

	// A mistake in a tag is told although the generated code does not compile then.
	write(path, note)
	wants = []string{`note.go:5:32: field Title: unknown option "lokal" (fix: local)`}
	vets(t, dir, 3, wants, tool, "vet", "./notes")
	vets(t, dir, 1, nil, tool, "vet", "-fix", "./notes")
	if text, err := os.ReadFile(path); err != nil || string(text) != right {
		t.Errorf("%v, corrected to:\n%s", err, text)
	}
	vets(t, dir, 0, nil, tool, "vet", "./notes")
	write(path, strings.Replace(right, "\tTitle", "\t// Title is a new comment.\n\tTitle", 1))
	vets(t, dir, 3, []string{"note_destam.go is stale: run go generate"}, tool, "vet", "./notes")
}

// vets runs a command that looks at packages: its exit status and what it says.
func vets(t *testing.T, dir string, status int, wants []string, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%q: exit status %d, want %d\n%s", args, got, status, out)
	}
	for _, want := range wants {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%q: nothing says %q\n%s", args, want, out)
		}
	}
	if len(wants) > 0 && bytes.Count(out, []byte(".go:")) < len(wants) || len(wants) == 0 && status == 0 && len(out) > 0 {
		t.Errorf("%q says\n%s", args, out)
	}
}

// builtTool builds the command.
func builtTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "destamgen")
	if runtime.GOOS == "windows" {
		tool += ".exe"
	}
	goCommand(t, ".", "build", "-o", tool, ".")
	return tool
}
