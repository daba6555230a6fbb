package drivertest

import (
	"fmt"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

func testFind(s *store) {
	s.found("nothing", nil)
	// Created in another order than that of the ids.
	c := s.create(id(3), obj("owner", "ann", "labels", driver.Array{"x", "y"}))
	a := s.create(id(1), obj("owner", "ann", "labels", driver.Array{"y"}, "n", int64(1)))
	d := s.create(id(4), obj("owner", "eve", "labels", driver.Array{"x"}, "n", true))
	b := s.create(id(2), obj("owner", "ann", "profile", obj("name", "x"), "text", string(make([]byte, 200))))

	ann, x, y := is("ann", "owner"), is("x", "labels", driver.Each), is("y", "labels", driver.Each)
	s.found("no terms", nil, a, b, c, d)
	s.found("no terms, not nil", []driver.Term{}, a, b, c, d)
	s.found("one term", []driver.Term{ann}, a, b, c)
	s.found("two terms", []driver.Term{ann, y}, a, c)
	s.found("the same in another order", []driver.Term{y, ann}, a, c)
	s.found("three terms", []driver.Term{ann, x, y}, c)
	s.found("one term twice", []driver.Term{x, x}, c, d)
	s.found("terms that never meet", []driver.Term{is("eve", "owner"), y})
	s.found("an unknown term", []driver.Term{is("nobody", "owner")})
	s.found("a known and an unknown term", []driver.Term{ann, is("nobody", "owner")})
	s.found("another place", []driver.Term{is("x", "profile", "name")}, b)
	s.found("no place at all", []driver.Term{is("x", "name")})
	s.found("1", []driver.Term{is(int64(1), "n")}, a)
	s.found("true, which is not 1", []driver.Term{is(true, "n")}, d)
	s.found("a long text", []driver.Term{is(string(make([]byte, 200)), "text")}, b)
	s.found("the beginning of a long text", []driver.Term{is(string(make([]byte, 64)), "text")})
	s.found("no term", []driver.Term{""})
}

func testFindPages(s *store) {
	n := s.fewer(700, 150)
	docs := make([]*doc, n)
	var batch []driver.Commit
	for _, i := range s.random().Perm(n) {
		d := &doc{s: s, id: id(10 * (i + 1))}
		section := obj("all", true, "third", int64(i%3))
		if i == n/2 {
			section = append(section, obj("one", true)...)
		}
		d.log = []driver.Commit{d.next(driver.KindChange, section)}
		docs[i], batch = d, append(batch, d.log...)
	}
	for _, err := range s.append(batch...) {
		s.noError(err, "Append")
	}
	for _, terms := range [][]driver.Term{nil, {is(true, "all")}, {is(true, "all"), is(int64(1), "third")}, {is(true, "one"), is(true, "all")}} {
		var want []driver.Head
		for i, d := range docs {
			if len(terms) < 2 || terms[0] == is(true, "all") && i%3 == 1 || terms[0] == is(true, "one") && i == n/2 {
				want = append(want, d.head())
			}
		}
		s.same(want, s.find(driver.Query{Terms: terms}), fmt.Sprintf("Find of %q", terms))
		for _, limit := range []int{1, 2, 7, 64, 256, n, n + 1} {
			s.pages(want, driver.Query{Terms: terms, Limit: limit})
		}
		s.after(want, terms)
	}
	for range 3 {
		seen := 0
		for h, err := range s.d.Find(s.ctx, table, driver.Query{Terms: []driver.Term{is(true, "all")}}) {
			s.noError(err, "Find")
			s.same(docs[seen].head(), h, "Find")
			if seen++; seen == 300 {
				break
			}
		}
	}
}

// pages walks through a result page by page and comes by all of it, once.
func (s *store) pages(want []driver.Head, q driver.Query) {
	s.t.Helper()
	for pages := 0; ; pages++ {
		page := s.find(q)
		size := min(q.Limit, len(want))
		s.same(want[:size], page, fmt.Sprintf("page %d of %d heads after %s", pages, q.Limit, q.After))
		if want = want[size:]; size == 0 {
			return
		}
		q.After = page[size-1].ID
	}
}

// after asks for what comes after ids that are there and ids that are not.
func (s *store) after(want []driver.Head, terms []driver.Term) {
	s.t.Helper()
	for _, after := range []driver.ID{{}, {15: 1}, want[0].ID, id(15), id(995), want[len(want)/2].ID, want[len(want)-1].ID, {7: 1, 10: 1}, {0: 0xff}} {
		rest := slices.DeleteFunc(slices.Clone(want), func(h driver.Head) bool { return h.ID.Compare(after) <= 0 })
		s.same(rest, s.find(driver.Query{Terms: terms, After: after}), fmt.Sprintf("Find of %q after %s", terms, after))
	}
}

// testFindFollows asks that queries follow the newest section at once.
func testFindFollows(s *store) {
	red, blue := []driver.Term{is("red", "color")}, []driver.Term{is("blue", "color")}
	a, b := s.create(id(1), obj("color", "red")), s.create(id(2), obj("color", "blue", "size", int64(1)))
	s.found("red", red, a)
	a.add(driver.KindChange, obj("color", "blue", "size", int64(1)))
	s.found("red after it became blue", red)
	s.found("blue after another became blue", blue, a, b)
	a.add(driver.KindChange, nil)
	s.found("blue after a change of nothing", blue, a, b)
	b.add(driver.KindChange, obj("size", int64(1)))
	s.found("blue after one lost its color", blue, a)
	s.found("what both kept", []driver.Term{is(int64(1), "size")}, a, b)
	b.add(driver.KindChange, obj("color", "red", "colors", driver.Array{"red", "red"}))
	b.add(driver.KindChange, obj("color", "red", "colors", driver.Array{"red"}))
	s.found("a value that was there twice and is once", []driver.Term{is("red", "colors", driver.Each)}, b)
	b.add(driver.KindChange, obj())
	s.found("red after all is gone", red)
	s.found("everything", nil, a, b)

	var batch []driver.Commit
	for i := range 50 {
		batch = append(batch, a.next(driver.KindChange, obj("color", []any{"red", "blue"}[i%2], "i", int64(i))))
		a.log = append(a.log, batch[i])
	}
	for _, err := range s.append(batch...) {
		s.noError(err, "Append")
	}
	s.found("red after many changes in one batch", red)
	s.found("the last of many changes", []driver.Term{is("blue", "color"), is(int64(49), "i")}, a)
	s.found("one of many changes before", []driver.Term{is(int64(48), "i")})
}

// testFindUnlocked uses the store while Find yields.
func testFindUnlocked(s *store) {
	var docs []*doc
	for i := range 20 {
		docs = append(docs, s.create(id(10*(i+1)), obj("all", true)))
	}
	all := []driver.Term{is(true, "all")}
	var seen []driver.ID
	s.within("Find", func() {
		for h, err := range s.d.Find(s.ctx, table, driver.Query{Terms: all}) {
			if err != nil {
				s.t.Errorf("Find: %v", err)
				return
			}
			seen = append(seen, h.ID)
			i := len(seen) - 1
			if i >= len(docs) {
				continue
			}
			docs[i].add(driver.KindChange, nil)
			s.create(id(5+10*i), obj("all", false)) // just behind
			if _, err := s.d.Count(s.ctx, table, all); err != nil {
				s.t.Errorf("Count: %v", err)
			}
			for _, err := range s.d.Find(s.ctx, table, driver.Query{Terms: all, Limit: 2}) {
				if err != nil {
					s.t.Errorf("Find in Find: %v", err)
				}
			}
		}
	})
	var want []driver.ID
	for _, d := range docs {
		want = append(want, d.id)
	}
	s.same(want, seen, "ids of Find")
	s.found("everything that was there", all, docs...)
}
