package doc

import (
	"fmt"
	"iter"
	"maps"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// folded is what one subscription was told, folded on what was shown.
type folded struct {
	all   *Folds
	s     *Subscription
	pcs   [24]uintptr
	began []uintptr // the stack on which it did

	mu    sync.Mutex // a leaf, under the document's lock or without
	due   []due      // queued and not told
	shown picture    // nil until it is known
}

// due is a commit that is to be told, with what is in the objects that it brings,
// and what it was folded from.
type due struct {
	c     *Commit
	came  picture
	parts []due
}

// now is what is shown; the lock of the document is held.
func (w *folded) now() picture {
	if w.s.typed {
		return picture{nil: places(w.s.n, w.s.lens)}
	}
	p := picture{}
	p.take(w.s.n, w.s.f, w.sees())
	return p
}

// sees gives which slots those who look through a lens see; nil for all.
func (w *folded) sees() func(slot) bool {
	if w.s.lens == nil {
		return nil
	}
	c := climb{lens: w.s.lens, from: w.s.n}
	return func(s slot) bool { return c.leads(s.delta(nil, nil)) }
}

// loose tells whether what is told is no sum of what is shown: see [Folds].
func (w *folded) loose() bool {
	l := w.s.lens
	if l == nil {
		return false
	}
	if w.s.typed {
		return len(l.filters) > 0
	}
	index := func(s step) bool { return s.kind == toIndex }
	return slices.ContainsFunc(l.steps, index) || slices.ContainsFunc(l.loops, func(x loop) bool { return slices.ContainsFunc(x.steps, index) })
}

// expect notes that c will be told, in the stead of others. The lock of the
// document is held, and what is shown is what c leads to.
func (w *folded) expect(c *Commit, instead []*Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.seq <= w.s.after { // of the Update in which it began
		w.shown = w.now()
		return
	}
	x := due{c: c, came: picture{}}
	w.due = slices.DeleteFunc(w.due, func(part due) bool {
		folded := slices.Contains(instead, part.c)
		if folded {
			x.parts = append(x.parts, part)
		}
		return folded
	})
	sees := w.sees()
	for i := range c.Deltas {
		if n, ok := c.Deltas[i].Val.(*Node); ok && c.Deltas[i].Has {
			x.came.take(n, -1, sees)
			if plain := c.Deltas[i].Plain(); plain != nil && !reflect.DeepEqual(plain, n.plain()) {
				w.fail("an object comes to it as %v, it is %v", plain, n.plain())
			}
		}
	}
	w.due = append(w.due, x)
}

// told takes in what is being told, before anybody hears it.
func (w *folded) told(c *Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.empty() {
		w.fail("it was told nothing")
	}
	x, i := due{c: c}, 0
	if c.seq == 0 { // set alone: there is no commit of it
		for i < len(w.due) && w.due[i].c.empty() {
			i++
		}
	} else if i = slices.IndexFunc(w.due, func(x due) bool { return x.c == c }); i < 0 {
		w.fail("it was told a commit for the second time, or one that does not concern it")
		return
	}
	w.pass(i)
	if c.seq > 0 {
		x = w.due[0]
		w.due = slices.Delete(w.due, 0, 1)
	}
	if w.shown != nil && !w.loose() {
		w.fold(x)
	}
}

// pass passes over the first n commits that are due: those that say nothing.
func (w *folded) pass(n int) {
	for _, x := range w.due[:n] {
		if !x.c.empty() {
			w.fail("it was not told a commit, but the next one")
		}
		w.rename(x.c)
	}
	w.due = slices.Delete(w.due, 0, n)
}

// fold takes in what was told.
func (w *folded) fold(x due) {
	switch {
	case !w.s.typed:
		w.deltas(x)
	case len(x.parts) > 0:
		w.foldParts(x)
	default:
		w.changes(x.c)
	}
}

// changes takes in changes of places: what was there, moves, what is there.
func (w *folded) changes(c *Commit) {
	if !w.s.lens.many && len(c.changes) > 1 {
		w.fail("it was told %d changes of one place", len(c.changes))
	}
	for i := range c.changes {
		x := &c.changes[i]
		if x.idle() {
			w.fail("it was told that %v is %v", x.Prev, x.Val)
		}
		if x.Had {
			w.goes(x.from, x.Prev)
		}
	}
	w.rename(c)
	for _, x := range c.changes {
		if x.Has {
			w.comes(x.to, x.Val)
		}
	}
}

// foldParts takes in changes that were folded from others, which must lead to
// the same values: nobody is told what only moved.
func (w *folded) foldParts(x due) {
	count := func(values iter.Seq[any]) map[string]int {
		counts := map[string]int{}
		for v := range values {
			counts[fmt.Sprint(v)]++
		}
		return counts
	}
	values := count(maps.Values(w.shown[nil]))
	for _, part := range x.parts {
		w.fold(part)
	}
	for _, y := range x.c.changes {
		if y.Had {
			values[fmt.Sprint(y.Prev)]--
		}
		if y.Has {
			values[fmt.Sprint(y.Val)]++
		}
	}
	maps.DeleteFunc(values, func(_ string, n int) bool { return n == 0 })
	if want := count(maps.Values(w.shown[nil])); !maps.Equal(values, want) {
		w.fail("it was told that the values are %v, they were %v", values, want)
	}
}

// deltas takes in deltas of slots: what was there, renumberings, what is there.
func (w *folded) deltas(of due) {
	deltas := of.c.Deltas
	inView := func(x *Delta) bool { return w.shown[x.N] != nil }
	var arrived []*Node
	left := false
	for i := range deltas {
		x := &deltas[i]
		if n, ok := x.Val.(*Node); ok && x.Has && (w.shown[n] == nil || x.came || w.s.lens != nil) {
			arrived = append(arrived, n)
		}
		switch {
		case inView(x) && x.Had:
			w.goes(slot{x.N, x.L, x.F, x.start()}, x.Prev)
			_, object := x.Prev.(*Node)
			left = left || object
		case !inView(x) && w.s.lens == nil: // through a lens, it comes into view, and as it is now
			w.fail("it was told of %s, which is not in view", slot{n: x.N, f: x.F}.name())
		}
	}
	w.rename(of.c)
	for i := range deltas {
		if x := &deltas[i]; x.Has && inView(x) {
			w.comes(slot{x.N, x.L, x.F, x.Key}, x.Val)
		}
	}
	for n := range of.came.reach(arrived...) {
		w.shown[n] = maps.Clone(of.came[n])
	}
	if left {
		there := w.shown.reach(w.s.n)
		maps.DeleteFunc(w.shown, func(n *Node, _ map[slot]any) bool { return !there[n] })
	}
}

// of gives the slots that s is among.
func (w *folded) of(s slot) map[slot]any {
	if w.s.typed {
		return w.shown[nil]
	}
	return w.shown[s.n]
}

// goes takes out the value of a slot, which must be what was told.
func (w *folded) goes(s slot, prev any) {
	v, there := w.of(s)[s]
	if delete(w.of(s), s); !there || !w.same(s, v, prev) {
		w.fail("it was told that %s was %v, and before that it is %v (%v)", s.name(), prev, v, there)
	}
}

// comes puts a value into a slot, which must have none.
func (w *folded) comes(s slot, v any) {
	if was, there := w.of(s)[s]; there {
		w.fail("it was told that %v comes to %s, where %v is", v, s.name(), was)
	}
	w.of(s)[s] = v
}

// rename follows renumberings, and what else is the same in another place.
func (w *folded) rename(c *Commit) {
	moves := slices.Clip(c.moved)
	for i := range c.renames {
		x := &c.renames[i]
		if w.s.typed {
			break
		}
		for i, old := range x.Renamed().Old {
			moves = append(moves, moved{slot{x.N, x.L, x.F, old}, slot{x.N, x.L, x.F, x.Renamed().New[i]}})
		}
	}
	to := map[slot]any{}
	for _, m := range moves {
		if v, ok := w.of(m.from)[m.from]; ok {
			delete(w.of(m.from), m.from)
			to[m.to] = v
		}
	}
	for s, v := range to {
		w.of(s)[s] = v
	}
}

// compare compares what was told with what is shown, if nothing is on its way;
// all says that everything must have been told. The lock of the document is
// held.
func (w *folded) compare(all bool) {
	d := w.s.d
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.tx != nil || len(d.log) > 0 || d.out.busy() || w.s.off.Load() {
		return
	}
	if slices.ContainsFunc(w.due, func(x due) bool { return !x.c.empty() }) {
		if all {
			w.fail("it was never told a commit")
		}
		return
	}
	w.pass(len(w.due))
	now, sees := w.now(), w.sees()
	if w.shown == nil || w.loose() {
		w.shown = now
		return
	}
	if l := w.s.lens; w.s.typed {
		count := 0
		for range l.Values(w.s.n) {
			count++
		}
		if count != len(now[nil]) {
			w.fail("the lens yields %d values, there are %d", count, len(now[nil]))
		}
	}
	for n, slots := range now {
		for s, v := range slots {
			if was, ok := w.shown[n][s]; !ok || !w.same(s, was, v) {
				w.fail("it was told that %s is %v (%v), it is %v", s.name(), was, ok, v)
			}
		}
	}
	for n, slots := range w.shown {
		for s, v := range slots {
			if _, ok := now[n][s]; !ok && (sees == nil || sees(s)) {
				w.fail("it was told that %s is %v, it is not there", s.name(), v)
			}
		}
	}
}

// same tells whether two values of a slot are one.
func (w *folded) same(s slot, a, b any) bool {
	if w.s.typed {
		return w.s.lens.field.leaf.same(a, b)
	}
	return s.delta(a, b).same()
}

// delta is one of the slot.
func (s slot) delta(prev, val any) *Delta {
	x := &Delta{L: s.l, Key: s.key, Prev: prev, Val: val}
	x.N, x.F = s.n, s.f
	return x
}

// name is what the slot is called in errors.
func (s slot) name() string {
	if s.n == nil {
		return "its one value"
	}
	return s.n.typ.Name + "." + s.n.typ.Fields[s.f].Name
}

// fail notes what is wrong, with where the subscription began.
func (w *folded) fail(format string, args ...any) {
	frames := runtime.CallersFrames(w.began)
	f, more := frames.Next()
	for more && !strings.HasSuffix(f.File, "_test.go") {
		f, more = frames.Next()
	}
	text := fmt.Sprintf("the subscription to a %s of %s:%d: ", w.s.n.typ.Name, path.Base(f.File), f.Line) + fmt.Sprintf(format, args...)
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	if len(w.all.wrong) < 20 {
		w.all.wrong = append(w.all.wrong, text)
	}
}
