package schema

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key is the key of the struct tags that are ours.
const Key = "destam"

// Form is what kind of statement a tag makes.
type Form uint8

// The forms of a tag.
const (
	NoTag    Form = iota // there is no destam tag
	LeaveOut             // "-": not part of the model
	TableTag             // "table=NAME", on a blank field
	NameTag              // a name and options
	BadTag               // has been reported
)

// Tag is what the destam tag of one field says. The offsets are into the tag's
// literal, so that a message can point inside it.
type Tag struct {
	Form   Form
	Name   string // of the table or the field
	Go     string // the method name that the user asked for, or ""
	Unique bool
	Local  bool
	Was    []Was // names that the field had, the newest first

	NameAt, GoAt, UniqueAt, LocalAt int
}

// Was is a name that a field had.
type Was struct {
	Name string
	At   int
}

// TagProblem is a mistake inside a tag.
type TagProblem struct {
	At      int // offset into the literal
	Message string
	Fix     string
	Edit    Edit // of the literal, where the fix is certain
}

// query is the name that marks the query section of a document.
const query = "query"

// options are the words that may follow a name.
var options = []string{"unique", "local", "go", "was"}

// ParseTag reads the struct tag of the field named field. The literal is as in
// the source, with its quotes.
func ParseTag(literal, field string) (Tag, []TagProblem) {
	value, at, ok := unquote(literal)
	if !ok {
		return Tag{}, nil // the parser of the language has said so already
	}
	inner, innerAt, found, problem := lookup(value, at)
	if problem != nil {
		return Tag{Form: BadTag}, []TagProblem{*problem}
	}
	if !found {
		return Tag{}, nil
	}
	p := tagParser{field: field, at: innerAt}
	p.parse(inner)
	if len(p.problems) > 0 {
		p.tag.Form = BadTag
	}
	return p.tag, p.problems
}

// HasTag says whether a struct tag, a literal with its quotes, has something to
// say to us, also something that is wrong.
func HasTag(literal string) bool {
	tag, _ := ParseTag(literal, "")
	return tag.Form != NoTag
}

type tagParser struct {
	field    string
	at       []int // offset into the literal of each byte of the value, and of its end
	tag      Tag
	problems []TagProblem
}

func (p *tagParser) report(at int, fix, format string, args ...any) {
	p.problems = append(p.problems, TagProblem{At: p.at[at], Message: fmt.Sprintf(format, args...), Fix: fix})
}

// edit says how to correct what was reported last: by text instead of the
// bytes from and to of the value.
func (p *tagParser) edit(from, to int, text string) {
	p.problems[len(p.problems)-1].Edit = Edit{p.at[from], p.at[to], text}
}

func (p *tagParser) parse(value string) {
	head, rest, more := strings.Cut(value, ",")
	start := len(head) + 1
	word, argument, assigned := strings.Cut(head, "=")
	switch {
	case head == "-":
		p.tag.Form = LeaveOut
		if more {
			p.report(len(head), `destam:"-" alone, or a name`, `"-" takes no options`)
		}
		return
	case word == "table" && (assigned || p.field == "_"):
		p.table(head, argument, assigned)
		if more {
			p.report(len(head), "leave "+strconv.Quote(rest)+" out", "table= takes no options")
			p.edit(len(head), len(value), "")
		}
		return
	case assigned && nearest(word, []string{"table"}) != "":
		p.report(0, "table="+argument, "unknown option %q", word)
		p.edit(0, len(word), "table")
		return
	case head == "":
		p.report(0, fmt.Sprintf("destam:%q", suggestName(p.field)+value), "the name is missing")
		return
	case assigned && isOption(word), !more && p.forgotten(head):
		p.report(0, fmt.Sprintf("destam:%q", suggestName(p.field)+","+value), "the name is missing")
		return
	}
	p.tag.Form, p.tag.Name, p.tag.NameAt = NameTag, head, p.at[0]
	if why := nameProblem(head); why != "" {
		p.report(0, p.better(head), "%s", why)
	}
	for more {
		var option string
		option, rest, more = strings.Cut(rest, ",")
		p.option(start, option)
		start += len(option) + 1
	}
}

