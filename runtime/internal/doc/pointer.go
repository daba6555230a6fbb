package doc

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Pointer is the path as a JSON Pointer (RFC 6901).
func (p Path) Pointer() string {
	var b strings.Builder
	for _, s := range p {
		b.WriteByte('/')
		if s.Index >= 0 {
			b.WriteString(strconv.Itoa(int(s.Index)))
		} else {
			_, _ = pointerEscapes.WriteString(&b, s.Name)
		}
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// place is a path from the root to n, which may be in several places; when it
// is in none any more, where it was.
func (n *Node) place() Path {
	var p Path
	seen := map[*Node]bool{}
	var up func(n *Node) bool
	up = func(n *Node) bool {
		if n == n.doc.root {
			return true
		}
		if len(n.more) > 0 {
			if seen[n] {
				return false
			}
			seen[n] = true
		}
		for h := range n.holders {
			mark := len(p)
			if p = h.appendSteps(p, n); up(h.n) {
				return true
			}
			p = p[:mark]
		}
		return false
	}
	if !up(n) {
		return n.path()
	}
	slices.Reverse(p)
	return p
}

// maxRoutes bounds in how many places one object may be that a patch changes:
// in twenty objects that hold each other twice there are a million.
const maxRoutes = 1024

var errRoutes = errors.New("an object is in so many places that a patch of it makes no sense")

// routes gives every path from the root to n, none when it is outside. Below
// leads from n to what is asked for.
func (n *Node) routes(below Path, count int) (all []Path, err error) {
	if n == n.doc.root {
		p := slices.Clone(below)
		slices.Reverse(p)
		return []Path{p}, nil
	}
	for h := range n.holders {
		some, err := h.n.routes(h.appendSteps(slices.Clip(below), n), count+len(all))
		if all = append(all, some...); err == nil && count+len(all) > maxRoutes {
			err = errRoutes
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
