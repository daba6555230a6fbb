package doc

import "fmt"

// maxNest is how many objects may be inside each other. What is stored must be
// readable, also by an older program, which takes three levels of maxDepth for
// an object in a field that it does not know: so the limit is held when
// something is committed, and not found when it is loaded.
const maxNest = 30_000

// ErrDepth: objects would be nested too deeply.
var ErrDepth = fmt.Errorf("objects nest deeper than %d", maxNest)

// nests tells whether a commit nests objects too deeply. It keeps a bound that
// each object which comes raises by what is in it, and looks at the whole
// document only when that bound is reached.
func (d *Document) nests(p *Pending) error {
	for i := range p.deltas {
		if c, ok := p.deltas[i].Val.(*Node); ok && p.deltas[i].Has {
			d.nest += c.height()
		}
	}
	return d.nested()
}

// nested tells whether the document nests objects too deeply.
func (d *Document) nested() error {
	if d.nest <= maxNest {
		return nil
	}
	if d.nest = d.root.height(); d.nest > maxNest {
		return ErrDepth
	}
	return nil
}

// height is how many objects are inside each other from n on.
func (n *Node) height() int {
	c := climber{}
	return c.height(n)
}

type climber struct{ known map[*Node]int } // of objects with several holders

func (c *climber) height(n *Node) (most int) {
	if h, ok := c.known[n]; ok {
		return h
	}
	for f := range n.typ.Fields {
		switch n.typ.Fields[f].Kind {
		case Inner:
			most = max(most, c.height(n.inner(f)))
		case Child:
			if m := *n.childAt(f); m != nil {
				most = max(most, c.height(m))
			}
		case NodeList:
			l := n.List(f)
			for i := range l.Len() {
				most = max(most, c.height(l.Node(i)))
			}
		}
	}
	n.unknown.objects(func(m *Node) { most = max(most, c.height(m)) })
	if most++; len(n.more) > 0 {
		if c.known == nil {
			c.known = map[*Node]int{}
		}
		c.known[n] = most
	}
	return most
}
