package load

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// TestSession reads packages that have types of another one: it is read once,
// for all folders of a module, and not for those of another module.
func TestSession(t *testing.T) {
	dir := t.TempDir()
	const model = "package p\n\nimport \"example.com/m/money\"\n\ntype Bill struct {\n\tSum money.Cents `destam:\"sum\"`\n}\n"
	write(t, dir,
		"go.mod", "module example.com/m\n\ngo 1.26\n",
		"money/money.go", "package money\n\ntype Cents int64\n",
		"a/a.go", model, "b/b.go", model,
		"other/go.mod", "module example.com/m\n\ngo 1.26\n",
		"other/money/money.go", "package money\n\ntype Cents string\n",
		"other/c/c.go", model,
	)
	s := NewSession(FromSource)
	sum := func(folder string) string {
		t.Helper()
		f, err := s.Read(filepath.Join(dir, folder), folder)
		if err != nil {
			t.Fatal(err)
		}
		typ := f.Package.Files[0].Structs[0].Fields[0].Type
		if typ.Kind != schema.Scalar {
			t.Fatalf("in %s the type is %v: %s", folder, typ.Kind, typ.Problem)
		}
		return typ.Basic
	}
	if got := sum("a"); got != "int64" {
		t.Errorf("a has %s", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "money")); err != nil {
		t.Fatal(err)
	}
	if got := sum("b"); got != "int64" {
		t.Errorf("b has %s", got)
	}
	if got := sum("other/c"); got != "string" {
		t.Errorf("a package of another module has %s", got)
	}
}
