package fs

import (
	"slices"

	"github.com/tidwall/btree"

	"github.com/destam-go/destamgen/runtime/driver"
)

// fewIDs is how many ids a set keeps in a slice. Most sets are those of unique
// values and have one; in large ones a slice would be moved with every change.
const fewIDs = 128

// idSet is a set of ids in ascending order. The zero idSet is empty. It is
// guarded by the store's lock.
type idSet struct {
	few  []driver.ID              // used until there are many
	many *btree.BTreeG[driver.ID] // nil until there are many
}

func less(a, b driver.ID) bool { return a.Compare(b) < 0 }

func (s *idSet) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

func (s *idSet) add(id driver.ID) {
	if s.many != nil {
		s.many.Load(id) // which is Set, and faster for one behind all others, as new ones are
		return
	}
	i, found := slices.BinarySearchFunc(s.few, id, driver.ID.Compare)
	if found {
		return
	}
	if len(s.few) < fewIDs {
		s.few = slices.Insert(s.few, i, id)
		return
	}
	s.many = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
	for _, old := range s.few {
		s.many.Load(old)
	}
	s.few = nil
	s.many.Load(id)
}

func (s *idSet) remove(id driver.ID) {
	if s.many != nil {
		s.many.Delete(id)
		return
	}
	if i, found := slices.BinarySearchFunc(s.few, id, driver.ID.Compare); found {
		s.few = slices.Delete(s.few, i, i+1)
	}
}

// from gives the first id that is not less than id.
func (s *idSet) from(id driver.ID) (first driver.ID, ok bool) {
	if s.many != nil {
		s.many.Ascend(id, func(found driver.ID) bool {
			first, ok = found, true
			return false
		})
		return first, ok
	}
	if i, _ := slices.BinarySearchFunc(s.few, id, driver.ID.Compare); i < len(s.few) {
		return s.few[i], true
	}
	return first, false
}

// ascend yields the ids that are not less than from.
func (s *idSet) ascend(from driver.ID, yield func(driver.ID) bool) {
	if s.many != nil {
		s.many.Ascend(from, yield)
		return
	}
	i, _ := slices.BinarySearchFunc(s.few, from, driver.ID.Compare)
	for _, id := range s.few[i:] {
		if !yield(id) {
			return
		}
	}
}

// intersect yields the ids, from an id on, that are in all sets. It walks the
// smallest and leaps over what one of the others does not have.
func intersect(sets []*idSet, from driver.ID, yield func(driver.ID) bool) {
	slices.SortFunc(sets, func(a, b *idSet) int { return a.len() - b.len() })
	if len(sets) == 1 {
		sets[0].ascend(from, yield)
		return
	}
	id, ok := sets[0].from(from)
	for ok {
		candidate := id
		for _, s := range sets[1:] {
			if id, ok = s.from(candidate); !ok || id != candidate {
				break
			}
		}
		switch {
		case !ok:
		case id != candidate:
			id, ok = sets[0].from(id)
		case !yield(id):
			return
		default:
			if id, ok = after(id); ok {
				id, ok = sets[0].from(id)
			}
		}
	}
}

// after gives the next id, if there is one.
func after(id driver.ID) (driver.ID, bool) {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			return id, true
		}
	}
	return id, false
}
