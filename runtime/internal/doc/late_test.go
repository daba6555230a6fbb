package doc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// later builds a document as loading does, the first commit having a sequence.
// After an error it gives what was there before.
func later(typ *Type, bound int, seq uint64, checkpoint []byte, bodies [][]byte) (d *Document, done int, err error) {
	d = New(typ, ID{1}, &host{}, Options{KeyBound: bound})
	defer d.Loaded()
	if checkpoint != nil {
		if err := d.Load(seq-1, checkpoint); err != nil {
			return d, 0, err
		}
	}
	for i, b := range bodies {
		if err := d.Later(seq+uint64(i), b); err != nil {
			return d, i, err
		}
	}
	return d, len(bodies), nil
}

// sameLater demands that loading gives the document that d is, byte for byte.
func sameLater(d *Document, seq uint64, checkpoint []byte, bodies [][]byte) error {
	e, done, err := later(d.root.typ, d.opts.KeyBound, seq, checkpoint, bodies)
	if err != nil {
		return fmt.Errorf("commit %d, later: %w", done, err)
	}
	if e.base != d.base || !bytes.Equal(e.content(), d.content()) {
		return fmt.Errorf("later it is at %d\n%x\nand not at %d\n%x", e.base, e.content(), d.base, d.content())
	}
	return nil
}

// TestLater replays histories that mostly set fields, at once and later, up to
// a commit that may be damaged: both give the same document and refuse the same.
func TestLater(t *testing.T) {
	refused, kept := 0, 0
	for seed := range rounds(150) {
		r := rand.New(rand.NewPCG(seed, 40))
		d, _, bodies := create(t, seedNote, 64)
		p := newPlayer(d, seed, 41)
		for range 30 {
			for range 1 + r.IntN(3)/2 {
				setSome(t, d, p, r)
			}
			bodies = store(d, bodies)
		}
		first := 1 + r.IntN(len(bodies)-1)
		checkpoint := replayed(t, bodies[:first], 64).content()
		rest := slices.Clone(bodies[first:])
		if i := r.IntN(len(rest)); seed%3 == 0 && len(rest[i]) > 0 {
			rest[i] = slices.Clone(rest[i])
			rest[i][r.IntN(len(rest[i]))] ^= 1 << r.IntN(8)
		}
		at := New(noteType, ID{1}, &host{}, Options{KeyBound: 64})
		if err := at.Load(uint64(first), checkpoint); err != nil {
			t.Fatal(err)
		}
		var want error
		did := 0
		for ; did < len(rest) && want == nil; did++ {
			if want = at.Replay(uint64(first+did+1), rest[did]); want != nil {
				break
			}
		}
		e, done, err := later(noteType, 64, uint64(first+1), checkpoint, rest)
		if fmt.Sprint(err) != fmt.Sprint(want) || done != did {
			t.Fatalf("seed %d: commit %d: %v; at once %d: %v", seed, done, err, did, want)
		}
		if e.base != at.base || !bytes.Equal(e.content(), at.content()) {
			t.Fatalf("seed %d: version %d, at once %d; the content differs", seed, e.base, at.base)
		}
		checkHolders(t, e)
		if err != nil {
			refused++
		} else {
			kept++
		}
	}
	if refused == 0 || kept == 0 {
		t.Fatalf("%d refused, %d kept: nothing was compared", refused, kept)
	}
}

// setSome sets a field of the root or of its section, clears one, or does what
// a player does.
func setSome(t *testing.T, d *Document, p *player, r *rand.Rand) {
	text := fmt.Sprint(r.IntN(1000))
	switch r.IntN(8) {
	case 0, 1, 2:
		do(root(d), func(n *Node) { setText(n, fTitle, text) })
	case 3:
		do(root(d), func(n *Node) { setText(n.inner(n.typ.query), 0, text) })
	case 4, 5:
		due := time.Unix(int64(r.IntN(1000)), 0).UTC()
		do(root(d), func(n *Node) { n.SetLeaf(n.typ.byName["due"], unsafe.Pointer(&due)) })
	case 6:
		do(root(d), func(n *Node) { n.ClearLeaf(n.typ.byName["due"]) })
	default:
		p.some(t)
	}
}

