package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"unsafe"
)

// rounds is how many seeds a random test tries: few, or many in the long mode
// (DESTAM_LONG=1).
func rounds(few int) uint64 {
	if os.Getenv("DESTAM_LONG") != "" {
		few *= 30
	}
	return uint64(few)
}

// player makes random changes, and remembers every object that it ever met:
// also those that were removed, which it writes to and links back.
type player struct {
	r    *rand.Rand
	d    *Document
	met  []*Node
	seen map[*Node]bool
}

func newPlayer(d *Document, seed, stream uint64) *player {
	p := &player{r: rand.New(rand.NewPCG(seed, stream)), d: d, seen: map[*Node]bool{}}
	p.meet()
	return p
}

// meet remembers the objects that are there.
func (p *player) meet() {
	p.d.root.nodes(func(n *Node) {
		if n != p.d.root && !p.seen[n] {
			p.seen[n] = true
			p.met = append(p.met, n)
		}
	})
}

// any gives an object, removed or not, nil if there never was one.
func (p *player) any() *Node {
	if len(p.met) == 0 {
		return nil
	}
	return p.met[p.r.IntN(len(p.met))]
}

// play makes one change.
func (p *player) play(o *Object) {
	defer p.meet()
	r, n := p.r, o.n
	str := fmt.Sprint("p", r.IntN(6))
	c := p.any()
	switch r.IntN(12) {
	case 0: // write to an object, wherever it is
		if c != nil {
			setText(c, fText, str)
		}
	case 1:
		if c != nil {
			l := c.EnsureList(fSub)
			insertTasks(c, fSub, r.IntN(l.Len()+1), Task{Text: str, Sub: []Task{{Text: "x"}}})
		}
	case 2:
		if c != nil {
			if l := c.List(fSub); l.Len() > 0 {
				l.Remove(r.IntN(l.Len()), 1)
			}
		}
	case 3: // link it somewhere
		if c != nil {
			p.link(n, fTasks, c)
		}
	case 4:
		if to := p.any(); c != nil {
			p.link(to, fSub, c)
		}
	case 5: // and where nothing is stored
		if c != nil {
			p.link(n, fDraft, c)
		}
	case 6:
		if c != nil && n.Linkable(fPin, c) == nil {
			n.SetChild(fPin, c)
		} else {
			n.SetChild(fPin, nil)
		}
	case 7:
		if l := n.List(fDraft); l.Len() > 0 {
			l.Remove(r.IntN(l.Len()), 1)
		}
	case 8: // move from there to here at once
		if l := n.List(fDraft); l.Len() > 0 {
			c := l.Node(0)
			l.Remove(0, 1)
			p.link(n, fTasks, c)
		}
	case 9: // and back
		if l := n.List(fTasks); l.Len() > 0 {
			i := r.IntN(l.Len())
			c := l.Node(i)
			l.Remove(i, 1)
			p.link(n, fDraft, c)
		}
	case 10:
		b := r.IntN(2) == 0
		n.SetLeaf(fTyping, unsafe.Pointer(&b))
	default:
		mutate(r, o)
	}
}

// link puts c somewhere into a list of n, unless that is refused.
func (p *player) link(n *Node, f int, c *Node) {
	if n.Linkable(f, c) != nil {
		return
	}
	l := n.EnsureList(f)
	i := p.r.IntN(l.Len() + 1)
	l.Open(i, 1)
	l.Put(i, c)
	l.Close(i, 1)
}

// some makes a few changes, bare or in an Update, which may fail.
func (p *player) some(t testing.TB) {
	o := root(p.d)
	if p.r.IntN(2) == 0 {
		for range p.r.IntN(5) {
			do(o, func(*Node) { p.play(o) })
		}
		return
	}
	fails, before := p.r.IntN(4) == 0, []byte(nil)
	shown := snapshot(p.d)
	if fails {
		before = p.d.content()
	}
	_, err := o.Update(func(h unsafe.Pointer) error {
		for range p.r.IntN(6) {
			switch p.r.IntN(5) {
			case 0:
				_, err := (*Object)(h).Update(func(h unsafe.Pointer) error {
					p.play((*Object)(h))
					p.play((*Object)(h))
					return errors.New("not this part")
				}, Cause{})
				if err == nil {
					t.Fatal("the savepoint's error is lost")
				}
			default:
				p.play((*Object)(h))
			}
		}
		if fails {
			return errors.New("no")
		}
		return nil
	}, Cause{})
	if fails != (err != nil) {
		t.Fatalf("Update gave %v", err)
	}
	if fails {
		equalNotes(t, "after a rollback", snapshot(p.d), shown)
		if !bytes.Equal(before, p.d.content()) {
			t.Fatal("rolled back to something else")
		}
	}
}

