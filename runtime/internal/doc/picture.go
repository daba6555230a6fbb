package doc

// picture is what is seen of a document: the slots of each object in view. What
// is always in an object is the value of a field. The values that a lens leads
// to are of no object.
type picture map[*Node]map[slot]any

// take adds n, or field f of it, and what is below. Local fields are seen by who
// names them. The lock of the document is held.
func (p picture) take(n *Node, f int32, sees func(slot) bool) {
	if p[n] != nil {
		return
	}
	p[n] = map[slot]any{}
	add := func(s slot, v any) {
		if sees != nil && !sees(s) {
			return
		}
		p[n][s] = v
		if c, ok := v.(*Node); ok {
			p.take(c, -1, sees)
		}
	}
	for i := range n.typ.Fields {
		fd := &n.typ.Fields[i]
		if f >= 0 && int32(i) != f || f < 0 && fd.Local && sees == nil {
			continue
		}
		switch fd.Kind {
		case Inner:
			in := n.inner(i)
			p[n][slot{n: n, f: int32(i)}] = in
			p.take(in, -1, sees)
		case LeafList, NodeList:
			l := n.List(i)
			for j := range l.Len() {
				add(slot{n, l, int32(i), l.cells.Key(j)}, l.elem(j))
			}
		default:
			if has, v := n.value(i); has {
				add(slot{n: n, f: int32(i)}, v)
			}
		}
	}
}

// reach gives the objects that some lead to.
func (p picture) reach(from ...*Node) map[*Node]bool {
	there := map[*Node]bool{}
	for len(from) > 0 {
		n := from[len(from)-1]
		from = from[:len(from)-1]
		if there[n] || p[n] == nil {
			continue
		}
		there[n] = true
		for _, v := range p[n] {
			if c, ok := v.(*Node); ok {
				from = append(from, c)
			}
		}
	}
	return there
}

// places gives the values that a lens leads to from n, with one place for a lens
// that leads to one. They are found the plainest way.
func places(n *Node, l *Lens) map[slot]any {
	t := targets{l, map[slot]any{}, map[rung]bool{}}
	t.from(n, 0)
	if l.many {
		return t.there
	}
	one := map[slot]any{}
	for _, v := range t.there {
		one[slot{}] = v
	}
	return one
}

// targets looks for what a lens leads to.
type targets struct {
	lens  *Lens
	there map[slot]any
	seen  map[rung]bool
}

// from adds what is behind place i of the lens, at n.
func (t *targets) from(n *Node, i int) {
	if t.seen[rung{n, i}] {
		return
	}
	t.seen[rung{n, i}] = true
	l := t.lens
	for i := range l.from(i) {
		step, next := l.step(i), l.after(i)
		f := int(step.f)
		switch n.typ.Fields[f].Kind {
		case Leaf, OptionalLeaf:
			if has, v := n.value(f); has {
				t.there[slot{n: n, f: step.f}] = v
			}
		case Inner:
			t.from(n.inner(f), next)
		case Child:
			if c := n.Child(f); c != nil {
				t.from(c, next)
			}
		default:
			list := n.List(f)
			for i := range list.Len() {
				k := list.cells.Key(i)
				switch {
				case !l.step(next).takes(list, k):
				case l.field.typ == nil && list.field().Kind == LeafList:
					t.there[slot{n, list, step.f, k}] = list.elem(i)
				default:
					t.from(list.Node(i), l.after(next))
				}
			}
		}
	}
}
