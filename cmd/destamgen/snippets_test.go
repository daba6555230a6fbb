package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/destam-go/destamgen/gen"
)

// block is some Go in a text for people.
type block struct {
	path string // of the text, from the top of the tree
	line int    // of its first line there
	text string
}

// TestSnippets compiles the Go of README.md and docs/, with the names of
// testdata/snippets.txtar. A block leaves out what a reader knows: it may
// declare what it does not use, and nothing else may be wrong with it.
func TestSnippets(t *testing.T) {
	archive, err := txtar.ParseFile("../../testdata/snippets.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := userModule(t)
	names := ""
	for _, f := range archive.Files {
		if f.Name == "names.go" {
			names = string(f.Data)
			continue
		}
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	if _, err := gen.Run(gen.Config{Dir: dir, Folders: []string{"projects"}}); err != nil {
		t.Fatal(err)
	}
	blocks := goBlocks(t)
	if len(blocks) < 15 {
		t.Fatalf("only %d blocks were found: this test looks in the wrong place", len(blocks))
	}
	for i, b := range blocks {
		write(t, filepath.Join(dir, fmt.Sprintf("block%d", i), "block.go"), b.file(names))
	}
	out, err := run(dir, "build", "-gcflags=-e", "./...") // -e: all that is wrong
	if err == nil {
		t.Error("no block leaves anything unused: what the compiler says was lost")
	}
	for line := range strings.Lines(out) {
		if !unused.MatchString(line) && !strings.HasPrefix(line, "# ") {
			t.Error(strings.TrimSpace(line[strings.Index(line, "//")+len("//"):]))
		}
	}
}

// unused is what the compiler says of what a block declares for its reader only.
var unused = regexp.MustCompile(`: declared and not used: \w+\n$`)

// goBlocks gives the Go of README.md and of the texts in docs.
func goBlocks(t *testing.T) []block {
	t.Helper()
	texts, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, path := range append(texts, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shown := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		for _, at := range fenced.FindAllSubmatchIndex(text, -1) {
			blocks = append(blocks, block{shown, 1 + bytes.Count(text[:at[2]], []byte("\n")), string(text[at[2]:at[3]])})
		}
	}
	return blocks
}

var fenced = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// file gives a Go file with the names that blocks use and the block, whose lines
// the compiler calls by their places in the text.
func (b block) file(names string) string {
	begin, end := "func _() {\n", "}\n"
	if strings.HasPrefix(b.text, "func ") {
		begin, end = "", ""
	}
	return names + begin + fmt.Sprintf("//line //%s:%d\n", b.path, b.line) + strings.ReplaceAll(b.text, "…", `panic("…")`) + end
}

// write writes a file with the folders above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
