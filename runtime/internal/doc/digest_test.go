package doc

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/destam-go/destamgen/internal/elsewhere"
	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// replica is a copy of a document in another process: a document of its own,
// with its own store, that gets what a digest is flushed into.
type replica struct {
	t      testing.TB
	from   *Digest
	d      *Document
	bodies [][]byte
	order  string // that the deltas of a commit are applied in
	met    map[ID]*Node
	far    *elsewhere.Process // has a copy too, nil for nobody
}

func newReplica(t testing.TB, d *Document, bound int, order string) *replica {
	t.Helper()
	w, content := d.NewDigest()
	c, _, bodies := adopted(t, d.root.typ, d.ID, bound, content)
	if !bytes.Equal(c.content(), d.content()) {
		t.Fatal("a copy is another document")
	}
	if len(d.digests)%2 == 1 { // what nobody watches is applied without a log
		c.root.Watch(-1, func(*Commit) {})
	}
	r := &replica{t: t, from: w, d: c, bodies: bodies, order: order, met: map[ID]*Node{}}
	r.meet()
	return r
}

// adopted gives a copy, and what its store has.
func adopted(t testing.TB, typ *Type, id ID, bound int, content []byte) (*Document, *host, [][]byte) {
	t.Helper()
	h := &host{}
	c := New(typ, id, h, Options{KeyBound: bound})
	if err := c.Adopt(content); err != nil {
		t.Fatal(err)
	}
	p, err := c.Create(Cause{})
	if err != nil {
		t.Fatal(err)
	}
	c.Stored(p, 1)
	return c, h, [][]byte{p.Body}
}

// meet demands that an object which is there has always been the same since it
// came: it is never made anew.
func (r *replica) meet() {
	now := map[ID]*Node{}
	r.d.root.nodes(func(n *Node) {
		if was := r.met[n.id]; was != nil && was != n {
			r.t.Errorf("an object at %s was made anew", n.path())
		}
		now[n.id] = n
	})
	r.met = now
}

// flush brings the copy up to date, and compares.
func (r *replica) flush() (deltas int) {
	r.t.Helper()
	body := r.from.Flush()
	if body == nil {
		r.same("without a commit")
		return 0
	}
	deltas = wire.NewReader(body).Array()
	body = reordered(body, r.order)
	r.take(body)
	r.same("after a commit")
	if r.far != nil && !bytes.Equal(r.far.Ask(r.t, farApply, body), r.from.d.content()) {
		r.t.Fatal("the copy in another process is something else")
	}
	return deltas
}

// take applies a commit.
func (r *replica) take(body []byte) {
	r.t.Helper()
	if _, err := r.d.Apply(body, Cause{By: "source"}); err != nil {
		r.t.Fatalf("%x: %v", body, err)
	}
	r.meet()
}

func (r *replica) same(what string) {
	r.t.Helper()
	r.store()
	if !bytes.Equal(r.d.content(), r.from.d.content()) {
		if r.d.root.typ == noteType {
			equalNotes(r.t, what, storedPart(r.d), storedPart(r.from.d))
		}
		r.t.Fatalf("%s: ids or keys differ", what)
	}
}

// store stores what the copy has pending.
func (r *replica) store() {
	r.t.Helper()
	checkHolders(r.t, r.d)
	for _, p := range r.d.Seal() {
		r.bodies = append(r.bodies, p.Body)
		r.d.Stored(p, uint64(len(r.bodies)))
	}
}

