package doc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// look builds a lens from root-relative words: a field's index, each, or the
// key of a map as a pointer.
func look(t *Type, steps ...any) *Lens {
	l := NewLens(t)
	for _, s := range steps {
		switch s := s.(type) {
		case int:
			l = l.Into(s)
		case string:
			l = l.At(unsafe.Pointer(&s))
		case *int:
			l = l.At(unsafe.Pointer(s))
		default:
			l = l.Each()
		}
	}
	return l
}

type each struct{}

// anyLens makes a random lens to values.
func anyLens(r *rand.Rand, t *Type) *Lens {
	l := NewLens(t)
	for depth := 0; ; depth++ {
		f := r.IntN(len(l.typ.Fields))
		if depth > 3 && l.typ.Fields[f].typ != nil { // deep enough
			continue
		}
		l = l.Into(f)
		switch fd := l.field; {
		case fd.Kind == Leaf || fd.Kind == OptionalLeaf:
			return l
		case fd.Kind == Inner || fd.Kind == Child:
			continue
		case fd.keys == nil || r.IntN(2) == 0:
			l = l.Each()
		case fd.keys.kind == stringKey:
			k := fmt.Sprint("s", r.IntN(3))
			l = l.At(unsafe.Pointer(&k))
		default:
			k := r.IntN(3) - 1
			l = l.At(unsafe.Pointer(&k))
		}
		if l.typ == nil {
			return l
		}
	}
}

// targets is what a lens leads to, found the plainest way.
func targets(n *Node, steps []step, to map[slot]any) {
	s := steps[0]
	f := int(s.f)
	switch n.typ.Fields[f].Kind {
	case Leaf, OptionalLeaf:
		if has, v := n.value(f); has {
			to[slot{n: n, f: s.f}] = v
		}
	case Inner:
		targets(n.inner(f), steps[1:], to)
	case Child:
		if c := n.Child(f); c != nil {
			targets(c, steps[1:], to)
		}
	default:
		l := n.List(f)
		for i := range l.Len() {
			k := l.cells.Key(i)
			switch {
			case !steps[1].takes(k):
			case len(steps) == 2:
				to[slot{n, l, s.f, k}] = l.elem(i)
			default:
				targets(l.Node(i), steps[2:], to)
			}
		}
	}
}

// places is targets, with one place for a lens that leads to one.
func places(n *Node, l *Lens) map[slot]any {
	there := map[slot]any{}
	targets(n, l.steps, there)
	if l.many {
		return there
	}
	one := map[slot]any{}
	for _, v := range there {
		one[slot{}] = v
	}
	return one
}

// fold is a listener that keeps what it has heard of, place by place.
type fold struct {
	t     *testing.T
	n     *Node
	lens  *Lens
	s     *Subscription
	shown map[slot]any
	heard int
}

func watchFold(t *testing.T, n *Node, l *Lens) *fold {
	f := &fold{t: t, n: n, lens: l, shown: places(n, l)}
	f.s = n.Through(l, true, f.hear)
	return f
}

func (f *fold) hear(c *Commit) {
	if !f.lens.many && len(c.changes) > 1 {
		f.t.Errorf("%d changes of one place", len(c.changes))
	}
	for i := range c.changes {
		x := &c.changes[i]
		f.heard++
		if x.idle() {
			f.t.Errorf("told that nothing changed: %v", x.Val)
		}
		if !x.Had {
			continue
		}
		was, ok := f.shown[x.from]
		if !ok || !f.lens.field.leaf.same(was, x.Prev) {
			f.t.Errorf("heard that it is %v (%v), now that it was %v", was, ok, x.Prev)
		}
		delete(f.shown, x.from)
	}
	moves := map[slot]any{}
	for _, m := range c.moved {
		if v, ok := f.shown[m.from]; ok {
			delete(f.shown, m.from)
			moves[m.to] = v
		}
	}
	for s, v := range moves {
		f.shown[s] = v
	}
	for _, x := range c.changes {
		if x.Has {
			if _, ok := f.shown[x.to]; ok {
				f.t.Errorf("%v comes to a place that has a value", x.Val)
			}
			f.shown[x.to] = x.Val
		}
	}
}