// FuzzLater replays two bodies by turns, after one that sets a field, at once and
// later: both give the same document and refuse the same.
func FuzzLater(f *testing.F) {
	content, bodies := history(f, 1)
	for i, b := range bodies[1:] {
		f.Add(b, bodies[1+(i+1)%(len(bodies)-1)])
	}
	title := bodyOf(setTo("title", wire.AppendString(nil, "a")))
	f.Add(title, title)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, typ := range []*Type{newType, oldType} {
			tryLater(t, typ, content, [][]byte{title, a, b, title, b, a, a})
		}
	})
}

// tryLater replays bodies at once and later, passing over those that are refused.
func tryLater(t testing.TB, typ *Type, content []byte, bodies [][]byte) {
	t.Helper()
	var ds [2]*Document
	for i := range ds {
		ds[i] = New(typ, ID{1}, &host{}, Options{KeyBound: 6})
		if err := ds[i].Load(1, content); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range bodies {
		at := ds[0].base + 1
		want, got := ds[0].Replay(at, b), ds[1].Later(at, b)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("body %d: %v, at once %v", i, got, want)
		}
	}
	for _, d := range ds {
		d.Loaded()
	}
	if ds[0].base != ds[1].base || !bytes.Equal(ds[0].content(), ds[1].content()) {
		t.Fatalf("at %d it is\n%x\nat once, at %d,\n%x", ds[1].base, ds[1].content(), ds[0].base, ds[0].content())
	}
	checkHolders(t, ds[1])
}

// setTo is a delta that sets a field to a value in the stored form.
func setTo(field string, v []byte) []byte {
	b := wire.AppendInt(wire.AppendArray(nil, 3), opModify)
	return append(wire.AppendString(b, field), v...)
}

// bodyOf is a body of deltas.
func bodyOf(deltas ...[]byte) []byte {
	return append(wire.AppendArray(nil, len(deltas)), slices.Concat(deltas...)...)
}

// TestLaterMakesOne demands that of values which are set anew only the last is
// made, and only when all is loaded.
func TestLaterMakesOne(t *testing.T) {
	d, _, bodies := create(t, seedNote, 64)
	for i := range 5 {
		do(root(d), func(n *Node) { setText(n, fTitle, fmt.Sprint("title ", i)) })
		bodies = store(d, bodies)
	}
	e := New(noteType, ID{1}, &host{}, Options{KeyBound: 64})
	title := (*string)(e.root.ptr(fTitle))
	created := ""
	for i, b := range bodies {
		if err := e.Later(uint64(i+1), b); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			created = *title
		} else if *title != created {
			t.Fatalf("after %d commits it is %q already", i, *title)
		}
	}
	if e.Loaded(); *title != "title 4" || !bytes.Equal(e.content(), d.content()) {
		t.Fatalf("the title is %q", *title)
	}
}

// TestLaterOtherBytes sets one field by places that are the same and have other
// bytes: the last in stored order wins.
func TestLaterOtherBytes(t *testing.T) {
	_, _, bodies := create(t, seedNote, 64)
	set := func(place []byte, value string) {
		b := wire.AppendInt(wire.AppendArray(wire.AppendArray(nil, 1), 3), opModify)
		bodies = append(bodies, wire.AppendString(append(b, place...), value))
	}
	short := wire.AppendString(nil, "title")
	long := append([]byte{0xd9, 5}, "title"...)
	for i, place := range [][]byte{short, long, long, short, long, short, short} {
		set(place, fmt.Sprint(i))
	}
	if err := sameLater(replayed(t, bodies, 64), 1, nil, bodies); err != nil {
		t.Fatal(err)
	}
}

// TestLaterFormer sets fields under the names that they had, again and again,
// to values as they were then.
func TestLaterFormer(t *testing.T) {
	var edits []func(*Node)
	for i := range 4 {
		edits = append(edits, func(n *Node) {
			n.SetLeaf(n.typ.byName["due"], unsafe.Pointer(&i))
			setText(n, n.typ.byName["title"], fmt.Sprint("title ", i))
		})
	}
	_, bodies := pasts(t, Past{Title: "t", Due: new(int), Rank: "9", Same: "s"}, edits...)
	d, err := loadPresent(nil, bodies...)
	if err != nil {
		t.Fatal(err)
	}
	if v := presentation[Present](d); v.Day != 30 || v.Head != "title 3" {
		t.Fatalf("%+v", v)
	}
}

