package doc

import (
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// Digest is a window on a document that somebody else has a copy of: slot by
// slot, what has changed since it was flushed last. What it is flushed into is
// the least that leads the copy to what is here, in the stored form of a
// commit: each slot once, an object that the copy has by its id, a new one
// whole, and nothing of what came and went.
//
// A document may have any number of them, each for another copy. One costs
// its document what a listener does, and remembers as many slots as changed.
type Digest struct {
	d     *Document
	past  *past
	slate slate // what was set alone: no slot is in both
	kept  int   // slots after the last look for those that came and went

	// Of a link: see link.go.
	second      bool     // it is the end of the copy
	sent, heard uint64   // messages
	seen        uint64   // the newest that was not passed over
	takes       int      // messages that were taken since the last was sent
	flights     []flight // of the second end
}

// NewDigest begins a digest, and gives the document's content as it is then,
// which is what [Document.Adopt] takes.
func (d *Document) NewDigest() (w *Digest, content []byte) {
	d.lock()
	defer d.mu.Unlock()
	return d.newDigest(), d.content()
}

func (d *Document) newDigest() *Digest {
	w := &Digest{d: d, past: newPast(0)}
	d.loners()
	if d.digests = append(d.digests, w); len(d.digests) == 1 && d.watching == 0 {
		d.host.Watched(d, true)
	}
	d.watchless(+1)
	return w
}

// Stop ends the digest. What was not flushed is gone.
func (w *Digest) Stop() {
	w.d.lock()
	defer w.d.mu.Unlock()
	for i, x := range w.d.digests {
		if x == w {
			w.d.digests = append(w.d.digests[:i:i], w.d.digests[i+1:]...)
			w.d.watchless(-1)
			if len(w.d.digests) == 0 && w.d.watching == 0 {
				w.d.host.Watched(w.d, false)
			}
			return
		}
	}
}

// watchless counts those who need the log and are no listeners.
func (d *Document) watchless(by int) { d.tracing += by }

// record tells the digests what was logged. Who sent it knows.
func (d *Document) record() {
	for _, w := range d.digests {
		if w != d.sender {
			w.record(d.log)
		}
	}
}

// recordAlone tells the digests of one value that was set alone.
func (d *Document) recordAlone(x *Alone) {
	if x.n.local(x.f) {
		return
	}
	for _, w := range d.digests {
		w.alone(x)
	}
}

// alone adds a value that was set alone.
func (w *Digest) alone(x *Alone) {
	if w.slate.find(x.n, x.f) != nil {
		return
	}
	if len(w.past.slots) > 0 && w.past.find(slot{n: x.n, f: x.f}) != nil {
		y := x.boxed()
		w.past.touch(&y)
		return
	}
	w.slate.add(x)
}

// unslate takes the slot of a delta that was logged off the slate, and gives
// what was there.
func (w *Digest) unslate(x *Delta) (was mark, ok bool) {
	if x.L != nil {
		return mark{}, false
	}
	m := w.slate.find(x.N, x.F)
	if m == nil {
		return mark{}, false
	}
	was = *m
	*m = mark{}
	return was, true
}

// record adds what was logged. Local slots are of no copy.
func (w *Digest) record(log []Delta) {
	for i := range log {
		switch x := &log[i]; {
		case x.N.typ.Fields[x.F].Local:
		case x.Renamed() != nil:
			w.past.rename(x)
		default:
			if m, ok := w.unslate(x); ok {
				w.past.touch(&Delta{Head: Head{N: x.N, F: x.F, Had: m.had, Has: x.Had}, Prev: m.box(), Val: x.Prev})
			}
			w.past.touch(x)
		}
	}
	if len(w.past.slots) > 2*w.kept+1024 {
		w.compact()
	}
}

// compact forgets the slots that came and went: a list that elements run
// through would fill the memory.
func (w *Digest) compact() {
	p := newPast(len(w.past.slots) / 2)
	for i := range w.past.slots {
		x := &w.past.slots[i]
		if !x.had && !x.has {
			continue
		}
		if j, ok := w.past.here[x.slot]; ok && j == i {
			p.here[x.slot] = len(p.slots)
		}
		p.slots = append(p.slots, *x)
	}
	p.lists = w.past.lists
	w.past, w.kept = p, len(p.slots)
}

// Flush gives what leads the copy to what is here, nil when it is there. It
// must be brought to the copy: the next one goes on from it.
func (w *Digest) Flush() []byte {
	m, _ := w.Send()
	return m.Body
}

// flush is Flush with the lock held.
func (w *Digest) flush() []byte {
	body := w.body(w.past, w.slate.marks)
	if w.kept = 0; len(w.past.slots) > 0 {
		w.past = newPast(0)
	}
	w.slate.wipe()
	return body
}

// body encodes a past and what is on the slate as a commit, nil if nothing is
// left of them.
func (w *Digest) body(p *past, marks []mark) []byte {
	p.index()
	f := flushing{past: p, root: w.d.root, moves: p.moves()}
	var deltas []Delta
	if len(p.slots) > 0 {
		deltas = f.deltas()
	}
	alone := f.alones(marks)
	if len(deltas)+len(alone) == 0 {
		return nil
	}
	e := &encoder{seen: map[*Node]bool{}, knows: f.had}
	b := wire.AppendArray(make([]byte, 0, 8+usual*(len(deltas)+len(alone))), len(deltas)+len(alone))
	for i := range deltas {
		b = deltas[i].append(b, e)
	}
	for _, i := range alone {
		m := &marks[i]
		x := Delta{Head: Head{N: m.n, F: m.f, Had: m.had, Has: m.n.has(int(m.f))}}
		b = x.append(b, e)
	}
	return b
}

// usual is how many bytes a delta of a small value takes, about.
const usual = 40

// alones gives the marks of the slate that the copy has to hear of.
func (f *flushing) alones(marks []mark) []int32 {
	if len(marks) == 0 {
		return nil
	}
	to := make([]int32, 0, len(marks))
	for i := range marks {
		if m := &marks[i]; m.n != nil && !m.idle() && f.visible(m.n) {
			to = append(to, int32(i))
		}
	}
	return to
}

// flushing is a digest that is being flushed.
type flushing struct {
	past    *past
	root    *Node
	moves   bool           // objects came, went or moved
	was, is map[*Node]bool // objects that the copy has, and that it shall have
}

// deltas gives the deltas of the slots that the copy has and shall have the
// objects of; in the others they come whole, or go whole.
func (f *flushing) deltas() (deltas []Delta) {
	p := f.past
	renamed := map[*List]bool{}
	for _, x := range p.renames() {
		if f.visible(x.N) {
			deltas = append(deltas, x)
			renamed[x.L] = true
		}
	}
	came := map[slot]int{} // of deltas: elements that came under a key that another had
	for i := range p.slots {
		x, ok := p.slots[i].delta()
		if !ok || !f.visible(x.N) {
			continue
		}
		if x.L != nil && !renamed[x.L] && x.Had != x.Has {
			// One went and another came to its place later, and nothing of a
			// renumbering in between is left: it is one slot.
			s := slot{x.N, x.L, x.F, x.Key}
			if x.Had {
				s.key = x.start()
			}
			if j, ok := came[s]; ok && deltas[j].Had != x.Had {
				y := &deltas[j]
				if x.Had {
					y.Had, y.Prev = true, x.Prev
					y.startAt(x.start())
				} else {
					y.Has, y.Val, y.Key = true, x.Val, x.Key
				}
				continue
			}
			came[s] = len(deltas)
		}
		deltas = append(deltas, x)
	}
	return deltas
}

// visible tells whether the copy has the object that n is in, and shall have.
func (f *flushing) visible(n *Node) bool {
	if n = n.base(); !f.moves {
		return n.stored()
	}
	is, ok := f.is[n]
	if !ok {
		is = n.stored()
		keep(&f.is, n, is)
	}
	return is && f.had(n)
}

// had tells whether the copy has n.
func (f *flushing) had(n *Node) bool {
	if n == f.root {
		return true
	}
	had, ok := f.was[n]
	if ok {
		return had
	}
	keep(&f.was, n, false)
	f.past.holders(n, func(h *holder) bool {
		had = !h.local() && f.had(h.n)
		return !had
	})
	f.was[n] = had
	return had
}

// keep notes something of an object.
func keep(in *map[*Node]bool, n *Node, is bool) {
	if *in == nil {
		*in = map[*Node]bool{}
	}
	(*in)[n] = is
}
