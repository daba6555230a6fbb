package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/gen"
)

// matrixTypes are the types of fields that are tried with every option, in
// every place.
var matrixTypes = []string{
	"string", "Status", "bool", "int", "int8", "uint8", "uint32", "uint", "uint64", "float32", "float64",
	"time.Time", "time.Duration", "[]byte", "Digest", "[4]byte", "[3]string", "[2][2]int", "[2][]int", "[2]float64", "[2]Part",
	"*string", "*bool", "*float64", "*time.Time", "*Part", "*[3]string", "*[]string", "**string", "Part",
	"[]string", "[]Status", "[]bool", "[]float64", "[]time.Time", "[][]byte", "[][]string", "[][][]int", "[][2]int", "[]Part", "[][]Part", "[]*Part", "[]*string",
	"map[string]string", "map[Status]int", "map[int64]bool", "map[string][]int", "map[string]Part", "map[string][]Part", "map[destam.ID]bool", "map[destam.ID]Part", "map[[16]byte]bool",
	"map[string]map[string]int", "map[bool]string", "map[time.Time]string", "[]map[string]int", "map[string]*Part",
	"netip.Addr", "*netip.Addr", "[]netip.Addr", "map[string]netip.Addr", "url.URL", "json.RawMessage", "big.Int", "*big.Int", "destam.ID", "destam.Ref[OOther]",
	"Box[string]", "Box[[]int]", "any", "error", "func()", "chan int", "complex128", "uintptr", "struct{ A int }", "sync.Mutex", "http.Request", "Other",
}

// matrixPlaces are where a field can be: %s becomes it.
var matrixPlaces = []struct{ name, source string }{
	{"document", "type T%[1]d struct {\n\t_ struct{} `destam:\"table=t%[1]d\"`\n\t%[2]s\n}\n"},
	{"object", "type T%[1]d struct {\n\t_ struct{} `destam:\"table=t%[1]d\"`\n\tIn N%[1]d `destam:\"in\"`\n}\n\ntype N%[1]d struct {\n\t%[2]s\n}\n"},
	{"section", "type T%[1]d struct {\n\t_ struct{} `destam:\"table=t%[1]d\"`\n\tQuery Q%[1]d `destam:\"query\"`\n}\n\ntype Q%[1]d struct {\n\t%[2]s\n}\n"},
	{"in section", "type T%[1]d struct {\n\t_ struct{} `destam:\"table=t%[1]d\"`\n\tQuery Q%[1]d `destam:\"query\"`\n}\n\ntype Q%[1]d struct {\n\tIn N%[1]d `destam:\"in\"`\n}\n\ntype N%[1]d struct {\n\t%[2]s\n}\n"},
	{"list in section", "type T%[1]d struct {\n\t_ struct{} `destam:\"table=t%[1]d\"`\n\tQuery Q%[1]d `destam:\"query\"`\n}\n\ntype Q%[1]d struct {\n\tIn []N%[1]d `destam:\"in\"`\n}\n\ntype N%[1]d struct {\n\t%[2]s\n}\n"},
}

const matrixHead = `package matrix

import (
	"encoding/json"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/destam-go/destamgen/runtime/destam"
)

var (
	_ json.RawMessage
	_ big.Int
	_ http.Request
	_ netip.Addr
	_ url.URL
	_ sync.Mutex
	_ time.Time
	_ destam.ID
)

type (
	Status string
	Digest []byte
)

// Box has a codec.
type Box[T any] struct{ v T }

func (b Box[T]) MarshalText() ([]byte, error)  { return nil, nil }
func (b *Box[T]) UnmarshalText(t []byte) error { return nil }

type Part struct {
	Name string ` + "`destam:\"name\"`" + `
}

type Other struct {
	_    struct{} ` + "`destam:\"table=others\"`" + `
	Name string   ` + "`destam:\"name\"`" + `
}

`

// matrixCase is one field, and the lines of the source that are about it.
type matrixCase struct {
	place, typ, option string
	source             string
	from, to           int
}

func matrixCases() []matrixCase {
	var cases []matrixCase
	for _, place := range matrixPlaces {
		for _, typ := range matrixTypes {
			for _, option := range []string{"", ",unique", ",local"} {
				field := fmt.Sprintf("Field %s `destam:\"field%s\"`", typ, option)
				source := fmt.Sprintf(place.source, len(cases), field)
				cases = append(cases, matrixCase{place: place.name, typ: typ, option: option, source: source})
			}
		}
	}
	return cases
}

// TestMatrix tries fields of all types with all options in all places. A file
// that is committed says what becomes of each, and why; what is generated must
// pass go vet. (-update writes the file.)
func TestMatrix(t *testing.T) {
	dir := userModule(t)
	cases := matrixCases()
	text, line := matrixHead, strings.Count(matrixHead, "\n")+1
	for i := range cases {
		c := &cases[i]
		c.from = line
		line += strings.Count(c.source, "\n")
		c.to = line
		text += c.source
	}
	said := matrixRun(t, dir, text)
	var report strings.Builder
	good := matrixHead
	for _, c := range cases {
		what := "generated"
		var why []string
		for _, d := range said {
			if d.Pos.Line >= c.from && d.Pos.Line < c.to {
				why = append(why, d.Message+" (fix: "+d.Fix+")")
			}
		}
		if len(why) > 0 {
			what = matrixNumbers.ReplaceAllString(strings.ReplaceAll(strings.Join(why, "; "), "field Field: ", ""), "$1")
		} else {
			good += c.source
		}
		fmt.Fprintf(&report, "%s: %s%s: %s\n", c.place, c.typ, c.option, what)
	}
	const golden = "../../testdata/matrix.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(report.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(report.String(), "\n")); d != "" {
		t.Errorf("%s, written down and now (-update writes it down): %s", golden, d)
	}
	if said := matrixRun(t, dir, good); len(said) > 0 {
		t.Fatalf("without what is refused, this is: %v", said)
	}
	if testing.Short() {
		return
	}
	goCommand(t, dir, "vet", ".") // which checks types and compiles nothing
}

// matrixNumbers are in the names of the structs of a case.
var matrixNumbers = regexp.MustCompile(`\b([TNQ])[0-9]+\b`)

// matrixRun runs the generator on a package of one file.
func matrixRun(t *testing.T, dir, text string) gen.Diagnostics {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "matrix.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := gen.Run(gen.Config{Dir: dir})
	var said gen.Diagnostics
	if err != nil && !errors.As(err, &said) {
		t.Fatal(err)
	}
	return slices.Clip(said)
}
