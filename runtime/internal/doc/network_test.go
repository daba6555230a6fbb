package doc

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/destam-go/destamgen/internal/elsewhere"
)

// network is the group network of destam's tests: what is done at the source,
// step by step.
var network = []struct {
	n     string // in the catalogue
	steps []func(s *stage)
}{
	{"115 insert a key", []func(*stage){func(s *stage) { s.meta("a", 1) }}},
	{"116 insert, modify", []func(*stage){func(s *stage) { s.meta("a", 1) }, func(s *stage) { s.meta("a", 2) }}},
	{"117 insert, modify, delete", []func(*stage){
		func(s *stage) { s.meta("a", 1) }, func(s *stage) { s.meta("a", 2) }, func(s *stage) { s.drop("a") }}},
	{"119 push, write", []func(*stage){
		func(s *stage) { s.insert(s.n, fTasks, s.n.List(fTasks).Len(), s.make("x")) },
		func(s *stage) { c := s.make("y"); do(root(s.d), func(n *Node) { n.List(fTasks).SetNode(0, c) }) }}},
	{"120 push, write, pop", []func(*stage){
		func(s *stage) { do(root(s.d), func(n *Node) { insertStrings(n, fTags, 2, "x") }) },
		func(s *stage) { do(root(s.d), func(n *Node) { n.List(fTags).SetLeaf(0, ptrTo("y")) }) },
		func(s *stage) { do(root(s.d), func(n *Node) { n.List(fTags).Remove(2, 1) }) }}},
	{"121 inserts at several places", []func(*stage){
		func(s *stage) { do(root(s.d), func(n *Node) { insertStrings(n, fTags, 1, "m", "n", "o") }) },
		func(s *stage) { do(root(s.d), func(n *Node) { insertStrings(n, fTags, 0, "first") }) },
		func(s *stage) { do(root(s.d), func(n *Node) { insertStrings(n, fTags, n.List(fTags).Len(), "last") }) }}},
	{"123 absent and back", []func(*stage){
		func(s *stage) { c := s.make("c"); do(root(s.d), func(n *Node) { n.SetChild(fBoss, c) }) },
		func(s *stage) {
			c := s.n.Child(fBoss)
			do(root(s.d), func(n *Node) { n.SetChild(fBoss, nil) })
			do(root(s.d), func(n *Node) { n.SetChild(fBoss, c) })
		}}},
	{"124, 142 inside an element", []func(*stage){
		func(s *stage) { s.insert(s.n.List(fTasks).Node(1), fSub, 0, s.make("x")) },
		func(s *stage) { s.text(s.n.List(fTasks).Node(1).List(fSub).Node(0), "y") },
		func(s *stage) { s.remove(s.n.List(fTasks).Node(1), fSub, 0) }}},
	{"125 delete, insert again", []func(*stage){func(s *stage) { s.drop("k") }, func(s *stage) { s.meta("k", 3) }}},
	{"127 128 inserts at one place", []func(*stage){func(s *stage) {
		for i := range 128 {
			do(root(s.d), func(n *Node) { insertStrings(n, fTags, 1, fmt.Sprint(i)) })
		}
	}}},
	{"128 8192 pushes", []func(*stage){func(s *stage) {
		for i := range 8192 {
			do(root(s.d), func(n *Node) { insertStrings(n, fTags, n.List(fTags).Len(), fmt.Sprint(i)) })
		}
	}}},
	{"130 128 at the front of an empty one", []func(*stage){
		func(s *stage) { do(root(s.d), func(n *Node) { n.List(fTags).Remove(0, n.List(fTags).Len()) }) },
		func(s *stage) {
			for i := range 128 {
				do(root(s.d), func(n *Node) { insertStrings(n, fTags, 0, fmt.Sprint(i)) })
			}
		}}},
	{"131 a map's element set, deleted", []func(*stage){
		func(s *stage) { s.set(7, s.make("x")) }, func(s *stage) { s.set(7, nil) }}},
	{"144 an object that is not the root", []func(*stage){func(s *stage) { s.text(s.n.List(fTasks).Node(0), "x") }}},
}

