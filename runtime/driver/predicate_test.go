package driver_test

import (
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

const each = driver.Each

func is(v driver.Value, path ...string) driver.Predicate {
	return driver.Predicate{Path: path, Op: driver.OpIs, Value: v}
}

func has(v driver.Value, path ...string) driver.Predicate {
	return driver.Predicate{Path: path, Op: driver.OpHas, Value: v}
}

func absent(path ...string) driver.Predicate {
	return driver.Predicate{Path: path, Op: driver.OpAbsent}
}

func match(path string, all ...driver.Predicate) driver.Predicate {
	return driver.Predicate{Path: []string{path}, Op: driver.OpMatch, All: all}
}

func TestPredicate(t *testing.T) {
	section := obj(
		"owner", "ann",
		"empty", "",
		"zero", int64(0),
		"one", int64(1),
		"yes", true,
		"gone", nil,
		"labels", array{"home", "x"},
		"none", array{},
		"grid", array{array{int64(1), int64(2)}, array{int64(3)}, array{}},
		"profile", obj("email", "a@b.c", "admin", false, "boss", obj("name", "eve"), "spare", nil),
		"items", array{
			obj("sku", "a", "n", int64(1), "tags", array{"t", "u"}),
			obj("sku", "b", "n", int64(2), "note", "x"),
		},
		"holes", array{nil, obj("a", nil)},
		"", "no name",
		"a.b", "dotted",
	)
	for _, test := range []struct {
		name  string
		p     driver.Predicate
		holds bool
		exact bool
		terms []driver.Term
	}{
		{"string", is("ann", "owner"), true, true, []driver.Term{"owner\x00sann"}},
		{"another string", is("Ann", "owner"), false, true, []driver.Term{"owner\x00sAnn"}},
		{"empty string", is("", "empty"), true, true, []driver.Term{"empty\x00s"}},
		{"empty string is not absent", is("", "gone"), false, true, []driver.Term{"gone\x00s"}},
		{"zero", is(int64(0), "zero"), true, true, []driver.Term{"zero\x00i0"}},
		{"zero is not absent", is(int64(0), "missing"), false, true, []driver.Term{"missing\x00i0"}},
		{"false is not absent", is(false, "missing"), false, true, []driver.Term{"missing\x00b0"}},
		{"1 is not true", is(true, "one"), false, true, []driver.Term{"one\x00b1"}},
		{`1 is not "1"`, is("1", "one"), false, true, []driver.Term{"one\x00s1"}},
		{"true", is(true, "yes"), true, true, []driver.Term{"yes\x00b1"}},
		{"nothing is nil", is(nil, "gone"), false, false, nil},
		{"nor what is there", is(nil, "owner"), false, false, nil},
		{"below a scalar", is("ann", "owner", "owner"), false, true, []driver.Term{"owner.owner\x00sann"}},
		{"nested", is("eve", "profile", "boss", "name"), true, true, []driver.Term{"profile.boss.name\x00seve"}},
		{"empty name", is("no name", ""), true, true, []driver.Term{"\\e\x00sno name"}},
		{"name with a dot", is("dotted", "a.b"), true, true, []driver.Term{"a\\.b\x00sdotted"}},
		{"not a path", is("dotted", "a", "b"), false, true, []driver.Term{"a.b\x00sdotted"}},
		{"foreign type", is(1, "one"), false, false, nil},

		{"an array is no element", is("home", "labels"), false, true, []driver.Term{"labels\x00shome"}},
		{"element", has("home", "labels"), true, true, []driver.Term{"labels.[]\x00shome"}},
		{"no element", has("work", "labels"), false, true, []driver.Term{"labels.[]\x00swork"}},
		{"any element", is("x", "labels", each), true, true, []driver.Term{"labels.[]\x00sx"}},
		{"has on a scalar", has("ann", "owner"), false, true, []driver.Term{"owner.[]\x00sann"}},
		{"has nil", has(nil, "holes"), false, false, nil},
		{"whole array", is(array{"home", "x"}, "labels"), true, false, []driver.Term{"labels.[]\x00shome", "labels.[]\x00sx"}},
		{"other order", is(array{"x", "home"}, "labels"), false, false, []driver.Term{"labels.[]\x00shome", "labels.[]\x00sx"}},
		{"shorter", is(array{"home"}, "labels"), false, false, []driver.Term{"labels.[]\x00shome"}},
		{"empty array", is(array{}, "none"), true, false, nil},
		{"empty array is not absent", is(array{}, "gone"), false, false, nil},
		{"array with a hole", is(array{nil, object{}}, "holes"), true, false, nil},
		{"array of arrays", has(array{int64(3)}, "grid"), true, false, []driver.Term{"grid.[].[]\x00i3"}},
		{"array of arrays, element", has(int64(2), "grid", each), true, true, []driver.Term{"grid.[].[]\x00i2"}},
		{"array of arrays, whole", is(array{array{int64(1), int64(2)}, array{int64(3)}, array{}}, "grid"), true, false,
			[]driver.Term{"grid.[].[]\x00i1", "grid.[].[]\x00i2", "grid.[].[]\x00i3"}},

		{"object", is(obj("admin", false, "email", "a@b.c"), "profile"), true, true,
			[]driver.Term{"profile.admin\x00b0", "profile.email\x00sa@b.c"}},
		{"object with an absent member", is(obj("email", "a@b.c", "spare", nil), "profile"), true, false,
			[]driver.Term{"profile.email\x00sa@b.c"}},
		{"member should be absent", is(obj("email", nil), "profile"), false, false, nil},
		{"object in an object", is(obj("boss", obj("name", "eve")), "profile"), true, true, []driver.Term{"profile.boss.name\x00seve"}},
		{"empty object", is(object{}, "profile"), true, false, nil},
		{"empty object is not absent", is(object{}, "gone"), false, false, nil},
		{"empty object is no scalar", is(object{}, "owner"), false, false, nil},
		{"empty object in an object", is(obj("email", "a@b.c", "boss", object{}), "profile"), true, false,
			[]driver.Term{"profile.email\x00sa@b.c"}},
		{"the whole section", is(obj("owner", "ann", "one", int64(1))), true, true, []driver.Term{"one\x00i1", "owner\x00sann"}},
		{"object in an array", has(obj("sku", "a", "n", int64(1)), "items"), true, false,
			[]driver.Term{"items.[].n\x00i1", "items.[].sku\x00sa"}},
		{"mixed from two", has(obj("sku", "a", "n", int64(2)), "items"), false, false,
			[]driver.Term{"items.[].n\x00i2", "items.[].sku\x00sa"}},
		{"one member", has(obj("sku", "b"), "items"), true, true, []driver.Term{"items.[].sku\x00sb"}},
		{"object at any element", is(obj("sku", "a", "n", int64(2)), "items", each), false, false,
			[]driver.Term{"items.[].n\x00i2", "items.[].sku\x00sa"}},
		{"object with an array", is(obj("tags", array{"t", "u"}), "items", each), true, false,
			[]driver.Term{"items.[].tags.[]\x00st", "items.[].tags.[]\x00su"}},

		{"absent", absent("gone"), true, false, nil},
		{"never heard of", absent("missing", "further"), true, false, nil},
		{"absent below a scalar", absent("owner", "x"), true, false, nil},
		{"not absent", absent("owner"), false, false, nil},
		{"zero is there", absent("zero"), false, false, nil},
		{"empty is there", absent("none"), false, false, nil},
		{"absent in some element", absent("items", each, "note"), true, false, nil},
		{"absent in no element", absent("items", each, "sku"), false, false, nil},
		{"no element at all", absent("none", each, "sku"), false, false, nil},
		{"not even an array", absent("gone", each), false, false, nil},
		{"an element that is nil", absent("holes", each), true, false, nil},

		{"match", match("items", is("b", "sku"), is(int64(2), "n")), true, false,
			[]driver.Term{"items.[].n\x00i2", "items.[].sku\x00sb"}},
		{"match mixed from two", match("items", is("a", "sku"), is(int64(2), "n")), false, false,
			[]driver.Term{"items.[].n\x00i2", "items.[].sku\x00sa"}},
		{"match with absent", match("items", is("a", "sku"), absent("note")), true, false, []driver.Term{"items.[].sku\x00sa"}},
		{"match of one", match("items", is("a", "sku")), true, true, []driver.Term{"items.[].sku\x00sa"}},
		{"match of one that asks twice", match("items", has("t", "tags"), has("u", "tags")), true, false,
			[]driver.Term{"items.[].tags.[]\x00st", "items.[].tags.[]\x00su"}},
		{"match of nothing", match("items"), true, false, nil},
		{"match that asks for an object too", match("items", is("a", "sku"), is(object{})), true, false, []driver.Term{"items.[].sku\x00sa"}},
		{"match in a match of nothing", match("grid", match1()), true, false, nil},
		{"match of nothing without elements", match("none"), false, false, nil},
		{"match on scalars", match("labels", is("x")), true, true, []driver.Term{"labels.[]\x00sx"}},
		{"match in a match", match("grid", match1(is(int64(3)))), true, true, []driver.Term{"grid.[].[]\x00i3"}},
		{"unknown operation", driver.Predicate{Path: []string{"owner"}, Op: 99, Value: "ann"}, false, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.p.Holds(section); got != test.holds {
				t.Errorf("holds: got %v", got)
			}
			if got := test.p.Exact(); got != test.exact {
				t.Errorf("exact: got %v", got)
			}
			needs := driver.Needs([]driver.Predicate{test.p})
			if !slices.Equal(needs, test.terms) {
				t.Errorf("needs %q, want %q", needs, test.terms)
			}
			has := !slices.ContainsFunc(needs, func(term driver.Term) bool {
				return !slices.Contains(driver.Terms(section), term)
			})
			if test.holds && !has {
				t.Error("it holds without the terms that it needs")
			}
			if test.exact && has != test.holds {
				t.Errorf("exact, but the section has its terms: %v", has)
			}
		})
	}
}

