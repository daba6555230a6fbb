package driver

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Value is a part of a query section. Its dynamic type is one of
//
//	nil     absent
//	string  valid UTF-8
//	bool
//	int64
//	Array
//	Object
//
// and nothing else: a value of any other type is equal to none and meets no
// predicate. A query section itself is an [Object].
type Value any

// Array is a list of values.
type Array []Value

// Object is a set of named values. Names are unique; their order means
// nothing; a member that is nil is the same as none.
type Object []Member

// Member is one named value of an [Object].
type Member struct {
	Name  string
	Value Value
}

// Get returns the member of that name, nil if there is none.
func (o Object) Get(name string) Value {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return nil
}

// MaxDepth is how deep arrays and objects may nest in a query section.
const MaxDepth = 64

// ValueError says what is wrong with a [Value] or with the bytes of one.
type ValueError struct {
	Path string // dotted, empty for the whole
	Why  string
}

func (e *ValueError) Error() string {
	if e.Path == "" {
		return "query section: " + e.Why
	}
	return fmt.Sprintf("query section: %s: %s", e.Path, e.Why)
}

// AppendValue appends v as msgpack, absent members left out. It gives a
// [*ValueError], and b unchanged, for what [DecodeValue] would refuse.
func AppendValue(b []byte, v Value) ([]byte, error) {
	e := encoder{buf: b}
	if err := e.value(v); err != nil {
		return b, err
	}
	return e.buf, nil
}

type encoder struct {
	buf  []byte
	path []string // of the value at hand, for errors
}

func (e *encoder) fail(format string, args ...any) error {
	return &ValueError{Path: JoinPath(e.path), Why: fmt.Sprintf(format, args...)}
}

func (e *encoder) value(v Value) error {
	switch v := v.(type) {
	case nil:
		e.buf = wire.AppendNil(e.buf)
	case bool:
		e.buf = wire.AppendBool(e.buf, v)
	case int64:
		e.buf = wire.AppendInt(e.buf, v)
	case string:
		if !utf8.ValidString(v) {
			return e.fail("string is not valid UTF-8")
		}
		e.buf = wire.AppendString(e.buf, v)
	case Array:
		return e.array(v)
	case Object:
		return e.object(v)
	default:
		return e.fail("%T cannot stand in a query section", v)
	}
	return nil
}

