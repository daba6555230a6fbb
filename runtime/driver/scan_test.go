package driver_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// scanned compares what is read from bytes with what is read from the value.
func scanned(t *testing.T, b []byte, unique []string) {
	t.Helper()
	v, wrong := driver.DecodeValue(b)
	terms, err := driver.TermsIn(b)
	held, heldErr := driver.HeldIn(b, unique)
	if wrong != nil {
		if err == nil || heldErr == nil || err.Error() != wrong.Error() || heldErr.Error() != wrong.Error() {
			t.Fatalf("%x: %v and %v, want %v", b, err, heldErr, wrong)
		}
		return
	}
	if want := driver.Terms(v); err != nil || !slices.Equal(terms, want) {
		t.Fatalf("%x: terms %q, %v, want %q", b, terms, err, want)
	}
	for _, term := range append(terms, "a\x00b1", "no\x00sx", "", "a") {
		if want := slices.Contains(driver.Terms(v), term); driver.HasTerms(b, []driver.Term{term}) != want {
			t.Fatalf("%x: has %q is not %v", b, term, want)
		}
	}
	if want := driver.Held(v, unique); heldErr != nil || !slices.Equal(held, want) {
		t.Fatalf("%x: held %q, %v, want %q", b, held, heldErr, want)
	}
}

// TestScan reads random sections, sound and damaged, with many members and few.
func TestScan(t *testing.T) {
	names := []string{"a", "b", "", "c.d", "[]", "e\\", "zoë", "slug"}
	unique := []string{"a", "b.a", "slug.[]", "[].a", `c\.d`, `\e`}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 5))
		b, err := driver.AppendValue(nil, draw(r, names, 4))
		if err != nil {
			t.Fatal(err)
		}
		scanned(t, b, unique)
		for range 3 {
			damaged := slices.Clone(b)
			damaged[r.IntN(len(b))] ^= 1 << r.IntN(8)
			scanned(t, damaged[:r.IntN(len(b))+1], unique)
		}
	}
	for _, depth := range []int{driver.MaxDepth - 1, driver.MaxDepth} {
		b, err := driver.AppendValue(nil, nested(depth))
		if err != nil {
			t.Fatal(err)
		}
		scanned(t, b, unique)
		scanned(t, slices.Concat([]byte{0x91}, b), unique) // one deeper
	}
	scanned(t, []byte("\x82\xa1a\x01\xa1a\x02"), unique) // a name twice
	scanned(t, nil, unique)
}

// draw draws a value that a section may have.
func draw(r *rand.Rand, names []string, depth int) driver.Value {
	switch n := r.IntN(7); {
	case n < 2 && depth > 0:
		o := object{}
		for i := range r.IntN(20) {
			name := fmt.Sprint("more ", i)
			if i < len(names) {
				name = names[i]
			}
			o = append(o, member{Name: name, Value: draw(r, names, depth-1)})
		}
		return o
	case n < 3 && depth > 0:
		a := array{}
		for range r.IntN(4) {
			a = append(a, draw(r, names, depth-1))
		}
		return a
	case n < 4:
		return nil
	case n < 5:
		return r.IntN(2) == 0
	case n < 6:
		return r.Int64() >> r.IntN(64)
	}
	return fmt.Sprint("text ", r.Int64()>>r.IntN(64), names[r.IntN(len(names))], string(make([]byte, r.IntN(3)*30)))
}

func TestScanAllocatesNothing(t *testing.T) {
	b, err := driver.AppendValue(nil, obj("owner", "ann", "labels", array{"a", "b"}, "place", obj("zip", int64(7))))
	if err != nil {
		t.Fatal(err)
	}
	unique := []string{"slug"}
	if n := testing.AllocsPerRun(100, func() { driver.HeldIn(b, unique) }); n > 0 {
		t.Errorf("HeldIn: %v allocations", n)
	}
	c := driver.Commit{Table: "notes", Seq: 1, Kind: driver.KindChange, Section: b, Held: []driver.Term{"slug\x00sx"}}
	row := driver.AppendCommit(nil, &c)
	if n := testing.AllocsPerRun(100, func() { driver.SectionIn(row) }); n > 0 {
		t.Errorf("SectionIn: %v allocations", n)
	}
}

func FuzzTermsIn(f *testing.F) {
	for _, v := range []driver.Value{nil, "x", obj("a", array{true, obj("b", "c")}, "slug", array{"x", "x"}), nested(5)} {
		b, err := driver.AppendValue(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { scanned(t, b, []string{"a.[]", "slug.[]"}) })
}

// BenchmarkTermsIn is what a store does of every section that it gets or reads.
func BenchmarkTermsIn(b *testing.B) {
	section, err := driver.AppendValue(nil, obj("owner", "group000042", "slug", "user0000042@example.com with a name as long as they are, at last"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := driver.TermsIn(section); err != nil {
			b.Fatal(err)
		}
	}
}
