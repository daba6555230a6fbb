package vet_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/destam-go/destamgen/gen"
)

// TestPasses runs each pass over the packages of testdata, which say beside each
// line what is to be reported, and compares what the suggested fixes make of them.
// The packages belong to this module, as far as the go command knows: they
// import its examples.
func TestPasses(t *testing.T) {
	for _, c := range []struct {
		folder, pass string
	}{
		{"tag", "destamtag"},
		{"nowhere", "destamtag"},
		{"stale", "destamstale"},
		{"missing", "destamstale"},
		{"stop", "destamstop"},
		{"outer", "destamouter"},
		{"query", "destamquery"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			for _, result := range analysistest.RunWithSuggestedFixes(t, root(t), pass(t, c.pass), "./gen/internal/vet/testdata/"+c.folder) {
				for _, err := range result.Pass.TypeErrors {
					t.Errorf("the pass looks at broken packages too, but this should not be one: %v", err)
				}
			}
		})
	}
}

// TestClean runs all passes over what only looks as if it had to do with them.
// What is as it should be are the examples, which the command's test vets.
func TestClean(t *testing.T) {
	for _, a := range gen.Analyzers() {
		for _, result := range analysistest.Run(t, root(t), a, "./gen/internal/vet/testdata/clean") {
			for _, d := range result.Diagnostics {
				t.Errorf("%s: %s", a.Name, d.Message)
			}
		}
	}
}

// TestStandardLibrary has go vet run the passes over the standard library, in
// the long mode: nothing there has heard of us, and all sorts of code is there.
// (The short mode has some of it, see the test of cmd/destamgen.)
func TestStandardLibrary(t *testing.T) {
	if os.Getenv("DESTAM_LONG") == "" {
		t.Skip("takes minutes: DESTAM_LONG=1 runs it, and cmd/destamgen vets a part of the library always")
	}
	tool := filepath.Join(t.TempDir(), "destamgen.exe") // the name that every system runs
	for _, args := range [][]string{{"build", "-o", tool, "./cmd/destamgen"}, {"vet", "-vettool=" + tool, "std"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = root(t)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
	}
}

func pass(t *testing.T, name string) *analysis.Analyzer {
	t.Helper()
	for _, a := range gen.Analyzers() {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("there is no pass %s", name)
	return nil
}

// root gives the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
