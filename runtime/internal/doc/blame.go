package doc

// Blame tells which stored commit last set each slot of a document: it is fed
// with the traces of all of them, oldest first.
type Blame struct {
	last map[slot]uint64
}

// Add takes in what a commit did.
func (b *Blame) Add(seq uint64, t Trace) {
	if b.last == nil {
		b.last = map[slot]uint64{}
	}
	for i := range t.Deltas {
		x := &t.Deltas[i]
		switch {
		case x.Renamed() != nil:
			b.rename(x)
		case x.Has:
			b.last[x.slot] = seq
		default:
			delete(b.last, x.slot)
		}
	}
}

func (b *Blame) rename(x *Traced) {
	seqs := make([]uint64, len(x.Renamed().Old))
	for i, k := range x.Renamed().Old {
		s := x.slot
		s.key = k
		seqs[i] = b.last[s]
		delete(b.last, s)
	}
	for i, k := range x.Renamed().New {
		s := x.slot
		s.key = k
		if seqs[i] != 0 {
			b.last[s] = seqs[i]
		}
	}
}

// Each visits every slot of d that holds a value or an optional object, from
// the top down, with the commit that set it: itself, or what contains it.
func (b *Blame) Each(d *Document, visit func(p Path, seq uint64)) {
	w := blaming{b: b, visit: visit, seen: map[*Node]bool{}}
	w.node(d.root, nil, 1)
}

type blaming struct {
	b     *Blame
	visit func(Path, uint64)
	seen  map[*Node]bool // objects in several places are told of once
}

func (w *blaming) node(n *Node, at Path, seq uint64) {
	if len(n.more) > 0 {
		if w.seen[n] {
			return
		}
		w.seen[n] = true
	}
	for f := range n.typ.Fields {
		fd := &n.typ.Fields[f]
		if fd.Local {
			continue
		}
		p := append(at[:len(at):len(at)], Step{Name: fd.Name, Index: -1})
		switch fd.Kind {
		case Inner:
			w.node(n.inner(f), p, seq)
		case LeafList, NodeList:
			l := n.List(f)
			for i := range l.Len() {
				k := l.cells.Key(i)
				w.slot(slot{n, l, int32(f), k}, append(p[:len(p):len(p)], l.step(k)), seq)
			}
		default:
			if n.has(f) {
				w.slot(slot{n: n, f: int32(f)}, p, seq)
			}
		}
	}
}

func (w *blaming) slot(s slot, p Path, seq uint64) {
	if own := w.b.last[s]; own != 0 {
		seq = own
	}
	w.visit(p, seq)
	if s.n.typ.Fields[s.f].typ == nil {
		return
	}
	if s.l == nil {
		w.node(*s.n.childAt(int(s.f)), p, seq)
	} else if i, ok := s.l.Find(s.key); ok {
		w.node(s.l.Node(i), p, seq)
	}
}
