package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/destam-go/destamgen/gen"
)

// modeler writes random packages.
type modeler struct {
	r       *rand.Rand
	b       strings.Builder
	structs int
	nouns   []string // still to be used
}

// noun gives a name that the struct does not have.
func (m *modeler) noun(taken map[string]bool) string {
	for {
		if len(m.nouns) == 0 {
			m.nouns = slices.Clone(nouns)
			m.r.Shuffle(len(m.nouns), func(i, j int) { m.nouns[i], m.nouns[j] = m.nouns[j], m.nouns[i] })
		}
		n := m.nouns[0]
		m.nouns = m.nouns[1:]
		if !taken[n] {
			taken[n] = true
			return n
		}
	}
}

func (m *modeler) pick(types ...string) string { return types[m.r.IntN(len(types))] }

// leaf gives a type of a value.
func (m *modeler) leaf() string {
	return m.pick("string", "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64",
		"float32", "float64", "time.Time", "time.Duration", "time.Month", "[]byte", "Word", "Number", "Alias", "Ratio", "Digest",
		"[3]int", "[2]string", "[2][2]bool", "[16]byte", "[5]byte", "Sum", "[2]netip.Addr", "[2][]byte",
		"netip.Addr", "big.Int", "Coin", "Box[int]", "Box[[]string]", "Wrapped")
}

func (m *modeler) key() string {
	return m.pick("string", "int", "int8", "uint16", "int64", "Word", "Number", "destam.ID")
}

// object gives a struct's name, mostly one that is there: structs contain
// themselves and each other.
func (m *modeler) object() string { return fmt.Sprintf("T%d", m.r.IntN(m.structs)) }

// field gives a type of a field of a struct that is not in a query section.
func (m *modeler) field() string {
	switch m.r.IntN(12) {
	case 0:
		return "*" + m.leaf2()
	case 1:
		return "[]" + m.leaf()
	case 2:
		return "[][]" + m.leaf()
	case 3:
		return "map[" + m.key() + "]" + m.leaf()
	case 4:
		return "*" + m.object()
	case 5:
		return "[]" + m.object()
	case 6:
		return "map[" + m.key() + "]" + m.object()
	case 7:
		return m.pick("Words", "*url.URL", "map[string][]int", "List[int]")
	}
	return m.leaf()
}

// leaf2 is leaf without what a pointer says nothing more about.
func (m *modeler) leaf2() string {
	for {
		if t := m.leaf(); t != "[]byte" && t != "Digest" {
			return t
		}
	}
}

// asked gives a type of a field in a query section; n is how many structs there
// are for it.
func (m *modeler) asked(n int) string {
	scalar := m.pick("string", "bool", "int", "int8", "int64", "uint8", "uint32", "Word", "Number", "Alias", "time.Month")
	switch m.r.IntN(6) {
	case 0:
		return "*" + scalar
	case 1:
		if scalar != "uint8" { // those are bytes
			return m.pick("[]", "[2]", "[][]") + scalar
		}
	case 2:
		if n > 0 {
			return m.pick("", "*", "[]") + fmt.Sprintf("Q%d", m.r.IntN(n))
		}
	}
	return scalar
}

func (m *modeler) tagged(name, typ string, options ...string) {
	fmt.Fprintf(&m.b, "\t%s %s `destam:\"%s%s\"`\n", name, typ, strings.ToLower(name[:1])+name[1:], strings.Join(options, ""))
}

// seldom gives an option now and then.
func (m *modeler) seldom(option string) string {
	if m.r.IntN(6) == 0 {
		return option
	}
	return ""
}

// model writes one package.
func (m *modeler) model(name string) string {
	m.b.Reset()
	m.structs = 2 + m.r.IntN(3)
	fmt.Fprintf(&m.b, "package %s\n\n%s\n", name, preamble)
	fmt.Fprintf(&m.b, "type Doc struct {\n\t_ struct{} `destam:\"table=docs\"`\n\tQuery Section `destam:\"query\"`\n\tBase\n")
	taken := map[string]bool{"Query": true, "Base": true}
	for range 8 {
		m.tagged(m.noun(taken), m.field(), m.seldom(",local"))
	}
	m.b.WriteString("}\n\ntype Base struct {\n")
	for range 2 {
		m.tagged(m.noun(taken), m.leaf())
	}
	m.b.WriteString("}\n\n")
	for i := range m.structs {
		fmt.Fprintf(&m.b, "type T%d struct {\n", i)
		taken := map[string]bool{}
		for range 3 + m.r.IntN(4) {
			m.tagged(m.noun(taken), m.field(), m.seldom(",local"))
		}
		m.b.WriteString("}\n\n")
	}
	for i, name := range []string{"Q0", "Q1", "Section"} {
		fmt.Fprintf(&m.b, "type %s struct {\n", name)
		taken := map[string]bool{}
		for range 3 + m.r.IntN(3) {
			m.tagged(m.noun(taken), m.asked(i))
		}
		if name == "Section" {
			m.tagged(m.noun(taken), m.pick("string", "int", "Word", "*int32", "uint32"), ",unique")
		}
		m.b.WriteString("}\n\n")
	}
	return m.b.String()
}

