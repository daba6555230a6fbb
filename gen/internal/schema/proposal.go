package schema

import (
	"fmt"
	"go/token"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is proposed instead of a tag that is wrong.

// better proposes a name instead of a wrong one, which may have been meant to end
// where an option begins.
func (p *tagParser) better(name string) string {
	if i := strings.LastIndexAny(name, " ;:|/"); i > 0 && isOption(name[i+1:]) {
		if head := strings.TrimSpace(name[:i]); nameProblem(head) == "" {
			return fmt.Sprintf("destam:%q", head+","+name[i+1:])
		}
	}
	return fmt.Sprintf("a name such as %q", suggestName(p.field))
}

// foreignOptions are what people write who have used other libraries, and what
// to do instead here.
var foreignOptions = map[string]string{
	"query":    `destam:"query", as the name of the field that holds the query section`,
	"required": "leave it out: only a pointer can be absent",
	"notnull":  "leave it out: only a pointer can be absent",
	"optional": "make the field a pointer",
	"nullable": "make the field a pointer",
	"index":    "leave it out: every field of the query section has an index",
	"indexed":  "leave it out: every field of the query section has an index",
	"default":  "leave it out, and set the value where the document is created",
	"inline":   "embed the struct without a destam tag",
	"squash":   "embed the struct without a destam tag",
	"ignore":   `destam:"-"`,
	"skip":     `destam:"-"`,
	"primary":  "leave it out: each document has an ID, and unique is for fields of the query section",
	"pk":       "leave it out: each document has an ID, and unique is for fields of the query section",
}

// misspelled gives what should stand instead of a key that is meant for us, and
// how to say so; "" for all others. Tags end where a space is, so a comma is part
// of the next key.
func misspelled(key string) (right, fix string) {
	word := strings.TrimLeft(key, ",;")
	away := distance(strings.ToLower(word), Key)
	switch {
	case key == Key || away > 2 || away == 2 && len(word) != len(Key):
		return "", ""
	case word != key:
		return " " + Key, "a space between the tags"
	}
	return Key, Key
}

// exportable makes the name of an exported method of what is left of a wrong one,
// or of the field's.
func exportable(name, field string) string {
	kept := strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
	for _, n := range []string{kept, field} {
		if n != "" && token.IsExported(upperFirst(n)) {
			return upperFirst(n)
		}
	}
	return "Name"
}

// tableName makes the name of a table of what is left of a wrong one.
func tableName(name string) string {
	kept := strings.TrimLeft(strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return -1
	}, name), "-_0123456789")
	if kept == "" {
		return "notes"
	}
	return kept[:min(len(kept), maxTable)]
}
