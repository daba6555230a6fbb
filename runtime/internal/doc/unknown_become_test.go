package doc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"
)

// unknowns gives what every object and required struct of a document has in
// unknown places, objects in these by their ids.
func unknowns(d *Document) map[string]string {
	all := map[string]string{}
	d.root.nodes(func(n *Node) {
		n.inners(func(in *Node) {
			if in.unknown != nil && len(in.unknown.keys) > 0 {
				all[fmt.Sprintf("%x %s", n.id, within(in, n))] = outline(in.unknown)
			}
		})
	})
	return all
}

// within names the required structs that lead from an object to one in it.
func within(in, n *Node) (names string) {
	for ; in != n; in = in.up.n {
		names = in.up.n.typ.Fields[in.up.f].Name + "." + names
	}
	return names
}

func outline(m *members) string {
	var b bytes.Buffer
	for i, u := range m.vals {
		switch {
		case u.node != nil:
			fmt.Fprintf(&b, "%x=%x ", m.keys[i], u.node.id)
		case u.members != nil:
			fmt.Fprintf(&b, "%x={%s} ", m.keys[i], outline(u.members))
		default:
			fmt.Fprintf(&b, "%x=%x ", m.keys[i], u.raw)
		}
	}
	return b.String()
}

// shown is a document as a plain struct, nil and empty the same.
func shown(d *Document) string {
	v := reflect.New(d.root.typ.plain)
	d.root.Snapshot(v.UnsafePointer())
	return fmt.Sprintf("%+v", dereferenced(v.Elem()))
}

// dereferenced replaces pointers by what they point to.
func dereferenced(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return []any{dereferenced(v.Elem())}
	case reflect.Struct:
		var fields []any
		for i := range v.NumField() {
			fields = append(fields, dereferenced(v.Field(i)))
		}
		return fields
	case reflect.Slice:
		var elements []any
		for i := range v.Len() {
			elements = append(elements, dereferenced(v.Index(i)))
		}
		return elements
	case reflect.Map:
		elements := map[any]any{}
		for _, k := range v.MapKeys() {
			elements[k.Interface()] = dereferenced(v.MapIndex(k))
		}
		return elements
	}
	return v.Interface()
}

// TestUnknownBecome has an older program revert a document to any of its
// versions, between changes of both programs to all that they know: it then
// shows that version; what it does not know stays as it is in every object that
// stays, at every depth, and is as of the version in those that come back; and
// the newer program reads the same out of the commit.
func TestUnknownBecome(t *testing.T) {
	kept, back := 0, 0
	for seed := range rounds(6) {
		s := scribbler{rand.New(rand.NewPCG(seed, 40))}
		opts := Options{KeyBound: bounds[seed%2]}
		plain := OldThing{Title: "t", Items: []OldItem{{Text: "1", Sub: []OldItem{{Text: "2", Sub: []OldItem{{Text: "3"}}}}}}}
		first := New(oldType, NewID(), &host{}, opts)
		first.Init(unsafe.Pointer(&plain), nil)
		p, err := first.Create(Cause{})
		if err != nil {
			t.Fatal(err)
		}
		log := [][]byte{p.Body}
		open := func(typ *Type, version int) *Document {
			d := New(typ, first.ID, &host{}, opts)
			for i, b := range log[:version] {
				if err := d.Replay(uint64(i)+1, b); err != nil {
					t.Fatalf("seed %d: version %d of %d: %v", seed, i+1, version, err)
				}
			}
			d.Loaded()
			return d
		}
		// agree holds that the newer program reads the same out of the commits and
		// out of what the older one, which has read these, writes of it.
		agree := func(what string, d *Document) {
			t.Helper()
			newer, straight := New(newType, first.ID, &host{}, opts), open(newType, len(log))
			if err := newer.Load(uint64(len(log)), d.content()); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			newer.Loaded()
			if !bytes.Equal(knows(t, newer), knows(t, straight)) {
				t.Fatalf("%s: the newer program reads in the commits\n%s\nand in the checkpoint\n%s", what, shown(straight), shown(newer))
			}
		}
		change := func(d *Document, fn func()) {
			do(root(d), func(*Node) { fn() })
			for _, c := range d.Seal() {
				d.Stored(c, d.base+1)
				log = append(log, c.Body)
			}
		}
		for turn := range 40 {
			for _, typ := range []*Type{newType, oldType} {
				d := open(typ, len(log))
				change(d, func() {
					for range 1 + s.r.IntN(6) {
						s.scribble(d)
					}
				})
			}
			what := fmt.Sprintf("seed %d turn %d", seed, turn)
			d, to := open(oldType, len(log)), 1+s.r.IntN(len(log))
			agree(what+", before", d)
			then, before, had := open(oldType, to), unknowns(d), d.byID()
			was := unknowns(then)
			change(d, func() { d.Become(open(oldType, to), false) })
			if got, want := shown(d), shown(then); got != want {
				t.Fatalf("%s: reverted to version %d it shows\n%s, not\n%s", what, to, got, want)
			}
			checkHolders(t, d)
			agree(what, d)
			after := unknowns(d)
			d.root.nodes(func(n *Node) {
				n.inners(func(in *Node) {
					at := fmt.Sprintf("%x %s", n.id, within(in, n))
					switch {
					case n == d.root || had[n.id] != nil:
						if after[at] != before[at] {
							t.Fatalf("%s: what is not known of %s was\n%q, and is\n%q", what, at, before[at], after[at])
						}
						kept += len(after[at])
					case len(was[at]) > 0:
						back++
						if len(after[at]) == 0 {
							t.Fatalf("%s: %s came back without what is not known of it, %q", what, at, was[at])
						}
					}
				})
			})
		}
	}
	if kept < 1000 || back < 20 {
		t.Errorf("%d bytes were kept, and %d objects came back", kept, back)
	}
}
