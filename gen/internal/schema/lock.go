package schema

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// LockName is the name of a package's lock file, beside its sources.
const LockName = "destam.lock"

// lockHead is how every lock file begins. The first line holds the version.
const lockHead = `destam.lock 1
# Every table and field name that was ever generated here, with its kind. Commit this file: what is
# stored under these names outlives the code. A retired name keeps its kind. Lines are sorted; after
# a merge, keep the lines of both sides.
`

// Lock is what a package remembers of the names that were ever generated. Its
// text is one line for each name, sorted, so that two branches that add fields
// merge:
//
//	Note.title string
//	Note.tasks list struct Task
//	Note.draft bool retired
//	Note.head string now title
//	Note.typing bool local
//	table notes Note
//
// Stored documents know the names of tables and fields, not those of Go types. A
// struct's name in the file only says which lines belong together, and
// [Lock.Next] follows a struct that was renamed.
//
// A name that was never anything but local has nothing stored under it, and may
// be of another kind each time.
type Lock struct {
	file    string // its name in messages
	tables  map[string]lockTable
	structs map[string]lockStruct
}

type lockTable struct {
	name    string // of the struct
	retired bool
	line    int
}

// lockStruct are the fields of a struct by name.
type lockStruct map[string]lockField

type lockField struct {
	kind    string
	now     string // the name that the field has now; empty if it has the old one
	local   bool   // it was never stored
	retired bool
	line    int
}

const (
	retired = " retired"
	local   = " local"
)

// ParseLock reads a lock file; file is its name in messages. A nil text is that
// of a package that was never generated. An empty file is a mistake, since every
// lock file has a first line.
func ParseLock(file string, text []byte) (*Lock, Diagnostics) {
	l := &Lock{file: file, tables: map[string]lockTable{}, structs: map[string]lockStruct{}}
	var ds Diagnostics
	if text == nil {
		return l, nil
	}
	if len(text) == 0 {
		ds.report(token.Position{Filename: file, Line: 1, Column: 1},
			"restore the file from version control, or delete it if nothing was ever stored", "the lock file is empty")
		return nil, ds
	}
	head, _, _ := strings.Cut(lockHead, "\n")
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(lines.Text(), "\r")
		at := token.Position{Filename: file, Line: n, Column: 1}
		switch {
		case n == 1 && line != head:
			if version, ok := strings.CutPrefix(line, "destam.lock "); ok {
				ds.report(at, "the newer destamgen", "version %s of the lock file is not known to this destamgen", version)
			} else {
				ds.report(at, "restore the file from version control", "this is not a lock file of destamgen")
			}
			return nil, ds
		case n == 1, strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
		case isConflict(line):
			ds.report(at, "keep the lines of both sides and delete the markers", "unresolved merge conflict")
		default:
			if fix, why := l.take(line, n); why != "" {
				ds.report(at, fix, "%s", why)
			}
		}
	}
	return l, ds
}

func isConflict(line string) bool {
	for _, marker := range []string{"<<<<<<<", "|||||||", "=======", ">>>>>>>"} {
		if strings.HasPrefix(line, marker) {
			return true
		}
	}
	return false
}

// What to do about a line that is none, and about two that contradict each other.
const (
	repair = "repair the line, or restore the file from version control"
	choose = "keep the line that something was stored by, and give the other one another name, in its tag too; or restore the file from version control"
)

// take adds one line. The same line may be there twice after a merge, and one
// side may have retired what the other kept.
func (l *Lock) take(line string, n int) (fix, why string) {
	key, value, ok := strings.Cut(line, " ")
	if key == "table" && ok {
		return l.takeTable(value, n)
	}
	f, ok := parseField(value)
	owner, field, dotted := strings.Cut(key, ".")
	if !ok || !dotted || !token.IsIdentifier(owner) || nameProblem(field) != "" {
		return repair, fmt.Sprintf("%q is no line of a lock file", line)
	}
	if l.structs[owner] == nil {
		l.structs[owner] = lockStruct{}
	}
	before, twice := l.structs[owner][field]
	switch {
	case twice && f.local: // the other side stores it, or nobody does
		f.kind, f.local = before.kind, before.local
	case twice && before.local:
	case twice && before.kind != f.kind:
		return choose, fmt.Sprintf("%s is %s here and %s in line %d", key, f.kind, before.kind, before.line)
	case twice && before.now != "" && f.now != "" && before.now != f.now:
		return choose, fmt.Sprintf("%s is %s now here, and %s in line %d", key, f.now, before.now, before.line)
	}
	f.now, f.retired, f.line = cmp.Or(f.now, before.now), f.retired && (!twice || before.retired), n
	l.structs[owner][field] = f
	return "", ""
}

