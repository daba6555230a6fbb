package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestBadQueries compiles the programs of testdata/compile: what the compiler
// says of each line is what the line says that it does. People read these
// messages, so they are written down in full. One program is right, and is run.
func TestBadQueries(t *testing.T) {
	archive, err := txtar.ParseFile("../../testdata/compile/queries.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := userModule(t)
	for _, f := range archive.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if status := command([]string{filepath.Join(dir, "shop")}, os.Stderr, os.Stderr); status != exitGood {
		t.Fatalf("destamgen: exit status %d", status)
	}
	said := messages(goFails(t, dir, "build", "-gcflags=-e", "./..."))
	bad := 0
	for _, f := range archive.Files {
		for i, line := range strings.Split(string(f.Data), "\n") {
			at := place{f.Name, i + 1}
			_, want, wanted := strings.Cut(line, "// error: ")
			if wanted {
				bad++
			}
			if got := said[at]; wanted && !strings.HasPrefix(got, want) || !wanted && got != "" {
				t.Errorf("%s:%d:\nsaid %q\nwant %q", at.file, at.line, got, want)
			}
			delete(said, at)
		}
	}
	for at, message := range said {
		t.Errorf("%s:%d: %s", at.file, at.line, message)
	}
	if bad < 40 {
		t.Errorf("only %d mistakes are tried", bad)
	}
	goCommand(t, dir, "run", "./run")
}

// place is a line of a file.
type place struct {
	file string
	line int
}

var message = regexp.MustCompile(`^(.+\.go):([0-9]+):[0-9]+: (.*)$`)

// messages gives the compiler's first message for each line.
func messages(out string) map[place]string {
	said := map[place]string{}
	for line := range strings.Lines(out) {
		m := message.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		at := place{filepath.ToSlash(m[1]), n}
		if said[at] == "" {
			said[at] = m[3]
		}
	}
	return said
}
