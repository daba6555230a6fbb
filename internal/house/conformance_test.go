package house

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	entry    = regexp.MustCompile(`^\| *(\d+)`)
	testName = regexp.MustCompile(`\b(?:Test|Fuzz|Example)[A-Z]\w*`)
)

// TestConformance holds that docs/conformance.md names only tests that there
// are, and has its entries in order, each once.
func TestConformance(t *testing.T) {
	tests := make(map[string]bool)
	for _, p := range packages(t) {
		for _, file := range p.files {
			for _, d := range file.syntax.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && file.test && f.Recv == nil {
					tests[f.Name.Name] = true
				}
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	last, rows := 0, 0
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, name := range testName.FindAllString(line, -1) {
			if !tests[name] {
				t.Errorf("docs/conformance.md:%d: there is no test %s", i+1, name)
			}
		}
		if m := entry.FindStringSubmatch(line); m != nil {
			rows++
			n, err := strconv.Atoi(m[1])
			if err != nil || n <= last {
				t.Errorf("docs/conformance.md:%d: entry %s after %d", i+1, m[1], last)
			}
			last = n
		}
	}
	if rows == 0 {
		t.Error("docs/conformance.md has no entries: this test looks for them in the wrong way")
	}
}
