package load

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/destam-go/destamgen/gen/internal/schema"
)

// TestMain keeps what tests find out to themselves.
func TestMain(m *testing.M) {
	os.Setenv(CacheVariable, "off")
	os.Exit(m.Run())
}

// TestFacts holds what is remembered from run to run, and for how long: where a
// package is remembered, its source is not looked at again, which shows when it
// is changed as nobody may change it.
func TestFacts(t *testing.T) {
	const (
		user = "package user\n\nimport \"example.com/dep/kinds\"\n\ntype Note struct {\n\tKind kinds.Kind `destam:\"kind\"`\n}\n"
		mod  = "module example.com/user\n\ngo 1.26\n\nrequire (\n\texample.com/dep v1.0.0\n\texample.com/far v1.0.0\n)\n"
		text = "package kinds\n\nimport \"example.com/far\"\n\ntype Kind far.Kind\n"
		far  = "package far\n\ntype Kind string\n"
	)
	dep, farAt := "cache/example.com/dep@v1.0.0/kinds/k.go", "cache/example.com/far@v1.0.0/far.go"
	for name, c := range map[string]struct {
		before, change []string
		want           string // the basic type, once all is changed
	}{
		"of a module":              {nil, []string{dep, "package kinds\n\ntype Kind int\n"}, "string"},
		"by way of another module": {nil, []string{farAt, "package far\n\ntype Kind bool\n"}, "string"},
		"another version": {nil, []string{
			"user/go.mod", "module example.com/user\n\nrequire example.com/dep v1.1.0\n", "cache/example.com/dep@v1.1.0/kinds/k.go", "package kinds\n\ntype Kind int\n",
		}, "int"},
		"another version of what it is made from": {nil, []string{
			"user/go.mod", "module example.com/user\n\nrequire (\n\texample.com/dep v1.0.0\n\texample.com/far v1.1.0\n)\n",
			"cache/example.com/far@v1.1.0/far.go", "package far\n\ntype Kind bool\n",
		}, "bool"},
		"a folder that is replaced": {
			[]string{"user/go.mod", mod + "\nreplace example.com/dep => ../dep\n", "dep/kinds/k.go", text},
			[]string{"dep/kinds/k.go", "package kinds\n\ntype Kind int\n"}, "int",
		},
		"made from one that is replaced": {
			[]string{"user/go.mod", mod + "\nreplace example.com/far => ../far\n", "far/far.go", far},
			[]string{"far/far.go", "package far\n\ntype Kind bool\n"}, "bool",
		},
		"a file of facts that is broken": {nil, []string{dep, "package kinds\n\ntype Kind int\n", "facts/*", "{\"Types\": {\"Kind\": {"}, "int"},
		"facts of another file":          {nil, []string{dep, "package kinds\n\ntype Kind int\n", "facts/*", "{}"}, "int"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("GOMODCACHE", filepath.Join(dir, "cache"))
			t.Setenv("GOFLAGS", "")
			t.Setenv("GOWORK", "off")
			t.Setenv("PATH", "")
			t.Setenv(CacheVariable, filepath.Join(dir, "facts"))
			write(t, dir, append([]string{"user/go.mod", mod, "user/note.go", user, dep, text, farAt, far}, c.before...)...)
			kind := func() *schema.Type {
				t.Helper()
				folder, err := Read(filepath.Join(dir, "user"), "", FromSource)
				if err != nil {
					t.Fatal(err)
				}
				return folder.Package.Files[0].Structs[0].Fields[0].Type
			}
			if k := kind(); k.Basic != "string" {
				t.Fatalf("the type is %d %q: %s", k.Kind, k.Basic, k.Problem)
			}
			for i := 0; i < len(c.change); i += 2 {
				if c.change[i] == "facts/*" {
					spoil(t, filepath.Join(dir, "facts"), c.change[i+1])
					continue
				}
				write(t, dir, c.change[i:i+2]...)
			}
			for range 2 {
				if k := kind(); k.Basic != c.want || k.Name != (schema.Name{Path: "example.com/dep/kinds", Name: "Kind"}) {
					t.Errorf("the type is %d %q of %v: %s, want %q", k.Kind, k.Basic, k.Name, k.Problem, c.want)
				}
			}
		})
	}
}

// spoil writes something else into all files of a folder.
func spoil(t *testing.T, dir, text string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFactsNowhere holds that nothing depends on a place for facts.
func TestFactsNowhere(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "file", "no folder")
	for _, cache := range []string{"off", filepath.Join(dir, "file")} {
		t.Setenv(CacheVariable, cache)
		write(t, dir, "a/a.go", "package a\n\nimport \"io/fs\"\n\ntype A struct {\n\tMode fs.FileMode `destam:\"mode\"`\n}\n")
		folder, err := Read(filepath.Join(dir, "a"), "", FromSource)
		if err != nil {
			t.Fatal(err)
		}
		if k := folder.Package.Files[0].Structs[0].Fields[0].Type; k.Basic != "uint32" {
			t.Errorf("%s: the type is %d %q: %s", cache, k.Kind, k.Basic, k.Problem)
		}
	}
}

// BenchmarkForeign is reading a model with types of eight packages that are not
// known by name: as at first, and as remembered.
func BenchmarkForeign(b *testing.B) {
	dir := b.TempDir()
	source := "package a\n\nimport (\n\t\"crypto/tls\"\n\t\"crypto/x509\"\n\t\"encoding/xml\"\n\t\"go/token\"\n\t\"io/fs\"\n\t\"net/http\"\n\t\"reflect\"\n\t\"text/scanner\"\n)\n\n" +
		"type A struct {\n\tA tls.CurveID `destam:\"a\"`\n\tB x509.KeyUsage `destam:\"b\"`\n\tC xml.Name `destam:\"-\"`\n\tD token.Pos `destam:\"d\"`\n" +
		"\tE fs.FileMode `destam:\"e\"`\n\tF http.SameSite `destam:\"f\"`\n\tG reflect.Kind `destam:\"g\"`\n\tH xml.CharData `destam:\"h\"`\n\tI http.ConnState `destam:\"i\"`\n\tJ scanner.Position `destam:\"-\"`\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(source), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, state := range []string{"off", "remembered"} {
		b.Run("facts="+state, func(b *testing.B) {
			cache := "off"
			if state != "off" {
				cache = filepath.Join(dir, "facts")
			}
			b.Setenv(CacheVariable, cache)
			for b.Loop() {
				folder, err := Read(dir, "", FromSource)
				if err != nil || folder.Package.Files[0].Structs[0].Fields[0].Type.Kind != schema.Scalar {
					b.Fatal(folder, err)
				}
			}
		})
	}
}