// TestNetwork replicates each scenario step by step and at once; then the copy
// takes back what it heard, newest first, and is what it was. destam H1
// (destam 124, 127, 128, 130, 142, 366)
func TestNetwork(t *testing.T) {
	for _, scenario := range network {
		for _, each := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/each %v", scenario.n, each), func(t *testing.T) {
				d, _, _ := create(t, Note{Tasks: []Task{{Text: "1"}, {Text: "2"}}, Tags: []string{"a", "b"},
					Meta: map[string]int64{"k": 1}}, 64)
				d.root.Watch(-1, func(*Commit) {})
				s := &stage{t: t, d: d, n: d.root, replica: newReplica(t, d, 64, "reversed")}
				before := s.replica.d.content()
				var heard []*Commit
				s.replica.d.root.Watch(-1, func(c *Commit) { heard = append(heard, c.settled()) })
				for _, step := range scenario.steps {
					if step(s); each {
						s.flush()
					}
				}
				s.flush()
				for i := len(heard) - 1; i >= 0; i-- {
					if _, err := s.replica.d.Perform(heard[i].Inverse(), Cause{}, true); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(s.replica.d.content(), before) {
					t.Error("what was taken back is something else")
				}
			})
		}
	}
}

// TestNetworkPaths holds what who watches an array of the copy hears of changes
// in its elements, each in its own commit: where, at its present index.
// (destam 124, 142)
func TestNetworkPaths(t *testing.T) {
	d, _, _ := create(t, Note{Tasks: []Task{{Text: "1"}, {Text: "2"}}}, 64)
	s := &stage{t: t, d: d, n: d.root, replica: newReplica(t, d, 64, "in order")}
	var heard []string
	s.replica.d.root.Watch(fTasks, func(c *Commit) {
		for i := range c.Deltas {
			heard = append(heard, fmt.Sprint(c.Deltas[i].Had, c.Deltas[i].Has, " ", c.Deltas[i].LockedPath()))
		}
	})
	second := s.n.List(fTasks).Node(1)
	for _, step := range []func(){
		func() { s.insert(second, fSub, 0, s.make("x")) },
		func() { s.text(second.List(fSub).Node(0), "y") },
		func() { s.insert(s.n, fTasks, 0, s.make("first")) },
		func() { s.text(second.List(fSub).Node(0), "z") },
		func() { s.remove(second, fSub, 0) },
		func() { s.meta("k", 1) },
	} {
		step()
		s.flush()
	}
	want := []string{"false true tasks.1.sub.0", "true true tasks.1.sub.0.text", "false true tasks.0",
		"true true tasks.2.sub.0.text", "true false tasks.2.sub.0"}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// peers are writers of one document; sync goes on until everybody has
// everything. A peer in another process has no document here: what happens to
// it happens there, where the same is played.
type peers struct {
	all  []*player
	sync func()
	kept func(v Note) bool // whether nothing of what was not in the way is lost; nil for whatever
}

// check demands that a peer has everything in the end.
func (p *peers) check(t testing.TB, d *Document) {
	t.Helper()
	if v := snapshot(d); p.kept != nil && !p.kept(v) {
		t.Errorf("something is lost: %+v", v)
	}
}

// on makes a change at a peer.
func (p *peers) on(i int, change func(n *Node)) {
	if p.all[i].d == nil {
		return
	}
	do(root(p.all[i].d), change)
	p.all[i].d.Seal() // a commit of its own
}

// room gives what a peer has in a slot.
func (p *peers) room(i, k int) *Node {
	if p.all[i].d == nil {
		return nil
	}
	l := p.all[i].d.root.List(fRooms)
	at, ok := l.Find(roomKey(p.all[i].d.root, k))
	if !ok {
		return nil
	}
	return l.Node(at)
}

func putRoom(k int, c *Node) func(*Node) {
	return func(n *Node) { n.EnsureList(fRooms).set(roomKey(n, k), c != nil, c) }
}

func newRoom(k int, text string) func(*Node) {
	return func(n *Node) {
		v := Task{Text: text}
		putRoom(k, n.doc.Build(n.typ.Nested(fBoss), ptrTo(v)))(n)
	}
}

// duplex is the group trackingDuplex of destam's tests.
var duplex = []struct {
	n    string
	play func(p *peers)
}{
	{"401 different keys at once", func(p *peers) {
		for i := range p.all {
			p.on(i, setMeta(fmt.Sprint("peer", i), int64(i)))
		}
		p.kept = func(v Note) bool {
			for i := range p.all {
				if got, ok := v.Meta[fmt.Sprint("peer", i)]; !ok || got != int64(i) {
					return false
				}
			}
			return true
		}
	}},
	{"402 mutate what another created", func(p *peers) {
		p.on(0, newRoom(1, "a"))
		p.sync()
		p.on(1, func(*Node) { setText(p.room(1, 1), fText, "b") })
		p.kept = func(v Note) bool { return v.Rooms[1].Text == "b" }
	}},
	{"404 deleted by its creator, mutated by another before that arrives", func(p *peers) { p.deleted(false, false, false) }},
	{"405 and attached again", func(p *peers) { p.deleted(false, true, false) }},
	{"406 after it arrived", func(p *peers) { p.deleted(true, false, false) }},
	{"407 after it arrived, and attached again", func(p *peers) { p.deleted(true, true, false) }},
	{"408 put back by its creator too", func(p *peers) { p.deleted(false, true, true) }},
	{"409 put back by its creator only", func(p *peers) { p.deleted(false, false, true) }},
	{"410 put back by its creator, after it arrived", func(p *peers) { p.deleted(true, false, true) }},
	{"411 put back by both, after it arrived", func(p *peers) { p.deleted(true, true, true) }},
	{"412 attached again without a mutation", func(p *peers) {
		p.on(0, newRoom(1, "a"))
		p.sync()
		c := p.room(1, 1)
		p.on(0, putRoom(1, nil))
		p.on(1, putRoom(2, c))
	}},
	{"419 replaced while a second slot still refers to it", func(p *peers) { p.replaced(0, 1) }},
	{"420 the other way", func(p *peers) { p.replaced(1, 0) }},
	{"422 a listener makes objects of what comes, another mutates them", func(p *peers) {
		if d := p.all[1].d; d != nil {
			d.root.Watch(fMeta, func(c *Commit) {
				if c.Origin == Remote {
					do(root(d), newRoom(9, "made"))
				}
			})
		}
		p.on(0, setMeta("x", 1))
		p.sync()
		p.on(0, func(*Node) { setText(p.room(0, 9), fText, "mutated") })
		p.kept = func(v Note) bool { return v.Rooms[9].Text == "mutated" }
	}},
	{"423 random inserts into one array from all sides", func(p *peers) {
		for i := range 25 {
			for j, w := range p.all {
				p.on(j, func(n *Node) { insertStrings(n, fTags, w.r.IntN(n.List(fTags).Len()+1), fmt.Sprint(j, i)) })
			}
		}
		p.kept = func(v Note) bool { return len(v.Tags) == len(seedNote.Tags)+25*len(p.all) }
	}},
	{"headline 3: one slot at once", func(p *peers) {
		for i := range p.all {
			p.on(i, setMeta("k", int64(100+i)))
		}
	}},
}

// deleted lets one peer create an object and delete it, and another mutate it,
// before or after that is heard of, and attach it again; the first may put it
// back.
func (p *peers) deleted(arrived, attach, back bool) {
	p.on(0, newRoom(1, "a"))
	p.sync()
	mine, c := p.room(0, 1), p.room(1, 1)
	p.on(0, putRoom(1, nil))
	if arrived {
		p.sync()
	}
	p.on(1, func(*Node) { setText(c, fText, "b") })
	if attach {
		p.on(1, putRoom(2, c))
	}
	if back {
		p.on(0, putRoom(3, mine))
	}
}

func (p *peers) replaced(i, j int) {
	p.on(0, newRoom(1, "a"))
	p.sync()
	c := p.room(i, 1)
	p.on(i, putRoom(2, c))
	p.sync()
	p.on(j, newRoom(1, "other"))
	p.on(i, func(*Node) { setText(c, fText, "b") })
}

// TestDuplex plays each with two to four writers whose commits a store orders,
// whoever is the first: all end equal, and of what was not in the way of
// something else nothing is lost.
// (destam 140)
func TestDuplex(t *testing.T) {
	for _, scenario := range duplex {
		for n := 2; n <= 4; n++ {
			for _, swap := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d peers/swapped %v", scenario.n, n, swap), func(t *testing.T) {
					s, all := newShared(t, 64, uint64(n), n)
					if swap {
						all[0], all[1] = all[1], all[0]
					}
					p := &peers{sync: func() { s.rest(all) }}
					for _, w := range all {
						p.all = append(p.all, w.player)
					}
					scenario.play(p)
					p.sync()
					for i, w := range all {
						p.check(t, w.d)
						w.check(t, scenario.n)
						w.reports(t)
						if !bytes.Equal(w.d.content(), s.twin.content()) {
							equalNotes(t, fmt.Sprint("peer ", i), storedPart(w.d), storedPart(s.twin))
							t.Fatalf("peer %d: ids or keys differ", i)
						}
					}
				})
			}
		}
	}
}

