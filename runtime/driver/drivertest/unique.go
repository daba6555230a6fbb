package drivertest

import "github.com/destam-go/destamgen/runtime/driver"

// duplicate fails unless a commit of d is refused because of a value that
// holder has.
func (d *doc) duplicate(c driver.Commit, term driver.Term, holder *doc) {
	d.s.t.Helper()
	got := wantType[*driver.DuplicateError](d.s, d.refuse(c), "a value that is taken")
	d.s.same(&driver.DuplicateError{Term: term, Holder: holder.id}, got, "DuplicateError")
}

func testUniqueTake(s *store) {
	a := s.create(id(1), obj("slug", "a", "owner", "ann", "profile", obj("email", "a@b.c")))
	b := s.create(id(2), obj("slug", "b", "owner", "ann")) // owner is not unique
	b.duplicate(b.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), a)
	b.duplicate(b.next(driver.KindChange, obj("slug", "b", "profile", obj("email", "a@b.c"))), is("a@b.c", "profile", "email"), a)
	// Of two values that are taken the first is told.
	b.duplicate(b.next(driver.KindChange, obj("slug", "a", "profile", obj("email", "a@b.c"))), is("a@b.c", "profile", "email"), a)

	// The same value at another place, of another type, or absent.
	b.add(driver.KindChange, obj("slug", int64(1), "profile", obj("email", "a")))
	c := s.create(id(3), obj("slug", "1"))
	d := s.create(id(4), obj("owner", "ann"))
	e := s.create(id(5), obj("owner", "ann"))
	// A value that is kept is not taken, whether the section is given or not.
	a.add(driver.KindChange, obj("slug", "a", "profile", obj("email", "a@b.c")))
	a.add(driver.KindChange, nil)
	b.duplicate(b.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), a)
	for _, d := range []*doc{a, b, c, d, e} {
		d.verify()
	}

	// Another table has values of its own.
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: "tasks", Unique: unique, Revision: 1}), "Declare")
	other := s.commit(id(1), 1, driver.KindChange, obj("slug", "a"))
	other.Table = "tasks"
	s.noError(s.append(other)[0], "a value that another table has")
}

func testUniqueRelease(s *store) {
	a, b := s.create(id(1), obj("slug", "a")), s.create(id(2), obj("slug", "b"))

	a.add(driver.KindChange, obj("slug", "c")) // by a change
	b.add(driver.KindChange, obj("slug", "a"))
	a.duplicate(a.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), b)

	b.add(driver.KindChange, obj()) // by an absent value
	a.add(driver.KindChange, obj("slug", "a"))
	b.duplicate(b.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), a)

	a.add(driver.KindDelete, nil) // by a delete
	b.add(driver.KindChange, obj("slug", "a"))

	c := s.create(id(3), obj("slug", "x")) // by a purge
	c.duplicate(c.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), b)
	s.noError(s.d.Purge(s.ctx, table, b.id), "Purge")
	c.add(driver.KindChange, obj("slug", "a"))

	// Two values that change places within one commit of one document.
	d := s.create(id(4), obj("slug", "x@y.z", "profile", obj("email", "e@y.z")))
	d.add(driver.KindChange, obj("slug", "e@y.z", "profile", obj("email", "x@y.z")))
	e := s.create(id(5), obj("slug", "x@y.z", "profile", obj("email", "e@y.z")))
	for _, d := range []*doc{a, c, d, e} {
		d.verify()
	}
}

func testUniqueRestore(s *store) {
	a, b := s.create(id(1), obj("slug", "a")), s.create(id(2), obj("slug", "b"))
	a.add(driver.KindDelete, nil)
	a.add(driver.KindRestore, obj("slug", "a"))
	b.duplicate(b.next(driver.KindChange, obj("slug", "a")), is("a", "slug"), a)

	a.add(driver.KindDelete, nil)
	b.add(driver.KindChange, obj("slug", "a"))
	a.duplicate(a.next(driver.KindRestore, obj("slug", "a")), is("a", "slug"), b)
	s.found("what is not deleted", nil, b)
	a.add(driver.KindRestore, obj("slug", "b"))
	b.duplicate(b.next(driver.KindChange, obj("slug", "b")), is("b", "slug"), a)

	// A void keeps what is held, also of a deleted document: nothing.
	a.add(driver.KindVoid, nil)
	b.duplicate(b.next(driver.KindChange, obj("slug", "b")), is("b", "slug"), a)
	a.add(driver.KindDelete, nil)
	a.add(driver.KindVoid, nil)
	b.add(driver.KindChange, obj("slug", "b"))
	a.verify()
	b.verify()
}

func testUniqueBatch(s *store) {
	a, b := &doc{s: s, id: id(1)}, &doc{s: s, id: id(2)}
	first, second := a.next(driver.KindChange, obj("slug", "a")), b.next(driver.KindChange, obj("slug", "a"))
	errs := s.append(first, second)
	s.noError(errs[0], "the first that takes a value")
	got := wantType[*driver.DuplicateError](s, errs[1], "the second that takes it")
	s.same(&driver.DuplicateError{Term: is("a", "slug"), Holder: a.id}, got, "DuplicateError")
	a.log = append(a.log, first)
	a.verify()
	b.gone()

	// What one commit frees a later one of the batch takes.
	free, take := a.next(driver.KindChange, obj("slug", "x")), b.next(driver.KindChange, obj("slug", "a"))
	for _, err := range s.append(free, take) {
		s.noError(err, "a value that the commit before freed")
	}
	a.log, b.log = append(a.log, free), append(b.log, take)
	a.verify()
	b.verify()

	// After a refusal the document's later commits find another head.
	c := s.create(id(3), obj())
	refused := c.next(driver.KindChange, obj("slug", "a"))
	later := s.commit(c.id, refused.Seq+1, driver.KindChange, nil)
	errs = s.append(refused, later)
	wantType[*driver.DuplicateError](s, errs[0], "a value that is taken")
	wantType[*driver.SeqError](s, errs[1], "what comes after a refused commit")
	c.verify()
}

// testUniqueRefused asks that a refused commit leaves nothing: no claim on the
// other values that it wanted, no row, no index entry.
func testUniqueRefused(s *store) {
	a, b := s.create(id(1), obj("slug", "a", "owner", "ann")), s.create(id(2), obj("slug", "b", "owner", "ann"))
	b.duplicate(b.next(driver.KindChange, obj("slug", "a", "owner", "eve", "profile", obj("email", "wanted"))), is("a", "slug"), a)
	s.found("a refused owner", []driver.Term{is("eve", "owner")})
	s.found("the owner as before", []driver.Term{is("ann", "owner")}, a, b)
	c := s.create(id(3), obj("profile", obj("email", "wanted")))
	// Nor did it free what it meant to give up.
	c.duplicate(c.next(driver.KindChange, obj("slug", "b")), is("b", "slug"), b)
	never := &doc{s: s, id: id(4)}
	refused := never.next(driver.KindChange, obj("slug", "a", "profile", obj("email", "other")))
	wantType[*driver.DuplicateError](s, s.append(refused)[0], "creation with a value that is taken")
	never.gone()
	s.same(0, len(s.log(never.id, driver.Range{})), "commits of a document that was never created")
	c.add(driver.KindChange, obj("profile", obj("email", "other")))
	s.found("everything", nil, a, b, c)
}