// check compares what was heard with what is there.
func (f *fold) check(where string) {
	f.t.Helper()
	now := places(f.n, f.lens)
	for s, v := range now {
		if was, ok := f.shown[s]; !ok || !f.lens.field.leaf.same(was, v) {
			f.t.Errorf("%s: heard %v (%v), it is %v", where, was, ok, v)
		}
	}
	for s, v := range f.shown {
		if _, ok := now[s]; !ok {
			f.t.Errorf("%s: heard %v, it is gone", where, v)
		}
	}
	count := 0
	for range f.lens.Values(f.n) {
		count++
	}
	if count != len(now) {
		f.t.Errorf("%s: the lens yields %d values, there are %d", where, count, len(now))
	}
	if f.t.Failed() {
		f.t.Fatalf("%s: lens %v", where, f.lens.steps)
	}
}

// TestLensFold holds that what any lens hears, folded, is what it leads to:
// across setters, Updates, those that fail, refusals, moves and sharing.
func TestLensFold(t *testing.T) {
	for _, bound := range bounds {
		total := 0
		for seed := range uint64(150) {
			r := rand.New(rand.NewPCG(seed, 7))
			d, h, _ := create(t, seedNote, bound)
			var folds []*fold
			for range 12 {
				folds = append(folds, watchFold(t, d.root, anyLens(r, noteType)))
			}
			for range 3 { // these may leave the tree, and are watched all the same
				c := anyTask(r, d)
				folds = append(folds, watchFold(t, c, anyLens(r, c.typ)))
			}
			check := func(what string) {
				for _, f := range folds {
					f.check(fmt.Sprintf("bound %d seed %d %s", bound, seed, what))
				}
			}
			seq := uint64(1)
			for range 25 {
				switch r.IntN(5) {
				case 0, 1:
					do(root(d), func(*Node) { mutate(r, root(d)) })
					check("set")
				case 2, 3:
					randomUpdate(r, d)
					check("Update")
				case 4:
					for _, p := range d.Seal() {
						if r.IntN(2) == 0 {
							d.Refuse(p, errors.New("refused"))
							break
						}
						seq++
						d.Stored(p, seq)
					}
					check("refusal")
				}
			}
			for _, f := range folds {
				total += f.heard
				f.s.Stop()
			}
			if d.watching != 0 || d.out.lenses != 0 || h.watched || d.root.watchers != nil {
				t.Fatal("still watched")
			}
		}
		if total < 10_000 {
			t.Errorf("only %d changes were heard", total)
		}
	}
}

// randomUpdate runs mutations in a transaction, some in savepoints, some of
// which fail, as the whole may.
func randomUpdate(r *rand.Rand, d *Document) {
	no := errors.New("no")
	fails := func() error {
		if r.IntN(4) == 0 {
			return no
		}
		return nil
	}
	root(d).Update(func(p unsafe.Pointer) error {
		o := (*Object)(p)
		for range 1 + r.IntN(8) {
			if r.IntN(4) > 0 {
				mutate(r, o)
				continue
			}
			o.Update(func(unsafe.Pointer) error {
				mutate(r, o)
				mutate(r, o)
				return fails()
			}, Cause{})
		}
		return fails()
	}, Cause{})
}

// TestLensDigest has a listener that makes so many commits that those for the
// others are folded, more than once, and demands the same.
func TestLensDigest(t *testing.T) {
	for _, bound := range bounds {
		digested := 0
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 8))
			d, _, _ := create(t, seedNote, bound)
			d.opts.Backlog = 3 + r.IntN(30)
			busy := false
			d.root.Watch(-1, func(*Commit) {
				if busy {
					return
				}
				busy = true
				for range 60 {
					if r.IntN(4) == 0 {
						randomUpdate(r, d)
					} else {
						do(root(d), func(*Node) { mutate(r, root(d)) })
					}
				}
			})
			var bags []*bag
			for range 10 {
				bags = append(bags, newBag(t, d.root, anyLens(r, noteType), &digested))
			}
			for range 3 { // these may leave the tree
				c := anyTask(r, d)
				bags = append(bags, newBag(t, c, anyLens(r, c.typ), &digested))
			}
			for range 3 {
				busy = false
				do(root(d), func(*Node) { setText(d.root, fTitle, fmt.Sprint(r.Int())) })
				for _, b := range bags {
					b.check(fmt.Sprintf("bound %d seed %d", bound, seed))
				}
			}
		}
		if digested < 500 {
			t.Errorf("only %d commits were digested", digested)
		}
	}
}

