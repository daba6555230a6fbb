package driver_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
)

type (
	array  = driver.Array
	object = driver.Object
	member = driver.Member
)

// obj makes an object of names and values in turn.
func obj(pairs ...any) object {
	o := object{}
	for i := 0; i < len(pairs); i += 2 {
		o = append(o, member{Name: pairs[i].(string), Value: pairs[i+1]})
	}
	return o
}

// nested returns depth arrays, one in the other.
func nested(depth int) driver.Value {
	v := array{}
	for range depth - 1 {
		v = array{v}
	}
	return v
}

func TestValueBytes(t *testing.T) {
	many := object{}
	for i := range 100 {
		many = append(many, member{Name: fmt.Sprint("member ", i), Value: int64(i)})
	}
	for _, test := range []struct {
		name  string
		value driver.Value
		bytes string
	}{
		{"absent", nil, "\xc0"},
		{"false", false, "\xc2"},
		{"true", true, "\xc3"},
		{"zero", int64(0), "\x00"},
		{"negative", int64(-1), "\xff"},
		{"largest", int64(math.MaxInt64), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{"smallest", int64(math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"},
		{"empty string", "", "\xa0"},
		{"string", "a\x00ü", "\xa4a\x00ü"},
		{"empty array", array{}, "\x90"},
		{"array", array{int64(1), nil, "x"}, "\x93\x01\xc0\xa1x"},
		{"empty object", object{}, "\x80"},
		{"object", obj("b", true, "", array{array{}}), "\x82\xa1b\xc3\xa0\x91\x90"},
		{"many members", many, ""},
		{"deep", nested(driver.MaxDepth), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			prefix := []byte("before")
			b, err := driver.AppendValue(prefix, test.value)
			if err != nil {
				t.Fatal(err)
			}
			b, ok := bytes.CutPrefix(b, prefix)
			if !ok {
				t.Fatalf("the prefix is gone: %q", b)
			}
			if test.bytes != "" && string(b) != test.bytes {
				t.Errorf("got %q, want %q", b, test.bytes)
			}
			back, err := driver.DecodeValue(b)
			if err != nil {
				t.Fatal(err)
			}
			// Not by cmp.Diff, whose time doubles with every level.
			if !reflect.DeepEqual(back, test.value) {
				t.Errorf("came back as %v", back)
			}
		})
	}
}

func TestAppendValueLeavesOutAbsentMembers(t *testing.T) {
	b, err := driver.AppendValue(nil, obj("a", nil, "b", obj("c", nil), "d", int64(1)))
	if want := "\x82\xa1b\x80\xa1d\x01"; err != nil || string(b) != want {
		t.Errorf("got %q, %v; want %q", b, err, want)
	}
}

func TestAppendValueRefuses(t *testing.T) {
	for _, test := range []struct {
		value driver.Value
		path  string
	}{
		{1, ""},
		{1.5, ""},
		{[]byte("x"), ""},
		{"\xff", ""},
		{obj("a", obj("b", uint8(1))), "a.b"},
		{obj("a", array{"x", "\xc3"}), "a.[]"},
		{obj("\xff", true), ""},
		{obj("a", obj("x", true, "x", false)), "a"},
		{obj("a", obj("x", nil, "x", nil)), "a"},
		{nested(driver.MaxDepth + 1), strings.Repeat(".[]", driver.MaxDepth)[1:]},
	} {
		b, err := driver.AppendValue([]byte("before"), test.value)
		var wrong *driver.ValueError
		if !errors.As(err, &wrong) || wrong.Path != test.path {
			t.Errorf("%v: got %v, want a ValueError at %q", test.value, err, test.path)
		}
		if string(b) != "before" {
			t.Errorf("%v: gave %q", test.value, b)
		}
	}
}

func TestDecodeValueRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":            "",
		"cut string":         "\xa2a",
		"cut array":          "\x92\x01",
		"cut object":         "\x81\xa1a",
		"cut number":         "\xcd\x01",
		"left over":          "\x01\x01",
		"float":              "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		"binary":             "\xc4\x01x",
		"instant":            "\xd6\xff\x00\x00\x00\x00",
		"extension":          "\xd4\x05x",
		"too large":          "\xcf\x80\x00\x00\x00\x00\x00\x00\x00",
		"invalid text":       "\xa1\xff",
		"invalid name":       "\x81\xa1\xff\xc0",
		"name is no string":  "\x81\x01\x01",
		"name is binary":     "\x81\xc4\x01a\x01",
		"name twice":         "\x82\xa1a\x01\xa1a\x02",
		"unused code":        "\xc1",
		"count of no bytes":  "\xdd\xff\xff\xff\xff",
		"pairs of few bytes": "\x82\xa1a\x01",
		"too deep":           strings.Repeat("\x91", driver.MaxDepth) + "\x90",
		"very deep":          strings.Repeat("\x91", 1_000_000),
		"very deep objects":  strings.Repeat("\x81\xa0", 500_000),
	} {
		v, err := driver.DecodeValue([]byte(b))
		if wrong := (*driver.ValueError)(nil); !errors.As(err, &wrong) {
			t.Errorf("%s: got %v, %v", name, v, err)
		}
	}
}

