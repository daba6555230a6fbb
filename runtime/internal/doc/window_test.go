package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

// mutate makes one random change of the document through o, whatever kind.
func mutate(r *rand.Rand, o *Object) {
	n := o.n
	d := n.doc
	str := fmt.Sprint("s", r.IntN(5))
	switch r.IntN(21) {
	case 0:
		setText(n, fTitle, str)
	case 1:
		at := time.Unix(int64(r.IntN(3)), 0)
		n.SetLeaf(fDue, unsafe.Pointer(&at))
	case 2:
		n.ClearLeaf(fDue)
	case 3, 4:
		l := n.EnsureList(fTags)
		insertStrings(n, fTags, r.IntN(l.Len()+1), str, "x")
	case 20: // always at the same place: keys grow
		for range 15 {
			insertStrings(n, fTags, n.List(fTags).Len()/2, str)
			insertTasks(n, fTasks, n.List(fTasks).Len()/2, Task{Text: str})
		}
	case 5:
		if l := n.List(fTags); l.Len() > 0 {
			l.Remove(r.IntN(l.Len()), 1)
		}
	case 6:
		if l := n.List(fTags); l.Len() > 0 {
			l.SetLeaf(r.IntN(l.Len()), unsafe.Pointer(&str))
		}
	case 7:
		if l := n.List(fTags); l.Len() > 1 {
			l.Move(r.IntN(l.Len()), r.IntN(l.Len()))
			l.Swap(r.IntN(l.Len()), r.IntN(l.Len()))
		}
	case 8, 9:
		l := n.EnsureList(fTasks)
		insertTasks(n, fTasks, r.IntN(l.Len()+1), Task{Text: str, Sub: []Task{{Text: "sub"}}})
	case 10:
		if l := n.List(fTasks); l.Len() > 0 {
			l.Remove(r.IntN(l.Len()), 1)
		}
	case 11:
		if l := n.List(fTasks); l.Len() > 1 {
			l.Move(r.IntN(l.Len()), r.IntN(l.Len()))
			l.Swap(r.IntN(l.Len()), r.IntN(l.Len()))
		}
	case 12, 13:
		if c := anyTask(r, d); c != nil {
			setText(c, fText, str)
			done := r.IntN(2) == 0
			c.SetLeaf(fDone, unsafe.Pointer(&done))
			insertTasks(c, fSub, c.List(fSub).Len(), Task{Text: str})
		}
	case 14:
		if c := anyTask(r, d); c != nil {
			if l := c.List(fSub); l.Len() > 0 {
				l.Remove(r.IntN(l.Len()), 1)
			}
		}
	case 15: // share a node, or move it elsewhere
		c, to := anyTask(r, d), anyTask(r, d)
		if c != nil && to != nil && to.Linkable(fSub, c) == nil {
			l := to.EnsureList(fSub)
			at := r.IntN(l.Len() + 1)
			l.Open(at, 1)
			l.Put(at, c)
			l.Close(at, 1)
		}
	case 16:
		v := int64(r.IntN(4))
		n.EnsureList(fMeta).PutPlain(Key(str), unsafe.Pointer(&v))
	case 17:
		if l := n.List(fMeta); l.Len() > 0 {
			l.Remove(r.IntN(l.Len()), 1)
		}
	case 18:
		k, v := r.IntN(3)-1, Task{Text: str}
		n.EnsureList(fRooms).PutPlain(n.Key(fRooms, unsafe.Pointer(&k)), unsafe.Pointer(&v))
	case 19:
		switch r.IntN(3) {
		case 0:
			n.SetChild(fBoss, nil)
		case 1:
			v := Task{Text: str}
			n.SetChild(fBoss, d.Build(n.typ.Nested(fBoss), unsafe.Pointer(&v)))
		case 2:
			if c := anyTask(r, d); c != nil && n.Linkable(fBoss, c) == nil {
				n.SetChild(fBoss, c)
			}
		}
	}
}

