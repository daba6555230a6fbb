package doc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"unsafe"
)

// mirror is a listener, of an object or of one of its fields, that keeps what
// it has heard of slot by slot, and holds each commit against it.
type mirror struct {
	t     testing.TB
	what  string
	n     *Node
	f     int32
	live  bool // it hears of each commit before the next is made
	slots map[slot]any
	seen  map[*Node]bool // objects in view
	apart map[*Node]bool // what came when the document was ahead of what is heard: not looked into
	heard int
	folds int
}

func newMirror(t testing.TB, what string, n *Node, f int, live bool) *mirror {
	m := &mirror{t: t, what: what, n: n, f: int32(f), live: live, slots: map[slot]any{}, apart: map[*Node]bool{}}
	m.scan(n, m.f)
	m.seen = m.inView()
	return m
}

// overhear holds that what a listener hears of a document from now to the end
// of the test, folded, is what is shown then.
func overhear(t testing.TB, d *Document) {
	m := newMirror(t, "a listener from the beginning", d.root, -1, false)
	d.root.Watch(-1, m.hear)
	t.Cleanup(func() {
		if !t.Failed() {
			m.check("at the end")
		}
	})
}

// eachSlot calls slot with every slot of n itself that who watches n sees, or
// of field f of it.
func eachSlot(n *Node, f int32, visit func(slot, any)) {
	for i := range n.typ.Fields {
		if f >= 0 && int32(i) != f || f < 0 && n.typ.Fields[i].Local {
			continue
		}
		switch n.typ.Fields[i].Kind {
		case Inner:
			eachSlot(n.inner(i), -1, visit)
		case LeafList, NodeList:
			l := n.List(i)
			for j := range l.Len() {
				visit(slot{n, l, int32(i), l.cells.Key(j)}, l.elem(j))
			}
		default:
			if has, v := n.value(i); has {
				visit(slot{n: n, f: int32(i)}, v)
			}
		}
	}
}

// scan takes over what is in n, and below.
func (m *mirror) scan(n *Node, f int32) {
	eachSlot(n, f, func(s slot, v any) {
		m.slots[s] = v
		if c, ok := v.(*Node); ok {
			m.scan(c, -1)
		}
	})
}

// inView gives the objects that what was heard of leads to.
func (m *mirror) inView() map[*Node]bool {
	in := map[*Node][]*Node{}
	for s, v := range m.slots {
		if c, ok := v.(*Node); ok && (s.n != m.n || m.f < 0 || s.f == m.f) {
			base := baseIn(s.n, m.n)
			in[base] = append(in[base], c)
		}
	}
	seen := map[*Node]bool{m.n: true}
	todo := []*Node{m.n}
	for len(todo) > 0 {
		n := todo[0]
		todo = todo[1:]
		for _, c := range in[n] {
			if !seen[c] && !m.apart[c] {
				seen[c] = true
				todo = append(todo, c)
			}
		}
	}
	return seen
}

// baseIn is the nearest object at or above n that has an id, or is to.
func baseIn(n, to *Node) *Node {
	for n.required() && n != to {
		n = n.up.n
	}
	return n
}

