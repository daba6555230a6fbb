package doc

import (
	"context"
	"errors"
	"fmt"
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
			d.Init(unsafe.Pointer(&Shelf{Boxes: []Box{old}}), nil)
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

// TestReadersEnd kills a document that readers wait for.
func TestReadersEnd(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	whole, title := d.root.NewReader(-1), d.root.NewLensReader(look(noteType, fTitle), true)
	dead := errors.New("dead")
	errs := make(chan error)
	for _, next := range []func(context.Context) (*Commit, error){whole.Next, title.Next} {
		go func() {
			c, err := next(t.Context())
			if c == nil || err != nil {
				errs <- fmt.Errorf("the commit before: %v, %v", c, err)
				return
			}
			errs <- nil
			_, err = next(t.Context())
			errs <- err
		}()
	}
	do(root(d), func(n *Node) { setText(n, fTitle, "x") })
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	d.Kill(dead)
	d.Kill(dead)
	for range 2 {
		if err := <-errs; err != dead {
			t.Errorf("a reader ended with %v", err)
		}
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

// TestLensOfNothing looks through a lens that has not gone anywhere: who does
// hears all that who watches the object hears.
func TestLensOfNothing(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	var bare, through []*Commit
	d.root.Watch(-1, func(c *Commit) { bare = append(bare, c) })
	d.root.Through(NewLens(noteType), false, func(c *Commit) { through = append(through, c) })
	r := d.root.NewLensReader(NewLens(noteType), false)
	o := root(d)
	do(o, func(n *Node) { setText(n.inner(fQuery), fOwner, "eve") })
	do(o, func(n *Node) { n.List(fTasks).Remove(0, 1) })
	typing := true
	do(o, func(n *Node) { n.SetLeaf(fTyping, unsafe.Pointer(&typing)) })
	var read []*Commit
	drain(r, func(c *Commit) { read = append(read, c) })
	for _, got := range [][]*Commit{through, read} {
		if !slices.EqualFunc(bare, got, func(a, b *Commit) bool { return slices.EqualFunc(a.Deltas, b.Deltas, sameSlot) }) || len(got) != 2 {
			t.Errorf("heard %v through a lens, %v without", got, bare)
		}
	}
}

// sameSlot tells whether two deltas are of one slot.
func sameSlot(a, b Delta) bool { return a.N == b.N && a.F == b.F && a.Key == b.Key && a.L == b.L }

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
