package house

import (
	"bytes"
	"errors"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// vague are words that say nothing about what a package, a file or a type is
// for. Name it after what it provides.
var vague = regexp.MustCompile(`(?i)^(utils?|common|helpers?|misc|managers?)$`)

// vagueType catches the same in the last word of a type's name.
var vagueType = regexp.MustCompile(`(Util|Utils|Helper|Helpers|Manager)$`)

func TestNames(t *testing.T) {
	for _, p := range packages(t) {
		for _, element := range strings.Split(p.path, "/") {
			if vague.MatchString(element) {
				t.Errorf("package %s: %q says nothing", p.path, element)
			}
		}
		for _, file := range p.files {
			if base := strings.TrimSuffix(strings.TrimSuffix(path.Base(file.path), ".go"), "_test"); vague.MatchString(base) {
				t.Errorf("%s: %q says nothing", file.path, base)
			}
			ast.Inspect(file.syntax, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && vagueType.MatchString(spec.Name.Name) {
					t.Errorf("%s: the type's name %s says nothing", fset.Position(spec.Pos()), spec.Name.Name)
				}
				return true
			})
		}
	}
}

// leaks are texts that only mean something on one person's machine. The
// patterns are written so that they do not match themselves.
var leaks = []struct {
	what string
	re   *regexp.Regexp
}{
	{"a path of a build machine", regexp.MustCompile(`(?:^|[\s"'=(:` + "`" + `])/(?:home|Users|root|work|build|builds)/[\w.-]+`)},
	{"a path of a build machine", regexp.MustCompile(`(?:^|[\s"'=(])[A-Z]:\\(?:Users|build)\\`)},
	{"a registry's host", regexp.MustCompile(`(?:proxy|sum)\.golang\.org|goproxy\.(?:io|cn)|registry\.npmjs\.org|(?:deb|security)\.debian\.org`)},
}

// lockfiles are written by tools and may name hosts.
var lockfiles = []string{"go.sum"}

// TestTexts reads every text file of the tree, testdata, nested modules and
// hidden files included.
func TestTexts(t *testing.T) {
	files := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || slices.Contains(lockfiles, entry.Name()) {
			return nil
		}
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a program that runs beside the tests has removed it
		}
		if err != nil {
			return err
		}
		if bytes.IndexByte(content, 0) >= 0 || !utf8.Valid(content) {
			return nil
		}
		files++
		for _, leak := range leaks {
			for _, at := range leak.re.FindAllIndex(content, -1) {
				line := 1 + bytes.Count(content[:at[0]], []byte("\n"))
				t.Errorf("%s:%d: %q names %s", file, line, content[at[0]:at[1]], leak.what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Errorf("%d text files in %s: this test looks in the wrong place", files, root)
	}
}

func TestLeaks(t *testing.T) {
	tests := []struct {
		text string
		want bool
	}{
		{"see docs/FORMAT.md", false},
		{"cp data " + "/home" + "/ann/data", true},
		{"\"" + "/work" + "/main\"", true},
		{"dir=C:" + `\Users\ann`, true},
		{"GOPROXY=https://" + "proxy" + ".golang.org", true},
		{"golang.org/x/tools", false},
		{"https://go.dev/doc", false},
		{"examples/work/today", false},
	}
	for _, tt := range tests {
		got := false
		for _, leak := range leaks {
			got = got || leak.re.MatchString(tt.text)
		}
		if got != tt.want {
			t.Errorf("%q: got leak %v, want %v", tt.text, got, tt.want)
		}
	}
}
