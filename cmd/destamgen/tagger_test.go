package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tagger copies the public structs of a package, with tags for the generator:
// what somebody would write who wants to keep them as documents. It copies the
// exported fields, every type of the package that these need, and of its
// functions only the signatures of methods that decide how a type is stored.
type tagger struct {
	fset    *token.FileSet
	name    string
	files   []*taggedFile
	types   map[string]*ast.TypeSpec
	kept    map[string]bool              // types that are copied
	needed  map[string]bool              // constants that are
	inside  map[string]bool              // structs that another one holds: the others become documents
	refused map[string]map[string]string // by struct and field, why that is left out; field "" is the whole
	lines   map[string]map[int]fieldName // of the copy, by file
}

type taggedFile struct {
	name   string
	text   []byte
	syntax *ast.File
}

// fieldName is a field of a struct, or the struct.
type fieldName struct{ of, field string }

// newTagger reads the package in a folder as it is built for linux/amd64, so
// that what comes of it does not depend on where it runs.
func newTagger(dir string) (*tagger, error) {
	t := &tagger{
		fset: token.NewFileSet(), types: map[string]*ast.TypeSpec{}, kept: map[string]bool{}, needed: map[string]bool{},
		inside: map[string]bool{}, refused: map[string]map[string]string{},
	}
	linux := build.Default
	linux.GOOS, linux.GOARCH, linux.CgoEnabled = "linux", "amd64", false
	p, err := linux.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	t.name = p.Name
	for _, name := range p.GoFiles {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		t.files = append(t.files, &taggedFile{name, text, syntax})
		for spec := range typeSpecs(syntax) {
			t.types[spec.Name.Name] = spec
		}
	}
	for name, spec := range t.types {
		if s, ok := spec.Type.(*ast.StructType); ok && token.IsExported(name) && len(exported(s)) > 0 {
			t.keep(name)
		}
	}
	return t, nil
}

// typeSpecs yields the types that a file declares.
func typeSpecs(f *ast.File) func(func(*ast.TypeSpec) bool) {
	return func(yield func(*ast.TypeSpec) bool) {
		for _, d := range f.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				continue
			}
			for _, spec := range d.Specs {
				if !yield(spec.(*ast.TypeSpec)) {
					return
				}
			}
		}
	}
}

// exported gives the fields of a struct that are copied.
func exported(s *ast.StructType) []*ast.Field {
	var fields []*ast.Field
	for _, f := range s.Fields.List {
		if slices.ContainsFunc(names(f), token.IsExported) {
			fields = append(fields, f)
		}
	}
	return fields
}

// names gives the names of a field, of an embedded one that of its type.
func names(f *ast.Field) []string {
	var all []string
	for _, id := range f.Names {
		all = append(all, id.Name)
	}
	for e := f.Type; len(f.Names) == 0 && len(all) == 0; {
		switch of := e.(type) {
		case *ast.StarExpr:
			e = of.X
		case *ast.IndexExpr:
			e = of.X
		case *ast.IndexListExpr:
			e = of.X
		case *ast.SelectorExpr:
			all = append(all, of.Sel.Name)
		case *ast.Ident:
			all = append(all, of.Name)
		default:
			return nil
		}
	}
	return all
}

// keep takes a type into the copy, and what it needs.
func (t *tagger) keep(name string) {
	spec := t.types[name]
	if spec == nil || t.kept[name] {
		return
	}
	t.kept[name] = true
	if spec.TypeParams != nil {
		for _, p := range spec.TypeParams.List {
			t.need(p.Type)
		}
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		t.need(spec.Type)
		return
	}
	for _, f := range exported(s) {
		t.need(f.Type)
	}
}

// need keeps what an expression names, which is then inside of something.
func (t *tagger) need(e ast.Expr) {
	for _, name := range idents(e) {
		t.keep(name)
		t.needed[name], t.inside[name] = true, true
	}
}

// idents gives the names of the package itself in an expression.
func idents(e ast.Expr) []string {
	var all []string
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			return false
		case *ast.Ident:
			all = append(all, n.Name)
		}
		return true
	})
	return all
}

