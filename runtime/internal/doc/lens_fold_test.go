package doc

import (
	"context"
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

// targets is what a lens leads to from a place on, found the plainest way.
func targets(n *Node, l *Lens, i int, to map[slot]any) {
	for i := range l.from(i) {
		step, next := l.step(i), l.after(i)
		f := int(step.f)
		switch n.typ.Fields[f].Kind {
		case Leaf, OptionalLeaf:
			if has, v := n.value(f); has {
				to[slot{n: n, f: step.f}] = v
			}
		case Inner:
			targets(n.inner(f), l, next, to)
		case Child:
			if c := n.Child(f); c != nil {
				targets(c, l, next, to)
			}
		default:
			list := n.List(f)
			for i := range list.Len() {
				k := list.cells.Key(i)
				switch {
				case !l.step(next).takes(list, k):
				case l.field.typ == nil && list.field().Kind == LeafList:
					to[slot{n, list, step.f, k}] = list.elem(i)
				default:
					targets(list.Node(i), l, l.after(next), to)
				}
			}
		}
	}
}

// places is targets, with one place for a lens that leads to one.
func places(n *Node, l *Lens) map[slot]any {
	there := map[slot]any{}
	targets(n, l, 0, there)
	if l.many {
		return there
	}
	one := map[slot]any{}
	for _, v := range there {
		one[slot{}] = v
	}
	return one
}

// fold is a listener that keeps what it has heard of, place by place.
type fold struct {
	t     *testing.T
	n     *Node
	lens  *Lens
	s     *Subscription
	shown map[slot]any
	heard int
}

func watchFold(t *testing.T, n *Node, l *Lens) *fold {
	f := &fold{t: t, n: n, lens: l, shown: places(n, l)}
	f.s = n.Through(l, true, f.hear)
	return f
}

func (f *fold) hear(c *Commit) {
	if !f.lens.many && len(c.changes) > 1 {
		f.t.Errorf("%d changes of one place", len(c.changes))
	}
	for i := range c.changes {
		x := &c.changes[i]
		f.heard++
		if x.idle() {
			f.t.Errorf("told that nothing changed: %v", x.Val)
		}
		if !x.Had {
			continue
		}
		was, ok := f.shown[x.from]
		if !ok || !f.lens.field.leaf.same(was, x.Prev) {
			f.t.Errorf("heard that it is %v (%v), now that it was %v", was, ok, x.Prev)
		}
		delete(f.shown, x.from)
	}
	moves := map[slot]any{}
	for _, m := range c.moved {
		if v, ok := f.shown[m.from]; ok {
			delete(f.shown, m.from)
			moves[m.to] = v
		}
	}
	for s, v := range moves {
		f.shown[s] = v
	}
	for _, x := range c.changes {
		if x.Has {
			if _, ok := f.shown[x.to]; ok {
				f.t.Errorf("%v comes to a place that has a value", x.Val)
			}
			f.shown[x.to] = x.Val
		}
	}
}

// check compares what was heard with what is there.
func (f *fold) check(where string) {
	f.t.Helper()
	now := places(f.n, f.lens)
	for s, v := range now {
		if was, ok := f.shown[s]; !ok || !f.lens.field.leaf.same(was, v) {
			f.t.Errorf("%s: heard %v (%v), it is %v", where, was, ok, v)
		}
	}
	for s, v := range f.shown {
		if _, ok := now[s]; !ok {
			f.t.Errorf("%s: heard %v, it is gone", where, v)
		}
	}
	count := 0
	for range f.lens.Values(f.n) {
		count++
	}
	if count != len(now) {
		f.t.Errorf("%s: the lens yields %d values, there are %d", where, count, len(now))
	}
	if f.t.Failed() {
		f.t.Fatalf("%s: lens %v loops %v", where, f.lens.steps, f.lens.loops)
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
			var folds []*fold
			for range 12 {
				folds = append(folds, watchFold(t, d.root, anyLens(r, noteType)))
			}
			for range 3 { // these may leave the tree, and are watched all the same
				c := anyTask(r, d)
				folds = append(folds, watchFold(t, c, anyLens(r, c.typ)))
			}
			check := func(what string) {
				for _, f := range folds {
					f.check(fmt.Sprintf("bound %d seed %d %s", bound, seed, what))
				}
			}
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
			for _, f := range folds {
				total += f.heard
				f.s.Stop()
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
			var bags []*bag
			for range 10 {
				bags = append(bags, newBag(t, d.root, anyLens(r, noteType), &digested))
			}
			for range 3 { // these may leave the tree
				c := anyTask(r, d)
				bags = append(bags, newBag(t, c, anyLens(r, c.typ), &digested))
			}
			for range 3 {
				busy = false
				do(root(d), func(*Node) { setText(d.root, fTitle, fmt.Sprint(r.Int())) })
				for _, b := range bags {
					b.check(fmt.Sprintf("bound %d seed %d", bound, seed))
				}
			}
		}
		if digested < 500 {
			t.Errorf("only %d commits were digested", digested)
		}
	}
}

// bag is a listener that keeps the values that it heard of, without places:
// all that users see.
type bag struct {
	t        *testing.T
	n        *Node
	lens     *Lens
	values   []string
	digested *int
}

func newBag(t *testing.T, n *Node, l *Lens, digested *int) *bag {
	b := &bag{t: t, n: n, lens: l, digested: digested}
	b.values = b.now()
	n.Through(l, true, b.hear)
	return b
}

// now gives what is there, sorted.
func (b *bag) now() []string {
	there := map[slot]any{}
	targets(b.n, b.lens, 0, there)
	var vs []string
	for _, v := range there {
		vs = append(vs, fmt.Sprint(v))
	}
	slices.Sort(vs)
	return vs
}

func (b *bag) hear(c *Commit) {
	if c.Digested {
		*b.digested++
	}
	if !b.lens.many && len(c.changes) > 1 {
		b.t.Errorf("%d changes of one place: %v digested %v", len(c.changes), c.changes, c.Digested)
	}
	for _, x := range c.changes {
		if x.idle() {
			b.t.Errorf("told that nothing changed: %v", x.Val)
		}
		if x.Had {
			i := slices.Index(b.values, fmt.Sprint(x.Prev))
			if i < 0 {
				b.t.Errorf("was %v, which nobody heard of", x.Prev)
				continue
			}
			b.values = slices.Delete(b.values, i, i+1)
		}
	}
	for _, x := range c.changes {
		if x.Has {
			b.values = append(b.values, fmt.Sprint(x.Val))
		}
	}
}

func (b *bag) check(where string) {
	b.t.Helper()
	slices.Sort(b.values)
	if now := b.now(); !slices.Equal(now, b.values) || b.t.Failed() {
		b.t.Fatalf("%s: lens %v loops %v: heard %v, there are %v", where, b.lens.steps, b.lens.loops, b.values, now)
	}
}

// TestLensReader reads now and then: what was missed comes folded.
func TestLensReader(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, bound := range bounds {
		digested := 0
		for seed := range uint64(130) {
			r := rand.New(rand.NewPCG(seed, 9))
			d, h, _ := create(t, seedNote, bound)
			d.opts.Backlog = 2
			readers := map[*Reader]*bag{}
			for range 6 {
				b := &bag{t: t, n: d.root, lens: anyLens(r, noteType), digested: &digested}
				b.values = b.now()
				readers[d.root.NewLensReader(b.lens, true)] = b
			}
			for range 10 {
				for range r.IntN(20) {
					do(root(d), func(*Node) { mutate(r, root(d)) })
				}
				for reader, b := range readers {
					for c, err := reader.Next(over); err == nil; c, err = reader.Next(over) {
						b.hear(c)
					}
					b.check(fmt.Sprintf("bound %d seed %d", bound, seed))
				}
			}
			for reader := range readers {
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
				same := func(a, b Delta) bool { return a.N == b.N && a.F == b.F && a.Key == b.Key && a.L == b.L }
				if !slices.EqualFunc(got, want, same) {
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
