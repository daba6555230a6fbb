package schema

import (
	"cmp"
	"fmt"
	"go/token"
	"path"
	"slices"
	"strings"
)

// Upcaster is a function of the user's that makes today's value of what a field
// was stored as:
//
//	func upcastNotePriority(old string) (Level, error)
//
// It is called after the struct and the field, and may end in From and any word,
// where a field has several. From and To are nil of a function that is called so
// and does not take one value and give one and an error.
type Upcaster struct {
	Name     string
	Pos      token.Position
	From, To *Type
}

// fits says whether the function can be an upcaster of any field.
func (u *Upcaster) fits() bool {
	return u.From != nil && (u.From.Leaf() || u.From.Kind == List || u.From.Kind == Object)
}

// upcast is how the names of upcasters begin.
const upcast = "upcast"

// IsUpcaster says whether a function may be one by its name.
func IsUpcaster(name string) bool { return strings.HasPrefix(name, upcast) && name != upcast }

// Former is a name that a field had, and the function that reads what is stored
// under it; empty if that is what it is today.
type Former struct{ Name, Upcast string }

// StoredName is the name that a field is stored under: the first one that it had
// since no upcaster was needed.
func (f *Field) StoredName() string {
	name := f.Tag.Name
	for _, w := range f.Tag.Was {
		if slices.ContainsFunc(f.Former, func(former Former) bool { return former.Name == w.Name && former.Upcast != "" }) {
			break
		}
		name = w.Name
	}
	return name
}

// formerName is one name of Tag.Was.
type formerName struct {
	f    *Field
	name string
}

// former judges the names that a field had by one struct of the lock.
func (e *evolution) former(pair lockPair, f *Field) {
	had := func(name string) bool {
		return slices.ContainsFunc(f.Tag.Was, func(w Was) bool { return w.Name == name })
	}
	fields := e.lock.structs[pair.name]
	for _, name := range sortedKeys(fields) {
		old := fields[name]
		if old.now != "" && (old.now == f.Tag.Name || had(old.now)) && !had(name) && name != f.Tag.Name {
			e.report(f.nameAt(), fmt.Sprintf("was=%s; if nothing was ever stored, delete the line %q from %s", name, pair.name+"."+name+" "+old.kind+" now "+old.now, LockName),
				"field %s: it was %q, and what is stored under that name would be lost", f.Name, name)
		}
	}
	for _, w := range f.Tag.Was {
		old, ok := fields[w.Name]
		if f == pair.s.Section { // reported for that
			e.known[formerName{f, w.Name}] = true
			continue
		}
		if why, _ := f.Type.problem(); !ok || why != "" {
			continue
		}
		if e.known[formerName{f, w.Name}] = true; old.now != "" && old.now != f.Tag.Name && !had(old.now) {
			e.report(f.inTag(w.At), "leave it out", "field %s: %q is the former name of %q", f.Name, w.Name, old.now)
			continue
		}
		e.continues(pair, f, w, old)
	}
}

// continues judges whether what is stored under a former name can be read.
func (e *evolution) continues(pair lockPair, f *Field, w Was, old lockField) {
	up, why := e.upcaster(f, old.kind)
	if why {
		return
	}
	if up != nil {
		e.used[up.Name] = true
		if e.inSection(pair.s) {
			e.report(up.Pos, sideBySide, "%s: what queries ask for field %s by is stored with each document, and an upcaster does not reach it", up.Name, f.Name)
			return
		}
		f.addFormer(w.Name, up.Name)
		return
	}
	oldShape, oldStruct := shapeOf(old.kind)
	if shape, _ := shapeOf(f.Type.Stored()); shape == oldShape {
		if o := f.Type.Object(); o != nil {
			e.pair(o, oldStruct)
		}
		f.addFormer(w.Name, "")
		return
	}
	fix := "leave it out: the values then stay where they are"
	if f.Type.Object() != nil || oldStruct != "" || e.inSection(pair.s) {
		fix = sideBySide
	}
	if signature := e.signature(f, old.kind); signature != "" && !e.inSection(pair.s) {
		fix = signature
	}
	e.report(f.inTag(w.At), fix, "field %s: %q was %s and %q is %s: what is stored cannot be read so", f.Name, w.Name, old.kind, f.Tag.Name, f.Type.Stored())
}

