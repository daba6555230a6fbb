package vet_test

import (
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