func (m *mirror) hear(c *Commit) {
	m.heard++
	if c.Digested {
		m.folds++
	}
	if len(c.Deltas) == 0 {
		m.t.Errorf("%s: a commit that says nothing", m.what)
	}
	var came []*Node
	for i := range c.Deltas { // what was there
		x := &c.Deltas[i]
		base := baseIn(x.N, m.n)
		if !m.seen[base] && !m.live {
			continue // inside of what is not looked into
		}
		if !m.seen[base] || x.N == m.n && m.f >= 0 && x.F != m.f {
			m.t.Errorf("%s: heard of %s, which is not in view", m.what, x.Path())
		}
		m.was(x)
		if n, ok := x.Val.(*Node); ok && x.Has {
			came = append(came, n)
			if x.came && m.live && x.Plain() != nil && !reflect.DeepEqual(x.Plain(), n.plain()) {
				m.t.Errorf("%s: %s came as %v, it is %v", m.what, x.Path(), x.Plain(), n.plain())
			}
		}
	}
	m.rename(c)
	twice := map[slot]bool{}
	for i := range c.Deltas { // what is there
		x := &c.Deltas[i]
		if !x.Has || !m.seen[baseIn(x.N, m.n)] {
			continue
		}
		s := slot{x.N, x.L, x.F, x.Key}
		if _, there := m.slots[s]; there || twice[s] {
			m.t.Errorf("%s: %s has a value already", m.what, x.Path())
		}
		twice[s] = true
		m.slots[s] = x.Val
	}
	for _, n := range came {
		if !m.seen[n] || cameIn(c, n) {
			m.arrive(n)
		}
	}
	m.seen = m.inView()
}

func cameIn(c *Commit, n *Node) bool {
	for i := range c.Deltas {
		if c.Deltas[i].came && c.Deltas[i].Val == any(n) {
			return true
		}
	}
	return false
}

// was takes the old value of a delta out, which must be what was heard.
func (m *mirror) was(x *Delta) {
	if !x.Had {
		return // what is there now is seen to when it comes
	}
	s := slot{x.N, x.L, x.F, x.start()}
	if x.L == nil {
		s.key = ""
	}
	v, there := m.slots[s]
	delete(m.slots, s)
	if !there {
		m.t.Errorf("%s: heard that %s was %v, and not before that it is", m.what, x.Path(), x.Prev)
	} else if !(&Delta{Head: Head{N: x.N, F: x.F}, Prev: v, Val: x.Prev}).same() {
		m.t.Errorf("%s: heard that %s is %v, now that it was %v", m.what, x.Path(), v, x.Prev)
	}
}

func (m *mirror) rename(c *Commit) {
	moved := map[slot]any{}
	for _, x := range c.renames {
		for i, old := range x.Renamed().Old {
			s := slot{x.N, x.L, x.F, old}
			if v, ok := m.slots[s]; ok {
				delete(m.slots, s)
				s.key = x.Renamed().New[i]
				moved[s] = v
			}
		}
	}
	for s, v := range moved {
		m.slots[s] = v
	}
}

// arrive takes over the content of an object that came into view.
func (m *mirror) arrive(n *Node) {
	gone := map[*Node]bool{}
	mark := func(c *Node) { c.inners(func(c *Node) { gone[c] = true }) }
	if mark(n); m.live {
		n.nodes(mark)
	}
	for s := range m.slots {
		if gone[s.n] {
			delete(m.slots, s)
		}
	}
	if m.apart[n] = !m.live; m.live {
		m.scan(n, -1)
	}
}

// check compares what was heard of with what is there.
func (m *mirror) check(what string) {
	m.t.Helper()
	now := newMirror(m.t, m.what, m.n, int(m.f), true)
	now.apart = m.apart
	seen := now.inView()
	for s, v := range now.slots {
		if !seen[baseIn(s.n, m.n)] {
			continue
		}
		was, ok := m.slots[s]
		if !ok || !(&Delta{Head: Head{N: s.n, F: s.f}, Prev: was, Val: v}).same() {
			m.t.Errorf("%s, %s: heard %v (%v), it is %v", what, m.what, was, ok, v)
		}
	}
	for s := range m.slots {
		if _, ok := now.slots[s]; !ok && m.seen[baseIn(s.n, m.n)] {
			m.t.Errorf("%s, %s: heard of field %d of a %s, which is not there", what, m.what, s.f, s.n.typ.Name)
		}
	}
}