// bag is a listener that keeps the values that it heard of, without places:
// all that users see.
type bag struct {
	t        *testing.T
	n        *Node
	lens     *Lens
	values   []string
	digested *int
}

func newBag(t *testing.T, n *Node, l *Lens, digested *int) *bag {
	b := &bag{t: t, n: n, lens: l, digested: digested}
	b.values = b.now()
	n.Through(l, true, b.hear)
	return b
}

// now gives what is there, sorted.
func (b *bag) now() []string {
	there := map[slot]any{}
	targets(b.n, b.lens.steps, there)
	var vs []string
	for _, v := range there {
		vs = append(vs, fmt.Sprint(v))
	}
	slices.Sort(vs)
	return vs
}

func (b *bag) hear(c *Commit) {
	if c.Digested {
		*b.digested++
	}
	if !b.lens.many && len(c.changes) > 1 {
		b.t.Errorf("%d changes of one place", len(c.changes))
	}
	for _, x := range c.changes {
		if x.idle() {
			b.t.Errorf("told that nothing changed: %v", x.Val)
		}
		if x.Had {
			i := slices.Index(b.values, fmt.Sprint(x.Prev))
			if i < 0 {
				b.t.Errorf("was %v, which nobody heard of", x.Prev)
				continue
			}
			b.values = slices.Delete(b.values, i, i+1)
		}
	}
	for _, x := range c.changes {
		if x.Has {
			b.values = append(b.values, fmt.Sprint(x.Val))
		}
	}
}

func (b *bag) check(where string) {
	b.t.Helper()
	slices.Sort(b.values)
	if now := b.now(); !slices.Equal(now, b.values) || b.t.Failed() {
		b.t.Fatalf("%s: lens %v: heard %v, there are %v", where, b.lens.steps, b.values, now)
	}
}

// TestLensReader reads now and then: what was missed comes folded.
func TestLensReader(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, bound := range bounds {
		digested := 0
		for seed := range uint64(100) {
			r := rand.New(rand.NewPCG(seed, 9))
			d, h, _ := create(t, seedNote, bound)
			d.opts.Backlog = 2
			readers := map[*LensReader]*bag{}
			for range 6 {
				b := &bag{t: t, n: d.root, lens: anyLens(r, noteType), digested: &digested}
				b.values = b.now()
				readers[d.root.NewLensReader(b.lens, true)] = b
			}
			for range 10 {
				for range r.IntN(20) {
					do(root(d), func(*Node) { mutate(r, root(d)) })
				}
				for reader, b := range readers {
					for c, err := reader.Next(over); err == nil; c, err = reader.Next(over) {
						b.hear(c)
					}
					b.check(fmt.Sprintf("bound %d seed %d", bound, seed))
				}
			}
			for reader := range readers {
				reader.Close()
			}
			if h.watched {
				t.Fatal("still watched")
			}
		}
		if digested < 300 {
			t.Errorf("only %d commits were digested", digested)
		}
	}
}

// TestLensCommits holds that who looks through a lens without asking for
// values gets exactly the deltas on the way to the places, at them and below.
func TestLensCommits(t *testing.T) {
	heard := 0
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 10))
		d, _, _ := create(t, seedNote, 64)
		var whole *Commit
		d.root.Watch(-1, func(c *Commit) { whole = c })
		type watch struct {
			lens *Lens
			got  *Commit
		}
		var all []*watch
		for range 10 {
			w := &watch{lens: anyLens(r, noteType)}
			for len(w.lens.steps) > 1 && r.IntN(2) == 0 { // to objects and lists too
				w.lens = &Lens{steps: w.lens.steps[:len(w.lens.steps)-1]}
			}
			d.root.Through(w.lens, false, func(c *Commit) { w.got = c })
			all = append(all, w)
		}
		for range 20 {
			whole = nil
			for _, w := range all {
				w.got = nil
			}
			if r.IntN(2) == 0 {
				do(root(d), func(*Node) { mutate(r, root(d)) })
			} else {
				randomUpdate(r, d)
			}
			for _, w := range all {
				var want, got []Delta
				if whole != nil {
					want = slices.DeleteFunc(slices.Clone(whole.Deltas), func(x Delta) bool {
						return !leadsTo(d.root, w.lens.steps, &x, nil)
					})
				}
				if w.got != nil {
					got = w.got.Deltas
				}
				same := func(a, b Delta) bool { return a.N == b.N && a.F == b.F && a.Key == b.Key && a.L == b.L }
				if !slices.EqualFunc(got, want, same) {
					t.Fatalf("seed %d lens %v: %d deltas, want %d", seed, w.lens.steps, len(got), len(want))
				}
				heard += len(got)
			}
		}
	}
	if heard < 3000 {
		t.Errorf("only %d deltas were heard", heard)
	}
}

