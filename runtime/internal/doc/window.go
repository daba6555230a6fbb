package doc

import (
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Delta is one change of one slot: a field, or an element of a list. The
// values are a leaf's Go value or a *Node, nil when absent.
//
// A renumbering is a Delta with Renamed: it changes no value. There may be very
// many, so they are small.
type Delta struct {
	Head
	L         *List   // of an element
	Key       pos.Key // of the element when the delta was made
	Prev, Val any
	extra     *extra // what few deltas have; copies share it, so it is not changed
}

// extra is what few deltas have.
type extra struct {
	renamed *Renamed
	plain   any
	start   pos.Key // of an element that was there and was renumbered
}

// Renamed gives what a renumbering did, nil for other deltas.
func (x *Delta) Renamed() *Renamed {
	if x.extra == nil {
		return nil
	}
	return x.extra.renamed
}

// Plain gives the content of an object that was outside the tree before, unless
// something in it is in several places.
func (x *Delta) Plain() any {
	if x.extra == nil {
		return nil
	}
	return x.extra.plain
}

// bring gives x the content of an object.
func (x *Delta) bring(plain any) {
	if plain != nil {
		x.extra = &extra{plain: plain, start: x.renumbered()}
	}
}

// start is the key that an element had before the commit, if it was there.
func (x *Delta) start() pos.Key {
	if k := x.renumbered(); k != "" {
		return k
	}
	return x.Key
}

// renumbered is start where that is not the key, else empty.
func (x *Delta) renumbered() pos.Key {
	if x.extra == nil {
		return ""
	}
	return x.extra.start
}

// startAt says what start is.
func (x *Delta) startAt(k pos.Key) {
	if k == x.Key {
		k = ""
	}
	if k != x.renumbered() {
		x.extra = &extra{renamed: x.Renamed(), plain: x.Plain(), start: k}
	}
}

// Renamed lists elements of one list that got new keys, ascending.
type Renamed struct {
	Old, New []pos.Key

	beside []pos.Key // of a commit, for an [Undo]: elements next to them that were there before and kept their keys
}

// touch is what a window remembers of one slot: what was there before. Of an
// element that came it mostly knows what that holds, so that nobody has to look
// for it when the window is sealed.
type touch struct {
	n     *Node
	l     *List
	f     int32
	had   bool
	has   bool    // of an element: it is there now
	known bool    // of an element that came: prev is what it holds now
	key   pos.Key // now
	old   pos.Key // before the window, when had
	prev  any     // when had or known
}

// window records which slots changed and what they held before, so that what
// it is sealed into holds each slot once, whatever happened in between. Nodes
// that are new in the window are not recorded: they travel whole.
type window struct {
	open    bool
	touches []touch
	kept    []kept        // of fields with small values
	free    []int32       // touches that are of nothing any more
	lists   []*List       // with a listWindow
	strays  []*Node       // written while outside the tree
	beyond  map[slot]bool // touched fields that Node.touched has no bit for
	boxes   boxes         // of what the touches remember
	came    int32         // one more than the touch of the element that was opened last, 0 for none or several
	last    int           // touches of the window before

	lastKept int
}

// listWindow finds a list's touches by the present key of their element, and
// those of elements that are gone by the key they had before the window: a
// renumbering may have given that one to somebody else since.
type listWindow struct {
	here, gone keyed
	renumbered bool
}

// Recorded tells whether field f of n needs no more bookkeeping: the open
// window has it, nobody watches and no transaction must be able to undo it.
func (n *Node) Recorded(f int) bool {
	return !n.section && f < 64 && n.touched>>f&1 != 0 && n.doc.watching == 0 && n.doc.tracing == 0 && n.doc.tx == nil && n.doc.loose == 0
}

// Changing records that field f of n is about to change. After the change,
// Changed completes what it began.
func (n *Node) Changing(f int) {
	d := n.doc
	d.ask(n)
	log := d.logging()
	rec := n.recordable(f)
	if !log && !rec {
		return
	}
	if log && d.begin(n, f, &n.typ.Fields[f]) {
		if log = false; !rec {
			return
		}
	}
	var (
		had  bool
		prev any
	)
	switch small := n.typ.Fields[f].small(); {
	case !rec:
		had, prev = n.value(f)
	case small && log && d.heard(): // who keeps a value must not keep its neighbours
		d.keep(n, f)
		had, prev = n.value(f)
	case small:
		x := d.keep(n, f)
		had, prev = x.Had, x.old()
	default:
		had, prev = n.value(f)
		d.touch(touch{n: n, f: int32(f), had: had, prev: prev})
	}
	if rec {
		d.win.mark(n, f)
	}
	if log {
		d.log = append(d.log, Delta{Head: Head{N: n, F: int32(f), Had: had}, Prev: prev})
	}
}

// Changed ends what Changing began.
func (n *Node) Changed(f int) {
	d := n.doc
	if !d.logging() {
		return
	}
	if d.one != nil && d.one.on {
		d.one.end()
		return
	}
	x := &d.log[len(d.log)-1]
	if !d.heard() && n.typ.Fields[f].typ == nil {
		x.Has, d.blind = n.has(f), true
		return
	}
	x.Has, x.Val = n.value(f)
}

// logging tells whether single changes are needed: somebody watches, or they
// may have to be undone.
func (d *Document) logging() bool { return (d.watching > 0 || d.tx != nil || d.tracing > 0) && !d.mute }

// heard tells whether somebody gets what is logged, so that it is not for
// undoing alone.
func (d *Document) heard() bool { return d.watching > 0 || len(d.digests) > 0 }

// recordable tells whether a change of field f must be recorded now.
func (n *Node) recordable(f int) bool {
	if n.typ.Fields[f].Local || !n.records() {
		return false
	}
	if f < 64 {
		return n.touched>>f&1 == 0
	}
	return !n.doc.win.beyond[slot{n: n, f: int32(f)}]
}

// mark notes that the window has recorded field f of n.
func (w *window) mark(n *Node, f int) {
	if f < 64 {
		n.touched |= 1 << f
		return
	}
	if w.beyond == nil {
		w.beyond = map[slot]bool{}
	}
	w.beyond[slot{n: n, f: int32(f)}] = true
}

// records tells whether changes in n are recorded. One in an object that is
// outside the tree is noted besides: unless the object is linked back before
// the window is sealed, the change will not be stored.
func (n *Node) records() bool {
	d := n.doc
	if d.still {
		return false
	}
	base := n.base()
	known := base.known || base.ghosts > 0
	if !known || d.loose > 0 || base.ghosts > 0 {
		d.noteStray(n)
	}
	return known
}

func (d *Document) noteStray(n *Node) {
	if n = n.base(); n.stray || n.Attached() {
		return
	}
	d.openWindow()
	n.stray = true
	d.win.strays = append(d.win.strays, n)
}

// touch adds t to the open window, and opens it if need be.
func (d *Document) touch(t touch) int32 {
	d.openWindow()
	w := &d.win
	if last := len(w.free) - 1; last >= 0 {
		i := w.free[last]
		w.free = w.free[:last]
		w.touches[i] = t
		return i
	}
	if n := len(w.touches); n == cap(w.touches) { // about as many as in the last window, or twice as many
		was := w.touches
		w.touches = append(touchPieces.take(n+max(n, w.last)), was...)
		touchPieces.spare(was)
	}
	w.touches = append(w.touches, t)
	return int32(len(w.touches) - 1)
}

func (d *Document) openWindow() {
	if d.win.open {
		return
	}
	d.win.open = true
	if len(d.pending) == 0 && d.tx == nil {
		d.host.Dirty(d)
	}
}

// value gives what field f holds: a leaf's value or a *Node. Lists and
// required objects are no slots and have none.
func (n *Node) value(f int) (has bool, v any) {
	fd := &n.typ.Fields[f]
	switch fd.Kind {
	case Leaf:
		return true, fd.leaf.box(n.ptr(f))
	case OptionalLeaf:
		p := n.ptr(f)
		if !*fd.ok(p) {
			return false, nil
		}
		return true, fd.leaf.box(p)
	case Child:
		if c := *n.childAt(f); c != nil {
			return true, c
		}
	}
	return false, nil
}

// has tells whether field f, which is a slot, holds something.
func (n *Node) has(f int) bool {
	switch fd := &n.typ.Fields[f]; fd.Kind {
	case OptionalLeaf:
		return *fd.ok(n.ptr(f))
	case Child:
		return *n.childAt(f) != nil
	}
	return true
}

// ok is the presence flag of the Optional at p.
func (f *Field) ok(p unsafe.Pointer) *bool { return (*bool)(unsafe.Add(p, f.okAt)) }

// elem gives the value of the i-th element.
func (l *List) elem(i int) any { return l.boxed(i, nil) }

// boxed is elem with the value in b, which may be nil.
func (l *List) boxed(i int, b *boxes) any {
	fd := l.field()
	if fd.Kind == NodeList {
		return l.Node(i)
	}
	return b.box(fd.leaf, l.cells.at(i))
}

// boxes are where what is recorded goes, unless listeners get it too; of what
// changes alone they get a copy.
func (d *Document) boxes(alone bool) *boxes {
	if d.heard() && !alone {
		return nil
	}
	return &d.win.boxes
}

// listWin gives what the open window has of l, and begins it if need be.
func (d *Document) listWin(l *List) *listWindow {
	if l.win == nil {
		l.win = &listWindow{gone: keyed{old: true}}
		d.win.lists = append(d.win.lists, l)
	}
	return l.win
}

// recordable tells whether changes of l's elements are recorded.
func (l *List) recordable() bool { return !l.field().Local && l.owner.records() }

// inserted records that the element with key k is new, and gives its touch.
func (d *Document) inserted(l *List, k pos.Key) (i int32) {
	w := d.listWin(l)
	if at, i, ok := w.gone.find(d.win.touches, k); ok && !w.renumbered { // it was there before the window
		w.gone.remove(at)
		d.win.touches[i].has = true
		w.here.add(d.win.touches, i)
		return i
	}
	i = d.touch(touch{n: l.owner, l: l, f: l.f, key: k, has: true})
	w.here.add(d.win.touches, i)
	return i
}

// filled records what the element holds that was opened last.
func (d *Document) filled(v any) {
	if t := &d.win.touches[d.win.came-1]; !t.had {
		t.prev, t.known = v, true
	}
}

// removed records that the element with key k is about to go.
func (d *Document) removed(l *List, k pos.Key, prev any) {
	w := d.listWin(l)
	at, i, ok := w.here.find(d.win.touches, k)
	if ok {
		w.here.remove(at)
	} else {
		i = d.touch(touch{n: l.owner, l: l, f: l.f, key: k, old: k, had: true, prev: prev})
	}
	if t := &d.win.touches[i]; t.had {
		t.has = false
		w.gone.add(d.win.touches, i)
	} else {
		*t = touch{} // came and went inside the window
		d.win.free = append(d.win.free, i)
	}
}

// replaced records that the element with key k is about to change.
func (d *Document) replaced(l *List, k pos.Key, prev func() any) {
	w := d.listWin(l)
	if _, i, ok := w.here.find(d.win.touches, k); ok {
		if t := &d.win.touches[i]; t.known {
			t.prev, t.known = nil, false
		}
		return
	}
	i := d.touch(touch{n: l.owner, l: l, f: l.f, key: k, old: k, had: true, has: true, prev: prev()})
	w.here.add(d.win.touches, i)
}

// renamed records that elements from index i on get new keys. A touched
// element keeps its touch; an untouched one gets one, for the key that the
// store knows it by.
func (d *Document) renamed(l *List, i int, keys []pos.Key) {
	w := d.listWin(l)
	w.renumbered = true
	moved := make([]int32, len(keys))
	w.here.room(d.win.touches, len(keys))
	for j := range keys {
		k := l.cells.Key(i + j)
		at, t, ok := w.here.find(d.win.touches, k)
		if ok {
			w.here.remove(at)
		} else {
			t = d.touch(touch{n: l.owner, l: l, f: l.f, key: k, old: k, had: true, has: true, prev: l.boxed(i+j, &d.win.boxes)})
		}
		moved[j] = t
	}
	for j, k := range keys {
		d.win.touches[moved[j]].key = k
		w.here.add(d.win.touches, moved[j])
	}
}

// reset forgets what the window recorded.
func (d *Document) reset() {
	w := &d.win
	for i := range w.touches {
		if t := &w.touches[i]; t.n != nil {
			t.n.touched = 0
		}
	}
	for i := range w.kept {
		w.kept[i].N.touched = 0
	}
	for _, l := range w.lists {
		l.win = nil
	}
	for _, n := range w.strays {
		n.stray = false
	}
	last := min(len(w.touches), 1<<12)
	clear(w.lists)
	clear(w.strays)
	d.win = window{
		touches: touchPieces.spare(w.touches), lists: spare(w.lists), strays: spare(w.strays), free: spare(w.free),
		last: last, lastKept: w.lastKept,
	}
	d.win.boxes.size = min(last, mostBoxes) // for what was there before, and for what is there then
	d.loose = 0
}

// spare is the memory of s for its next use. What a large operation needed
// does not stay with the document for ever.
func spare[T any](s []T) []T {
	if cap(s) > mostKept {
		return nil
	}
	return s[:0]
}
