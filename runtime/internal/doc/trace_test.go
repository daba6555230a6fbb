package doc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// patched applies operations of RFC 6902 to a JSON value, strictly.
func patched(t testing.TB, doc any, ops []PatchOp) any {
	t.Helper()
	for _, o := range ops {
		var v any
		if o.Op != "remove" {
			v = parsed(t, o.Value)
		}
		var names []string
		for _, s := range strings.Split(o.Path, "/")[1:] {
			names = append(names, strings.NewReplacer("~1", "/", "~0", "~").Replace(s))
		}
		if o.Path == "" {
			doc = v
			continue
		}
		var err error
		if doc, err = patchOne(doc, names, o.Op, v); err != nil {
			t.Fatalf("%s %s: %v", o.Op, o.Path, err)
		}
	}
	return doc
}

func patchOne(at any, names []string, op string, v any) (any, error) {
	name, rest := names[0], names[1:]
	switch at := at.(type) {
	case map[string]any:
		inner, ok := at[name]
		if !ok && (len(rest) > 0 || op != "add") {
			return nil, fmt.Errorf("there is no %q", name)
		}
		switch {
		case len(rest) > 0:
			var err error
			at[name], err = patchOne(inner, rest, op, v)
			return at, err
		case op == "remove":
			delete(at, name)
		default:
			at[name] = v
		}
		return at, nil
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i > len(at) || i == len(at) && (len(rest) > 0 || op != "add") {
			return nil, fmt.Errorf("there is no %q in %d elements", name, len(at))
		}
		switch {
		case len(rest) > 0:
			at[i], err = patchOne(at[i], rest, op, v)
			return at, err
		case op == "remove":
			return slices.Delete(at, i, i+1), nil
		case op == "add":
			return slices.Insert(at, i, v), nil
		}
		at[i] = v
		return at, nil
	}
	return nil, fmt.Errorf("%T has nothing inside", at)
}

func parsed(t testing.TB, b []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

// traced is a document built by Trace from its commits.
func traced(t testing.TB, bodies [][]byte, bound int) *Document {
	t.Helper()
	d := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
	for i, b := range bodies {
		if _, err := d.Trace(uint64(i+1), b, false); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// TestTrace plays, and demands of each commit that tracing it leads to the
// same document as replaying it, that its patch leads from the JSON before to
// the JSON after, and that its deltas say what is there.
func TestTrace(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(80) {
			d, _, bodies := create(t, seedNote, bound)
			p := newPlayer(d, seed, 20)
			twin := traced(t, bodies, bound)
			for step := range 20 {
				what := fmt.Sprintf("bound %d seed %d step %d", bound, seed, step)
				p.some(t)
				for _, c := range d.Seal() {
					seq := d.base + 1
					before := parsed(t, twin.root.AppendJSON(nil))
					tr, err := twin.Trace(seq, c.Body, true)
					if err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					after := parsed(t, twin.root.AppendJSON(nil))
					if got := patched(t, before, tr.Ops); !reflect.DeepEqual(got, after) {
						t.Fatalf("%s: patched to\n%v\nwant\n%v\nby %+v", what, got, after, tr.Ops)
					}
					checkTraced(t, what, twin, tr.Deltas)
					d.Stored(c, seq)
				}
				if !bytes.Equal(d.content(), twin.content()) {
					t.Fatalf("%s: traced to something else", what)
				}
			}
		}
	}
}

// checkTraced holds that each delta's path leads to its new value.
func checkTraced(t testing.TB, what string, d *Document, ts []Traced) {
	t.Helper()
	whole := parsed(t, d.root.AppendJSON(nil))
	for i := range ts {
		x := &ts[i]
		if x.Renamed() != nil || !x.Has || !x.N.base().stored() {
			continue
		}
		at := whole
		for _, s := range strings.Split(x.At.Pointer(), "/")[1:] {
			switch v := at.(type) {
			case map[string]any:
				at = v[strings.NewReplacer("~1", "/", "~0", "~").Replace(s)]
			case []any:
				n, _ := strconv.Atoi(s)
				at = v[n]
			}
		}
		s, isText := x.Val.(string)
		if text, _ := at.(string); isText && s != text {
			t.Fatalf("%s: %s is %q and not %v", what, x.At, s, at)
		}
		if n, ok := x.Val.(*Node); ok && !reflect.DeepEqual(x.New, n.plain()) {
			t.Fatalf("%s: %s is %v", what, x.At, x.New)
		}
	}
	if len(ts) > 0 && ts[0].Delta.Traced() != &ts[0] {
		t.Fatalf("%s: a delta does not find itself", what)
	}
}

// TestBecome plays, and turns the document back to earlier versions: what is
// stored then replays to the very state of that version.
func TestBecome(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(100) {
			d, _, bodies := create(t, seedNote, bound)
			p := newPlayer(d, seed, 21)
			for step := range 12 {
				what := fmt.Sprintf("bound %d seed %d step %d", bound, seed, step)
				p.some(t)
				if bodies = store(d, bodies); p.r.IntN(3) > 0 {
					continue
				}
				at := 1 + p.r.IntN(len(bodies))
				then := replayed(t, bodies[:at], bound)
				ts := Difference(replayed(t, bodies, bound), replayed(t, bodies[:at], bound))
				fails := p.r.IntN(4) == 0
				before := d.content()
				fresh := p.r.IntN(5) == 0
				_, err := root(d).Update(func(unsafe.Pointer) error {
					d.Become(then, fresh)
					if fails {
						return ErrConflict
					}
					return nil
				}, Cause{})
				if fails != (err != nil) {
					t.Fatalf("%s: %v", what, err)
				}
				want := replayed(t, bodies[:at], bound)
				if fails {
					if !bytes.Equal(d.content(), before) {
						t.Fatalf("%s: rolled back to something else", what)
					}
					continue
				}
				checkHolders(t, d)
				bodies = store(d, bodies)
				again := replayed(t, bodies, bound)
				equalNotes(t, what, storedPart(d), storedPart(want))
				equalNotes(t, what, storedPart(again), storedPart(want))
				if !fresh && !bytes.Equal(d.content(), want.content()) || !bytes.Equal(again.content(), d.content()) {
					t.Fatalf("%s: ids or keys differ", what)
				}
				checkHolders(t, d)
				if same := bytes.Equal(before, want.content()); same != (len(ts) == 0) {
					t.Fatalf("%s: %d deltas lead there, the same: %v", what, len(ts), same)
				}
			}
		}
	}
}
