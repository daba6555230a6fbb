package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// live writes a program that takes documents of the corpus through a store, and
// runs it: what compiles need not fit the runtime.
func live(t *testing.T, user string, copies map[string]*tagger) {
	t.Helper()
	var imports, calls strings.Builder
	count := 0
	for _, folder := range slices.Sorted(maps.Keys(copies)) {
		documents := sample(copies[folder].documents())
		if len(documents) == 0 {
			continue
		}
		fmt.Fprintf(&imports, "import %s \"example.com/user/%s\"\n", folder, folder)
		for _, name := range documents {
			fmt.Fprintf(&calls, "\tlive(%q, %s.%sTable)\n", copies[folder].name+"."+name, folder, name)
			count++
		}
	}
	program := strings.Replace(liveProgram, "import (", imports.String()+"import (", 1) + calls.String() + "\tos.Exit(status)\n}\n"
	if err := os.MkdirAll(filepath.Join(user, "live"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(user, "live", "main.go"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := run(user, "run", "-gcflags=-N -l", "./live")
	t.Logf("%d documents went through a store\n%s", count, out)
	if err != nil || count == 0 {
		t.Errorf("%d documents: %v", count, err)
	}
}

// sample gives so many of them, spread evenly, that one program with all is no
// burden to the compiler: with seven hundred tables it took three gigabytes.
func sample(documents []string) []string {
	most := 10
	if os.Getenv("DESTAM_LONG") != "" {
		most = 40
	}
	if len(documents) <= most {
		return documents
	}
	spread := make([]string, most)
	for i := range spread {
		spread[i] = documents[i*len(documents)/most]
	}
	return spread
}

// documents gives the structs that became documents.
func (t *tagger) documents() []string {
	var all []string
	for name := range t.kept {
		s, ok := t.types[name].Type.(*ast.StructType)
		if ok && token.IsExported(name) && !t.inside[name] && t.types[name].TypeParams == nil && len(exported(s)) > 0 && t.refused[name][""] == "" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// liveProgram fills documents, creates them, reads what was stored, and compares.
const liveProgram = `package main

import (
	"context"
	"encoding"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/destam-go/destamgen/drivers/memory"
	"github.com/destam-go/destamgen/runtime/destam"
)

var (
	ctx    = context.Background()
	status int
)

func live[O handle[P], P any](name string, table func(*destam.DB) *destam.Table[O, P, struct{}]) {
	defer func() {
		// The corpus has of its own codecs the signatures only.
		if why := fmt.Sprint(recover()); why != "<nil>" && !strings.Contains(why, "only its signature was copied") {
			status = 1
			fmt.Println(name + ": " + why)
		}
	}()
	var want P
	fill(reflect.ValueOf(&want).Elem(), 3)
	db := must(destam.Open(ctx, memory.Open(nil), nil))
	created := must(table(db).Create(ctx, want))
	same("created", want, created.Snapshot())
	id := must(table(db).Query(ctx)).ID
	same("stored", want, must(table(db).At(ctx, id, 1)))
	created.Assign(*new(P))
	created.Assign(want)
	same("assigned", want, created.Snapshot())
	if err := db.Close(ctx); err != nil {
		panic(err)
	}
}

// handle has of a handle what no field can take the name of.
type handle[P any] interface {
	Snapshot() P
	Assign(P)
}

func same(what string, want, got any) {
	if !reflect.DeepEqual(got, want) {
		panic(fmt.Sprintf("%s\n%+v\nbut it is\n%+v", what, want, got))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fill gives every field of the model a value, to some depth. What has a codec
// of its own stays as it is: only it knows which values are good.
func fill(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
		return
	}
	switch v.Addr().Interface().(type) {
	case encoding.BinaryMarshaler, encoding.TextMarshaler:
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), depth)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag.Get("destam")
			if tag != "" && tag != "-" && v.Type().Field(i).Name != "_" {
				fill(v.Field(i), depth)
			}
		}
	}
	if depth == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth-1)
		fill(value, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	}
}

func main() {
`
