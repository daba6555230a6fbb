package drivertest

import (
	"slices"
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
)

// wider are the unique fields once the owner is one of them.
var wider = []string{"owner", "profile.email", "slug"}

func (s *store) widen() error {
	return s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: wider, Revision: 2})
}

// widened takes the void by which a document holds its owner into what the
// document should be.
func (d *doc) widened(owner string) {
	d.s.t.Helper()
	last := d.log[len(d.log)-1]
	log := d.s.log(d.id, driver.Range{From: last.Seq + 1})
	if len(log) != 1 || log[0].Kind != driver.KindVoid || log[0].Because == "" {
		d.s.t.Fatalf("a field became unique: %s has the commits %v after %d, want a void that says why", d.id, log, last.Seq)
	}
	want := append(slices.Clone(last.Held), is(owner, "owner"))
	slices.Sort(want)
	d.s.same(want, log[0].Held, "what a document holds when a field has become unique")
	d.log = append(d.log, log...)
}

// owned makes the commit that may follow, which holds its owner too.
func (d *doc) owned(kind driver.Kind, section driver.Object) driver.Commit {
	c := d.next(kind, section)
	c.Held = driver.Held(section, wider)
	return c
}

// testWiden makes a field unique when there are documents.
func testWiden(s *store) {
	a, b := s.create(id(1), obj("slug", "a", "owner", "ann")), s.create(id(2), obj("slug", "b", "owner", "eve"))
	none, gone := s.create(id(3), obj("slug", "c")), s.create(id(4), obj("owner", "ann", "slug", "d"))
	list := s.create(id(5), obj("owner", driver.Array{"ann", "bob"})) // no scalar
	gone.add(driver.KindDelete, nil)
	purged := s.create(id(6), obj("owner", "ann"))
	s.noError(s.d.Purge(s.ctx, table, purged.id), "Purge")

	s.noError(s.widen(), "Declare with one more unique field")
	s.noError(s.widen(), "Declare again")
	a.widened("ann")
	b.widened("eve")
	all := []*doc{a, b, none, gone, list}
	for _, d := range all {
		d.verify()
	}
	s.found("what has the owner", []driver.Term{is("ann", "owner")}, a)
	wantType[*driver.SchemaError](s, s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: unique, Revision: 3}), "Declare with the fields of before")

	b.duplicate(b.owned(driver.KindChange, obj("slug", "b", "owner", "ann")), is("ann", "owner"), a)
	gone.duplicate(gone.owned(driver.KindRestore, obj("owner", "ann")), is("ann", "owner"), a)
	c := &doc{s: s, id: id(7)}
	got := wantType[*driver.DuplicateError](s, s.append(c.owned(driver.KindChange, obj("owner", "eve")))[0], "a creation")
	s.same(b.id, got.Holder, "holder")
	b.accept(b.owned(driver.KindChange, obj("slug", "b")))
	none.accept(none.owned(driver.KindChange, obj("slug", "c", "owner", "eve")))
	a.add(driver.KindDelete, nil)
	gone.accept(gone.owned(driver.KindRestore, obj("owner", "ann")))
	for _, d := range all {
		d.verify()
	}
	if s.opts.Reopen == nil {
		return
	}
	s.noError(s.d.Close(s.ctx), "Close")
	s.d = s.opts.Reopen(s.t, s.d)
	defer s.d.Close(s.ctx)
	s.noError(s.d.Attach(s.ctx), "Attach")
	s.noError(s.widen(), "Declare")
	b.duplicate(b.owned(driver.KindChange, obj("owner", "eve")), is("eve", "owner"), none)
	for _, d := range all {
		d.verify()
	}
}

// testWidenRefused makes a field unique that is not.
func testWidenRefused(s *store) {
	a, b := s.create(id(1), obj("owner", "xyzzy")), s.create(id(2), obj("owner", "xyzzy"))
	c := s.create(id(3), obj("owner", "eve"))
	refused := wantType[*driver.SchemaError](s, s.widen(), "Declare with a unique field of which two documents have one value")
	for _, word := range []string{"owner", a.id.String(), b.id.String()} {
		if !strings.Contains(refused.Error(), word) {
			s.t.Errorf("%v: does not say %q", refused, word)
		}
	}
	if strings.Contains(refused.Error(), "xyzzy") {
		s.t.Errorf("%v: says what is in a document", refused)
	}
	// Nothing has changed.
	s.declare()
	for _, d := range []*doc{a, b, c} {
		d.verify()
		d.add(driver.KindChange, obj("owner", "bob"))
	}
	b.add(driver.KindChange, obj("owner", "xyzzy"))
	c.add(driver.KindDelete, nil)
	s.noError(s.widen(), "Declare when nothing is in the way")
	a.widened("bob")
	b.widened("xyzzy")
	for _, d := range []*doc{a, b, c} {
		d.verify()
	}
}
