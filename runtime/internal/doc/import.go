package doc

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/destam-go/destamgen/runtime/driver"
	"github.com/destam-go/destamgen/runtime/internal/exact"
	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// ImportError says which field of an exported object is wrong.
type ImportError struct {
	Path string // dotted, empty for the whole
	Err  error
}

func (e *ImportError) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Err.Error()
}

func (e *ImportError) Unwrap() error { return e.Err }

// PackExport makes a checkpoint of what [Node.AppendExport] wrote, or a person
// in its stead: fields that are not there are zero or absent, null is the same
// as not there, and where a value has a form of package exact that is taken
// too. The error is an [*ImportError]. What the checkpoint says is checked when
// it is read.
func (t *Type) PackExport(v exact.Value, keyBound int) ([]byte, error) {
	o, ok := v.(exact.Object)
	if !ok {
		return nil, &ImportError{Err: errNoObject}
	}
	b := wire.AppendArray(nil, 2)
	b = wire.AppendInt(b, checkpointVersion)
	p := packer{bound: keyBound}
	return p.object(b, t, o, "")
}

var (
	errNoObject  = errors.New("an object is expected")
	errNoArray   = errors.New("an array is expected")
	errNoField   = errors.New("no field that is stored has this name; what another program knows stands in " + memberUnknown)
	errTwoNames  = errors.New("the field is there under an older name too")
	errBadRef    = errors.New(memberRef + " is the id of an object, and stands alone")
	errBadKey    = errors.New("the map has no such key")
	errBadMember = errors.New("it has another form than the field")
)

