package drivertest

import (
	"context"
	"errors"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// schemas reads what Tables yields.
func (s *store) schemas() []driver.Schema {
	s.t.Helper()
	schemas, err := collect(s, s.d.Tables(s.ctx))
	s.noError(err, "Tables")
	return schemas
}

// tables reads the names of what Tables yields.
func (s *store) tables() (names []string) {
	s.t.Helper()
	for _, schema := range s.schemas() {
		names = append(names, schema.Table)
	}
	return names
}

// listed fails unless these are the documents after an id.
func (s *store) listed(after driver.ID, want ...driver.Entry) {
	s.t.Helper()
	got, err := collect(s, s.d.Documents(s.ctx, table, after))
	s.noError(err, "Documents")
	s.same(want, got, "Documents after "+after.String())
}

// testDocuments lists documents in every life.
func testDocuments(s *store) {
	s.listed(driver.ID{})
	alive := s.create(id(5), obj("slug", "a", "owner", "ann"))
	alive.add(driver.KindChange, nil)
	deleted := s.create(id(3), obj("slug", "b"))
	deleted.add(driver.KindDelete, nil)
	restored := s.create(id(4), obj("slug", "c"))
	restored.add(driver.KindDelete, nil)
	restored.add(driver.KindRestore, obj("slug", "c"))
	purged := s.create(id(1), obj("slug", "d"))
	purged.add(driver.KindChange, nil)
	s.noError(s.d.Purge(s.ctx, table, purged.id), "Purge")
	s.noError(s.append(s.commit(id(2), 1, driver.KindVoid, nil))[0], "a void at the beginning")
	other := s.commit(id(6), 1, driver.KindChange, obj())
	other.Table = "others"
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: other.Table}), "Declare")
	s.noError(s.append(other)[0], "a document of another table")

	all := []driver.Entry{
		{ID: id(1), Standing: driver.Standing{Seq: 3, Life: driver.Purged}},
		{ID: id(2), Standing: driver.Standing{Seq: 1, Life: driver.Unborn}},
		{ID: id(3), Standing: driver.Standing{Seq: 2, Life: driver.Deleted}},
		{ID: id(4), Standing: driver.Standing{Seq: 3, Life: driver.Alive, Held: []driver.Term{is("c", "slug")}}},
		{ID: id(5), Standing: driver.Standing{Seq: 2, Life: driver.Alive, Held: []driver.Term{is("a", "slug")}}},
	}
	for n := range 7 {
		after := driver.ID{}
		if n > 0 {
			after = id(n)
		}
		s.listed(after, all[min(n, len(all)):]...)
	}
	for e, err := range s.d.Documents(s.ctx, table, driver.ID{}) {
		s.noError(err, "Documents")
		s.same(all[0], e, "the first document")
		break
	}
	var last driver.ID
	for i := range last {
		last[i] = 0xff
	}
	s.listed(last)
	// What is handed out is the caller's, and no lock is held meanwhile.
	s.within("a change while documents are listed", func() {
		for e, err := range s.d.Documents(s.ctx, table, id(3)) {
			s.noError(err, "Documents")
			for i := range e.Held {
				e.Held[i] = "changed"
			}
			if e.ID == alive.id {
				alive.add(driver.KindChange, nil)
			}
		}
	})
	alive.verify()
	restored.verify()
	all[4].Seq++
	s.listed(id(2), all[2:]...)
}

// testDocumentsPages lists more documents than a driver reads at once, from
// any of them on.
func testDocumentsPages(s *store) {
	random := s.random()
	var all []driver.Entry
	for _, n := range random.Perm(s.fewer(300, 70)) {
		d := s.create(id(n+1), obj("owner", "ann"))
		e := driver.Entry{ID: d.id, Standing: driver.Standing{Seq: 1, Life: driver.Alive}}
		if n%3 == 0 {
			d.add(driver.KindDelete, nil)
			e.Seq, e.Life = 2, driver.Deleted
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b driver.Entry) int { return a.ID.Compare(b.ID) })
	s.listed(driver.ID{}, all...)
	for range 5 {
		n := random.IntN(len(all))
		s.listed(all[n].ID, all[n+1:]...)
	}
}

// sound fails if a driver that can check itself finds anything wrong, whatever
// the test has done to it.
func (s *store) sound(d driver.Driver) {
	s.t.Helper()
	c, ok := d.(driver.Checker)
	if !ok || d != s.d {
		return
	}
	for damage, err := range c.Check(context.WithoutCancel(s.ctx)) {
		if errors.Is(err, driver.ErrClosed) {
			return
		}
		if err != nil {
			s.t.Errorf("Check: %v", err)
			return
		}
		s.t.Errorf("Check: %+v", damage)
	}
}
