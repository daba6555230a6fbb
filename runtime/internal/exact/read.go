package exact

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Pack appends the msgpack of a value, which [Append] would write like that.
// After an error b is of no use.
func Pack(b []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return wire.AppendNil(b), nil
	case bool:
		return wire.AppendBool(b, v), nil
	case string:
		return wire.AppendString(b, v), nil
	case Number:
		return packNumber(b, v)
	case Array:
		b = wire.AppendArray(b, len(v))
		for _, e := range v {
			var err error
			if b, err = Pack(b, e); err != nil {
				return b, err
			}
		}
		return b, nil
	case Object:
		if len(v) == 1 && strings.HasPrefix(v[0].Name, "$") {
			b, err := packTagged(b, v[0].Name, v[0].Value)
			if err != nil {
				err = fmt.Errorf("%s: %w", v[0].Name, err)
			}
			return b, err
		}
		return packMap(b, v)
	}
	return b, errForm
}

func packMap(b []byte, o Object) ([]byte, error) {
	b = wire.AppendMap(b, len(o))
	for _, m := range o {
		if strings.HasPrefix(m.Name, "$") {
			return b, fmt.Errorf("%s stands beside other members", m.Name)
		}
		b = wire.AppendString(b, m.Name)
		var err error
		if b, err = Pack(b, m.Value); err != nil {
			return b, err
		}
	}
	return b, nil
}

// packNumber appends a number: what is written like an integer is one.
func packNumber(b []byte, n Number) ([]byte, error) {
	text := string(n)
	if strings.ContainsAny(text, ".eE") {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return b, errors.New("the number is too large")
		}
		return wire.AppendFloat64(b, v), nil
	}
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return wire.AppendInt(b, v), nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return b, errors.New("the integer has more than 64 bits")
	}
	return wire.AppendUint(b, v), nil
}

// packTagged appends what has a form of its own.
func packTagged(b []byte, tag string, v Value) ([]byte, error) {
	switch tag {
	case "$float":
		f, err := Float(v, 64)
		return wire.AppendFloat64(b, math.Float64frombits(f)), err
	case "$float32":
		f, err := Float(v, 32)
		return wire.AppendFloat32(b, math.Float32frombits(uint32(f))), err
	case "$text":
		p, err := Bytes(v)
		return wire.AppendString(b, string(p)), err
	case "$bytes":
		p, err := Bytes(v)
		return wire.AppendBytes(b, p), err
	case "$time":
		t, err := Time(v)
		return wire.AppendTime(b, t), err
	case "$ext":
		return packExt(b, v)
	case "$map":
		return packPairs(b, v)
	case "$msgpack":
		p, err := Bytes(v)
		r := wire.NewReader(p)
		if r.Skip(); err == nil && (r.Err() != nil || r.Len() > 0) {
			err = errForm
		}
		return append(b, p...), err
	}
	return b, errForm
}

func packExt(b []byte, v Value) ([]byte, error) {
	a, _ := v.(Array)
	if len(a) != 2 {
		return b, errForm
	}
	n, _ := a[0].(Number)
	typ, err := strconv.ParseInt(string(n), 10, 8)
	if err != nil {
		return b, errForm
	}
	p, err := Bytes(a[1])
	return wire.AppendExt(b, int8(typ), p), err
}

func packPairs(b []byte, v Value) ([]byte, error) {
	pairs, ok := v.(Array)
	if !ok {
		return b, errForm
	}
	b = wire.AppendMap(b, len(pairs))
	for _, pair := range pairs {
		a, _ := pair.(Array)
		if len(a) != 2 {
			return b, errForm
		}
		for _, e := range a {
			var err error
			if b, err = Pack(b, e); err != nil {
				return b, err
			}
		}
	}
	return b, nil
}

// Float reads a float of 64 or 32 bits and gives these: a number, or the text
// of what JSON has no number for.
func Float(v Value, bits int) (uint64, error) {
	var f float64
	switch v := v.(type) {
	case Number:
		var err error
		if f, err = strconv.ParseFloat(string(v), bits); err != nil {
			return 0, errors.New("the number is too large")
		}
	case string:
		if digits, ok := strings.CutPrefix(v, "0x"); ok {
			n, err := strconv.ParseUint(digits, 16, bits)
			if err != nil || len(digits) != bits/4 {
				return 0, errForm
			}
			return n, nil
		}
		switch v {
		case "NaN":
			f = math.NaN()
		case "Infinity":
			f = math.Inf(1)
		case "-Infinity":
			f = math.Inf(-1)
		default:
			return 0, errForm
		}
	default:
		return 0, errForm
	}
	if bits == 32 {
		return uint64(math.Float32bits(float32(f))), nil
	}
	return math.Float64bits(f), nil
}

// Bytes reads binary data in base64.
func Bytes(v Value) ([]byte, error) {
	text, ok := v.(string)
	if !ok {
		return nil, errForm
	}
	p, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("the text is not base64")
	}
	return p, nil
}

// Time reads an instant in either form that [AppendTime] writes.
func Time(v Value) (time.Time, error) {
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return t, errors.New("the text is no instant as RFC 3339 has them, 2006-01-02T15:04:05Z")
		}
		return t.UTC(), nil
	case Array:
		if len(v) == 2 {
			s, _ := v[0].(Number)
			n, _ := v[1].(Number)
			sec, err := strconv.ParseInt(string(s), 10, 64)
			nsec, nerr := strconv.ParseInt(string(n), 10, 32)
			if err == nil && nerr == nil && nsec >= 0 && nsec < 1e9 {
				return time.Unix(sec, nsec).UTC(), nil
			}
		}
	}
	return time.Time{}, errForm
}

// AppendSame appends the JSON of a msgpack value, or bytes that should be one,
// from which [Pack] makes the same bytes, unless they are none.
func AppendSame(b, value []byte) []byte {
	at := len(b)
	r := wire.NewReader(value)
	b = Append(b, r)
	if r.Err() == nil && r.Len() == 0 && Same(value, b[at:]) {
		return b
	}
	return append(appendBase64(append(b[:at], `{"$msgpack":`...), value), '}')
}

// Same tells whether a msgpack value comes back as the same bytes from its
// JSON.
func Same(value, text []byte) bool {
	v, err := Parse(text)
	if err != nil {
		return false
	}
	back, err := Pack(nil, v)
	return err == nil && bytes.Equal(value, back)
}
