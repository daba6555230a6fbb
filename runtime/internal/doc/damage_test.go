package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// history makes a document of the newer model with some commits.
func history(t testing.TB, seed uint64) (content []byte, bodies [][]byte) {
	s := scribbler{rand.New(rand.NewPCG(seed, 30))}
	d := New(newType, ID{1}, &host{}, Options{KeyBound: 6})
	v := NewThing{Title: "t", Items: []NewItem{{Text: "1", Parts: []NewItem{{Text: "2"}}}, {Text: "3"}}}
	d.Init(unsafe.Pointer(&v), nil)
	p, err := d.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	d.Stored(p, 1)
	bodies = append(bodies, p.Body)
	for range 12 {
		for range 1 + s.r.IntN(6) {
			do(root(d), func(*Node) { s.scribble(d) })
		}
		for _, p := range d.Seal() {
			bodies = append(bodies, p.Body)
			d.Stored(p, d.base+1)
		}
	}
	return d.content(), bodies
}

// healthy demands that a document which bytes were read into is one that can
// be shown, walked and stored again.
func healthy(t testing.TB, d *Document) {
	t.Helper()
	checkHolders(t, d)
	content := d.content()
	again := New(d.root.typ, d.ID, &host{}, d.opts)
	if err := again.Load(1, content); err != nil {
		t.Fatalf("its checkpoint does not load: %v", err)
	}
	if !bytes.Equal(canon(t, again), canon(t, d)) {
		t.Fatal("its checkpoint loads as something else")
	}
	shared := false // a plain struct would have it in each place
	d.root.nodes(func(n *Node) { shared = shared || len(n.more) > 0 })
	if !shared {
		_ = d.root.plain()
		_ = d.section()
	}
}

// canon is the content in the order of fields that the program has which knows
// them all: another writes those that it does not know last.
func canon(t testing.TB, d *Document) []byte {
	t.Helper()
	if d.root.typ != oldType {
		return d.content()
	}
	c := New(newType, d.ID, &host{}, d.opts)
	if err := c.Load(1, d.content()); err != nil {
		return nil // damaged where the older program cannot tell
	}
	return c.content()
}

// tryLoad reads bytes as a checkpoint.
func tryLoad(t testing.TB, typ *Type, b []byte) {
	t.Helper()
	var err error
	d := frugal(t, b, func() *Document {
		return New(typ, ID{1}, &host{}, Options{KeyBound: 6})
	}, func(d *Document) { err = d.Load(1, b) })
	if err == nil {
		healthy(t, d)
	} else if !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%v is not ErrCorrupt", err)
	}
}

// tryReplay reads bytes as a commit on a document.
func tryReplay(t testing.TB, typ *Type, content, b []byte) {
	t.Helper()
	var before []byte
	var err error
	d := frugal(t, b, func() *Document {
		d := New(typ, ID{1}, &host{}, Options{KeyBound: 6})
		if err := d.Load(1, content); err != nil {
			t.Fatal(err)
		}
		before = canon(t, d)
		return d
	}, func(d *Document) { err = d.Replay(2, b) })
	if err == nil {
		healthy(t, d)
		return
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%v is not ErrCorrupt", err)
	}
	if version, _ := d.Version(); version != 1 || !bytes.Equal(canon(t, d), before) {
		t.Fatalf("%v: and yet the document changed", err)
	}
	healthy(t, d)
	if len(d.index) != countNodes(d) {
		t.Fatalf("%v: %d objects are known, %d are there", err, len(d.index), countNodes(d))
	}
}

func countNodes(d *Document) (count int) {
	d.root.nodes(func(*Node) { count++ })
	return count - 1
}

// What reading may take for each byte of its input, and at all; and what an
// object is in memory that takes no more than that: one that takes more because
// its struct has more fields than its stored form is what it is. See S1.
const (
	perByte = 16
	atAll   = 4 << 10
	lean    = 192
)

// frugal reads on a fresh document and gives it back. It demands that reading
// allocates in proportion to its input, to the byte; what seems to be too much is
// measured again, as the test's own goroutines allocate now and then, too.
func frugal(t testing.TB, input []byte, fresh func() *Document, read func(*Document)) *Document {
	t.Helper()
	for times := 1; ; times++ {
		d := fresh()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read(d)
		runtime.ReadMemStats(&after)
		got, most := after.TotalAlloc-before.TotalAlloc, uint64(perByte*len(input)+atAll)
		most += uint64(bytes.Count(input, []byte{0xd8, extNode})) * wide(d.root.typ, map[*Type]bool{})
		if got <= most || racing {
			return d
		}
		if times == 3 {
			t.Fatalf("%d bytes of input took %d bytes of memory, %d would be all right: %x", len(input), got, most, input)
		}
	}
}

