package doc

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/destam-go/destamgen/internal/elsewhere"
)

// stage is a document whose rooms are slots for objects, and a copy of it that
// gets what a digest says.
type stage struct {
	t testing.TB
	d *Document
	n *Node // the root
	*replica
}

// make makes an object with others in it.
func (s *stage) make(text string, sub ...*Node) *Node {
	var c *Node
	do(root(s.d), func(n *Node) {
		v := Task{Text: text}
		c = s.d.Build(n.typ.Nested(fBoss), unsafe.Pointer(&v))
		for i, x := range sub {
			putNode(c, fSub, i, x)
		}
	})
	return c
}

func putNode(n *Node, f, i int, c *Node) {
	l := n.EnsureList(f)
	l.Open(i, 1)
	l.Put(i, c)
	l.Close(i, 1)
}

func roomKey(n *Node, k int) Key { return n.Key(fRooms, unsafe.Pointer(&k)) }

// set puts an object into a slot of the root, nil for nothing.
func (s *stage) set(k int, c *Node) {
	do(root(s.d), func(n *Node) { n.EnsureList(fRooms).set(roomKey(n, k), c != nil, c) })
}

func (s *stage) get(k int) *Node {
	l := s.n.List(fRooms)
	i, ok := l.Find(roomKey(s.n, k))
	if !ok {
		return nil
	}
	return l.Node(i)
}

func (s *stage) text(c *Node, v string) {
	do((*Object)(c.Canonical()), func(n *Node) { setText(n, fText, v) })
}

// insert puts objects into a list; remove takes one out.
func (s *stage) insert(n *Node, f, i int, cs ...*Node) {
	do((*Object)(n.Canonical()), func(n *Node) {
		for j, c := range cs {
			putNode(n, f, i+j, c)
		}
	})
}

func (s *stage) remove(n *Node, f, i int) *Node {
	c := n.List(f).Node(i)
	do((*Object)(n.Canonical()), func(n *Node) { n.List(f).Remove(i, 1) })
	return c
}

func (s *stage) meta(k string, v int64) { do(root(s.d), setMeta(k, v)) }
func (s *stage) drop(k string)          { do(root(s.d), dropMeta(k)) }

// says flushes, and demands that many deltas.
func (s *stage) says(deltas int) {
	s.t.Helper()
	if got := s.flush(); got != deltas {
		s.t.Errorf("%d deltas, want %d", got, deltas)
	}
}