// forgotten says whether a tag of one word is an option whose name was left out.
// A field that is really called Local or Unique may have that name.
func (p *tagParser) forgotten(word string) bool {
	return isOption(word) && suggestName(p.field) != word
}

func (p *tagParser) table(head, name string, assigned bool) {
	at := len(head) - len(name)
	p.tag.Form, p.tag.Name, p.tag.NameAt = TableTag, name, p.at[at]
	if !assigned {
		p.report(0, `destam:"table=notes"`, "table needs a name")
	} else if why := tableProblem(name); why != "" {
		p.report(at, "table="+tableName(name), "%s", why)
	}
}

func (p *tagParser) option(start int, option string) {
	word, argument, assigned := strings.Cut(option, "=")
	switch {
	case option == "unique":
		p.flag(start, option, &p.tag.Unique, &p.tag.UniqueAt)
	case option == "local":
		p.flag(start, option, &p.tag.Local, &p.tag.LocalAt)
	case word == "go":
		p.rename(start, argument)
	case word == "was":
		p.was(start+len("was="), argument, assigned)
	case assigned && (word == "unique" || word == "local"):
		p.report(start, word, "%s takes no value", word)
		p.edit(start, start+len(option), word)
	case option == "omitempty" || option == "omitzero":
		p.report(start, "make the field a pointer, if absent must differ from zero", "there is no %s: absent and zero differ", option)
	case word == "table":
		p.report(start, fmt.Sprintf("_ struct{} `destam:%q`", option), "table= belongs on a blank field")
	case foreignOptions[word] != "":
		p.report(start, foreignOptions[word], "unknown option %q", option)
	case option == "":
		p.report(start, "leave the comma out", "an option is missing after the comma")
		p.edit(start-1, start, "")
	default:
		near := nearest(word, options)
		p.report(start, cmp.Or(near, "one of unique, local, go=Name, was=name"), "unknown option %q", option)
		if near != "" {
			p.edit(start, start+len(word), near)
		}
	}
}

// flag sets an option that is a word alone.
func (p *tagParser) flag(start int, option string, set *bool, at *int) {
	if *set {
		p.report(start, "once is enough", "%s is said twice", option)
		p.edit(start-1, start+len(option), "")
	}
	*set, *at = true, p.at[start]
}

// rename takes the argument of go=.
func (p *tagParser) rename(start int, name string) {
	if p.tag.Go != "" {
		p.report(start, "once is enough", "go= is said twice")
	}
	if !token.IsIdentifier(name) || !token.IsExported(name) {
		p.report(start, "go="+exportable(name, p.field), "go= needs the name of an exported method, %q is none", name)
	}
	p.tag.Go, p.tag.GoAt = name, p.at[start]
}

// was takes the argument of was=.
func (p *tagParser) was(start int, name string, assigned bool) {
	if !assigned || name == "" {
		p.report(start-len("was="), "was=name", "was= needs the name that the field had")
		return
	}
	if why := nameProblem(name); why != "" {
		p.report(start, "the name that destam.lock has", "%s", why)
	}
	if name == p.tag.Name || slices.ContainsFunc(p.tag.Was, func(w Was) bool { return w.Name == name }) {
		p.report(start, "leave it out", "the field has the name %q already", name)
	}
	p.tag.Was = append(p.tag.Was, Was{name, p.at[start]})
}

func isOption(word string) bool {
	for _, o := range options {
		if o == word {
			return true
		}
	}
	return false
}

// maxName bounds names of fields in bytes: each delta carries them.
const maxName = 128

// nameProblem says what is wrong with the name of a field. Names become parts
// of dotted paths, keys of stored documents and words of destam.lock.
func nameProblem(name string) string {
	for i, r := range name {
		if r == '_' || unicode.IsLetter(r) || i > 0 && (r == '-' || unicode.IsDigit(r)) {
			continue
		}
		if i == 0 {
			return fmt.Sprintf("the name %q does not begin with a letter or _", name)
		}
		return fmt.Sprintf("the name %q holds %q: letters, digits, _ and - may be in a name", name, r)
	}
	if len(name) > maxName {
		return fmt.Sprintf("the name is longer than %d bytes", maxName)
	}
	return ""
}