// reordered gives a body with its deltas in another order.
func reordered(body []byte, order string) []byte {
	r := wire.NewReader(body)
	var all [][]byte
	for range r.Array() {
		all = append(all, r.Raw())
	}
	switch order {
	case "shuffled":
		rand.New(rand.NewPCG(uint64(len(body)), 1)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	case "reversed":
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
	}
	b := wire.AppendArray(nil, len(all))
	for _, x := range all {
		b = append(b, x...)
	}
	return b
}

var deltaOrders = []string{"in order", "shuffled", "reversed"}

// TestDigests lets several digests of one document be flushed at random while
// everything happens to it that can: all copies equal it, after every flush,
// and so does what their own stores have. One that was stopped says nothing.
// (destam 370, 372, 373, 400)
func TestDigests(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(60) {
			d, _, _ := create(t, seedNote, bound)
			p := newPlayer(d, seed, 70)
			var all []*replica
			for i := range 5 {
				all = append(all, newReplica(t, d, bound, deltaOrders[i%3]))
			}
			for range 40 {
				switch waiting := d.Waiting(); {
				case p.r.IntN(6) == 0 && len(waiting) > 0:
					d.Refuse(waiting[p.r.IntN(len(waiting))], errors.New("no"))
				case p.r.IntN(6) == 0:
					for _, w := range d.Seal() {
						d.Stored(w, d.base+1)
					}
				default:
					p.some(t)
				}
				if p.r.IntN(3) == 0 {
					r := all[p.r.IntN(len(all))]
					r.t = t
					r.flush()
				}
				if t.Failed() {
					t.Fatalf("bound %d seed %d", bound, seed)
				}
			}
			for _, r := range all {
				r.flush()
				twin := replayed(t, r.bodies, bound)
				if !bytes.Equal(twin.content(), r.d.content()) {
					t.Fatalf("bound %d seed %d: the store of a copy has something else", bound, seed)
				}
				if r.from.Flush() != nil {
					t.Fatal("there is always more")
				}
				r.from.Stop()
				r.from.Stop()
			}
			p.some(t)
			for _, r := range all {
				if body := r.from.Flush(); body != nil {
					t.Fatalf("bound %d seed %d: after Stop, %x", bound, seed, body)
				}
			}
			if len(d.digests) != 0 || d.tracing != 0 {
				t.Fatal("a digest is never over")
			}
		}
	}
}

// TestDigestPasses lets elements run through a list: what came and went is
// forgotten.
func TestDigestPasses(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	r := newReplica(t, d, 64, "in order")
	for i := range 20_000 {
		do(root(d), func(n *Node) {
			insertStrings(n, fTags, n.List(fTags).Len(), fmt.Sprint(i))
			n.List(fTags).Remove(0, 1)
		})
	}
	if n := len(r.from.past.slots); n > 3000 {
		t.Errorf("a list of two elements takes %d slots", n)
	}
	if n := r.flush(); n > 4 {
		t.Errorf("%d deltas", n)
	}
}

// TestDigestBack sets values and sets them back: there is nothing to say, and
// of what is set besides, nothing but that.
func TestDigestBack(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	r := newReplica(t, d, 64, "in order")
	do(root(d), title("new"))
	do(root(d), title(seedNote.Title))
	if body := r.from.Flush(); body != nil {
		t.Errorf("what was set back is %x", body)
	}
	do(root(d), title("new"))
	do(root(d), text(0, "new"))
	do(root(d), title(seedNote.Title))
	if n := r.flush(); n != 1 {
		t.Errorf("%d deltas", n)
	}
}

// TestDigestRenumberedAndBack lets an element go, others get keys beyond its
// own and back, and another one come where it was: that is one slot, which has
// changed.
func TestDigestRenumberedAndBack(t *testing.T) {
	d, _, _ := create(t, Note{Tags: []string{"a", "b"}}, 64)
	r := newReplica(t, d, 64, "in order")
	l := d.root.List(fTags)
	first, second := l.cells.Key(0), l.cells.Key(1)
	beyond, _ := pos.Between(second, "", 1, 64)
	for _, edit := range []func(){
		func() { l.Remove(1, 1) },
		func() { l.rename(0, beyond) },
		func() { l.rename(0, []pos.Key{first}) },
		func() { l.set(second, true, "c") },
	} {
		do(root(d), func(*Node) { edit() })
	}
	if n := r.flush(); n != 1 {
		t.Errorf("%d deltas", n)
	}
}

