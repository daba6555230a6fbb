package emit_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen/internal/emit"
	"github.com/destam-go/destamgen/gen/internal/load"
	"github.com/destam-go/destamgen/gen/internal/schema"
)

// model reads a package of files, given by name and text in turn.
func model(t *testing.T, files ...string) *schema.Package {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := load.Read(dir, "", load.FromSource)
	if err != nil {
		t.Fatal(err)
	}
	wrong, _ := append(folder.Wrong, schema.Check(folder.Package)...).Split()
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return folder.Package
}

// render gives the output for the first file of the package.
func render(t *testing.T, p *schema.Package) string {
	t.Helper()
	out, err := emit.File(p, p.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// squeeze takes away what gofmt aligns columns with.
func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

// TestFields shows, for a field of each kind, the Go that it becomes.
func TestFields(t *testing.T) {
	const note = "type Note struct {\n_ struct{} `destam:\"table=notes\"`\nQuery Section `destam:\"query\"`\n"
	const section = "type Section struct {\n"
	for _, c := range []struct {
		name  string
		of    string // the struct that the field is the last of
		field string
		want  string
	}{
		{"a scalar", note, "Title string `destam:\"title\"`", `
func (o *ONote) Title() string { return destam.Get(&o.OObject, &o.v.title) }
func (o *ONote) SetTitle(v string) { destam.Set(&o.OObject, 1, &o.v.title, v) }
func (l *NoteLens) Title() *destam.Lens[string] { return destam.LensAt[string](l, 1) }
	title string`},
		{"a named scalar", note, "Status Status `destam:\"s\"`", `
var _ = (*string)((*Status)(nil))
func (o *ONote) Status() Status { return destam.Get(&o.OObject, &o.v.status) }
func (o *ONote) SetStatus(v Status) { destam.Set(&o.OObject, 1, &o.v.status, v) }
	status Status`},
		{"a float", note, "Rate float32 `destam:\"rate\"`", `
func (o *ONote) Rate() float32 { return destam.Get(&o.OObject, &o.v.rate) }
func (o *ONote) SetRate(v float32) { destam.SetFloat(&o.OObject, 1, &o.v.rate, v) }`},
		{"an instant", note, "Made time.Time `destam:\"made\"`", `
	"time"
func (o *ONote) Made() time.Time { return destam.Get(&o.OObject, &o.v.made) }
func (o *ONote) SetMade(v time.Time) { destam.SetTime(&o.OObject, 1, v) }`},
		{"bytes", note, "Blob []byte `destam:\"blob\"`", `
func (o *ONote) Blob() []byte { return destam.GetBytes(&o.OObject, &o.v.blob) }
func (o *ONote) SetBlob(v []byte) { destam.SetBytes(&o.OObject, 1, v) }
func (l *NoteLens) Blob() *destam.Lens[[]byte] { return destam.LensAt[[]byte](l, 1) }`},
		{"an optional scalar", note, "Left *int `destam:\"left\"`", `
func (o *ONote) Left() (int, bool) { return destam.GetOptional(&o.OObject, &o.v.left) }
func (o *ONote) SetLeft(v int) { destam.SetOptional(&o.OObject, 1, v) }
func (o *ONote) ClearLeft() { destam.ClearOptional(&o.OObject, 1) }
func (l *NoteLens) Left() *destam.Lens[int] { return destam.LensAt[int](l, 1) }
	left destam.Optional[int]`},
		{"an optional float", note, "Rate *float64 `destam:\"rate\"`",
			"func (o *ONote) SetRate(v float64)     { destam.SetOptionalFloat(&o.OObject, 1, v) }"},
		{"an optional instant", note, "Due *time.Time `destam:\"due\"`", `
func (o *ONote) Due() (time.Time, bool) { return destam.GetOptional(&o.OObject, &o.v.due) }
func (o *ONote) SetDue(v time.Time) { destam.SetOptionalTime(&o.OObject, 1, v) }`},
		{"a nested struct", note, "Home Addr `destam:\"home\"`", `
func (o *ONote) Home() *OAddr { return (*OAddr)(destam.Inner(&o.OObject, 1)) }
func (l *NoteLens) Home() *AddrLens { return (*AddrLens)(destam.InnerLens(l, 1)) }
	home oAddr`},
		{"an optional struct", note, "Home *Addr `destam:\"home\"`", `
func (o *ONote) Home() *OAddr { return (*OAddr)(destam.GetChild(&o.OObject, 1)) }
func (o *ONote) SetHome(v Addr) { destam.SetChild(&o.OObject, 1, &v) }
func (o *ONote) ClearHome() { destam.ClearChild(&o.OObject, 1) }
func (l *NoteLens) Home() *AddrLens { return (*AddrLens)(destam.InnerLens(l, 1)) }
	home destam.Child[*oAddr]`},
		{"a list of values", note, "Tags []string `destam:\"tags\"`", `
func (o *ONote) Tags() destam.Array[string] { return destam.ArrayOf[string](o, 1) }
func (l *NoteLens) Tags() *destam.LeafArrayLens[string] { return destam.LeavesAt[string](l, 1) }
	tags destam.Leaves`},
		{"a list of lists", note, "Grid [][]Status `destam:\"grid\"`", `
func (o *ONote) Grid() destam.Array[[]Status] { return destam.ArrayOf[[]Status](o, 1) }`},
		{"a list of structs", note, "Homes []Addr `destam:\"homes\"`", `
	return destam.ObjectArrayOf[*OAddr, Addr](o, 1)
func (l *NoteLens) Homes() *destam.ArrayLens[*AddrLens] { return destam.ArrayAt[*AddrLens](l, 1) }
	homes destam.Objects[*oAddr]`},
		{"a map of values", note, "Meta map[Status]int `destam:\"meta\"`", `
func (o *ONote) Meta() destam.Map[Status, int] { return destam.MapOf[Status, int](o, 1) }
	return destam.LeafMapAt[Status, int](l, 1)
	meta destam.Leaves`},
		{"a map of structs", note, "Rooms map[int]Addr `destam:\"rooms\"`", `
	return destam.ObjectMapOf[int, *OAddr, Addr](o, 1)
func (l *NoteLens) Rooms() *destam.MapLens[int, *AddrLens] { return destam.MapAt[int, *AddrLens](l, 1) }
	rooms destam.Objects[*oAddr]`},
		{"another method name", note, "View string `destam:\"view,go=Look\"`", `
func (o *ONote) Look() string { return destam.Get(&o.OObject, &o.v.view) }
func (o *ONote) SetLook(v string) { destam.Set(&o.OObject, 1, &o.v.view, v) }`},
		{"a keyword", note, "Type string `destam:\"type\"`", `
func (o *ONote) Type() string { return destam.Get(&o.OObject, &o.v.type_) }
	type_ string`},
		{"what is left out", note, "Gone chan time.Time `destam:\"-\"`",
			"\t\tGone  chan time.Time `destam:\"-\"`"},

		{"asked: a scalar", section, "Year int16 `destam:\"year\"`", `
func (w *NotePaths) Year() *destam.Where[*ONote, int16] {
	return (*destam.Where[*ONote, int16])(destam.At((*destam.Place)(w), "year"))`},
		{"asked: a unique scalar", section, "Slug Status `destam:\"slug,unique\"`", `
func (o *OSection) SetSlug(v Status) error { return destam.SetUnique(&o.OObject, 0, v) }
func (w *NotePaths) Slug() *destam.Where[*ONote, Status] {`},
		{"asked: an optional unique scalar", section, "Code *int `destam:\"code,unique\"`", `
func (o *OSection) SetCode(v int) error { return destam.SetOptionalUnique(&o.OObject, 0, v) }
func (w *NotePaths) Code() *destam.WhereOptional[*ONote, int] {`},
		{"asked: a list", section, "Tags []Status `destam:\"tags\"`", `
func (w *NotePaths) Tags() *destam.WhereArray[*ONote, Status] {`},
		{"asked: a list of lists", section, "Cube [][][]int `destam:\"cube\"`", `
func (w *NotePaths) Cube() *destam.WhereObjects[*ONote, [][]int, destam.WhereObjects[*ONote, []int, destam.WhereArray[*ONote, int]]] {`},
		{"asked: a list of structs", section, "Items []Addr `destam:\"items\"`", `
func (w *NotePaths) Items() *destam.WhereObjects[*ONote, Addr, AddrPaths[*ONote]] {
type AddrPaths[D any] destam.Place
	return (*destam.Where[D, string])(destam.At((*destam.Place)(w), "city"))
func (w *AddrPaths[D]) Is(v Addr) destam.Predicate[D] { return destam.Is[D]((*destam.Place)(w), &v) }`},
		{"asked: an optional struct", section, "Home *Addr `destam:\"home\"`", `
	return (*AddrPaths[*ONote])(destam.At((*destam.Place)(w), "home"))
func (w *AddrPaths[D]) Absent() destam.Predicate[D] { return destam.Absent[D]((*destam.Place)(w)) }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := "package p\n\nimport \"time\"\n\nvar _ time.Time\n\ntype Status string\n\ntype Addr struct {\nCity string `destam:\"city\"`\n}\n\n"
			if c.of == note {
				src += section + "}\n\n" + note + c.field + "\n}\n"
				src = strings.Replace(src, section+"}", section+"Owner string `destam:\"owner\"`\n}", 1)
			} else {
				src += note + "}\n\n" + section + c.field + "\n}\n"
			}
			out := render(t, model(t, "p.go", src))
			lines := map[string]bool{}
			for line := range strings.SplitSeq(out, "\n") {
				lines[squeeze(line)] = true
			}
			for want := range strings.SplitSeq(strings.TrimPrefix(c.want, "\n"), "\n") {
				if !lines[squeeze(want)] {
					t.Errorf("no line %q in\n%s", want, out)
				}
			}
		})
	}
}

const example = `package p

import "time"

type Status string

type Note struct {
	_     struct{}  ` + "`destam:\"table=notes\"`" + `
	Query Section   ` + "`destam:\"query\"`" + `
	// Title is shown.
	Title string    ` + "`destam:\"title\"`" + `
	Made  time.Time ` + "`destam:\"made\"`" + `
	State Status    ` + "`destam:\"state\"`" + `
	Rooms map[int]Addr ` + "`destam:\"rooms\"`" + `
}

type Section struct {
	Owner string ` + "`destam:\"owner\"`" + `
	Home  Addr   ` + "`destam:\"home\"`" + `
}

type Addr struct {
	City string ` + "`destam:\"city\"`" + `
}
`

// TestForm holds what every output is: the same bytes each time, formatted, and
// one statement in each body, which is a call of the runtime.
func TestForm(t *testing.T) {
	p := model(t, "p.go", example)
	out := render(t, p)
	for range 20 {
		if d := cmp.Diff(render(t, model(t, "p.go", example)), out); d != "" {
			t.Fatalf("two runs differ: %s", d)
		}
	}
	formatted, err := format.Source([]byte(out))
	if err != nil || string(formatted) != out {
		t.Errorf("the output is not formatted: %v %s", err, cmp.Diff(out, string(formatted)))
	}
	f, err := parser.ParseFile(token.NewFileSet(), "p_destam.go", out, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if !ast.IsGenerated(f) {
		t.Error("the header is not that of generated code")
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name == "_" {
			continue
		}
		if len(fn.Body.List) != 1 {
			t.Errorf("%s has %d statements, want 1", fn.Name.Name, len(fn.Body.List))
		}
		calls := 0
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "destam" {
					calls++
				}
			}
			return true
		})
		if calls == 0 {
			t.Errorf("%s calls nothing of the runtime", fn.Name.Name)
		}
	}
}