// maxTable bounds the names of tables, as the drivers do.
const maxTable = 64

// tableProblem says what is wrong with the name of a table. The rule is that of
// the drivers, which is narrower than that of fields.
func tableProblem(name string) string {
	if name == "" {
		return "the name of the table is empty"
	}
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if letter || i > 0 && ('0' <= r && r <= '9' || r == '_' || r == '-') {
			continue
		}
		if i == 0 {
			return fmt.Sprintf("the table name %q does not begin with a letter from a to z", name)
		}
		return fmt.Sprintf("the table name %q holds %q: letters from a to z, digits, _ and - may be in it", name, r)
	}
	if len(name) > maxTable {
		return fmt.Sprintf("the table name is longer than %d bytes", maxTable)
	}
	return ""
}

// lookup finds the destam value in a struct tag, as package reflect would, but
// tells a tag that reflect would not find although the user wrote it.
func lookup(value string, at []int) (inner string, innerAt []int, found bool, problem *TagProblem) {
	for i := 0; ; {
		for i < len(value) && value[i] == ' ' {
			i++
		}
		start := i
		for i < len(value) && value[i] > ' ' && value[i] != ':' && value[i] != '"' && value[i] != 0x7f {
			i++
		}
		key := value[start:i]
		open := i + 1
		if key == "" || open >= len(value) || value[i] != ':' || value[open] != '"' {
			return inner, innerAt, found, malformed(value[start:], at[start])
		}
		end := closing(value, open)
		text, textAt, ok := unquote(value[open:end])
		if !ok {
			return inner, innerAt, found, malformed(value[start:], at[start])
		}
		if right, fix := misspelled(key); right != "" {
			return "", nil, true, &TagProblem{
				At: at[start], Message: fmt.Sprintf("the key %q is not %q, so nobody reads this tag", key, Key),
				Fix: fix, Edit: Edit{at[start], at[i], right},
			}
		}
		if key == Key {
			if found {
				return "", nil, true, &TagProblem{At: at[start], Message: "a second destam tag: only the first counts", Fix: "make them one"}
			}
			found, inner = true, text
			for _, o := range textAt {
				innerAt = append(innerAt, at[open+o])
			}
		}
		i = end
	}
}

// closing gives the end of the quoted string that opens at open.
func closing(value string, open int) int {
	for i := open + 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(value)
}

// malformed reports what is left of a struct tag if it seems to be meant for us.
func malformed(rest string, at int) *TagProblem {
	if !strings.Contains(strings.ToLower(rest), Key) {
		return nil
	}
	return &TagProblem{At: at, Message: "malformed struct tag", Fix: `destam:"name", in double quotes right after the colon`}
}

// unquote gives the value of a Go string literal and, for each of its bytes and
// for its end, the offset into the literal that it comes from.
func unquote(literal string) (value string, at []int, ok bool) {
	if len(literal) < 2 || literal[0] != literal[len(literal)-1] {
		return "", nil, false
	}
	quote, body := literal[0], literal[1:len(literal)-1]
	if quote == '`' {
		for i := range len(body) + 1 {
			at = append(at, i+1)
		}
		return body, at, true
	}
	if quote != '"' {
		return "", nil, false
	}
	var b strings.Builder
	for rest := body; rest != ""; {
		r, multibyte, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			return "", nil, false
		}
		var encoded [utf8.UTFMax]byte
		n := 1
		if r < utf8.RuneSelf || !multibyte {
			encoded[0] = byte(r)
		} else {
			n = utf8.EncodeRune(encoded[:], r)
		}
		b.Write(encoded[:n])
		for range n {
			at = append(at, 1+len(body)-len(rest))
		}
		rest = tail
	}
	return b.String(), append(at, 1+len(body)), true
}
