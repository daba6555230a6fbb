package doc

import "unsafe"

// slate is what a digest remembers of small values that were set alone: what
// their fields held when they were set first. That is all that is needed, what
// they hold now is in the document. So a set of a field that is on the slate
// costs a look-up, and a new one neither a box for the value nor an entry of a
// Go map, whose keys would be six words.
type slate struct {
	marks []mark
	table []int32 // where the mark of a slot is: one more than its index, by hash; the length is a power of two
}

// mark is one field; n is nil when something else has taken over.
type mark struct {
	n    *Node
	f    int32
	had  bool
	prev Cell
}

// box gives the value that the field held.
func (m *mark) box() any {
	if !m.had {
		return nil
	}
	l := m.n.typ.Fields[m.f].leaf
	return l.box(m.prev.at(l))
}

// idle tells whether the field holds what it held.
func (m *mark) idle() bool {
	fd, has := &m.n.typ.Fields[m.f], m.n.has(int(m.f))
	return m.had == has && (!has || fd.leaf.equal(m.prev.at(fd.leaf), m.n.ptr(int(m.f))))
}

// hashed is where the search for a slot begins. Nodes do not move in memory.
func hashed(n *Node, f int32) uint {
	h := (uint64(uintptr(unsafe.Pointer(n)))>>3 + uint64(f)) * 0x9e3779b97f4a7c15
	return uint(h >> 32)
}

// find gives the mark of a slot, nil if there is none.
func (s *slate) find(n *Node, f int32) *mark {
	if len(s.table) == 0 {
		return nil
	}
	mask := uint(len(s.table) - 1)
	for i := hashed(n, f); ; i++ {
		at := s.table[i&mask]
		if at == 0 {
			return nil
		}
		if m := &s.marks[at-1]; m.n == n && m.f == f {
			return m
		}
	}
}

// add notes what the slot of x held, which is not on the slate.
func (s *slate) add(x *Alone) {
	s.marks = append(s.marks, mark{n: x.n, f: x.f, had: x.had, prev: x.prev})
	if 2*len(s.marks) > len(s.table) {
		s.table = make([]int32, max(16, 2*len(s.table)))
		for i := range s.marks {
			s.enter(i)
		}
		return
	}
	s.enter(len(s.marks) - 1)
}

// enter puts mark i into the table.
func (s *slate) enter(i int) {
	mask := uint(len(s.table) - 1)
	j := hashed(s.marks[i].n, s.marks[i].f)
	for s.table[j&mask] != 0 {
		j++
	}
	s.table[j&mask] = int32(i + 1)
}

// wipe forgets all. The memory is kept for as many marks as there were.
func (s *slate) wipe() {
	if 8*len(s.marks) < len(s.table) {
		*s = slate{}
		return
	}
	clear(s.marks)
	clear(s.table)
	s.marks = s.marks[:0]
}