// leadsTo tells whether a delta's slot is met by any route down from n whose
// steps agree with the lens for as long as both last.
func leadsTo(n *Node, steps []step, x *Delta, route []step) bool {
	agrees := func(route []step) bool {
		for i := range min(len(route), len(steps)) {
			a, b := steps[i], route[i]
			if a.kind == into && (b.kind != into || a.f != b.f) || a.kind != into && !a.takes(b.key) {
				return false
			}
		}
		return true
	}
	for f := range n.typ.Fields {
		route := append(slices.Clip(route), step{kind: into, f: int32(f)})
		if x.N == n && int(x.F) == f {
			if x.L != nil {
				route = append(route, step{kind: toKey, key: x.Key})
			}
			return agrees(route)
		}
		found := false
		switch n.typ.Fields[f].Kind {
		case Inner:
			found = leadsTo(n.inner(f), steps, x, route)
		case Child:
			found = n.Child(f) != nil && leadsTo(n.Child(f), steps, x, route)
		case NodeList:
			l := n.List(f)
			for i := 0; i < l.Len() && !found; i++ {
				found = leadsTo(l.Node(i), steps, x, append(slices.Clip(route), step{kind: toKey, key: l.cells.Key(i)}))
			}
		}
		if found {
			return true
		}
	}
	return false
}

// said is a change as a test writes it down.
type said struct {
	Old, New any // nil when absent
}

// listen notes what a lens is told, commit by commit.
func listen(n *Node, l *Lens) *[][]said {
	var all [][]said
	n.Through(l, true, func(c *Commit) {
		var its []said
		for _, x := range c.Changes() {
			its = append(its, said{x.Prev, x.Val})
		}
		if its != nil { // else there is nothing to call a user for
			all = append(all, its)
		}
	})
	return &all
}

