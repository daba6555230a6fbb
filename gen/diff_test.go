package gen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after string
		want          string
	}{
		{"a line changed", "a\nb\nc\n", "a\nx\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
		{"a line added", "a\nb\n", "a\nx\nb\n", "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\n+x\n b\n"},
		{"a line gone", "a\nb\n", "b\n", "--- f\n+++ f\n@@ -1,2 +1,1 @@\n-a\n b\n"},
		{"far apart", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n",
			"--- f\n+++ f\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
		{"close together", "1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n",
			"--- f\n+++ f\n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(diff("f", []byte(c.before), []byte(c.after)), c.want); d != "" {
				t.Errorf("got and want: %s", d)
			}
		})
	}
	if got, want := diff("f", nil, []byte("a\n")), "--- /dev/null\n+++ f\n@@ -0,0 +1,1 @@\n+a\n"; got != want {
		t.Errorf("a new file: %q, want %q", got, want)
	}
	if got, want := diff("f", []byte("a\n"), nil), "--- f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"; got != want {
		t.Errorf("a removed file: %q, want %q", got, want)
	}
}

// TestDiffApplies holds that what a diff says leads from one text to the other,
// for texts that are alike, that have nothing in common, and that are too far
// apart to look for the shortest way.
func TestDiffApplies(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n, words int) string {
		var b strings.Builder
		for range random.IntN(n + 1) {
			fmt.Fprintf(&b, "%d\n", random.IntN(words))
		}
		return b.String()
	}
	check := func(before, after string) {
		t.Helper()
		got, err := apply(before, diff("f", []byte(before), []byte(after)))
		if err != nil || got != after {
			t.Fatalf("%v\nfrom %q\nto %q\ngot %q", err, before, after, got)
		}
	}
	for range 2000 {
		check(text(20, 4), text(20, 4))
	}
	far := strings.Repeat("a\n", 900)
	check(far, strings.Repeat("b\n", 900))
	check(far+"c\n", "c\n"+far)
}

// apply does what a unified diff says.
func apply(before, diff string) (string, error) {
	a, at := strings.SplitAfter(before, "\n"), 0
	var out strings.Builder
	for line := range strings.Lines(strings.SplitAfterN(diff, "\n", 3)[2]) {
		if rest, ok := strings.CutPrefix(line, "@@ -"); ok {
			var from, count int
			if _, err := fmt.Sscanf(rest, "%d,%d", &from, &count); err != nil {
				return "", err
			}
			if count > 0 {
				from--
			}
			for ; at < from; at++ {
				out.WriteString(a[at])
			}
			continue
		}
		if line[0] != '+' {
			if a[at] != line[1:] {
				return "", fmt.Errorf("line %d is %q, not %q", at, a[at], line[1:])
			}
			at++
		}
		if line[0] != '-' {
			out.WriteString(line[1:])
		}
	}
	for ; at < len(a); at++ {
		out.WriteString(a[at])
	}
	return out.String(), nil
}
