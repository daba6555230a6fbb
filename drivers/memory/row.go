package memory

import (
	"maps"
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// row is a stored commit. It never changes.
type row struct{ commit *driver.Commit }

// entry is what a document keeps of a commit.
type entry struct {
	row     row
	section []byte
	held    []driver.Term
}

// newEntry shares no memory with the commit.
func newEntry(c *driver.Commit) entry {
	return entry{
		row:     row{clone(c)},
		section: slices.Clone(c.Section),
		held:    slices.Clone(c.Held),
	}
}

// decode returns the commit in memory of its own.
func decode(r row) driver.Commit { return *clone(r.commit) }

// length returns how many bytes there are in rows.
func length(rows []row) (bytes int) {
	for _, r := range rows {
		bytes += r.length()
	}
	return bytes
}

func (r row) length() int {
	n := 64 + len(r.commit.Body) + len(r.commit.Section) + len(r.commit.By) + len(r.commit.Because)
	for name, value := range r.commit.Ext {
		n += len(name) + len(value)
	}
	for _, term := range r.commit.Held {
		n += len(term)
	}
	return n
}

// clone returns a commit that shares no memory with c.
func clone(c *driver.Commit) *driver.Commit {
	copied := *c
	copied.Body = slices.Clone(c.Body)
	copied.Section = slices.Clone(c.Section)
	copied.Held = slices.Clone(c.Held)
	copied.Ext = maps.Clone(c.Ext)
	for name, value := range copied.Ext {
		copied.Ext[name] = slices.Clone(value)
	}
	return &copied
}