// sideBySide is the way out where no upcaster helps.
const sideBySide = "leave the old field as it is, add the new one beside it, and have the program fill that from the old one where it is empty"

// addFormer notes a former name once: a struct may be continued by several.
func (f *Field) addFormer(name, upcast string) {
	if n := (Former{name, upcast}); !slices.Contains(f.Former, n) {
		f.Former = append(f.Former, n)
	}
}

// parts cuts a kind into what holds values and what they are. Optional or not
// makes no difference to a value.
func parts(kind string) (holder, value string) {
	for _, word := range []string{"list ", "optional "} {
		if value, ok := strings.CutPrefix(kind, word); ok {
			return strings.TrimPrefix(word, "optional "), value
		}
	}
	if words := strings.Fields(kind); words[0] == "map" {
		rest, _ := storedKind(words[1:])
		return strings.Join(words[:len(words)-len(rest)], " "), strings.Join(rest, " ")
	}
	return "", kind
}

// value gives the type of the values that a field of type t holds.
func (t *Type) value() *Type {
	switch t.Kind {
	case Optional, List, Map:
		return t.Elem
	}
	return t
}

// upcaster finds the function that reads what a field was stored as, nil if
// there is none; wrong, if it was reported that it cannot.
func (e *evolution) upcaster(f *Field, kind string) (_ *Upcaster, wrong bool) {
	holder, stored := parts(kind)
	nowHolder, _ := parts(f.Type.Stored())
	for i := range e.p.Upcasters {
		u := &e.p.Upcasters[i]
		name := e.upcasterName(f)
		if u.Name != name && !strings.HasPrefix(u.Name, name+"From") {
			continue
		}
		if !u.fits() {
			fix := cmp.Or(strings.TrimPrefix(e.signature(f, kind), "write "), sideBySide)
			e.report(u.Pos, fix, "%s cannot read what field %s was stored as: it does not take one such value, and give one and an error", u.Name, f.Name)
			return nil, true
		}
		if u.From.Stored() != stored {
			continue
		}
		if to := f.Type.value(); !to.same(u.To) || holder != nowHolder {
			e.used[u.Name] = true
			e.report(u.Pos, "func "+u.Name+"(old "+u.From.goText()+") ("+to.goText()+", error)",
				"%s gives a %s, which is not what field %s holds", u.Name, u.To.goText(), f.Name)
			return nil, true
		}
		if u.From.Kind == Object && (!e.shadow(f, kind) || !u.From.Struct.values(nil)) {
			e.used[u.Name] = true
			e.report(u.Pos, sideBySide, "%s: only a struct that is always there and consists of values can become a value, and that one is no pointer, slice or map", u.Name)
			return nil, true
		}
		if f.Type.Kind == List && f.Type.Object() != nil {
			e.used[u.Name] = true
			e.report(u.Pos, sideBySide, "%s: the elements of field %s have positions, which programs of before and after would give to different ones: a struct can be made of a value, and of those of a map",
				u.Name, f.Name)
			return nil, true
		}
		return u, false
	}
	return nil, false
}

// shadow tells whether an upcaster can make the value of a field of what it was
// stored as, a struct: see runtime/internal/doc/shadow.go.
func (e *evolution) shadow(f *Field, kind string) bool {
	name, ok := strings.CutPrefix(kind, "struct ")
	return ok && f.Type.Leaf() && e.values(name, nil)
}

