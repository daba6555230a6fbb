package doc

import "slices"

// kept is what a commit keeps of a field that holds a small value. The window
// writes it down when the field changes first, the value after it comes to it
// when the window is sealed, and then it belongs to the commit as it is: of the
// commonest changes nothing is copied, and no value is a piece of memory of its
// own. Only a commit that is taken back needs what it is about as a Delta.
type kept struct {
	Head
	prev, val Cell // when Had; when Has
}

// keep writes down field f of n, which has a small value and is about to change.
func (d *Document) keep(n *Node, f int) *kept {
	d.openWindow()
	w := &d.win
	if w.kept == nil { // about as many as in the last window
		w.kept = make([]kept, 0, max(1, w.lastKept))
	}
	w.kept = append(w.kept, kept{Head: Head{N: n, F: int32(f)}})
	x := &w.kept[len(w.kept)-1]
	x.Had = x.take(&x.prev)
	return x
}

// take copies what the field holds, and tells whether it does.
func (x *kept) take(to *Cell) (has bool) {
	fd, p := &x.N.typ.Fields[x.F], x.N.ptr(int(x.F))
	if fd.Kind == OptionalLeaf && !*fd.ok(p) {
		return false
	}
	fd.leaf.copy(to.at(fd.leaf), p)
	return true
}

// leaf is what says how the values are laid out.
func (x *kept) leaf() *leaf { return x.N.typ.Fields[x.F].leaf }

// old gives the value before, which stays where it is.
func (x *kept) old() any {
	if !x.Had {
		return nil
	}
	lf := x.leaf()
	return lf.in(x.prev.at(lf))
}

// delta is x as other deltas are, with copies of the values in b: who keeps one
// must not keep all of a commit.
func (x *kept) delta(b *boxes) Delta {
	y, lf := Delta{Head: x.Head}, x.leaf()
	if x.Had {
		y.Prev = b.box(lf, x.prev.at(lf))
	}
	if x.Has {
		y.Val = b.box(lf, x.val.at(lf))
	}
	return y
}

// end completes x with what the field holds now, and tells whether that is
// something else.
func (x *kept) end() (changed bool) {
	x.Has = x.take(&x.val)
	if !x.Had || !x.Has {
		return x.Had != x.Has
	}
	lf := x.leaf()
	return !lf.equal(x.prev.at(lf), x.val.at(lf))
}

// fold completes what the window has kept, and gives p what has changed in the
// objects that the store knows. What has changed in others is given back. What
// was written down stays as it is, because the log may have values of it.
func (d *Document) fold(p *Pending, stored func(*Node) bool) (outside []Delta) {
	all := d.win.kept
	p.kept, d.win.kept = all, nil
	d.win.lastKept = min(len(all), mostPassed)
	dropped := false
	for i := range all {
		x := &all[i]
		x.N.touched = 0 // for it is over
		changed := x.end()
		if changed && stored(x.N) {
			if dropped {
				p.kept = append(p.kept, *x)
			}
			continue
		}
		if changed {
			outside = append(outside, x.delta(&d.win.boxes))
		}
		if !dropped {
			dropped, p.kept = true, slices.Clone(all[:i])
		}
	}
	if !dropped && 2*len(all) < cap(all) {
		p.kept = slices.Clone(all)
	}
	return outside
}

// whole makes Deltas of all that p keeps.
func (p *Pending) whole() {
	var b boxes
	p.deltas = slices.Grow(p.deltas, len(p.kept))
	for i := range p.kept {
		p.deltas = append(p.deltas, p.kept[i].delta(&b))
	}
	p.kept = nil
}
