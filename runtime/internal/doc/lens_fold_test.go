package doc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// anyLens makes a random lens to values, over trees and indexes too.
func anyLens(r *rand.Rand, t *Type) *Lens { return randomLens(r, t, true) }

func randomLens(r *rand.Rand, t *Type, wild bool) *Lens {
	l := NewLens(t)
	for depth := 0; ; depth++ {
		if sub := fSub; wild && l.typ.Name == "Task" && r.IntN(3) == 0 {
			down := l.Into(sub).Each()
			if r.IntN(4) == 0 {
				down = l.Into(sub).Index(0)
			}
			if tree, ok := l.Tree(down); ok {
				l = tree
			}
		}
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
		case wild && fd.keys == nil && r.IntN(5) == 0:
			l = l.Index(r.IntN(3))
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

// TestLensFold holds that what any lens hears, folded, is what it leads to:
// across setters, Updates, those that fail, refusals, moves and sharing.
func TestLensFold(t *testing.T) {
	for _, bound := range bounds {
		total := 0
		for seed := range uint64(150) {
			r := rand.New(rand.NewPCG(seed, 7))
			d, h, _ := create(t, seedNote, bound)
			hear := func(c *Commit) { total += len(c.changes) }
			var all []*Subscription
			for range 12 {
				all = append(all, d.root.Through(anyLens(r, noteType), true, hear))
			}
			for range 3 { // these may leave the tree, and are watched all the same
				c := anyTask(r, d)
				all = append(all, c.Through(anyLens(r, c.typ), true, hear))
			}
			check := func(what string) { checkFolds(t, fmt.Sprintf("bound %d seed %d %s", bound, seed, what), d) }
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
			for _, s := range all {
				s.Stop()
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
			hear := func(c *Commit) {
				if c.Digested {
					digested++
				}
			}
			for range 10 {
				d.root.Through(anyLens(r, noteType), true, hear)
			}
			for range 3 { // these may leave the tree
				c := anyTask(r, d)
				c.Through(anyLens(r, c.typ), true, hear)
			}
			for range 3 {
				busy = false
				do(root(d), func(*Node) { setText(d.root, fTitle, fmt.Sprint(r.Int())) })
				checkFolds(t, fmt.Sprintf("bound %d seed %d", bound, seed), d)
			}
		}
		if digested < 500 {
			t.Errorf("only %d commits were digested", digested)
		}
	}
}

// TestLensReader reads now and then: what was missed comes folded.
func TestLensReader(t *testing.T) {
	for _, bound := range bounds {
		digested := 0
		for seed := range uint64(130) {
			r := rand.New(rand.NewPCG(seed, 9))
			d, h, _ := create(t, seedNote, bound)
			d.opts.Backlog = 2
			var readers []*Reader
			for range 6 {
				readers = append(readers, d.root.NewLensReader(anyLens(r, noteType), true))
			}
			for range 10 {
				for range r.IntN(20) {
					do(root(d), func(*Node) { mutate(r, root(d)) })
				}
				for _, reader := range readers {
					drain(reader, func(c *Commit) {
						if c.Digested {
							digested++
						}
					})
				}
				checkFolds(t, fmt.Sprintf("bound %d seed %d", bound, seed), d)
			}
			for _, reader := range readers {
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
			w := &watch{lens: randomLens(r, noteType, false)}
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
				if !slices.EqualFunc(got, want, sameSlot) {
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
			if a.kind == into && (b.kind != into || a.f != b.f) || a.kind != into && !a.takes(nil, b.key) {
				return false
			}
		}
		for _, b := range route[min(len(route), len(steps)):] { // below: what is local must be named
			if b.kind == into && b.typ.Fields[b.f].Local {
				return false
			}
		}
		return true
	}
	for f := range n.typ.Fields {
		route := append(slices.Clip(route), step{kind: into, typ: n.typ, f: int32(f)})
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
