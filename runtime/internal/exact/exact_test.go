package exact_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/internal/exact"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// equal compares two values to the last bit, whatever form they have.
func equal(a, b *wire.Reader) bool {
	k := a.Kind()
	if k != b.Kind() {
		return false
	}
	each := func(n, m int) bool {
		if n != m {
			return false
		}
		for range n {
			if !equal(a, b) {
				return false
			}
		}
		return true
	}
	switch k {
	case wire.Int:
		x, y := *a, *b
		if v, w := x.Int(), y.Int(); x.Err() == nil || y.Err() == nil {
			*a, *b = x, y
			return v == w && x.Err() == nil && y.Err() == nil
		}
		return a.Uint() == b.Uint()
	case wire.Float, wire.Nil, wire.Bool:
		return bytes.Equal(a.Raw(), b.Raw())
	case wire.String, wire.Bytes:
		return bytes.Equal(a.View(), b.View())
	case wire.Time:
		return a.Time().Equal(b.Time())
	case wire.Ext:
		t, p := a.Ext()
		u, q := b.Ext()
		return t == u && bytes.Equal(p, q)
	case wire.Array:
		return each(a.Array(), b.Array())
	case wire.Map:
		return each(2*a.Map(), 2*b.Map())
	}
	return false
}

// check brings a value to JSON and back.
func check(t *testing.T, b []byte) {
	t.Helper()
	r := wire.NewReader(b)
	text := exact.Append(nil, r)
	if r.Err() != nil {
		return // it is no value, as far as instants are concerned
	}
	v, err := exact.Parse(text)
	if err != nil {
		t.Fatalf("%x: %s: %v", b, text, err)
	}
	back, err := exact.Pack(nil, v)
	if err != nil {
		t.Fatalf("%x: %s: %v", b, text, err)
	}
	if !equal(wire.NewReader(b), wire.NewReader(back)) {
		t.Fatalf("%x became %x by %s", b, back, text)
	}
	if !exact.Same(back, text) {
		t.Fatalf("%x: the shortest form %x is not kept by %s", b, back, text)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, b := range samples() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		b = r.Raw()
		if r.Err() == nil {
			check(t, b)
		}
	})
}

// FuzzParse reads anything: what is read can be written, and is the same then.
func FuzzParse(f *testing.F) {
	for _, b := range samples() {
		f.Add(string(exact.Append(nil, wire.NewReader(b))))
	}
	f.Add(`{"$float":"0x7ff8000000000001"}`)
	f.Add(`["\ud83d\ude00","\ud83d"]`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := exact.Parse([]byte(text))
		if err != nil {
			return
		}
		if b, err := exact.Pack(nil, v); err == nil {
			check(t, b)
		}
	})
}

// samples are values of every kind.
func samples() [][]byte {
	var all [][]byte
	for _, v := range []int64{0, 1, -1, 127, 128, -33, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1} {
		all = append(all, wire.AppendInt(nil, v))
	}
	all = append(all, wire.AppendUint(nil, math.MaxUint64))
	for _, v := range []float64{0, math.Copysign(0, -1), 1, 1e21, -1e-300, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), math.Float64frombits(0xfff8000000000123)} {
		all = append(all, wire.AppendFloat64(nil, v), wire.AppendFloat32(nil, float32(v)))
	}
	for _, s := range []string{"", "a", "\xff\x00", "\u2028<>&\"\\", strings.Repeat("x", 300), "\ufffd", "$bytes"} {
		all = append(all, wire.AppendString(nil, s), wire.AppendBytes(nil, []byte(s)))
	}
	for _, at := range []time.Time{{}, time.Unix(0, 1).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(12345, 1, 1, 0, 0, 0, 5, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)} {
		all = append(all, wire.AppendTime(nil, at))
	}
	all = append(all, wire.AppendNil(nil), wire.AppendBool(nil, true), wire.AppendExt(nil, 2, make([]byte, 16)), wire.AppendExt(nil, -7, nil))
	odd := wire.AppendMap(nil, 2)
	odd = wire.AppendInt(wire.AppendString(odd, "$map"), 1)
	odd = wire.AppendInt(wire.AppendString(odd, "b"), 2)
	twice := wire.AppendMap(nil, 2)
	twice = wire.AppendInt(wire.AppendString(twice, "a"), 1)
	twice = wire.AppendInt(wire.AppendString(twice, "a"), 2)
	ints := wire.AppendBool(wire.AppendInt(wire.AppendMap(nil, 1), -5), false)
	plain := append(wire.AppendString(wire.AppendMap(nil, 1), "ü"), odd...)
	return append(all, odd, twice, ints, plain, append(wire.AppendArray(nil, 2), append(plain, ints...)...))
}

