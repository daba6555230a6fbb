package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// TestInverse makes random commits, takes them back newest first, and makes
// them again: what was there before is there again, with its order, ids and
// keys, and so is what was there after.
// (destam 51)
func TestInverse(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(200) {
			inverse(t, seed, bound)
		}
	}
}

// FuzzInverse is TestInverse for seeds that a fuzzer finds.
func FuzzInverse(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) { inverse(t, seed, bounds[seed%2]) })
}

func inverse(t *testing.T, seed uint64, bound int) {
	r := rand.New(rand.NewPCG(seed, 90))
	d, _, bodies := create(t, seedNote, bound)
	var commits []*Commit
	s := d.root.Watch(-1, func(c *Commit) { commits = append(commits, c.settled()) })
	states := [][]byte{d.content()}
	for range 12 {
		before := len(commits)
		if r.IntN(2) == 0 {
			do(root(d), func(*Node) { mutate(r, root(d)) })
		} else if _, err := root(d).Update(func(h unsafe.Pointer) error {
			for range 1 + r.IntN(5) {
				mutate(r, (*Object)(h))
			}
			return nil
		}, Cause{}); err != nil {
			t.Fatal(err)
		}
		if len(commits) > before {
			states = append(states, d.content())
		}
		if r.IntN(3) == 0 {
			bodies = store(d, bodies)
		}
	}
	s.Stop()
	what := fmt.Sprintf("bound %d seed %d", bound, seed)
	same := func(step string, want []byte) {
		t.Helper()
		checkHolders(t, d)
		if !bytes.Equal(d.content(), want) {
			twin := New(noteType, d.ID, &host{}, Options{KeyBound: bound})
			if err := twin.Load(1, want); err != nil {
				t.Fatal(err)
			}
			equalNotes(t, what+" "+step, storedPart(d), storedPart(twin))
			t.Fatalf("%s %s: ids or keys differ", what, step)
		}
	}
	for i := len(commits) - 1; i >= 0; i-- {
		if _, err := d.Perform(commits[i].Inverse(), Cause{}, true); err != nil {
			t.Fatalf("%s: taking back commit %d: %v", what, i, err)
		}
		same(fmt.Sprintf("commit %d taken back", i), states[i])
	}
	for i, c := range commits {
		if _, err := d.Perform(c, Cause{}, true); err != nil {
			t.Fatalf("%s: commit %d again: %v", what, i, err)
		}
		same(fmt.Sprintf("commit %d again", i), states[i+1])
	}
	bodies = store(d, bodies)
	if !bytes.Equal(replayed(t, bodies, bound).content(), d.content()) {
		t.Fatalf("%s: the store has something else", what)
	}
}

// TestPerformUnfit makes a commit again that does not fit any more: strictly
// nothing, or what fits.
func TestPerformUnfit(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	var last *Commit
	d.root.Watch(-1, func(c *Commit) { last = c })
	if _, err := root(d).Update(func(h unsafe.Pointer) error {
		n := (*Object)(h).n
		title("changed")(n)
		setMeta("k", 5)(n)
		return nil
	}, Cause{}); err != nil {
		t.Fatal(err)
	}
	first := last
	do(root(d), title("by somebody else"))
	before := d.content()
	if _, err := d.Perform(first.Inverse(), Cause{}, true); !errors.Is(err, ErrUnfit) || !bytes.Equal(d.content(), before) {
		t.Errorf("strictly: %v", err)
	}
	p, err := d.Perform(first.Inverse(), Cause{}, false)
	if err != nil || len(p.Skipped) != 1 || p.Skipped[0].Path().String() != "title" {
		t.Errorf("skipped %v, %v", p.Skipped, err)
	}
	if v := snapshot(d); v.Title != "by somebody else" || v.Meta["k"] != 1<<60 {
		t.Errorf("ended as %+v", v)
	}
	other, _, _ := create(t, seedNote, 64)
	if _, err := other.Perform(first, Cause{}, true); !errors.Is(err, ErrForeign) {
		t.Errorf("in another document: %v", err)
	}
}

