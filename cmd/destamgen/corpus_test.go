package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen"
)

// dependencies are packages of modules that are there anyway.
var dependencies = []string{
	"github.com/dave/jennifer/jen",
	"github.com/rogpeppe/go-internal/testscript",
	"github.com/vmihailenco/msgpack/v5",
	"golang.org/x/mod/modfile",
	"golang.org/x/tools/go/analysis",
	"golang.org/x/tools/go/analysis/unitchecker",
	"golang.org/x/tools/go/packages",
}

// TestCorpus tries the generator on structs that nobody wrote for it: each
// public struct gets tags from a script, and a file says what comes of it:
// generated, then it compiles, or which of its fields are left out and why.
//
// The long mode adds the well-known modules of testdata/corpus, which are
// downloaded into the module cache, each in a test of its own. (-update writes
// down what comes.)
func TestCorpus(t *testing.T) {
	t.Run("dependencies", func(t *testing.T) {
		try(t, "../..", dependencies, "../../testdata/corpus/dependencies.txt")
	})
	if os.Getenv("DESTAM_LONG") == "" {
		return
	}
	const dir = "../../testdata/corpus"
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "corpus.go"), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := strings.ReplaceAll(path, "/", "-")
		t.Run(name, func(t *testing.T) {
			try(t, dir, []string{path}, filepath.Join(dir, "modules", name+".txt"))
		})
	}
}

// try tries packages that the module in dir knows.
func try(t *testing.T, dir string, paths []string, golden string) {
	t.Setenv("GOFLAGS", "-mod=mod")
	t.Setenv("GOWORK", "off")
	user := userModule(t)
	if dir != "../.." {
		join(t, user, dir)
	}
	var out strings.Builder
	copies := map[string]*tagger{}
	for i, p := range listed(t, user, paths) {
		c, err := newTagger(p.dir)
		if err != nil {
			t.Fatal(err)
		}
		folder := fmt.Sprintf("p%02d", i)
		copies[folder] = c
		start := time.Now()
		generate(t, user, folder, c)
		t.Logf("%s: generated in %v", p.path, time.Since(start).Round(time.Millisecond))
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		c.report(&out, p.path+" "+p.version)
	}
	start := time.Now()
	goCommand(t, user, "build", "-gcflags=-N -l", "./...") // what is optimized is not what is tried
	t.Logf("compiled in %v", time.Since(start).Round(time.Millisecond))
	live(t, user, copies)

	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(out.String(), "\n")); d != "" {
		t.Errorf("%s, written down and now (-update writes it down): %s", golden, d)
	}
}

// join makes the user's module require what the module in dir does.
func join(t *testing.T, user, dir string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(user, name)
		ours, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			_, requirements, _ := strings.Cut(string(text), "\nrequire")
			text = []byte("\nrequire" + requirements)
		}
		if err := os.WriteFile(path, slices.Concat(ours, text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tried is a package of the corpus.
type tried struct{ path, dir, version string }

// listed asks the go command where packages are.
func listed(t *testing.T, dir string, paths []string) []tried {
	t.Helper()
	const format = "{{.ImportPath}}\t{{.Dir}}\t{{.Module.Version}}"
	cmd := exec.Command("go", append([]string{"list", "-f", format}, paths...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []tried
	for line := range strings.Lines(string(out)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, tried{parts[0], parts[1], parts[2]})
	}
	return all
}

// generate runs the generator over a copy of a package until it refuses no more:
// what it refuses is left out, field by field, and written down.
func generate(t *testing.T, user, folder string, c *tagger) {
	t.Helper()
	var last gen.Diagnostics
	for range 20 {
		if err := c.write(filepath.Join(user, folder)); err != nil {
			t.Fatal(err)
		}
		_, err := gen.Run(gen.Config{Dir: user, Folders: []string{folder}})
		var wrong gen.Diagnostics
		if err == nil || errors.Is(err, gen.ErrNoStructs) {
			return
		}
		if !errors.As(err, &wrong) {
			t.Fatal(err)
		}
		last = wrong
		said := map[fieldName]bool{}
		for _, d := range wrong {
			name, ok := c.lines[filepath.Base(d.Pos.Filename)][d.Pos.Line]
			if !ok {
				t.Fatalf("nothing can be left out because of %s", d)
			}
			if said[name] {
				continue // the first message of a field will do
			}
			said[name] = true
			if c.refused[name.of] == nil {
				c.refused[name.of] = map[string]string{}
			}
			if c.refused[name.of][name.field] != "" {
				name.field = "" // leaving the field out was not enough
			}
			if c.refused[name.of][name.field] == "" {
				c.refused[name.of][name.field] = elsewhere.ReplaceAllString(d.Message, "")
			}
		}
	}
	t.Fatalf("%s: there is no end of what must be left out:\n%v", c.name, last)
}

// elsewhere is a place that a message names: it says nothing to those who have
// only the message.
var elsewhere = regexp.MustCompile(` \([^ ]+\.go:[0-9]+:[0-9]+\)`)

// report says what became of each struct.
func (t *tagger) report(out *strings.Builder, title string) {
	var whole []string
	var rest strings.Builder
	count := 0
	for _, name := range slices.Sorted(maps.Keys(t.kept)) {
		if !token.IsExported(name) || !t.isStruct(name) {
			continue
		}
		count++
		why := t.refused[name]
		switch {
		case len(why) == 0:
			whole = append(whole, name)
		case why[""] != "":
			fmt.Fprintf(&rest, "  %s: %s\n", name, why[""])
		default:
			fmt.Fprintf(&rest, "  %s, without\n", name)
			for _, field := range slices.Sorted(maps.Keys(why)) {
				fmt.Fprintf(&rest, "    %s\n", strings.TrimPrefix(why[field], "field "))
			}
		}
	}
	fmt.Fprintf(out, "%s: %d structs, %d whole\n", title, count, len(whole))
	line := " "
	for _, name := range whole {
		if len(line)+len(name) > 115 {
			fmt.Fprintln(out, line)
			line = " "
		}
		line += " " + name
	}
	if len(whole) > 0 {
		fmt.Fprintln(out, line)
	}
	out.WriteString(rest.String())
}

// isStruct says whether a type is a struct that has something to keep.
func (t *tagger) isStruct(name string) bool {
	s, ok := t.types[name].Type.(*ast.StructType)
	return ok && len(exported(s)) > 0
}
