package memory

import (
	"slices"

	"github.com/destam-go/destamgen/runtime/driver"
)

// row is a stored commit in its encoded form. It never changes, so it is read
// without the store's lock.
type row []byte

// entry is what a document keeps of a commit.
type entry struct {
	row     row
	section []byte
	held    []driver.Term
}

// newEntry encodes a commit and shares no memory with it.
func newEntry(c *driver.Commit) entry {
	return entry{
		row:     slices.Clone(driver.AppendCommit(nil, c)), // exactly as long as it is
		section: slices.Clone(c.Section),
		held:    slices.Clone(c.Held),
	}
}

// decode returns the commit in memory of its own.
func (r row) decode() driver.Commit {
	c, err := driver.DecodeCommit(r)
	if err != nil {
		// The row was encoded by this process and nobody can have changed it.
		panic("memory: a stored commit cannot be read: " + err.Error())
	}
	return c
}

// length returns how many bytes there are in rows.
func length(rows []row) (bytes int) {
	for _, r := range rows {
		bytes += len(r)
	}
	return bytes
}
