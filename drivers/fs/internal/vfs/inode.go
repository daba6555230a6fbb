package vfs

// inode is a file or a directory of a Mem: what readers see, and every version
// that its parts may have on the disk. All of it is guarded by the Mem's lock.
type inode struct {
	clock int // counts the changes

	data    []byte                  // a file's bytes as readers see them
	sectors map[int64]doubt[[]byte] // a file's sectors that are not known to be on disk
	sizes   doubt[int64]            // a file's size

	names   map[string]*inode        // a directory's entries as readers see them; nil for a file
	entries map[string]doubt[*inode] // a directory's entries that are not known to be on disk
}

// doubt is a part that may have any of these versions on disk. The first is
// the one last synced; the last is what readers see. A sector that was never
// synced and an entry that is not there are nil.
type doubt[T any] struct {
	versions []version[T]
	lost     int // a sync of the versions up to this time failed
}

type version[T any] struct {
	is T
	at int // the inode's clock when it was written
}

// settle is a sync that began when the clock was now. It tells whether nothing
// is in doubt any more. Versions whose sync failed earlier are passed over:
// their pages count as clean, so nothing writes them to the disk.
func (d *doubt[T]) settle(now int) bool {
	i := len(d.versions) - 1
	for i > 0 && d.versions[i].at > now {
		i--
	}
	if d.versions[i].at > d.lost {
		d.versions = d.versions[i:]
	}
	return len(d.versions) == 1
}

// abandon is a sync that began when the clock was now and failed.
func (d *doubt[T]) abandon(now int) { d.lost = max(d.lost, now) }

func newFile() *inode {
	n := &inode{sectors: map[int64]doubt[[]byte]{}}
	n.sizes.versions = []version[int64]{{}}
	return n
}

func newDir() *inode {
	return &inode{names: map[string]*inode{}, entries: map[string]doubt[*inode]{}}
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
	n.clock++
	end := off + int64(len(b))
	// A write beyond the end leaves a hole of zeros, whose sectors are in
	// doubt like those that are written.
	first, last := min(off, int64(len(n.data)))/Sector, (end-1)/Sector
	for s := first; s <= last; s++ {
		if _, ok := n.sectors[s]; !ok {
			n.sectors[s] = doubt[[]byte]{versions: []version[[]byte]{{is: clone(n.sector(s))}}}
		}
	}
	if grow := end - int64(len(n.data)); grow > 0 {
		n.data = append(n.data, make([]byte, grow)...)
		n.sizes.versions = append(n.sizes.versions, version[int64]{end, n.clock})
	}
	copy(n.data[off:], b)
	for s := first; s <= last; s++ {
		d := n.sectors[s]
		d.versions = append(d.versions, version[[]byte]{clone(n.sector(s)), n.clock})
		n.sectors[s] = d
	}
}

// link sets an entry of a directory, or removes it when c is nil.
func (n *inode) link(name string, c *inode) {
	n.clock++
	d, ok := n.entries[name]
	if !ok {
		d.versions = []version[*inode]{{is: n.names[name]}}
	}
	d.versions = append(d.versions, version[*inode]{c, n.clock})
	n.entries[name] = d
	if c == nil {
		delete(n.names, name)
	} else {
		n.names[name] = c
	}
}

// settle makes durable what the inode had when the clock was now. Haunt is
// told what the sectors hold on disk then.
func (n *inode) settle(now int, haunt func(sector int64, b []byte)) {
	for _, s := range sortedKeys(n.sectors) {
		d := n.sectors[s]
		settled := d.settle(now)
		haunt(s, d.versions[0].is)
		if settled {
			delete(n.sectors, s)
		} else {
			n.sectors[s] = d
		}
	}
	for name, d := range n.entries {
		if d.settle(now) {
			delete(n.entries, name)
		} else {
			n.entries[name] = d
		}
	}
	if !n.isDir() {
		n.sizes.settle(now)
	}
}

// abandon is a sync that began when the clock was now and failed: what it
// covers stays in doubt, and no later sync helps unless it is written again.
func (n *inode) abandon(now int) {
	for s, d := range n.sectors {
		d.abandon(now)
		n.sectors[s] = d
	}
	for name, d := range n.entries {
		d.abandon(now)
		n.entries[name] = d
	}
	n.sizes.abandon(now)
}

// copyTree copies a tree of inodes, one copy for each inode.
type copyTree map[*inode]*inode

// whole copies n with all its doubts. Versions are never changed, so they are
// shared.
func (t copyTree) whole(n *inode) *inode {
	if n == nil {
		return nil
	}
	if c, ok := t[n]; ok {
		return c
	}
	c := &inode{clock: n.clock, data: clone(n.data), sizes: n.sizes}
	t[n] = c
	if !n.isDir() {
		c.sectors = make(map[int64]doubt[[]byte], len(n.sectors))
		c.sizes.versions = append([]version[int64](nil), n.sizes.versions...)
		for s, d := range n.sectors {
			d.versions = append([]version[[]byte](nil), d.versions...)
			c.sectors[s] = d
		}
		return c
	}
	c.names, c.entries = make(map[string]*inode, len(n.names)), make(map[string]doubt[*inode], len(n.entries))
	for name, child := range n.names {
		c.names[name] = t.whole(child)
	}
	for name, d := range n.entries {
		versions := make([]version[*inode], len(d.versions))
		for i, v := range d.versions {
			versions[i] = version[*inode]{t.whole(v.is), v.at}
		}
		c.entries[name] = doubt[*inode]{versions: versions, lost: d.lost}
	}
	return c
}
