package vfs

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// Cut is a power failure: it decides what of everything un-synced is on the
// disk. Pick is asked once for every part that is in doubt (a sector, a size,
// an entry of a directory), in an order that depends on the state alone, and
// gives one of n versions: 0 is the one last synced, n-1 the newest.
type Cut struct {
	Pick func(n int) int

	// Stale lets sectors of which nothing was ever synced come back with what
	// a sector at this offset of any file once held.
	Stale bool

	// Hollow lets zeros that were synced be no better than what was never
	// synced, as on a disk that does not keep zeros and a file system that
	// takes preparing for a promise. No store has to bear this, and one whose
	// records have zeros cannot: where zeros are all that a record has in a
	// sector, it is lost with them. It shows what a log makes of strange bytes
	// where it expects nothing.
	Hollow bool
}

// Drop loses everything un-synced.
func Drop(int) int { return 0 }

// Keep loses nothing.
func Keep(n int) int { return n - 1 }

// Nth takes the n-th version of each part that has so many, counted from the
// one last synced, and otherwise the newest. Of a [Cut] that is stale or hollow
// the first few are what other files held.
func Nth(n int) func(int) int { return func(of int) int { return min(n, of-1) } }

// Random keeps the newest version of each part with probability keep and
// otherwise takes any.
func Random(rng *rand.Rand, keep float64) func(n int) int {
	return func(n int) int {
		if rng.Float64() < keep {
			return n - 1
		}
		return rng.IntN(n)
	}
}

// Every yields picks that together take every combination of versions, up to
// limit of them; each may be used once, before the next is asked for.
func Every(limit int) iter.Seq[func(n int) int] {
	return func(yield func(func(n int) int) bool) {
		var digits, radix []int
		for range limit {
			i := 0
			if !yield(func(n int) int {
				if i == len(digits) {
					digits, radix = append(digits, 0), append(radix, n)
				}
				radix[i] = n
				i++
				return digits[i-1]
			}) {
				return
			}
			// Count up the last digit that can be; those after it begin anew.
			digits, radix = digits[:i], radix[:i]
			for i--; i >= 0 && digits[i] == radix[i]-1; i-- {
			}
			if i < 0 {
				return
			}
			digits[i]++
			digits, radix = digits[:i+1], radix[:i+1]
		}
	}
}

// Cut gives the disk as it may be found after a power failure now. It shares
// nothing with m, which goes on unharmed. Hooks are not taken along.
func (m *Mem) Cut(c Cut) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.bare()
	seen := map[*inode]*inode{}
	out.root = m.survivor(m.root, c, seen, out)
	return out
}

// Kill gives the disk as the next process finds it after this one was killed:
// everything written is seen, and what was not synced may still be lost.
func (m *Mem) Kill() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.bare()
	out.root = copyTree{}.whole(m.root)
	return out
}

func (m *Mem) bare() *Mem {
	out := NewMem()
	out.room = m.room
	for s, g := range m.ghosts {
		out.ghosts[s] = slices.Clone(g)
	}
	return out
}

// survivor is what is left on out of n and of what is under it.
func (m *Mem) survivor(n *inode, c Cut, seen map[*inode]*inode, out *Mem) *inode {
	if s, ok := seen[n]; ok {
		return s
	}
	if !n.isDir() {
		s := newFile()
		s.data = m.survivingBytes(n, c)
		for sector := range n.sectors {
			out.haunt(sector, s.sector(sector))
		}
		s.sizes.versions[0].is = int64(len(s.data))
		seen[n] = s
		return s
	}
	s := newDir()
	seen[n] = s
	names := maps.Clone(n.names)
	for _, name := range sortedKeys(n.entries) {
		versions := n.entries[name].versions
		names[name] = versions[c.Pick(len(versions))].is
	}
	for _, name := range sortedKeys(names) {
		if child := names[name]; child != nil {
			s.names[name] = m.survivor(child, c, seen, out)
		}
	}
	return s
}

func (m *Mem) survivingBytes(n *inode, c Cut) []byte {
	size := n.sizes.versions[0].is
	if v := n.sizes.versions; len(v) > 1 {
		size = v[c.Pick(len(v))].is
	}
	data := make([]byte, size)
	copy(data, n.data)
	for _, s := range sortedKeys(n.sectors) {
		from, to := s*Sector, min((s+1)*Sector, size)
		if from >= to {
			continue
		}
		versions := n.sectors[s].versions
		if c.Stale && versions[0].is == nil || c.Hollow && allZero(versions[0].is) {
			stale := []version[[]byte]{versions[0]}
			for _, g := range m.ghosts[s] {
				if !bytes.Equal(g, n.sector(s)) {
					stale = append(stale, version[[]byte]{is: g})
				}
			}
			versions = append(stale, versions[1:]...)
		}
		clear(data[from:to])
		copy(data[from:to], versions[c.Pick(len(versions))].is)
	}
	return data
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