// TestApplyUnfit applies what does not fit: nothing changes, here or in what is
// pending.
func TestApplyUnfit(t *testing.T) {
	d, h, _ := create(t, seedNote, 64)
	other, _, _ := create(t, seedNote, 64)
	r := newReplica(t, d, 64, "in order")
	o := newReplica(t, other, 64, "in order")
	once := func(change func(n *Node)) []byte {
		do(root(d), change)
		body := r.from.Flush()
		if _, err := r.d.Apply(body, Cause{}); err != nil {
			t.Fatal(err)
		}
		return body
	}
	entry := once(setMeta("n", 1))
	push := once(func(n *Node) { insertStrings(n, fTags, 1, "x") })
	once(func(n *Node) { n.SetChild(fBoss, nil) })
	came := once(func(n *Node) { n.SetChild(fBoss, n.doc.Build(n.typ.Nested(fBoss), ptrTo(Task{Text: "new"}))) })
	do(root(other), func(n *Node) { text(0, "elsewhere")(n) })
	foreign := o.from.Flush()
	place := func(b []byte, name string) []byte { return wire.AppendString(b, name) }
	one := func(op int64, build func(b []byte) []byte, parts int) []byte {
		b := wire.AppendArray(wire.AppendArray(nil, 1), parts)
		return build(wire.AppendInt(b, op))
	}
	value := func(name string) func([]byte) []byte {
		return func(b []byte) []byte { return wire.AppendString(place(b, name), "v") }
	}
	shown, pending := snapshot(r.d), len(r.d.Waiting())
	h.take()
	for name, body := range map[string][]byte{
		"a field that came, again: destam 138, 148, 377":    came,
		"a key that came, again: destam 381":                entry,
		"an element that came, again: destam 139, 146, 384": push,
		"of another document: destam 147":                   foreign,
		"garbage: destam 369":                               {0x91, 0xc0},
		"nothing":                                           {},
		"a field that is there inserted: destam 377":        one(opInsert, value("title"), 3),
		"an optional one modified that is not":              one(opModify, value("due"), 3),
		"an optional one deleted that is not: destam 379":   one(opDelete, func(b []byte) []byte { return place(b, "due") }, 2),
		"a field without a name":                            one(opModify, value(""), 3),
		"a name that is no text: destam 376":                one(opModify, func(b []byte) []byte { return wire.AppendString(wire.AppendInt(b, 1), "v") }, 3),
		"a key of a map that is none: destam 380": one(opInsert+opElement, func(b []byte) []byte {
			return wire.AppendInt(wire.AppendInt(place(b, "meta"), 1), 1)
		}, 4),
		"a key of a map deleted that is not there: destam 382": one(opDelete+opElement, func(b []byte) []byte { return wire.AppendString(place(b, "meta"), "no") }, 3),
		"an element of an array by its number: destam 383": one(opInsert+opElement, func(b []byte) []byte {
			return wire.AppendString(wire.AppendInt(place(b, "tags"), 1), "v")
		}, 4),
		"an element of an array deleted that is not there: destam 385": one(opDelete+opElement, func(b []byte) []byte {
			return wire.AppendExt(place(b, "tags"), extKey, []byte("~~"))
		}, 3),
		"an element of an array modified that is not there": one(opModify+opElement, func(b []byte) []byte {
			return wire.AppendString(wire.AppendExt(place(b, "tags"), extKey, []byte("~~")), "v")
		}, 4),
		"a field that is not known here": one(opInsert, value("newer"), 3),
		"two deltas of one slot: destam 389": append(wire.AppendArray(nil, 2), bytes.Repeat(
			one(opModify, value("title"), 3)[1:], 2)...),
		"two inserts of one slot: destam 1.12.5": append(wire.AppendArray(nil, 2), bytes.Repeat(
			one(opInsert+opElement, func(b []byte) []byte {
				return wire.AppendInt(wire.AppendString(place(b, "meta"), "two"), 2)
			}, 4)[1:], 2)...),
	} {
		if _, err := r.d.Apply(body, Cause{}); !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", name, err)
		}
		equalNotes(t, name, snapshot(r.d), shown)
		if r.d.Seal(); len(r.d.Waiting()) != pending {
			t.Errorf("%s: something is pending", name)
		}
		checkHolders(t, r.d)
	}
}

