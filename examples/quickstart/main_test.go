package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscript runs the quickstart twice on one folder and compares what it
// says with the committed transcripts.
func TestTranscript(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	for _, golden := range []string{"first.txt", "again.txt"} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, dir, ""); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", golden)
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if out.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", golden, out.String(), want)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) > 60 {
			t.Errorf("%s has %d lines", golden, len(lines))
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > 100 {
				t.Errorf("%s: a line of %d columns: %s", golden, utf8.RuneCountInString(l), l)
			}
			for _, syntax := range []string{"0x", "map[", "{", "}", "<nil>", "notes.", "(*"} {
				if strings.Contains(l, syntax) {
					t.Errorf("%s: Go syntax %q in %s", golden, syntax, l)
				}
			}
		}
	}
}

// TestBadFile wants each bad export refused with its place, and nothing
// imported of it.
func TestBadFile(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"no array":      {"\n  {}", "bad.json:2:3: an export is a JSON array of notes"},
		"empty file":    {"", "bad.json:1:1: an export is a JSON array of notes"},
		"syntax":        {"[\n{\"slug\": \"a\"},\n{\"slug\" \"b\"}]", "bad.json:3:9: invalid character '\"' after object key"},
		"wrong type":    {"[{\"slug\": \"a\"},\n {\"slug\": \"b\", \"tags\": 7}]", "bad.json:2:24: tags cannot be a number"},
		"unknown field": {"[{\"slug\": \"a\"},\n{\"slug\": \"b\",\n \"tittle\": \"x\"}]", "bad.json:3:2: unknown field \"tittle\""},
		"bad date":      {"[{\"slug\": \"a\", \"due\": \"tomorrow\"}]", "bad.json:1:2: "},
		"no slug":       {"[{\"slug\": \"a\"},\n\n  {\"title\": \"b\"}]", "bad.json:3:3: a note needs a slug: it is what a second import knows it by"},
		"same slug":     {"[{\"slug\": \"a\"},\n{\"slug\": \"a\"}]", "bad.json:2:1: the slug \"a\" is that of the note in line 1"},
		"cut off":       {"[{\"slug\": \"a\"},\n{\"slug\": \"b\"", "bad.json:2:12: unexpected end of JSON input"},
		"trailing":      {"[{\"slug\": \"a\"}]\nmore", "bad.json:2:1: invalid character 'm' after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			notes, err := parse("bad.json", []byte(c.data))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || notes != nil {
				t.Errorf("got %d notes and %v, want %s", len(notes), err, c.want)
			}
			dir := t.TempDir()
			file := filepath.Join(dir, "bad.json")
			if err := os.WriteFile(file, []byte(c.data), 0o644); err != nil {
				t.Fatal(err)
			}
			store := filepath.Join(dir, "store")
			if err := run(t.Context(), new(bytes.Buffer), store, file); err == nil {
				t.Error("the program takes it")
			}
			if _, err := os.Stat(store); err == nil {
				t.Error("a store was made for a file that imports nothing")
			}
		})
	}
}

// TestShipped wants the variety that the shipped export is there for.
func TestShipped(t *testing.T) {
	all, err := parse("notes.json", shipped)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 200 {
		t.Errorf("%d notes", len(all))
	}
	var absent, empty, deep, long, emoji int
	for _, n := range all {
		if n.Due == nil {
			absent++
		}
		if n.Title == "" {
			empty++
		}
		if strings.Contains(n.Title, "🇨🇿") {
			emoji++
		}
		if len(n.Meta["text"]) >= 100_000 {
			long++
		}
		for _, t := range n.Tasks {
			for _, s := range t.Sub {
				if len(s.Sub) > 0 {
					deep++
				}
			}
		}
	}
	if absent == 0 || empty == 0 || deep == 0 || long == 0 || emoji == 0 {
		t.Errorf("absent dates %d, empty titles %d, tasks three deep %d, long texts %d, emoji %d", absent, empty, deep, long, emoji)
	}
}
