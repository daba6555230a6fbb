package driver_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/driver"
)

// TestTermOf pins the form of terms, which is stored: no line may change.
func TestTermOf(t *testing.T) {
	for _, test := range []struct {
		path  []string
		value driver.Value
		term  string
		text  string
	}{
		{[]string{"owner"}, "ann", "owner\x00sann", "owner"},
		{[]string{"owner"}, "", "owner\x00s", "owner"},
		{[]string{"profile", "email"}, "a@b.c", "profile.email\x00sa@b.c", "profile.email"},
		{[]string{"profile.email"}, "x", "profile\\.email\x00sx", `profile\.email`},
		{[]string{"labels", driver.Each}, "home", "labels.[]\x00shome", "labels.[]"},
		{[]string{"grid", driver.Each, driver.Each}, int64(-7), "grid.[].[]\x00i-7", "grid.[].[]"},
		{[]string{"a"}, int64(-1 << 63), "a\x00i-9223372036854775808", "a"},
		{[]string{"a"}, int64(0), "a\x00i0", "a"},
		{[]string{"a"}, true, "a\x00b1", "a"},
		{[]string{"a"}, false, "a\x00b0", "a"},
		{[]string{"a", "", "[]", "x\x00y", `\0`}, "\x00", `a.\e.\[].x\0y.\\0` + "\x00s\x00", `a.\e.\[].x\0y.\\0`},
		{[]string{""}, "x", "\\e\x00sx", `\e`},
		{nil, "x", "\x00sx", ""},
		{[]string{"a"}, strings.Repeat("x", 64), "a\x00s" + strings.Repeat("x", 64), "a"},
		{[]string{"a"}, strings.Repeat("x", 65), "a\x00hlTfF_fEgSC99WNJentWD9SwCtOME6oFNsWM61WWu1-k", "a"},
	} {
		term := driver.TermOf(test.path, test.value)
		if string(term) != test.term {
			t.Errorf("%q = %v: got %q, want %q", test.path, test.value, term, test.term)
		}
		if got := term.Path(); got != test.text {
			t.Errorf("path of %q: got %q, want %q", term, got, test.text)
		}
		if path, err := driver.SplitPath(test.text); err != nil || !slices.Equal(path, test.path) {
			t.Errorf("SplitPath(%q) = %q, %v; want %q", test.text, path, err, test.path)
		}
	}
	for _, v := range []driver.Value{nil, array{}, array{"x"}, object{}, 1, 1.5} {
		if term := driver.TermOf([]string{"a"}, v); term != "" {
			t.Errorf("%v has the term %q", v, term)
		}
	}
}

// TestTermsAreInjective makes all terms of short paths and values out of the
// characters that mean something and finds no two equal.
func TestTermsAreInjective(t *testing.T) {
	var names []string
	pieces := []string{"", ".", `\`, "\x00", "[]", "e", "0", "s"}
	for _, a := range pieces {
		for _, b := range pieces {
			names = append(names, a+b)
		}
	}
	slices.Sort(names)
	names = append(slices.Compact(names), driver.Each)
	values := []driver.Value{true, false, int64(0), int64(1), "", "0", "1", "\x00", "b1", "s", "i1", strings.Repeat("x", 43), strings.Repeat("x", 80)}

	seen := map[driver.Term]string{}
	check := func(path []string) {
		text := driver.JoinPath(path)
		if back, err := driver.SplitPath(text); err != nil || !slices.Equal(back, path) {
			t.Fatalf("%q became %q and then %q, %v", path, text, back, err)
		}
		for _, v := range values {
			term := driver.TermOf(path, v)
			this := strings.Join(path, "|") + "=" + string(driver.TermOf(nil, v))
			if other, ok := seen[term]; ok {
				t.Fatalf("%q and %q have the term %q", this, other, term)
			}
			seen[term] = this
			if term.Path() != text {
				t.Fatalf("%q: the path of its term is %q", path, term.Path())
			}
		}
	}
	check(nil)
	for _, a := range names {
		check([]string{a})
		for _, b := range names {
			check([]string{a, b})
		}
	}
	t.Logf("%d terms", len(seen))
}

func TestSplitPathRefuses(t *testing.T) {
	for _, text := range []string{".", "a.", ".a", "a..b", `a\`, `\x`, `a.\n`, "a\x00b", `\e.x\`, driver.Each, "a." + driver.Each} {
		if path, err := driver.SplitPath(text); err == nil {
			t.Errorf("SplitPath(%q) = %q", text, path)
		}
	}
}

func TestTerms(t *testing.T) {
	section := obj(
		"slug", "inbox",
		"owner", "ann",
		"gone", nil,
		"profile", obj("email", "a@b.c", "admin", false),
		"labels", array{"x", "home", "x", nil},
		"grid", array{array{int64(2), int64(1)}, array{}, array{int64(2)}},
		"items", array{obj("sku", "a", "n", int64(1)), obj("sku", "b", "n", int64(1))},
		"empty", array{},
		"nothing", object{},
	)
	want := []driver.Term{
		"grid.[].[]\x00i1", "grid.[].[]\x00i2",
		"items.[].n\x00i1", "items.[].sku\x00sa", "items.[].sku\x00sb",
		"labels.[]\x00shome", "labels.[]\x00sx",
		"owner\x00sann",
		"profile.admin\x00b0", "profile.email\x00sa@b.c",
		"slug\x00sinbox",
	}
	got := driver.Terms(section)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	for _, term := range got {
		if !utf8.ValidString(string(term)) {
			t.Errorf("%q is not valid UTF-8", term)
		}
	}

	for _, test := range []struct {
		unique []string
		want   []driver.Term
	}{
		{nil, nil},
		{[]string{"slug"}, []driver.Term{"slug\x00sinbox"}},
		{[]string{"slug", "owner", "profile.email"}, []driver.Term{"owner\x00sann", "profile.email\x00sa@b.c", "slug\x00sinbox"}},
		{[]string{"gone", "never", "profile", "labels", "empty", "own", "slug.x"}, nil},
		{[]string{"labels.[]"}, []driver.Term{"labels.[]\x00shome", "labels.[]\x00sx"}},
	} {
		if got := driver.Held(section, test.unique); !slices.Equal(got, test.want) {
			t.Errorf("held of %q: got %q, want %q", test.unique, got, test.want)
		}
	}
	if got := driver.Terms(nil); len(got) > 0 {
		t.Errorf("nothing has the terms %q", got)
	}
}

func BenchmarkTerms(b *testing.B) {
	section := obj("owner", "ann", "slug", "inbox", "labels", array{"home", "work"}, "profile", obj("email", "a@b.c", "admin", true))
	b.ReportAllocs()
	for b.Loop() {
		driver.Terms(section)
	}
}
