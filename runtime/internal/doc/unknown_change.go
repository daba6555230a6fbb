package doc

import (
	"slices"
	"sort"
	"strings"

	"github.com/destam-go/destamgen/runtime/internal/pos"
	"github.com/destam-go/destamgen/runtime/internal/wire"
)

// way gives the members that the dotted path of an unknown place ends in, and
// its last name in the stored form. They are nil when nothing is there yet,
// unless they are made.
func (n *Node) way(path string, make bool) (m *members, last string, err error) {
	if n.unknown == nil && make {
		n.unknown = &members{}
	}
	m = n.unknown
	for {
		name, rest, more := strings.Cut(path, ".")
		key := string(wire.AppendString(nil, name))
		if !more {
			return m, key, nil
		}
		u := m.get(key)
		if u == nil {
			if !make {
				return nil, "", nil
			}
			u = &unknown{members: &members{}}
			m.set(key, u)
		}
		if m, err = u.open(); err != nil {
			return nil, "", err
		}
		if m.array {
			return nil, "", errUnknownPlace
		}
		path = rest
	}
}

// fitsUnknown tells why a change of an unknown place cannot be made, before
// anything is.
func (x *change) fitsUnknown() error {
	m, last, err := x.n.way(x.path, false)
	if err != nil || x.op <= opDelete {
		return err
	}
	u := m.get(last)
	if u == nil {
		if x.op == opRenumber {
			return errUnknownPlace
		}
		return nil
	}
	list, err := u.open()
	if err == nil && list.array != (x.op == opRenumber || x.position) {
		err = errUnknownPlace
	}
	if err != nil || x.op != opRenumber {
		return err
	}
	return list.renumber(x.rare.renamed.Old, x.rare.renamed.New, false)
}

// present gives what is in the unknown place of a change that fits.
func (x *change) present() *unknown {
	m, last, _ := x.n.way(x.path, false)
	u := m.get(last)
	if u == nil || !x.element() {
		return u
	}
	list, _ := u.open()
	return list.get(string(x.key))
}

// alter makes a change of an unknown place, and gives what was there.
func (x *change) alter() (was *unknown) {
	m, last, _ := x.n.way(x.path, true)
	if x.op <= opDelete {
		return m.set(last, x.value())
	}
	u := m.get(last)
	if u == nil {
		if x.value() == nil {
			return nil
		}
		u = &unknown{members: &members{array: x.position}}
		m.set(last, u)
	}
	list, _ := u.open()
	if x.op == opRenumber {
		_ = list.renumber(x.rare.renamed.Old, x.rare.renamed.New, true) // fitsUnknown knows that it fits
		return nil
	}
	was = list.set(string(x.key), x.value())
	if len(list.keys) == 0 { // as if it had never been there
		m.set(last, nil)
	}
	return was
}

// renumber gives the elements with the old keys the new ones.
func (m *members) renumber(old, new []pos.Key, really bool) error {
	keys := slices.Clone(m.keys)
	for i, k := range old {
		at, ok := slices.BinarySearch(m.keys, string(k))
		if !ok {
			return errNotThere
		}
		keys[at] = string(new[i])
	}
	if really {
		m.keys = keys
		sort.Stable(m)
	}
	return nil
}
