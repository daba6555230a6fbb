package doc

import (
	"iter"
	"slices"
)

// The places of a lens are numbered: i is the place after its first i steps,
// and those inside the j-th loop are loopBase*(j+1) and what follows. A step
// has the number of the place that it begins at; the first step of a loop has
// loopBase*(j+1), though it begins at the loop's place.
const loopBase = 1 << 10

// loop is steps that lead from a place back to it, any number of times: from
// an object to those below it in a tree.
type loop struct {
	at    int
	steps []step
}

// filter takes from what a lens hears: what is behind the steps of less from
// its place on or, where those are nil, what is more than some levels below.
type filter struct {
	at     int
	inside bool // behind a loop at the same place: each of its objects begins anew
	less   []step
	levels int16
}

// maxFilters is how many times a lens may ignore or be shallow.
const maxFilters = 8

// governed tells whether l is more than steps.
func (l *Lens) governed() bool { return len(l.loops) > 0 || len(l.filters) > 0 }

// Tree goes to the objects that l leads to and to all below them that children,
// which begins with l and goes to the same type of objects, leads to.
func (l *Lens) Tree(children *Lens) (*Lens, bool) {
	if !l.begins(children) || children.typ != l.typ || len(children.steps) == len(l.steps) {
		return nil, false
	}
	to := *l
	to.loops = append(slices.Clip(l.loops), loop{at: len(l.steps), steps: children.steps[len(l.steps):]})
	to.many = true
	return &to, true
}

// Ignore hears nothing of what less, which begins with from, leads to and of
// what is below; l is from, perhaps with filters.
func (l *Lens) Ignore(from, less *Lens) (*Lens, bool) {
	if !from.begins(less) || len(less.steps) == len(l.steps) || len(l.filters) == maxFilters {
		return nil, false
	}
	return l.filtered(filter{less: less.steps[len(l.steps):]}), true
}

// Shallow hears of no more than some levels of slots below what l leads to.
func (l *Lens) Shallow(levels int) (*Lens, bool) {
	if len(l.filters) == maxFilters {
		return nil, false
	}
	return l.filtered(filter{levels: int16(max(0, min(levels, 1<<14)))}), true
}

// filtered adds a filter. Behind a list it begins at the list's object: a slot
// is the list and an element of it in one.
func (l *Lens) filtered(f filter) *Lens {
	if f.at = len(l.steps); l.atList() {
		f.at--
		if f.less == nil {
			f.levels++
		} else {
			f.less = append(slices.Clip(l.steps[f.at:]), f.less...)
		}
	}
	f.inside = slices.ContainsFunc(l.loops, func(x loop) bool { return x.at == f.at })
	to := *l
	to.filters = append(slices.Clip(l.filters), f)
	return &to
}

// atList tells whether l leads to whole lists.
func (l *Lens) atList() bool {
	if len(l.steps) == 0 || l.steps[len(l.steps)-1].kind != into {
		return false
	}
	return l.field.Kind == LeafList || l.field.Kind == NodeList
}

// begins tells whether m is l and some more steps.
func (l *Lens) begins(m *Lens) bool {
	return len(m.loops) == len(l.loops) && len(m.steps) >= len(l.steps) && slices.Equal(l.steps, m.steps[:len(l.steps)])
}

// step gives step i.
func (l *Lens) step(i int) *step {
	if i < loopBase {
		return &l.steps[i]
	}
	return &l.loops[i/loopBase-1].steps[i%loopBase]
}

// after gives the place that step i leads to.
func (l *Lens) after(i int) int {
	if i >= loopBase {
		if lp := &l.loops[i/loopBase-1]; i%loopBase+1 == len(lp.steps) {
			return lp.at
		}
	}
	return i + 1
}

// place gives the place that step i begins at.
func (l *Lens) place(i int) int {
	if i >= loopBase && i%loopBase == 0 {
		return l.loops[i/loopBase-1].at
	}
	return i
}

// from yields the steps that begin at place i: the one that goes on, then
// those of loops.
func (l *Lens) from(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if (i >= loopBase || i < len(l.steps)) && !yield(i) {
			return
		}
		for j := range l.loops {
			if l.loops[j].at == i && !yield(loopBase*(j+1)) {
				return
			}
		}
	}
}

// to yields the steps that lead to place i.
func (l *Lens) to(i int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if i%loopBase > 0 && !yield(i-1) {
			return
		}
		for j := range l.loops {
			if lp := &l.loops[j]; lp.at == i && !yield(loopBase*(j+1)+len(lp.steps)-1) {
				return
			}
		}
	}
}