// TestLensChanges says in cases what the random tests hold in general.
func TestLensChanges(t *testing.T) {
	cellar := -7
	task := func(text string, sub ...string) Task {
		v := Task{Text: text}
		for _, s := range sub {
			v.Sub = append(v.Sub, Task{Text: s})
		}
		return v
	}
	texts := []any{fTasks, each{}, fText}
	subs := []any{fTasks, each{}, fSub, each{}, fText}
	for _, c := range []struct {
		name  string
		steps []any
		edit  func(d *Document, n *Node)
		want  []said
	}{
		{"a field", []any{fTitle}, func(_ *Document, n *Node) { setText(n, fTitle, "x") }, []said{{"Milk", "x"}}},
		{"first and last of an Update", []any{fTitle}, func(_ *Document, n *Node) {
			setText(n, fTitle, "x")
			setText(n, fTitle, "y")
		}, []said{{"Milk", "y"}}},
		{"there and back", []any{fTitle}, func(_ *Document, n *Node) {
			setText(n, fTitle, "x")
			setText(n, fTitle, "Milk")
		}, nil},
		{"elsewhere", []any{fTitle}, func(_ *Document, n *Node) { setText(n.inner(fQuery), fOwner, "bob") }, nil},
		{"below a required object", []any{fQuery, fOwner}, func(_ *Document, n *Node) {
			setText(n.inner(fQuery), fOwner, "bob")
		}, []said{{"ann", "bob"}}},
		{"of one element", texts, func(_ *Document, n *Node) { setText(n.List(fTasks).Node(1), fText, "x") }, []said{{"2", "x"}}},
		{"removed", texts, func(_ *Document, n *Node) { n.List(fTasks).Remove(0, 2) }, []said{{"1", nil}, {"2", nil}}},
		{"changed and removed: the value before", texts, func(_ *Document, n *Node) {
			setText(n.List(fTasks).Node(0), fText, "x")
			n.List(fTasks).Remove(0, 1)
		}, []said{{"1", nil}}},
		{"inserted and changed: the value after", texts, func(_ *Document, n *Node) {
			insertTasks(n, fTasks, 0, Task{Text: "new"})
			setText(n.List(fTasks).Node(0), fText, "x")
		}, []said{{nil, "x"}}},
		{"inserted and removed", texts, func(_ *Document, n *Node) {
			insertTasks(n, fTasks, 0, Task{Text: "new"})
			n.List(fTasks).Remove(0, 1)
		}, nil},
		{"replaced by another", texts, func(_ *Document, n *Node) {
			v := Task{Text: "x"}
			n.List(fTasks).Replace(0, unsafe.Pointer(&v))
		}, []said{{"1", "x"}}},
		{"replaced by an equal one", texts, func(_ *Document, n *Node) {
			v := Task{Text: "1"}
			n.List(fTasks).Replace(0, unsafe.Pointer(&v))
		}, nil},
		{"moved and swapped", texts, func(_ *Document, n *Node) {
			n.List(fTasks).Move(0, 1)
			n.List(fTasks).Swap(0, 1)
		}, nil},
		{"changed and moved out of sight", texts, func(_ *Document, n *Node) {
			c := n.List(fTasks).Node(0)
			n.SetChild(fBoss, c)
			n.List(fTasks).Remove(0, 1)
			setText(c, fText, "x")
		}, []said{{"1", nil}}},
		{"changed and moved into sight", texts, func(_ *Document, n *Node) {
			c := n.Child(fBoss)
			n.SetChild(fBoss, nil)
			setText(c, fText, "x")
			n.List(fTasks).SetNode(0, c)
		}, []said{{"1", "x"}}},
		{"removed two levels up", subs, func(_ *Document, n *Node) { n.List(fTasks).Remove(0, 1) }, []said{{"1.1", nil}}},
		{"a list in the place of a list, by order", subs, func(_ *Document, n *Node) {
			v := task("x", "a", "b")
			n.List(fTasks).Replace(0, unsafe.Pointer(&v))
		}, []said{{"1.1", "a"}, {nil, "b"}}},
		{"a diamond", texts, func(_ *Document, n *Node) {
			l := n.List(fTasks)
			l.SetNode(1, l.Node(0))
			setText(l.Node(0), fText, "x")
		}, []said{{"2", nil}, {"1", "x"}}},
		{"out of one of two places", texts, func(_ *Document, n *Node) {
			l := n.List(fTasks)
			l.SetNode(1, l.Node(0))
			l.Remove(0, 1)
		}, []said{{"2", nil}}},
		{"moved to where another lens step leads", subs, func(_ *Document, n *Node) {
			a, b := n.List(fTasks).Node(0), n.List(fTasks).Node(1)
			n.List(fTasks).Remove(1, 1)
			l := a.EnsureList(fSub)
			l.Open(1, 1)
			l.Put(1, b)
			l.Close(1, 1)
		}, []said{{nil, "2"}}},
		{"an optional object goes", []any{fBoss, fText}, func(_ *Document, n *Node) { n.SetChild(fBoss, nil) }, []said{{"boss", nil}}},
		{"an optional object is exchanged for one that was elsewhere", []any{fBoss, fText}, func(_ *Document, n *Node) {
			n.SetChild(fBoss, n.List(fTasks).Node(0))
		}, []said{{"boss", "1"}}},
		{"one key of a map", []any{fMeta, "k"}, func(_ *Document, n *Node) {
			v, w := int64(1), int64(2)
			n.List(fMeta).PutPlain("k", unsafe.Pointer(&v))
			n.List(fMeta).PutPlain("l", unsafe.Pointer(&w))
		}, []said{{int64(1 << 60), int64(1)}}},
		{"a key that was absent", []any{fMeta, "l"}, func(_ *Document, n *Node) {
			v := int64(1)
			n.List(fMeta).PutPlain("l", unsafe.Pointer(&v))
		}, []said{{nil, int64(1)}}},
		{"below one key of a map", []any{fRooms, &cellar, fText}, func(_ *Document, n *Node) {
			l := n.List(fRooms)
			setText(l.Node(0), fText, "attic")
			setText(l.Node(1), fText, "x")
		}, []said{{"cellar", "attic"}}},
		{"an object under another key", []any{fRooms, &cellar, fText}, func(_ *Document, n *Node) {
			l := n.List(fRooms)
			c := l.Node(0)
			l.Remove(0, 1)
			zero := 1
			l.LinkKey(n.Key(fRooms, unsafe.Pointer(&zero)), c)
		}, []said{{"cellar", nil}}},
		{"every element of a list of values", []any{fTags, each{}}, func(_ *Document, n *Node) {
			x := "x"
			n.List(fTags).SetLeaf(0, unsafe.Pointer(&x))
			insertStrings(n, fTags, 2, "c")
			n.List(fTags).Remove(1, 1)
		}, []said{{"a", "x"}, {nil, "c"}, {"b", nil}}},
		{"a local field that is named", []any{fTyping}, func(_ *Document, n *Node) {
			yes := true
			n.SetLeaf(fTyping, unsafe.Pointer(&yes))
		}, []said{{false, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, bound := range bounds {
				d, _, _ := create(t, seedNote, bound)
				got := listen(d.root, look(noteType, c.steps...))
				root(d).Update(func(unsafe.Pointer) error { c.edit(d, d.root); return nil }, Cause{})
				var want [][]said
				if len(c.want) > 0 {
					want = [][]said{c.want}
				}
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("bound %d (-want +got):\n%s", bound, diff)
				}
			}
		})
	}
}

