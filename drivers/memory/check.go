package memory

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

var _ driver.Checker = (*Store)(nil)

// Check implements [driver.Checker]: it compares every index with what the
// documents make. Writers wait meanwhile.
func (s *Store) Check(ctx context.Context) iter.Seq2[driver.Damage, error] {
	return func(yield func(driver.Damage, error) bool) {
		s.mu.RLock()
		err := s.enter(ctx)
		var found []driver.Damage
		if err == nil {
			for _, name := range slices.Sorted(maps.Keys(s.tables)) {
				for _, why := range s.tables[name].check() {
					found = append(found, driver.Damage{Table: name, Where: "memory", Why: why})
				}
			}
		}
		s.mu.RUnlock()
		for _, d := range found {
			if !yield(d, nil) {
				return
			}
		}
		if err != nil {
			yield(driver.Damage{}, err)
		}
	}
}

// check says what of a table is not what its documents make.
func (t *table) check() (wrong []string) {
	terms := make(map[driver.Term]int)
	existing, alive, pairs, outside := 0, 0, 0, 0
	last := driver.ID{}
	t.ascend(driver.ID{}, func(d *document) bool {
		if d.id.Compare(last) <= 0 && !last.IsZero() {
			wrong = append(wrong, fmt.Sprintf("document %v stands behind %v", d.id, last))
		}
		last = d.id
		for _, term := range d.terms() {
			terms[term]++
		}
		for _, term := range d.now().Held {
			if id, ok := t.holder(term); !ok || id != d.id {
				wrong = append(wrong, fmt.Sprintf("document %v holds a value of %s, and the index of holders does not know", d.id, term.Path()))
			}
			outside += count(!d.has(term))
		}
		existing += count(d.exists())
		alive += count(d.life() == driver.Alive)
		return true
	})
	for term, want := range terms {
		got := 0
		t.index.search([]driver.Term{term}, driver.ID{}, func(doc uint32, _ bool) bool {
			got += count(t.at(doc).has(term))
			return true
		})
		if n := t.index.count(term); n != want || got != want {
			wrong = append(wrong, fmt.Sprintf("%d documents have a value of %s, and the index has %d and finds %d", want, term.Path(), n, got))
		}
		if want > 1 {
			pairs += want
		}
	}
	t.index.pairs.ascend(place{}, func(pair) bool { pairs--; return true })
	if n := len(t.index.lists) + len(t.index.alone); n != len(terms) || pairs != 0 {
		wrong = append(wrong, fmt.Sprintf("the index has %d terms and the documents %d; pairs too few: %d", n, len(terms), pairs))
	}
	if len(t.outside) != outside {
		wrong = append(wrong, fmt.Sprintf("%d values are held that sections do not show, and %d are noted", outside, len(t.outside)))
	}
	if existing != t.existing || alive != t.alive {
		wrong = append(wrong, fmt.Sprintf("%d documents of which %d are found are counted as %d and %d", existing, alive, t.existing, t.alive))
	}
	return wrong
}
