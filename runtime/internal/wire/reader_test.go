package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// TestReader reads back one frame that has every kind of value.
func TestReader(t *testing.T) {
	when := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	var b []byte
	b = AppendNil(b)
	b = AppendBool(b, true)
	b = AppendInt(b, -5)
	b = AppendUint(b, math.MaxUint64)
	b = AppendFloat32(b, 1.5)
	b = AppendFloat64(b, -2.5)
	b = AppendFloat32(b, 0.25)
	b = AppendString(b, "héllo")
	b = AppendString(b, "view")
	b = AppendBytes(b, []byte{1, 2})
	b = AppendBytes(b, []byte{3})
	b = AppendArray(b, 2)
	b = AppendInt(b, 1)
	b = AppendInt(b, 2)
	b = AppendMap(b, 1)
	b = AppendString(b, "k")
	b = AppendInt(b, 3)
	b = AppendTime(b, when)
	b = AppendExt(b, 7, []byte("ext"))

	r := NewReader(b)
	if r.Kind() != Nil || !r.Nil() || r.Nil() {
		t.Error("nil")
	}
	if r.Kind() != Bool || !r.Bool() {
		t.Error("bool")
	}
	if r.Kind() != Int || r.Int() != -5 || r.Uint() != math.MaxUint64 {
		t.Error("integers")
	}
	if r.Kind() != Float || r.Float32() != 1.5 || r.Float64() != -2.5 || r.Float64() != 0.25 {
		t.Error("floats")
	}
	if r.Kind() != String || r.String() != "héllo" || string(r.View()) != "view" {
		t.Error("strings")
	}
	if r.Kind() != Bytes || !bytes.Equal(r.View(), []byte{1, 2}) || !bytes.Equal(r.Bytes(), []byte{3}) {
		t.Error("bytes")
	}
	if r.Kind() != Array || r.Array() != 2 || r.Int() != 1 || r.Int() != 2 {
		t.Error("array")
	}
	if r.Kind() != Map || r.Map() != 1 || r.String() != "k" || r.Int() != 3 {
		t.Error("map")
	}
	if r.Kind() != Time || r.Time() != when {
		t.Error("time")
	}
	if typ, p := r.Ext(); typ != 7 || string(p) != "ext" {
		t.Error("extension")
	}
	if r.Err() != nil || r.Len() != 0 || r.Kind() != Invalid {
		t.Errorf("at the end: %v, %d bytes left, %v", r.Err(), r.Len(), r.Kind())
	}
}

func TestReaderRefuses(t *testing.T) {
	tests := []struct {
		name string
		in   string
		read func(r *Reader)
	}{
		{"nothing", "", func(r *Reader) { r.Int() }},
		{"the byte that begins no value", "\xc1", func(r *Reader) { r.Skip() }},
		{"bool from int", "\x01", func(r *Reader) { r.Bool() }},
		{"int from string", "\xa0", func(r *Reader) { r.Int() }},
		{"int above its range", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", func(r *Reader) { r.Int() }},
		{"uint from negative", "\xff", func(r *Reader) { r.Uint() }},
		{"cut int", "\xcd\x01", func(r *Reader) { r.Int() }},
		{"float32 from float64", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", func(r *Reader) { r.Float32() }},
		{"float from int", "\x01", func(r *Reader) { r.Float64() }},
		{"string from bytes", "\xc4\x00", func(r *Reader) { _ = r.String() }},
		{"bytes from string", "\xa0", func(r *Reader) { r.Bytes() }},
		{"view of int", "\x01", func(r *Reader) { r.View() }},
		{"long string", "\xdb\xff\xff\xff\xffabc", func(r *Reader) { _ = r.String() }},
		{"long bytes", "\xc6\x7f\xff\xff\xffabc", func(r *Reader) { r.Bytes() }},
		{"long array", "\xdd\xff\xff\xff\xff\x01\x02", func(r *Reader) { r.Array() }},
		{"long small array", "\x93\x01\x02", func(r *Reader) { r.Array() }},
		{"long map", "\xdf\x00\x00\x00\x02\x01\x02\x03", func(r *Reader) { r.Map() }},
		{"array from map", "\x80", func(r *Reader) { r.Array() }},
		{"map from array", "\x90", func(r *Reader) { r.Map() }},
		{"time from int", "\x01", func(r *Reader) { r.Time() }},
		{"time of five bytes", "\xc7\x05\xff12345", func(r *Reader) { r.Time() }},
		{"time with too many nanoseconds", "\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00", func(r *Reader) { r.Time() }},
		{"time of another type", "\xd6\x01\x00\x00\x00\x00", func(r *Reader) { r.Time() }},
		{"ext from nil", "\xc0", func(r *Reader) { r.Ext() }},
		{"cut ext", "\xd6\x01\x00", func(r *Reader) { r.Ext() }},
		{"ext without a type", "\xc7\x00", func(r *Reader) { r.Ext() }},
		{"skip of a cut array", "\x92\x01", func(r *Reader) { r.Skip() }},
		{"raw of a cut map", "\x81\x01", func(r *Reader) { r.Raw() }},
		{"deep arrays", strings.Repeat("\x91", MaxDepth+1) + "\x01", func(r *Reader) { r.Skip() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader([]byte(tt.in))
			tt.read(r)
			var e *Error
			if !errors.As(r.Err(), &e) || e.At < 0 || e.At > len(tt.in) {
				t.Fatalf("error is %v", r.Err())
			}
			if r.Len() != 0 || r.Kind() != Invalid || r.Nil() || r.Int() != 0 || r.Raw() != nil || r.Err() != e {
				t.Error("the reader goes on after its error")
			}
		})
	}
}

func TestReaderFailKeepsFirstError(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	r := NewReader([]byte{1})
	r.Fail(first)
	r.Fail(second)
	if r.Err() != first || r.Len() != 0 {
		t.Errorf("error is %v with %d bytes left", r.Err(), r.Len())
	}
	r.Reset([]byte{1})
	if r.Int() != 1 || r.Err() != nil {
		t.Error("Reset does not begin anew")
	}
}

func TestRaw(t *testing.T) {
	deep := strings.Repeat("\x91", MaxDepth) + "\x01"
	for _, v := range []string{"\xc0", "\x05", "\xcb12345678", "\xa3abc", "\xc4\x01a", "\x92\x01\x81\xa1k\xc3", "\xd6\xff1234", "\xc7\x03\x05abc", deep} {
		in := append([]byte(v), 0x2a)
		r := NewReader(in)
		got := r.Raw()
		if string(got) != v || r.Int() != 42 || r.Err() != nil {
			t.Errorf("raw of % .20x is % .20x, then %v", v, got, r.Err())
		}
		if _ = append(got, 0xff); in[len(in)-1] != 0x2a {
			t.Error("appending to a raw value writes into the input")
		}
	}
}

// TestReaderOwnership checks what aliases the input and what does not.
func TestReaderOwnership(t *testing.T) {
	in := AppendBytes(AppendString(AppendBytes(nil, []byte("copy")), "also"), []byte("view"))
	r := NewReader(in)
	b, s, v := r.Bytes(), r.String(), r.View()
	for i := range in {
		in[i] = '!'
	}
	if string(b) != "copy" || s != "also" || string(v) != "!!!!" {
		t.Errorf("got %q, %q, %q", b, s, v)
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	in := AppendTime(AppendString(AppendInt(AppendArray(nil, 3), 300), "text"), time.Unix(1, 2))
	var r Reader
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(in)
		_, _, _, _ = r.Array(), r.Int(), r.View(), r.Time()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