// drain reads all that waits.
func drain(t testing.TB, r *Reader, m *mirror) {
	t.Helper()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var last *Commit
	for {
		c, err := r.Next(over)
		if err != nil {
			break
		}
		m.hear(c)
		last = c
	}
	for i := range last.deltas() { // of which nothing has changed since
		if x := &last.Deltas[i]; x.Plain() != nil && !reflect.DeepEqual(x.Plain(), x.Val.(*Node).plain()) {
			t.Errorf("%s: %s came as %v, it is %v", m.what, x.Path(), x.Plain(), x.Val.(*Node).plain())
		}
	}
}

func (c *Commit) deltas() []Delta {
	if c == nil {
		return nil
	}
	return c.Deltas
}

// TestMirrors lets everybody who can listen hear of random changes, rollbacks
// and refusals, at once, late, or so late that it comes folded: what was heard
// of, put together, is what is shown.
func TestMirrors(t *testing.T) {
	var heard, folds int
	for _, bound := range bounds {
		for seed := range rounds(30) {
			d, _, _ := create(t, seedNote, bound)
			d.opts.Backlog = 3 + int(seed%9)
			p := newPlayer(d, seed, 40)
			what := fmt.Sprintf("bound %d seed %d", bound, seed)
			var all []*mirror
			listen := func(name string, n *Node, f int) {
				m := newMirror(t, "listener of "+name, n, f, true)
				n.Watch(f, m.hear)
				all = append(all, m)
			}
			type reading struct {
				r *Reader
				m *mirror
			}
			var late []reading
			read := func(name string, n *Node, f int) {
				m := newMirror(t, "reader of "+name, n, f, false)
				late = append(late, reading{n.NewReader(f), m})
				all = append(all, m)
			}
			listen("root", d.root, -1)
			listen("tasks", d.root, fTasks)
			listen("the section", d.root, fQuery)
			listen("the first task", d.root.List(fTasks).Node(0), -1)
			listen("its parts", d.root.List(fTasks).Node(0), fSub)
			listen("what is local", d.root, fDraft)
			read("root", d.root, -1)
			read("tasks", d.root, fTasks)
			read("the second task", d.root.List(fTasks).Node(1), -1)
			for step := range 30 {
				switch waiting := d.Waiting(); {
				case p.r.IntN(6) == 0 && len(waiting) > 0:
					d.Refuse(waiting[p.r.IntN(len(waiting))], errors.New("no"))
				case p.r.IntN(6) == 0:
					d.Seal()
				default:
					p.some(t)
				}
				for _, m := range all {
					if m.live {
						m.check(fmt.Sprintf("%s step %d", what, step))
					}
				}
				for _, l := range late {
					if p.r.IntN(12) == 0 {
						drain(t, l.r, l.m)
						l.m.check(fmt.Sprintf("%s step %d", what, step))
					}
				}
				if t.Failed() {
					t.Fatalf("%s step %d", what, step)
				}
			}
			for _, l := range late {
				drain(t, l.r, l.m)
				l.m.check(what)
				l.r.Close()
			}
			if t.Failed() {
				t.Fatal(what)
			}
			for _, m := range all {
				heard, folds = heard+m.heard, folds+m.folds
			}
		}
	}
	if heard < 3_000 || folds < 50 {
		t.Errorf("only %d commits were heard of, and %d folded ones", heard, folds)
	}
}

