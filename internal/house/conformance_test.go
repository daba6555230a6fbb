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

// texts has what is written in each test, by package and name: its comment, its
// body, and the tables of cases that the body names.
type texts map[[2]string]string

// testTexts reads the tests of the whole tree.
func testTexts(t *testing.T) texts {
	t.Helper()
	all := texts{}
	for _, p := range packages(t) {
		tables, tests := map[string]string{}, []*ast.FuncDecl{}
		for _, file := range p.files {
			if !file.test {
				continue
			}
			src, err := os.ReadFile(filepath.Join(root, file.path))
			if err != nil {
				t.Fatal(err)
			}
			text := func(doc *ast.CommentGroup, n ast.Node) string {
				from := n.Pos()
				if doc != nil {
					from = doc.Pos()
				}
				return string(src[fset.Position(from).Offset:fset.Position(n.End()).Offset])
			}
			for _, d := range file.syntax.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil {
						all[[2]string{p.path, d.Name.Name}] = text(d.Doc, d)
						tests = append(tests, d)
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if v, ok := s.(*ast.ValueSpec); ok {
							tables[v.Names[0].Name] = text(d.Doc, v)
						}
					}
				}
			}
		}
		for _, f := range tests {
			ast.Inspect(f, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					all[[2]string{p.path, f.Name.Name}] += "\n" + tables[id.Name]
				}
				return true
			})
		}
	}
	return all
}

// checkCited holds that the tests which an entry names are where it says, and
// that each of them has its number.
func (all texts) checkCited(t *testing.T, at, n int, line string) {
	t.Helper()
	pack := ""
	for _, m := range placed.FindAllStringSubmatch(line, -1) {
		if m[1] != "" {
			pack = m[1]
			continue
		}
		switch text, ok := all[[2]string{pack, m[2]}]; {
		case !ok:
			t.Errorf("docs/conformance.md:%d: there is no test %s in %s", at, m[2], pack)
		case !cites(text, n):
			t.Errorf("docs/conformance.md:%d: %s of %s does not say that it holds %d", at, m[2], pack, n)
		}
	}
}

// cites tells whether the text of a test has a number of the catalogue.
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
// are, that these have the numbers which it names them for, and that its
// entries are in order, each once.
func TestConformance(t *testing.T) {
	all, tests := testTexts(t), make(map[string]bool)
	for test := range all {
		tests[test[1]] = true
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
			all.checkCited(t, i+1, n, line)
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
