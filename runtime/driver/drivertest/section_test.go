package drivertest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestPredicates compares what package driver says of random predicates with a
// naive evaluation, and holds the promises of Needs and Exact.
func TestPredicates(t *testing.T) {
	const rounds = 100_000
	holding, exact, selective := 0, 0, 0
	for seed := range uint64(rounds) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		section := g.object(3)
		preds := []driver.Predicate{g.predicate(section, 2)}
		if g.IntN(2) == 0 {
			preds = append(preds, g.predicate(section, 2))
		}
		want := allNaively(preds, native(section))
		if got := driver.Holds(preds, section); got != want {
			t.Fatalf("seed %d: %+v holds for\n%v:\ngot %v, want %v", seed, preds, section, got, want)
		}
		terms := driver.Terms(section)
		needs := driver.Needs(preds)
		has := !slices.ContainsFunc(needs, func(term driver.Term) bool {
			_, ok := slices.BinarySearch(terms, term)
			return !ok
		})
		if want && !has {
			t.Fatalf("seed %d: %+v holds for\n%v,\nwhich lacks one of the terms %q", seed, preds, section, needs)
		}
		sure := !slices.ContainsFunc(preds, func(p driver.Predicate) bool { return !p.Exact() })
		if sure && has != want {
			t.Fatalf("seed %d: %+v is exact and does not hold for\n%v,\nwhich has its terms %q", seed, preds, section, needs)
		}
		if want {
			holding++
			if len(needs) > 0 {
				selective++
			}
		}
		if sure {
			exact++
		}
	}
	t.Logf("of %d: %d held, %d of them with terms; %d were exact", rounds, holding, selective, exact)
	if holding < rounds/10 || selective < holding/2 || exact < rounds/20 {
		t.Error("the predicates say too little")
	}
}

// TestSectionsComeBack stores random sections and reads them.
func TestSectionsComeBack(t *testing.T) {
	for seed := range uint64(2_000) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		section := g.object(4)
		b, err := driver.AppendValue(nil, section)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back, err := driver.DecodeValue(b)
		if err != nil || !driver.Equal(section, back) {
			t.Fatalf("seed %d: %v came back as %v, %v", seed, section, back, err)
		}
		if a, b := driver.Terms(section), driver.Terms(back); !slices.Equal(a, b) {
			t.Fatalf("seed %d: the terms %q came back as %q", seed, a, b)
		}
	}
}