// wide is by how much the largest object of a type, or in it, is beyond lean.
func wide(typ *Type, seen map[*Type]bool) (by uint64) {
	if seen[typ] {
		return 0
	}
	seen[typ] = true
	by = uint64(max(0, int(typ.state.Size())-lean))
	for i := range typ.Fields {
		if in := typ.Fields[i].typ; in != nil {
			by = max(by, wide(in, seen))
		}
	}
	return by
}

// TestDamage changes stored bytes in small ways: what comes of it is refused
// without a trace, or is a sound document.
func TestDamage(t *testing.T) {
	for seed := range rounds(2) {
		content, bodies := history(t, seed)
		r := rand.New(rand.NewPCG(seed, 31))
		damage := func(b []byte) []byte {
			b = slices.Clone(b)
			for range 1 + r.IntN(3) {
				if len(b) == 0 {
					break
				}
				i := r.IntN(len(b))
				switch r.IntN(5) {
				case 0:
					b[i] ^= 1 << r.IntN(8)
				case 1:
					b[i] = byte(r.IntN(256))
				case 2:
					b = b[:i]
				case 3: // something of another place
					j := r.IntN(len(content))
					b = slices.Concat(b[:i], content[j:min(len(content), j+r.IntN(40))], b[i:])
				case 4:
					b = slices.Delete(b, i, min(len(b), i+1+r.IntN(20)))
				}
			}
			return b
		}
		for i := range 3000 {
			typ := []*Type{newType, oldType}[i%2]
			tryLoad(t, typ, damage(content))
			tryReplay(t, typ, content, damage(bodies[1+r.IntN(len(bodies)-1)]))
		}
	}
}

// FuzzLoad reads anything as a checkpoint.
func FuzzLoad(f *testing.F) {
	for seed := range uint64(3) {
		content, _ := history(f, seed)
		f.Add(content)
	}
	f.Add(hostile(4))
	f.Fuzz(func(t *testing.T, b []byte) {
		tryLoad(t, newType, b)
		tryLoad(t, oldType, b)
	})
}

// FuzzReplay reads anything as a commit.
func FuzzReplay(f *testing.F) {
	content, bodies := history(f, 1)
	for _, b := range bodies {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tryReplay(t, newType, content, b)
		tryReplay(t, oldType, content, b)
	})
}

// hostile is a checkpoint of objects that nest so deep.
func hostile(depth int) []byte {
	b := wire.AppendArray(nil, 2)
	b = wire.AppendInt(b, checkpointVersion)
	for i := range depth {
		b = wire.AppendMap(b, 1)
		b = wire.AppendString(b, map[bool]string{true: "boss", false: "lid"}[i == 0])
		b = wire.AppendArray(b, 2)
		b = wire.AppendExt(b, extNode, append([]byte{11: 1}, byte(i>>24), byte(i>>16), byte(i>>8), byte(i)))
	}
	return wire.AppendMap(b, 0)
}

// TestHostileDepth reads nests that are deeper than any stack.
func TestHostileDepth(t *testing.T) {
	d := New(newType, ID{1}, &host{}, Options{})
	if err := d.Load(1, hostile(maxDepth+1)); !errors.Is(err, errDepth) {
		t.Fatalf("%v", err)
	}
	d = New(newType, ID{1}, &host{}, Options{})
	if err := d.Load(1, hostile(1000)); err != nil {
		t.Fatal(err)
	}
}

// TestDeep stores and loads a document that is deeper than any real one: what
// can be built can be loaded again.
func TestDeep(t *testing.T) {
	const depth = 20_000
	d, _, bodies := create(t, Note{}, 64)
	n, f := d.root, fTasks
	for i := range depth {
		do(root(d), func(*Node) { insertTasks(n, f, 0, Task{Text: "x"}) })
		n, f = n.List(f).Node(0), fSub
		if i%5000 == 4999 {
			bodies = store(d, bodies)
		}
	}
	if !bytes.Equal(replayed(t, bodies, 64).content(), d.content()) {
		t.Fatal("replayed as something else")
	}
	fromCheckpoint(t, d, 64)
}