// stored are the methods that say how a type is stored, or that it cannot be.
var stored = map[string]bool{
	"MarshalText": true, "UnmarshalText": true, "AppendText": true, "MarshalBinary": true, "UnmarshalBinary": true, "AppendBinary": true,
	"MarshalJSON": true, "UnmarshalJSON": true, "EncodeMsgpack": true, "DecodeMsgpack": true, "MarshalMsgpack": true, "UnmarshalMsgpack": true,
	"Lock": true, "Unlock": true,
}

// write writes the copy into a folder.
func (t *tagger) write(dir string) error {
	t.lines = map[string]map[int]fieldName{}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range t.files {
		text := t.copyOf(f)
		if text == "" {
			continue
		}
		text = fmt.Sprintf("package %s\n\n%s\n%s", t.name, t.imports(f, text), text)
		formatted, err := format.Source([]byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		// A name such as x_windows.go was right for where it came from.
		name := strings.ReplaceAll(strings.TrimSuffix(f.name, ".go"), "_", "") + ".go"
		if err := os.WriteFile(filepath.Join(dir, name), formatted, 0o644); err != nil {
			return err
		}
		if t.lines[name], err = places(formatted); err != nil {
			return err
		}
	}
	return nil
}

// copyOf gives what is copied of a file, without its head.
func (t *tagger) copyOf(f *taggedFile) string {
	var out strings.Builder
	text := func(from, to token.Pos) string {
		return string(f.text[from-f.syntax.FileStart : to-f.syntax.FileStart])
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok && t.kept[spec.Name.Name] {
					if doc := cmpOr(spec.Doc, d.Doc); doc != nil {
						out.WriteString(text(doc.Pos(), doc.End()) + "\n")
					}
					out.WriteString("type " + t.typeText(f, spec) + "\n\n")
				}
			}
			if d.Tok == token.CONST && t.needs(d) {
				out.WriteString(text(d.Pos(), d.End()) + "\n\n")
			}
		case *ast.FuncDecl:
			if d.Recv != nil && stored[d.Name.Name] && t.kept[receiverOf(d)] && t.knows(d.Type) {
				out.WriteString(text(d.Pos(), d.Type.End()) + " { panic(\"only its signature was copied\") }\n\n")
			}
		}
	}
	return out.String()
}

// knows says whether the copy has what a signature names.
func (t *tagger) knows(signature *ast.FuncType) bool {
	for _, list := range []*ast.FieldList{signature.Params, signature.Results} {
		if list == nil {
			continue
		}
		for _, p := range list.List {
			for _, name := range idents(p.Type) {
				if t.types[name] != nil && !t.kept[name] {
					return false
				}
			}
		}
	}
	return true
}

func cmpOr(a, b *ast.CommentGroup) *ast.CommentGroup {
	if a != nil {
		return a
	}
	return b
}

func receiverOf(d *ast.FuncDecl) string {
	if found := idents(d.Recv.List[0].Type); len(found) > 0 {
		return found[0]
	}
	return ""
}

// needs says whether a constant of a declaration is needed.
func (t *tagger) needs(d *ast.GenDecl) bool {
	for _, spec := range d.Specs {
		for _, id := range spec.(*ast.ValueSpec).Names {
			if t.needed[id.Name] {
				return true
			}
		}
	}
	return false
}

// change is text instead of a part of a file.
type change struct {
	from, to token.Pos
	text     string
}

// typeText gives a type with its tags.
func (t *tagger) typeText(f *taggedFile, spec *ast.TypeSpec) string {
	var changes []change
	s, ok := spec.Type.(*ast.StructType)
	if ok {
		changes = t.fields(f, spec, s)
	}
	var out strings.Builder
	at := spec.Pos()
	for _, c := range changes {
		out.Write(f.text[at-f.syntax.FileStart : c.from-f.syntax.FileStart])
		out.WriteString(c.text)
		at = c.to
	}
	out.Write(f.text[at-f.syntax.FileStart : spec.End()-f.syntax.FileStart])
	return out.String()
}