// linkedPlay says how a scenario of duplex is played on links.
type linkedPlay struct {
	Scenario, Peers int
	Swap, AtOnce    bool // who is in the middle; not by turns
	Order           string
}

func (l linkedPlay) String() string {
	return fmt.Sprintf("%s/%d peers/swapped %v/at once %v/%s", duplex[l.Scenario].n, l.Peers, l.Swap, l.AtOnce, l.Order)
}

// play plays it with the peers of a star.
func (l linkedPlay) play(s *star, sync func()) *peers {
	p := &peers{sync: sync}
	for _, w := range s.peers {
		p.all = append(p.all, w.player)
	}
	if l.Swap {
		p.all[0], p.all[1] = p.all[1], p.all[0]
	}
	duplex[l.Scenario].play(p)
	p.sync()
	return p
}

// TestDuplexLinked plays each with a document and one to three copies that send
// each other digests, whoever is in the middle, by turns or all at once, with
// the deltas of each message in any order: all end equal. So they do when every
// other one is in another process.
func TestDuplexLinked(t *testing.T) {
	far := elsewhere.Start(t, "TestFar")
	for scenario := range duplex {
		for n := 2; n <= 4; n++ {
			for variant := range 24 {
				l := linkedPlay{scenario, n, variant%2 > 0, variant/2%2 > 0, deltaOrders[variant/4%3]}
				to := []*elsewhere.Process{nil, far}[variant/12]
				t.Run(fmt.Sprintf("%v/apart %v", l, to != nil), func(t *testing.T) { l.linked(t, to) })
			}
		}
	}
}

func (l linkedPlay) linked(t *testing.T, far *elsewhere.Process) {
	s := newFarStar(t, 64, uint64(l.Peers), l.Peers, far)
	s.order = l.Order
	if far != nil {
		far.Ask(t, farPlay, asJSON(t, l))
	}
	p := l.play(s, func() {
		for _, x := range s.ties {
			if l.AtOnce {
				s.send(x, 0)
				s.send(x, 1)
			}
		}
		s.rest()
		if far != nil {
			far.Ask(t, farGo, nil)
		}
	})
	s.same()
	p.check(t, s.peers[0].d)
	if far == nil {
		return
	}
	for i := 1; i < l.Peers; i += 2 {
		if !bytes.Equal(far.Ask(t, farShow, []byte{byte(i)}), s.peers[0].d.content()) {
			t.Errorf("peer %d, in another process, is something else", i)
		}
	}
}