// TestFresh holds that the sum in a file tells exactly whether rendering would
// change it: whatever is edited, the sum is right if and only if the bytes are.
func TestFresh(t *testing.T) {
	p := model(t, "p.go", example)
	before := []byte(render(t, p))
	if !emit.Fresh(p, p.Files[0], before) {
		t.Fatal("what was just rendered is not fresh")
	}
	for _, c := range []struct{ old, new string }{
		{"package p", "package q"},
		{"package p", "\n\npackage p"},
		{"package p", "//go:build !never\n\npackage p"},
		{"package p", "// Package p has a comment.\npackage p"},
		{`"time"`, `clock "time"`},
		{"time.Time ", "clock.Time "},
		{"Status string", "Status int"},
		{"type Status string", "type D string\n\ntype Status string"},
		{"type Status string", "type Other string\n\ntype Status string"},
		{"// Title is shown.", "// Title is hidden."},
		{"// Title is shown.", "//nolint\n\t// Title is shown."},
		{"Title string", "Head string"},
		{"Title string", "Title *string"},
		{"Title string", "Title []string"},
		{`"title"`, `"head"`},
		{`"title"`, `"title,local"`},
		{`"title"`, `"title,go=Head"`},
		{"table=notes", "table=memos"},
		{"State Status ", "State string "},
		{"map[int]Addr", "map[string]Addr"},
		{"map[int]Addr", "[]Addr"},
		{"Home  Addr", "Home  *Addr"},
		{"Home  Addr", "Home  []Addr"},
		{"City string", "Is string"},
		{`"city"`, `"town"`},
		{"Owner string", "Owner int8"},
		{`"owner"`, `"owner,unique"`},
		{"City string", "hidden int\n\tCity string"},
		{"type Addr struct {", "type Addr struct {\n"},
		{"type Section struct", "// Section is asked.\ntype Section struct"},
	} {
		edited := strings.Replace(example, c.old, c.new, 1)
		if strings.HasPrefix(c.old, `"time`) {
			edited = strings.ReplaceAll(edited, "time.Time", "clock.Time")
		} else if strings.HasPrefix(c.new, "clock") {
			edited = strings.Replace(edited, `"time"`, `clock "time"`, 1)
		}
		if edited == example {
			t.Fatalf("%q changes nothing", c.new)
		}
		p := model(t, "p.go", edited)
		after := []byte(render(t, p))
		if same, fresh := bytes.Equal(before, after), emit.Fresh(p, p.Files[0], before); same != fresh {
			t.Errorf("%q for %q: same bytes %t, fresh %t", c.new, c.old, same, fresh)
		}
		if !emit.Fresh(p, p.Files[0], after) {
			t.Errorf("%q for %q: what was just rendered is not fresh", c.new, c.old)
		}
	}
	for i := range before {
		spoiled := bytes.Clone(before)
		spoiled[i] ^= 1
		if emit.Fresh(p, p.Files[0], spoiled) {
			t.Fatalf("byte %d changed and still fresh", i)
		}
	}
	for i := range before {
		if emit.Fresh(p, p.Files[0], before[:i]) {
			t.Fatalf("cut off at byte %d and still fresh", i)
		}
	}
}

