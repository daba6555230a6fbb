package doc

import (
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/pos"
)

// Step is one step of a path: into a field, or to an element of the list that
// the step before led to.
type Step struct {
	Name  string // of a field; for an element of a map its key as text
	Index int32  // of an element of an array, -1 otherwise
	elem  bool
}

// Path leads from a document's root to a slot.
type Path []Step

func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		if s.Index >= 0 {
			b.WriteString(strconv.Itoa(int(s.Index)))
		} else {
			b.WriteString(s.Name)
		}
	}
	return b.String()
}

// Fields is the path's field names alone, dotted.
func (p Path) Fields() string {
	var names []string
	for _, s := range p {
		if !s.elem {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ".")
}

// Path gives the place of the delta's slot as the document is now; the lock
// is held, or the document is not shared. Where an object is held twice, it
// is the first place that is not in a local field; where it was removed, the
// last that it had.
func (x *Delta) Path() Path {
	p := x.N.pathTo(x.F)
	if x.L != nil && x.Renamed() == nil {
		p = append(p, x.L.step(x.Key))
	}
	return p
}

// LockedPath is Path for those who do not hold the lock. It must not be changed.
func (h *Head) LockedPath() Path {
	if h.form == formTraced {
		return (*Traced)(unsafe.Pointer(h)).At
	}
	d := h.N.doc
	d.lock()
	defer d.mu.Unlock()
	if h.form != formSingle { // where it is, there is no room for a Delta
		if x := (*Delta)(unsafe.Pointer(h)); x.L != nil {
			return x.Path()
		}
	}
	return d.out.path(h.N, h.F)
}

// pathTo leads to field f of n, with room for an element.
func (n *Node) pathTo(f int32) Path {
	return append(n.path(), Step{Name: n.typ.Fields[f].Name, Index: -1})
}

// path leads to n over its first holders, and where there is none any more
// over the last that there was.
func (n *Node) path() Path {
	depth := 1
	for m := n; m.held(); m = m.up.n {
		depth++
	}
	p := make(Path, 0, 2*depth) // with room for the slot that a delta is of
	var seen map[*Node]bool     // what was in each other may go in circles
	for n.up.n != nil {
		h := n.via()
		if h.was {
			if seen[n] {
				break
			}
			if seen == nil {
				seen = map[*Node]bool{}
			}
			seen[n] = true
		}
		p, n = h.appendSteps(p, n), h.n
	}
	slices.Reverse(p)
	return p
}

// via is the slot that paths lead to n through: those who hear of n although
// it is in a local field too are not told the name of that.
func (n *Node) via() *holder {
	for h := range n.holders {
		if len(n.more) == 0 || !h.local() && h.n.stored() {
			return h
		}
	}
	return &n.up
}

// appendSteps appends the steps of the slot that holds n, the last first.
func (h *holder) appendSteps(p Path, n *Node) Path {
	if h.f == unknownPlace {
		return append(p, Step{Name: h.n.unknown.name(n), Index: -1})
	}
	if h.l != nil {
		p = append(p, h.l.step(h.key))
	}
	return append(p, Step{Name: h.n.typ.Fields[h.f].Name, Index: -1})
}

// step is the step to the element with key k, or to where it was.
func (l *List) step(k pos.Key) Step {
	s := Step{Index: -1, elem: true}
	if keys := l.field().keys; keys != nil {
		s.Name = keys.text(k)
	} else {
		i, _ := l.Find(k)
		s.Index = int32(i)
	}
	return s
}
