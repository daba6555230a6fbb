package emit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Version names what File writes for a given model. It changes with every change
// of the output, so that output of an older destamgen is known to be stale.
const Version = "3"

// mark begins the second line of every output, which holds a sum over the model
// and over the rest of the file. Where it is right, rendering would give the very
// same bytes and need not be done.
const mark = "//destamgen:sum "

// seal adds the sum to a rendered file.
func seal(p *schema.Package, f *schema.File, source []byte) []byte {
	line := bytes.IndexByte(source, '\n') + 1
	sum := mark + sum(p, f, source) + "\n"
	return append(append(append([]byte{}, source[:line]...), sum...), source[line:]...)
}

// Fresh says whether the file that is there is what File would give, without
// rendering it.
func Fresh(p *schema.Package, f *schema.File, there []byte) bool {
	first, rest, _ := bytes.Cut(there, []byte("\n"))
	second, rest, found := bytes.Cut(rest, []byte("\n"))
	said, marked := bytes.CutPrefix(second, []byte(mark))
	if !found || !marked {
		return false
	}
	source := append(append(append([]byte{}, first...), '\n'), rest...)
	return string(said) == sum(p, f, source)
}

func sum(p *schema.Package, f *schema.File, source []byte) string {
	h := sha256.New()
	fingerprint(h, p, f)
	h.Write(source)
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// fingerprint writes everything that the output for f depends on. Where things
// are in the source is not among it: moving a struct down a line changes nothing.
func fingerprint(h hash.Hash, p *schema.Package, f *schema.File) {
	fmt.Fprintf(h, "%q %q %q %q %q %q\n", Version, p.Name, p.Parameter, f.Name, f.Constraint, f.Imports)
	for _, s := range f.Structs {
		fmt.Fprintf(h, "struct %q %q %t %t %t\n", s.Name, s.Table, s.Nested, s.WithIs, s.WithAbsent)
		fields(h, s)
		if s.Section != nil {
			fmt.Fprintf(h, "section %q\n", s.Section.Name)
			fields(h, s.Section.Type.Struct) // it may be in another file
		}
	}
}

func fields(h hash.Hash, s *schema.Struct) {
	for _, f := range s.Tagged() {
		if !slices.Contains(s.Fields, f) { // of a struct that is embedded
			fmt.Fprintf(h, "%q %q %q %s\n", f.Name, f.Literal, f.Doc, typeText(f.Type))
		}
	}
	for _, f := range s.Fields {
		for _, w := range f.Former {
			fmt.Fprintf(h, "was %q %q\n", w.Name, w.Upcast)
		}
		fmt.Fprintf(h, "%q %t %q %q %q %s\n", f.Name, f.Embedded, f.Literal, f.Doc, f.Source, typeText(f.Type))
	}
}

// typeText says all of a type that the output shows, names and what they stand
// for.
func typeText(t *schema.Type) string {
	if t == nil {
		return ""
	}
	parts := []string{fmt.Sprint(t.Kind), t.Basic, t.Name.Path, t.Name.Name, typeText(t.Key), typeText(t.Elem)}
	if t.Len != 0 || t.Codec != "" || len(t.Written) > 0 {
		parts = append(parts, fmt.Sprintf("%d %q %q", t.Len, t.Codec, t.Written))
	}
	return "(" + strings.Join(parts, " ") + ")"
}
