package doc

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// TestMadeUnwatched: an object that was made while nobody listened is not new
// to whoever listens later: what changes in it is a delta like others.
func TestMadeUnwatched(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	do(root(d), func(n *Node) { insertTasks(n, fTasks, 0, Task{Text: "made"}) })
	var heard []string
	s := d.root.Watch(-1, func(c *Commit) {
		for i := range c.Deltas {
			heard = append(heard, c.Deltas[i].LockedPath().String())
		}
	})
	defer s.Stop()
	_, err := root(d).Update(func(p unsafe.Pointer) error {
		n := (*Object)(p).n
		setText(n, fTitle, "new")
		setText(n.List(fTasks).Node(0), fText, "new")
		return nil
	}, Cause{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(heard), "[title tasks.0.text]"; got != want {
		t.Errorf("heard of %s, want %s", got, want)
	}
}

// TestLocalNamed holds that what is in a local field is heard of by who names
// the field, and by nobody else. (destam 91, 92, 99, 188, 205)
func TestLocalNamed(t *testing.T) {
	type names = map[string]int
	type step = func(n *Node)
	for _, c := range []struct {
		name string
		then []step // each is a commit
		want names
	}{
		{"a value", []step{func(n *Node) { yes := true; n.SetLeaf(fTyping, unsafe.Pointer(&yes)) }}, names{"typing": 1}},
		{"an object comes and changes", []step{
			func(n *Node) { n.SetChild(fPin, n.doc.Build(n.typ.Nested(fPin), unsafe.Pointer(&Task{Text: "p"}))) },
			func(n *Node) { setText(n.Child(fPin), fText, "x") },
		}, names{"pin": 2, "pin's text": 2}},
		{"inside an object", []step{func(n *Node) { setText(n.List(fDraft).Node(0), fText, "x") }}, names{"draft": 1, "drafts": 1}},
		{"a public object is put there too", []step{func(n *Node) { n.SetChild(fPin, n.List(fTasks).Node(0)) }}, names{"pin": 1, "pin's text": 1}},
		{"a local object is shown and changes", []step{
			func(n *Node) { n.SetChild(fBoss, n.List(fDraft).Node(0)) },
			func(n *Node) { setText(n.Child(fBoss), fText, "x") },
		}, names{"root": 2, "draft": 1, "drafts": 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := seedNote
			v.Draft = []Task{{Text: "d"}}
			d, _, _ := create(t, v, 64)
			got := names{}
			hear := func(name string) func(*Commit) { return func(*Commit) { got[name]++ } }
			n := d.root
			n.Watch(-1, hear("root"))
			n.Watch(fTasks, hear("tasks"))
			n.Watch(fPin, hear("pin"))
			n.Watch(fDraft, hear("drafts"))
			n.Through(look(noteType, fTyping), true, hear("typing"))
			n.Through(look(noteType, fPin, fText), true, hear("pin's text"))
			n.Through(look(noteType, fDraft, each{}), false, hear("draft"))
			for _, edit := range c.then {
				do(root(d), edit)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	d, _, _ := create(t, seedNote, 64)
	n := d.root
	c := n.List(fTasks).Node(0)
	do(root(d), func(n *Node) { n.SetChild(fPin, c); n.List(fTasks).Remove(0, 1) })
	var came any
	n.Watch(-1, func(c *Commit) { came = c.Deltas[0].Plain() })
	do(root(d), func(n *Node) { n.SetChild(fBoss, c) })
	if diff := cmp.Diff(any(Task{Text: "1"}), came, cmpopts.IgnoreFields(Task{}, "Sub")); diff != "" {
		t.Errorf("what was only in a local field comes with its content: %s", diff)
	}
	var at []string
	n.Watch(-1, func(c *Commit) { at = append(at, c.Deltas[0].LockedPath().String()) })
	do(root(d), func(*Node) { setText(c, fText, "x") })
	do(root(d), func(*Node) { setText(c.List(fSub).Node(0), fText, "x") })
	if diff := cmp.Diff([]string{"boss.text", "boss.sub.0.text"}, at); diff != "" {
		t.Errorf("what is in a local field too is told of under its public name: %s", diff)
	}
}

// TestKeyOfWhatWent lets an element go, another get a key beyond its own, and a
// third come under the key that is free again, which is another place now: it
// has not become the third one.
func TestKeyOfWhatWent(t *testing.T) {
	d, _, _ := create(t, Note{Tags: []string{"a", "b"}}, 64)
	l := d.root.List(fTags)
	key := l.cells.Key(1)
	beyond, _ := pos.Between(key, "", 1, 64)
	var heard []string
	defer d.root.Watch(-1, func(c *Commit) {
		for i := range c.Deltas {
			x := &c.Deltas[i]
			heard = append(heard, fmt.Sprint(x.Prev, " > ", x.Val))
		}
	}).Stop()
	if _, err := root(d).Update(func(unsafe.Pointer) error {
		l.Remove(1, 1)
		l.rename(0, beyond)
		l.set(key, true, "c")
		return nil
	}, Cause{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b > <nil>", "<nil> > c"}, heard); diff != "" || fmt.Sprint(snapshot(d).Tags) != "[c a]" {
		t.Errorf("%v (-want +heard):\n%s", snapshot(d).Tags, diff)
	}
}