func (e *encoder) array(a Array) error {
	if len(e.path) >= MaxDepth {
		return e.fail("nested deeper than %d", MaxDepth)
	}
	e.buf = wire.AppendArray(e.buf, len(a))
	e.path = append(e.path, Each)
	for _, v := range a {
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.path = e.path[:len(e.path)-1]
	return nil
}

func (e *encoder) object(o Object) error {
	if len(e.path) >= MaxDepth {
		return e.fail("nested deeper than %d", MaxDepth)
	}
	present := 0
	var names nameSet
	for _, m := range o {
		if !utf8.ValidString(m.Name) {
			return e.fail("name %q is not valid UTF-8", m.Name)
		}
		if !names.add(m.Name) {
			return e.fail("two members are named %q", m.Name)
		}
		if m.Value != nil {
			present++
		}
	}
	e.buf = wire.AppendMap(e.buf, present)
	for _, m := range o {
		if m.Value == nil {
			continue
		}
		e.buf = wire.AppendString(e.buf, m.Name)
		e.path = append(e.path, m.Name)
		if err := e.value(m.Value); err != nil {
			return err
		}
		e.path = e.path[:len(e.path)-1]
	}
	return nil
}

// DecodeValue reads the msgpack form of one value that fills b. It gives a
// [*ValueError] for floats, binary data, instants and other extensions,
// integers beyond int64, text that is not UTF-8, names that are not strings or
// come twice, what is nested deeper than [MaxDepth], and bytes left over. The
// value shares no memory with b.
func DecodeValue(b []byte) (Value, error) {
	d := decoder{}
	d.r.Reset(b)
	v, err := d.value()
	if err == nil && d.r.Len() > 0 {
		err = d.fail("%d bytes are left over", d.r.Len())
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// trusted is how many elements a decoder allocates for because a count says
// so. A count is bounded by the bytes that are left, but nested arrays may all
// count the same bytes; beyond this memory follows what was really read.
const trusted = 64

type decoder struct {
	r    wire.Reader
	path []string // of the value at hand, for errors
}

func (d *decoder) fail(format string, args ...any) error {
	why := fmt.Sprintf(format, args...)
	if err := d.r.Err(); err != nil {
		why = err.Error()
	}
	return &ValueError{Path: JoinPath(d.path), Why: why}
}

func (d *decoder) value() (Value, error) {
	var v Value
	switch kind := d.r.Kind(); kind {
	case wire.Nil:
		d.r.Nil()
	case wire.Bool:
		v = d.r.Bool()
	case wire.Int:
		v = d.r.Int()
	case wire.String:
		s := d.r.String()
		if !utf8.ValidString(s) {
			return nil, d.fail("string is not valid UTF-8")
		}
		v = s
	case wire.Array:
		return d.array()
	case wire.Map:
		return d.object()
	default:
		return nil, d.fail("%s cannot stand in a query section", kind)
	}
	if d.r.Err() != nil {
		return nil, d.fail("")
	}
	return v, nil
}

func (d *decoder) array() (Value, error) {
	if len(d.path) >= MaxDepth {
		return nil, d.fail("nested deeper than %d", MaxDepth)
	}
	n := d.r.Array()
	if d.r.Err() != nil {
		return nil, d.fail("")
	}
	a := make(Array, 0, min(n, trusted))
	d.path = append(d.path, Each)
	for range n {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	d.path = d.path[:len(d.path)-1]
	return a, nil
}

func (d *decoder) object() (Value, error) {
	if len(d.path) >= MaxDepth {
		return nil, d.fail("nested deeper than %d", MaxDepth)
	}
	n := d.r.Map()
	if d.r.Err() != nil {
		return nil, d.fail("")
	}
	o := make(Object, 0, min(n, trusted))
	var names nameSet
	for range n {
		if d.r.Kind() != wire.String {
			return nil, d.fail("a name is not a string")
		}
		name := d.r.String()
		if d.r.Err() != nil {
			return nil, d.fail("")
		}
		if !utf8.ValidString(name) {
			return nil, d.fail("name %q is not valid UTF-8", name)
		}
		if !names.add(name) {
			return nil, d.fail("two members are named %q", name)
		}
		d.path = append(d.path, name)
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		d.path = d.path[:len(d.path)-1]
		o = append(o, Member{name, v})
	}
	return o, nil
}

// nameSet notices names that come twice. Few names are compared one by one;
// many go into a map, so that hostile bytes cost no quadratic time.
type nameSet struct {
	few  []string
	many map[string]struct{}
}

func (s *nameSet) add(name string) bool {
	if s.many == nil {
		if slices.Contains(s.few, name) {
			return false
		}
		if s.few = append(s.few, name); len(s.few) < 16 {
			return true
		}
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, name := range s.few {
			s.many[name] = struct{}{}
		}
		return true
	}
	before := len(s.many)
	s.many[name] = struct{}{}
	return len(s.many) > before
}

// Equal says whether a and b are the same value. The order of an object's
// members means nothing, and an absent member equals none.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string, bool, int64:
		return scalar(b) && a == b
	case Array:
		b, ok := b.(Array)
		return ok && slices.EqualFunc(a, b, Equal)
	case Object:
		b, ok := b.(Object)
		if !ok {
			return false
		}
		covers := func(a, b Object) bool {
			for _, m := range a {
				if !Equal(m.Value, b.Get(m.Name)) {
					return false
				}
			}
			return true
		}
		return covers(a, b) && covers(b, a)
	}
	return false
}

// scalar says whether v is a string, a bool or an integer.
func scalar(v Value) bool {
	switch v.(type) {
	case string, bool, int64:
		return true
	}
	return false
}

// Clone returns a copy of v that shares no slice with it.
func Clone(v Value) Value {
	switch v := v.(type) {
	case Array:
		a := make(Array, len(v))
		for i := range v {
			a[i] = Clone(v[i])
		}
		return a
	case Object:
		o := make(Object, len(v))
		for i, m := range v {
			o[i] = Member{m.Name, Clone(m.Value)}
		}
		return o
	}
	return v
}