// Shelf has maps and required objects below objects that come and go.

type Shelf struct {
	_     struct{} `destam:"table=shelves"`
	Boxes []Box    `destam:"boxes"`
}

type Box struct {
	Notes  map[string]string `destam:"notes"`
	Things map[string]Thing  `destam:"things"`
	Lid    Lid               `destam:"lid"`
}

type Thing struct {
	Text string `destam:"text"`
}

type Lid struct {
	Colour *string `destam:"colour"`
}

type oShelf struct {
	node   Node
	handle hShelf
	boxes  Objects[*oBox]
}

type hShelf struct {
	Object
	v *oShelf
}

type oBox struct {
	node   Node
	handle hBox
	notes  Leaves
	things Objects[*oThing]
	lid    oLid
}

type hBox struct {
	Object
	v *oBox
}

type oThing struct {
	node   Node
	handle hThing
	text   string
}

type hThing struct {
	Object
	v *oThing
}

type oLid struct {
	node   Node
	handle hLid
	colour Optional[string]
}

type hLid struct {
	Object
	v *oLid
}

var shelfType = TypeOf(reflect.TypeFor[hShelf](), reflect.TypeFor[Shelf]())

// TestLensReplaced puts objects in the place of others: what is below them is
// compared key by key, with what was there before the operation.
func TestLensReplaced(t *testing.T) {
	red, blue := "red", "blue"
	old := Box{
		Notes:  map[string]string{"a": "1", "b": "2", "c": "3"},
		Things: map[string]Thing{"a": {"one"}, "b": {"two"}}, Lid: Lid{&red},
	}
	next := Box{
		Notes:  map[string]string{"b": "2", "c": "4", "d": "5"},
		Things: map[string]Thing{"b": {"zwei"}, "c": {"drei"}}, Lid: Lid{&blue},
	}
	const fNotes, fThings, fLid = 0, 1, 2
	for _, c := range []struct {
		name  string
		steps []any
		want  []said
	}{
		{"each value of a map", []any{0, each{}, fNotes, each{}}, []said{{"1", nil}, {"3", "4"}, {nil, "5"}}},
		{"one that is the same", []any{0, each{}, fNotes, "b"}, nil},
		{"one that goes", []any{0, each{}, fNotes, "a"}, []said{{"1", nil}}},
		{"one that comes", []any{0, each{}, fNotes, "d"}, []said{{nil, "5"}}},
		{"below each object of a map", []any{0, each{}, fThings, each{}, 0}, []said{{"one", nil}, {"two", "zwei"}, {nil, "drei"}}},
		{"below one of them", []any{0, each{}, fThings, "b", 0}, []said{{"two", "zwei"}}},
		{"below a required object", []any{0, each{}, fLid, 0}, []said{{"red", "blue"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := New(shelfType, NewID(), &host{}, Options{})
			d.Init(unsafe.Pointer(&Shelf{Boxes: []Box{old}}))
			got := listen(d.root, look(shelfType, c.steps...))
			root(d).Update(func(unsafe.Pointer) error {
				n := d.root.List(0).Node(0) // first everything becomes something else
				mess := Box{Notes: map[string]string{"c": "9", "x": "9"}, Things: map[string]Thing{"b": {"nine"}, "x": {}}}
				n.Assign(unsafe.Pointer(&mess))
				d.root.List(0).Replace(0, unsafe.Pointer(&next))
				return nil
			}, Cause{})
			var want [][]said
			if len(c.want) > 0 {
				want = [][]said{c.want}
			}
			if diff := cmp.Diff(want, *got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestLensBegins holds where a subscription begins, whatever the transaction
// comes to that it was made in.
func TestLensBegins(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(o *Object, subscribe func()) error
	}{
		{"Update", func(o *Object, subscribe func()) error {
			_, err := o.Update(func(unsafe.Pointer) error {
				setText(o.n, fTitle, "a")
				subscribe()
				setText(o.n, fTitle, "b")
				return nil
			}, Cause{})
			return err
		}},
		{"an Update without a commit", func(o *Object, subscribe func()) error {
			_, err := o.Update(func(unsafe.Pointer) error { subscribe(); return nil }, Cause{})
			return err
		}},
		{"an Update that fails", func(o *Object, subscribe func()) error {
			o.Update(func(unsafe.Pointer) error {
				subscribe()
				setText(o.n, fTitle, "b")
				return errors.New("no")
			}, Cause{})
			return nil
		}},
		{"View", func(o *Object, subscribe func()) error {
			return o.View(func(unsafe.Pointer) error { subscribe(); return nil })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _, _ := create(t, seedNote, 64)
			var got *[][]said
			commits := 0
			if err := c.run(root(d), func() {
				got = listen(d.root, look(noteType, fTitle))
				d.root.Watch(-1, func(*Commit) { commits++ })
			}); err != nil {
				t.Fatal(err)
			}
			if len(*got) > 0 {
				t.Fatalf("heard %v of what it was made in", *got)
			}
			do(root(d), func(n *Node) { setText(n, fTitle, "x") })
			if len(*got) != 1 || (*got)[0][0].New != "x" || commits != 1 {
				t.Fatalf("heard %v and %d commits", *got, commits)
			}
		})
	}
}

// TestLensDetached watches an object that is not in the document any more,
// with so many changes of it that they are folded.
func TestLensDetached(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	d, _, _ := create(t, seedNote, 64)
	d.opts.Backlog = 1
	c := d.root.List(fTasks).Node(0)
	l := look(c.typ, fText)
	reader := c.NewLensReader(l, true)
	first := true
	c.Through(l, true, func(*Commit) {
		if first {
			first = false
			for i := range 9 {
				do((*Object)(c.Canonical()), func(*Node) { setText(c, fText, fmt.Sprint(i)) })
			}
		}
	})
	got := listen(c, l)
	do(root(d), func(n *Node) { n.List(fTasks).Remove(0, 1) })
	do((*Object)(c.Canonical()), func(*Node) { setText(c, fText, "x") })
	shown := any("1")
	for _, its := range *got {
		if its[0].Old != shown {
			t.Errorf("heard that it is %v, now that it was %v", shown, its[0].Old)
		}
		shown = its[0].New
	}
	if shown != "8" || len(*got) > 5 {
		t.Errorf("heard %v", *got)
	}
	commit, err := reader.Next(over)
	if err != nil {
		t.Fatal(err)
	}
	if x := commit.Changes()[0]; x.Prev != "1" || x.Val != "8" || !commit.Digested {
		t.Errorf("read %v to %v", x.Prev, x.Val)
	}
	for _, s := range []string{"y", "z", "8"} {
		do((*Object)(c.Canonical()), func(*Node) { setText(c, fText, s) })
	}
	if commit, err := reader.Next(over); err == nil && len(commit.Changes()) > 0 {
		t.Errorf("there and back reads as %v", commit.Changes())
	}
}

// TestLensTakenBack is told that what it heard of is undone, and why.
func TestLensTakenBack(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	var got []said
	var origins []Origin
	d.root.Through(look(noteType, fTasks, each{}, fText), true, func(c *Commit) {
		for _, x := range c.Changes() {
			got, origins = append(got, said{x.Prev, x.Val}), append(origins, c.Origin)
		}
	})
	p, err := root(d).Update(func(unsafe.Pointer) error {
		insertTasks(d.root, fTasks, 1, Task{Text: "new"})
		d.root.List(fTasks).Remove(0, 1)
		return nil
	}, Cause{})
	if err != nil {
		t.Fatal(err)
	}
	do(root(d), func(n *Node) { setText(n.List(fTasks).Node(0), fText, "newer") })
	d.Refuse(p, errors.New("refused"))
	want := []said{{nil, "new"}, {"1", nil}, {"new", "newer"}, {"newer", nil}, {nil, "1"}}
	less := func(a, b said) bool { return fmt.Sprint(a) < fmt.Sprint(b) }
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(less)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Equal(origins, []Origin{Local, Local, Local, TakenBack, TakenBack}) {
		t.Error(origins)
	}
}

// TestLensDeepSharing has 2^60 ways to one place: nobody may walk them all.
func TestLensDeepSharing(t *testing.T) {
	d, _, _ := create(t, Note{Tasks: []Task{{Text: "bottom"}}}, 64)
	n := d.root.List(fTasks).Node(0)
	bottom := n
	steps := []any{fTasks, each{}}
	do(root(d), func(*Node) {
		for range 60 {
			v := Task{}
			up := d.Build(n.typ, unsafe.Pointer(&v))
			l := up.EnsureList(fSub)
			l.Open(0, 2)
			l.Put(0, n)
			l.Put(1, n)
			l.Close(0, 2)
			n = up
			steps = append(steps, fSub, each{})
		}
		d.root.List(fTasks).SetNode(0, n)
	})
	deep := look(noteType, append(slices.Clip(steps), fText)...)
	got := listen(d.root, deep)
	over := listen(d.root, look(noteType, append(slices.Clip(steps[:len(steps)-2]), fText)...)) // one level less
	for range deep.Values(d.root) {
	}
	do(root(d), func(*Node) { setText(bottom, fText, "x") })
	do(root(d), func(n *Node) { n.List(fTasks).Remove(0, 1) })
	want := [][]said{{{"bottom", "x"}}, {{"x", nil}}}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]said{{{"", nil}}}, *over); diff != "" {
		t.Error(diff)
	}
}

// TestLensSet sets through lenses, present and absent.
func TestLensSet(t *testing.T) {
	missing := 5
	for _, c := range []struct {
		name  string
		steps []any
		want  bool
	}{
		{"a field", []any{fTitle}, true},
		{"below a required object", []any{fQuery, fOwner}, true},
		{"below an optional object", []any{fBoss, fText}, true},
		{"a unique value that is free", []any{fQuery, fSlug}, true},
		{"below a missing key", []any{fRooms, &missing, fText}, false},
	} {
		d, h, _ := create(t, seedNote, 64)
		l := look(noteType, c.steps...)
		v := "new"
		do(root(d), func(n *Node) {
			if ok := l.Set(n, unsafe.Pointer(&v)); ok != c.want {
				t.Errorf("%s: Set gave %v", c.name, ok)
			}
		})
		for p := range l.Values(d.root) {
			if got := *(*string)(p); got != v {
				t.Errorf("%s: it is %q", c.name, got)
			}
		}
		if c.name != "a unique value that is free" {
			continue
		}
		h.admit = func([]byte) error { return errors.New("taken") }
		w := "taken"
		do(root(d), func(n *Node) {
			if l.Set(n, unsafe.Pointer(&w)) {
				t.Error("a value that is taken was set")
			}
		})
		if got := snapshot(d).Query.Slug; got != v {
			t.Errorf("it is %q", got)
		}
	}
	d, _, _ := create(t, seedNote, 64)
	v := int64(7)
	do(root(d), func(n *Node) { look(noteType, fMeta, "fresh").Set(n, unsafe.Pointer(&v)) })
	do(root(d), func(n *Node) { n.SetChild(fBoss, nil) })
	if got := snapshot(d); got.Meta["fresh"] != 7 {
		t.Error(got.Meta)
	}
	s := "x"
	if look(noteType, fBoss, fText).Set(d.root, unsafe.Pointer(&s)) {
		t.Error("set in an object that is not there")
	}
}
