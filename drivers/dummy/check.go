package dummy

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

var _ driver.Checker = (*Store)(nil)

// Check implements [driver.Checker]: it compares what documents are found by
// with their commits.
func (s *Store) Check(ctx context.Context) iter.Seq2[driver.Damage, error] {
	return func(yield func(driver.Damage, error) bool) {
		err := s.enter(ctx)
		var found []driver.Damage
		if err == nil {
			for _, name := range slices.Sorted(maps.Keys(s.tables)) {
				s.tables[name].check(func(id driver.ID, why string) {
					found = append(found, driver.Damage{Table: name, ID: id, Where: "memory", Why: why})
				})
			}
		}
		s.mu.Unlock()
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

// check says what of a table is not what its documents' commits make.
func (t *table) check(wrong func(driver.ID, string)) {
	if !slices.IsSortedFunc(t.ids, driver.ID.Compare) || len(t.ids) != len(t.docs) {
		wrong(driver.ID{}, fmt.Sprintf("%d ids are listed of %d documents, or in another order", len(t.ids), len(t.docs)))
	}
	held := 0
	for _, id := range t.ids {
		d := t.docs[id]
		if d == nil || len(d.log) == 0 {
			wrong(id, "it is listed, and has no commits")
			continue
		}
		if n := uint64(len(d.erased) + len(d.log)); d.standing.Seq != n || d.log[len(d.log)-1].Seq != n {
			wrong(id, fmt.Sprintf("it is at version %d, and has %d", d.standing.Seq, n))
		}
		var section []byte
		for i := range d.log {
			if d.log[i].Section != nil {
				section = d.log[i].Section
			}
		}
		v, _ := driver.DecodeValue(section) // the commit was checked
		if string(section) != string(d.section) || !slices.Equal(d.terms, driver.Terms(v)) {
			wrong(id, "it is found by another query section than its newest")
		}
		for _, term := range d.standing.Held {
			if t.holders[term] != id {
				wrong(id, fmt.Sprintf("it holds a value of %s, and the index of holders does not know", term.Path()))
			}
		}
		held += len(d.standing.Held)
	}
	if held != len(t.holders) {
		wrong(driver.ID{}, fmt.Sprintf("documents hold %d unique values, and the index of holders has %d", held, len(t.holders)))
	}
}