// fields gives what changes in a struct: fields that are not exported are
// replaced by nothing, the others get a tag.
func (t *tagger) fields(f *taggedFile, spec *ast.TypeSpec, s *ast.StructType) (changes []change) {
	name := spec.Name.Name
	why := t.refused[name]
	tagged := token.IsExported(name) && why[""] == "" && len(exported(s)) > 0
	if tagged && !t.inside[name] && spec.TypeParams == nil {
		changes = append(changes, change{s.Fields.Opening + 1, s.Fields.Opening + 1,
			"\n_ struct{} `destam:\"table=" + strings.ToLower(name) + "\"`\n"})
	}
	for _, field := range s.Fields.List {
		all := names(field)
		if !slices.ContainsFunc(all, token.IsExported) || internal(f.syntax, field.Type) {
			changes = append(changes, change{field.Pos(), field.End(), "_ struct{}"})
			continue
		}
		if !tagged {
			continue
		}
		value, to := "", field.Type.End()
		if field.Tag != nil {
			value, _ = strconv.Unquote(field.Tag.Value)
			to = field.Tag.End()
		}
		typ := string(f.text[field.Type.Pos()-f.syntax.FileStart : field.Type.End()-f.syntax.FileStart])
		var lines []string // A, B int becomes two lines: each needs a name
		for _, name := range all {
			tag := tagName(value, name)
			if why[name] != "" {
				tag = "-"
			}
			line := typ + " " + quoted(strings.TrimSpace(value+" destam:"+strconv.Quote(tag)))
			if len(field.Names) > 0 {
				line = name + " " + line
			}
			if token.IsExported(name) {
				lines = append(lines, line)
			}
		}
		changes = append(changes, change{field.Pos(), to, strings.Join(lines, "\n")})
	}
	return changes
}

func quoted(tag string) string {
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

var goodName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// tagName gives the name that the field has elsewhere, or what its Go name makes.
func tagName(tag, field string) string {
	for _, key := range []string{"json", "yaml", "toml", "mapstructure"} {
		if name, _, _ := strings.Cut(reflect.StructTag(tag).Get(key), ","); goodName.MatchString(name) {
			return name
		}
	}
	r, size := utf8.DecodeRuneInString(field)
	return string(unicode.ToLower(r)) + field[size:]
}

// internal says whether a type names a package that others may not import.
func internal(f *ast.File, e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				for _, spec := range f.Imports {
					p, _ := strconv.Unquote(spec.Path.Value)
					found = found || slices.Contains(strings.Split(p, "/"), "internal") && strings.Contains(p, id.Name)
				}
			}
		}
		return true
	})
	return found
}

// imports gives the imports that a text uses.
func (t *tagger) imports(f *taggedFile, text string) string {
	syntax, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.SkipObjectResolution)
	if err != nil {
		return ""
	}
	used := map[string]bool{}
	ast.Inspect(syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := s.X.(*ast.Ident); ok {
				used[id.Name] = true
			}
		}
		return true
	})
	var out strings.Builder
	for _, spec := range f.syntax.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		name := guess(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if used[name] {
			fmt.Fprintf(&out, "import %s %q\n", name, p)
		}
	}
	return out.String()
}

// guess gives the name of the package at a path, as it is with all of the corpus.
func guess(p string) string {
	parts := strings.Split(p, "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && regexp.MustCompile(`^v[0-9]+$`).MatchString(last) && !strings.Contains(p, "k8s.io") && !strings.Contains(p, "specs-go") {
		last = parts[len(parts)-2]
	}
	last = regexp.MustCompile(`\.v[0-9]+$`).ReplaceAllString(last, "")
	last = strings.TrimSuffix(strings.TrimPrefix(last, "go-"), "-go")
	return strings.ReplaceAll(last, "-", "")
}

// places gives the struct and the field of each line.
func places(text []byte) (map[int]fieldName, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := map[int]fieldName{}
	for spec := range typeSpecs(f) {
		at[fset.Position(spec.Pos()).Line] = fieldName{of: spec.Name.Name}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range s.Fields.List {
			for line := fset.Position(field.Pos()).Line; line <= fset.Position(field.End()).Line; line++ {
				name := ""
				if all := names(field); len(all) > 0 && all[0] != "_" {
					name = all[0]
				}
				at[line] = fieldName{spec.Name.Name, name}
			}
		}
	}
	return at, nil
}