// TestPerformRenumbered takes a commit back that numbered an array anew, after
// somebody has changed the array so that the old keys do not fit any more: what
// comes back is between those that it was between, and nobody else moves.
func TestPerformRenumbered(t *testing.T) {
	remove := func(i int) func(*List) { return func(l *List) { l.Remove(i, 1) } }
	for _, c := range []struct {
		name string
		did  func(*List)
		from int // the first element that is renumbered after that
		then func(l *List, were, free []pos.Key)
		want string
	}{
		{"nothing", remove(1), 0, func(*List, []pos.Key, []pos.Key) {}, "[a b c]"},
		{"one is gone", remove(1), 0, func(l *List, _, _ []pos.Key) { l.Remove(0, 1) }, "[b c]"},
		{"all are gone", remove(1), 0, func(l *List, _, _ []pos.Key) { l.Remove(0, 2) }, "[b]"},
		{"one came between", remove(1), 0, func(l *List, _, free []pos.Key) { l.set(free[1], true, "x") }, "[a b x c]"},
		{"one came under a key of before", remove(1), 1, func(l *List, were, _ []pos.Key) { l.set(were[2], true, "x") }, "[a x b c]"},
		{"what was changed stays, one is gone", func(l *List) { l.set(l.cells.Key(2), true, "new") }, 0,
			func(l *List, _, _ []pos.Key) { l.Remove(0, 1) }, "[b c]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _, bodies := create(t, Note{Tags: []string{"a", "b", "c"}}, 64)
			l := d.root.List(fTags)
			were := []pos.Key{l.cells.Key(0), l.cells.Key(1), l.cells.Key(2)}
			free, _ := pos.Between(were[2], "", 4, 64)
			var done *Commit
			s := d.root.Watch(-1, func(c *Commit) { done = c })
			if _, err := root(d).Update(func(unsafe.Pointer) error {
				c.did(l)
				l.rename(c.from, append([]pos.Key{free[0]}, free[2:]...)[c.from:l.Len()])
				return nil
			}, Cause{}); err != nil {
				t.Fatal(err)
			}
			s.Stop()
			do(root(d), func(*Node) { c.then(l, were, free) })
			p, err := d.Perform(done.Inverse(), Cause{}, false)
			if got := fmt.Sprint(snapshot(d).Tags); got != c.want || len(p.Skipped) > 0 || err != nil {
				t.Errorf("ended as %s, want %s; skipped %v, %v", got, c.want, p.Skipped, err)
			}
			if got := fmt.Sprint(snapshot(replayed(t, store(d, bodies), 64)).Tags); got != c.want {
				t.Errorf("stored %s, want %s", got, c.want)
			}
		})
	}
}

// TestInverseTakenOut takes back that an object was changed, then taken out of
// another one, and that one out of the document: all of it is back.
func TestInverseTakenOut(t *testing.T) {
	d, _, _ := create(t, Note{Tasks: []Task{{Text: "a", Sub: []Task{{Text: "b", Sub: []Task{{Text: "c"}}}}}}}, 64)
	before := d.content()
	var done *Commit
	s := d.root.Watch(-1, func(c *Commit) { done = c })
	if _, err := root(d).Update(func(h unsafe.Pointer) error {
		n := (*Object)(h).n
		a := n.List(fTasks).Node(0)
		b := a.List(fSub).Node(0)
		c := b.List(fSub).Node(0)
		setText(c, fText, "C")
		setText(b, fText, "B")
		b.List(fSub).Remove(0, 1)
		a.List(fSub).Remove(0, 1)
		n.List(fTasks).Remove(0, 1)
		return nil
	}, Cause{}); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if _, err := d.Perform(done.Inverse(), Cause{}, true); err != nil || !bytes.Equal(d.content(), before) {
		t.Errorf("ended as %+v, %v", snapshot(d), err)
	}
	checkHolders(t, d)
}

