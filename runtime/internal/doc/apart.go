package doc

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// While a program for which a field is what it was, and one that has an upcaster
// for it, use one document, what each of them has depends on the order of their
// commits. A log has that order; a checkpoint has not: the one program keeps
// aside what it does not know, and of the values that an upcaster has read nothing
// is left in the other's. So each checkpoint says what its writer did not read as
// others may, and whoever does reads one of before, or the log.

// ErrApart: a checkpoint is of a program to which some field is something else.
// There is nothing wrong with it, and the log has what is in it.
var ErrApart = errors.New("the checkpoint is of a program for which some field is of another type")

// apart is what stands beside the content of a checkpoint: paths of fields by
// their stored names, without the elements of lists.
type apart struct {
	unknown map[string]bool // of what was met and is not known here
	read    map[string]bool // of what was read by an upcaster, but not here
	met     map[met]bool    // what is in unknown, as it was met
}

// met is a field that a type has not.
type met struct {
	t    *Type
	name string
}

// strange notes that n has something under a name, the first of a dotted path,
// that this program does not know. It is said when the input was found to be good.
func (c *decoder) strange(n *Node, path string) {
	name, _, _ := strings.Cut(path, ".")
	for n.typ == unknownType { // what is in a place that is not known was met there
		base := n.base()
		if base.up.n == nil || base.up.n.unknown == nil {
			return
		}
		n, name = base.up.n, base.up.n.unknown.name(base)
	}
	m := met{n.typ, name}
	if !c.d.apart.met[m] && !slices.Contains(c.met, m) && c.d.root.typ != unknownType {
		m.name = strings.Clone(name)
		c.met = append(c.met, m)
	}
}

// say makes what was met a part of what stands beside the content.
func (c *decoder) say() {
	a := &c.d.apart
	for _, m := range c.met {
		if a.met == nil {
			a.met = map[met]bool{}
		}
		a.met[m] = true
		a.addUnknown(under(c.d.root.typ.routes()[m.t], m.name))
	}
	if c.lost {
		a.addUnknown(lostPath)
	}
	c.met = nil
}

func (a *apart) addUnknown(path string) {
	if a.unknown == nil {
		a.unknown = map[string]bool{}
	}
	a.unknown[path] = true
}

func (a *apart) addRead(path string) {
	if a.read == nil {
		a.read = map[string]bool{}
	}
	a.read[path] = true
}

// routes gives the shortest path to each type of object that t leads to.
func (t *Type) routes() map[*Type]string {
	t.ways.Do(func() {
		t.route = map[*Type]string{t: ""}
		for queue := []*Type{t}; len(queue) > 0; queue = queue[1:] {
			from := queue[0]
			for f := range from.Fields {
				fd := &from.Fields[f]
				if _, known := t.route[fd.typ]; fd.typ != nil && !known && !fd.Local {
					t.route[fd.typ] = under(t.route[from], fd.Stored)
					queue = append(queue, fd.typ)
				}
			}
		}
		for at, path := range t.route {
			t.shading = t.shading || len(at.shadows) > 0
			for name := range at.was {
				t.reads = append(t.reads, under(path, name))
			}
			for name := range at.shadows {
				t.reads = append(t.reads, under(path, name))
			}
		}
	})
	return t.route
}

// append writes what stands beside the content, nothing where there is nothing
// to say.
func (a *apart) append(b []byte, t *Type) []byte {
	t.routes()
	read := maps.Clone(a.read)
	for _, path := range t.reads {
		if read == nil {
			read = map[string]bool{}
		}
		read[path] = true
	}
	if len(a.unknown) == 0 && len(read) == 0 {
		return b
	}
	b = wire.AppendArray(b, 2)
	for _, paths := range []map[string]bool{a.unknown, read} {
		b = wire.AppendArray(b, len(paths))
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			b = wire.AppendString(b, path)
		}
	}
	return b
}

// apart reads what stands behind the content that c is about to read, and takes
// over what this program does not know either.
func (c *decoder) apart() {
	r := *c.r
	r.Skip()
	if n := r.Array(); r.Err() == nil && n != 2 {
		c.r.Fail(errors.New("a checkpoint without what stands beside its content"))
	}
	t := c.d.root.typ
	for range r.Array() { // what its writer did not know
		path := r.String()
		if at, f, w, ok := t.resolve(path); !ok {
			if c.d.apart.addUnknown(path); path == lostPath && t.derives() {
				c.r.Fail(ErrApart)
			}
		} else if w.order >= 0 || at.recasts(f) || at.Fields[f].typ.recastsBelow(map[*Type]bool{}) {
			c.r.Fail(ErrApart)
		}
	}
	for range r.Array() { // what upcasters of its writer have read
		path := r.String()
		if _, _, w, ok := t.resolve(path); !ok {
			c.d.apart.addRead(path)
		} else if w.order < 0 {
			c.r.Fail(ErrApart)
		}
	}
	if err := r.Err(); err != nil {
		c.r.Fail(err)
	}
}

// resolve follows a path of stored names.
func (t *Type) resolve(path string) (at *Type, f int, w former, ok bool) {
	for {
		name, rest, more := strings.Cut(path, ".")
		if f, w, ok = t.find(name); !ok || !more {
			return t, f, w, ok
		}
		if at = t.Fields[f].typ; at == nil {
			return nil, 0, former{}, false
		}
		t, path = at, rest
	}
}

// recasts tells whether an upcaster gives field f values.
func (t *Type) recasts(f int) bool {
	for _, w := range t.was {
		if w.f == f {
			return true
		}
	}
	for _, s := range t.shadows {
		if s.f == f {
			return true
		}
	}
	return false
}

// recastsBelow tells whether there is such a field in objects of type t, which
// may be nil, or below.
func (t *Type) recastsBelow(seen map[*Type]bool) bool {
	if t == nil || seen[t] {
		return false
	}
	seen[t] = true
	for f := range t.Fields {
		if t.Fields[f].typ.recastsBelow(seen) {
			return true
		}
	}
	return len(t.was)+len(t.shadows) > 0
}
