package fs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/drivers/fs/internal/journal"
	"github.com/destam-go/destamgen/runtime/driver"
)

// TestTailIndex commits at random to documents of a tail, which hold values that
// are in their sections and such as are not, and compares what is found, and who
// holds what, with a look at all documents.
func TestTailIndex(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	const documents, values = 40, 25
	l := newTail()
	terms := make([]driver.Term, values)
	for i := range terms {
		terms[i] = driver.Term(fmt.Sprint("v\x00i", i))
	}
	holder := make(map[driver.Term]driver.ID)
	holders := 0
	for step := range 3000 {
		id := driver.ID{15: byte(rng.IntN(documents))}
		d := l.docs[id]
		if d == nil {
			d = l.enter(id, known{})
		}
		value := rng.IntN(values)
		c := commitOf(rng, id, d.standing.Seq+1, value)
		for _, term := range d.standing.Held {
			delete(holder, term)
		}
		for c.Kind == driver.KindChange && rng.IntN(2) == 0 {
			term := driver.Term(fmt.Sprint("v\x00i", value))
			if rng.IntN(3) == 0 {
				term = terms[rng.IntN(values)]
			}
			if _, taken := holder[term]; !taken {
				holder[term] = id
				c.Held = append(c.Held, term)
			}
		}
		slices.Sort(c.Held)
		l.add(d, &c, journal.Place{}, uint64(step))
		if step%6 > 0 {
			continue
		}
		for _, term := range append(slices.Clone(terms), driver.Term(fmt.Sprint("v\x00i", value))) {
			got, ok := l.holder(term)
			want, held := holder[term]
			if ok != held || ok && got != want {
				t.Fatalf("step %d: %q is held by %v %v, want %v %v", step, term, got, ok, want, held)
			}
			if ok {
				holders++
			}
		}
		checkTail(t, l, driver.Term(fmt.Sprint("v\x00i", value)), "all\x00b1", "none\x00b1")
	}
	if holders < 3000 {
		t.Errorf("only %d holders were asked for", holders)
	}
}

// commitOf makes a commit that deletes, changes nothing, or sets a value.
func commitOf(rng *rand.Rand, id driver.ID, seq uint64, value int) driver.Commit {
	c := driver.Commit{ID: id, Seq: seq, Kind: driver.KindChange}
	switch rng.IntN(6) {
	case 0:
		c.Kind = driver.KindDelete
	case 1: // the section stays
	case 2:
		c.Section, _ = driver.AppendValue(nil, driver.Object{{Name: "v", Value: fmt.Sprint(value)}, {Name: "all", Value: true}})
	default:
		c.Section, _ = driver.AppendValue(nil, driver.Object{{Name: "v", Value: int64(value)}, {Name: "all", Value: value%2 == 0}})
	}
	return c
}

// checkTail compares what a tail finds by terms with a look at all documents.
func checkTail(t *testing.T, l *tail, terms ...driver.Term) {
	t.Helper()
	for _, some := range [][]driver.Term{nil, terms[:1], terms[1:2], terms[:2], terms[2:]} {
		var want, got []driver.ID
		from := driver.ID{15: 3}
		for id, d := range l.docs {
			if id.Compare(from) >= 0 && d.standing.Life == driver.Alive && (len(some) == 0 || driver.HasTerms(d.section, some)) {
				want = append(want, id)
			}
		}
		slices.SortFunc(want, driver.ID.Compare)
		l.search(some, from, func(id driver.ID) bool {
			got = append(got, id)
			return true
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", some, diff)
		}
	}
	n := 0
	l.search(terms[:1], driver.ID{}, func(driver.ID) bool {
		n++
		return true
	})
	if l.count(terms[0]) != n {
		t.Fatalf("%d documents of %q are counted, %d found", l.count(terms[0]), terms[0], n)
	}
}