// values tells whether a struct of the lock consists of values: of what is no list
// or map and always has one place.
func (e *evolution) values(name string, within []string) bool {
	if slices.Contains(within, name) {
		return false
	}
	for _, f := range e.lock.structs[name] {
		nested, isStruct := strings.CutPrefix(f.kind, "struct ")
		switch {
		case isStruct && !e.values(nested, append(within, name)):
			return false
		case strings.HasPrefix(f.kind, "list "), strings.HasPrefix(f.kind, "map "), strings.HasPrefix(f.kind, "optional struct "):
			return false
		}
	}
	return true
}

// values tells the same of a struct as it is now.
func (s *Struct) values(within []*Struct) bool {
	if slices.Contains(within, s) {
		return false
	}
	for _, f := range s.Tagged() {
		t := f.Type
		if t.Kind == Object && !t.Struct.values(append(within, s)) {
			return false
		}
		if t.Kind == Optional {
			t = t.Elem
		}
		if !t.Leaf() && (t.Kind != Object || f.Type.Kind == Optional) {
			return false
		}
	}
	return true
}

// upcasterName gives the name of a field's upcaster.
func (e *evolution) upcasterName(f *Field) string {
	for _, s := range e.p.Structs() {
		if slices.Contains(s.Fields, f) {
			return upcast + upperFirst(s.Name) + f.Name
		}
	}
	return ""
}

// signature gives the upcaster that a field needs, "" where none would help.
func (e *evolution) signature(f *Field, kind string) string {
	holder, stored := parts(kind)
	nowHolder, now := parts(f.Type.Stored())
	if e.shadow(f, kind) {
		return fmt.Sprintf("write func %s(old %s) (%s, error)", e.upcasterName(f), goKind(strings.Fields(stored)), f.Type.goText())
	}
	if holder != nowHolder || strings.Contains(stored, "struct ") || strings.Contains(now, "struct ") && f.Type.Kind == List {
		return ""
	}
	return fmt.Sprintf("write func %s(old %s) (%s, error)", e.upcasterName(f), goKind(strings.Fields(stored)), f.Type.value().goText())
}

// wayOver proposes to keep what is stored under a name whose kind has changed.
func (e *evolution) wayOver(pair lockPair, f *Field, old lockField, free string) string {
	signature := e.signature(f, old.kind)
	switch {
	case e.inSection(pair.s), signature == "" && (f.Type.Object() != nil || strings.Contains(old.kind, "struct ")):
		return "to keep what is stored, " + sideBySide + "; "
	case signature == "":
		return ""
	}
	return fmt.Sprintf("to keep what is stored, destam:\"%s,was=%s\" and %s; ", free, f.Tag.Name, signature)
}

// inSection says whether a struct is in a query section, or is one.
func (e *evolution) inSection(s *Struct) bool {
	return s.Nested || slices.ContainsFunc(e.p.Structs(), func(d *Struct) bool {
		return d.Section != nil && d.Section.Type.Struct == s
	})
}

// unknown reports former names that the lock does not have, and upcasters that
// nothing needs.
func (e *evolution) unknown() {
	for _, s := range e.p.Structs() {
		for _, f := range s.Fields {
			for _, w := range f.Tag.Was {
				if why, _ := f.Type.problem(); why == "" && f.Tag.Form == NameTag && !e.known[formerName{f, w.Name}] {
					fix := "leave it out"
					if near := nearest(w.Name, sortedKeys(e.lock.structs[s.Name])); near != "" {
						fix = "was=" + near
					}
					e.report(f.inTag(w.At), fix, "field %s: %s has no field %q of %s", f.Name, LockName, w.Name, s.Name)
				}
			}
			slices.SortStableFunc(f.Former, func(a, b Former) int { return f.order(a.Name) - f.order(b.Name) })
		}
	}
	for _, u := range e.p.Upcasters {
		for _, s := range e.p.Structs() {
			if strings.HasPrefix(u.Name, upcast+upperFirst(s.Name)) && !e.used[u.Name] && u.fits() {
				e.warn(u.Pos, "was= in the tag of its field, with the name that the values are stored under", "%s reads nothing: no field of %s that was stored as %s needs it",
					u.Name, s.Name, u.From.Stored())
			}
		}
	}
}

