package vfs

// inode is a file or a directory of a Mem: what readers see, and every version
// that its parts may have on the disk. All of it is guarded by the Mem's lock.
type inode struct {
	data    []byte            // a file's bytes as readers see them
	sectors map[int64]doubt   // a file's sectors that are not known to be on disk
	sizes   []int64           // sizes the file may have on disk, the synced one first
	names   map[string]*inode // a directory's entries as readers see them; nil for a file
	entries map[string]entry  // a directory's entries that are not known to be on disk
}

// doubt is a sector that may have any of these versions on disk. The first is
// the one last synced, nil if there was none; the last is what readers see.
type doubt struct {
	versions [][]byte
	lost     int // versions before this one are passed over by Sync: a sync of them failed
}

// entry is a name that may mean any of these inodes on disk, nil for none.
type entry struct {
	versions []*inode
	lost     int
}

func newFile() *inode { return &inode{sectors: map[int64]doubt{}, sizes: []int64{0}} }

func newDir() *inode {
	return &inode{names: map[string]*inode{}, entries: map[string]entry{}}
}

func (n *inode) isDir() bool { return n.names != nil }

// bytes is how much the files under n hold, counted by what readers see.
func (n *inode) bytes() int64 {
	total := int64(len(n.data))
	for _, c := range n.names {
		total += c.bytes()
	}
	return total
}

// sector gives the bytes of a sector as readers see them, nil beyond the end.
// It aliases data.
func (n *inode) sector(s int64) []byte {
	from, to := s*Sector, min((s+1)*Sector, int64(len(n.data)))
	if from >= to {
		return nil
	}
	return n.data[from:to]
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func (n *inode) write(b []byte, off int64) {
	end := off + int64(len(b))
	// A write beyond the end leaves a hole of zeros, whose sectors are in
	// doubt like those that are written.
	first := min(off, int64(len(n.data))) / Sector
	before := map[int64][]byte{}
	for s := first; s <= (end-1)/Sector; s++ {
		before[s] = clone(n.sector(s))
	}
	if grow := end - int64(len(n.data)); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
		n.sizes = append(n.sizes, end)
	}
	copy(n.data[off:], b)
	for s, old := range before {
		d, ok := n.sectors[s]
		if !ok {
			d.versions = [][]byte{old}
		}
		d.versions = append(d.versions, clone(n.sector(s)))
		n.sectors[s] = d
	}
}

// link sets an entry of a directory, or removes it when c is nil.
func (n *inode) link(name string, c *inode) {
	e, ok := n.entries[name]
	if !ok {
		e.versions = []*inode{n.names[name]}
	}
	e.versions = append(e.versions, c)
	n.entries[name] = e
	if c == nil {
		delete(n.names, name)
	} else {
		n.names[name] = c
	}
}

// mark is what an inode has when a sync begins: the newest version of each
// part. What is written while the sync runs is not covered by it.
type mark struct {
	sectors map[int64]int
	entries map[string]int
	size    int
}

func (n *inode) mark() mark {
	m := mark{sectors: map[int64]int{}, entries: map[string]int{}, size: len(n.sizes) - 1}
	for s, d := range n.sectors {
		m.sectors[s] = len(d.versions) - 1
	}
	for name, e := range n.entries {
		m.entries[name] = len(e.versions) - 1
	}
	return m
}

// settle makes durable what the mark covers, but for parts whose earlier sync
// failed and that nobody wrote since.
func (n *inode) settle(m mark) {
	for s, v := range m.sectors {
		d := n.sectors[s]
		if v < d.lost {
			continue
		}
		if d.versions, d.lost = d.versions[v:], 0; len(d.versions) == 1 {
			delete(n.sectors, s)
		} else {
			n.sectors[s] = d
		}
	}
	for name, v := range m.entries {
		e := n.entries[name]
		if v < e.lost {
			continue
		}
		if e.versions, e.lost = e.versions[v:], 0; len(e.versions) == 1 {
			delete(n.entries, name)
		} else {
			n.entries[name] = e
		}
	}
	if n.names == nil {
		n.sizes = n.sizes[m.size:]
	}
}

// abandon is a sync that failed: the parts that it covers stay in doubt, and
// no later sync helps unless they are written again.
func (n *inode) abandon(m mark) {
	for s, v := range m.sectors {
		d := n.sectors[s]
		d.lost = v + 1
		n.sectors[s] = d
	}
	for name, v := range m.entries {
		e := n.entries[name]
		e.lost = v + 1
		n.entries[name] = e
	}
}

// copyTree copies a tree of inodes, one copy for each inode.
type copyTree map[*inode]*inode

// whole copies n with all its doubts.
func (t copyTree) whole(n *inode) *inode {
	if n == nil {
		return nil
	}
	if c, ok := t[n]; ok {
		return c
	}
	c := &inode{data: clone(n.data), sizes: append([]int64(nil), n.sizes...)}
	t[n] = c
	if !n.isDir() {
		c.sectors = make(map[int64]doubt, len(n.sectors))
		for s, d := range n.sectors {
			c.sectors[s] = doubt{versions: append([][]byte(nil), d.versions...), lost: d.lost}
		}
		return c
	}
	c.names, c.entries = make(map[string]*inode, len(n.names)), make(map[string]entry, len(n.entries))
	for name, child := range n.names {
		c.names[name] = t.whole(child)
	}
	for name, e := range n.entries {
		versions := make([]*inode, len(e.versions))
		for i, child := range e.versions {
			versions[i] = t.whole(child)
		}
		c.entries[name] = entry{versions: versions, lost: e.lost}
	}
	return c
}