// TestDecodeValueOfManyMembers has names twice among so many that they are not
// compared one by one any more.
func TestDecodeValueOfManyMembers(t *testing.T) {
	for _, n := range []int{15, 16, 17, 200} {
		for _, twice := range []int{0, n / 2, n - 1} {
			b := []byte{0xde, 0, byte(n + 1)}
			for i := range n {
				b = append(b, fmt.Sprintf("\xa3%03d\x01", i)...)
			}
			b = append(b, fmt.Sprintf("\xa3%03d\x01", twice)...)
			if v, err := driver.DecodeValue(b); err == nil {
				t.Errorf("%d members and number %d again: %v", n, twice, v)
			}
		}
	}
}

// TestDecodeValueAllocates holds memory to the bytes that are there: 64 nested
// arrays which all count the same million bytes.
func TestDecodeValueAllocates(t *testing.T) {
	count := "\xdd\x00\x0f\x00\x00"
	b := []byte(strings.Repeat(count, 63) + strings.Repeat("\xc0", 1<<20))
	result := testing.Benchmark(func(bench *testing.B) {
		bench.ReportAllocs()
		for range bench.N {
			if _, err := driver.DecodeValue(b); err == nil {
				t.Fatal("arrays that are not all there were read")
			}
		}
	})
	if got, limit := result.AllocedBytesPerOp(), int64(200<<20); got > limit {
		t.Errorf("%d bytes were allocated for %d, more than %d", got, len(b), limit)
	}
}

func TestDecodeValueSharesNothing(t *testing.T) {
	b, err := driver.AppendValue(nil, obj("name", "value"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := driver.DecodeValue(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(obj("name", "value"), v); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeValue(f *testing.F) {
	for _, v := range []driver.Value{nil, "x", int64(-5), obj("a", array{true, obj("b", "c")}), nested(5)} {
		b, err := driver.AppendValue(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := driver.DecodeValue(b)
		if err != nil {
			return
		}
		again, err := driver.AppendValue(nil, v)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := driver.DecodeValue(again)
		if err != nil || !driver.Equal(v, back) {
			t.Fatalf("%v came back as %v, %v", v, back, err)
		}
		if clone := driver.Clone(v); !driver.Equal(v, clone) {
			t.Fatalf("the clone of %v is %v", v, clone)
		}
		if terms := driver.Terms(v); len(terms) != len(driver.Terms(back)) {
			t.Fatalf("other terms: %q, %q", terms, driver.Terms(back))
		}
	})
}

func TestEqual(t *testing.T) {
	values := []driver.Value{ // all different
		nil, "", "a", "true", "1", true, false, int64(0), int64(1),
		array{}, array{nil}, array{array{}}, array{"a"}, array{"a", "a"}, array{int64(1), "a"}, array{"a", int64(1)},
		object{}, obj("a", int64(1)), obj("a", int64(1), "b", true), obj("a", obj("b", "c")), obj("a", array{obj("b", "c")}),
	}
	for i, a := range values {
		for j, b := range values {
			if got, want := driver.Equal(a, b), i == j; got != want {
				t.Errorf("Equal(%v, %v) = %v", a, b, got)
			}
		}
		if clone := driver.Clone(a); !driver.Equal(a, clone) {
			t.Errorf("clone of %v is %v", a, clone)
		}
	}
	for _, pair := range [][2]driver.Value{
		{obj("a", int64(1), "b", true), obj("b", true, "a", int64(1))},
		{obj("a", nil), object{}},
		{obj("a", nil, "b", "x"), obj("b", "x", "c", nil)},
		{array{obj("a", nil)}, array{object{}}},
	} {
		if !driver.Equal(pair[0], pair[1]) || !driver.Equal(pair[1], pair[0]) {
			t.Errorf("%v and %v are not equal", pair[0], pair[1])
		}
	}
	for _, foreign := range []any{1, 1.5, []byte("x"), map[string]int{}, func() {}} {
		if driver.Equal(foreign, foreign) {
			t.Errorf("%T is equal to itself", foreign)
		}
	}
}

func TestCloneIsDeep(t *testing.T) {
	v := obj("a", array{obj("b", "c")})
	clone := driver.Clone(v)
	v[0].Value.(array)[0].(object)[0].Value = "changed"
	v[0].Name = "changed"
	if diff := cmp.Diff(obj("a", array{obj("b", "c")}), clone); diff != "" {
		t.Error(diff)
	}
}