// TestLaterRefuses replays what does not fit after commits that set the same
// fields: it is refused as at once, and nothing of it stays.
func TestLaterRefuses(t *testing.T) {
	title := setTo("title", wire.AppendString(nil, "a"))
	due := setTo("due", wire.AppendTime(nil, time.Unix(1, 0)))
	gone := wire.AppendString(wire.AppendInt(wire.AppendArray(nil, 2), opDelete), "due")
	for _, c := range []struct {
		name string
		last [][]byte
	}{
		{"twice", [][]byte{bodyOf(title, title)}},
		{"a number for a text", [][]byte{bodyOf(setTo("title", wire.AppendInt(nil, 1)))}},
		{"cleared before", [][]byte{bodyOf(gone), bodyOf(due)}},
		{"too long", [][]byte{append(bodyOf(title), 0)}},
		{"too short", [][]byte{bodyOf(title)[:len(bodyOf(title))-1]}},
		{"one of two", [][]byte{bodyOf(title, setTo("due", wire.AppendInt(nil, 1)))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, bodies := create(t, seedNote, 64)
			insert := slices.Clone(due)
			insert[1] = opInsert
			if replayed(t, bodies, 64).root.has(noteType.byName["due"]) {
				insert = slices.Clone(due)
			}
			bodies = append(bodies, bodyOf(insert), bodyOf(due), bodyOf(title), bodyOf(due, setTo("title", wire.AppendString(nil, "b"))))
			bodies = append(bodies, c.last[:len(c.last)-1]...)
			want := replayed(t, bodies, 64)
			d, done, err := later(noteType, 64, 1, nil, append(bodies, c.last[len(c.last)-1]))
			if err == nil || done != len(bodies) {
				t.Fatalf("commit %d of %d: %v", done, len(bodies), err)
			}
			if d.base != want.base || !bytes.Equal(d.content(), want.content()) {
				t.Fatal("what was refused has changed something")
			}
		})
	}
}

// TestLaterPassedOver replays bodies in which a delta is passed over in front of
// one that sets a field: what is remembered of the field is that one alone.
func TestLaterPassedOver(t *testing.T) {
	_, creation := early(t, Early{Place: "here"})
	var id ID
	copy(id[:], derivedMark[:])
	text := wire.AppendExt(wire.AppendArray(wire.AppendInt(wire.AppendArray(nil, 3), opModify), 2), extNode, id[:])
	text = wire.AppendString(wire.AppendString(text, "text"), "of an object that is not here")
	place := setTo("place", wire.AppendString(nil, "there"))
	two := slices.Concat(bodyOf(place)[:1], text, place) // where it says one
	bodies := [][]byte{creation, bodyOf(text, place), bodyOf(place), two}
	d, done, err := later(earlyType, 64, 1, nil, bodies)
	if err == nil || done != 3 {
		t.Fatalf("%d of %d: %v", done, len(bodies), err)
	}
	if got := presentation[Early](d).Place; got != "there" {
		t.Fatalf("the place is %q", got)
	}
}

// TestLaterComesBack sets a value of an object that goes and comes back under its
// id, which is another object then.
func TestLaterComesBack(t *testing.T) {
	d, _, bodies := create(t, Note{Tasks: []Task{{Text: "a"}}}, 64)
	then := replayed(t, bodies, 64)
	set := func(text string) {
		do(root(d), func(n *Node) { setText(n.List(fTasks).Node(0), fText, text) })
		bodies = store(d, bodies)
	}
	set("b")
	set("c")
	do(root(d), func(n *Node) { n.List(fTasks).Remove(0, 1) })
	bodies = store(d, bodies)
	if _, err := root(d).Update(func(unsafe.Pointer) error { d.Become(then, false); return nil }, Cause{}); err != nil {
		t.Fatal(err)
	}
	bodies = store(d, bodies)
	set("d")
	set("e")
	if err := sameLater(d, 1, nil, bodies); err != nil {
		t.Fatal(err)
	}
}