// ref is a slot that something happened to.
type ref struct {
	n      *Node
	l      *List
	f      int32
	key    Key
	shifts bool // it came or went, and moved what is behind it in an array
}

// thread is one way in which a slot can be reached from where a lens begins:
// the place of the lens, and how far each filter is.
type thread struct {
	at    int
	state [maxFilters]int16
}

// States of a filter that are not a number of steps or levels.
const (
	idle  = -1 // it has not begun
	freed = -2 // this way does not lead to what it ignores
)

// start is the thread at the beginning.
func (l *Lens) start() thread {
	var t thread
	for i := range t.state {
		t.state[i] = idle
	}
	l.arrive(&t, false)
	return t
}

// arrive begins the filters of the place that a thread has come to. Again says
// that it comes there from itself, over a loop.
func (l *Lens) arrive(t *thread, again bool) {
	for i := range l.filters {
		f := &l.filters[i]
		if f.at == t.at && (f.inside || !again) {
			if t.state[i] = 0; f.less == nil {
				t.state[i] = f.levels
			}
		}
	}
}

// over appends the threads that go on over a slot.
func (l *Lens) over(t thread, s *ref, to []thread) []thread {
	add := func(t thread, at int, again bool) {
		if l.pass(&t, s) {
			t.at = at
			l.arrive(&t, again)
			to = append(to, t)
		}
	}
	local := s.n.typ.Fields[s.f].Local
	if t.at == beyond {
		if !local {
			add(t, beyond, false)
		}
		return to
	}
	for i := range l.from(t.at) {
		if !l.step(i).goes(s.n.typ, s.f) {
			continue
		}
		next, own := l.after(i), t
		if i >= loopBase { // what is filtered behind the loop is not filtered in it
			for j := range l.filters {
				if l.filters[j].inside && l.filters[j].at == t.at {
					own.state[j] = idle
				}
			}
		}
		switch {
		case s.l == nil:
			add(own, next, i >= loopBase && next < loopBase)
		case next == len(l.steps) && i < loopBase: // the whole list
			add(own, beyond, false)
		case l.step(next).concerns(s):
			add(own, l.after(next), i >= loopBase && l.after(next) < loopBase)
		}
	}
	if t.at == len(l.steps) && l.typ != nil && !local {
		add(t, beyond, false)
	}
	return to
}

// pass moves the filters of a thread over a slot; false when one stops it.
func (l *Lens) pass(t *thread, s *ref) bool {
	for i := range l.filters {
		f, at := &l.filters[i], &t.state[i]
		if *at < 0 {
			continue
		}
		if f.less == nil {
			if *at--; s.l != nil {
				*at--
			}
			if *at < 0 {
				return false
			}
			continue
		}
		switch next := int(*at); {
		case !f.less[next].goes(s.n.typ, s.f):
			*at = freed
		case next+1 == len(f.less):
			return false
		case s.l == nil:
			*at++
		case !f.less[next+1].takes(s.l, s.key):
			*at = freed
		case next+2 == len(f.less):
			return false
		default:
			*at += 2
		}
	}
	return true
}

// hears tells whether a governed lens from an object hears of a slot.
func (l *Lens) hears(from *Node, s ref) bool {
	g := guide{lens: l, from: from}
	var room [4]thread
	for _, t := range g.threads(s.n) {
		if len(l.over(t, &s, room[:0])) > 0 {
			return true
		}
	}
	return false
}

// guide finds the ways of a governed lens to an object.
type guide struct {
	lens *Lens
	from *Node
	memo map[*Node][]thread // of objects with several holders
}

// threads gives the ways to n.
func (g *guide) threads(n *Node) (ts []thread) {
	if known, has := g.memo[n]; has {
		return known
	}
	if n == g.from {
		ts = append(ts, g.lens.start())
	}
	for h := range n.holders {
		if h.f == unknownPlace {
			continue
		}
		s := ref{n: h.n, l: h.l, f: h.f, key: h.key}
		for _, t := range g.threads(h.n) {
			var room [4]thread
			for _, next := range g.lens.over(t, &s, room[:0]) {
				if !slices.Contains(ts, next) {
					ts = append(ts, next)
				}
			}
		}
	}
	if len(n.more) > 0 {
		if g.memo == nil {
			g.memo = map[*Node][]thread{}
		}
		g.memo[n] = ts
	}
	return ts
}
