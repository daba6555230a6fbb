package emit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// Version names what File writes for a given model. It changes with every change
// of the output, so that output of an older destamgen is known to be stale.
const Version = "6"

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
	h.Write(fingerprint(p, f))
	h.Write(source)
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// fingerprint gives everything that the output for f depends on. Where things
// are in the source is not among it: moving a struct down a line changes nothing.
func fingerprint(p *schema.Package, f *schema.File) []byte {
	w := words{}
	w.say(Version, p.Name, p.Parameter, f.Name, f.Constraint)
	for _, i := range f.Imports {
		w.say("import", i.Path, i.Alias, i.Name)
	}
	for _, s := range f.Structs {
		w.say("struct", s.Name, s.Table)
		w.flags(s.Nested, s.WithIs, s.WithAbsent)
		w.fields(s)
		if s.Section != nil {
			w.say("section", s.Section.Name)
			w.fields(s.Section.Type.Struct) // it may be in another file
		}
	}
	return w.text
}

// words is a text that says which words it was made of.
type words struct{ text []byte }

func (w *words) say(parts ...string) {
	for _, part := range parts {
		w.text = append(strconv.AppendQuote(w.text, part), ' ')
	}
}

func (w *words) flags(flags ...bool) {
	for _, flag := range flags {
		w.text = append(strconv.AppendBool(w.text, flag), ' ')
	}
}

func (w *words) number(n int64) { w.text = append(strconv.AppendInt(w.text, n, 10), ' ') }

func (w *words) fields(s *schema.Struct) {
	for _, f := range s.Tagged() {
		if !slices.Contains(s.Fields, f) { // of a struct that is embedded
			w.say("promoted", f.Name, f.Literal, f.Doc)
			w.typ(f.Type)
		}
	}
	for _, f := range s.Fields {
		for _, former := range f.Former {
			w.say("was", former.Name, former.Upcast)
		}
		w.say("field", f.Name, f.Literal, f.Doc)
		w.flags(f.Embedded)
		w.pieces(f.Source)
		w.typ(f.Type)
	}
}

// typ says all of a type that the output shows, names and what they stand for.
func (w *words) typ(t *schema.Type) {
	if t == nil {
		w.say("")
		return
	}
	w.number(int64(t.Kind))
	w.number(t.Len)
	w.say(t.Basic, t.Name.Path, t.Name.Name, t.Codec)
	w.pieces(t.Written)
	w.typ(t.Key)
	w.typ(t.Elem)
}

func (w *words) pieces(pieces []schema.Piece) {
	w.number(int64(len(pieces)))
	for _, piece := range pieces {
		w.say(piece.Text, piece.Path)
	}
}
