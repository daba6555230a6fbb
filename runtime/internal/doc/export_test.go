package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/runtime/internal/exact"
)

// imported makes a document of an exported object.
func imported(typ *Type, text []byte) (*Document, error) {
	v, err := exact.Parse(text)
	if err != nil {
		return nil, err
	}
	content, err := typ.PackExport(v, 64)
	if err != nil {
		return nil, err
	}
	d := New(typ, NewID(), &host{}, Options{KeyBound: 64})
	err = d.Load(1, content)
	d.Loaded()
	return d, err
}

// TestExportVersions exports documents of a newer program by one that knows
// half of them: what comes back has everything that the newer one put there,
// objects in several places as one object.
func TestExportVersions(t *testing.T) {
	for seed := range rounds(6) {
		s := scribbler{rand.New(rand.NewPCG(seed, 60))}
		d := New(newType, NewID(), &host{}, Options{KeyBound: bounds[seed%2]})
		plain := NewThing{Title: "t", Items: []NewItem{{Text: "1", Sub: []NewItem{{Text: "2"}}}}}
		d.Init(unsafe.Pointer(&plain), nil)
		if _, err := d.Create(Cause{}); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			do(root(d), func(*Node) { s.scribble(d) })
		}
		want := presentation[NewThing](d)
		for _, by := range []*Type{oldType, newType} {
			what := fmt.Sprintf("seed %d by %s", seed, by.Name)
			known := New(by, NewID(), &host{}, Options{KeyBound: 64})
			if err := known.Load(1, d.content()); err != nil {
				t.Fatal(err)
			}
			text := known.root.AppendExport(nil)
			back, err := imported(by, text)
			if err != nil {
				t.Fatalf("%s: %v\n%s", what, err, text)
			}
			checkHolders(t, back)
			if again := back.root.AppendExport(nil); !bytes.Equal(again, text) {
				t.Fatalf("%s: exported again it differs:\n%s\n%s", what, text, again)
			}
			newer := New(newType, NewID(), &host{}, Options{KeyBound: 64})
			if err := newer.Load(1, back.content()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, presentation[NewThing](newer)); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", what, diff)
			}
			if a, b := objects(d), objects(newer); a != b {
				t.Fatalf("%s: %d objects, want %d", what, b, a)
			}
		}
	}
}

// objects counts them, each once.
func objects(d *Document) (n int) {
	d.root.nodes(func(*Node) { n++ })
	return n
}