// TestApplyRefused applies what the database refuses: nothing changes, whether
// somebody watches or not.
func TestApplyRefused(t *testing.T) {
	for name, change := range map[string]func(n *Node){
		"objects": func(n *Node) {
			insertTasks(n, fTasks, 0, Task{Text: "new", Sub: []Task{{}}})
			n.List(fTasks).Remove(1, 1)
		},
		"values": func(n *Node) {
			setText(n, fTitle, "new")
			insertStrings(n, fTags, 1, "x", "y")
			n.List(fTags).Remove(0, 1)
			setMeta("n", 1)(n)
			setText(n.List(fTasks).Node(0), fText, "new")
		},
	} {
		for _, watched := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, watched %v", name, watched), func(t *testing.T) {
				d, _, _ := create(t, seedNote, 64)
				first, second := newReplica(t, d, 64, "in order"), newReplica(t, d, 64, "in order")
				r := map[bool]*replica{true: first, false: second}[watched]
				if (r.d.watching > 0) != watched {
					t.Fatalf("watched by %d", r.d.watching)
				}
				h := r.d.host.(*host)
				do(root(d), func(n *Node) { setText(n.inner(fQuery), fSlug, "taken"); change(n) })
				body, shown := r.from.Flush(), r.d.content()
				no := errors.New("taken")
				h.admit = func([]byte) error { return no }
				if _, err := r.d.Apply(body, Cause{}); !errors.Is(err, no) {
					t.Fatal(err)
				}
				if !bytes.Equal(r.d.content(), shown) || len(r.d.Seal()) > 0 {
					t.Error("something has changed")
				}
				checkHolders(t, r.d)
				h.admit = nil
				if _, err := r.d.Apply(body, Cause{}); err != nil {
					t.Fatal(err)
				}
				r.same("at last")
			})
		}
	}
}

// TestApplySealed applies commits of values: the copy's own store gets the very
// bytes, unless something in them has changed nothing here, which it does not get.
func TestApplySealed(t *testing.T) {
	d, _, _ := create(t, seedNote, 64)
	r := newReplica(t, d, 64, "reversed")
	do(root(d), func(n *Node) {
		setText(n, fTitle, "new")
		insertStrings(n, fTags, 1, "x", "y")
		setText(n.List(fTasks).Node(0), fText, "new")
	})
	body := reordered(r.from.Flush(), "reversed")
	r.take(body)
	if sealed := r.d.Waiting(); len(sealed) != 1 || !bytes.Equal(sealed[0].Body, body) || &sealed[0].Body[0] == &body[0] {
		t.Errorf("sealed %x of %x", sealed[0].Body, body)
	}
	r.same("after a commit")
	idle := wire.AppendArray(nil, 2)
	for _, field := range []string{"title", "rate"} {
		idle = wire.AppendInt(wire.AppendArray(idle, 3), opModify)
		idle = wire.AppendString(idle, field)
		if field == "title" {
			idle = wire.AppendString(idle, "new")
		} else {
			idle = wire.AppendFloat64(idle, 7)
		}
	}
	r.take(idle)
	if sealed := r.d.Waiting(); len(sealed) != 1 || wire.NewReader(sealed[0].Body).Array() != 1 {
		t.Errorf("sealed %x of %x", sealed[0].Body, idle)
	}
}

// TestEcho sends each side what the other did, and nothing back.
func TestEcho(t *testing.T) {
	for _, bound := range bounds {
		for seed := range rounds(60) {
			d, _, _ := create(t, seedNote, bound)
			r := newReplica(t, d, bound, "in order")
			back, err := r.d.Answer(d.content())
			if err != nil {
				t.Fatal(err)
			}
			here, there := newPlayer(d, seed, 80), newPlayer(r.d, seed, 81)
			for step := range 20 {
				p, from, to := here, r.from, back
				if step%2 > 0 {
					p, from, to = there, back, r.from
				}
				p.some(t)
				p.d.Seal()
				if m, ok := from.Send(); ok {
					if _, err := to.Receive(m, Cause{}); err != nil {
						t.Fatal(err)
					}
				}
				if b, c := back.Flush(), r.from.Flush(); b != nil || c != nil {
					t.Fatalf("bound %d seed %d: an echo: %x %x", bound, seed, b, c)
				}
				if !bytes.Equal(d.content(), r.d.content()) {
					equalNotes(t, fmt.Sprintf("bound %d seed %d", bound, seed), storedPart(d), storedPart(r.d))
					t.Fatal("ids or keys differ")
				}
			}
		}
	}
}