// preamble declares types that fields may have.
const preamble = `import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
)

var _ = destam.ID{}
var _ = url.URL{}
var _ = big.Int{}
var _ = netip.Addr{}
var _ = time.Time{}

type (
	Word    string
	Number  int16
	Alias   = Word
	Ratio   float32
	Digest  []byte
	Sum     [4]byte
	Words   []Word
	List[T any] []T
	Wrapped struct{ netip.Prefix }
)

func (w *Wrapped) Fill(n int) { w.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n)}), 8) }

type Coin struct{ cents int }

func (c *Coin) Fill(n int)                    { c.cents = n }
func (c Coin) MarshalText() ([]byte, error)   { return fmt.Appendf(nil, "%d ct", c.cents), nil }
func (c *Coin) UnmarshalText(b []byte) error  { _, err := fmt.Sscanf(string(b), "%d ct", &c.cents); return err }

type Box[T any] struct{ V T }

func (b Box[T]) MarshalText() ([]byte, error)  { return json.Marshal(b.V) }
func (b *Box[T]) UnmarshalText(p []byte) error { return json.Unmarshal(p, &b.V) }
`

// proposed is a tag in the fix of a diagnostic.
var proposed = regexp.MustCompile(`^destam:"[^"]*"`)

// generated generates a model. What is refused is corrected as the generator
// proposes, and must be good then.
func generated(t *testing.T, dir, source string) {
	t.Helper()
	path := filepath.Join(dir, "doc.go")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(source, "\n")
	for range 8 {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := gen.Run(gen.Config{Dir: dir})
		var wrong gen.Diagnostics
		if err == nil {
			again(t, dir)
			return
		} else if !errors.As(err, &wrong) {
			t.Fatal(err)
		}
		for _, d := range wrong {
			tag := proposed.FindString(d.Fix)
			if tag == "" {
				t.Fatalf("%v\nproposes no tag, in\n%s", d, source)
			}
			line := &lines[d.Pos.Line-1]
			*line = regexp.MustCompile("`.*`").ReplaceAllLiteralString(*line, "`"+tag+"`")
		}
	}
	t.Fatalf("what is proposed is refused again and again:\n%s", strings.Join(lines, "\n"))
}

// again holds that a second run changes nothing, and that a run without what the
// first one wrote gives the same bytes.
func again(t *testing.T, dir string) {
	t.Helper()
	output := filepath.Join(dir, "doc_destam.go")
	first, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := gen.Run(gen.Config{Dir: dir}); err != nil || len(report.Written) > 0 {
		t.Fatalf("a second run writes %v, %v", report.Written, err)
	}
	if err := os.Remove(output); err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Run(gen.Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(output); err != nil || !bytes.Equal(first, second) {
		t.Fatalf("two runs differ: %v", err)
	}
}

// TestModels generates packages with random structs, compiles them together and
// takes their documents through storing, loading, assigning, being applied to
// copies and asking, on every driver that runs everywhere. The long mode takes
// other ones each time.
func TestModels(t *testing.T) {
	count, seed := 8, uint64(7)
	switch {
	case testing.Short():
		count = 3
	case os.Getenv("DESTAM_LONG") != "":
		count, seed = 40, rand.Uint64()
	}
	t.Logf("%d models of seed %d", count, seed)
	dir := userModule(t)
	m := modeler{r: rand.New(rand.NewPCG(seed, 7))}
	var tables []tableOf
	for i := range count {
		name := fmt.Sprintf("m%d", i)
		generated(t, filepath.Join(dir, name), m.model(name))
		tables = append(tables, tableOf{"example.com/user/" + name, "DocTable"})
	}
	exerciser(t, dir, tables)
	goCommand(t, dir, "vet", "-composites=false", "./m0", "./m1", "./m2")
	goCommand(t, dir, "run", "./run")
}

// tableOf is a function that gives a table, in a package.
type tableOf struct{ path, name string }

// exerciser writes the command run in a user's module, which takes documents of
// tables through what testdata/models does with them.
func exerciser(t *testing.T, dir string, tables []tableOf) {
	t.Helper()
	exercise, err := os.ReadFile("../../testdata/models/exercise.go")
	if err != nil {
		t.Fatal(err)
	}
	var imports, calls strings.Builder
	for i, table := range tables {
		fmt.Fprintf(&imports, "\tp%d %q\n", i, table.path)
		fmt.Fprintf(&calls, "\texercise.Run(%q, %d, p%d.%s)\n", table.path+" "+table.name, i, i, table.name)
	}
	for path, text := range map[string]string{
		"exercise/exercise.go": string(exercise),
		"run/main.go":          fmt.Sprintf("package main\n\nimport (\n\t\"example.com/user/exercise\"\n%s)\n\nfunc main() {\n%s}\n", &imports, &calls),
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