// TestFreshElsewhere holds that output depends on what another file says of the
// types that it uses, and on nothing else in it.
func TestFreshElsewhere(t *testing.T) {
	const note = "package p\n\ntype Note struct {\n_ struct{} `destam:\"table=n\"`\nQuery Section `destam:\"query\"`\nHome Addr `destam:\"home\"`\nState Status `destam:\"state\"`\n}\n"
	const other = "package p\n\ntype Status string\n\ntype Section struct {\nName string `destam:\"name\"`\n}\n\ntype Addr struct {\nCity string `destam:\"city\"`\n}\n"
	p := model(t, "a.go", note, "b.go", other)
	before := []byte(render(t, p))
	for _, c := range []struct{ old, new string }{
		{"Status string", "Status int"},
		{"Name string", "Name int"},
		{"Name string", "Name Addr"},
		{"City string", "City int"},
		{"City string", "City string `destam:\"c\"`\nStreet string"},
	} {
		p := model(t, "a.go", note, "b.go", strings.Replace(other, c.old, c.new, 1))
		same := bytes.Equal(before, []byte(render(t, p)))
		if fresh := emit.Fresh(p, p.Files[0], before); same != fresh {
			t.Errorf("%q for %q: same bytes %t, fresh %t", c.new, c.old, same, fresh)
		}
	}
}

// TestVersion holds that Version changes with what is written: without that,
// output of an older destamgen would pass for fresh. A change of the output needs
// a new version here and there.
func TestVersion(t *testing.T) {
	const known = "6 8dd26275eec2a38df647ebe4"
	out := render(t, model(t, "p.go", example))
	_, rest, _ := strings.Cut(out, "destamgen:sum ")
	sum, _, _ := strings.Cut(rest, "\n")
	if got := fmt.Sprintf("%s %s", emit.Version, sum); got != known {
		t.Errorf("version and sum are %q, were %q: give emit.Version another value if the output has changed", got, known)
	}
}