// tracking is the group tracking of destam's tests: what a digest makes of
// everything that can happen between two flushes. The slots of a destam object
// are those of a map here, because a Go struct has only the fields it has.
var tracking = []struct {
	n    string // in the catalogue
	play func(s *stage)
}{
	{"284 one insert", func(s *stage) { s.set(1, s.make("a")); s.says(1) }},
	{"285 one object in two slots", func(s *stage) { c := s.make("a"); s.set(1, c); s.set(2, c); s.says(2) }},
	{"286 mutate what is shared", func(s *stage) {
		c := s.make("a")
		s.set(1, c)
		s.set(2, c)
		s.flush()
		s.text(c, "b")
		s.says(1)
	}},
	{"294 a second slot", func(s *stage) { s.set(1, s.make("a")); s.flush(); s.set(2, s.get(1)); s.says(1) }},
	{"295 move by insert, mutate, delete", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(2, c)
		s.text(c, "b")
		s.set(1, nil)
		s.says(3)
	}},
	{"297 an element moved, insert first", func(s *stage) {
		s.insert(s.n, fTasks, 2, s.n.List(fTasks).Node(0))
		s.remove(s.n, fTasks, 0)
		s.says(2)
	}},
	{"298 an element moved, remove first", func(s *stage) {
		c := s.remove(s.n, fTasks, 0)
		s.insert(s.n, fTasks, 1, c)
		s.says(2)
	}},
	{"300 to another array", func(s *stage) {
		c := s.remove(s.n, fTasks, 0)
		s.insert(s.n.List(fTasks).Node(0), fSub, 0, c)
		s.says(2)
	}},
	{"301 with children to another key", func(s *stage) {
		s.set(1, s.make("a", s.make("b", s.make("c"))))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.set(2, c)
		s.says(2)
	}},
	{"302 mutate while detached, attach elsewhere", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.text(c, "b")
		s.set(2, c)
		s.says(3)
	}},
	{"303 mutate a grandchild while detached", func(s *stage) {
		s.set(1, s.make("a", s.make("b", s.make("c"))))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.text(c.List(fSub).Node(0).List(fSub).Node(0), "d")
		s.set(1, c)
		s.says(1)
	}},
	{"305 four times", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		for i := range 4 {
			c := s.get(1 + i%2)
			s.set(1+i%2, nil)
			s.text(c, fmt.Sprint(i))
			s.set(2-i%2, c)
			s.says(3)
		}
	}},
	{"306 mutate, then delete the branch", func(s *stage) {
		c := s.n.List(fTasks).Node(0)
		s.text(c, "b")
		s.remove(s.n, fTasks, 0)
		s.says(1) // destam sends the mutation too
	}},
	{"307 mutate, delete, add back", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.text(c, "b")
		s.set(1, nil)
		s.set(1, c)
		s.says(1)
	}},
	{"308 delete, mutate, add back", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.text(c, "b")
		s.set(1, c)
		s.says(1)
	}},
	{"309 and a new nested one", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.insert(c, fSub, 0, s.make("new"))
		s.set(1, c)
		s.says(1)
	}},
	{"311 into a sibling", func(s *stage) {
		s.set(1, s.make("a"))
		s.set(2, s.make("b"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.insert(s.get(2), fSub, 0, c)
		s.says(2)
	}},
	{"313 two elements swapped", func(s *stage) {
		do(root(s.d), func(n *Node) { n.List(fTasks).Swap(0, 1) })
		s.says(2)
	}},
	{"314 two inserts", func(s *stage) { s.meta("a", 1); s.meta("b", 2); s.says(2) }},
	{"315 insert, modify", func(s *stage) { s.meta("a", 1); s.meta("a", 2); s.says(1) }},
	{"316 a new map with an entry", func(s *stage) { s.drop("k"); s.flush(); s.meta("a", 1); s.says(1) }},
	{"317 in two windows", func(s *stage) { s.drop("k"); s.says(1); s.meta("a", 1); s.says(1) }},
	{"319 a map's element under another key, three times", func(s *stage) {
		s.set(1, s.make("a"))
		s.says(1)
		for k := 1; k < 4; k++ {
			c := s.get(k)
			s.set(k, nil)
			s.set(k+1, c)
			s.says(2)
		}
	}},
	{"320 replace, then delete", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		s.set(1, s.make("b"))
		s.set(1, nil)
		s.says(1)
	}},
	{"321 another key three times in one window", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		for k := 1; k < 4; k++ {
			c := s.get(k)
			s.set(k, nil)
			s.set(k+1, c)
		}
		s.says(2)
	}},
	{"322 two elements exchange their keys", func(s *stage) {
		s.set(1, s.make("a"))
		s.set(2, s.make("b"))
		s.flush()
		a, b := s.get(1), s.get(2)
		s.set(1, nil)
		s.set(2, nil)
		s.set(1, b)
		s.set(2, a)
		s.says(2)
	}},
	{"324 delete, set another", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		s.set(1, nil)
		s.set(2, s.make("b"))
		s.says(2)
	}},
	{"325 modify an entry", func(s *stage) { s.meta("k", 5); s.says(1) }},
	{"326 insert, modify, delete", func(s *stage) { s.meta("a", 1); s.meta("a", 2); s.drop("a"); s.says(0) }},
	{"327 insert, flush, delete", func(s *stage) { s.meta("a", 1); s.says(1); s.drop("a"); s.says(1) }},
	{"328 insert, flush, modify, delete", func(s *stage) { s.meta("a", 1); s.flush(); s.meta("a", 2); s.drop("a"); s.says(1) }},
	{"330 insert, flush, delete, insert", func(s *stage) { s.meta("a", 1); s.flush(); s.drop("a"); s.meta("a", 2); s.says(1) }},
	{"331 a new array with an element", func(s *stage) { c := s.make("a"); s.set(1, c); s.insert(c, fSub, 0, s.make("b")); s.says(1) }},
	{"332 arrays in arrays, step by step", func(s *stage) {
		c := s.make("a")
		s.set(1, c)
		for i := range 5 {
			e := s.make(fmt.Sprint(i))
			s.insert(c, fSub, 0, e)
			c = e
		}
		s.says(1)
	}},
	{"333 arrays in arrays, prebuilt", func(s *stage) { s.set(1, s.make("a", s.make("b", s.make("c")), s.make("d"))); s.says(1) }},
	{"335 a new one that is replaced at once", func(s *stage) { s.set(1, s.make("a")); s.set(1, nil); s.says(0) }},
	{"336 away and back after a flush", func(s *stage) {
		c := s.make("a", s.make("b"))
		s.set(1, c)
		s.says(1)
		s.set(1, nil)
		s.says(1)
		s.met = map[ID]*Node{} // the copy has forgotten it
		s.set(1, c)
		s.says(1)
	}},
	{"338 a swap of values", func(s *stage) {
		do(root(s.d), func(n *Node) { n.List(fTags).Swap(0, 1) })
		s.says(2)
	}},
	{"339 delete, insert the same", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.set(1, c)
		s.says(0)
	}},
	{"340 delete, insert another, back to the first", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.set(1, s.make("b"))
		s.set(1, c)
		s.says(0)
	}},
	{"342 replaced by a new one that is elsewhere too, then back", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c, x := s.get(1), s.make("b")
		s.set(1, x)
		s.set(2, x)
		s.set(1, c)
		s.says(1)
	}},
	{"343 a list around a known one that a slot has too", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		s.set(2, s.make("b", s.get(1)))
		s.says(1)
	}},
	{"344 nested new ones", func(s *stage) {
		c, e := s.make("a"), s.make("b")
		s.set(1, c)
		s.insert(c, fSub, 0, e)
		s.text(e, "c")
		s.says(1)
	}},
	{"346, 347 known ones collected, then removed from where they were", func(s *stage) {
		s.set(1, s.make("a"))
		s.set(2, s.make("b"))
		s.flush()
		s.set(3, s.make("all", s.get(1), s.get(2)))
		s.says(1)
		s.set(1, nil)
		s.set(2, nil)
		s.says(2)
	}},
	{"351 a new one, referred to from another new one", func(s *stage) {
		e := s.make("b")
		s.set(1, s.make("a", e))
		s.set(2, s.make("c", e))
		s.says(2)
	}},
	{"352 a known one, referred to from a new one", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		s.set(2, s.make("b", s.get(1)))
		s.set(1, nil)
		s.says(2)
	}},
	{"356 a new element mutated, then replaced", func(s *stage) {
		s.insert(s.n, fTasks, 0, s.make("a"))
		s.text(s.n.List(fTasks).Node(0), "b")
		c := s.make("c")
		do(root(s.d), func(n *Node) { n.List(fTasks).SetNode(0, c) })
		s.says(1)
	}},
	{"357 back and forth with a subtree, delete first", func(s *stage) { s.backAndForth(func(int) bool { return true }) }},
	{"358 insert first", func(s *stage) { s.backAndForth(func(int) bool { return false }) }},
	{"359 mixed", func(s *stage) { s.backAndForth(func(i int) bool { return i%2 == 0 }) }},
	{"361, 363 taken out, mutated, put back", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, nil)
		s.text(c, "b")
		s.insert(c, fSub, 0, s.make("new"))
		s.set(1, c)
		s.says(2)
	}},
	{"362, 364 overwritten, mutated, put back", func(s *stage) {
		s.set(1, s.make("a"))
		s.flush()
		c := s.get(1)
		s.set(1, s.make("other"))
		s.text(c, "b")
		s.insert(c, fSub, 0, s.make("new"))
		s.set(1, c)
		s.says(2)
	}},
	{"365 the same value in the end", func(s *stage) { s.meta("k", 1); s.meta("k", 1<<60); s.says(0) }},
}