// TestUndo takes back what one author did in one part, while others write too.
func TestUndo(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	first := d.root.List(fTasks).Node(0)
	mine, all := d.root.NewUndo("ann", 3), first.NewUndo("", 100)
	by := func(who string, f func(n *Node)) {
		t.Helper()
		if _, err := root(d).Update(func(h unsafe.Pointer) error { f((*Object)(h).n); return nil }, Cause{By: who}); err != nil {
			t.Fatal(err)
		}
	}
	back := func(u *Undo, want bool, skipped int) {
		t.Helper()
		ok, s, err := u.Back(t.Context(), Cause{By: "ann"})
		if ok != want || len(s) != skipped || err != nil {
			t.Errorf("back: %v, skipped %v, %v", ok, s, err)
		}
	}
	again := func(u *Undo, want bool, skipped int) {
		t.Helper()
		ok, s, err := u.Again(t.Context(), Cause{By: "ann"})
		if ok != want || len(s) != skipped || err != nil {
			t.Errorf("again: %v, skipped %v, %v", ok, s, err)
		}
	}
	steps := func(u *Undo, b, a int) {
		t.Helper()
		if x, y := u.Steps(); x != b || y != a {
			t.Errorf("%d steps back and %d again, want %d and %d", x, y, b, a)
		}
	}
	by("ann", title("1"))
	by("ann", title("2"))
	by("bob", setMeta("bob", 1))
	by("ann", func(n *Node) { insertStrings(n, fTags, 1, "ann") })
	by("bob", func(n *Node) { insertStrings(n, fTags, 1, "bob") })
	by("ann", func(n *Node) { text(0, "ann")(n); n.List(fTags).Remove(0, 1) })
	steps(mine, 3, 0) // the first is forgotten
	steps(all, 1, 0)
	back(mine, true, 0)
	if v := snapshot(d); v.Tasks[0].Text != "1" || fmt.Sprint(v.Tags) != "[a bob ann b]" {
		t.Errorf("ended as %+v", v)
	}
	back(mine, true, 0)
	if v := snapshot(d); fmt.Sprint(v.Tags) != "[a bob b]" {
		t.Errorf("tags %v", v.Tags)
	}
	by("bob", title("bob"))
	back(mine, true, 1) // bob has changed it since
	back(mine, false, 0)
	if v := snapshot(d); v.Title != "bob" {
		t.Errorf("title %q", v.Title)
	}
	steps(mine, 0, 3)
	again(mine, true, 0) // of which nothing is left
	again(mine, true, 0)
	again(mine, true, 0)
	again(mine, false, 0)
	if v := snapshot(d); v.Tasks[0].Text != "ann" || fmt.Sprint(v.Tags) != "[bob ann b]" || v.Title != "bob" || v.Meta["bob"] != 1 {
		t.Errorf("ended as %+v", v)
	}
	back(mine, true, 0)
	by("ann", setMeta("new", 1))
	steps(mine, 3, 0) // a new step ends what could be done again
	mine.Stop()
	all.Stop()
}

// TestUndoRandom undoes and redoes at random: when all is taken back, the
// document is what it was, and when all is done again what it became.
func TestUndoRandom(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(60) {
			r := rand.New(rand.NewPCG(seed, 91))
			d, _, _ := create(t, seedNote, bound)
			u := d.root.NewUndo("", 1000)
			before := storedPart(d)
			what := fmt.Sprintf("bound %d seed %d", bound, seed)
			step := func(f func() (bool, []Delta, error)) bool {
				ok, skipped, err := f()
				if err != nil || len(skipped) > 0 {
					t.Fatalf("%s: skipped %v, %v", what, skipped, err)
				}
				return ok
			}
			back := func() (bool, []Delta, error) { return u.Back(t.Context(), Cause{}) }
			again := func() (bool, []Delta, error) { return u.Again(t.Context(), Cause{}) }
			for range 25 {
				switch r.IntN(5) {
				case 0:
					step(back)
				case 1:
					step(again)
				default:
					do(root(d), func(*Node) { mutate(r, root(d)) })
				}
				if r.IntN(4) == 0 {
					d.Seal()
				}
			}
			for step(again) {
			}
			after := storedPart(d)
			for step(back) {
			}
			equalNotes(t, what+" taken back", storedPart(d), before)
			for step(again) {
			}
			equalNotes(t, what+" done again", storedPart(d), after)
			u.Stop()
		}
	}
}
