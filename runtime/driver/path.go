package driver

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// JoinPath writes a path as text: its elements joined by dots, [Each] as [].
// A backslash escapes what would be read as something else:
//
//	\.  a dot in a name          \0  a byte NUL in a name
//	\\  a backslash in a name    \e  the empty name
//	\[] the name []
//
// Two paths have the same text only if they are equal. The text of names
// without such characters is simply profile.email.
func JoinPath(path []string) string { return string(appendPath(nil, path)) }

func appendPath(b []byte, path []string) []byte {
	for i, name := range path {
		b = appendElement(b, name, i == 0)
	}
	return b
}

func appendElement(b []byte, name string, first bool) []byte {
	if !first {
		b = append(b, '.')
	}
	switch name {
	case Each:
		return append(b, "[]"...)
	case "[]":
		return append(b, `\[]`...)
	case "":
		return append(b, `\e`...)
	}
	for i := range len(name) {
		switch c := name[i]; c {
		case '.', '\\':
			b = append(b, '\\', c)
		case 0:
			b = append(b, `\0`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// SplitPath reads what [JoinPath] writes, for names that are valid UTF-8. The
// empty text is the empty path.
func SplitPath(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var path []string
	for {
		name, rest, more, err := cutElement(text)
		if err != nil {
			return nil, err
		}
		path = append(path, name)
		if !more {
			return path, nil
		}
		text = rest
	}
}

// cutElement reads the first element of a path and tells whether more follow.
func cutElement(text string) (name, rest string, more bool, err error) {
	end := elementLen(text)
	element := text[:end]
	if end < len(text) {
		rest, more = text[end+1:], true
	}
	switch element {
	case "[]":
		return Each, rest, more, nil
	case `\[]`:
		return "[]", rest, more, nil
	case `\e`:
		return "", rest, more, nil
	case "":
		return "", "", false, fmt.Errorf("path %q has an empty element", text)
	}
	var b strings.Builder
	for i := 0; i < len(element); i++ {
		c := element[i]
		if c == 0 {
			return "", "", false, fmt.Errorf("path %q has a byte NUL", text)
		}
		if c == '\\' {
			if i++; i == len(element) {
				return "", "", false, fmt.Errorf("path %q ends within an escape", text)
			}
			switch c = element[i]; c {
			case '.', '\\':
			case '0':
				c = 0
			default:
				return "", "", false, fmt.Errorf(`path %q has the unknown escape \%c`, text, c)
			}
		}
		b.WriteByte(c)
	}
	if !utf8.ValidString(b.String()) {
		return "", "", false, fmt.Errorf("path %q has a name that is not valid UTF-8", text)
	}
	return b.String(), rest, more, nil
}

// elementLen returns the length of the text up to the first dot that is not
// escaped.
func elementLen(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '.':
			return i
		}
	}
	return len(text)
}