// backAndForth moves an element with a subtree between two arrays ten times.
func (s *stage) backAndForth(deleteFirst func(i int) bool) {
	x, y := s.make("x", s.make("1", s.make("2", s.make("3")))), s.make("y")
	s.set(1, x)
	s.set(2, y)
	s.flush()
	for i := range 10 {
		c := x.List(fSub).Node(0)
		if deleteFirst(i) {
			s.remove(x, fSub, 0)
			s.insert(y, fSub, 0, c)
		} else {
			s.insert(y, fSub, 0, c)
			s.remove(x, fSub, 0)
		}
		s.says(2)
		x, y = y, x
	}
}

// TestTracking plays each with the deltas of a commit in order, shuffled and
// reversed, for a copy here and one in another process, which end equal.
// (destam 345 to 347, 361 to 364)
func TestTracking(t *testing.T) {
	far := elsewhere.Start(t, "TestFar")
	for _, scenario := range tracking {
		for _, order := range deltaOrders {
			for _, bound := range bounds {
				t.Run(fmt.Sprintf("%s/%s/%d", scenario.n, order, bound), func(t *testing.T) {
					d, _, _ := create(t, Note{Tasks: []Task{{Text: "1"}, {Text: "2"}}, Tags: []string{"a", "b"},
						Meta: map[string]int64{"k": 1 << 60}}, bound)
					d.root.Watch(-1, func(*Commit) {})
					s := &stage{t: t, d: d, n: d.root, replica: newReplica(t, d, bound, order)}
					s.goTo(far)
					scenario.play(s)
					s.flush()
					if s.from.Flush() != nil {
						t.Error("there is always more")
					}
				})
			}
		}
	}
}

// TestTrackingDeletes removes an object from its three slots in every order,
// and mutates it in between. destam 288 to 293
func TestTrackingDeletes(t *testing.T) {
	far := elsewhere.Start(t, "TestFar")
	for _, order := range deltaOrders {
		for _, keys := range [][]int{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} {
			d, _, _ := create(t, Note{}, 64)
			d.root.Watch(-1, func(*Commit) {})
			s := &stage{t: t, d: d, n: d.root, replica: newReplica(t, d, 64, order)}
			s.goTo(far)
			c := s.make("a")
			for _, k := range keys {
				s.set(k, c)
			}
			s.says(3)
			for i, k := range keys {
				s.text(c, fmt.Sprint(i))
				s.says(1)
				s.set(k, nil)
				s.says(1)
			}
			s.text(c, "outside")
			s.says(0)
		}
	}
}