func (l *Lock) takeTable(text string, n int) (fix, why string) {
	table, owner, ok := strings.Cut(text, " ")
	owner, gone := strings.CutSuffix(owner, retired)
	if !ok || tableProblem(table) != "" || !token.IsIdentifier(owner) {
		return repair, fmt.Sprintf("%q is no line of a lock file", "table "+text)
	}
	before, twice := l.tables[table]
	if twice && before.name != owner {
		return choose, fmt.Sprintf("the table %s is that of %s here and that of %s in line %d", table, owner, before.name, before.line)
	}
	l.tables[table] = lockTable{name: owner, retired: gone && (!twice || before.retired), line: n}
	return "", ""
}

// parseField reads what a line says of a field: a kind as [Type.Stored] gives it,
// and marks. Types and fields may be called as the marks are.
func parseField(text string) (f lockField, ok bool) {
	words := strings.Fields(text)
	marks, ok := storedKind(words)
	if !ok || strings.Join(words, " ") != text {
		return f, false
	}
	f.kind = strings.Join(words[:len(words)-len(marks)], " ")
	if len(marks) > 1 && marks[0] == "now" {
		f.now, marks = marks[1], marks[2:]
	}
	if len(marks) > 0 && " "+marks[0] == local {
		f.local, marks = true, marks[1:]
	}
	if len(marks) > 0 && " "+marks[0] == retired {
		f.retired, marks = true, marks[1:]
	}
	return f, len(marks) == 0 && (f.now == "" || nameProblem(f.now) == "")
}

// storedKind reads one kind and gives the words after it.
func storedKind(words []string) (rest []string, ok bool) {
	if len(words) == 0 {
		return nil, false
	}
	switch word, rest := words[0], words[1:]; word {
	case "struct":
		if len(rest) == 0 {
			return nil, false
		}
		return rest[1:], token.IsIdentifier(rest[0])
	case "optional", "list":
		return storedKind(rest)
	case "array":
		if len(rest) == 0 || strings.Trim(rest[0], "0123456789") != "" {
			return nil, false
		}
		return storedKind(rest[1:])
	case "binary", "text", "msgpack", "registered":
		if len(rest) == 0 {
			return nil, false
		}
		return rest[1:], true
	case "map":
		if rest, ok = storedKind(rest); !ok {
			return nil, false
		}
		return storedKind(rest)
	default:
		return rest, slices.Contains(storedLeaves, word)
	}
}

// storedLeaves are the kinds that are one word.
var storedLeaves = []string{
	"bool", "bytes", "float32", "float64", "int", "int8", "int16", "int32", "int64",
	"string", "time", "uint", "uint8", "uint16", "uint32", "uint64",
}

// String gives the text of the file.
func (l *Lock) String() string {
	var lines []string
	line := func(gone bool, text string) {
		if gone {
			text += retired
		}
		lines = append(lines, text)
	}
	for name, t := range l.tables {
		line(t.retired, "table "+name+" "+t.name)
	}
	for owner, s := range l.structs {
		for name, f := range s {
			if f.now != "" {
				f.kind += " now " + f.now
			}
			if f.local {
				f.kind += local
			}
			line(f.retired, owner+"."+name+" "+f.kind)
		}
	}
	slices.Sort(lines)
	return lockHead + strings.Join(append(lines, ""), "\n")
}

// sortedKeys gives the keys of a map in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
