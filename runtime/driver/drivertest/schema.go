package drivertest

import (
	"strings"

	"github.com/destam-go/destamgen/runtime/driver"
)

func testTables(s *store) {
	for _, name := range []string{"zebra", "apple", "Zebra", "a-1"} {
		s.noError(s.d.Declare(s.ctx, driver.Schema{Table: name}), "Declare")
	}
	want := []string{"Zebra", "a-1", "apple", table, "zebra"}
	s.same(want, s.tables(), "Tables")
	for schema := range s.d.Tables(s.ctx) {
		s.same("Zebra", schema.Table, "the first table")
		break
	}
	// The same id in two tables is two documents.
	d := s.create(id(1), obj("owner", "ann"))
	other := s.commit(id(1), 1, driver.KindChange, obj("owner", "eve"))
	other.Table = "apple"
	s.noError(s.append(other)[0], "a document of another table")
	d.verify()
	s.found("the one table", nil, d)
	s.found("what the other table has", []driver.Term{is("eve", "owner")})
	s.noError(s.d.Purge(s.ctx, "apple", id(1)), "Purge")
	d.verify()
}

func testSchema(s *store) {
	declare := func(revision uint32, unique ...string) error {
		return s.d.Declare(s.ctx, driver.Schema{Table: table, Unique: unique, Revision: revision})
	}
	s.noError(declare(1, unique...), "Declare again")
	s.noError(declare(5, unique...), "Declare of a newer revision")
	s.noError(declare(2, unique...), "Declare of an older revision")
	s.same([]driver.Schema{{Table: table, Unique: unique, Revision: 5}}, s.schemas(), "the newest schema")
	wantType[*driver.SchemaError](s, declare(6, "slug"), "Declare with a unique field less")
	wantType[*driver.SchemaError](s, declare(6), "Declare without unique fields")
	s.noError(declare(6, "owner", "profile.email", "slug"), "Declare with one more, without documents")
	wantType[*driver.SchemaError](s, declare(7, unique...), "Declare with the fields of before")

	for _, name := range []string{"", "1a", "a.b", "../a", "a b", "é", "a\x00"} {
		wantType[*driver.SchemaError](s, s.d.Declare(s.ctx, driver.Schema{Table: name}), "Declare of table "+name)
	}
	wantType[*driver.LimitError](s, s.d.Declare(s.ctx, driver.Schema{Table: strings.Repeat("x", 65)}), "Declare of a long name")
	wantType[*driver.SchemaError](s, s.d.Declare(s.ctx, driver.Schema{Table: "x", Unique: []string{"b", "a"}}), "Declare of unique fields that descend")
	s.same([]string{table}, s.tables(), "Tables after refused declarations")
	s.noError(s.d.Declare(s.ctx, driver.Schema{Table: strings.Repeat("x", 64)}), "Declare of the longest name")
}

func testUndeclared(s *store) {
	const unknown = "unknown"
	refused := func(err error, doing string) {
		s.t.Helper()
		if got := wantType[*driver.SchemaError](s, err, doing); got.Table != unknown {
			s.t.Errorf("%s: the error is about table %q", doing, got.Table)
		}
	}
	c := s.commit(id(1), 1, driver.KindChange, obj("owner", "ann"))
	c.Table = unknown
	known := &doc{s: s, id: id(1)}
	known.log = []driver.Commit{known.next(driver.KindChange, obj())}
	errs := s.append(c, known.log[0])
	refused(errs[0], "Append")
	s.noError(errs[1], "Append to a known table in the same batch")
	known.verify()

	_, err := s.d.Head(s.ctx, unknown, id(1))
	refused(err, "Head")
	_, err = s.d.Load(s.ctx, unknown, id(1), 0)
	refused(err, "Load")
	_, err = collect(s, s.d.Log(s.ctx, unknown, id(1), driver.Range{}))
	refused(err, "Log")
	refused(s.d.Checkpoint(s.ctx, unknown, id(1), 1, []byte("x")), "Checkpoint")
	_, err = collect(s, s.d.Find(s.ctx, unknown, driver.Query{}))
	refused(err, "Find")
	_, err = s.d.Count(s.ctx, unknown, nil)
	refused(err, "Count")
	refused(s.d.Purge(s.ctx, unknown, id(1)), "Purge")
	_, err = collect(s, s.d.Documents(s.ctx, unknown, driver.ID{}))
	refused(err, "Documents")
	s.same([]string{table}, s.tables(), "Tables")
}
