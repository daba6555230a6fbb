package doc

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// A field that was renamed keeps what is stored under the first name that it had:
// programs of before and after the change see each other's values. Where it was
// of another type, what is stored under the former name is read by an upcaster,
// which turns each value into one of today's, and is never written again.

// StoredName gives the name that the field with a tag of the struct plain is
// stored under.
func StoredName(plain reflect.Type, tag string) string {
	name, opts, _ := strings.Cut(tag, ",")
	if strings.Contains(opts, "was=") {
		if same, _ := formerNames(plain, opts); len(same) > 0 {
			return same[len(same)-1]
		}
	}
	return name
}

// formerNames gives the names that a field of plain had, the newest first: those
// since it is what it is, and those from the first on under which an upcaster
// reads it.
func formerNames(plain reflect.Type, opts string) (same, others []string) {
	upcasts.RLock()
	defer upcasts.RUnlock()
	for o := range strings.SplitSeq(opts, ",") {
		was, ok := strings.CutPrefix(o, "was=")
		switch {
		case !ok:
		case len(others) > 0 || upcasts.m[upcastPlace{plain, was}] != nil:
			others = append(others, was)
		default:
			same = append(same, was)
		}
	}
	return same, others
}

// former is a name that a field had when it was of another type.
type former struct {
	f     int
	order int   // 0 for the newest
	leaf  *leaf // reads what is stored under it; nil for what was an object
}

// upcast is a user's function from a former type to today's.
type upcast struct {
	from, to reflect.Type
	call     func(from, to reflect.Value) error // both point to values
}

// upcasts are the functions that generated code has registered, by the struct
// and the former name of the field.
var upcasts struct {
	sync.RWMutex
	m map[upcastPlace]*upcast
}

type upcastPlace struct {
	plain reflect.Type
	name  string
}

// RegisterUpcast makes call read what a field of plain has under a former name.
func RegisterUpcast(plain reflect.Type, name string, from, to reflect.Type, call func(from, to reflect.Value) error) {
	upcasts.Lock()
	defer upcasts.Unlock()
	if upcasts.m == nil {
		upcasts.m = map[upcastPlace]*upcast{}
	}
	upcasts.m[upcastPlace{plain, name}] = &upcast{from, to, call}
}

// addFormer makes field f, declared in plain, known by a name that it had when it
// was of another type.
func (t *Type) addFormer(plain reflect.Type, f int, name string) {
	fd := &t.Fields[f]
	w := former{f: f, order: len(t.was) + len(t.shadows), leaf: fd.leaf}
	upcasts.RLock()
	up := upcasts.m[upcastPlace{plain, name}]
	upcasts.RUnlock()
	if up != nil {
		from, ok := leafOf(up.from)
		switch {
		case ok && fd.recasts() && fd.typ.plain == up.to:
			w.leaf, fd.recast = recastLeaf(from, fd.typ, up), fd.Kind == Inner
		case ok && fd.leaf != nil && fd.leaf.typ == up.to:
			w.leaf = upcastLeaf(from, fd.leaf, up)
		case !ok && t.addShadow(f, name, up):
			return
		default:
			panic(t.stale())
		}
	}
	if t.was == nil {
		t.was = map[string]former{}
	}
	t.was[name] = w
}

// upcastLeaf is the table to, but for values that are stored as those of from.
func upcastLeaf(from, to *leaf, up *upcast) *leaf {
	l := *to
	l.read = func(r *wire.Reader, p unsafe.Pointer) {
		old, now := reflect.New(up.from), reflect.New(up.to)
		from.decode(r, old)
		if r.Err() != nil {
			return
		}
		err := up.value(old, now)
		if err == nil {
			err = to.store(p, now)
		}
		if err != nil {
			r.Fail(fmt.Errorf("a former %s cannot be made a %s: %w", up.from, up.to, err))
		}
	}
	l.check = func(r *wire.Reader) { l.read(r, to.cell()) }
	return &l
}

// value calls the user's function.
func (u *upcast) value(from, to reflect.Value) (err error) {
	defer guard(&err)
	return u.call(from, to)
}

// decode reads a value into a plain one.
func (l *leaf) decode(r *wire.Reader, p reflect.Value) {
	if l.codec == nil {
		l.read(r, p.UnsafePointer())
	} else if err := l.codec.read(r, p); err != nil {
		r.Fail(err)
	}
}

// store puts a plain value into a state.
func (l *leaf) store(at unsafe.Pointer, p reflect.Value) error {
	if l.codec == nil {
		l.copy(at, p.UnsafePointer())
		return nil
	}
	c, err := l.codec.value(p)
	*(*Coded)(at) = c
	return err
}

// cell makes a new state.
func (l *leaf) cell() unsafe.Pointer {
	if l.codec != nil {
		return unsafe.Pointer(new(Coded))
	}
	return reflect.New(l.typ).UnsafePointer()
}

// find gives the field that is stored under a name: one of its own or a former
// one.
func (t *Type) find(name string) (f int, w former, ok bool) {
	if f, ok = t.byName[name]; ok {
		return f, former{f: f, order: -1, leaf: t.Fields[f].leaf}, !t.Fields[f].Local
	}
	w, ok = t.was[name]
	return w.f, w, ok
}

// old is what content has under a former name, kept back until the object has
// been read: when the field is there under a later name, too, a program that
// knew only the former one has written since, and both are kept.
type old struct {
	former
	key string // the name in the stored form
	raw []byte
}

// olds reads what was kept back of n; own are the fields that were there under
// their own names.
func (c *decoder) olds(n *Node, olds []old, own map[int][]byte) {
	for i := range olds {
		o := &olds[i]
		its, later := own[o.f]
		first := true
		for j := range olds {
			first = first && (olds[j].f != o.f || olds[j].order >= o.order)
		}
		r, input := c.r, c.input
		c.r, c.input = wire.NewReader(o.raw), o.raw
		if later || !first {
			c.keep(n, o.key)
			if c.r.Err() == nil && later && first && o.leaf != nil && o.leaf.object != nil && n.typ.Fields[o.f].typ.partial(its) {
				c.r.Reset(o.raw)
				c.recast(n.inner(o.f), o.leaf, its)
			}
		} else {
			c.field(n, o.f, o.leaf)
		}
		err := c.r.Err()
		c.r, c.input = r, input
		if err != nil {
			c.r.Fail(err)
		}
	}
}

// clearLeaf makes a leaf absent. A required one may be cleared too, where it was
// optional under a former name: then it is zero.
func (x *change) clearLeaf() {
	fd := &x.n.typ.Fields[x.f]
	if fd.Kind == OptionalLeaf {
		x.n.ClearLeaf(x.f)
		return
	}
	x.n.Changing(x.f)
	fd.leaf.copy(x.n.ptr(x.f), fd.leaf.cell())
	x.n.Changed(x.f)
}
