package driver_test

import (
	"slices"
	"testing"

	"github.com/destam-go/destamgen/runtime/driver"
)

// FuzzSplitPath holds text and path to be two forms of one thing: a schema
// compares the texts of its unique fields with those of terms.
func FuzzSplitPath(f *testing.F) {
	for _, text := range []string{"", "a", "profile.email", "labels.[]", `a\.b.\\.\0.\e.\[].é`, `a\`, "..", "\xff[]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := driver.SplitPath(text)
		if err != nil {
			return
		}
		if joined := driver.JoinPath(path); joined != text {
			t.Fatalf("%q was read as %q, which is written %q", text, path, joined)
		}
		term := driver.TermOf(path, text)
		if term.Path() != text {
			t.Fatalf("the path of %q is %q", term, term.Path())
		}
		if held := driver.Held(place(path, text), []string{text}); text != "" && !slices.Equal(held, []driver.Term{term}) {
			t.Fatalf("held at %q: %q, want %q", text, held, term)
		}
	})
}

// place makes a section with a value at a path.
func place(path []string, v driver.Value) driver.Value {
	for _, name := range slices.Backward(path) {
		if name == driver.Each {
			v = array{v}
		} else {
			v = object{{Name: name, Value: v}}
		}
	}
	return v
}
