package driver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/destam-go/destamgen/runtime/driver"
)

func TestCommitCheck(t *testing.T) {
	schema := driver.Schema{Table: "notes", Unique: []string{"labels.[]", "slug"}}
	section, err := driver.AppendValue(nil, obj("slug", "a"))
	if err != nil {
		t.Fatal(err)
	}
	large, err := driver.AppendValue(nil, obj("text", strings.Repeat("x", driver.MaxSection)))
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(err error) bool { return err == nil }
	invalid, limit := as[*driver.InvalidError], as[*driver.LimitError]
	for _, test := range []struct {
		name   string
		change func(c *driver.Commit)
		ok     func(error) bool
	}{
		{"a change", func(c *driver.Commit) {}, accepted},
		{"with everything", func(c *driver.Commit) {
			c.By, c.Because, c.Ext = strings.Repeat("b", driver.MaxBy), strings.Repeat("b", driver.MaxBecause), map[string][]byte{"": nil, "x": {1}}
			c.Held = []driver.Term{"labels.[]\x00sx", termA, termB}
		}, accepted},
		{"another table", func(c *driver.Commit) { c.Table = "tasks" }, invalid},
		{"no id", func(c *driver.Commit) { c.ID = driver.ID{} }, invalid},
		{"no sequence", func(c *driver.Commit) { c.Seq = 0 }, invalid},
		{"no attempt", func(c *driver.Commit) { c.Try = [16]byte{} }, invalid},
		{"the zero time", func(c *driver.Commit) { c.Time = time.Time{} }, accepted},
		{"a local time", func(c *driver.Commit) { c.Time = c.Time.In(time.FixedZone("CET", 3600)) }, invalid},
		{"a reading of the local clock", func(c *driver.Commit) { c.Time = time.Now() }, invalid},
		{"no kind", func(c *driver.Commit) { c.Kind = 0 }, invalid},
		{"an unknown kind", func(c *driver.Commit) { c.Kind = 7 }, invalid},
		{"a purge", func(c *driver.Commit) { c.Kind, c.Section = driver.KindPurge, nil }, invalid},
		{"a change without section", func(c *driver.Commit) { c.Section = nil }, accepted},
		{"a restore", func(c *driver.Commit) { c.Kind = driver.KindRestore }, accepted},
		{"a restore without section", func(c *driver.Commit) { c.Kind, c.Section = driver.KindRestore, nil }, invalid},
		{"a delete", func(c *driver.Commit) { c.Kind, c.Section = driver.KindDelete, nil }, accepted},
		{"a delete with section", func(c *driver.Commit) { c.Kind = driver.KindDelete }, invalid},
		{"a delete that holds", func(c *driver.Commit) { c.Kind, c.Section, c.Held = driver.KindDelete, nil, []driver.Term{termA} }, invalid},
		{"a void", func(c *driver.Commit) { c.Kind, c.Section, c.Held = driver.KindVoid, nil, []driver.Term{termA} }, accepted},
		{"a void with section", func(c *driver.Commit) { c.Kind = driver.KindVoid }, invalid},
		{"a first void that holds", func(c *driver.Commit) {
			c.Kind, c.Seq, c.Section, c.Held = driver.KindVoid, 1, nil, []driver.Term{termA}
		}, invalid},
		{"a renumbering", func(c *driver.Commit) { c.Kind, c.Section, c.Held = driver.KindRenumber, nil, []driver.Term{termA} }, accepted},
		{"a renumbering with section", func(c *driver.Commit) { c.Kind = driver.KindRenumber }, invalid},
		{"a long author", func(c *driver.Commit) { c.By = strings.Repeat("b", driver.MaxBy+1) }, limit},
		{"a long reason", func(c *driver.Commit) { c.Because = strings.Repeat("b", driver.MaxBecause+1) }, limit},
		{"an author that is no text", func(c *driver.Commit) { c.By = "\xff" }, invalid},
		{"a reason that is no text", func(c *driver.Commit) { c.Because = "\xff" }, invalid},
		{"an extension whose name is no text", func(c *driver.Commit) { c.Ext = map[string][]byte{"\xff": nil} }, invalid},
		{"a large section", func(c *driver.Commit) { c.Section = large }, limit},
		{"an empty section", func(c *driver.Commit) { c.Section = []byte{} }, invalid},
		{"a section that is no map", func(c *driver.Commit) { c.Section = []byte{0x90} }, invalid},
		{"a section that is cut", func(c *driver.Commit) { c.Section = section[:len(section)-1] }, invalid},
		{"a section with a float", func(c *driver.Commit) { c.Section = []byte("\x81\xa1a\xca\x00\x00\x00\x00") }, invalid},
		{"held twice", func(c *driver.Commit) { c.Held = []driver.Term{termA, termA} }, invalid},
		{"held descending", func(c *driver.Commit) { c.Held = []driver.Term{termB, termA} }, invalid},
		{"held is no term", func(c *driver.Commit) { c.Held = []driver.Term{"slug"} }, invalid},
		{"held is empty", func(c *driver.Commit) { c.Held = []driver.Term{""} }, invalid},
		{"held is not unique", func(c *driver.Commit) { c.Held = []driver.Term{"owner\x00sann"} }, invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := driver.Commit{
				Table: "notes", ID: driver.ID{15: 1}, Seq: 2, Try: [16]byte{1}, Kind: driver.KindChange,
				Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Section: section,
			}
			test.change(&c)
			if err := c.Check(schema); !test.ok(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLimitsCheck(t *testing.T) {
	for _, test := range []struct {
		limit, size int
		ok          bool
	}{{0, 1 << 30, true}, {100, 100, true}, {100, 101, false}} {
		err := driver.Limits{Commit: test.limit}.Check(test.size)
		if (err == nil) != test.ok || err != nil && !as[*driver.LimitError](err) {
			t.Errorf("%d of %d bytes: %v", test.size, test.limit, err)
		}
	}
}

func TestSchemaCheck(t *testing.T) {
	for _, table := range []string{"notes", "N", "a1_-Z", strings.Repeat("x", driver.MaxTableName)} {
		if err := (driver.Schema{Table: table}).Check(); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
	for _, table := range []string{"", "1a", "_a", "-a", "a.b", "a/b", "..", "a b", "é", "aé", "a\x00", "a$", "a\\b"} {
		if err := (driver.Schema{Table: table}).Check(); !as[*driver.SchemaError](err) {
			t.Errorf("%q: got %v", table, err)
		}
	}
	if err := (driver.Schema{Table: strings.Repeat("x", driver.MaxTableName+1)}).Check(); !as[*driver.LimitError](err) {
		t.Errorf("long name: got %v", err)
	}
	for _, test := range []struct {
		unique []string
		ok     bool
	}{
		{nil, true},
		{[]string{"a", "b", "b.c", `d\.e`, "f.[]"}, true},
		{[]string{"b", "a"}, false},
		{[]string{"a", "a"}, false},
		{[]string{""}, false},
		{[]string{"a..b"}, false},
		{[]string{`a\x`}, false},
	} {
		err := driver.Schema{Table: "notes", Unique: test.unique}.Check()
		if (err == nil) != test.ok || err != nil && !as[*driver.SchemaError](err) {
			t.Errorf("unique %q: %v", test.unique, err)
		}
	}
}

func TestSchemaMerge(t *testing.T) {
	schema := func(revision uint32, unique ...string) driver.Schema {
		return driver.Schema{Table: "notes", Unique: unique, Revision: revision}
	}
	for _, test := range []struct {
		name       string
		old, newer driver.Schema
		widened    bool
		revision   uint32
		ok         bool
	}{
		{"the same", schema(3, "a"), schema(3, "a"), false, 3, true},
		{"newer", schema(3, "a"), schema(4, "a"), false, 4, true},
		{"older beside newer", schema(4, "a"), schema(3, "a"), false, 4, true},
		{"one more", schema(3, "a"), schema(4, "a", "b"), true, 4, true},
		{"the first", schema(3), schema(3, "a"), true, 3, true},
		{"one fewer", schema(3, "a", "b"), schema(4, "a"), false, 0, false},
		{"another one", schema(3, "a"), schema(4, "b"), false, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, widened, err := test.old.Merge(test.newer)
			if (err == nil) != test.ok || widened != test.widened {
				t.Fatalf("got %+v, %v", got, err)
			}
			if err != nil {
				if !as[*driver.SchemaError](err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if got.Table != "notes" || got.Revision != test.revision || len(got.Unique) != len(test.newer.Unique) {
				t.Errorf("got %+v", got)
			}
			if len(got.Unique) > 0 {
				if test.newer.Unique[0] = "scribbled"; got.Unique[0] == "scribbled" {
					t.Error("the result shares memory with what was declared")
				}
			}
		})
	}
}
