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

	// What an entry's last cell says: packages, and tests of the one before.
	placed = regexp.MustCompile("`(runtime/[a-z/]+)`|\\b((?:Test|Fuzz)[A-Z]\\w*)")
	// How a test says whose number it holds: in a comment, or in the name of a
	// case, alone or with others.
	cited   = regexp.MustCompile(`(?:[Dd]estam|[Cc]atalogue) ((?:\d+(?:\.\d+)*(?: to \d+)?(?:,? and |, ?)?)+)|"(\d{2,3}) [a-z]`)
	numbers = regexp.MustCompile(`(\d+)(?: to (\d+))?`)
)

// checkCited holds that the tests which an entry names are where it says, and
// that the file of one of them has its number.
func checkCited(t *testing.T, at, n int, line string) {
	t.Helper()
	pack, tests, found := "", 0, false
	for _, m := range placed.FindAllStringSubmatch(line, -1) {
		if m[1] != "" {
			pack = m[1]
			continue
		}
		tests++
		files, err := filepath.Glob(filepath.Join(root, pack, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		there := false
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "\nfunc "+m[2]+"(") {
				there = true
				found = found || cites(string(text), n)
			}
		}
		if !there {
			t.Errorf("docs/conformance.md:%d: there is no test %s in %s", at, m[2], pack)
		}
	}
	if tests > 0 && !found {
		t.Errorf("docs/conformance.md:%d: none of the tests says that it holds %d", at, n)
	}
}

// cites tells whether a file of tests has a number of the catalogue.
func cites(text string, n int) bool {
	for _, c := range cited.FindAllStringSubmatch(text, -1) {
		if c[2] == strconv.Itoa(n) {
			return true
		}
		for _, m := range numbers.FindAllStringSubmatch(c[1], -1) {
			from, _ := strconv.Atoi(m[1])
			to := from
			if m[2] != "" {
				to, _ = strconv.Atoi(m[2])
			}
			if from <= n && n <= to {
				return true
			}
		}
	}
	return false
}

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
			checkCited(t, i+1, n, line)
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
