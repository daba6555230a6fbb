package driver_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// someValue makes a value of a few names and scalars, so that two of them have
// much in common.
func someValue(rng *rand.Rand, depth int) driver.Value {
	names := []string{"a", "a.b", "b", "", "[]", "slug", "\x00", `\`}
	switch n := rng.IntN(8); {
	case n < 2 && depth < 4:
		var o driver.Object
		for _, i := range rng.Perm(len(names))[:rng.IntN(4)] {
			o = append(o, driver.Member{Name: names[i], Value: someValue(rng, depth+1)})
		}
		return o
	case n < 4 && depth < 4:
		var a driver.Array
		for range rng.IntN(4) {
			a = append(a, someValue(rng, depth+1))
		}
		return a
	case n == 4:
		return int64(rng.IntN(3) - 1)
	case n == 5:
		return rng.IntN(2) == 0
	case n == 6:
		return strings.Repeat("x", 63+rng.IntN(4))
	}
	return names[rng.IntN(len(names))]
}

// TestHasTerms holds the way that takes no memory to the one that makes terms.
func TestHasTerms(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	yes, no := 0, 0
	for range 20_000 {
		section, other := driver.Object{{Name: "a", Value: someValue(rng, 0)}}, driver.Object{{Name: "a", Value: someValue(rng, 0)}}
		stored, err := driver.AppendValue(nil, section)
		if err != nil {
			t.Fatal(err)
		}
		own := driver.Terms(section)
		if !driver.HasTerms(stored, own) {
			t.Fatalf("%v has not its own terms %q", section, own)
		}
		has := map[driver.Term]bool{}
		for _, term := range own {
			has[term] = true
		}
		for _, term := range driver.Terms(other) {
			if driver.HasTerms(stored, []driver.Term{term}) != has[term] {
				t.Fatalf("%v: term %q is found: %v", section, term, !has[term])
			}
			if has[term] {
				yes++
				continue
			}
			no++
			if driver.HasTerms(stored, append(own[:len(own):len(own)], term)) {
				t.Fatalf("%v: term %q is found among its own", section, term)
			}
		}
	}
	if yes < 300 || no < 1000 {
		t.Errorf("%d terms were there and %d were not", yes, no)
	}
}

// TestHasTermsMany asks for more terms than fit into one look.
func TestHasTermsMany(t *testing.T) {
	var labels driver.Array
	for i := range 200 {
		labels = append(labels, int64(i))
	}
	section := driver.Object{{Name: "labels", Value: labels}}
	stored, err := driver.AppendValue(nil, section)
	if err != nil {
		t.Fatal(err)
	}
	terms := driver.Terms(section)
	if len(terms) != 200 || !driver.HasTerms(stored, terms) || driver.HasTerms(stored, append(terms, "labels.[]\x00i200")) {
		t.Error("many terms are not found as few are")
	}
}

// FuzzHasTerms holds it to DecodeValue for bytes of any kind that this takes.
func FuzzHasTerms(f *testing.F) {
	stored, err := driver.AppendValue(nil, driver.Object{{Name: "a", Value: driver.Array{"x", int64(1), true}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stored, "a.[]\x00sx")
	f.Add([]byte{0x81, 0xa1}, "a\x00sx")
	f.Fuzz(func(t *testing.T, section []byte, term string) {
		has := driver.HasTerms(section, []driver.Term{driver.Term(term)})
		v, err := driver.DecodeValue(section)
		if err != nil {
			return
		}
		want := false
		for _, own := range driver.Terms(v) {
			want = want || own == driver.Term(term)
			if !driver.HasTerms(section, []driver.Term{own}) {
				t.Fatalf("%q is not found", own)
			}
		}
		if has != want {
			t.Fatalf("%q is found: %v", term, has)
		}
	})
}

func BenchmarkHasTerms(b *testing.B) {
	stored, err := driver.AppendValue(nil, driver.Object{
		{Name: "owner", Value: "ann"}, {Name: "slug", Value: "milk and bread and butter"}, {Name: "labels", Value: driver.Array{"home", "now"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	terms := []driver.Term{"slug\x00smilk and bread and butter"}
	b.ReportAllocs()
	for b.Loop() {
		if !driver.HasTerms(stored, terms) {
			b.Fatal("not found")
		}
	}
}
