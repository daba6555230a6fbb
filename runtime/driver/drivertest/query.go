package drivertest

import (
	"fmt"

	"github.com/destam-go/destamgen/runtime/driver"
)

// testQueries asks random questions about random documents in the way of a
// database: search by the terms that the predicates need, then look. The
// answers are those of a naive evaluation over all documents.
func testQueries(s *store) {
	g := generator{s.random()}
	sections := make(map[driver.ID]driver.Object)
	var docs []*doc
	for i := range s.fewer(150, 50) {
		section := g.object(3)
		d := s.create(id(i+1), section)
		for range g.IntN(3) {
			section = g.object(3)
			d.add(driver.KindChange, section)
		}
		docs = append(docs, d)
		if g.IntN(8) == 0 {
			d.add(driver.KindDelete, nil)
			if g.IntN(2) == 0 {
				d.add(driver.KindRestore, section)
			}
		}
		if !d.head().Deleted {
			sections[d.id] = section
		}
	}
	hits, questions := 0, s.fewer(400, 100)
	for range questions {
		about := docs[g.IntN(len(docs))]
		preds := make([]driver.Predicate, 1+g.IntN(3))
		for i := range preds {
			preds[i] = g.predicate(sections[about.id], 2)
		}
		var want []driver.ID
		for _, d := range docs {
			if section, ok := sections[d.id]; ok && allNaively(preds, native(section)) {
				want = append(want, d.id)
			}
		}
		s.same(want, s.ask(preds), fmt.Sprintf("documents for which %+v hold", preds))
		hits += len(want)
	}
	if hits < questions {
		s.t.Errorf("%d questions had %d answers: they say too little", questions, hits)
	}
}

// ask returns the documents for which predicates hold.
func (s *store) ask(preds []driver.Predicate) []driver.ID {
	s.t.Helper()
	exact := true
	for _, p := range preds {
		exact = exact && p.Exact()
	}
	terms := driver.Needs(preds)
	var ids []driver.ID
	for _, h := range s.find(driver.Query{Terms: terms}) {
		section, err := driver.DecodeValue(h.Section)
		s.noError(err, "DecodeValue")
		if driver.Holds(preds, section) {
			ids = append(ids, h.ID)
		} else if exact {
			s.t.Fatalf("Find of %q gave %s, whose section has not these terms", terms, h.ID)
		}
	}
	return ids
}