// random makes a value of nested arrays and maps of samples.
func random(r *rand.Rand, leaves [][]byte, depth int) []byte {
	n := r.IntN(4)
	switch kind := r.IntN(4); {
	case depth == 0 || kind > 1:
		return leaves[r.IntN(len(leaves))]
	case kind == 0:
		b := wire.AppendArray(nil, n)
		for range n {
			b = append(b, random(r, leaves, depth-1)...)
		}
		return b
	default:
		b := wire.AppendMap(nil, n)
		for range n {
			b = append(b, random(r, leaves, 0)...)
			b = append(b, random(r, leaves, depth-1)...)
		}
		return b
	}
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	leaves := samples()
	for range 5000 {
		check(t, random(r, leaves, 5))
	}
}

func TestForms(t *testing.T) {
	for _, test := range []struct {
		value []byte
		text  string
	}{
		{wire.AppendInt(nil, math.MinInt64), "-9223372036854775808"},
		{wire.AppendFloat64(nil, 1), "1.0"},
		{wire.AppendFloat64(nil, math.NaN()), `{"$float":"NaN"}`},
		{wire.AppendFloat32(nil, 1.5), `{"$float32":1.5}`},
		{wire.AppendString(nil, "\xff"), `{"$text":"/w=="}`},
		{wire.AppendBytes(nil, []byte{1}), `{"$bytes":"AQ=="}`},
		{wire.AppendTime(nil, time.Unix(0, 1)), `{"$time":"1970-01-01T00:00:00.000000001Z"}`},
		{wire.AppendExt(nil, 1, []byte{2}), `{"$ext":[1,"Ag=="]}`},
		{wire.AppendBool(wire.AppendInt(wire.AppendMap(nil, 1), 1), true), `{"$map":[[1,true]]}`},
	} {
		if got := string(exact.Append(nil, wire.NewReader(test.value))); got != test.text {
			t.Errorf("%x: got %s, want %s", test.value, got, test.text)
		}
		if !exact.Same(test.value, []byte(test.text)) {
			t.Errorf("%s does not come back", test.text)
		}
	}
	// The library of users' codecs writes longer forms.
	long := append([]byte{0x92, 0xd3}, 0, 0, 0, 0, 0, 0, 0, 1, 0xc0)
	if v, err := exact.Parse(exact.AppendSame(nil, long)); err != nil {
		t.Error(err)
	} else if b, err := exact.Pack(nil, v); err != nil || !bytes.Equal(b, long) {
		t.Errorf("%x became %x, %v", long, b, err)
	}
	if v, err := exact.Parse(exact.AppendSame(nil, []byte("no value"))); err != nil {
		t.Error(err)
	} else if b, err := exact.Pack(nil, v); err == nil {
		t.Errorf("bytes that are no value became %x", b)
	}
	if exact.Same([]byte{0xd3, 0, 0, 0, 0, 0, 0, 0, 1}, []byte("1")) {
		t.Error("an integer of nine bytes is said to be one of one")
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{
		"", "{", "[1,", `{"a":1,"a":2}`, "tru", "01", "1.", "+1", "\"\n\"", `"\x"`, `"\ud83d"`, `"\udc00\ud83d"`, "\"\xff\"", "1 2", "[1 2]", `{"a" 1}`, `{1:2}`, "nul",
		strings.Repeat("[", 300_000),
	} {
		if v, err := exact.Parse([]byte(text)); err == nil {
			t.Errorf("%.40q was read as %v", text, v)
		}
	}
	for _, text := range []string{
		`{"$bytes":"#"}`, `{"$bytes":1}`, `{"$time":"today"}`, `{"$time":[1]}`, `{"$float":"x"}`, `{"$float":"0x1"}`, `{"$ext":[200,""]}`, `{"$ext":[1]}`,
		`{"$map":[[1]]}`, `{"$map":1}`, `{"$what":1}`, `{"a":1,"$b":2}`, "18446744073709551616", "1e999", `[{"$text":"!"}]`,
	} {
		v, err := exact.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if b, err := exact.Pack(nil, v); err == nil {
			t.Errorf("%s was packed as %x", text, b)
		}
	}
	for _, good := range []string{`"\ufffd"`, "\"\ufffd\"", `"\ud83d\ude00"`, " [ ] ", "-0", `{"a":{}}`} {
		if _, err := exact.Parse([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}