// renamed warns where one name is gone and another one of the same kind is new: a
// renaming without was= loses nothing in the store, but what is there is not read.
func (e *evolution) renamed() {
	for _, s := range e.p.Structs() {
		had, gone := e.gone(s)
		for _, f := range s.Tagged() {
			if why, _ := f.Type.problem(); why != "" || had[f.Tag.Name] || len(f.Tag.Was) > 0 || f.Tag.Local {
				continue
			}
			shape, _ := shapeOf(f.Type.Stored())
			old := nearest(f.Tag.Name, gone[shape])
			if old == "" && len(gone[shape]) == 1 {
				old = gone[shape][0]
			}
			if old != "" {
				e.warn(f.nameAt(), "was="+old+", if it is the same field", "field %s: %q is new and %q is gone: what is stored as that is read no more", f.Name, f.Tag.Name, old)
			}
		}
	}
}

// gone gives the names that s had in the lock, and those of them that no field
// continues, by their shapes.
func (e *evolution) gone(s *Struct) (had map[string]bool, gone map[string][]string) {
	had, gone = map[string]bool{}, map[string][]string{}
	is := map[string]bool{}
	for _, f := range s.Tagged() {
		is[f.Tag.Name] = true
		for _, w := range f.Tag.Was {
			is[w.Name] = true
		}
	}
	for _, pair := range sortedKeys(e.pairs[s]) {
		fields := e.lock.structs[pair]
		for _, name := range sortedKeys(fields) {
			had[name] = true
			if old := fields[name]; !is[name] && !old.retired && !old.local && old.now == "" && !e.p.Elsewhere[s.Name] {
				shape, _ := shapeOf(old.kind)
				gone[shape] = append(gone[shape], name)
			}
		}
	}
	return had, gone
}

func (f *Field) order(name string) int {
	return slices.IndexFunc(f.Tag.Was, func(w Was) bool { return w.Name == name })
}

// same says whether two types are one in Go.
func (t *Type) same(u *Type) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Kind == u.Kind && t.Name == u.Name && t.Basic == u.Basic && t.Len == u.Len && t.Codec == u.Codec &&
		t.Struct == u.Struct && slices.Equal(t.Written, u.Written) && t.Key.same(u.Key) && t.Elem.same(u.Elem)
}

// goText gives a type as people write it.
func (t *Type) goText() string {
	switch {
	case len(t.Written) > 0:
		var b strings.Builder
		for _, piece := range t.Written {
			if piece.Path != "" {
				b.WriteString(path.Base(piece.Path) + ".")
			}
			b.WriteString(piece.Text)
		}
		return b.String()
	case t.Name.Path != "":
		return path.Base(t.Name.Path) + "." + t.Name.Name
	case t.Name.Name != "":
		return t.Name.Name
	}
	return goKind(strings.Fields(t.Stored()))
}

// goKind gives a kind of the lock as the Go type that it is by itself.
func goKind(words []string) string {
	switch words[0] {
	case "list":
		return "[]" + goKind(words[1:])
	case "optional":
		return "*" + goKind(words[1:])
	case "array":
		return "[" + words[1] + "]" + goKind(words[2:])
	case "map":
		rest, _ := storedKind(words[1:])
		return "map[" + goKind(words[1:len(words)-len(rest)]) + "]" + goKind(rest)
	case "struct":
		return words[1]
	case "time":
		return "time.Time"
	case "bytes":
		return "[]byte"
	case "binary", "text", "msgpack", "registered":
		return words[1][strings.LastIndex(words[1], "/")+1:]
	}
	return strings.Join(words, " ")
}