// TestMirrorsFolded is TestMirrors for listeners that are so slow that what
// waits for them is folded.
func TestMirrorsFolded(t *testing.T) {
	folds := 0
	for _, bound := range bounds {
		for seed := range rounds(20) {
			d, h, _ := create(t, seedNote, bound)
			d.opts.Backlog = 2 + int(seed%9)
			p := newPlayer(d, seed, 41)
			what := fmt.Sprintf("bound %d seed %d", bound, seed)
			var all []*mirror
			busy := true
			d.root.Watch(-1, func(*Commit) { // the one that holds up the others
				if busy {
					return
				}
				busy = true
				for range 4 + p.r.IntN(20) {
					p.some(t)
				}
			})
			first := d.root.List(fTasks).Node(0)
			for _, w := range []struct {
				name string
				n    *Node
				f    int
			}{{"root", d.root, -1}, {"tasks", d.root, fTasks}, {"the first task", first, -1}, {"its parts", first, fSub}, {"what is local", d.root, fDraft}} {
				m := newMirror(t, w.name, w.n, w.f, false)
				w.n.Watch(w.f, m.hear)
				all = append(all, m)
			}
			for range 6 {
				busy = false
				do(root(d), func(n *Node) { setText(n, fTitle, fmt.Sprint(p.r.Int())) })
				if err := d.Settle(t.Context()); err != nil {
					t.Fatal(err)
				}
				h.running.Wait()
				if d.out.waiting != 0 || d.out.busy() || len(d.out.queue) != 0 {
					t.Fatalf("%s: %d commits still wait", what, d.out.waiting)
				}
				for _, m := range all {
					m.check(what)
				}
				if t.Failed() {
					t.FailNow()
				}
			}
			for _, m := range all {
				folds += m.folds
			}
		}
	}
	if folds < 200 {
		t.Errorf("only %d commits were folded", folds)
	}
}

// TestDeepSharing nests objects that each hold the next one twice: there are
// millions of ways from the top to the bottom, and nothing may take them all.
func TestDeepSharing(t *testing.T) {
	const depth = 25
	d, _, bodies := create(t, Note{Tasks: []Task{{Text: "bottom"}}}, 64)
	bottom := d.root.List(fTasks).Node(0)
	link := func(n *Node, f int, c *Node) {
		if err := n.Linkable(f, c); err != nil {
			t.Fatal(err)
		}
		l := n.EnsureList(f)
		l.Open(0, 1)
		l.Put(0, c)
		l.Close(0, 1)
	}
	var heard []*Commit
	watch := func(c *Commit) { heard = append(heard, c) }
	d.root.Watch(-1, watch)
	reader := d.root.NewReader(-1)
	if _, err := root(d).Update(func(unsafe.Pointer) error {
		for range depth {
			v := Task{}
			top := d.Build(bottom.typ, unsafe.Pointer(&v))
			c := d.root.List(fTasks).Node(0)
			link(top, fSub, c)
			link(top, fSub, c)
			d.root.List(fTasks).SetNode(0, top)
		}
		return nil
	}, Cause{}); err != nil {
		t.Fatal(err)
	}
	if len(heard) != 1 || len(heard[0].Deltas) != 1 || heard[0].Deltas[0].Plain() != nil {
		t.Fatalf("heard %d commits of the nest", len(heard))
	}
	bodies = store(d, bodies)
	heard = nil
	do(root(d), func(*Node) { setText(bottom, fText, "changed") })
	if len(heard) != 1 || len(heard[0].Deltas) != 1 {
		t.Fatalf("heard %d commits of the bottom", len(heard))
	}
	top := d.root.List(fTasks).Node(0)
	if d.root.Linkable(fBoss, top) != nil || bottom.Linkable(fSub, top) != ErrCycle {
		t.Error("what may be linked where is not known")
	}
	bodies = store(d, bodies)
	if twin := replayed(t, bodies, 64); len(twin.content()) != len(d.content()) {
		t.Error("replayed as something else")
	}
	fromCheckpoint(t, d, 64)
	do(root(d), func(n *Node) { n.List(fTasks).Remove(0, 1) })
	if bottom.Attached() || bottom.stored() {
		t.Error("the bottom is still there")
	}
	do((*Object)(bottom.Canonical()), func(n *Node) { setText(n, fText, "outside") })
	bodies = store(d, bodies)
	if c, err := reader.Next(t.Context()); err != nil || len(c.Deltas) != 1 {
		t.Errorf("read %v, %v", c, err)
	}
	if len(replayed(t, bodies, 64).index) > 0 || len(heard) != 2 {
		t.Errorf("heard %d commits", len(heard))
	}
}
