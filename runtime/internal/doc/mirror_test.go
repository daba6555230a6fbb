package doc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"unsafe"
)

// drain reads all that waits.
func drain(r *Reader, heard func(*Commit)) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for c, err := r.Next(over); err == nil; c, err = r.Next(over) {
		heard(c)
	}
}

// TestMirrors lets everybody who can listen hear of random changes, rollbacks
// and refusals, at once, late, or so late that it comes folded: what was heard
// of, put together, is what is shown.
func TestMirrors(t *testing.T) {
	var heard, folded int
	for _, bound := range bounds {
		for seed := range rounds(30) {
			d, _, _ := create(t, seedNote, bound)
			d.opts.Backlog = 3 + int(seed%9)
			p := newPlayer(d, seed, 40)
			what := fmt.Sprintf("bound %d seed %d", bound, seed)
			hear := func(c *Commit) {
				if heard++; c.Digested {
					folded++
				}
			}
			first := d.root.List(fTasks).Node(0)
			d.root.Watch(-1, hear)
			d.root.Watch(fTasks, hear)
			d.root.Watch(fQuery, hear)
			first.Watch(-1, hear)
			first.Watch(fSub, hear)
			d.root.Watch(fDraft, hear)
			late := []*Reader{d.root.NewReader(-1), d.root.NewReader(fTasks), d.root.List(fTasks).Node(1).NewReader(-1)}
			for step := range 30 {
				switch waiting := d.Waiting(); {
				case p.r.IntN(6) == 0 && len(waiting) > 0:
					d.Refuse(waiting[p.r.IntN(len(waiting))], errors.New("no"))
				case p.r.IntN(6) == 0:
					d.Seal()
				default:
					p.some(t)
				}
				for _, r := range late {
					if p.r.IntN(12) == 0 {
						drain(r, hear)
					}
				}
				checkFolds(t, fmt.Sprintf("%s step %d", what, step), d)
			}
			for _, r := range late {
				drain(r, hear)
			}
			checkFolds(t, what, d)
			for _, r := range late {
				r.Close()
			}
		}
	}
	if heard < 3_000 || folded < 50 {
		t.Errorf("only %d commits were heard of, and %d folded ones", heard, folded)
	}
}

// TestMirrorsFolded is TestMirrors for listeners that are so slow that what
// waits for them is folded.
func TestMirrorsFolded(t *testing.T) {
	folded := 0
	for _, bound := range bounds {
		for seed := range rounds(20) {
			d, h, _ := create(t, seedNote, bound)
			d.opts.Backlog = 2 + int(seed%9)
			p := newPlayer(d, seed, 41)
			what := fmt.Sprintf("bound %d seed %d", bound, seed)
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
			hear := func(c *Commit) {
				if c.Digested {
					folded++
				}
			}
			d.root.Watch(-1, hear)
			d.root.Watch(fTasks, hear)
			first.Watch(-1, hear)
			first.Watch(fSub, hear)
			d.root.Watch(fDraft, hear)
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
				checkFolds(t, what, d)
			}
		}
	}
	if folded < 200 {
		t.Errorf("only %d commits were folded", folded)
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