// TestHostileBodies are refused one by one, with a text that tells why.
// (destam 147, 369, 386 to 388)
func TestHostileBodies(t *testing.T) {
	d, _, _ := create(t, Note{Tasks: []Task{{Text: "1", Sub: []Task{{Text: "2"}}}}, Tags: []string{"a", "b"}}, 64)
	content := d.content()
	top := d.root.List(fTasks).Node(0)
	sub := top.List(fSub).Node(0)
	key := func(l *List, i int) []byte { return []byte(l.cells.Key(i)) }
	tags := d.root.List(fTags)
	taken := key(tags, 0)
	type delta = []byte
	del := func(b []byte, parts ...func([]byte) []byte) []byte {
		b = wire.AppendArray(b, len(parts))
		for _, p := range parts {
			b = p(b)
		}
		return b
	}
	i := func(v int64) func([]byte) []byte { return func(b []byte) []byte { return wire.AppendInt(b, v) } }
	str := func(v string) func([]byte) []byte { return func(b []byte) []byte { return wire.AppendString(b, v) } }
	ext := func(typ int8, v []byte) func([]byte) []byte {
		return func(b []byte) []byte { return wire.AppendExt(b, typ, v) }
	}
	keys := func(k ...byte) func([]byte) []byte {
		return ext(extKeys, pos.AppendKeys(nil, []pos.Key{pos.Key(k)}))
	}
	ref := func(n *Node) func([]byte) []byte { return ext(extNode, n.id[:]) }
	in := func(n *Node, path string) func([]byte) []byte {
		return func(b []byte) []byte { return str(path)(ref(n)(wire.AppendArray(b, 2))) }
	}
	fresh := func(id byte, sub *Node) func([]byte) []byte {
		return func(b []byte) []byte {
			b = wire.AppendExt(wire.AppendArray(b, 2), extNode, append(make([]byte, 15), id))
			if sub == nil {
				return wire.AppendMap(b, 0)
			}
			b = wire.AppendString(wire.AppendMap(b, 1), "sub")
			return ref(sub)(keys(0x21)(wire.AppendArray(b, 2)))
		}
	}
	for _, c := range []struct {
		name   string
		deltas []delta
		fits   bool
	}{
		{"a value", []delta{del(nil, i(opModify), str("title"), str("x"))}, true},
		{"a slot twice", []delta{
			del(nil, i(opModify), str("title"), str("x")), del(nil, i(opModify), str("title"), str("y"))}, false},
		{"an insert of what is there", []delta{del(nil, i(opInsert), str("title"), str("x"))}, false},
		{"an optional value", []delta{del(nil, i(opInsert), str("boss"), fresh(1, nil))}, true},
		{"a delete of what is not there", []delta{del(nil, i(opDelete), str("boss"))}, false},
		{"a key that is taken", []delta{del(nil, i(opInsert+opElement), str("tags"), ext(extKey, taken), str("x"))}, false},
		{"a key that is no position", []delta{del(nil, i(opInsert+opElement), str("tags"), ext(extKey, []byte{0, 0}), str("x"))}, false},
		{"an element by its number", []delta{del(nil, i(opModify+opElement), str("tags"), i(0), str("x"))}, false},
		{"a value of another type", []delta{del(nil, i(opModify), str("title"), i(1))}, false},
		{"a number that is too large", []delta{del(nil, i(opModify+opElement), str("rooms"), i(1<<40), fresh(1, nil))}, false},
		{"a delete of a plain field", []delta{del(nil, i(opDelete), str("title"))}, true},
		{"a required object", []delta{del(nil, i(opModify), str("query"), fresh(1, nil))}, false},
		{"an inside where there is none", []delta{del(nil, i(opModify), str("title.x"), str("x"))}, false},
		{"an unknown object", []delta{del(nil, i(opModify), in(&Node{id: ID{9}}, "text"), str("x"))}, false},
		{"a reference to nothing", []delta{del(nil, i(opInsert), str("boss"), ref(&Node{id: ID{9}}))}, false},
		{"an object without an id", []delta{del(nil, i(opInsert), str("boss"), fresh(0, nil))}, false},
		{"an id that is taken", []delta{del(nil, i(opInsert), str("boss"),
			func(b []byte) []byte { return wire.AppendMap(ref(top)(wire.AppendArray(b, 2)), 0) })}, false},
		{"an object twice", []delta{
			del(nil, i(opInsert), str("boss"), fresh(1, nil)),
			del(nil, i(opInsert+opElement), str("tasks"), ext(extKey, []byte{0x30}), fresh(1, nil))}, false},
		{"an object in two places", []delta{
			del(nil, i(opInsert), str("boss"), fresh(1, nil)),
			del(nil, i(opInsert+opElement), str("tasks"), ext(extKey, []byte{0x30}), ref(&Node{id: ID{15: 1}}))}, true},
		{"a cycle", []delta{del(nil, i(opInsert+opElement), in(sub, "sub"), ext(extKey, []byte{0x21}), ref(top))}, false},
		{"a cycle through something new", []delta{
			del(nil, i(opInsert+opElement), in(sub, "sub"), ext(extKey, []byte{0x21}), fresh(1, top))}, false},
		{"below itself before, above now", []delta{
			del(nil, i(opDelete+opElement), in(top, "sub"), ext(extKey, key(top.List(fSub), 0))),
			del(nil, i(opDelete+opElement), str("tasks"), ext(extKey, key(d.root.List(fTasks), 0))),
			del(nil, i(opInsert+opElement), str("tasks"), ext(extKey, []byte{0x30}), ref(sub)),
			del(nil, i(opInsert+opElement), in(sub, "sub"), ext(extKey, []byte{0x21}), ref(top))}, true},
		{"each below the other", []delta{
			del(nil, i(opDelete+opElement), in(top, "sub"), ext(extKey, key(top.List(fSub), 0))),
			del(nil, i(opDelete+opElement), str("tasks"), ext(extKey, key(d.root.List(fTasks), 0))),
			del(nil, i(opInsert+opElement), in(top, "sub"), ext(extKey, []byte{0x30}), ref(sub)),
			del(nil, i(opInsert+opElement), in(sub, "sub"), ext(extKey, []byte{0x21}), ref(top))}, false},
		{"a renumbering", []delta{del(nil, i(opRenumber), str("tags"), i(1),
			keys(taken...), keys(0x20))}, true},
		{"a renumbering that changes the order", []delta{del(nil, i(opRenumber), str("tags"), i(1),
			keys(taken...), keys(0x70))}, false},
		{"a renumbering of what is not there", []delta{del(nil, i(opRenumber), str("tags"), i(1),
			keys(0x50), keys(0x51))}, false},
		{"a second creation", []delta{del(nil, i(opContent), func(b []byte) []byte { return wire.AppendMap(b, 0) })}, false},
		{"too many parts", []delta{del(nil, i(opModify), str("title"), str("x"), str("y"))}, false},
		{"an unknown kind", []delta{del(nil, i(9), str("title"), str("x"))}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := wire.AppendArray(nil, len(c.deltas))
			for _, x := range c.deltas {
				b = append(b, x...)
			}
			tryReplay(t, noteType, content, b)
			d := New(noteType, ID{1}, &host{}, Options{KeyBound: 64})
			if err := d.Load(1, content); err != nil {
				t.Fatal(err)
			}
			if err := d.Replay(2, b); (err == nil) != c.fits {
				t.Fatalf("Replay gave %v", err)
			}
		})
	}
}