// checkHolders demands that the holders of every object are the slots that
// hold it, and that what is known is what the store has.
func checkHolders(t testing.TB, d *Document) {
	t.Helper()
	slots := map[*Node]map[holder]int{}
	add := func(n *Node, h holder) {
		if slots[n] == nil {
			slots[n] = map[holder]int{}
		}
		slots[n][h]++
	}
	all := func(n *Node) {
		n.inners(func(n *Node) {
			for f := range n.typ.Fields {
				switch n.typ.Fields[f].Kind {
				case Child:
					if c := *n.childAt(f); c != nil {
						add(c, holder{n: n, f: int32(f)})
					}
				case NodeList:
					l := n.List(f)
					for i := range l.Len() {
						add(l.Node(i), l.holder(l.cells.Key(i)))
						if j, ok := l.Find(l.cells.Key(i)); !ok || i != j {
							t.Fatalf("element %d is found at %d", i, j)
						}
					}
				}
			}
			n.unknown.objects(func(c *Node) { add(c, holder{n: n, f: unknownPlace}) })
		})
	}
	d.root.nodes(all)
	checkAcyclic(t, d.root, map[*Node]int{})
	d.root.nodes(func(n *Node) {
		for h := range n.holders {
			if h.n.reaches(false) {
				slots[n][*h]--
			}
		}
		for h, count := range slots[n] {
			if count != 0 {
				t.Fatalf("slot %v holds an object %d times more than the object knows", h, count)
			}
		}
		if n != d.root && !d.win.open && len(d.pending) == 0 && n.known != n.stored() {
			t.Fatalf("an object at %s is known: %v, stored: %v", n.path(), n.known, n.stored())
		}
		if n.ghosts > 0 && len(d.pending) == 0 || n.stray && !d.win.open {
			t.Fatal("an object is marked for ever")
		}
	})
}

// checkAcyclic demands that nothing contains itself: done has what is found to
// be so, and what is on the way down.
func checkAcyclic(t testing.TB, n *Node, done map[*Node]int) {
	const onTheWay, sound = 1, 2
	if done[n] == onTheWay {
		t.Fatal("an object contains itself")
	}
	if done[n] == sound {
		return
	}
	done[n] = onTheWay
	n.inners(func(in *Node) {
		for f := range in.typ.Fields {
			switch in.typ.Fields[f].Kind {
			case Child:
				if c := in.Child(f); c != nil {
					checkAcyclic(t, c, done)
				}
			case NodeList:
				for i := range in.List(f).Len() {
					checkAcyclic(t, in.List(f).Node(i), done)
				}
			}
		}
		in.unknown.objects(func(c *Node) { checkAcyclic(t, c, done) })
	})
	done[n] = sound
}

// fromCheckpoint is a document loaded from one, as of the same version.
func fromCheckpoint(t testing.TB, d *Document, bound int) *Document {
	t.Helper()
	again := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
	if err := again.Load(d.base, d.content()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.content(), d.content()) {
		t.Fatal("a checkpoint loads as something else")
	}
	return again
}

// TestRandomReplay plays with everything that an application can do, and
// demands after each commit that the document, one that was built from all
// commits, and one that was loaded from the checkpoint before, are equal byte
// for byte.
func TestRandomReplay(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(120) {
			d, h, bodies := create(t, seedNote, bound)
			p := newPlayer(d, seed, 10)
			twin, last := replayed(t, bodies, bound), d.content()
			for step := range 25 {
				what := fmt.Sprintf("bound %d seed %d step %d", bound, seed, step)
				p.some(t)
				if p.r.IntN(3) > 0 {
					continue
				}
				for _, c := range d.Seal() {
					loaded := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
					if err := loaded.Load(d.base, last); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					seq := d.base + 1
					for _, x := range []*Document{loaded, twin} {
						if err := x.Replay(seq, c.Body); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
					}
					last = twin.content()
					if !bytes.Equal(loaded.content(), last) {
						t.Fatalf("%s: from the checkpoint it is another", what)
					}
					checkHolders(t, loaded)
					d.Stored(c, seq)
				}
				checkHolders(t, d)
				checkHolders(t, twin)
				if !bytes.Equal(d.content(), last) {
					equalNotes(t, what, storedPart(twin), storedPart(d))
					t.Fatalf("%s: ids or keys differ", what)
				}
			}
			for _, err := range h.take() {
				if !errors.Is(err, ErrDetached) {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestRandomTakeBack is TestRandomReplay with a store that is behind and
// refuses commits.
func TestRandomTakeBack(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(250) {
			d, _, bodies := create(t, seedNote, bound)
			p := newPlayer(d, seed, 11)
			twin := replayed(t, bodies, bound)
			for step := range 15 {
				what := fmt.Sprintf("bound %d seed %d step %d", bound, seed, step)
				for range p.r.IntN(4) {
					p.some(t)
					if p.r.IntN(2) == 0 {
						d.Seal()
					}
				}
				for waiting := d.Seal(); len(waiting) > 0; waiting = d.Waiting() {
					if c := waiting[p.r.IntN(len(waiting))]; p.r.IntN(3) == 0 {
						d.Refuse(c, errors.New("refused"))
					} else if c = waiting[0]; p.r.IntN(4) > 0 {
						if err := twin.Replay(d.base+1, c.Body); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
						d.Stored(c, d.base+1)
					} else {
						break // the rest waits
					}
				}
				checkHolders(t, d)
				if _, pending := d.Version(); pending {
					continue
				}
				if !bytes.Equal(d.content(), twin.content()) {
					equalNotes(t, what, storedPart(twin), storedPart(d))
					t.Fatalf("%s: ids or keys differ", what)
				}
			}
		}
	}
}