// anyTask picks an object of the tree.
func anyTask(r *rand.Rand, d *Document) *Node {
	var all []*Node
	d.root.nodes(func(n *Node) {
		if n != d.root {
			all = append(all, n)
		}
	})
	if len(all) == 0 {
		return nil
	}
	return all[r.IntN(len(all))]
}

var seedNote = Note{
	Query: NoteQuery{Owner: "ann", Slug: "a", Labels: []string{"x"}},
	Title: "Milk", Tags: []string{"a", "b"}, Meta: map[string]int64{"k": 1 << 60},
	Tasks: []Task{{Text: "1", Sub: []Task{{Text: "1.1"}}}, {Text: "2"}},
	Rooms: map[int]Task{-7: {Text: "cellar"}, 0: {}},
	Boss:  &Task{Text: "boss"}, Blob: []byte{0, 255}, Grid: [][]int{{1}, nil, {2, 3}},
}

// TestReplay is invariant 6 of the runtime: the sealed windows, applied one
// after the other, give the document, byte for byte, ids and keys included.
func TestReplay(t *testing.T) {
	for _, bound := range bounds {
		for seed := range uint64(150) {
			r := rand.New(rand.NewPCG(seed, 1))
			d, h, bodies := create(t, seedNote, bound)
			for range 25 {
				if r.IntN(3) == 0 {
					fails := r.IntN(3) == 0
					before := d.content()
					_, err := root(d).Update(func(p unsafe.Pointer) error {
						for range r.IntN(8) {
							mutate(r, (*Object)(p))
						}
						if fails {
							return errors.New("no")
						}
						return nil
					}, Cause{By: "me"})
					if fails != (err != nil) {
						t.Fatalf("bound %d seed %d: Update gave %v", bound, seed, err)
					}
					if fails && !bytes.Equal(before, d.content()) {
						t.Fatalf("bound %d seed %d: rolled back to something else", bound, seed)
					}
				} else {
					for range r.IntN(8) {
						do(root(d), func(*Node) { mutate(r, root(d)) })
					}
				}
				if r.IntN(2) == 0 {
					bodies = store(d, bodies)
					again := replayed(t, bodies, bound)
					if !bytes.Equal(d.content(), again.content()) {
						equalNotes(t, fmt.Sprintf("bound %d seed %d", bound, seed), storedPart(again), storedPart(d))
						t.Fatalf("bound %d seed %d: ids or keys differ", bound, seed)
					}
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

// chain is a listener that checks that what it hears of each slot hangs
// together: each old value is the new one of the time before.
type chain struct {
	t    testing.TB
	seen map[slot]any
	n    int
}

func (c *chain) hear(m *Commit) {
	once := map[slot]bool{}
	for i := range m.Deltas {
		x := &m.Deltas[i]
		s := slot{x.N, x.L, x.F, x.Key}
		if once[s] {
			c.t.Errorf("slot %s twice in one commit", x.Path())
		}
		once[s] = true
		last, known := c.seen[s]
		if known && (last == nil) == x.Had {
			c.t.Errorf("%s: heard that it is %v, now that it was %v (present %v)", x.Path(), last, x.Prev, x.Had)
		}
		if known && last != nil && !(&Delta{Head: Head{N: x.N, F: x.F}, Prev: last, Val: x.Prev}).same() {
			c.t.Errorf("%s: heard that it is %v, now that it was %v", x.Path(), last, x.Prev)
		}
		c.seen[s] = nil
		if x.Has {
			c.seen[s] = x.Val
		}
		c.n++
	}
	for s := range c.seen { // what happens outside the tree is not heard of
		if !s.n.Attached() {
			delete(c.seen, s)
		}
	}
}

// ends compares what was heard last with what is there.
func (c *chain) ends(d *Document) {
	for s, v := range c.seen {
		if base := s.n.base(); !base.Attached() {
			continue
		}
		var has bool
		var now any
		if s.l == nil {
			has, now = s.n.value(int(s.f))
		} else if i, ok := s.l.Find(s.key); ok {
			has, now = true, s.l.elem(i)
		}
		if has != (v != nil) || has && !(&Delta{Head: Head{N: s.n, F: s.f}, Prev: v, Val: now}).same() {
			c.t.Errorf("field %d of %s: heard %v last, it is %v", s.f, s.n.typ.Name, v, now)
		}
	}
}

// TestTakeBack refuses commits at random while others wait, and demands that
// what is shown stays what the store would be brought to, that rollbacks and
// refusals are heard of, and that no chain of old and new values breaks.
func TestTakeBack(t *testing.T) {
	for _, bound := range bounds {
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, 2))
			d, h, bodies := create(t, seedNote, bound)
			c := &chain{t: t, seen: map[slot]any{}}
			var s *Subscription
			if bound == 64 && seed%2 == 0 {
				s = d.root.Watch(-1, c.hear)
			}
			for range 12 {
				for range r.IntN(4) {
					if r.IntN(2) == 0 {
						root(d).Update(func(p unsafe.Pointer) error {
							for range 1 + r.IntN(4) {
								mutate(r, (*Object)(p))
							}
							return nil
						}, Cause{})
					} else {
						do(root(d), func(*Node) { mutate(r, root(d)) })
						do(root(d), func(*Node) { mutate(r, root(d)) })
					}
					if r.IntN(2) == 0 {
						d.Seal()
					}
				}
				ps := d.Seal()
				for i := 0; i < len(ps); i++ {
					if r.IntN(3) == 0 {
						d.Refuse(ps[i], errors.New("refused"))
						ps, i = d.Waiting(), -1
						continue
					}
					bodies = append(bodies, ps[i].Body)
					d.Stored(ps[i], uint64(len(bodies)))
					ps, i = ps[i+1:], -1
				}
				again := replayed(t, bodies, bound)
				if !bytes.Equal(d.content(), again.content()) {
					equalNotes(t, fmt.Sprintf("bound %d seed %d", bound, seed), storedPart(again), storedPart(d))
					t.Fatalf("bound %d seed %d: ids or keys differ", bound, seed)
				}
				if t.Failed() {
					t.Fatalf("bound %d seed %d", bound, seed)
				}
			}
			if s != nil {
				c.ends(d)
				s.Stop()
				if d.watching != 0 || h.watched {
					t.Fatal("still watched")
				}
			}
			if t.Failed() {
				t.Fatalf("bound %d seed %d", bound, seed)
			}
		}
	}
}

// TestCheckpoint loads every state from a checkpoint as well as from zero.
func TestCheckpoint(t *testing.T) {
	for _, bound := range bounds {
		r := rand.New(rand.NewPCG(3, 3))
		d, _, bodies := create(t, seedNote, bound)
		for range 60 {
			for range r.IntN(6) {
				do(root(d), func(*Node) { mutate(r, root(d)) })
			}
			bodies = store(d, bodies)
			seq, content, ok := d.Checkpoint()
			if !ok || seq != uint64(len(bodies)) {
				t.Fatal(seq, ok)
			}
			again := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
			if err := again.Load(seq, content); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again.content(), content) {
				t.Fatal("a checkpoint loads as something else")
			}
			for range 2 { // and life goes on from there
				do(root(again), func(*Node) { mutate(r, root(again)) })
			}
			more := store(again, nil)
			twin := New(noteType, NewID(), &host{}, Options{KeyBound: bound})
			if err := twin.Load(seq, content); err != nil {
				t.Fatal(err)
			}
			for i, b := range more {
				if err := twin.Replay(seq+uint64(i)+1, b); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(twin.content(), again.content()) {
				t.Fatal("what follows a checkpoint replays as something else")
			}
		}
	}
}