// TestFrugal reads what is long in memory and short in its stored form, each
// alone and damaged at its very end.
func TestFrugal(t *testing.T) {
	id := func(b []byte, i int) []byte {
		return wire.AppendExt(b, extNode, []byte{11: 1, 12: byte(i >> 24), 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
	}
	object := func(b []byte, i int) []byte { return wire.AppendMap(id(wire.AppendArray(b, 2), i), 0) }
	keys := func(b []byte, n int) []byte {
		ks, _ := pos.Between("", "", n, 64)
		return wire.AppendExt(wire.AppendArray(b, n+1), extKeys, pos.AppendKeys(nil, ks))
	}
	const n = 3000
	many := func(each func(b []byte, i int) []byte) func(b []byte) []byte {
		return func(b []byte) []byte {
			for i := range n {
				b = each(b, i)
			}
			return b
		}
	}
	zero := func(b []byte, _ int) []byte { return append(b, 0) }
	for name, field := range map[string]struct {
		name  string
		value func(b []byte) []byte
	}{
		"empty strings": {"tags", func(b []byte) []byte {
			return many(func(b []byte, _ int) []byte { return append(b, 0xa0) })(keys(b, n))
		}},
		"empty lists": {"grid", func(b []byte) []byte {
			return many(func(b []byte, _ int) []byte { return append(b, 0x90) })(keys(b, n))
		}},
		"numbers in one": {"grid", func(b []byte) []byte { return many(zero)(wire.AppendArray(keys(b, 1), n)) }},
		"objects":        {"tasks", func(b []byte) []byte { return many(object)(keys(b, n)) }},
		"objects in a map": {"rooms", func(b []byte) []byte {
			return many(func(b []byte, i int) []byte { return object(wire.AppendInt(b, int64(i)), i) })(wire.AppendMap(b, n))
		}},
		"one in many slots": {"rooms", func(b []byte) []byte {
			return many(func(b []byte, i int) []byte {
				if b = wire.AppendInt(b, int64(i)); i == 0 {
					return object(b, 1)
				}
				return id(b, 1)
			})(wire.AppendMap(b, n))
		}},
		"a map": {"meta", func(b []byte) []byte {
			return many(func(b []byte, i int) []byte { return append(wire.AppendString(b, fmt.Sprint(i)), 0) })(wire.AppendMap(b, n))
		}},
		"a map in disorder": {"meta", func(b []byte) []byte {
			return many(func(b []byte, i int) []byte { return append(wire.AppendString(b, fmt.Sprint(n-i)), 0) })(wire.AppendMap(b, n))
		}},
		"unknown numbers": {"unknown", func(b []byte) []byte { return many(zero)(keys(b, n)) }},
		"unknown maps": {"unknown", func(b []byte) []byte {
			return many(func(b []byte, i int) []byte { return append(wire.AppendInt(b, int64(i)), 0x80) })(wire.AppendMap(b, n))
		}},
		"unknown objects": {"unknown", func(b []byte) []byte { return many(object)(keys(b, n)) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := wire.AppendString(wire.AppendMap(nil, 1), field.name)
			b = field.value(b)
			whole := append(wire.AppendInt(wire.AppendArray(nil, 2), checkpointVersion), b...)
			tryLoad(t, noteType, whole)
			tryLoad(t, noteType, whole[:len(whole)-1])
			tryLoad(t, noteType, append(whole, 0))
		})
	}
}

// TestFrugalReplay reads commits of many small deltas, and small ones on large
// lists.
func TestFrugalReplay(t *testing.T) {
	v := Note{Tags: make([]string, 20_000), Meta: map[string]int64{}}
	for i := range 3000 {
		v.Meta[fmt.Sprint(i)] = 1
	}
	d, _, _ := create(t, v, 64)
	content := d.content()
	try := func(name string, b []byte) {
		t.Helper()
		for _, b := range [][]byte{b, b[:len(b)-1], append(b[:len(b):len(b)], 0)} {
			var before []byte
			e := frugal(t, b, func() *Document {
				e := New(noteType, ID{1}, &host{}, Options{KeyBound: 64})
				if err := e.Load(1, content); err != nil {
					t.Fatal(err)
				}
				e.root.List(fTags).Find("") // awake
				e.root.List(fMeta).Find("")
				before = e.content()
				return e
			}, func(e *Document) {
				e.still, e.loading = true, true
				c := e.load(b)
				_, _ = e.read(c)
				e.loaded()
			})
			if !bytes.Equal(e.content(), before) {
				t.Errorf("%s: reading has changed something", name)
			}
		}
	}
	tags := d.root.List(fTags)
	first := tags.cells.Key(0)
	b := wire.AppendString(wire.AppendInt(wire.AppendArray(wire.AppendArray(nil, 1), 5), opRenumber), "tags")
	b = wire.AppendExt(wire.AppendInt(b, 1), extKeys, pos.AppendKeys(nil, []pos.Key{first}))
	try("a renumbering", wire.AppendExt(b, extKeys, pos.AppendKeys(nil, []pos.Key{first + "\x21"})))
	for _, order := range []string{"in order", "shuffled"} {
		b = wire.AppendArray(nil, 3000)
		for i := range 3000 {
			b = wire.AppendString(wire.AppendString(wire.AppendInt(wire.AppendArray(b, 3), opDelete+opElement), "meta"), fmt.Sprint(i))
		}
		try("deletes "+order, reordered(b, order))
		b = wire.AppendArray(nil, 3000)
		for i := range 3000 {
			b = append(wire.AppendString(wire.AppendString(wire.AppendInt(wire.AppendArray(b, 4), opInsert+opElement), "meta"), fmt.Sprint("x", i)), 0)
		}
		try("inserts "+order, reordered(b, order))
	}
}