// match1 asks for an element of what is an element itself.
func match1(all ...driver.Predicate) driver.Predicate {
	return driver.Predicate{Op: driver.OpMatch, All: all}
}

func TestSeveralPredicates(t *testing.T) {
	section := obj("items", array{obj("sku", "a", "n", int64(1)), obj("sku", "b", "n", int64(2))}, "owner", "ann")
	mixed := []driver.Predicate{is("a", "items", each, "sku"), is(int64(2), "items", each, "n")}
	if !driver.Holds(mixed, section) {
		t.Error("two predicates were not met by different elements")
	}
	if driver.Holds(append(mixed, is("bob", "owner")), section) {
		t.Error("one of three predicates does not hold, but all together do")
	}
	if !driver.Holds(nil, section) || !driver.Holds(nil, nil) {
		t.Error("no predicates do not hold for everything")
	}
	want := []driver.Term{"items.[].n\x00i2", "items.[].sku\x00sa"}
	if got := driver.Needs(append(mixed, mixed...)); !slices.Equal(got, want) {
		t.Errorf("needs %q, want %q", got, want)
	}
	if got := driver.Needs(nil); len(got) > 0 {
		t.Errorf("nothing needs %q", got)
	}
}

func BenchmarkHolds(b *testing.B) {
	section := obj("owner", "ann", "slug", "inbox", "labels", array{"home", "work"})
	preds := []driver.Predicate{is("ann", "owner"), has("work", "labels")}
	b.ReportAllocs()
	for b.Loop() {
		if !driver.Holds(preds, section) {
			b.Fatal("does not hold")
		}
	}
}
