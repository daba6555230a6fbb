package exact

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Value is a JSON value: nil, bool, string, [Number], [Array] or [Object].
type Value any

// Number is a number as it is written.
type Number string

// Array is a JSON array.
type Array []Value

// Object is a JSON object in the order of its text. Names are unique.
type Object []Member

// Member is a named value of an [Object].
type Member struct {
	Name  string
	Value Value
}

// Get gives the member of a name.
func (o Object) Get(name string) (Value, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// maxDepth bounds how deep values nest. It bounds the stack.
const maxDepth = 250_000

// SyntaxError says where a text is no JSON.
type SyntaxError struct {
	At  int // byte, from 0
	Why string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.At, e.Why) }

// Parse reads one JSON value that fills b but for blanks around it. It is
// stricter than most: b is UTF-8, a name stands once in an object, and no
// escape says half of a surrogate pair.
func Parse(b []byte) (Value, error) {
	p := parser{b: b}
	if !utf8.Valid(b) {
		at := 0
		for at < len(b) {
			r, n := utf8.DecodeRune(b[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		return nil, &SyntaxError{at, "the text is not UTF-8"}
	}
	v, err := p.value()
	if err == nil {
		if p.blanks(); p.at < len(b) {
			err = p.fail("something follows the value")
		}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

type parser struct {
	b     []byte
	at    int
	depth int
}

func (p *parser) fail(why string) error { return &SyntaxError{p.at, why} }

func (p *parser) blanks() {
	for p.at < len(p.b) && strings.IndexByte(" \t\r\n", p.b[p.at]) >= 0 {
		p.at++
	}
}

// next gives the first byte of what comes, 0 at the end.
func (p *parser) next() byte {
	p.blanks()
	if p.at < len(p.b) {
		return p.b[p.at]
	}
	return 0
}

func (p *parser) value() (Value, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("it nests too deeply")
	}
	defer func() { p.depth-- }()
	switch c := p.next(); {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		return p.text()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for _, word := range []struct {
		text  string
		value Value
	}{{"null", nil}, {"true", true}, {"false", false}} {
		if strings.HasPrefix(string(p.b[p.at:min(p.at+len(word.text), len(p.b))]), word.text) {
			p.at += len(word.text)
			return word.value, nil
		}
	}
	if p.at == len(p.b) {
		return nil, p.fail("the text ends too early")
	}
	return nil, p.fail("no value begins here")
}

func (p *parser) object() (Value, error) {
	o := Object{}
	var many map[string]bool
	err := p.list('}', func() error {
		if p.next() != '"' {
			return p.fail("a name is expected")
		}
		at := p.at
		name, err := p.text()
		if err != nil {
			return err
		}
		if many == nil && len(o) == 16 {
			many = make(map[string]bool)
			for _, m := range o {
				many[m.Name] = true
			}
		}
		twice := many[name]
		if many == nil {
			_, twice = o.Get(name)
		}
		if twice {
			p.at = at
			return p.fail("a name stands twice in one object")
		}
		if many != nil {
			many[name] = true
		}
		if p.next() != ':' {
			return p.fail("a colon is expected")
		}
		p.at++
		v, err := p.value()
		o = append(o, Member{name, v})
		return err
	})
	return o, err
}

func (p *parser) array() (Value, error) {
	a := Array{}
	err := p.list(']', func() error {
		v, err := p.value()
		a = append(a, v)
		return err
	})
	return a, err
}

// list reads what stands between brackets, with commas between.
func (p *parser) list(end byte, each func() error) error {
	p.at++
	if p.next() == end {
		p.at++
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.at++
		case end:
			p.at++
			return nil
		case 0:
			return p.fail("the text ends too early")
		default:
			return p.fail(fmt.Sprintf("a comma or %q is expected", end))
		}
	}
}

func (p *parser) text() (string, error) {
	start, escaped := p.at, false
	for i := p.at + 1; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			p.at = i
			return "", p.fail("a control character stands in a text")
		case c == '"':
			raw := p.b[start : i+1]
			p.at = i + 1
			if !escaped {
				return string(raw[1 : len(raw)-1]), nil
			}
			return p.unescape(raw, start)
		}
	}
	p.at = len(p.b)
	return "", p.fail("the text ends too early")
}

// unescape reads a text with escapes.
func (p *parser) unescape(raw []byte, start int) (s string, err error) {
	if json.Unmarshal(raw, &s) != nil {
		p.at = start
		return "", p.fail("a text has an escape that JSON does not know")
	}
	// The library puts U+FFFD for halves of surrogate pairs.
	if n := strings.Count(s, "\ufffd"); n > 0 &&
		n != strings.Count(string(raw), "\ufffd")+strings.Count(strings.ToLower(string(raw)), `\ufffd`) {
		p.at = start
		return "", p.fail("an escape in a text is half of a surrogate pair")
	}
	return s, nil
}

func (p *parser) number() (Value, error) {
	start := p.at
	for p.at < len(p.b) && strings.IndexByte("+-.eE0123456789", p.b[p.at]) >= 0 {
		p.at++
	}
	text := p.b[start:p.at]
	if !json.Valid(text) {
		p.at = start
		return nil, p.fail("a number that is none")
	}
	return Number(text), nil
}

var errForm = errors.New("not a form that is known")
