package gen_test

import (
	"bytes"
	"errors"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/destam-go/destamgen/gen"
)

// FuzzRun holds of any source that a run ends: with mistakes that have a place
// each, and nothing written, or with output that is formatted Go and that a
// second run does not change. (Whether it compiles, other tests hold.)
func FuzzRun(f *testing.F) {
	scripts, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil || len(scripts) < 20 {
		f.Fatal(scripts, err)
	}
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if strings.HasSuffix(file.Name, ".go") {
				f.Add(file.Data)
			}
		}
	}
	f.Setenv("DESTAMGENCACHE", "off")
	f.Setenv("PATH", "") // the go command would be asked for every misspelled import
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, source []byte) { holdRun(t, dir, string(source)) })
}

// FuzzField holds the same of one field of any name, type and tag, in a document,
// in its query section and in a struct of both.
func FuzzField(f *testing.F) {
	for _, c := range [][3]string{
		{"Title", "string", `destam:"title"`}, {"X", "map[string][]Inner", `destam:"x,local"`}, {"X, Y", "*time.Time", `json:"x" destam:"x,go=Z"`},
		{"", "Inner", ""}, {"", "*Inner", `destam:"inner"`}, {"Slug", "Word", `destam:"slug,unique"`}, {"A", "[4][]big.Int", `destam:"a,was=b"`},
		{"Is", "Box[[]Word]", `destam:"is"`}, {"F", "func(struct{ a [4]time.Time }) chan Inner", `destam:"-"`}, {"R", "destam.Ref[ONote]", `destam:"r"`},
		{"_", "struct{}", `destam:"table=t"`}, {"Many", "List[*Inner]", `destam:"many"`}, {"B", "[n]byte", `destam:"b"`}, {"L", "sync.Mutex", `destam:"l"`},
	} {
		f.Add(c[0], c[1], c[2])
	}
	f.Setenv("DESTAMGENCACHE", "off")
	f.Setenv("PATH", "")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, name, typ, tag string) {
		if strings.ContainsAny(name+typ+tag, "`\r\n") {
			t.Skip("more than a field")
		}
		field := name + " " + typ + " `" + tag + "`"
		holdRun(t, dir, `package a

import ("math/big"; "sync"; "time"; "github.com/destam-go/destamgen/runtime/destam")

const n = 4

type (
	Word string
	List[T any] []T
	Box[T any] struct{ V T }
)

func (Box[T]) MarshalText() ([]byte, error) { return nil, nil }
func (*Box[T]) UnmarshalText([]byte) error  { return nil }

type Note struct {
	_     struct{} `+"`destam:\"table=notes\"`"+`
	Query Section  `+"`destam:\"query\"`"+`
	`+field+`
}

type Section struct {
	Deep Inner `+"`destam:\"deep\"`"+`
	`+field+`
}

type Inner struct {
	`+field+`
}

var _ = big.Int{}
var _ sync.Mutex
var _ time.Time
var _ destam.ID
`)
	})
}

// holdRun runs the generator on a source in an empty folder.
func holdRun(t *testing.T, dir, source string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.go", source)
	_, err := gen.Run(gen.Config{Dir: dir})
	var wrong gen.Diagnostics
	switch {
	case errors.As(err, &wrong):
		for _, d := range wrong {
			if d.Pos.Filename != "a.go" || d.Pos.Line < 1 || d.Pos.Column < 1 || d.Message == "" {
				t.Errorf("said nowhere: %v", d)
			}
		}
		if files := content(t, dir); len(files) != 1 {
			t.Errorf("mistakes, but written were %v", files)
		}
		return
	case errors.Is(err, gen.ErrNoStructs):
		return
	case err != nil:
		t.Fatal(err)
	}
	output := []byte(content(t, dir)["a_destam.go"])
	if formatted, err := format.Source(output); err != nil || !bytes.Equal(formatted, output) {
		t.Fatalf("written was %v:\n%s", err, output)
	}
	if report, err := gen.Run(gen.Config{Dir: dir}); err != nil || len(report.Written) > 0 {
		t.Errorf("a second run: %v, %v", report, err)
	}
}