// TestExportFormer imports what a program exported before fields were renamed
// and given other types.
func TestExportFormer(t *testing.T) {
	due, two := 7, 2
	old, _ := pasts(t, Past{Title: "b", Due: &due, Rank: "2", Sizes: []int{4, 3}, Ages: map[string]int{"y": 5}, Items: []Task{{Text: "u"}}, Boss: &Task{Text: "c"}})
	d, err := imported(presentType, old.root.AppendExport(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Present{Head: "b", Day: 70, Rank: &two, Sizes: []string{"4", "3"}, Ages: map[string]string{"y": "5"}, Things: []Task{{Text: "u"}}, Chief: &Task{Text: "c"}}
	if diff := cmp.Diff(want, presentation[Present](d)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestImportByHand reads what a person would write.
func TestImportByHand(t *testing.T) {
	text := `{
		"title": "Milk", "query": {"owner": "ann"}, "seen": "2026-01-02T03:04:05.6Z", "blob": "AQI=", "nums": [1, -2], "grid": [["a"], []],
		"items": [{"text": "1", "sub": [{"text": "2"}]}, {}], "lead": null, "named": {"x": {"text": "3"}}, "counts": {"": 1, "b": 2},
		"years": {"-5": {"text": "4"}}, "archive": [{"$id": "01000000000000000000000001", "text": "5"}, {"$ref": "01000000000000000000000001"}]}`
	d, err := imported(newType, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := presentation[NewThing](d)
	seen := got.Seen.Format("2006-01-02T15:04:05.0")
	got.Seen = nil
	want := NewThing{Title: "Milk", Query: NewQuery{Owner: "ann"}, Blob: []byte{1, 2}, Nums: []int{1, -2}, Grid: [][]string{{"a"}, nil},
		Items: []NewItem{{Text: "1", Sub: []NewItem{{Text: "2"}}}, {}}, Named: map[string]NewItem{"x": {Text: "3"}}, Counts: map[string]int{"": 1, "b": 2},
		Years: map[int]NewItem{-5: {Text: "4"}}, Archive: []NewItem{{Text: "5"}, {Text: "5"}}}
	if diff := cmp.Diff(want, got); diff != "" || seen != "2026-01-02T03:04:05.6" {
		t.Errorf("seen %s, -want +got:\n%s", seen, diff)
	}
	if a := d.root.List(newType.byName["archive"]); a.Node(0) != a.Node(1) {
		t.Error("one object in two places became two")
	}
	for _, test := range []struct{ text, path, why string }{
		{`[]`, "", "an object is expected"},
		{`{"titel": "x"}`, "titel", "no field"},
		{`{"title": 1}`, "title", "it is a string"},
		{`{"title": {"$what": 1}}`, "title", "not a form"},
		{`{"nums": [1, 1.5]}`, "nums.1", "it is a int"},
		{`{"nums": {"a": 1}}`, "nums", "an array is expected"},
		{`{"items": [{"text": "a"}, {"sub": [{"color": true}]}]}`, "items.1.sub.0.color", "it is a string"},
		{`{"items": [1]}`, "items.0", "an object is expected"},
		{`{"query": "ann"}`, "query", "an object is expected"},
		{`{"counts": {"a": "1"}}`, "counts.a", "it is a int"},
		{`{"years": {"a": {}}}`, "years.a", "no such key"},
		{`{"named": {"$map": [["a"]]}}`, "named.0", "another form"},
		{`{"named": {"$map": [[1, {}]]}}`, "named.0", "string"},
		{`{"seen": "today"}`, "seen", "RFC 3339"},
		{`{"blob": "!"}`, "blob", "not base64"},
		{`{"lead": {"$ref": "x"}}`, "lead", "$ref"},
		{`{"lead": {"$id": "x"}}`, "lead.$id", "26"},
		{`{"$unknown": 1}`, "$unknown", "an object is expected"},
		{`{"$unknown": {"a": {"$bytes": 1}}}`, "$unknown.a", "not a form"},
	} {
		v, err := exact.Parse([]byte(test.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = newType.PackExport(v, 64)
		var at *ImportError
		if !errors.As(err, &at) || at.Path != test.path || !strings.Contains(at.Error(), test.why) {
			t.Errorf("%s: got %v", test.text, err)
		}
	}
	for _, text := range []string{
		`{"lead": {"$ref": "01000000000000000000000001"}}`, // of nothing
		`{"archive": [{"$id": "01000000000000000000000001"}, {"$id": "01000000000000000000000001"}]}`,
		`{"$unknown": {"title": 1}}`,
		`{"lead": {"$id": "01000000000000000000000001", "sub": [{"$ref": "01000000000000000000000001"}]}}`,
	} {
		if d, err := imported(newType, []byte(text)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
}

// FuzzPackExport reads any text as an object: whatever is taken can be loaded
// or is refused, and what is loaded can be exported and comes back.
func FuzzPackExport(f *testing.F) {
	f.Add(`{"title":"a","items":[{"$id":"01000000000000000000000001"}],"lead":{"$ref":"01000000000000000000000001"},"$unknown":{"x":[{"$ext":[1,"IQ=="]},1]}}`)
	f.Add(`{"named":{"$map":[[{"$text":"/w=="},{}]]},"seen":[1,2],"years":{"1":{}},"keyed":{"01000000000000000000000001":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := imported(newType, []byte(text))
		if err != nil {
			return
		}
		checkHolders(t, d)
		text = string(d.root.AppendExport(nil))
		back, err := imported(newType, []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if a, b := presentation[NewThing](d), presentation[NewThing](back); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s:\n%+v\n%+v", text, a, b)
		}
	})
}