// packer writes the stored form of exported objects.
type packer struct {
	bound int // of position keys
	depth int
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// object appends the fields of an object of type t.
func (p *packer) object(b []byte, t *Type, o exact.Object, path string) ([]byte, error) {
	if p.depth++; p.depth > maxDepth {
		return b, &ImportError{path, errDepth}
	}
	defer func() { p.depth-- }()
	at := len(b)
	b = wire.AppendMap(b, 0)
	count := 0
	seen := make(map[int]bool, len(o))
	for _, m := range o {
		here := under(path, m.Name)
		switch {
		case m.Name == memberID:
			continue
		case m.Name == memberUnknown:
			fields, ok := m.Value.(exact.Object)
			if !ok {
				return b, &ImportError{here, errNoObject}
			}
			var err error
			if b, err = packUnknown(b, fields, here); err != nil {
				return b, err
			}
			count += len(fields)
			continue
		}
		if _, ok := t.shadows[m.Name]; ok && m.Value != nil {
			var err error
			if b, err = packUnknown(b, exact.Object{m}, path); err != nil {
				return b, err
			}
			count++
			continue
		}
		f, w, ok := t.find(m.Name)
		switch {
		case !ok:
			return b, &ImportError{here, errNoField}
		case seen[f]:
			return b, &ImportError{here, errTwoNames}
		case m.Value == nil:
			continue
		}
		seen[f] = true
		b = wire.AppendString(b, m.Name)
		var err error
		if b, err = p.field(b, t, f, w, m, here); err != nil {
			return b, err
		}
		count++
	}
	return fixMap(b, at, count), nil
}

// packUnknown appends fields that the program has no tags for.
func packUnknown(b []byte, fields exact.Object, path string) ([]byte, error) {
	for _, m := range fields {
		b = wire.AppendString(b, m.Name)
		var err error
		if b, err = exact.Pack(b, m.Value); err != nil {
			return b, &ImportError{under(path, m.Name), err}
		}
	}
	return b, nil
}

func (p *packer) field(b []byte, t *Type, f int, w former, m exact.Member, path string) ([]byte, error) {
	fd := &t.Fields[f]
	l := w.leaf
	if w.order >= 0 { // values as they were when the field had this name
		if from := t.formerLeaf(m.Name); from != nil {
			l = from
		}
	}
	switch fd.Kind {
	case Inner:
		if l != nil { // it was a value
			break
		}
		o, ok := m.Value.(exact.Object)
		if !ok {
			return b, &ImportError{path, errNoObject}
		}
		return p.object(b, fd.typ, o, path)
	case Child:
		if l != nil {
			break
		}
		return p.node(b, fd.typ, m.Value, path)
	case LeafList, NodeList:
		return p.list(b, fd, l, m.Value, path)
	}
	return packLeaf(b, l, m.Value, path)
}

// formerLeaf gives the table of what is stored under a former name, nil when
// it is that of today.
func (t *Type) formerLeaf(name string) *leaf {
	upcasts.RLock()
	up := upcasts.m[upcastPlace{t.plain, name}]
	upcasts.RUnlock()
	if up == nil {
		return nil
	}
	l, _ := leafOf(up.from)
	return l
}

// node appends an object with an id, or a reference to one.
func (p *packer) node(b []byte, t *Type, v exact.Value, path string) ([]byte, error) {
	o, ok := v.(exact.Object)
	if !ok {
		return b, &ImportError{path, errNoObject}
	}
	if ref, ok := o.Get(memberRef); ok {
		text, _ := ref.(string)
		id, err := driver.ParseID(text)
		if err != nil || len(o) != 1 {
			return b, &ImportError{path, errBadRef}
		}
		return wire.AppendExt(b, extNode, id[:]), nil
	}
	id := NewID()
	if own, ok := o.Get(memberID); ok {
		text, _ := own.(string)
		var err error
		if id, err = driver.ParseID(text); err != nil {
			return b, &ImportError{under(path, memberID), err}
		}
	}
	b = wire.AppendArray(b, 2)
	b = wire.AppendExt(b, extNode, id[:])
	return p.object(b, t, o, path)
}

// list appends an array with positions, or a map.
func (p *packer) list(b []byte, fd *Field, l *leaf, v exact.Value, path string) ([]byte, error) {
	if fd.keys != nil {
		return p.pairs(b, fd, l, v, path)
	}
	a, ok := v.(exact.Array)
	if !ok {
		return b, &ImportError{path, errNoArray}
	}
	var ks []pos.Key
	if len(a) > 0 {
		ks, _ = pos.Between("", "", len(a), p.bound)
	}
	if len(ks) < len(a) {
		ks = pos.Spread(len(a))
	}
	b = wire.AppendArray(b, len(a)+1)
	b = wire.AppendExt(b, extKeys, pos.AppendKeys(nil, ks))
	for i, e := range a {
		var err error
		if b, err = p.element(b, fd, l, e, path+"."+strconv.Itoa(i)); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (p *packer) element(b []byte, fd *Field, l *leaf, v exact.Value, path string) ([]byte, error) {
	if fd.Kind == NodeList && l == nil {
		return p.node(b, fd.typ, v, path)
	}
	return packLeaf(b, l, v, path)
}

func (p *packer) pairs(b []byte, fd *Field, l *leaf, v exact.Value, path string) ([]byte, error) {
	o, ok := v.(exact.Object)
	if !ok {
		return b, &ImportError{path, errNoObject}
	}
	if len(o) == 1 && o[0].Name == "$map" {
		return p.oddPairs(b, fd, l, o[0].Value, path)
	}
	b = wire.AppendMap(b, len(o))
	for _, m := range o {
		here := under(path, m.Name)
		key, err := fd.keys.parse(m.Name)
		if err != nil {
			return b, &ImportError{here, err}
		}
		b = fd.keys.append(b, key)
		if b, err = p.element(b, fd, l, m.Value, here); err != nil {
			return b, err
		}
	}
	return b, nil
}

// oddPairs appends a map whose keys cannot be names.
func (p *packer) oddPairs(b []byte, fd *Field, l *leaf, v exact.Value, path string) ([]byte, error) {
	pairs, ok := v.(exact.Array)
	if !ok {
		return b, &ImportError{path, errNoArray}
	}
	b = wire.AppendMap(b, len(pairs))
	for i, v := range pairs {
		here := path + "." + strconv.Itoa(i)
		pair, _ := v.(exact.Array)
		if len(pair) != 2 {
			return b, &ImportError{here, errBadMember}
		}
		at := len(b)
		var err error
		if b, err = exact.Pack(b, pair[0]); err != nil {
			return b, &ImportError{here, err}
		}
		r := wire.NewReader(b[at:])
		if fd.keys.read(r); r.Err() != nil {
			return b, &ImportError{here, r.Err()}
		}
		if b, err = p.element(b, fd, l, pair[1], here); err != nil {
			return b, err
		}
	}
	return b, nil
}

// parse reads a map key that text wrote.
func (k *keys) parse(text string) (pos.Key, error) {
	switch k.kind {
	case stringKey:
		return pos.Key(text), nil
	case intKey:
		v, err := strconv.ParseInt(text, 10, k.typ.Bits())
		if err != nil {
			return "", errBadKey
		}
		return intPos(v), nil
	case uintKey:
		v, err := strconv.ParseUint(text, 10, k.typ.Bits())
		if err != nil {
			return "", errBadKey
		}
		return uintPos(v), nil
	}
	id, err := driver.ParseID(text)
	return pos.Key(id[:]), err
}

// packLeaf appends a value, which the table l reads.
func packLeaf(b []byte, l *leaf, v exact.Value, path string) ([]byte, error) {
	at := len(b)
	b, err := packValue(b, l, l.typ, v)
	if err == nil {
		r := wire.NewReader(b[at:])
		l.check(r)
		err = r.Err()
		if kind := (*wire.Error)(nil); errors.As(err, &kind) {
			err = fmt.Errorf("%w: it is a %s", errBadMember, l.typ)
		}
	}
	if err != nil {
		return b, &ImportError{path, err}
	}
	return b, nil
}

// packValue appends a value of the Go type t in the form that a person would
// give it, or in that of package exact.
func packValue(b []byte, l *leaf, t reflect.Type, v exact.Value) ([]byte, error) {
	if l != nil && l.codec != nil {
		return exact.Pack(b, v)
	}
	text, isText := v.(string)
	_, isNumber := v.(exact.Number)
	array, isArray := v.(exact.Array)
	listed := t.Kind() == reflect.Slice || t.Kind() == reflect.Array
	switch {
	case t == timeType && (isText || isArray):
		at, err := exact.Time(v)
		return wire.AppendTime(b, at), err
	case listed && t.Elem().Kind() == reflect.Uint8 && isText:
		p, err := exact.Bytes(text)
		return wire.AppendBytes(b, p), err
	case listed && isArray:
		b = wire.AppendArray(b, len(array))
		for _, e := range array {
			var err error
			if b, err = packValue(b, nil, t.Elem(), e); err != nil {
				return b, err
			}
		}
		return b, nil
	case t.Kind() == reflect.Float64 && (isText || isNumber):
		bits, err := exact.Float(v, 64)
		return wire.AppendFloat64(b, math.Float64frombits(bits)), err
	case t.Kind() == reflect.Float32 && (isText || isNumber):
		bits, err := exact.Float(v, 32)
		return wire.AppendFloat32(b, math.Float32frombits(uint32(bits))), err
	}
	return exact.Pack(b, v)
}
